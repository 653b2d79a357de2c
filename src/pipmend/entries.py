"""Entries of pip's HTTP cache on disk, opened so that nothing strange can hurt.

Nothing here trusts what lies in the cache folder: only regular files are opened (a
link to one is as healthy as it is for pip), without blocking, and the handle that is
judged is the handle that pip is given.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from typing import TYPE_CHECKING, Union

from pipmend._compat.layouts import LARGEST_METADATA
from pipmend.records import Record
from pipmend.verdicts import Reason, Verdict, corrupt

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from pipmend._compat.layouts import Place

AnyPath = Union[str, "os.PathLike[str]"]
"""How a file may be named: for pip's entries nobody makes a Path."""

_LARGEST_INLINE = 1 << 30
"""Bytes of an entry with its body in the same file, which is read as a whole."""

_LARGEST_READ = 1 << 30
"""Bytes that every system reads in one call."""

SETTLING_SECONDS = 0.25
_TEMPORARY_SECONDS = 60.0
_TEMPORARY_OF_LIBRARY = "tmp????????"
"""What the library writes before it is renamed does not tell for which entry it is."""
_TICK_SECONDS = 2.0  # FAT's; other file systems have finer ones

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not hang pip
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""For what was no link a moment ago."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

# The process or the machine is in trouble, not the entry.
_PASSING_ERRORS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN}
    | {getattr(errno, name, errno.ENOMEM) for name in ("ESTALE", "ETIMEDOUT")}
)


class FileIdentity(Record):
    """What tells one state of a file from another."""

    device: int
    inode: int
    size: int
    """Bytes."""
    modified_ns: int
    changed_ns: int
    mode: int = 0
    """Kind and permissions."""

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        """The identity in the result of a stat call."""
        return cls._make(
            (
                status.st_dev,
                status.st_ino,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_mode,
            )
        )

    @property
    def is_regular(self) -> bool:
        """Whether it is a file, and no link, folder or device."""
        return stat.S_ISREG(self.mode)


class Stamp(Record):
    """The identities of an entry's files, None for what is not there."""

    metadata: FileIdentity | None
    body: FileIdentity | None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(identity.size for identity in self if identity is not None)

    @property
    def modified(self) -> float:
        """When a file was last modified, in seconds since 1970; 0 without any."""
        moments = (one.modified_ns for one in self if one is not None)
        return max(moments, default=0) / 1e9

    @property
    def is_fresh(self) -> bool:
        """Whether the next change may fall into the same tick of a file's clock."""
        return any(
            _is_younger(moment, _TICK_SECONDS)
            for one in self
            if one is not None
            for moment in (one.modified_ns, one.changed_ns)
        )

    def replaces(self, before: Stamp, *, has_body: bool) -> bool:
        """Whether the entry is there, and no file of it is one of those before."""
        if self.metadata is None or self.metadata == before.metadata:
            return False
        return not has_body or self.body not in {None, before.body}


class OpenEntry(Record):
    """An entry as it was read once; the body stays open."""

    place: Place
    stamp: Stamp
    """Of the directory entries themselves: of a link, not of what it points to."""
    content: Stamp
    """Of the files that were opened, behind any link."""
    metadata: bytes | Verdict
    body: BinaryIO | Verdict

    def close(self) -> None:
        """Close the body, which Windows does not move while it is open."""
        if not isinstance(self.body, Verdict):
            self.body.close()


_MISSING = corrupt(Reason.BODY_MISSING, "missing")


class StrangeFileError(Exception):
    """What lies there is no regular file; the message names it."""


def is_passing(error: OSError) -> bool:
    """Whether an error speaks of this process or moment, not of the file."""
    return error.errno in _PASSING_ERRORS


def identity_of(path: AnyPath) -> FileIdentity | None:
    """The identity of a directory entry, links not followed; None if not there."""
    try:
        return FileIdentity.of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def stamp_of(place: Place) -> Stamp:
    """The identities of an entry's files now."""
    body = None if place.body_path is None else identity_of(place.body_path)
    return Stamp(identity_of(place.metadata_path), body)


def open_entry(place: Place, stamp: Stamp | None = None) -> OpenEntry | None:
    """Read the metadata of an entry and open its body; None if there is no entry.

    Args:
        place: where its files are.
        stamp: the identities of its files, if they were looked at just before.

    Raises:
        OSError: for a passing trouble of this process, such as too many open files.
    """
    stamp = stamp or stamp_of(place)
    if stamp.metadata is None:
        return None
    metadata, identity = _read_metadata(place, stamp.metadata)
    if place.body_path is None or isinstance(metadata, Verdict):
        return OpenEntry(place, stamp, Stamp(identity, None), metadata, io.BytesIO())
    body = _open_body(place.body_path, stamp.body) if stamp.body else _MISSING
    opened = None
    if not isinstance(body, Verdict):
        opened = FileIdentity.of(os.fstat(body.fileno()))
    return OpenEntry(place, stamp, Stamp(identity, opened), metadata, body)


