"""What an interpreter runs before the first line of any program.

Start-up files are a favourite hiding place, and pipmend adds one of its own, so
each is reported with what an auditor asks for:

* what it is, how long it is, and its SHA-256;
* which distribution it belongs to, and whether that distribution's ``RECORD``
  vouches for these very bytes;
* who besides its owner could change it, up to the root of the file system.

Files are read, never run. Standard library only.
"""

from __future__ import annotations

import base64
import csv
import enum
import hashlib
import importlib.machinery
import importlib.util
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_RECORD_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})


class Kind(enum.Enum):
    """The way in which a file takes part in the start."""

    IMPORT_LINES = "pth-import-lines"
    """A ``.pth`` file with lines that Python executes."""
    PATHS_ONLY = "pth-paths-only"
    """A ``.pth`` file that only adds folders to ``sys.path``."""
    ENTRY_POINTS = "start"
    """A ``.start`` file (PEP 829); Python before 3.15 ignores it."""
    SITECUSTOMIZE = "sitecustomize"
    """Imported by ``site``; of several, the first one that is reported."""
    USERCUSTOMIZE = "usercustomize"
    """Imported by ``site`` where user folders are enabled."""
    MODULE = "module"
    """A module that one of the others loads, as far as that can be told."""


class RecordMatch(enum.Enum):
    """What the ``RECORD`` of the owning distribution says of a file."""

    MATCHES = "matches"
    """The file has the listed digest."""
    DIFFERS = "differs"
    """The file is listed with another digest, or could not be read."""
    NOT_LISTED = "not listed"
    """No ``RECORD`` in the site folders lists the file with a digest."""


@dataclass(frozen=True)
class StartupFile:
    """One file that takes part in the start of an interpreter."""

    path: Path
    """Where Python finds it; links are not resolved."""
    kind: Kind
    """The way in which it takes part."""
    size: int
    """Length in bytes; 0 if it cannot be read."""
    sha256: str | None
    """SHA-256 of the bytes in hex; None if it cannot be read."""
    owner: str | None
    """Name of the distribution whose ``RECORD`` lists it."""
    record: RecordMatch
    """Whether these are the bytes that the distribution brought."""
    loose: tuple[Path, ...]
    """The file and the folders above it that others may write to."""
    compiled: bool | None
    """Whether fresh byte code lies ready; None for anything but source code."""


@dataclass(frozen=True)
class _Claim:
    """A row of a ``RECORD``: this distribution brought a file with this digest."""

    owner: str
    algorithm: str
    digest: str


def startup_files(
    site_folders: Sequence[Path], stdlib: Path, path_folders: Sequence[Path] = ()
) -> tuple[StartupFile, ...]:
    """Report every start-up file of an interpreter.

    Args:
        site_folders: the folders whose ``.pth`` files ``site`` reads.
        stdlib: the folder of the standard library.
        path_folders: what comes before it on ``sys.path`` (``PYTHONPATH``).

    Returns:
        One value per file: ``sitecustomize`` and ``usercustomize`` in the order of
        the search, then the site folders. Folders that are missing or closed to us
        count as empty.
    """
    sites = _distinct(site_folders)
    found = list(_customizations((*path_folders, stdlib, *sites)))
    for folder in sites:
        found.extend(_site_files(folder))
    distinct = dict(reversed(found))
    claims = _claims(sites, {path.name for path in distinct})
    order = dict.fromkeys(path for path, _ in found)
    return tuple(_report(path, distinct[path], claims) for path in order)


def startup_file(path: Path, kind: Kind) -> StartupFile:
    """Report one file of which it is known that it takes part in the start."""
    return _report(path, kind, {})


def writable_by_others(path: Path) -> tuple[Path, ...]:
    """The path and the folders above it that group or others may write to.

    A sticky folder does not count: nobody replaces other people's files there. Where
    links lead to the file, the folders of the links and of the target are looked at.
    Always empty on Windows, where mode bits do not say who may write.
    """
    if os.name == "nt":
        return ()
    chain = dict.fromkeys((path, *path.parents))
    target = path.resolve()
    chain.update(dict.fromkeys((target, *target.parents)))
    return tuple(link for link in chain if _is_loose(link))


def _is_loose(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    sticky_folder = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH)) and not sticky_folder


def _distinct(folders: Iterable[Path]) -> list[Path]:
    """Drop repeated folders: lib64 is often a link to lib."""
    by_target: dict[Path, Path] = {}
    for folder in folders:
        by_target.setdefault(folder.resolve(), folder)
    return list(by_target.values())


