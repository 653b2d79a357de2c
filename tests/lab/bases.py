"""Base interpreters to try things on: copies, never the ones that are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.pips import Run, Venv, make_venv, scratch_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASK = """\
import os, sys
version = ".".join(map(str, sys.version_info[:3]))
print(sys.prefix, os.path.dirname(os.__file__), version, sep="\\n")
"""
_UNWANTED = (
    *("test", "tests", "_test*", "idlelib", "lib2to3", "tkinter", "turtledemo"),
    *("curses", "dbm", "pydoc*", "sqlite3", "unittest"),
    *("config-*", "site-packages", "*.opt-?.pyc"),
)


@dataclass(frozen=True)
class Base:
    """A base interpreter in a folder of its own, with a home folder for its user."""

    prefix: Path
    python: Path
    stdlib: Path
    home: Path
    version: str
    """Such as ``3.12.1``."""

    def run(
        self,
        *arguments: str | Path,
        python: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Run:
        """Run it, or one of its venvs, in a clean environment."""
        command = (str(python or self.python), *map(str, arguments))
        done = subprocess.run(
            command,
            env={**scratch_environment(self.home), **(env or {})},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Run(command, done.returncode, done.stdout, done.stderr)

    def venv(self, name: str, pip_wheel: Path) -> Venv:
        """A venv of it with that pip."""
        folder = self.home / name
        return make_venv(folder, base_python=self.python, pip_wheel=pip_wheel)

    def remove(self) -> None:
        """Take it away, with all that lies beside it."""
        shutil.rmtree(self.prefix.parent)

    def clone(self, folder: Path) -> Base:
        """Another one like it, which shares the content of its files on the disk."""
        prefix = folder / "base"
        shutil.copytree(self.prefix, prefix, symlinks=True, copy_function=_link)
        home = folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        python = prefix / self.python.relative_to(self.prefix)
        stdlib = prefix / self.stdlib.relative_to(self.prefix)
        return Base(prefix, python, stdlib, home, self.version)


def copy_base(python: Path, folder: Path, pip_wheel: Path) -> Base | None:
    """Copy an interpreter, without what no test needs, and give it a pip.

    Returns:
        None if the copy does not run by itself, as builds for one place do not.
    """
    first, second, version = _ask(python)
    prefix, stdlib = Path(first), Path(second)
    new = folder / "base"
    lib = new / stdlib.relative_to(prefix)
    ignored = shutil.ignore_patterns(*_UNWANTED)
    shutil.copytree(stdlib, lib, symlinks=True, ignore=ignored)
    program = python.resolve()
    copied = new / program.relative_to(prefix)
    copied.parent.mkdir(exist_ok=True)
    shutil.copy2(program, copied)
    with zipfile.ZipFile(pip_wheel) as archive:
        archive.extractall(lib / "site-packages")
    home = folder / "home"
    home.mkdir()
    try:
        found = _ask(copied)
    except (OSError, subprocess.CalledProcessError):
        return None
    if found[:2] != [str(new), str(lib)]:
        return None
    return Base(new, copied, lib, home, version)


def _ask(python: Path) -> list[str]:
    command = [str(python), "-I", "-S", "-c", _ASK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _link(source: str, target: str) -> None:
    if os.path.islink(source):  # noqa: PTH114
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211
    elif sys.platform == "win32":
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def snapshot(*folders: Path) -> dict[str, tuple[object, ...]]:
    """Everything in folders: kind, mode, content or target, time of the last change.

    A folder that is missing is part of it as well.
    """
    found: dict[str, tuple[object, ...]] = {}
    for folder in folders:
        found[str(folder)] = _state(folder)
        for path in sorted(folder.rglob("*")):
            found[str(path)] = _state(path)
    return found


def _state(path: Path) -> tuple[object, ...]:
    if not os.path.lexists(path):
        return ("missing",)
    status = path.lstat()
    if path.is_symlink():
        return ("link", os.readlink(path), status.st_mtime_ns)  # noqa: PTH115
    content = None if path.is_dir() else path.read_bytes()
    return (status.st_mode, status.st_mtime_ns, content)
