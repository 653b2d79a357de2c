"""Small files that hold, or say that they hold, very much."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20


def bare_of_zeros(size: int) -> bytes:
    """A stream of deflate; its blocks do not refer to one another."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = stream.compress(b"\0" * _BLOCK) + stream.flush(zlib.Z_FULL_FLUSH)
    return block * (size // _BLOCK) + stream.flush()


def deflate_of_zeros(size: int) -> bytes:
    """The same with the header of zlib; without its checksum, which is far away."""
    return b"\x78\xda" + bare_of_zeros(size)


def gzip_of_zeros(size: int) -> bytes:
    """The same with the header of gzip."""
    return gzip.compress(b"", mtime=0)[:10] + bare_of_zeros(size)


def gzip_in_gzip() -> bytes:
    """A few layers, the innermost of a gigabyte."""
    content = gzip_of_zeros(1 << 30)
    for _ in range(3):
        content = gzip.compress(content, mtime=0)
    return content


def empty_members(number: int) -> bytes:
    """One gzip member after the other, with nothing in any of them."""
    return gzip.compress(b"", mtime=0) * number


def wheel(members: dict[str, bytes]) -> bytes:
    """The wheel ``bomb-1.0-py3-none-any.whl``, with these files or its own."""
    info = "bomb-1.0.dist-info"
    whole = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: bomb\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
        **members,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in whole.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def wheel_of_many_tags(number: int) -> bytes:
    """Its one tag stands for as many as the third power of a number."""
    many = ".".join(f"x{one}" for one in range(number))
    tag = f"Wheel-Version: 1.0\nTag: {many}-{many}-{many}\n"
    return wheel({"bomb-1.0.dist-info/WHEEL": tag.encode()})


def wheel_with_record(record: bytes) -> bytes:
    """A wheel whose list of files is what it is."""
    return wheel({"bomb-1.0.dist-info/RECORD": record})


def bzip2_member(size: int) -> bytes:
    """A zip file whose one member is a few bytes of BZip2 and very many of zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        with archive.open("zeros", "w") as member:
            for _ in range(size // _BLOCK):
                member.write(b"\0" * _BLOCK)
        for part in ("METADATA", "WHEEL", "RECORD"):
            archive.writestr(
                f"bomb-1.0.dist-info/{part}", b"Name: bomb\nVersion: 1.0\n"
            )
    return buffer.getvalue()


def many_members(number: int) -> bytes:
    """A zip file with nothing in it but a long directory."""
    record = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, *[0] * 6
    )
    directory = b"".join((record + b"a",) * number)
    count = min(number, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), 4, 0)
    return b"PK\3\4" + directory + end


def far_member() -> bytes:
    """A zip file with a member at the largest offset that can be written down."""
    extra = struct.pack("<2HQ", 1, 8, (1 << 64) - 1)
    record = struct.pack(
        "<4s4B4HL2L5H2L",
        *(b"PK\1\2", 45, 3, 45, 0, 0, 0, 0, 33, 0, 1, 1, 1, len(extra)),
        *(0, 0, 0, 0, 0xFFFFFFFF),
    )
    directory = record + b"a" + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), 4, 0)
    return b"PK\3\4" + directory + end


def overlapping(number: int, size: int) -> bytes:
    """A zip file whose members all share one content."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = packed.compress(b"\0" * size) + packed.flush()
    check = zlib.crc32(b"\0" * size)
    local = struct.pack(
        "<4s2B4HL2L2H", b"PK\3\4", 20, 0, 0, 8, 0, 33, check, len(data), size, 1, 0
    )
    record = struct.pack(
        "<4s4B4HL2L5H2L",
        *(b"PK\1\2", 20, 3, 20, 0, 0, 8, 0, 33, check, len(data), size, 1),
        *([0] * 6),
    )
    directory = (record + b"a") * number
    at = len(local) + 1 + len(data)
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, number, number, len(directory), at, 0
    )
    return local + b"a" + data + directory + end


def write_hole_with_directory(path: Path, size: int) -> None:
    """A file that is a hole, but for an end that calls all of it a directory."""
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, size - 22, 0, 0)
    with path.open("wb") as file:
        file.write(b"PK\3\4")
        file.seek(size - len(end))
        file.write(end)
    assert os.stat(path).st_size == size  # noqa: PTH116
