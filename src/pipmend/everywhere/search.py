"""Where the base interpreters of a machine are."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import interpreters, trust
from pipmend.everywhere.refusals import UnfitPythonError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipmend.everywhere.interpreters import Interpreter

SYSTEM_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/usr/local/python/*/bin",
    "/opt/python/*/bin",
    "/opt/conda/bin",
    "/opt/conda/envs/*/bin",
    "C:/Program Files/Python3*",
)
"""Folders with interpreters; the same for all users."""

_USER_FOLDERS = (
    ("PYENV_ROOT", ".pyenv", "versions/*/bin"),
    ("PYENV_ROOT", ".pyenv/pyenv-win", "versions/*"),
    ("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python", "*/bin"),
    ("HATCH_DATA_DIR", ".local/share/hatch", "pythons/*/python/bin"),
    ("ASDF_DATA_DIR", ".asdf", "installs/python/*/bin"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/python/*/bin"),
    ("CONDA_PREFIX", "miniconda3", "bin"),
    ("CONDA_PREFIX", "miniconda3", "envs/*/bin"),
    ("CONDA_PREFIX", "miniforge3", "bin"),
    ("CONDA_PREFIX", "miniforge3", "envs/*/bin"),
    ("CONDA_PREFIX", "anaconda3", "bin"),
    ("CONDA_PREFIX", "anaconda3", "envs/*/bin"),
    ("LOCALAPPDATA", "AppData/Local", "Programs/Python/Python3*"),
)
"""A variable that names a folder, where that is by default, what to look for there."""

_CONDA_LIST = ".conda/environments.txt"
_CONDA_LIST_SIZE = 100_000
_NAME = re.compile(r"(python|pypy)(3(\.\d+)?t?)?(\.exe)?", re.ASCII)


class Found(NamedTuple):
    """The interpreters, and those that were not asked or did not answer."""

    interpreters: list[Interpreter]
    """Each standard library once."""
    left: dict[str, str]
    """Why an interpreter is left alone, by its path."""


def ask_all(executables: Iterable[Path], *, allow_group: bool) -> Found:
    """Ask those that nobody else can have put there; anything else is left alone.

    An interpreter that another user owns is a program of that user's: it is not run.
    """
    answered: dict[Path, Interpreter] = {}
    left: dict[str, str] = {}
    for executable in executables:
        reasons = trust.objections(executable, allow_group=allow_group)
        if reasons:
            left[str(executable)] = reasons[0]
            continue
        try:
            interpreter = interpreters.ask(executable)
        except UnfitPythonError as error:
            left[str(executable)] = str(error)
        else:
            answered.setdefault(interpreter.stdlib, interpreter)
    return Found(list(answered.values()), left)


def candidates(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Files that look like interpreters, links resolved, each one once."""
    found: dict[Path, None] = {}
    for folder in _folders(environment):
        for path in _entries(folder):
            if _NAME.fullmatch(path.name) and _is_program(path):
                found.setdefault(path.resolve())
    return list(found)


def own_interpreter() -> Path:
    """The interpreter that runs this, or that its venv was made with."""
    base: str | None = getattr(sys, "_base_executable", None)
    return Path(base or sys.executable)


def _folders(environment: Mapping[str, str]) -> Iterator[Path]:
    yield own_interpreter().parent
    for entry in environment.get("PATH", "").split(os.pathsep):
        # The scripts of pyenv and the like start another program for each answer.
        if os.path.isabs(entry) and Path(entry).name != "shims":  # noqa: PTH117
            yield Path(entry)
    for pattern in SYSTEM_FOLDERS:
        yield from _matching(Path(Path(pattern).anchor), pattern)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never raises
    for variable, default, pattern in _USER_FOLDERS:
        named = environment.get(variable)
        yield from _matching(Path(named) if named else home / default, pattern)
    yield from _conda_environments(home)


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    anchor = Path(pattern).anchor
    try:
        yield from sorted(folder.glob(pattern[len(anchor) :]))
    except OSError:
        return


def _conda_environments(home: Path) -> Iterator[Path]:
    """What conda notes of its environments: one folder a line."""
    try:
        with (home / _CONDA_LIST).open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_CONDA_LIST_SIZE).splitlines()
    except OSError:
        return
    for line in lines:
        if os.path.isabs(line):  # noqa: PTH117
            yield Path(line, "bin")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_program(path: Path) -> bool:
    """Whether it can be run and is no script, which would start who knows what."""
    try:
        if not os.access(path, os.X_OK) or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(2) != b"#!"
    except OSError:
        return False
