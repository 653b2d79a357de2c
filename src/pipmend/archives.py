"""Package files judged by their own structure, where no digest is told.

Members are read, so that their checksums are compared, only in small archives: on a
large one that would cost more than pip's own work with it.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING

from pipmend import codings

if TYPE_CHECKING:
    from typing import BinaryIO

LARGEST_READ = 8 * 1024 * 1024
"""Bytes of an archive whose members are read."""

_LARGEST_MEMBERS = 256 * 1024 * 1024  # bytes of content, against decompression bombs
_CHUNK_SIZE = 256 * 1024

ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    struct.error,
    # Loaded by zipfile, unless Python was built without it.
    getattr(sys.modules.get("lzma"), "LZMAError", zlib.error),
)
"""What reading a damaged archive raises."""


def flaw_of(body: BinaryIO, size: int, name: str, *, deep: bool = False) -> str | None:
    """Say in a few words why a file is no whole archive, or None if it looks whole.

    Args:
        body: the open file; left anywhere.
        size: bytes of the file.
        name: the file's name, which tells what it must be; empty if not known.
        deep: read all members, however large.
    """
    body.seek(0)
    start = body.read(4)
    lower = name.lower()
    reads = deep or size <= LARGEST_READ
    if lower.endswith(".metadata"):
        return _flaw_of_core_metadata(body)
    if lower.endswith((".whl", ".zip", ".egg")) or start.startswith(b"PK\x03\x04"):
        return _flaw_of_zip(body, reads=reads)
    if lower.endswith((".tar.gz", ".tgz")) or start.startswith(b"\x1f\x8b\x08"):
        if not start.startswith(b"\x1f\x8b"):
            return "no gzip file"
        return _flaw_of_gzip(body) if reads else None
    return None


def _flaw_of_zip(body: BinaryIO, *, reads: bool) -> str | None:
    try:
        with zipfile.ZipFile(body) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if not reads or total > _LARGEST_MEMBERS:
                return None
            for member in members:
                with archive.open(member) as content:
                    while content.read(_CHUNK_SIZE):
                        pass
    except ERRORS:
        return "no whole zip file"
    except OSError as error:
        if error.errno:
            raise
        return "no whole zip file"  # bz2's word for a damaged stream
    return None


def _flaw_of_gzip(body: BinaryIO) -> str | None:
    try:
        total = 0
        for chunk in codings.decoded(body, "gzip"):
            total += len(chunk)
            if total > _LARGEST_MEMBERS:
                return None
    except codings.CodingError as error:
        return str(error)
    return None


def _flaw_of_core_metadata(body: BinaryIO) -> str | None:
    body.seek(0)
    text = body.read(_CHUNK_SIZE)
    if b"\0" in text:
        return "NUL bytes in core metadata"
    if b"Metadata-Version:" not in text or b"\nName:" not in b"\n" + text:
        return "no core metadata"
    return None
