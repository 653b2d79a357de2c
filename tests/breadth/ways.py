"""One way to an environment: does what is installed reach the pip that runs?"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from breadth import pairs, results
from breadth.results import Case, Outcome, Verdict, Where
from lab import cache_files
from lab.cache_files import LAYOUTS, entry_path
from lab.damages import damage
from lab.environments import PIP, WAYS, Ground
from lab.packages import wheel
from lab.pips import Run, pip_wheel, scratch_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from breadth.armed import Armed
    from breadth.results import Result
    from breadth.stock import Stock
    from lab.environments import Environment

STRANGER = "stranger"
"""What is installed in pipmend's place where an environment is to be without it."""

_TIMEOUT = 180
"""Seconds for one command."""


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

SAMPLES = {
    Where.ENVIRONMENT: (Case("python-option-caller", "3.12"),),
    Where.INTERPRETER: (Case("build-in-venv", "3.13"),),
}
"""The ways of the default run; no other test is about them."""


def tried(case: Case, stock: Stock, folder: Path, *, armed: Armed | None) -> Result:
    """Break the page that a way asks for, and have its pip ask.

    Args:
        case: the way and the Python.
        stock: what to draw on.
        folder: for this trial alone.
        armed: has the interpreter; without it, pipmend goes into the environment.
    """

    def run() -> tuple[Verdict, str]:
        base = pairs.interpreter(case.python)
        if armed is None:
            wheels = pairs.own_wheels(case.python, stock.lab.store)
            ground = _ground(base, stock, folder, wheels)
            environment = WAYS[case.subject].make(ground)
            excuse = WAYS[case.subject].out_of_reach
        else:
            wheels = [_stranger(folder)]
            ground = _ground(base, stock, folder, wheels)
            environment = _without_pipmend(armed.environment(case, ground))
            excuse = None
        _furnish(environment, ground, wheels)
        return _met(environment, ground, stock, excuse)

    where = Where.ENVIRONMENT if armed is None else Where.INTERPRETER
    return results.tried("ways", case, where, run)


def _ground(base: Path, stock: Stock, folder: Path, wheels: Sequence[Path]) -> Ground:
    links = folder / "links"
    links.mkdir()
    for one in (*wheels, pip_wheel(PIP, stock.lab.store)):
        shutil.copy(one, links)
    return Ground(base, folder, stock.lab.store, links)


def _stranger(folder: Path) -> Path:
    """A wheel with a command, as pipmend has one."""
    command = f"[console_scripts]\n{STRANGER} = {STRANGER}:main\n".encode()
    about = f"{STRANGER}-1.0.dist-info/entry_points.txt"
    made = wheel(STRANGER, "1.0", payload={f"{STRANGER}.py": b"", about: command})
    path = folder / made.filename
    path.write_bytes(made.content)
    return path


def _without_pipmend(environment: Environment) -> Environment:
    """The same, with other software in the place of pipmend."""
    arm, fetch = (
        tuple(STRANGER if word == "pipmend" else word for word in command)
        for command in (environment.arm, environment.fetch)
    )
    return environment._replace(arm=arm, fetch=fetch)


def _furnish(environment: Environment, ground: Ground, wheels: Sequence[Path]) -> None:
    """Install wheels; a tool that finds them among the links is told no files."""
    command = environment.arm
    if command[-1] not in {"pipmend", STRANGER}:
        command = (*command, *(str(ground.links / path.name) for path in wheels))
    run = _run(command, {**_clean(ground), **environment.settings}, ground.folder)
    assert run.returncode == 0, f"the environment could not be furnished: {run}"


def _met(
    environment: Environment, ground: Ground, stock: Stock, excuse: str | None
) -> tuple[Verdict, str]:
    """Let a pip meet the broken page; what came of it, and which pip it was.

    ``excuse`` is why it may not heal; None where it has to.
    """
    cache = ground.folder / "cache"
    settings = {
        **_clean(ground),
        **environment.settings,
        "PIP_INDEX_URL": stock.index.url,
        "PIP_CERT": str(stock.index.ca_file),
        "PIP_CACHE_DIR": str(cache),
    }
    page = f"{stock.index.url}{environment.project}/"
    _refresh(cache, stock, broken=page)
    run = _run(environment.fetch, settings, ground.folder)
    events = _events(ground.folder)
    names = [one["event"].partition(".")[2] for one in events]
    if names == ["entry_corrupt", "entry_healed"] and not run.returncode:
        ran = f"pip {events[0]['pip']} on Python {events[0]['python']}"
        return Verdict(Outcome.HEALS), ran
    _refresh(cache, stock)
    again = _run(environment.fetch, settings, ground.folder)
    if excuse is None or names or not run.returncode or again.returncode:
        return Verdict(Outcome.FAILS, f"{names}: {run}\nwithout damage: {again}"), ""
    return Verdict(Outcome.NOT_REACHED, excuse), ""


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