def module_file(folder: Path, name: str) -> Path | None:
    """The file that ``import name`` would load from a folder; None if there is none."""
    suffixes = importlib.machinery.all_suffixes()
    for stem in (folder / name / "__init__", folder / name):
        for suffix in suffixes:
            path = stem.with_name(stem.name + suffix)
            if path.is_file():
                return path
    return None


def _customizations(folders: Iterable[Path]) -> Iterator[tuple[Path, Kind]]:
    searched = _distinct(folders)
    for kind in (Kind.SITECUSTOMIZE, Kind.USERCUSTOMIZE):
        for folder in searched:
            path = module_file(folder, kind.value)
            if path is not None:
                yield path, kind


def _site_files(folder: Path) -> Iterator[tuple[Path, Kind]]:
    """The files that ``site`` picks up in a folder, each with what it imports."""
    for path in _sorted_files(folder):
        lines: list[str] = []
        if path.suffix == ".start":
            lines = _entry_points(path)
            yield path, Kind.ENTRY_POINTS
        elif path.suffix == ".pth":
            lines = _import_lines(path)
            yield path, Kind.IMPORT_LINES if lines else Kind.PATHS_ONLY
        # Any name, since `__import__("name")` is as common as `import name`.
        for name in dict.fromkeys(_NAME.findall(" ".join(lines))):
            module = module_file(folder, name)
            if module is not None:
                yield module, Kind.MODULE


def _sorted_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _import_lines(path: Path) -> list[str]:
    return [line for line in _lines(path) if line.startswith(("import ", "import\t"))]


def _entry_points(path: Path) -> list[str]:
    """The modules of the entry points in a file."""
    pieces = [line.strip().partition(":") for line in _lines(path)]
    return [module for module, colon, _ in pieces if colon and module[:1] != "#"]


def _lines(path: Path) -> list[str]:
    return (_read(path) or b"").decode("utf-8-sig", errors="replace").splitlines()


def _report(path: Path, kind: Kind, claims: dict[Path, _Claim]) -> StartupFile:
    content = _read(path)
    claim = claims.get(_comparable(path))
    return StartupFile(
        path=path,
        kind=kind,
        size=len(content or b""),
        sha256=None if content is None else hashlib.sha256(content).hexdigest(),
        owner=claim.owner if claim else None,
        record=_compare(content, claim),
        loose=writable_by_others(path),
        compiled=_is_compiled(path) if path.suffix == ".py" else None,
    )


def _compare(content: bytes | None, claim: _Claim | None) -> RecordMatch:
    if claim is None or claim.algorithm not in _RECORD_ALGORITHMS:
        return RecordMatch.NOT_LISTED
    if content is None:
        return RecordMatch.DIFFERS
    digest = hashlib.new(claim.algorithm, content).digest()
    found = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return RecordMatch.MATCHES if found == claim.digest else RecordMatch.DIFFERS


def _claims(sites: Iterable[Path], names: set[str]) -> dict[Path, _Claim]:
    """What the distributions of the site folders say of files with these names."""
    claims: dict[Path, _Claim] = {}
    for folder in sites:
        for record in sorted(folder.glob("*.dist-info/RECORD")):
            owner = record.parent.name.partition("-")[0]
            for listed, digest in _rows(record):
                if Path(listed).name in names:
                    algorithm, _, value = digest.partition("=")
                    claim = _Claim(owner, algorithm, value)
                    claims[_comparable(folder / listed)] = claim
    return claims


def _rows(record: Path) -> Iterator[tuple[str, str]]:
    text = (_read(record) or b"").decode(errors="replace")
    try:
        for row in csv.reader(text.splitlines()):
            if len(row) > 1:
                yield row[0], row[1]
    except csv.Error:
        return  # what follows in a torn file vouches for nothing


def _comparable(path: Path) -> Path:
    return Path(os.path.normcase(os.path.normpath(path)))


def _is_compiled(source: Path) -> bool:
    """Whether this interpreter would take the byte code instead of compiling."""
    code = _read(Path(importlib.util.cache_from_source(str(source))))
    if code is None or code[:4] != importlib.util.MAGIC_NUMBER:
        return False
    if int.from_bytes(code[4:8], "little"):  # goes by a hash of the source
        return True
    status = source.stat()
    stamp = int(status.st_mtime) & 0xFFFF_FFFF
    length = status.st_size & 0xFFFF_FFFF
    return code[8:16] == stamp.to_bytes(4, "little") + length.to_bytes(4, "little")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
