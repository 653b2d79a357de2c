"""Healthy installs from a warm cache: what the judging of every byte costs.

The cache was filled from a local index over TLS, which runs all the while. Each run
works on a fresh copy of that cache.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import projects
from instructions import CAN_COUNT, HARDWARE_SHA256, SOFTWARE_SHA256
from tables import Table, middle, millions, more, paired, percent
from trials import Trial, WrongWorkError, clean, count, say, timed, warm_up

from lab import cache_files
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.machines import machine
from lab.pips import pip_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from instructions import Counted
    from measured import Ran
    from trials import Scene

    from lab.packages import Artifact

PART = "warm"

_LIFETIME = 6 * 3600
"""Seconds for which the index answers at most."""
_FOREVER = 10**9
"""Seconds of freshness: nothing is asked of the index."""

STYLE = IndexStyle(content_encoding="gzip", core_metadata=True, blake2_paths=True)
"""An index of today: pages in compressed JSON, metadata beside the wheels."""

_NOTE = (
    "Instructions of the pip process in user space, imports included, nothing"
    " subtracted. OpenSSL is counted as a processor with SHA instructions executes it"
    f" ({HARDWARE_SHA256} a byte; TLS by the same factor); as valgrind counts it"
    f" ({SOFTWARE_SHA256} a byte), it is shown apart. When garbage is collected is"
    " chance: some objects more bring a collection forward, and that looks at all."
)


@dataclass(frozen=True)
class Case:
    """What pip is asked for."""

    name: str
    title: str
    artifacts: Sequence[Artifact]
    arguments: Sequence[str]
    requests: int
    """What a run on a warm cache asks of the index."""
    style: IndexStyle = field(default=replace(STYLE, max_age=_FOREVER))


@dataclass(frozen=True)
class Variant:
    """A pip with or without pipmend."""

    name: str
    python: Path
    reference: str | None = None
    """What it is compared with; None for a reference."""
    is_sealed: bool = False
    """Whether the cache was filled by this pip itself, or by the first reference."""
    environment: Mapping[str, str] = field(default_factory=dict)


def cases(target: Path) -> list[Case]:
    """All of them; what they install comes into ``target``."""
    many = projects.deep(100)
    resolve = ("install", "--dry-run", "--ignore-installed", projects.named(1)[0])
    install = ("install", f"--target={target}", *projects.named(40))
    return [
        Case("install", "40 wheels", projects.wide(40), install, 0),
        Case("resolve", "100 index pages, `--dry-run`", many, resolve, 0),
        Case(
            "revalidate",
            "the same, each page revalidated (304)",
            many,
            resolve,
            100,
            replace(STYLE, max_age=0),
        ),
    ]


def measure(scene: Scene, only: Sequence[str] = ()) -> Iterator[Table]:
    """Measure the cases of these names, or all of them."""
    folder = scene.folder(PART)
    variants = _variants(scene)
    for case in cases(folder / "target"):
        if case.name in only or not (only or (scene.is_quick and case.requests)):
            yield from _measured(case, variants, folder, scene.rounds)


def _variants(scene: Scene) -> list[Variant]:
    say("making environments")
    lab = scene.lab(PART)
    plain = lab.fresh_venv("env-a", scene.pip, hooked=False, python=scene.python)
    hooked = lab.fresh_venv("env-b", scene.pip, hooked=True, python=scene.python)
    variants = [
        Variant("plain pip", plain.python),
        Variant("with pipmend", hooked.python, "plain pip", is_sealed=True),
    ]
    off = {"PIPMEND": "off"}
    if not scene.is_quick:
        variants += [
            Variant("with pipmend, cache without seals", hooked.python, "plain pip"),
            Variant("installed, off", hooked.python, "plain pip", environment=off),
        ]
    wheel = pip_wheel(scene.pip, scene.store)
    places = [scene.folder(PART) / name for name in ("base-a", "base-b")]
    machines = [machine(lab, place, scene.python) for place in places]
    for made, name in zip(machines, ("plain pip, copied Python", "whole machine")):
        if made is not None:
            python = made.base.venv("env", wheel).python
            if name == "whole machine":
                made.install()
                before = variants[-1].name
                variants.append(Variant(name, python, before, is_sealed=True))
            else:
                variants.append(Variant(name, python))
    return variants


def _measured(
    case: Case, variants: Sequence[Variant], folder: Path, rounds: int
) -> Iterator[Table]:
    say(f"{case.title}: filling the caches")
    with LocalIndex(case.artifacts, case.style, lifetime=_LIFETIME) as index:
        trials = _trials(case, variants, folder, index)
        for trial in trials:
            warm_up(trial)
        counts = {}
        if CAN_COUNT:
            counts = {trial.name: count(trial, folder) for trial in trials}
        runs = timed(trials, rounds, folder)
    if counts:
        yield _counted(case, variants, counts)
    if rounds:
        yield _timed(case, variants, runs)


def _trials(
    case: Case, variants: Sequence[Variant], folder: Path, index: LocalIndex
) -> list[Trial]:
    cache, target, home = (folder / name for name in ("cache", "target", "home"))
    settings = {
        **clean(home),
        "PIP_INDEX_URL": index.url,
        "PIP_CERT": str(index.ca_file),
        "PIP_CACHE_DIR": str(cache),
    }

    def prepare(filled: Path) -> None:
        for old in (cache, target):
            shutil.rmtree(old, ignore_errors=True)
        if filled.exists():
            shutil.copytree(filled, cache, symlinks=True)
        index.clear()

    def check() -> None:
        asked = [(one.method, one.status) for one in index.served]
        if asked != [("GET", 304)] * case.requests:
            raise WrongWorkError(f"{case.name}: {asked[:5]} and so on")

    made = []
    for number, variant in enumerate(variants):
        filled = folder / f"{case.name}-{number if variant.is_sealed else 0}"
        command = [str(variant.python), "-m", "pip", *case.arguments]
        environment = {**settings, **variant.environment}
        trial = Trial(
            variant.name,
            command,
            environment,
            lambda filled=filled: prepare(filled),  # type: ignore[misc]
            check,
        )
        if not filled.exists():
            warm_up(replace(trial, check=lambda: None), times=1)
            shutil.copytree(cache, filled, symlinks=True)
            cache_files.age(filled)
        made.append(trial)
    return made


def _counted(
    case: Case, variants: Sequence[Variant], counts: Mapping[str, Counted]
) -> Table:
    columns = ["", "M instructions", "more", "but for collections of garbage"]
    columns += ["as valgrind counts", "of that OpenSSL"]
    rows, records = [], []
    for variant in variants:
        own = counts[variant.name]
        cells = [variant.name, millions(own.total), "", millions(own.without_collector)]
        cells += [millions(own.counted), millions(own.in_crypto)]
        if variant.reference is not None:
            reference = counts[variant.reference]
            cells[2] = more(own.total, reference.total)
            cells[3] = more(own.without_collector, reference.without_collector)
            cells[4] += f" ({percent(own.counted, reference.counted)})"
        rows.append(cells)
        records.append(
            {
                "case": case.name,
                "variant": variant.name,
                "reference": variant.reference,
                "total": own.total,
                "counted": own.counted,
                "in_crypto": own.in_crypto,
                "in_collector": own.in_collector,
            }
        )
    return Table(f"{case.title}: instructions", columns, rows, [_NOTE], records)


def _timed(
    case: Case, variants: Sequence[Variant], runs: Mapping[str, Sequence[Ran]]
) -> Table:
    columns = ["", "CPU ms", "more", "wall ms", "more", "peak MB"]
    rows = []
    for variant in variants:
        own, of_reference = runs[variant.name], runs.get(variant.reference or "", [])
        rows.append(
            [
                variant.name,
                f"{1000 * middle(own, 'cpu_seconds'):.1f}",
                paired(own, of_reference, "cpu_seconds"),
                f"{1000 * middle(own, 'seconds'):.1f}",
                paired(own, of_reference, "seconds"),
                f"{middle(own, 'largest') / 1e6:.1f}",
            ]
        )
    rounds = len(runs[variants[0].name])
    note = f"Medians of {rounds} rounds in turn; more: of differences in a round."
    return Table(f"{case.title}: time", columns, rows, [note])
