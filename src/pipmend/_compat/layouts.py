"""Where an entry's files are, in each generation of pip's HTTP cache."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import NamedTuple

BODY_SUFFIX = ".body"


class Layout(enum.Enum):
    """The storage generations, by the folder that pip keeps each in."""

    ONE_FILE = "http"
    """pip up to 23.2: metadata and body in one file."""
    TWO_FILES = "http-v2"
    """pip 23.3 and later: metadata, and beside it the body in ``.body``."""


class Place(NamedTuple):
    """Where the files of one entry are, or would be."""

    directory: Path
    """The folder of this generation, such as ``<cache root>/http-v2``."""
    metadata: Path
    body: Path | None
    """None in the one-file generation."""

    @property
    def cache_root(self) -> Path:
        """The folder that ``pip cache dir`` names."""
        return self.directory.parent

    @property
    def name(self) -> str:
        """The entry's name on disk: SHA-224 of its cache key, in hex."""
        return self.metadata.name


def place_of(layout: Layout, directory: str, metadata: str) -> Place:
    """The place of an entry whose metadata file pip would put at a path."""
    path = Path(metadata)
    body = path.with_name(path.name + BODY_SUFFIX)
    return Place(Path(directory), path, body if layout is Layout.TWO_FILES else None)
