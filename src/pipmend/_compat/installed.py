"""The pips of this machine, found by looking at folders; none is run."""

from __future__ import annotations

import itertools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend._compat.caches import home_folder
from pipmend._compat.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Limits, so that a strange machine costs no more than a look at some folders.
_MOST_PREFIXES = 300
_MOST_GIVEN = 100
_MOST_NAMES = 100
"""Names of one kind in one folder."""
_HEAD = 1 << 14
"""Bytes that are read of a file."""

_FIRST_WITH_TWO_FILES = (23, 3)

_PROGRAM = re.compile(r"(python|pypy|pip)[0-9.]*(\.exe)?", re.IGNORECASE)
_LIBRARY = re.compile(r"(python|pypy)[0-9.]*", re.IGNORECASE)
_DISTRIBUTION = re.compile(
    r"pip-([0-9]{1,9}[0-9A-Za-z.!+_]{0,40})(-py[0-9.]+)?\.(dist|egg)-info"
)
_STATED = re.compile(
    r"""^__version__\s*=\s*["']([0-9]{1,9}[0-9A-Za-z.!+_]{0,40})["']""", re.MULTILINE
)
_NUMBERS = re.compile(r"([0-9]{1,9})\.?([0-9]{0,9})")
_BASE = re.compile(r"^home[ \t]*=[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_SHEBANG = re.compile(r"#![ \t]*(/[^ \t\r\n]+)")


class InstalledPip(NamedTuple):
    """A pip that could use a cache."""

    version: str
    site_packages: Path
    """The folder that holds the package."""
    prefix: Path
    """The environment, as ``sys.prefix`` names it."""
    has_hook: bool
    """Whether a start-up file loads pipmend, of this environment or of the
    interpreter below it."""

    @property
    def layout(self) -> Layout:
        """The generation of the HTTP cache that it reads."""
        numbers = _NUMBERS.match(self.version)
        if numbers is None:
            return Layout.TWO_FILES
        older = (int(numbers[1]), int(numbers[2] or 0)) < _FIRST_WITH_TWO_FILES
        return Layout.ONE_FILE if older else Layout.TWO_FILES


def find_pips(
    environment: Mapping[str, str] = os.environ, *, prefixes: Iterable[Path] = ()
) -> list[InstalledPip]:
    """The pips of the environments at hand, each once, the nearest first.

    At hand are this environment and the active one, what is on ``PATH``, the folders
    of the user and of the system, and those of pyenv and pipx.

    Args:
        environment: names the folders.
        prefixes: further environments, such as those that events name; they need
            not exist. The first hundred are looked at, a relative one never.
    """
    candidates = itertools.chain(
        _active(environment),
        itertools.islice(prefixes, _MOST_GIVEN),
        _on_path(environment),
        _user_prefixes(environment),
        (Path("/usr"), Path("/usr/local")),
        _pyenv_prefixes(environment),
        _pipx_prefixes(environment),
    )
    found: dict[str, InstalledPip] = {}
    for prefix in _with_bases(candidates):
        for folder in _package_folders(prefix):
            pip = _pip_in(folder, prefix)
            if pip is not None:
                found.setdefault(os.path.realpath(folder), pip)
    return list(found.values())


def _with_bases(candidates: Iterable[Path]) -> Iterator[Path]:
    """Each environment that exists once, and the interpreter below it."""
    seen: set[str] = set()
    for candidate in filter(Path.is_absolute, candidates):
        for prefix in (candidate, _base_of(candidate)):
            if prefix is None or not _is_folder(prefix):
                continue
            target = os.path.realpath(prefix)
            if target not in seen:
                seen.add(target)
                yield prefix
        if len(seen) >= _MOST_PREFIXES:
            return


def _active(environment: Mapping[str, str]) -> Iterator[Path]:
    yield from (Path(sys.prefix), Path(sys.base_prefix))
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environment.get(name):
            yield Path(environment[name])


def _on_path(environment: Mapping[str, str]) -> Iterator[Path]:
    """The environments of the programs named ``python*`` or ``pip*``."""
    entries = environment.get("PATH", "").split(os.pathsep)[:_MOST_NAMES]
    for folder in (Path(entry) for entry in entries if entry):
        programs = _children(folder, _PROGRAM)
        if programs:
            # On Windows `python.exe` lies in the prefix itself.
            yield from (folder.parent, folder)
        for program in programs:
            yield Path(os.path.realpath(program)).parent.parent
            interpreter = _SHEBANG.match(_head(program))
            if interpreter:
                yield Path(interpreter[1]).parent.parent


def _user_prefixes(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where ``pip install --user`` goes."""
    if environment.get("PYTHONUSERBASE"):
        yield Path(environment["PYTHONUSERBASE"])
    home = home_folder(environment)
    if home is not None:
        yield home / ".local"
        yield from _children(home / "Library" / "Python")
    if environment.get("APPDATA"):
        yield from _children(Path(environment["APPDATA"], "Python"), _LIBRARY)


def _pyenv_prefixes(environment: Mapping[str, str]) -> Iterator[Path]:
    home = home_folder(environment)
    if environment.get("PYENV_ROOT"):
        yield from _children(Path(environment["PYENV_ROOT"], "versions"))
    elif home is not None:
        yield from _children(home / ".pyenv" / "versions")


def _pipx_prefixes(environment: Mapping[str, str]) -> Iterator[Path]:
    """The environments of pipx, first the one that lends its pip to the others."""
    for home in _pipx_homes(environment):
        yield home / "shared"
        yield from _children(home / "venvs")


def _pipx_homes(environment: Mapping[str, str]) -> Iterator[Path]:
    for name, *below in (
        ("PIPX_HOME",),
        ("XDG_DATA_HOME", "pipx"),
        ("LOCALAPPDATA", "pipx", "pipx"),
    ):
        if environment.get(name):
            yield Path(environment[name], *below)
    home = home_folder(environment)
    if home is not None:
        yield home / ".local" / "share" / "pipx"
        yield home / ".local" / "pipx"
        yield home / "Library" / "Application Support" / "pipx"
        yield home / "pipx"


def _package_folders(prefix: Path) -> Iterator[Path]:
    """The folders of a prefix that hold packages, on every system."""
    for library in (prefix / "lib", prefix / "lib64"):
        for folder in _children(library, _LIBRARY):
            yield folder / "site-packages"
            yield folder / "dist-packages"  # Debian
    yield prefix / "Lib" / "site-packages"
    yield prefix / "site-packages"  # of a user on Windows


def _pip_in(folder: Path, prefix: Path) -> InstalledPip | None:
    if not _is_folder(folder / "pip"):
        return None
    # The package first: an interrupted update leaves two dist-info folders.
    stated = _STATED.search(_head(folder / "pip" / "__init__.py"))
    version = stated[1] if stated else _version_on_record(folder)
    if version is None:
        return None
    return InstalledPip(version, folder, prefix, _has_hook(folder, prefix))


def _version_on_record(folder: Path) -> str | None:
    for path in _children(folder, _DISTRIBUTION):
        name = _DISTRIBUTION.fullmatch(path.name)
        return name[1] if name else None
    return None


def _has_hook(folder: Path, prefix: Path) -> bool:
    """Whether Python loads pipmend at its start, as far as files tell."""
    libraries = [folder.parent]
    base = _base_of(prefix)
    if base is not None:
        libraries.append(base / folder.parent.relative_to(prefix))
    folders = [folder]
    if folder.name == "dist-packages":
        # Debian: the system's pip is in one folder, what a person adds in another.
        folders += (
            library / folder.name
            for library in _children(prefix / "local" / "lib", _LIBRARY)
        )
        libraries += _children(prefix / "lib", _LIBRARY)
    loaders = ("pipmend_hook.pth", "pipmend_hook.start")
    return any(_is_file(place / name) for place in folders for name in loaders) or any(
        "pipmend_hook" in _head(place / "sitecustomize.py")
        for place in (*libraries, *folders)
    )


def _base_of(prefix: Path) -> Path | None:
    """The prefix of the interpreter that a virtual environment was made from."""
    found = _BASE.search(_head(prefix / "pyvenv.cfg"))
    if found is None:
        return None
    home = Path(found[1])
    return home.parent if home.name.lower() in {"bin", "scripts"} else home


def _children(folder: Path, names: re.Pattern[str] | None = None) -> list[Path]:
    """What a folder holds, by name; nothing where it is closed to us."""
    try:
        with os.scandir(folder) as entries:
            fitting = (
                entry.name
                for entry in entries
                if names is None or names.fullmatch(entry.name)
            )
            return [folder / name for name in sorted(fitting)[:_MOST_NAMES]]
    except (OSError, ValueError):
        return []


def _head(path: Path) -> str:
    """The start of a regular file as text; empty where there is none."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
