"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

_WRITE = (
    os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_WRITE_NEW = _WRITE | os.O_WRONLY | os.O_EXCL
_APPEND = _WRITE | os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)

_LOOKS, _BETWEEN_LOOKS = 5, 0.002
"""How often, and after how many seconds, a line is seen to have no end: a file may
grow in steps while one of more than a page is written."""


def write_new(path: Path, data: bytes) -> None:
    """Write a private file that must not exist yet.

    Raises:
        OSError: it exists, or cannot be written.
    """
    descriptor = os.open(path, _WRITE_NEW, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def append_line(path: Path, line: bytes) -> None:
    """Append to a private file in one write, so that lines never mix.

    After a line that was cut off, as a full disk does it, a new one is begun.

    Raises:
        OSError: it cannot be written, or not in one piece.
    """
    descriptor = os.open(path, _APPEND, PRIVATE_FILE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path}: no regular file")
        if _ends_torn(descriptor):
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError(f"{path}: a line was written in part")
    finally:
        os.close(descriptor)


def _ends_torn(descriptor: int) -> bool:
    """Whether the last line of a file was cut off, and is not just being written."""
    for _ in range(_LOOKS):
        if os.lseek(descriptor, 0, os.SEEK_END) == 0:
            return False
        os.lseek(descriptor, -1, os.SEEK_END)
        if os.read(descriptor, 1) == b"\n":
            return False
        time.sleep(_BETWEEN_LOOKS)
    return True


def replace(path: Path, data: bytes) -> None:
    """Write a private file, in one step where there was another.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    temporary = path.with_name(f"{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        write_new(temporary, data)
        os.replace(temporary, path)  # noqa: PTH105 - as everywhere
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
