"""A walk through a cache folder: every entry, built wheel and leftover in it.

A cache is walked in shards, folders small enough that what is known of one fits into
memory however large the cache is, and independent, so that several processes share
the work. Links to folders are not followed, and names that pip does not make are
counted and left alone.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Union

from pipmend import untrusted
from pipmend._compat.layouts import (
    BODY_SUFFIX,
    WHEELS,
    Layout,
    Place,
    place_below,
)
from pipmend.entries import FileIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SETTLED_SECONDS = 3600
"""A leftover younger than this may still belong to a pip at work."""

_HOME_LENGTH = 9  # five folders of one letter
_DEEPEST = 12
"""Folders below a part of the cache; pip's own reach six."""

_ENTRY_NAME = re.compile(r"[0-9a-f]{56}")
_TEMPORARY_NAME = re.compile(r"[0-9a-f]{56}.{0,40}\.tmp")
_FILES_OF_WHEELS = re.compile(r"[^/]+\.whl|origin\.json")


class LeftoverKind(enum.Enum):
    """What pip leaves behind and never looks at again. Stable codes for scripts."""

    ORPHAN_BODY = "orphan-body"
    """A body whose metadata is gone."""
    TEMPORARY_FILE = "temporary-file"
    """What a store was writing when it was cut off."""
    EMPTY_FOLDER = "empty-folder"
    OLD_GENERATION = "old-generation"
    """An entry in the storage of pip up to 23.2, which no pip here reads."""


class Shard(NamedTuple):
    """A folder of the cache that is walked in one go."""

    cache_root: Path
    part: str
    """``http``, ``http-v2`` or ``wheels``."""
    folder: Path

    @property
    def name(self) -> str:
        """A name for it that is its own within the cache, fit for a file."""
        return "-".join(self.folder.relative_to(self.cache_root).parts)

    @property
    def layout(self) -> Layout | None:
        """None for the wheel cache."""
        return None if self.part == WHEELS else Layout(self.part)


class Leftover(NamedTuple):
    """A file or folder that nothing needs any more."""

    kind: LeftoverKind
    path: Path
    identity: FileIdentity

    @property
    def size(self) -> int:
        """Bytes; a folder counts none."""
        return 0 if self.kind is LeftoverKind.EMPTY_FOLDER else self.identity.size


class Foreign(NamedTuple):
    """Something that pip has not put there; it is left alone."""

    path: Path


class Trouble(NamedTuple):
    """Something that could not be looked at; the walk goes on without it."""

    path: str
    problem: str

    @classmethod
    def of(cls, path: object, error: OSError) -> Trouble:
        """What an error says about a path."""
        return cls(str(path), error.strerror or str(error))


Met = Union[Place, Leftover, Foreign, Trouble]
"""What a walk meets."""


def shards(cache_root: Path) -> list[Shard]:
    """The shards of a cache: up to a few hundred, whatever its size.

    Raises:
        OSError: a folder cannot be read.
    """
    found = []
    for part in (*(layout.value for layout in Layout), WHEELS):
        # Two levels of 16 folders for entries, one of 256 for wheels.
        levels = 1 if part == WHEELS else 2
        folders = [cache_root / part]
        if not untrusted.is_folder(folders[0]):
            continue
        for _ in range(levels):
            folders = [below for folder in folders for below in _folders_in(folder)]
        found += [Shard(cache_root, part, folder) for folder in folders]
    return found


def walk(shard: Shard) -> Iterator[Met]:
    """Everything in a shard; empty folders come last, the inner before the outer."""
    return _Walk(shard).everything()


def sizes_below(folder: Path) -> Iterator[int]:
    """Bytes of each file below a folder, pip's or not; no link is followed.

    What cannot be looked at is left out.
    """
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        with contextlib.suppress(OSError):
            files, folders, _ = _listed(here)
            waiting += folders
            for name in files:
                with contextlib.suppress(OSError):
                    yield os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118


