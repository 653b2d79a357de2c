"""Where the damage is: a byte position, and a look at the bytes around it.

A digest tells that bytes are wrong, not which. What can be found is where a stream
stops to decode, where a page stops to parse, and where zeros begin that a file system
left behind.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple

import msgpack

from pipmend import archives, codings, pages
from pipmend.archives import Depth, TooLargeError
from pipmend.metadata import MOST_ITEMS, PREFIX

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from typing import BinaryIO

LARGEST_PART = 64 * 1024 * 1024
"""Bytes of a file in which damage is looked for."""

_WINDOW_BEFORE, _WINDOW_AFTER = 32, 48
_ROW = 16

# Shorter runs are found in healthy files; a lost block has 512 bytes at least.
_ZEROS = re.compile(rb"\0{512,}")


class Spot(NamedTuple):
    """A place in a file where something is wrong."""

    position: int
    """Bytes from the start of the file."""
    words: str
    """What is wrong there."""


def in_metadata(data: bytes) -> Spot | None:
    """Where metadata stops to be what pip writes; None if that cannot be told."""
    for at, (found, expected) in enumerate(zip(data, PREFIX)):
        if found != expected:
            return Spot(at, f"the format marker {PREFIX!r} is expected here")
    unpacker = msgpack.Unpacker(
        raw=False,
        max_buffer_size=LARGEST_PART,
        max_array_len=MOST_ITEMS,
        max_map_len=MOST_ITEMS,
    )
    unpacker.feed(data[len(PREFIX) :])
    try:
        unpacker.unpack()
    except msgpack.OutOfData:
        return Spot(len(data), "the map goes on, the file ends")
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        return _zeros_in(data) or Spot(
            len(PREFIX) + unpacker.tell(), "no msgpack from here on"
        )
    end = len(PREFIX) + unpacker.tell()
    return Spot(end, "more bytes than the map has") if end < len(data) else None


def in_body(body: BinaryIO, expected_size: int | None, coding: str) -> Spot | None:
    """Where a body stops to be what it should be; None if that cannot be told.

    Args:
        body: the open body; left anywhere.
        expected_size: bytes that it should have, where they are known.
        coding: its Content-Encoding.

    Raises:
        OSError: it cannot be read.
    """
    body.seek(0)
    data = body.read(LARGEST_PART)
    zeros = _zeros_in(data)
    if zeros is not None and zeros.position + 1 < len(data):
        is_tail = not data[zeros.position :].strip(b"\0")
        # In the middle of an archive zeros may be at home.
        if is_tail or not data.startswith(b"PK"):
            return zeros
    if expected_size is not None and len(data) < expected_size:
        return Spot(len(data), "the file ends here")
    if expected_size is not None and len(data) > expected_size:
        return Spot(expected_size, "the body should end here")
    return _in_structure(body, data, coding)


def window(file: BinaryIO, position: int) -> Iterator[str]:
    """Lines of a hex dump around a position, which is marked.

    Raises:
        OSError: it cannot be read.
    """
    start = max(position - _WINDOW_BEFORE, 0) // _ROW * _ROW
    file.seek(start)
    data = file.read(_WINDOW_BEFORE + _WINDOW_AFTER)
    for at in range(0, max(len(data), 1), _ROW):
        row = data[at : at + _ROW]
        codes = " ".join(f"{byte:02x}" for byte in row)
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)  # noqa: PLR2004
        is_here = start + at <= position < start + at + _ROW
        mark = ">" if is_here else " "
        yield f"{mark} {start + at:08x}  {codes:<{3 * _ROW - 1}}  {letters}"


def _zeros_in(data: bytes) -> Spot | None:
    match = _ZEROS.search(data)
    if match is None:
        return None
    return Spot(match.start(), f"{len(match[0]):,} NUL bytes begin here")


def _in_structure(body: BinaryIO, data: bytes, coding: str) -> Spot | None:
    if data.startswith(b"PK\x03\x04"):
        return _in_zip(body)
    if data.startswith(b"\x1f\x8b"):
        return _in_stream(body, "gzip")
    if coding and codings.is_known(coding):
        return _in_stream(body, coding)
    if data.lstrip()[:1] in {b"{", b"["}:
        return _in_json(data)
    return None


def _in_zip(body: BinaryIO) -> Spot | None:
    size = body.seek(0, os.SEEK_END)
    try:
        with archives.open_zip(body) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > Depth.FULL.largest_content(size):
                return None
            spots = (_in_member(archive, member) for member in members)
            return next((spot for spot in spots if spot is not None), None)
    except TooLargeError:
        return None
    except archives.ERRORS:
        return Spot(size, "no directory of the archive before this end")


def _in_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Spot | None:
    try:
        for _ in archives.content_of(archive, member):
            pass
    except archives.ERRORS as error:
        return Spot(member.header_offset, f"in {member.filename!a}: {error}")
    return None


def _in_stream(body: BinaryIO, coding: str) -> Spot | None:
    largest = Depth.FULL.largest_content(body.seek(0, os.SEEK_END))
    total = 0
    try:
        for chunk in codings.decoded(body, coding):
            total += len(chunk)
            if total > largest:
                return None
    except codings.CodingError as error:
        # The decoder reads in chunks: the damage is in the last one.
        end = body.tell()
        start = (end - 1) // codings.CHUNK_SIZE * codings.CHUNK_SIZE
        return Spot(max(start, 0), f"{error}, in the {end - start:,} bytes from here")
    return None


def _in_json(data: bytes) -> Spot | None:
    if pages.is_crowded(data):
        return None
    try:
        json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Spot(error.start, f"no UTF-8: {error.reason}")
    except json.JSONDecodeError as error:
        return Spot(len(error.doc[: error.pos].encode()), error.msg)
    except (ValueError, RecursionError):  # ValueError: a number of too many digits
        return None
    return None
