"""One broken entry of two hundred: what is fetched again, beside the usual remedy.

pip downloads 67 projects from a warm cache of 200 entries: pages, core metadata,
wheels. The index counts requests, and bytes of bodies. Plain pip ends on the broken
entry; what helps it is to purge the whole cache.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tables import Table, middle
from trials import Trial, WrongWorkError, clean, say, timed, warm_up

from lab import cache_files
from lab.damages import damage
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from measured import Ran
    from trials import Scene

    from lab.index_server import Served
    from lab.packages import Artifact
    from lab.pips import Venv

PART = "heal"

PROJECTS, ENTRIES = 67, 200
"""Three entries for each project, but for one that has no core metadata."""

HEALTHY, PURGE = "healthy", "`pip cache purge` first"
KINDS = {
    "a page": "/simple/package42/",
    "core metadata": "/packages/package42-1.0-py3-none-any.whl.metadata",
    "a wheel": "/packages/package42-1.0-py3-none-any.whl",
}
"""What is broken, and the path of its URL."""

_STYLE = IndexStyle(content_encoding="gzip", core_metadata=True, max_age=10**9)
_LIFETIME = 6 * 3600


@dataclass
class Ground:
    """The index, a cache that it has filled, and the pip."""

    folder: Path
    index: LocalIndex
    venv: Venv
    served: dict[str, list[Served]] = field(default_factory=dict)
    """What the last run of each trial has asked for."""

    @property
    def filled(self) -> Path:
        """The warm cache, of which each run gets a copy."""
        return self.folder / "filled"

    @property
    def cache(self) -> Path:
        """The copy."""
        return self.folder / "cache"

    def trial(self, name: str, path: str | None = None) -> Trial:
        """A run on the warm cache, in which the entry of that path is broken."""
        target = self.folder / "target"
        python = str(self.venv.python)
        pip = [python, "-m", "pip"]
        download = [*pip, "download", f"--dest={target}", *_names()]

        def prepare() -> None:
            for old in (self.cache, target):
                shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(self.filled, self.cache)
            cache_files.age(self.cache)
            if path is not None:
                damage("body-empty").apply(self._entry(path))
            self.index.clear()

        def check() -> None:
            self.served[name] = self.index.served
            moved = len(list(self.cache.glob("pipmend/quarantine/*")))
            if moved != (path is not None):
                raise WrongWorkError(f"{name}: {moved} entries in quarantine")

        settings = {
            **clean(self.folder / "home"),
            "PIP_INDEX_URL": self.index.url,
            "PIP_CERT": str(self.index.ca_file),
            "PIP_CACHE_DIR": str(self.cache),
        }
        if name == PURGE:
            purge = shlex.join([*pip, "cache", "purge"])
            download = ["sh", "-c", f"{purge} && {shlex.join(download)}"]
        return Trial(name, download, settings, prepare, check)

    def fill(self) -> None:
        """Fill the cache from the index.

        Raises:
            WrongWorkError: it has not got the entries that were meant.
        """
        empty = replace(self.trial(HEALTHY), prepare=lambda: None)
        self.cache.mkdir()
        warm_up(empty, times=1)
        found = len(cache_files.entries(self.cache))
        if found != ENTRIES:
            raise WrongWorkError(f"{found} entries in the cache, not {ENTRIES}")
        self.cache.rename(self.filled)

    def body_bytes(self, path: str) -> int:
        """The size of a stored body, which is what was sent by the index."""
        name = self._entry(path).metadata.name
        (body,) = self.filled.glob(f"http-v2/?/?/?/?/?/{name}.body")
        return body.stat().st_size

    def _entry(self, path: str) -> cache_files.HttpEntry:
        return cache_files.entry_path(self.cache, "http-v2", self.index.origin + path)


def measure(scene: Scene) -> Iterator[Table]:
    """Heal each kind of entry once, then take times."""
    folder = scene.folder(PART)
    lab = scene.lab(PART)
    venv = lab.fresh_venv("env", scene.pip, hooked=True, python=scene.python)
    with LocalIndex(_artifacts(), _STYLE, lifetime=_LIFETIME) as index:
        ground = Ground(folder, index, venv)
        say("filling the cache")
        ground.fill()
        trials = [
            ground.trial(HEALTHY),
            *(ground.trial(kind, path) for kind, path in KINDS.items()),
            ground.trial(PURGE),
        ]
        for trial in trials:
            say(trial.name)
            warm_up(trial, times=1)
        first = dict(ground.served)
        runs = timed(trials, scene.rounds, folder)
        yield _table(ground, first, runs)


def _names() -> list[str]:
    return [f"package{number}" for number in range(PROJECTS)]


def _artifacts() -> list[Artifact]:
    made = [wheel(name, "1.0") for name in _names()]
    made[-1] = replace(made[-1], metadata=None)
    return made


def _table(
    ground: Ground,
    served: Mapping[str, Sequence[Served]],
    runs: Mapping[str, Sequence[Ran]],
) -> Table:
    rows, records = [], []
    sent_after_purge = sum(one.body_bytes for one in served[PURGE])
    for name, answers in served.items():
        asked = [f"{one.method} {one.path} {one.status}" for one in answers]
        sent = sum(one.body_bytes for one in answers)
        own = ground.body_bytes(KINDS[name]) if name in KINDS else None
        cells = [name, str(len(asked)), f"{sent:,}", "" if own is None else f"{own:,}"]
        cells.append(f"1 / {sent_after_purge / sent:,.0f}" if sent else "0")
        if runs[name]:
            cells.append(f"{middle(runs[name], 'seconds'):.2f}")
        rows.append(cells)
        records.append({"name": name, "asked": asked, "sent": sent, "own": own})
    columns = ["broken", "requests", "bytes", "of the entry", "of a purge's bytes"]
    columns += ["seconds"] if rows[0][5:] else []
    title = f"One broken entry of {ENTRIES}"
    return Table(title, columns, rows, records=records)
