"""The verification of one large wheel, beside `openssl dgst -sha256`.

The cache is made without an index: a page and a wheel of noise, both fresh for years.
Everything lies in the page cache of the system, so that no disk is measured.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import made_caches
from tables import MILLION, Table, megabytes, middle
from trials import Trial, clean, say, timed, warm_up

from lab.index_pages import json_page
from lab.index_style import IndexStyle
from lab.made_cache import FILE_TYPE, HOST, PAGE_TYPE, MadeCache
from lab.packages import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from measured import Ran
    from trials import Scene

    from lab.cache_files import HttpEntry

PART = "large"

SIZE = 500 * MILLION
_QUICK_SIZE = 50 * MILLION
"""Bytes."""

OPENSSL = "`openssl dgst -sha256`"
SEALED, LINK, NOTHING = "seal", "hash of the link", "nothing known, structure only"
PLAIN_PIP, PIP = "plain `pip download`", "`pip download` with pipmend"

_NAME = "large"
_FOREVER = {"Cache-Control": f"max-age={10**9}"}
_CHECKOUT = Path(__file__).resolve().parents[2]

_JUDGE = """
import sys, time
from pathlib import Path
import judging
from pipmend import digests
from pipmend.verify import Told
known, metadata = sys.argv[1], Path(sys.argv[2])
url = "https://index.example/packages/large-1.0-py3-none-any.whl"
by_link = digests.from_hashes({"sha256": [sys.argv[3]]})
told = Told((by_link,) if known == "link" else (), url, url.rpartition("/")[2])
place = judging.place_of("http-v2", metadata.parents[5], metadata)
start = time.process_time()
verdict = judging.verdict_on(place, told)
print(time.process_time() - start)
sys.exit(verdict.outcome.name != "INTACT")
"""
"""Arguments: what is known, the metadata, the SHA-256. Prints CPU seconds."""


@dataclass(frozen=True)
class Wheel:
    """An entry of a large wheel, sealed or not, with the page that links to it."""

    root: Path
    entry: HttpEntry
    sha256: str
    size: int


def measure(scene: Scene) -> Iterator[Table]:
    """Verify in all ways, and with a pip around it."""
    folder = scene.folder(PART)
    say("making the wheel")
    size = _QUICK_SIZE if scene.is_quick else SIZE
    sealed = _made(folder / "sealed", size, sealed=True)
    plain = _made(folder / "plain", size, sealed=False)
    assert sealed.entry.body is not None
    openssl = ["openssl", "dgst", "-sha256", str(sealed.entry.body)]
    trials = [
        Trial(OPENSSL, openssl, clean(folder / "home")),
        _judging(SEALED, "seal", sealed, folder),
        _judging(LINK, "link", plain, folder),
        _judging(NOTHING, "nothing", plain, folder),
        *_pips(scene, sealed, plain),
    ]
    for trial in trials:
        warm_up(trial, times=1)
    runs = timed(trials, max(scene.rounds, 3), folder, keeps_output=True)
    yield _table(runs, sealed.size)


def _made(root: Path, size: int, *, sealed: bool) -> Wheel:
    cache = MadeCache(root, sealed=sealed)
    path = f"/packages/{_NAME}-1.0-py3-none-any.whl"
    content = made_caches.large_wheel(_NAME, size)
    artifact = Artifact(_NAME, "1.0", Path(path).name, content)
    page = json_page(_NAME, [artifact], IndexStyle())
    cache.add(f"/simple/{_NAME}/", page, media_type=PAGE_TYPE, headers=_FOREVER)
    entry = cache.add(path, content, media_type=FILE_TYPE, headers=_FOREVER)
    return Wheel(root, entry, artifact.sha256, len(content))


def _judging(name: str, known: str, wheel: Wheel, folder: Path) -> Trial:
    paths = os.pathsep.join(str(_CHECKOUT / part) for part in ("src", "tests"))
    environment = {**clean(folder / "home"), "PYTHONPATH": paths}
    arguments = [known, str(wheel.entry.metadata), wheel.sha256]
    return Trial(name, [sys.executable, "-c", _JUDGE, *arguments], environment)


def _pips(scene: Scene, sealed: Wheel, plain: Wheel) -> Iterator[Trial]:
    lab, folder = scene.lab(PART), scene.folder(PART)
    target = folder / "target"
    for name, wheel in ((PLAIN_PIP, plain), (PIP, sealed)):
        folder_name = f"env-{wheel.root.name}"
        is_hooked = wheel is sealed
        venv = lab.fresh_venv(
            folder_name, scene.pip, hooked=is_hooked, python=scene.python
        )
        environment = {
            **clean(folder / "home"),
            # Never asked: everything is in the cache, and fresh.
            "PIP_INDEX_URL": f"{HOST}/simple/",
            "PIP_CACHE_DIR": str(wheel.root),
        }
        command = [str(venv.python), "-m", "pip", "download", f"--dest={target}", _NAME]
        yield Trial(
            name,
            command,
            environment,
            lambda: shutil.rmtree(target, ignore_errors=True),
        )


def _table(runs: Mapping[str, Sequence[Ran]], size: int) -> Table:
    rows, records = [], []
    openssl = runs[OPENSSL]
    for name, own in runs.items():
        seconds, cpu = middle(own, "seconds"), middle(own, "cpu_seconds")
        largest = max(run.largest for run in own)
        record: dict[str, object] = {"name": name, "seconds": seconds, "cpu": cpu}
        cells = [name, f"{seconds:.2f}", f"{cpu:.2f}", "", "", megabytes(largest)]
        if name in {SEALED, LINK, NOTHING}:
            judging = [float(run.said) for run in own]
            cells[3] = f"{statistics.median(judging):.3f}"
            if name != NOTHING:
                speeds = [one.cpu_seconds for one in openssl]
                speed = _ratio(speeds, judging)
                cells[4] = f"{speed:.2f}"
                record["speed"] = speed
        rows.append(cells)
        records.append({**record, "largest": largest})
    columns = ["", "seconds", "CPU s", "the judging", "of openssl's speed", "peak MB"]
    note = (
        f"A wheel of {megabytes(size)} MB; medians of {len(openssl)} rounds in turn."
        " The judging is without the start of Python, in CPU seconds, as the speed is;"
        " the peak is of the whole process."
    )
    return Table("One large wheel", columns, rows, [note], records)


def _ratio(seconds: Sequence[float], own: Sequence[float]) -> float:
    return statistics.median(other / one for other, one in zip(seconds, own))
