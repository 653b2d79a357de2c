"""The file system that a folder is on: its space, its state, its mount."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import urls

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_USER_OF_SOURCE = re.compile(r"^(//|)[^/]*@")

# Any other option may be a secret: what stands there is up to each file system.
_SHOWN = re.compile(
    r"ro|a?sync|soft|hard|nolock|noac|(no|rel)atime|no(suid|dev|exec)"
    r"|(vers|proto|local_lock|cache|size|nr_inodes|mode|uid|gid|errors)=.*"
)


class Mount(NamedTuple):
    """A mounted file system."""

    point: Path
    type: str
    """As the kernel calls it, such as ``ext4``, ``nfs4`` or ``fuse.sshfs``."""
    source: str
    """A device or a server, without user name and password."""
    options: tuple[str, ...]
    """Of the mount and of the file system; only what cannot be a secret."""


class FileSystem(NamedTuple):
    """The file system of a folder."""

    free_bytes: int
    """What this user may still write."""
    total_bytes: int
    free_inodes: int | None
    """None where the system does not tell, or their number has no bound."""
    total_inodes: int | None
    read_only: bool | None
    mount: Mount | None


def file_system_of(folder: Path) -> FileSystem:
    """Space, state and mount of the file system that a folder is on.

    Raises:
        OSError: it cannot be asked.
    """
    if not hasattr(os, "statvfs"):
        usage = shutil.disk_usage(folder)
        return FileSystem(usage.free, usage.total, None, None, None, None)
    told = os.statvfs(folder)
    # Some, such as btrfs, make inodes as they need them and tell 0.
    bounded = told.f_files > 0
    return FileSystem(
        free_bytes=told.f_bavail * told.f_frsize,
        total_bytes=told.f_blocks * told.f_frsize,
        free_inodes=told.f_favail if bounded else None,
        total_inodes=told.f_files if bounded else None,
        read_only=bool(told.f_flag & os.ST_RDONLY),
        # Last, since asking mounts what is mounted on demand.
        mount=mount_of(folder),
    )


def mount_of(folder: Path, table: Path = _MOUNTS) -> Mount | None:
    """The mount that a folder is on; None where there is no table of mounts.

    Args:
        folder: a path without links.
        table: in the form of Linux (proc_pid_mountinfo(5)).
    """
    try:
        data = table.read_bytes()
    except OSError:
        return None
    found = None
    for mount in _mounts(data):
        # Of two on the same point, the later one hides the other.
        if mount.point in (folder, *folder.parents) and (
            found is None or len(mount.point.parts) >= len(found.point.parts)
        ):
            found = mount
    return found


def _mounts(table: bytes) -> Iterator[Mount]:
    for line in table.splitlines():
        fields = line.split(b" ")
        # A number of optional fields ends with a dash.
        end = fields.index(b"-", 6) if b"-" in fields[6:] else len(fields)
        if len(fields) < end + 4:
            continue
        words = [*fields[5].split(b","), *fields[end + 3].split(b",")]
        yield Mount(
            Path(_unescaped(fields[4])),
            _unescaped(fields[end + 1]),
            _source(_unescaped(fields[end + 2])),
            tuple(dict.fromkeys(filter(_SHOWN.fullmatch, map(_unescaped, words)))),
        )


def _unescaped(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), field))


def _source(text: str) -> str:
    return _USER_OF_SOURCE.sub(r"\1", urls.without_credentials(text))
