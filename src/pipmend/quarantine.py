"""Quarantine: corrupt entries are moved aside, never deleted, with their verdict.

One folder an item, ``<cache root>/pipmend/quarantine/<id>/``, on the file system of
the cache, so that moving is a rename. The folder is private to the user.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

from pipmend import atomic, entries
from pipmend.errors import QuarantineError

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend._compat.layouts import Place
    from pipmend.entries import FileIdentity, Stamp

LONGEST_AGE = 30 * 24 * 3600
"""Seconds after which an item is dropped when another one comes in."""

LARGEST_TOTAL = 1024 * 1024 * 1024
"""Bytes that all items may take; the oldest go first, the newest always stays."""

DESCRIPTION_NAME = "verdict.json"


class Item(NamedTuple):
    """One quarantined entry."""

    id: str
    folder: Path


class EntryGoneError(QuarantineError):
    """The entry is no longer the one that was judged; somebody else was there."""


def folder_of(cache_root: Path) -> Path:
    """The quarantine of a cache."""
    return cache_root / "pipmend" / "quarantine"


def isolate(
    place: Place, stamp: Stamp, item_id: str, description: dict[str, object]
) -> Item:
    """Move the files of an entry to quarantine, the metadata first.

    Raises:
        EntryGoneError: the entry changed since it was judged; it was left alone.
        QuarantineError: the files could not be moved; the message says why.
    """
    if entries.stamp_of(place) != stamp:
        raise EntryGoneError(f"{place.metadata} was changed by another process")
    item = Item(item_id, folder_of(place.cache_root) / item_id)
    try:
        _make_private(place.cache_root, item.folder)
        _move(place.metadata, item.folder / "metadata", stamp.metadata)
    except (OSError, EntryGoneError) as error:
        _remove_if_empty(item.folder)
        if isinstance(error, EntryGoneError):
            raise
        raise QuarantineError(str(error.strerror or error)) from error
    # Without its metadata the entry is a miss for every pip: from here on nothing
    # that fails may undo the move.
    with contextlib.suppress(OSError, EntryGoneError):
        if place.body is not None and stamp.body is not None:
            _move(place.body, item.folder / "body", stamp.body)
    with contextlib.suppress(OSError):
        text = json.dumps(description, indent=2) + "\n"
        atomic.write_new(item.folder / DESCRIPTION_NAME, text.encode())
    return item


def prune(cache_root: Path, *, keep: str) -> None:
    """Drop items beyond the bounds of age and size, oldest first, but never `keep`.

    Raises:
        OSError: the quarantine cannot be read.
    """
    total = 0
    oldest_kept = time.time() - LONGEST_AGE
    folders = [
        path for path in folder_of(cache_root).iterdir() if not path.is_symlink()
    ]
    # Ids start with the time, so their order is the order of age.
    for folder in sorted(folders, reverse=True):
        total += sum(_size_below(folder))
        is_old = folder.lstat().st_mtime < oldest_kept
        if folder.name != keep and (is_old or total > LARGEST_TOTAL):
            shutil.rmtree(folder, ignore_errors=True)


def _size_below(folder: Path) -> list[int]:
    return [path.lstat().st_size for path in folder.rglob("*")]


def _make_private(cache_root: Path, folder: Path) -> None:
    """Make an item's folder; a link in its way is refused, not followed."""
    for path in (cache_root / "pipmend", folder_of(cache_root)):
        path.mkdir(atomic.PRIVATE_FOLDER, exist_ok=True)
        if path.is_symlink():
            raise QuarantineError(f"{path} is a link")
    folder.mkdir(atomic.PRIVATE_FOLDER)


def _move(source: Path, target: Path, judged: FileIdentity | None) -> None:
    """Move what was judged, and nothing that came in its place meanwhile."""
    try:
        os.rename(source, target)  # noqa: PTH104 - never over an existing file
    except FileNotFoundError as error:
        raise EntryGoneError(f"{source} was moved by another process") from error
    moved = entries.identity_of(target)
    if not _is_same(moved, judged):
        _put_back(target, source)
        raise EntryGoneError(f"{source} was replaced by another process")


def _is_same(moved: FileIdentity | None, judged: FileIdentity | None) -> bool:
    """Renaming leaves a file's identity as it is, but for the time of its change."""
    if moved is None or judged is None:
        return False
    return moved._replace(changed_ns=judged.changed_ns) == judged


def _put_back(moved: Path, source: Path) -> None:
    try:
        os.link(moved, source, follow_symlinks=False)
    except (OSError, NotImplementedError):
        # Either a still newer file is there already, or links are not to be had.
        if not os.path.lexists(source):
            os.replace(moved, source)  # noqa: PTH105
    with contextlib.suppress(OSError):
        os.unlink(moved)  # noqa: PTH108 - in its place again, or outdated


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
