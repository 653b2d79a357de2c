"""One way to an environment: does what is installed there reach the pip that runs?"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from breadth import pairs
from breadth.results import Outcome, Result, Verdict
from lab import cache_files
from lab.cache_files import LAYOUTS, entry_path
from lab.damages import damage
from lab.debian import OutOfReachError
from lab.environments import PIP, PROJECT, WAYS, Ground
from lab.packages import BACKEND_NAME
from lab.pips import (
    Pip,
    Run,
    interpreters,
    make_venv,
    pip_wheel,
    scratch_environment,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from lab.environments import Environment
    from lab.index_server import LocalIndex

STORAGES = ("22.3.1", "26.3")
"""One pip of each storage: between them they fill a cache for all others."""

COLUMNS = ("environment", "interpreter")
"""Where pipmend was installed: there alone, or for all environments of a Python."""

_PREFERRED = "3.11"

_TIMEOUT = 180
"""Seconds for one command."""


class Stock(NamedTuple):
    """What all ways draw on."""

    store: Path
    """Keeps wheels and tools."""
    local: LocalIndex
    cache: Path
    """Warm for every pip, in both storages."""


class Case(NamedTuple):
    """A way on a Python."""

    way: str
    python: str

    def __str__(self) -> str:
        return f"{self.way}@{self.python}"


CASES = (
    *(Case("venv", python) for python in pairs.PYTHONS),
    Case("isolated", "3.10"),
    Case("virtualenv", "3.12"),
    Case("uv", "3.13"),
    Case("pipx-inject", "3.11"),
    Case("pipx-install", "3.11"),
    Case("tox", "3.13"),
    Case("tox-fresh", "3.13"),
    Case("nox", "3.12"),
    Case("conda", "3.12"),
    Case("debian", "3.11"),
    Case("debian-sid", "3.14"),
    Case("wheel", "3.10"),
    Case("zipapp", "3.13"),
    Case("python-option", "3.12"),
    Case("python-option-caller", "3.12"),
    Case("build", "3.13"),
    Case("build-in-process", "3.13"),
    Case("build-in-venv", "3.13"),
    Case("build-front-end", "3.11"),
)
"""Each way once, on one Python or another; Python's own way on all of them."""

SAMPLE = (
    Case("zipapp", "3.13"),
    Case("python-option-caller", "3.12"),
)
"""The ways of the default run; no other test is about them."""


def stocked(store: Path, index: LocalIndex, folder: Path) -> Stock:
    """Fill a cache with what every way asks for, by pips without pipmend."""
    cache = folder / "cache"
    installed = interpreters()
    base = installed.get(_PREFERRED) or next(iter(installed.values()))
    for version in STORAGES:
        venv = make_venv(
            folder / f"pip{version}",
            base_python=base,
            pip_wheel=pip_wheel(version, store),
        )
        pip = Pip(venv, index.url, index.ca_file, folder / "home")
        out = folder / f"out{version}"
        for project in (PROJECT, BACKEND_NAME, "gamma"):
            options = ("--no-deps",)
            pip.download(project, target=out, cache=cache, options=options, check=True)
    return Stock(store, index, cache)


def tried(
    case: Case,
    stock: Stock,
    folder: Path,
    *,
    base: Path | None = None,
    own: bool = True,
) -> Result:
    """Break the page that a way asks for, and have its pip ask.

    Args:
        case: the way and the Python.
        stock: what to draw on.
        folder: for this trial alone.
        base: the interpreter to use, if not just any of that Python.
        own: install pipmend into the environment; without it, only what is in the
            base interpreter can be in force.
    """
    start = time.monotonic()
    ran = ""
    try:
        base = base or pairs.interpreter(case.python)
        ground = _ground(base, case.python, stock, folder)
        environment = WAYS[case.way].make(ground)
        if own:
            _arm(environment, ground, case.python)
        verdict, ran = _met(case, environment, ground, stock)
    except OutOfReachError as error:
        verdict = Verdict(Outcome.NOT_AVAILABLE, str(error))
    seconds = round(time.monotonic() - start, 1)
    return Result("ways", str(case), COLUMNS[0 if own else 1], *verdict, ran, seconds)


def _ground(base: Path, python: str, stock: Stock, folder: Path) -> Ground:
    links = folder / "links"
    links.mkdir()
    pip = pip_wheel(PIP, stock.store)
    for one in (*pairs.own_wheels(python, stock.store), pip):
        shutil.copy(one, links)
    return Ground(base, folder, stock.store, links)


def _arm(environment: Environment, ground: Ground, python: str) -> None:
    """Install pipmend; a tool that finds it among the links is told no files."""
    names = [path.name for path in pairs.own_wheels(python, ground.store)]
    wheels = [str(ground.links / name) for name in names]
    command = environment.arm
    if command[-1] != "pipmend":
        command = (*command, *wheels)
    run = _run(command, {**_clean(ground), **environment.settings}, ground.folder)
    assert run.returncode == 0, f"pipmend could not be installed: {run}"


def _met(
    case: Case, environment: Environment, ground: Ground, stock: Stock
) -> tuple[Verdict, str]:
    """Let a pip meet the broken page; what came of it, and which pip it was."""
    cache = ground.folder / "cache"
    settings = {
        **_clean(ground),
        **environment.settings,
        "PIP_INDEX_URL": stock.local.url,
        "PIP_CERT": str(stock.local.ca_file),
        "PIP_CACHE_DIR": str(cache),
    }
    page = f"{stock.local.url}{environment.project}/"
    _refresh(cache, stock, broken=page)
    run = _run(environment.fetch, settings, ground.folder)
    events = _events(ground.folder)
    names = [one["event"].partition(".")[2] for one in events]
    if names == ["entry_corrupt", "entry_healed"] and not run.returncode:
        ran = f"pip {events[0]['pip']} on Python {events[0]['python']}"
        return Verdict(Outcome.HEALS), ran
    _refresh(cache, stock)
    again = _run(environment.fetch, settings, ground.folder)
    reason = WAYS[case.way].out_of_reach
    if reason is None or names or not run.returncode or again.returncode:
        return Verdict(Outcome.FAILS, f"{names}: {run}\nwithout damage: {again}"), ""
    return Verdict(Outcome.NOT_REACHED, reason), ""


def _refresh(cache: Path, stock: Stock, *, broken: str | None = None) -> None:
    """A copy of the warm cache, with one page emptied in both storages."""
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(stock.cache, cache, symlinks=True)
    if broken is not None:
        for layout in LAYOUTS:
            damage("body-empty").apply(entry_path(cache, layout, broken))
    cache_files.age(cache)


def _events(folder: Path) -> list[dict[str, Any]]:
    """What was recorded below a folder: tools change where the home of a user is."""
    logs = sorted(folder.rglob("pipmend/**/events.jsonl"))
    lines = [line for log in logs for line in log.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def _clean(ground: Ground) -> dict[str, str]:
    return scratch_environment(ground.folder / "home")


def _run(command: Sequence[str], environment: dict[str, str], folder: Path) -> Run:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_TIMEOUT,
        check=False,
    )
    return Run(tuple(command), done.returncode, done.stdout, done.stderr)