class _Walk:
    """One walk; strings instead of paths, since this is done a million times."""

    def __init__(self, shard: Shard) -> None:
        self._folder = str(shard.folder)
        self._layout = shard.layout
        self._directory = shard.cache_root / shard.part
        self._settled_ns = time.time_ns() - SETTLED_SECONDS * 1_000_000_000
        self._used: set[str] = set()
        """Folders with something in them other than folders, or below."""
        self._bare: list[str] = []
        """Folders without files, the outer before the inner."""

    def everything(self) -> Iterator[Met]:
        waiting = [(self._folder, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                files, folders, links = _listed(folder)
            except FileNotFoundError:
                continue  # removed meanwhile, as pip does on a purge
            except OSError as error:
                yield Trouble.of(folder, error)
                self._use(folder)
                continue
            if depth < _DEEPEST:
                waiting += [(path, depth + 1) for path in folders]
            elif folders:
                yield Foreign(Path(folder))
                self._use(folder)
                continue
            if files:
                self._use(folder)
                away = self._leading_away(folder, links)
                yield from map(Foreign, away)
                yield from self._of_files(folder, files - _both_halves(away))
            else:
                self._bare.append(folder)
        yield from self._empty_folders()

    def _use(self, folder: str) -> None:
        self._used.update((folder, os.path.dirname(folder)))  # noqa: PTH120

    def _empty_folders(self) -> Iterator[Met]:
        for folder in reversed(self._bare):
            found: tuple[Leftover, ...] = ()
            if folder not in self._used:
                found = tuple(self._leftover(LeftoverKind.EMPTY_FOLDER, folder))
                yield from found
            if not found:  # used, or about to be: so is what it lies in
                self._use(folder)

    def _leading_away(self, folder: str, links: Iterable[str]) -> list[Path]:
        """Links to files outside of the cache: pip makes none."""
        root = self._directory.parent
        paths = [Path(folder, name) for name in sorted(links)]
        return [path for path in paths if untrusted.leads_outside(path, root)]

    def _of_files(self, folder: str, files: set[str]) -> Iterator[Met]:
        if self._layout is None:
            return self._of_wheels(folder, files)
        return self._of_entries(folder, files, self._layout)

    def _of_entries(
        self, folder: str, files: set[str], layout: Layout
    ) -> Iterator[Met]:
        for name in sorted(files):
            path = os.path.join(folder, name)  # noqa: PTH118
            if _ENTRY_NAME.fullmatch(name) and self._is_at_home(folder, name):
                yield place_below(layout, self._directory, path)
            elif _TEMPORARY_NAME.fullmatch(name):
                yield from self._leftover(LeftoverKind.TEMPORARY_FILE, path)
            elif _is_body(name) and layout is Layout.TWO_FILES:
                if name[: -len(BODY_SUFFIX)] not in files:
                    yield from self._leftover(LeftoverKind.ORPHAN_BODY, path)
            else:
                yield Foreign(Path(path))

    @staticmethod
    def _is_at_home(folder: str, name: str) -> bool:
        """Whether an entry is in the folder where pip would look for it."""
        return folder[-_HOME_LENGTH:].replace(os.sep, "") == name[:5]

    def _of_wheels(self, folder: str, files: set[str]) -> Iterator[Met]:
        for name in sorted(files):
            path = Path(folder, name)
            if _FILES_OF_WHEELS.fullmatch(name):
                yield Place(self._directory, str(path), None)
            else:
                yield Foreign(path)

    def _leftover(self, kind: LeftoverKind, path: str) -> Iterator[Leftover]:
        """The leftover, unless a pip may still be at work with it."""
        try:
            identity = FileIdentity.of(os.lstat(path))
        except OSError:
            return  # gone, or out of reach: then nothing is known of it
        if identity.modified_ns < self._settled_ns:
            yield Leftover(kind, Path(path), identity)


def _listed(folder: str) -> tuple[set[str], list[str], list[str]]:
    """The names of the files in a folder, the paths of the folders, and the links.

    These are among the files.
    """
    files: set[str] = set()
    folders, links = [], []
    with os.scandir(folder) as listing:
        for item in listing:
            if item.is_dir(follow_symlinks=False):
                folders.append(item.path)
            else:
                files.add(item.name)
                if item.is_symlink():
                    links.append(item.name)
    return files, folders, links


def _both_halves(paths: Iterable[Path]) -> set[str]:
    """The names of entries, and of their bodies, to which some files belong."""
    names = {path.name.removesuffix(BODY_SUFFIX) for path in paths}
    return names | {name + BODY_SUFFIX for name in names}


def _is_body(name: str) -> bool:
    return name.endswith(BODY_SUFFIX) and bool(
        _ENTRY_NAME.fullmatch(name[: -len(BODY_SUFFIX)])
    )


def _folders_in(folder: Path) -> list[Path]:
    try:
        _, folders, _ = _listed(str(folder))
    except FileNotFoundError:
        return []
    return [Path(path) for path in sorted(folders)]
