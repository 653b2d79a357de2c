"""What each start of Python costs: pipmend's startup files beside those of others.

The program is `python -c pass`, in fresh environments without pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, NamedTuple

from instructions import CAN_COUNT
from tables import Table, middle, millions, more, paired
from trials import Trial, clean, count, say, timed, warm_up

from lab import machines, newer_pythons, tools
from lab.debian import OutOfReachError
from lab.machines import machine
from lab.pips import pip_wheel, pipmend_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from instructions import Counted
    from trials import Scene

    from lab.laboratory import Laboratory

PART = "starts"

BARE, CHEAPEST = "nothing", "`.pth`: `import sys`"
PIPMEND, DORMANT = "pipmend", "pipmend, opted in, dormant"
COPY, GLOBAL = "nothing (copied Python)", "pipmend for the whole machine"
GLOBAL_DORMANT = "the same, opted in, dormant"

_VIRTUALENV = "virtualenv<21"
"""Later releases have a startup file for Python 3.9 only."""

_NEWER = ("3.14", "3.15")
_TIMEOUT = 600

_NOTE = (
    "M instructions in user space; of the others: how much more than nothing. Packages"
    " are from the index, the newest release for each Python; `-`: it has no startup"
    " file there. 3.14 and 3.15 are Debian's builds."
)


class Ground(NamedTuple):
    """Where an environment is to be made."""

    scene: Scene
    lab: Laboratory
    name: str
    """Of the Python, such as "3.11"."""
    folder: Path


@dataclass(frozen=True)
class Startup:
    """A startup file that is measured, in an environment of its own."""

    name: str
    make: Callable[[Ground], Path | None]
    """Makes the environment; its interpreter, None where it cannot be had."""
    reference: str = BARE


def measure(scene: Scene, *, also_newer: bool = False) -> Iterator[Table]:
    """Measure all on all Pythons; also on Debian's newest ones, if they can be had."""
    pythons = {**scene.pythons, **(_newer() if also_newer else {})}
    lab = scene.lab(PART)
    lab.pythons.update(pythons)
    trials = {name: _trials(scene, lab, name) for name in pythons}
    scratch = scene.folder(PART)
    if CAN_COUNT:
        counts = {
            name: {trial.name: count(trial, scratch) for trial in trials[name]}
            for name in pythons
        }
        yield _counted(counts)
    if scene.rounds:
        yield _timed(trials, scene)


def _newer() -> dict[str, Path]:
    try:
        return {name: newer_pythons.newer_python(name) for name in _NEWER}
    except OutOfReachError as error:
        say(f"no newer Pythons: {error}")
        return {}


def _trials(scene: Scene, lab: Laboratory, name: str) -> list[Trial]:
    made = []
    for number, startup in enumerate(STARTUPS):
        folder = scene.folder(PART) / name / f"{number:02}"
        folder.mkdir(parents=True)
        say(f"{name}: {startup.name}")
        try:
            python = startup.make(Ground(scene, lab, name, folder))
        except (OutOfReachError, RuntimeError) as error:
            say(f"cannot be had: {error}")
            python = None
        if python is not None:
            environment = clean(scene.folder(PART) / "home")
            trial = Trial(startup.name, [python, "-c", "pass"], environment)
            warm_up(trial)
            made.append(trial)
    return made


# -- Environments --------------------------------------------------------------------


def _bare(ground: Ground) -> Path:
    made = ground.folder / "env"
    _run(ground.lab.pythons[ground.name], "-m", "venv", "--without-pip", made)
    return made / "bin" / "python"


def _import_sys(ground: Ground) -> Path:
    python = _bare(ground)
    (_site_of(python) / "sys_only.pth").write_text("import sys\n")
    return python


def _pipmend(ground: Ground) -> Path:
    python = _bare(ground)
    wheels = pipmend_wheels(ground.scene.store, python=ground.name).glob("*.whl")
    _install(ground, python, "--no-index", "--no-deps", *sorted(wheels))
    return python


def _dormant(ground: Ground) -> Path:
    python = _pipmend(ground)
    (_site_of(python) / "pipmend" / "opt_in").touch()
    return python


def _released(requirement: str) -> Callable[[Ground], Path | None]:
    def make(ground: Ground) -> Path | None:
        python = _bare(ground)
        _install(ground, python, requirement)
        return _if_it_has_one(python)

    return make


