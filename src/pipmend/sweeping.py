"""Sweeping: files that nothing needs any more are moved to quarantine as one item.

What commands do; inside pip only entries are moved.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, quarantine, untrusted
from pipmend.errors import QuarantineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipmend.entries import FileIdentity


class SweptItem(NamedTuple):
    """What became of the files of one sweep."""

    item: quarantine.Item
    """Its folder is not there when nothing was moved."""
    moved: int
    bytes: int
    """Of the files that were moved."""
    stayed: int
    """Files that were changed meanwhile, or could not be moved."""


def sweep(
    cache_root: Path,
    item_id: str,
    files: Iterable[tuple[Path, FileIdentity]],
    description: Mapping[str, object],
) -> SweptItem:
    """Move files that nothing needs any more into one item.

    A file stays where it is when it is no longer the one that was judged, is no
    regular file, or does not lie in the cache without a link on the way.

    Args:
        cache_root: the folder of the cache.
        item_id: name of the new item.
        files: each with its identity when it was judged; taken one by one.
        description: what is known of them, for ``verdict.json``.

    Raises:
        QuarantineError: there is no place for an item; nothing was moved.
    """
    item = quarantine.Item(item_id, quarantine.folder_of(cache_root) / item_id)
    try:
        quarantine.make_private(cache_root, item.folder)
    except OSError as error:
        raise QuarantineError(str(error.strerror or error)) from error
    told = {**description, "id": item_id, "kind": quarantine.Kind.LEFTOVERS.value}
    # First: a kill must not leave nameless files.
    quarantine.describe(item.folder, told)
    moved = size = stayed = 0
    for path, judged in files:
        if _sweep_file(cache_root, item, path, judged):
            moved += 1
            size += judged.size
        else:
            stayed += 1
    if moved:
        quarantine.describe(item.folder, {**told, "files": moved, "bytes": size})
    else:
        _remove_without_files(item.folder)
    return SweptItem(item, moved, size, stayed)


def _sweep_file(
    cache_root: Path, item: quarantine.Item, path: Path, judged: FileIdentity
) -> bool:
    """Move one leftover; whether it was moved."""
    relative = _below(cache_root, path)
    if relative is None or _passes_link(cache_root, relative):
        return False
    try:
        if untrusted.size_of(path) is None or entries.identity_of(path) != judged:
            return False
        target = item.folder / quarantine.FILES_NAME / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        quarantine.move(path, target, judged)
    except (OSError, quarantine.EntryGoneError):
        return False
    return True


def _below(cache_root: Path, path: Path) -> Path | None:
    """The path of a file relative to its cache; None if it is none of its files."""
    try:
        relative = path.relative_to(cache_root)
    except ValueError:
        return None
    is_foreign = quarantine.is_own(relative) or os.pardir in relative.parts
    return None if is_foreign else relative


def _passes_link(cache_root: Path, relative: Path) -> bool:
    """Whether a link lies on the way from the cache root to a path below it."""
    ways = list(relative.parents)[:-1]
    return any((cache_root / way).is_symlink() for way in ways)


def _remove_without_files(folder: Path) -> None:
    """Remove an item that holds no file but its description."""
    for root, _, _ in os.walk(folder / quarantine.FILES_NAME, topdown=False):
        quarantine.remove_if_empty(Path(root))
    if not (folder / quarantine.FILES_NAME).exists():
        untrusted.remove(folder / quarantine.DESCRIPTION_NAME)
        quarantine.remove_if_empty(folder)
