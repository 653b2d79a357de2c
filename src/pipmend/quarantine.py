"""Quarantine: what must go is moved aside, never deleted, with its verdict.

One folder an item, ``<cache root>/pipmend/quarantine/<id>/``, on the file system of
the cache, so that moving is a rename. The folder is private to the user. An item is
one corrupt entry, or all leftovers of one sweep.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import shutil
import time
from typing import TYPE_CHECKING

from pipmend import atomic, digests, entries, untrusted
from pipmend.errors import QuarantineError
from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipmend._compat.layouts import Place
    from pipmend.config import Settings
    from pipmend.entries import FileIdentity, Stamp

LONGEST_AGE = 30 * 24 * 3600
"""Seconds after which an item is dropped when another one comes in."""

LARGEST_TOTAL = 1024 * 1024 * 1024
"""Bytes that all items may take; the oldest go first, the newest always stays."""

LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of a body that is kept whole.

A quarter of the total, so that one item cannot drive out all others. Nearly every
file of an index is smaller; of the others both ends and the digest tell most.
"""

LONGEST_END = 1024 * 1024
"""Bytes that are kept of each end of a larger body."""

OWN_FOLDER = "pipmend"
DESCRIPTION_NAME = "verdict.json"
METADATA_NAME = "metadata"
BODY_NAME = "body"
HEAD_NAME = "body.head"
TAIL_NAME = "body.tail"
FILES_NAME = "files"
"""The folder that holds swept files, below their paths in the cache."""

_SHA256_SIZE = 32


class Kind(enum.Enum):
    """What an item is. The values are stable codes for scripts."""

    ENTRY = "entry"
    """A corrupt entry; so are all items that do not say."""
    LEFTOVERS = "leftovers"
    """Files that nothing needs any more, of one sweep."""
    UNREADABLE = "unreadable"
    """It does not say what it is, or is no item at all."""


class Kept(enum.Enum):
    """How much of a body is kept. The values are stable codes for scripts."""

    WHOLE = "whole"
    HEAD_AND_TAIL = "head-and-tail"
    NONE = "none"


class Item(Record):
    """One item of the quarantine."""

    id: str
    folder: Path


class EntryGoneError(QuarantineError):
    """The entry is no longer the one that was judged; somebody else was there."""


class Bounds(Record):
    """How long and how much a quarantine keeps."""

    longest_age: float = LONGEST_AGE
    """Seconds."""
    largest_total: int = LARGEST_TOTAL
    """Bytes."""

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """The bounds that are set, else the usual ones."""
        age, total = settings.longest_age, settings.largest_total
        return cls(
            LONGEST_AGE if age is None else age,
            LARGEST_TOTAL if total is None else total,
        )


DEFAULT_BOUNDS = Bounds()


def folder_of(cache_root: Path) -> Path:
    """The quarantine of a cache."""
    return cache_root / OWN_FOLDER / "quarantine"


def isolate(
    place: Place, stamp: Stamp, item_id: str, description: dict[str, object]
) -> Item:
    """Move the files of an entry to quarantine, the metadata first.

    A body of more than `LARGEST_BODY` bytes is then cut to its ends.

    Raises:
        EntryGoneError: the entry changed since it was judged; it was left alone.
        QuarantineError: the files could not be moved; the message says why.
    """
    if entries.stamp_of(place) != stamp:
        raise EntryGoneError(f"{place.metadata} was changed by another process")
    item = Item(item_id, folder_of(place.cache_root) / item_id)
    try:
        make_private(place.cache_root, item.folder)
        move(place.metadata, item.folder / METADATA_NAME, stamp.metadata)
    except (OSError, EntryGoneError) as error:
        remove_if_empty(item.folder)
        if isinstance(error, EntryGoneError):
            raise
        raise QuarantineError(str(error.strerror or error)) from error
    # Without its metadata the entry is a miss for every pip: from here on nothing
    # that fails may undo the move.
    with contextlib.suppress(OSError, EntryGoneError):
        if place.body is not None and stamp.body is not None:
            move(place.body, item.folder / BODY_NAME, stamp.body)
    with contextlib.suppress(OSError):
        _describe_entry(item, place, description)
    return item


def is_own(relative: Path) -> bool:
    """Whether a path relative to a cache root is none of pip's, but pipmend's own."""
    return not relative.parts or relative.parts[0].lower() == OWN_FOLDER


