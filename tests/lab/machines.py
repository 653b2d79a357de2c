"""A small machine: a base interpreter, and a private folder that is to serve it."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.bases import Base, copy_base, snapshot
from lab.pips import Run, pip_wheel, scratch_environment
from lab.preparation import made_once
from lab.wheels import CHECKOUT
from pipmend.everywhere import compiled, dependencies, interpreters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.laboratory import Laboratory

PIP = "26.3"
"""The pip of the bases."""

HOOK = CHECKOUT / "install_hook.py"


@dataclass(frozen=True)
class Machine:
    """What ``install_hook.py --global`` works on."""

    base: Base
    root: Path
    """The private folder; missing at first."""
    wheels: Path

    @property
    def home(self) -> Path:
        """The folder of the copy."""
        return self.root / "lib"

    @property
    def file(self) -> Path:
        """What Python imports at its start."""
        return self.base.stdlib / "sitecustomize.py"

    def hook(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> Run:
        """Run ``install_hook.py`` with exactly these arguments.

        ``env`` comes on top of a clean environment; ``wrapper`` runs the command.
        """
        command = (*wrapper, sys.executable, str(HOOK), *map(str, arguments))
        done = subprocess.run(
            command,
            env={**scratch_environment(self.base.home), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        return Run(command, done.returncode, done.stdout, done.stderr)

    def install(
        self,
        *arguments: str | Path,
        code: int = 0,
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> Run:
        """Set up the copy for the base, expect an exit code."""
        where = ("--prefix", self.root, "--python", self.base.python)
        wheels = ("--wheels", self.wheels)
        done = self.hook(
            "--global", *where, *wheels, *arguments, env=env, wrapper=wrapper
        )
        assert done.returncode == code, str(done)
        return done

    def uninstall(self, *arguments: str | Path, code: int = 0) -> Run:
        """Undo everything, expect an exit code."""
        done = self.hook("--global", "--prefix", self.root, "--uninstall", *arguments)
        assert done.returncode == code, str(done)
        return done

    def state(self) -> dict[str, tuple[object, ...]]:
        """Everything that an installation could change."""
        return snapshot(self.base.prefix, self.root, self.base.home / ".local")


def machine(lab: Laboratory, folder: Path, python: str | None = None) -> Machine | None:
    """A machine for one test; None where a copied interpreter does not run."""
    base = _template(lab, python or lab.default_python)
    if base is None:
        return None
    return Machine(base.clone(folder), folder / "opt" / "pipmend", wheels(lab.store))


@functools.cache
def _copied(store: Path, scratch: Path, python: Path, name: str) -> Base | None:
    folder = scratch / f"base-{name}"
    folder.mkdir(parents=True)
    return copy_base(python, folder, pip_wheel(PIP, store))


def _template(lab: Laboratory, name: str) -> Base | None:
    return _copied(lab.store, lab.scratch, lab.pythons[name], name)


@functools.cache
def wheels(store: Path) -> Path:
    """A folder with the wheels of the dependencies, as they are fetched for a copy.

    Those with compiled modules are for this interpreter.
    """
    builds = compiled.builds_of([interpreters.ask(Path(sys.executable))])

    def fill(folder: Path) -> None:
        python = dependencies.with_pip([sys.executable], folder.parent)
        fetched = dependencies.fetch(python, folder.parent)
        parts = compiled.fetch(python, builds, folder.parent)
        folder.mkdir()
        for wheel in {*fetched, *(part.wheel for part in parts)}:
            shutil.move(wheel, folder)

    names = ["-".join(build) for build in builds]
    return made_once(store / "-".join(["everywhere", *names]), fill)
