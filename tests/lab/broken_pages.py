"""Index pages in a cache, emptied as a full disk leaves them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lab import cache_files

if TYPE_CHECKING:
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from lab.index_server import LocalIndex


def empty_page(cache: Path, url: str) -> None:
    """Empty the entry of one page, in each layout that has it.

    Raises:
        LookupError: none has.
    """
    found = _entries(cache, url)
    if not found:
        raise LookupError(f"there is no entry of {url} in {cache}")
    for entry in found:
        _empty(entry)


def empty_pages(cache: Path, index: LocalIndex, *projects: str) -> int:
    """Empty the pages of these projects, or of all; returns how many are there."""
    starts = tuple(f"{index.url}{project}/" for project in projects) or (index.url,)
    pages = [url for url in index.urls if url.startswith(starts)]
    found = [entry for url in pages for entry in _entries(cache, url)]
    for entry in found:
        _empty(entry)
    return len(found)


def _entries(cache: Path, url: str) -> list[HttpEntry]:
    entries = [
        cache_files.entry_path(cache, layout, url) for layout in cache_files.LAYOUTS
    ]
    return [entry for entry in entries if os.path.lexists(entry.metadata)]


def _empty(entry: HttpEntry) -> None:
    cache_files.write_body(entry, b"")
    cache_files.age(entry)
