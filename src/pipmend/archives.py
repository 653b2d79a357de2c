"""Package files judged by their own structure, where no digest is told.

Members are read, so that their checksums are compared, only in small archives: on a
large one that would cost more than pip's own work with it.
"""

from __future__ import annotations

import enum
import struct
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING, NoReturn, cast

from pipmend import codings
from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

LARGEST_READ = 8 * 1024 * 1024
"""Bytes of an archive whose members are read while pip waits."""

_LARGEST_CONTENT = 256 * 1024 * 1024  # bytes, against decompression bombs
_LARGEST_RATIO = 100  # of content to archive; real packages stay below 20
_LARGEST_DIRECTORY = 8 * 1024 * 1024
"""Bytes of a zip file's directory, which is read into memory as a whole."""
_CHUNK_SIZE = 256 * 1024
_LOCAL = struct.Struct("<26x2H")
"""A member's own header, with the sizes of its name and extra field (APPNOTE 4.3.7)."""
_UNBOUNDED = {
    zipfile.ZIP_BZIP2: slice(3),
    zipfile.ZIP_LZMA: slice(2, 4),
}
"""Methods that zipfile inflates without a bound, and where their streams are marked."""
_MARKS = (b"BZh", b"\x05\x00")


class Depth(enum.Enum):
    """How far a look goes where no digest is known."""

    QUICK = enum.auto()
    """Into small archives: pip is waiting."""
    DEEP = enum.auto()
    """Into archives of any size, up to a bound of content: pip has failed."""
    FULL = enum.auto()
    """Into everything that is no bomb: a person asked for it."""

    def largest_content(self, size: int) -> int:
        """Bytes of content that are read of an archive of so many bytes."""
        if self is Depth.QUICK and size > LARGEST_READ:
            return 0
        if self is Depth.FULL:
            return max(_LARGEST_CONTENT, size * _LARGEST_RATIO)
        return _LARGEST_CONTENT


class Look(Record):
    """What a look at a file has shown."""

    flaw: str | None
    """In a few words why it is no whole archive; None if it looks whole."""
    is_confirmed: bool = False
    """Whether checksums of its own have confirmed all its content."""


class TooLargeError(Exception):
    """A zip file has, or says that it has, more in it than is worth a look."""


_LOOKS_WHOLE = Look(None)
_CONFIRMED = Look(None, is_confirmed=True)

ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    struct.error,
    OverflowError,  # an offset beyond that of any file
    # Loaded by zipfile, unless Python was built without it.
    getattr(sys.modules.get("lzma"), "LZMAError", zlib.error),
)
"""What reading a damaged archive raises."""


def look(body: BinaryIO, size: int, name: str, depth: Depth = Depth.QUICK) -> Look:
    """Look whether a file is a whole archive.

    Args:
        body: the open file; left anywhere.
        size: bytes of the file.
        name: the file's name, which tells what it must be; empty if not known.
        depth: how far to look.
    """
    body.seek(0)
    start = body.read(4)
    lower = name.lower()
    largest = depth.largest_content(size)
    if lower.endswith(".metadata"):
        return _look_at_core_metadata(body)
    if lower.endswith((".whl", ".zip", ".egg")) or start.startswith(b"PK\x03\x04"):
        return _look_at_zip(body, largest)
    if lower.endswith((".tar.gz", ".tgz")) or start.startswith(b"\x1f\x8b\x08"):
        if not start.startswith(b"\x1f\x8b"):
            return Look("no gzip file")
        return _look_at_gzip(body, largest) if largest else _LOOKS_WHOLE
    return _LOOKS_WHOLE


def open_zip(body: BinaryIO) -> zipfile.ZipFile:
    """Open a zip file, unless its directory is too large.

    Raises:
        TooLargeError: it is.
        zipfile.BadZipFile: and others of `ERRORS`: the file is damaged.
    """
    return zipfile.ZipFile(cast("BinaryIO", _Measured(body)))


def content_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the content of a member in pieces.

    Raises:
        TooLargeError: nobody can tell beforehand how large the pieces would be.
        zipfile.BadZipFile: and others of `ERRORS`: the file is damaged.
    """
    if member.compress_type in _UNBOUNDED:
        _refuse(archive, member)
    with archive.open(member) as content:
        while chunk := content.read(_CHUNK_SIZE):
            yield chunk


def _refuse(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NoReturn:
    """Do not read BZip2 and LZMA, which no package has; say if it is not even that."""
    file = cast("BinaryIO", archive.fp)
    file.seek(member.header_offset)
    name_size, extra_size = _LOCAL.unpack(file.read(_LOCAL.size))
    file.read(name_size + extra_size)
    if file.read(4)[_UNBOUNDED[member.compress_type]] in _MARKS:
        raise TooLargeError
    raise zipfile.BadZipFile


def start_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int) -> bytes:
    """The first bytes of a member.

    Raises:
        zipfile.BadZipFile: and others of `ERRORS`: the file is damaged.
    """
    start = bytearray()
    for chunk in content_of(archive, member):
        start += chunk
        if len(start) >= largest:
            break
    return bytes(start[:largest])


class _Measured:
    """A file of which no more is read at once because it says so itself."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._read = file.read

    def read(self, size: int = -1) -> bytes:
        if size > _LARGEST_DIRECTORY:
            raise TooLargeError
        return self._read(size)


def _look_at_zip(body: BinaryIO, largest: int) -> Look:
    try:
        with open_zip(body) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > largest:
                return _LOOKS_WHOLE
            for member in members:
                for _ in content_of(archive, member):
                    pass
    except TooLargeError:
        return _LOOKS_WHOLE
    except ERRORS:
        return Look("no whole zip file")
    except OSError as error:
        if error.errno:
            raise
        return Look("no whole zip file")  # bz2's word for a damaged stream
    return _CONFIRMED


def _look_at_gzip(body: BinaryIO, largest: int) -> Look:
    try:
        total = 0
        for chunk in codings.decoded(body, "gzip"):
            total += len(chunk)
            if total > largest:
                return _LOOKS_WHOLE
    except codings.CodingError as error:
        return Look(str(error))
    return _CONFIRMED


def _look_at_core_metadata(body: BinaryIO) -> Look:
    body.seek(0)
    text = body.read(_CHUNK_SIZE)
    if b"\0" in text:
        return Look("NUL bytes in core metadata")
    if b"Metadata-Version:" not in text or b"\nName:" not in b"\n" + text:
        return Look("no core metadata")
    return _LOOKS_WHOLE
