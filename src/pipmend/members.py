"""What archives hold, seen in small and bounded pieces, of damaged ones too.

Unlike the standard library's readers, nothing here reads more of an archive because
the archive says so, and an end that is missing hides nothing of the beginning.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

GZIP = 16 + zlib.MAX_WBITS
ZLIB = zlib.MAX_WBITS
BARE = -zlib.MAX_WBITS
"""The formats of :func:`inflated`, BARE for deflate without a frame."""

_STEP = 256  # bytes inflated at a time: what a damaged step holds is lost
_SMALL = 8 * 1024
_LARGEST_MEMBER = 64 * 1024
_LARGEST_DIRECTORY = 1024 * 1024
_LONGEST_HEADER = 1024

# The headers of a zip file (APPNOTE 4.3.7, 4.3.12, 4.3.16): signature, and
# flags, method, packed size, sizes of name and extra field;
# packed size, size of name, offset;
# size and offset of the directory.
_LOCAL = struct.Struct("<4s2xHH8xL4xHH")
_CENTRAL = struct.Struct("<4s16xL4xH12xL")
_END = struct.Struct("<4s8xLL2x")

ZIP_START = b"PK\x03\x04"
_CENTRAL_START = b"PK\x01\x02"
_END_START = b"PK\x05\x06"
_HAS_SIZES_BEHIND = 0x08  # flag of a member whose header does not tell its size

_TAR_MAGIC = slice(257, 262)
_TAR_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Found(NamedTuple):
    """A member of a zip file."""

    name: bytes
    offset: int
    """Where it begins."""
    packed: int
    """Bytes of its content as they are stored."""


def inflated(file: BinaryIO, form: int, limit: int) -> bytes:
    """The start of what a compressed stream holds, up to where it is damaged.

    Args:
        file: the open file, read from its start.
        form: ``GZIP``, ``ZLIB`` or ``BARE``.
        limit: bytes of content; of the file, no more than twice as many are read.
    """
    stream = zlib.decompressobj(form)
    content = bytearray()
    file.seek(0)
    # A stream may go on for ever without any content.
    for _ in range(2 * limit // _STEP):
        step = file.read(_STEP)
        if not step or stream.eof or len(content) >= limit:
            break
        try:
            content += stream.decompress(step, limit - len(content))
        except zlib.error:
            break
    return bytes(content)


def is_tar(start: bytes) -> bool:
    """Whether a file with this start is a tar file."""
    return start[_TAR_MAGIC] == b"ustar"


def of_tar(start: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and content of the members of a tar file, as far as its start has them.

    Of a path beyond 100 bytes, there may be no more than these.
    """
    position = 0
    while position + tarfile.BLOCKSIZE <= len(start):
        block = start[position : position + tarfile.BLOCKSIZE]
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            return
        if member.size < 0:
            return
        position += tarfile.BLOCKSIZE
        if member.type not in _TAR_EXTENSIONS:
            path = member.name.removeprefix("./")
            yield path, start[position : position + member.size]
        blocks = -(-member.size // tarfile.BLOCKSIZE)
        position += blocks * tarfile.BLOCKSIZE


def first_of_zip(start: bytes) -> Iterator[bytes]:
    """The names of the first members of a zip file, by its start alone."""
    position = 0
    while position >= 0 and position + _LOCAL.size <= len(start):
        header = _LOCAL.unpack_from(start, position)
        signature, flags, _, packed, name_size, extra_size = header
        if signature != ZIP_START:
            return
        position += _LOCAL.size
        if position + name_size <= len(start):
            yield start[position : position + name_size]
        position += name_size + extra_size + packed
        if flags & _HAS_SIZES_BEHIND:
            position = start.find(ZIP_START, position)


def directory_of(file: BinaryIO) -> bytes:
    """The central directory of a zip file, or its last part; empty if it is cut."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SMALL))
    tail = file.read(_SMALL)
    found = tail.rfind(_END_START)
    if found < 0 or found + _END.size > len(tail):
        return b""
    _, length, offset = _END.unpack_from(tail, found)
    end = size - len(tail) + found
    # Else it ends an archive that is itself a member of a cut one.
    if offset + length != end:
        return b""
    if length <= found:
        return tail[found - length : found]
    length = min(length, _LARGEST_DIRECTORY)
    file.seek(end - length)
    return file.read(length)


def with_ending(directory: bytes, ending: bytes) -> Iterator[Found]:
    """The members whose names end so, in the central directory of a zip file.

    From the last to the first. To look for the ending is much faster than to read
    the whole directory.
    """
    end = directory.rfind(ending)
    while end >= 0:
        start = directory.rfind(_CENTRAL_START, max(0, end - _LONGEST_HEADER), end)
        name_start = start + _CENTRAL.size
        if start >= 0 and name_start <= end:
            _, packed, name_size, offset = _CENTRAL.unpack_from(directory, start)
            name = directory[name_start : end + len(ending)]
            if len(name) == name_size:
                yield Found(name, offset, packed)
        end = directory.rfind(ending, 0, end)


def read(file: BinaryIO, member: Found) -> bytes:
    """The content of a small member of a zip file, as far as it can be read."""
    file.seek(member.offset)
    data = file.read(_SMALL)
    if len(data) < _LOCAL.size:
        return b""
    _, _, method, _, name_size, extra_size = _LOCAL.unpack_from(data)
    start = _LOCAL.size + name_size + extra_size
    content = data[start : start + member.packed]
    if method != zipfile.ZIP_STORED:
        content = inflated(io.BytesIO(content), BARE, _LARGEST_MEMBER)
    return content
