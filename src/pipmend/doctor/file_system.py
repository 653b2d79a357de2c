"""Is it the file system: its space, its kind, its state, or a link to another one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.doctor.values import Code, Finding, Fine, Severity, Unknown
from pipmend.doctor.words import MOVE, described, disk, mib, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Mount, Surroundings

LEAST_BYTES = 100 * 1024 * 1024
"""Free bytes below which an ordinary install fails: pip keeps a wheel in a temporary
file, in the cache and unpacked at the same time."""
LITTLE_BYTES = 1024 * 1024 * 1024
"""Free bytes below which a large wheel (there are some of 800 MiB) may fail."""

LEAST_INODES = 100
"""Free inodes below which a dozen entries fail: one takes two files and up to five
folders."""
LITTLE_INODES = 10_000
"""Free inodes below which unpacking a few large packages fails."""

_LOCAL_MEMORY = frozenset({"tmpfs", "ramfs"})
_OVERLAYS = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "beegfs", "gpfs"}
    | {"glusterfs", "gfs2", "ocfs2", "davfs", "ncpfs", "orangefs", "wekafs"}
    # Shared with the machine around a virtual one.
    | {"9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "drvfs"}
)
_NETWORK_BY_PROGRAM = frozenset(
    {"sshfs", "s3fs", "rclone", "gcsfuse", "glusterfs", "juicefs", "davfs", "goofys"}
    | {"mount-s3", "blobfuse", "blobfuse2", "cephfs", "curlftpfs", "vmhgfs-fuse"}
)


def space(around: Surroundings) -> Iterator[Answer]:
    """Is there room for what pip stores?"""
    system = around.file_system
    what = f"{mib(system.free_bytes)} of {mib(system.total_bytes)} are free"
    if system.free_bytes >= LITTLE_BYTES:
        yield Fine("free space", what)
        return
    scarce = system.free_bytes < LEAST_BYTES
    yield Finding(
        Code.DISK_FULL,
        Severity.PROBLEM if scarce else Severity.WARNING,
        f"only {what} on {disk(around)}; what pip stores may be cut off",
        f"free {mib(LITTLE_BYTES)} or more on {disk(around)}",
    )


def inodes(around: Surroundings) -> Iterator[Answer]:
    """Is there room for more files?"""
    free, total = around.file_system.free_inodes, around.file_system.total_inodes
    if free is None or total is None:
        yield Unknown("inodes", "this file system has no fixed number, or tells none")
        return
    what = f"{free:,} of {total:,} inodes are free"
    if free >= LITTLE_INODES:
        yield Fine("inodes", what)
        return
    yield Finding(
        Code.INODES_LOW,
        Severity.PROBLEM if free < LEAST_INODES else Severity.WARNING,
        f"only {what} on {disk(around)}: no room for many files, whatever their size",
        f"remove trees of small files on {disk(around)}, such as unused environments",
    )


def kind(around: Surroundings) -> Iterator[Answer]:
    """Is it of a kind that may lose what was written?"""
    mount = around.file_system.mount
    if mount is None:
        yield Unknown("file system", "not known on this system")
    elif is_network(mount):
        soft = ", mounted soft: writes may be lost" if "soft" in mount.options else ""
        yield Finding(
            Code.NETWORK_FILE_SYSTEM,
            Severity.WARNING,
            f"the cache is on {described(mount)}{soft}; several machines may write to"
            " it at once, and a lost connection leaves half of an entry",
            f"move the cache to a local disk: {MOVE}",
        )
    elif mount.type in _OVERLAYS:
        yield Finding(
            Code.OVERLAY,
            Severity.NOTE,
            f"the cache is on {described(mount)}, as containers have: it is gone when"
            " the container is",
            f"if it should stay, mount a volume at {around.cache}",
        )
    elif mount.type in _LOCAL_MEMORY:
        yield Finding(
            Code.TMPFS,
            Severity.NOTE,
            f"the cache is in memory ({described(mount)}): it is gone when the machine"
            " restarts",
            f"if it should stay, move it to a disk: {MOVE}",
        )
    else:
        yield Fine("file system", described(mount))


def state(around: Surroundings) -> Iterator[Answer]:
    """Is it mounted read-only?"""
    mount = around.file_system.mount
    if around.file_system.read_only is None:
        yield Unknown("writable mount", "not known on this system")
    elif not around.file_system.read_only:
        yield Fine("writable mount", f"{disk(around)} is not read-only")
    elif mount is not None and "errors=remount-ro" in mount.options:
        yield Finding(
            Code.READ_ONLY,
            Severity.PROBLEM,
            f"{mount.point} is read-only, perhaps since its file system met an error",
            "look for errors of the disk: sudo dmesg -l err",
        )
    else:
        point = mount.point if mount else around.real
        yield Finding(
            Code.READ_ONLY,
            Severity.PROBLEM,
            f"{disk(around)} is read-only: pip can store nothing",
            f"mount it writable: {typed('sudo', 'mount', '-o', 'remount,rw', point)}",
        )


def links(around: Surroundings) -> Iterator[Answer]:
    """Is the cache, or a part of it, behind a link or on another file system?"""
    is_fine = True
    for part in around.parts:
        if part.elsewhere:
            is_fine = False
            yield Finding(
                Code.CACHE_IS_LINK,
                Severity.WARNING,
                f"{part.name} is on another file system than the rest of the cache:"
                " its broken entries cannot be moved to quarantine",
                f"have all of {around.cache} on one file system, such as by a link in"
                " the place of the whole folder",
            )
    linked = [(part.name, part.link) for part in around.parts if part.link is not None]
    if around.is_linked:
        linked.insert(0, (str(around.cache), around.real))
    if linked:
        is_fine = False
        name, target = linked[0]
        yield Finding(
            Code.CACHE_IS_LINK,
            Severity.NOTE,
            f"{name} is reached through a link and really is {target}",
            "when it is moved or removed, remember that both belong together",
        )
    if is_fine:
        yield Fine("links", "the cache folder and its parts are no links")


def is_network(mount: Mount) -> bool:
    """Whether a mount is on another machine."""
    front, _, program = mount.type.partition(".")
    return mount.type in _NETWORK or (
        front == "fuse" and program in _NETWORK_BY_PROGRAM
    )
