"""Deleting items for good."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pipmend import quarantine, untrusted
from pipmend.evidence.values import Purged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipmend.evidence.values import Evidence

GOING = ".purged-"
"""How the name of an item begins that is being deleted: it is renamed first, so that
nobody sees half of it."""


def purge(chosen: Iterable[Evidence], *, dry_run: bool = False) -> Purged:
    """Delete items for good, or only tell which.

    Raises:
        OSError: a quarantine cannot be read.
    """
    deleted, stayed = [], []
    for item in chosen:
        problem = None if dry_run else _try_to_delete(item)
        if problem is None:
            deleted.append(item)
        else:
            stayed.append(f"{item.id}: {problem}")
    return Purged(tuple(deleted), sum(item.bytes for item in deleted), tuple(stayed))


def delete(item: Evidence) -> None:
    """Delete an item; whoever looks meanwhile sees all of it or nothing.

    Raises:
        OSError: it cannot be moved out of sight; it is still there.
    """
    if not untrusted.is_folder(item.folder):
        item.folder.unlink()
        return
    going = item.folder.with_name(f"{GOING}{os.urandom(4).hex()}")
    item.folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)


def discard_remains(cache_root: Path) -> None:
    """Delete what an interrupted purge has left."""
    if quarantine.link_in_the_way(cache_root) is not None:
        return
    for path in quarantine.folder_of(cache_root).glob(f"{GOING}*"):
        shutil.rmtree(path, ignore_errors=True)


def _try_to_delete(item: Evidence) -> str | None:
    """Delete an item; in words why it is still there, None if it is gone."""
    try:
        delete(item)
    except OSError as error:
        return error.strerror or str(error)
    return None
