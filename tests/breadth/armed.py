"""Base interpreters that one copy of pipmend serves, set up by ``install_hook.py``.

All are copies in a scratch folder. Nothing is installed into their environments.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from breadth import pairs
from lab.bases import Base, copy_base
from lab.debian import OutOfReachError
from lab.environments import WAYS
from lab.machines import PIP, Machine, machine, wheels
from lab.newer_pythons import BUILDS
from lab.pips import pip_wheel
from pipmend.everywhere import interpreters

if TYPE_CHECKING:
    from breadth.results import Case
    from lab.environments import Environment, Ground
    from lab.laboratory import Laboratory

DEBIAN = "debian"
"""The way, and the name of a copy of the Python that it is about."""

CONDA = "conda"
"""The way that makes an interpreter of its own."""

_DEBIANS_PYTHON = Path("/usr/bin/python3")


@dataclass
class Armed:
    """Arms interpreters as they are asked for, all with the same copy."""

    lab: Laboratory
    folder: Path
    """For all of it; may be removed when nobody asks any more."""
    options: tuple[str, ...] = ()
    """For ``install_hook.py --global``."""
    _made: dict[str, Path] = field(default_factory=dict)

    def python(self, name: str) -> Path:
        """A copy of the Python of that name, served.

        Raises:
            OutOfReachError: there is none here, or a copy of it does not run.
        """
        if name not in self._made:
            python = self._copied(name)
            self.arm(python)
            self._made[name] = python
        return self._made[name]

    def arm(self, python: Path) -> None:
        """Have an interpreter served; it must be a copy."""
        told = interpreters.ask(python)
        home = self.folder / "home"
        base = Base(python.parents[1], python, told.stdlib, home, told.version_text)
        root = self.folder / "opt" / "pipmend"
        Machine(base, root, wheels(self.lab.store)).install(*self.options)

    def take_over(self, python: Path, name: str) -> None:
        """Have a venv belong to a copy of its interpreter; what is in it stays.

        Args:
            python: its program.
            name: that of the interpreter.

        Raises:
            OutOfReachError: there is no such copy.
        """
        base = self.python(name)
        shutil.rmtree(python.parent)
        venv = ("-m", "venv", "--without-pip", str(python.parents[1]))
        subprocess.run([str(base), *venv], check=True, capture_output=True)

    def environment(self, case: Case, ground: Ground) -> Environment:
        """An environment whose interpreter is served; ``ground`` has any base.

        Raises:
            OutOfReachError: it cannot be made here.
        """
        make = WAYS[case.subject].make
        if case.subject == CONDA:
            made = make(ground)
            self.arm(Path(made.arm[0]))
        elif case.subject == DEBIAN:
            made = make(ground)
            self.take_over(Path(made.arm[0]), DEBIAN)
        else:
            made = make(ground._replace(base=self.python(case.python)))
        return made

    def _copied(self, name: str) -> Path:
        if name in BUILDS:
            return _root_of(pairs.interpreter(name), self.folder / name)
        if name == DEBIAN:
            wheel = pip_wheel(PIP, self.lab.store)
            base = copy_base(_DEBIANS_PYTHON, self.folder / name, wheel)
        else:
            pairs.interpreter(name)
            made = machine(self.lab, self.folder / name, name)
            base = made.base if made is not None else None
        if base is None:
            raise OutOfReachError(f"a copy of Python {name} does not run")
        return base.python


def _root_of(python: Path, folder: Path) -> Path:
    """An unpacked Python again; its libraries lie beside it, so all of them come."""
    root = python.parents[2]
    shutil.copytree(root, folder, symlinks=True)
    return folder / python.relative_to(root)