def is_being_stored(entry: OpenEntry) -> bool:
    """Whether another process may be between storing the metadata and the body.

    Metadata is written first and the body second (psf/cachecontrol#324), so a body
    that is missing or older may be about to come.
    """
    metadata, body = entry.stamp.metadata, entry.stamp.body
    path = entry.place.body
    if metadata is None or path is None:
        return False
    if body is not None and body.modified_ns > metadata.modified_ns:
        return is_written_in_place(path, body)
    if _is_younger(metadata.modified_ns, SETTLING_SECONDS):
        return True
    return any(
        _is_younger(identity.modified_ns, _TEMPORARY_SECONDS)
        for pattern in (f"{path.name}*.tmp", _TEMPORARY_OF_LIBRARY)
        for beside in path.parent.glob(pattern)
        for identity in [identity_of(beside)]
        if identity is not None
    )


def is_written_in_place(path: Path, identity: FileIdentity) -> bool:
    """Whether a file that is not whole may be about to become so.

    The library up to 0.14.1 writes into the file itself, with a lock beside it.
    """
    return _is_younger(identity.modified_ns, SETTLING_SECONDS) and (
        identity_of(path.with_name(f"{path.name}.lock")) is not None
    )


def _is_younger(modified_ns: int, seconds: float) -> bool:
    return abs(time.time() - modified_ns / 1e9) < seconds


def _read_metadata(
    place: Place, known: FileIdentity
) -> tuple[bytes | Verdict, FileIdentity | None]:
    # The one-file storage holds the body in the same file.
    largest = None if place.body_path is None else LARGEST_METADATA
    try:
        data, identity = _read_whole(place.metadata_path, known, largest)
    except (OSError, StrangeFileError) as error:
        return unreadable(Reason.METADATA_UNREADABLE, error), None
    if largest is not None and len(data) > largest:
        return corrupt(Reason.METADATA_SHAPE, "too large for metadata"), identity
    return data, identity


def _read_whole(
    path: AnyPath, known: FileIdentity, largest: int | None
) -> tuple[bytes, FileIdentity]:
    """Read a file, or one byte more than `largest` of a larger one.

    Raises:
        OSError: also, as for want of memory, where no bound is given and it is huge.
    """
    descriptor = _open_descriptor(path, known)
    try:
        status = os.fstat(descriptor)
        _check_regular(status)
        size = status.st_size
        if largest is None and size > _LARGEST_INLINE:
            raise OSError(errno.ENOMEM, "too large to be judged", str(path))
        missing = size if largest is None else min(size, largest + 1)
        pieces = []
        while missing and (piece := os.read(descriptor, min(missing, _LARGEST_READ))):
            pieces.append(piece)
            missing -= len(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces), FileIdentity.of(status)


def _open_body(path: AnyPath, known: FileIdentity) -> BinaryIO | Verdict:
    try:
        return open_regular(path, known)
    except (OSError, StrangeFileError) as error:
        return unreadable(Reason.BODY_UNREADABLE, error)


def unreadable(reason: Reason, error: OSError | StrangeFileError) -> Verdict:
    """The verdict on a file that could not be opened or read.

    Raises:
        OSError: the given one, when it is passing.
    """
    if isinstance(error, StrangeFileError):
        return corrupt(reason, str(error), "a file")
    if is_passing(error):
        raise error
    if isinstance(error, FileNotFoundError):
        return corrupt(reason, "a dangling link", "a file")
    found = os.strerror(error.errno).lower() if error.errno else "damaged"
    return corrupt(reason, found)


def open_regular(path: AnyPath, known: FileIdentity | None = None) -> BinaryIO:
    """Open a regular file, or a link to one, without ever blocking.

    Args:
        path: the file.
        known: what it was when it was looked at just before.
    """
    descriptor = _open_descriptor(path, known)
    try:
        _check_regular(os.fstat(descriptor))
        # Of a size that is told, so that nobody asks whether it is a terminal.
        return open(descriptor, "rb", io.DEFAULT_BUFFER_SIZE)  # noqa: PTH123
    except BaseException:
        os.close(descriptor)
        raise


def _open_descriptor(path: AnyPath, known: FileIdentity | None) -> int:
    # A device must not even be opened; no more than that depends on what is known.
    if known is None or not known.is_regular:
        _check_regular(os.stat(path))  # noqa: PTH116 - as text, mostly
        return os.open(path, _OPEN_FLAGS)
    return os.open(path, _OPEN_FLAGS | _NO_LINK)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise StrangeFileError(kind)