def _virtualenv(ground: Ground) -> Path | None:
    try:
        tool = tools.installed(ground.scene.store, _VIRTUALENV)
    except RuntimeError as error:
        raise OutOfReachError(str(error)) from error
    made = ground.folder / "env"
    base = ground.lab.pythons[ground.name]
    code = "import sys, virtualenv; virtualenv.cli_run(sys.argv[1:])"
    arguments = ("--no-download", "--without-pip", "-p", base, made)
    _run(sys.executable, "-c", code, *arguments, env={"PYTHONPATH": str(tool)})
    return _if_it_has_one(made / "bin" / "python")


def _machine(*options: str) -> Callable[[Ground], Path | None]:
    """An environment of a copied Python; for which pipmend is enabled with options."""

    def make(ground: Ground) -> Path | None:
        made = machine(ground.lab, ground.folder, ground.name)
        if made is None:
            return None
        wheel = pip_wheel(machines.PIP, ground.scene.store)
        python = made.base.venv("env", wheel).python
        if options:
            made.install(*options[1:])
        return python

    return make


def _if_it_has_one(python: Path) -> Path | None:
    return python if list(_site_of(python).glob("*.pth")) else None


def _site_of(python: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return python.parents[1] / _run(python, "-I", "-c", code).strip()


def _install(ground: Ground, python: Path, *arguments: str | Path) -> None:
    """Install with the pip at hand, which need not run on that Python itself."""
    site = _site_of(python)
    target = ("--target", site, "--upgrade", "--python-version", ground.name)
    options = ("--quiet", "--only-binary=:all:", "--no-compile")
    pip = (sys.executable, "-m", "pip", "install")
    _run(*pip, *options, *target, *arguments)
    _run(python, "-m", "compileall", "-q", site)


def _run(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise OutOfReachError(f"{' '.join(map(str, command))}: {last}")
    return done.stdout


STARTUPS = (
    Startup(BARE, _bare),
    Startup(CHEAPEST, _import_sys),
    Startup(PIPMEND, _pipmend),
    Startup(DORMANT, _dormant),
    Startup("setuptools", _released("setuptools")),
    Startup("virtualenv 20", _virtualenv),
    Startup("coverage", _released("coverage")),
    Startup("autowrapt", _released("autowrapt")),
    Startup("pip-system-certs", _released("pip-system-certs")),
    Startup(COPY, _machine()),
    Startup(GLOBAL, _machine("enable"), COPY),
    Startup(GLOBAL_DORMANT, _machine("enable", "--opt-in"), COPY),
)
"""All that are measured, references before what is compared with them."""


# -- Tables --------------------------------------------------------------------------


def _counted(counts: Mapping[str, Mapping[str, Counted]]) -> Table:
    rows, records = [], []
    for startup in STARTUPS:
        cells = [startup.name]
        for name, of_python in counts.items():
            own = of_python.get(startup.name)
            reference = of_python.get(startup.reference)
            if own is None or reference is None:
                cells.append("-")
                continue
            is_reference = own is reference or startup.name == COPY
            cells.append(
                millions(own.total)
                if is_reference
                else more(own.total, reference.total)
            )
            records.append(
                {
                    "python": name,
                    "startup": startup.name,
                    "total": own.total,
                    "more": own.total - reference.total,
                }
            )
        rows.append(cells)
    title = "Every start of Python: instructions"
    return Table(title, ["startup file", *counts], rows, [_NOTE], records)


def _timed(trials: Mapping[str, Sequence[Trial]], scene: Scene) -> Table:
    rounds = 4 * scene.rounds
    columns = []
    for name in trials:
        runs = timed(trials[name], rounds, scene.folder(PART))
        cells = {}
        for startup in STARTUPS:
            own = runs.get(startup.name, [])
            reference = runs.get(startup.reference, [])
            if own is reference or startup.name == COPY:
                cells[startup.name] = (
                    f"{1000 * middle(own, 'cpu_seconds'):.1f}" if own else "-"
                )
            else:
                cells[startup.name] = paired(own, reference, "cpu_seconds")
        columns.append(cells)
    rows = [
        [startup.name, *(cells[startup.name] for cells in columns)]
        for startup in STARTUPS
    ]
    note = f"CPU ms, medians of {rounds} rounds in turn; of the others: what is added."
    return Table("Every start of Python: time", ["startup file", *trials], rows, [note])
