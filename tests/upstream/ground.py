"""Where another project's tests run: a base interpreter that pipmend can be put into.

The venv, the folders and the settings are the same in every run; what differs is only
whether the base interpreter has pipmend.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab.debian import OutOfReachError
from lab.machines import machine
from lab.pips import scratch_environment
from upstream import endings, outcomes, witness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.laboratory import Laboratory
    from lab.machines import Machine
    from upstream.endings import Endings
    from upstream.projects import Steps
    from upstream.witness import Witnessed

_TIMEOUT = 3 * 3600
"""Seconds for one run of the tests."""

_STEP_TIMEOUT = 900
"""Seconds for one step of what comes before."""

_NOT_COPIED = ("site-packages", "test", "idlelib", "tkinter", "turtledemo")
"""What nobody's tests need from a standard library."""


class Ran(NamedTuple):
    """One run of the tests."""

    endings: Endings
    witnessed: Witnessed
    events: tuple[str, ...]
    """What pipmend has recorded, in its own words."""
    seconds: float
    returncode: int
    output: str
    """What pytest has printed."""


@dataclass(frozen=True)
class Ground:
    """A machine, a venv of its interpreter, and sources with tests."""

    machine: Machine
    python: Path
    """Of the venv."""
    folder: Path
    """For all of this."""
    variables: Mapping[str, str]
    """For the tests, on top of a clean environment."""

    @property
    def source(self) -> Path:
        """The sources, ready to be tested."""
        return source_in(self.folder)

    def prepare(self, steps: Steps) -> None:
        """Install what the tests need.

        Raises:
            OutOfReachError: a step fails.
        """
        # The ordinary environment of the machine, since the index is asked.
        unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        for step in steps:
            done = subprocess.run(
                [self.python, "-m", "pip", *step],
                cwd=self.source,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_STEP_TIMEOUT,
                check=False,
            )
            if done.returncode:
                lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
                reason = (lines or ["no reason given"])[-1]
                raise OutOfReachError(f"pip {' '.join(step)}: {reason}")
        modules = next(self.folder.glob("venv/lib/python*/site-packages"))
        shutil.copyfile(outcomes.__file__, modules / f"{outcomes.NAME}.py")

    def run(self, *arguments: str) -> Ran:
        """Run pytest on a fresh copy of the sources, at the same place every time."""
        work, scratch = self.folder / "work", self.folder / "scratch"
        home = self.folder / "user"
        for folder in (work, scratch, home):
            shutil.rmtree(folder, ignore_errors=True)
        self._records.unlink(missing_ok=True)
        shutil.copytree(self.source, work, symlinks=True)
        told = self.folder / "outcomes.jsonl"
        told.unlink(missing_ok=True)
        own = (f"--basetemp={scratch}", f"{outcomes.OPTION}={told}")
        pytest = (str(self.python), "-m", "pytest", "-p", outcomes.NAME, *own)
        start = time.monotonic()
        done = subprocess.run(
            [*pytest, "-p", "no:cacheprovider", *arguments],
            cwd=work,
            env=self._environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
        return Ran(
            endings.read(told),
            witness.heard(self._records),
            tuple(_events(home)),
            round(time.monotonic() - start, 1),
            done.returncode,
            done.stdout,
        )

    def hook(self) -> None:
        """Put pipmend into the base interpreter."""
        self.machine.install()

    def unhook(self) -> None:
        """Take it out again."""
        self.machine.uninstall()

    @property
    def _records(self) -> Path:
        return _records_of(self.folder)

    def _environment(self, home: Path) -> dict[str, str]:
        clean = scratch_environment(home)
        ours = {k: v for k, v in clean.items() if not k.startswith("PIP_")}
        path = os.pathsep.join([str(self.python.parent), os.defpath])
        return {**ours, "PATH": path, **self.variables}


def source_in(folder: Path) -> Path:
    """Where a ground has its sources."""
    return folder / "source"


def made(
    lab: Laboratory, folder: Path, python: str, variables: Mapping[str, str]
) -> Ground:
    """A ground in a folder that has the sources.

    Raises:
        OutOfReachError: there is no such Python, or a copy of it does not run.
    """
    if python not in lab.pythons:
        raise OutOfReachError(f"there is no Python {python} here")
    place = machine(lab, folder, python)
    if place is None:
        raise OutOfReachError(f"a copy of Python {python} does not run here")
    _complete(place, lab.pythons[python])
    place.file.write_text(witness.source(_records_of(folder)))
    done = place.base.run("-m", "venv", folder / "venv")
    if done.returncode:
        raise OutOfReachError(f"no venv can be made: {done}")
    return Ground(place, folder / "venv" / "bin" / "python", folder, variables)


def _complete(place: Machine, python: Path) -> None:
    """Add what the other tests' copies of an interpreter do without."""
    ask = "import os; print(os.path.dirname(os.__file__))"
    command = [str(python), "-I", "-S", "-c", ask]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    stdlib = Path(done.stdout.strip())
    for path in stdlib.iterdir():
        target = place.base.stdlib / path.name
        if path.name not in _NOT_COPIED and path.is_dir() and not target.exists():
            shutil.copytree(path, target, symlinks=True)
        elif path.suffix == ".py" and not target.exists():
            shutil.copyfile(path, target)


def _records_of(folder: Path) -> Path:
    return folder / "witness.txt"


def _events(home: Path) -> list[str]:
    """What pipmend has recorded below a home folder, in few words each."""
    found = []
    for log in sorted(home.rglob("events*.jsonl")):
        for line in log.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            about = ("action", "reason", "subject", "problem", "step", "error")
            told = [str(event[name]) for name in about if event.get(name)]
            found.append(": ".join([event["event"], ", ".join(told)]))
    return found
