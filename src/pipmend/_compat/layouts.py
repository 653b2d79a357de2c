"""Where an entry's files are, in each generation of pip's HTTP cache."""

from __future__ import annotations

import enum
import functools
import hashlib
import os
import re
from pathlib import Path, PurePath

from pipmend.records import Record

BODY_SUFFIX = ".body"
WHEELS = "wheels"
"""The folder of the wheel cache, in every generation."""

LARGEST_METADATA = 2 * 1024 * 1024
"""Bytes without the body: no server sends so many header fields, and decoded they may
take eighty times as many."""

_LEVELS = 5
"""Folders of one letter between the folder of a generation and its entries."""

_ENTRY_NAME = r"[0-9a-f]{56}"


class Layout(enum.Enum):
    """The storage generations, by the folder that pip keeps each in."""

    ONE_FILE = "http"
    """pip up to 23.2: metadata and body in one file."""
    TWO_FILES = "http-v2"
    """pip 23.3 and later: metadata, and beside it the body in ``.body``."""


class Place(Record):
    """Where the files of one entry are, or would be."""

    directory: Path
    """The folder of this generation, such as ``<cache root>/http-v2``."""
    # As text: of most entries no Path is ever asked for, and it is dear to make.
    metadata_path: str
    body_path: str | None
    """None in the one-file generation."""

    @property
    def metadata(self) -> Path:
        """The file of the metadata."""
        return Path(self.metadata_path)

    @property
    def body(self) -> Path | None:
        """The file of the body; None in the one-file generation."""
        return None if self.body_path is None else Path(self.body_path)

    @property
    def cache_root(self) -> Path:
        """The folder that ``pip cache dir`` names."""
        return self.directory.parent

    @property
    def name(self) -> str:
        """The entry's name on disk: SHA-224 of its cache key, in hex."""
        return os.path.basename(self.metadata_path)  # noqa: PTH119 - as above


class OwnPlace(Place):
    """Where the files of an entry of the library are.

    Its folder may be any that a program has chosen, such as one in the current folder,
    so what pipmend keeps lies inside: the folder above may be anybody's. No name of
    the library's own is longer than one letter there.
    """

    @property
    def cache_root(self) -> Path:
        """The folder that was given to the library."""
        return self.directory


def place_of(layout: Layout, directory: str, metadata: str) -> Place:
    """The place of an entry whose metadata file pip would put at a path."""
    return place_below(layout, _folder(directory), metadata)


@functools.lru_cache(maxsize=8)
def _folder(directory: str) -> Path:
    """A path, made once: pip asks for entries of one folder all the time."""
    return Path(directory)


def place_below(layout: Layout, directory: Path, metadata: str) -> Place:
    """The same, in a folder that is a path already."""
    is_whole = layout is Layout.ONE_FILE
    return Place(directory, metadata, None if is_whole else metadata + BODY_SUFFIX)


def name_of(url: str) -> str:
    """The name on disk of the entry of a URL, in every generation.

    Args:
        url: as pip asks for it: without user name and password, and normalised
            (scheme and host in lower case, a path).
    """
    return hashlib.sha224(url.encode()).hexdigest()


def place_in(layout: Layout, cache_root: Path, name: str) -> Place:
    """The place of the entry with a name on disk."""
    directory = cache_root / layout.value
    return place_of(
        layout, str(directory), str(directory.joinpath(*name[:_LEVELS], name))
    )


def own_place_in(directory: Path, name: str, *, has_body: bool) -> OwnPlace:
    """The place of an entry of the library in the folder that was given to it.

    Args:
        directory: the folder, of any name.
        name: the entry's name on disk.
        has_body: whether its body is in a file of its own.
    """
    layout = Layout.TWO_FILES if has_body else Layout.ONE_FILE
    metadata = directory.joinpath(*name[:_LEVELS], name)
    return OwnPlace(*place_below(layout, directory, str(metadata)))


def own_directory_of(metadata: PurePath) -> PurePath | None:
    """The folder of the library in which an entry has this path, by its form."""
    name = metadata.name
    tail = (*name[:_LEVELS], name)
    if not re.fullmatch(_ENTRY_NAME, name) or metadata.parts[-len(tail) :] != tail:
        return None
    return metadata.parents[_LEVELS]


def place_at(path: Path) -> Place | None:
    """The place of the entry or built wheel that a file belongs to, by its path."""
    is_body = path.name.endswith(BODY_SUFFIX)
    name = path.name[: -len(BODY_SUFFIX)] if is_body else path.name
    directory = path.parents[_LEVELS] if len(path.parents) > _LEVELS else path
    for layout in Layout:
        if directory.name == layout.value:
            place = place_in(layout, directory.parent, name)
            return place if place.metadata.parent == path.parent else None
    for parent in path.parents:
        if parent.name == WHEELS:
            return Place(parent, str(path), None)
    return None