def prune(
    cache_root: Path, bounds: Bounds = DEFAULT_BOUNDS, *, keep: str | None = None
) -> None:
    """Drop items beyond the bounds of age and size, oldest first.

    Leftovers go before entries: a large sweep must not cost the evidence.

    Args:
        cache_root: the folder of the cache.
        bounds: what may stay.
        keep: an item that stays in any case.

    Raises:
        OSError: the quarantine cannot be read.
    """
    if link_in_the_way(cache_root) is not None:
        return
    total = 0
    oldest_kept = time.time() - bounds.longest_age
    folders = [
        path for path in folder_of(cache_root).iterdir() if not path.is_symlink()
    ]
    # Ids start with the time, so their order is the order of age.
    folders.sort(reverse=True)
    folders.sort(key=lambda folder: (folder / FILES_NAME).is_dir())
    for folder in folders:
        total += sum(_size_below(folder))
        is_old = folder.lstat().st_mtime < oldest_kept
        if folder.name != keep and (is_old or total > bounds.largest_total):
            shutil.rmtree(folder, ignore_errors=True)


def link_in_the_way(cache_root: Path) -> Path | None:
    """The link on the way to a quarantine, if any: what lies there is another's."""
    folder = folder_of(cache_root)
    return next((path for path in (folder.parent, folder) if path.is_symlink()), None)


def _size_below(folder: Path) -> list[int]:
    return [path.lstat().st_size for path in folder.rglob("*")]


def describe(folder: Path, description: Mapping[str, object]) -> None:
    """Write what is known of an item, or do without."""
    text = json.dumps(description, indent=2) + "\n"
    with contextlib.suppress(OSError):
        atomic.replace(folder / DESCRIPTION_NAME, text.encode())


def _describe_entry(item: Item, place: Place, description: dict[str, object]) -> None:
    """Write the description of an entry, and cut a body that is too large."""
    name = METADATA_NAME if place.body is None else BODY_NAME
    size = untrusted.size_of(item.folder / name)
    told = {
        **description,
        "kind": Kind.ENTRY.value,
        "body_size": size,
        "body_sha256": None,
        "body_kept": (Kept.NONE if size is None else Kept.WHOLE).value,
    }
    describe(item.folder, told)
    if size is not None and size > LARGEST_BODY:
        _cut(item.folder / name, told)


def _cut(body: Path, told: dict[str, object]) -> None:
    """Replace a body by its ends and its digest; if that fails, it stays whole.

    Raises:
        OSError: it has failed.
    """
    head, tail = body.with_name(HEAD_NAME), body.with_name(TAIL_NAME)
    with contextlib.ExitStack() as undo:
        undo.callback(untrusted.remove, head)
        undo.callback(untrusted.remove, tail)
        with untrusted.open_file(body) as file:
            sha256 = digests.measure(file, digests.SHA256, _SHA256_SIZE)
            atomic.write_new(head, file.read(LONGEST_END))
            file.seek(-LONGEST_END, os.SEEK_END)
            atomic.write_new(tail, file.read(LONGEST_END))
        kept = {"body_sha256": sha256.hex(), "body_kept": Kept.HEAD_AND_TAIL.value}
        undo.callback(describe, body.parent, told)
        text = json.dumps({**told, **kept}, indent=2) + "\n"
        # The digest is on disk before the body goes.
        atomic.replace(body.with_name(DESCRIPTION_NAME), text.encode())
        body.unlink()
        undo.pop_all()


def make_private(cache_root: Path, folder: Path) -> None:
    """Make an item's folder; a link in its way is refused, not followed.

    Raises:
        QuarantineError: there is a link.
        OSError: it cannot be made.
    """
    for path in (cache_root / OWN_FOLDER, folder_of(cache_root)):
        path.mkdir(atomic.PRIVATE_FOLDER, exist_ok=True)
        if path.is_symlink():
            raise QuarantineError(f"{path} is a link")
    folder.mkdir(atomic.PRIVATE_FOLDER)


def move(source: Path, target: Path, judged: FileIdentity | None) -> None:
    """Move what was judged, and nothing that came in its place meanwhile.

    Raises:
        EntryGoneError: something else is there, or nothing.
        OSError: it cannot be moved.
    """
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


def remove_if_empty(folder: Path) -> None:
    """Remove a folder, unless there is anything in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
