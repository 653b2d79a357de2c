"""What is in a quarantine: its items, and the files of each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipmend import quarantine, untrusted
from pipmend.evidence import descriptions
from pipmend.evidence.purging import GOING
from pipmend.evidence.values import EvidenceError, KeptFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipmend.evidence.values import Evidence

_MOST_CANDIDATES = 10


def items(cache_root: Path) -> Iterator[Evidence]:
    """Yield everything in the quarantine of a cache, oldest first.

    Raises:
        EvidenceError: the quarantine is behind a link.
        OSError: it cannot be read.
    """
    for folder in _folders(cache_root):
        if os.path.lexists(folder):  # else pruned meanwhile
            yield descriptions.read(cache_root, folder)


def find(cache_roots: Iterable[Path], text: str) -> Evidence:
    """The item with an id, or with an id that begins so.

    Raises:
        EvidenceError: there is none, or there are several.
        OSError: a quarantine cannot be read.
    """
    found = [
        (root, folder)
        for root in cache_roots
        for folder in _folders(root)
        if text and folder.name.startswith(text)
    ]
    found = [one for one in found if one[1].name == text] or found
    if not found:
        raise EvidenceError(
            f"there is no item {text!a} in quarantine; see: pipmend quarantine list"
        )
    if len(found) == 1:
        return descriptions.read(*found[0])
    ids = [folder.name for _, folder in found]
    if len(set(ids)) < len(ids):
        roots = ", ".join(str(root) for root, _ in found[:_MOST_CANDIDATES])
        raise EvidenceError(f"{text} is in several caches; give --cache: {roots}")
    more = len(ids) - _MOST_CANDIDATES
    listed = ", ".join(ids[:_MOST_CANDIDATES]) + (f" and {more} more" * (more > 0))
    raise EvidenceError(f"{text!a} may be any of {listed}; type more of it")


def older_than(cache_root: Path, moment: float) -> Iterator[Evidence]:
    """Yield the items from before a moment, in seconds since 1970.

    Raises:
        OSError: the quarantine cannot be read.
    """
    for item in items(cache_root):
        if item.quarantined_at is not None and item.quarantined_at < moment:
            yield item


def files_of(item: Evidence) -> Iterator[KeptFile]:
    """Yield the files of an item by name; what is behind a link does not count."""
    if untrusted.is_folder(item.folder):
        for path in untrusted.files_below(item.folder):
            name = path.relative_to(item.folder).as_posix()
            yield KeptFile(name, untrusted.size_of(path))
    else:
        yield KeptFile(item.id, untrusted.size_of(item.folder))


def _folders(cache_root: Path) -> list[Path]:
    """Everything in a quarantine, whatever it is; the names begin with the time."""
    folder = quarantine.folder_of(cache_root)
    link = quarantine.link_in_the_way(cache_root)
    if link is not None:
        raise EvidenceError(f"{link} is a link, which is not followed: remove it")
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    return [folder / name for name in names if not name.startswith(GOING)]
