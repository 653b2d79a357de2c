"""The pips and the Pythons of the matrix, and where each of them comes from."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from breadth.results import Case, Where
from lab.built_wheels import members_of
from lab.debian import OutOfReachError
from lab.newer_pythons import BUILDS, newer_python
from lab.pips import interpreters, pip_wheel, pipmend_wheels
from lab.pure_wheels import pure_wheels

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "head"
"""The pip that is being developed, where somebody has provided it."""

HEAD_VARIABLE = "PIPMEND_TEST_PIP_HEAD"
"""Names it: a checkout of pip, a wheel, or any other requirement that pip can build."""

PIPS = (
    "20.3.4",
    "21.3.1",
    "22.0.4",
    "22.3.1",
    "23.0.1",
    "23.2.1",
    "23.3.2",
    "24.0",
    "24.3.1",
    "25.0.1",
    "25.3",
    "26.0",
    "26.2.1",
    "26.3",
    HEAD,
)
"""The last of each generation of pip's cache and network code, and the newest."""

PYPY = "pypy3.11"

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", PYPY)
"""CPython by minor version, and PyPy."""


OLDEST_PIP = {"3.12": (23, 2), "3.13": (23, 2), "3.14": (23, 2), "3.15": (25, 1)}
"""The first pips that run on a Python at all; those before it use what it has not."""

LAST_PIP = {"3.9": (26, 0)}
"""The last pips, as major and minor, that want to run on a Python."""


SAMPLES = {
    Where.ENVIRONMENT: (
        Case("20.3.4", "3.9"),
        Case("26.3", "3.13"),
    ),
    # Other tests of the default run are about it.
    Where.INTERPRETER: (),
}
"""The pairs of the default run: each storage, on Pythons that other tests leave out."""

ALL = tuple(Case(pip, python) for pip in PIPS for python in PYTHONS)


def interpreter(name: str) -> Path:
    """The interpreter of a Python.

    Raises:
        OutOfReachError: it is neither installed here nor to be had.
    """
    installed = interpreters()
    if name in installed:
        return installed[name]
    if name in BUILDS:
        return newer_python(name)
    raise OutOfReachError(f"Python {name} is not installed on this machine")


def wheel_of(pip: str, store: Path) -> Path:
    """The wheel of a pip.

    Raises:
        OutOfReachError: it is the development head, and nobody has provided it.
    """
    return pip_wheel(pip, store) if pip != HEAD else _head(store)


def own_wheels(python: str, store: Path) -> list[Path]:
    """The wheels of pipmend and of what it needs, for a Python."""
    is_pypy = python == PYPY
    house = pure_wheels(store) if is_pypy else pipmend_wheels(store, python=python)
    return sorted(house.glob("*.whl"))


def check_declared(wheel: Path, python: str) -> None:
    """Ask a pip whether it is made for a Python.

    Raises:
        OutOfReachError: it says that it is not.
    """
    members = members_of(wheel)
    (metadata,) = (data for name, data in members.items() if name.endswith("/METADATA"))
    lines = metadata.decode().splitlines()
    told = [line.partition(":")[2] for line in lines if "Requires-Python:" in line]
    version = Version(python.removeprefix("pypy"))
    if told and version not in SpecifierSet(told[0]):
        raise OutOfReachError("this pip asks for another Python (Requires-Python)")


def _head(store: Path) -> Path:
    named = os.environ.get(HEAD_VARIABLE)
    if not named:
        raise OutOfReachError(
            f"pip's repository is not in reach; {HEAD_VARIABLE} names a checkout"
        )
    folder = store / "pips" / HEAD
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, f"--wheel-dir={folder}", named], check=True)
    return max(folder.glob("pip-*.whl"), key=lambda path: path.stat().st_mtime)
