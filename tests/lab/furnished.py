"""A cache with something of everything: healthy, damaged, left over."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import packages
from lab.index_pages import json_page
from lab.index_style import IndexStyle
from lab.made_cache import HOST, PAGE_TYPE, MadeCache

if TYPE_CHECKING:
    from pathlib import Path

    from lab.cache_files import HttpEntry

INDEX = f"{HOST}/simple/"
TWO_HOURS = 7200
"""Seconds; older than any pip that may be at work."""


@dataclass(frozen=True)
class Furnished:
    """The entries of such a cache; all of them are intact."""

    root: Path
    page: HttpEntry
    """Of idna, sealed."""
    wheel: HttpEntry
    """idna 3.4, sealed."""
    metadata: HttpEntry
    """Of idna 3.4, neither sealed nor vouched for by anything."""
    unsealed_wheel: HttpEntry
    """certifi 2026.1.1."""
    old: HttpEntry
    """The page of certifi in the storage of one file, sealed."""

    @property
    def entries(self) -> tuple[HttpEntry, ...]:
        """All of them."""
        return (self.page, self.wheel, self.metadata, self.unsealed_wheel, self.old)


def furnish(root: Path) -> Furnished:
    """Fill a cache folder."""
    sealed, unsealed = MadeCache(root), MadeCache(root, sealed=False)
    idna = packages.wheel("idna", "3.4")
    certifi = packages.wheel("certifi", "2026.1.1")
    style = IndexStyle()
    made = Furnished(
        root,
        page=sealed.add(
            "/simple/idna/", json_page("idna", [idna], style), media_type=PAGE_TYPE
        ),
        wheel=sealed.add(f"/packages/{idna.filename}", idna.content),
        metadata=unsealed.add(
            f"/packages/{idna.filename}.metadata", idna.metadata or b""
        ),
        unsealed_wheel=unsealed.add(f"/packages/{certifi.filename}", certifi.content),
        old=MadeCache(root, "http").add(
            "/simple/certifi/",
            json_page("certifi", [certifi], style),
            media_type=PAGE_TYPE,
        ),
    )
    for entry in made.entries:
        age(*entry.files)
    return made


def flip(path: Path, at: int = 100) -> None:
    """Flip one bit of a file, which keeps its times."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    rewrite(path, bytes(data))


def rewrite(path: Path, data: bytes) -> None:
    """Give a file other bytes, but not other times of modification."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def age(*paths: Path, seconds: float = TWO_HOURS) -> None:
    """Have files look as if they were not touched for so long."""
    moment = time.time() - seconds
    for path in paths:
        if os.path.lexists(path):
            os.utime(path, (moment, moment))
