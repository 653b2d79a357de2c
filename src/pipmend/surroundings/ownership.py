"""Whose a cache folder is, and whether pip would use it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def is_used_by_pip(folder: Path) -> bool:
    """Whether a pip of this user would use a cache folder: pip's ``check_path_owner``.

    What exists of the path must be writable; for root, it must belong to root, so
    that ``sudo pip`` does not fill the cache of somebody else.
    """
    if not hasattr(os, "geteuid"):
        return True
    found = next(filter(os.path.lexists, (folder, *folder.parents)), None)
    if found is None or os.geteuid() != 0:
        return found is not None and os.access(found, os.W_OK)
    try:
        descriptor = os.open(found, _OPEN_FLAGS)
    except OSError:
        return False
    try:
        return os.fstat(descriptor).st_uid == 0
    finally:
        os.close(descriptor)


def name_of(uid: int) -> str:
    """Name and number of a user, such as ``root (0)``; the number if it has no name."""
    import pwd  # noqa: PLC0415 - absent on Windows

    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)
