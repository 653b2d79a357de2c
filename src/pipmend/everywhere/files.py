"""Files that everybody may read and only the owner may change, whatever the umask."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = 0o644
FOLDER = 0o755
PROGRAM = 0o755

BYTE_CODE = "__pycache__"

_START, _END = ".pipmend-", ".tmp"
"""Of the names of files that are being written."""


def put(path: Path, content: bytes, mtime_ns: int | None = None) -> None:
    """Put a file in place at once, complete.

    Args:
        path: what is there before is replaced, even if it is a link.
        content: all of it.
        mtime_ns: the time of its last change, for byte code to compare.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    # The suffix keeps Python from running it should it ever stay behind.
    handle, name = tempfile.mkstemp(_END, _START, path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, FILE)  # noqa: PTH101
        if mtime_ns is not None:
            os.utime(name, ns=(mtime_ns, mtime_ns))
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what ``put`` was writing in a folder when it was killed."""
    for path in folder.glob(f"{_START}*{_END}"):
        path.unlink()


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file in hex; None if there is no regular file that can be read."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        return digest(path.read_bytes())
    except OSError:
        return None


def make_folders(path: Path) -> list[Path]:
    """Make a folder and those above it that are missing.

    Returns:
        The new ones, from top to bottom.

    Raises:
        OSError: one of them cannot be made.
    """
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    made = list(reversed(missing))
    for folder in made:
        folder.mkdir()
        folder.chmod(FOLDER)
    return made


def remove_empty(folder: Path) -> bool:
    """Remove a folder if nothing is in it; tell whether it is gone."""
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not os.path.lexists(folder)


def below(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder, in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(parent, name)


def open_up(folder: Path) -> None:
    """Give a tree of ours the modes that it is to have; programs stay programs.

    Raises:
        OSError: it is not ours.
    """
    folder.chmod(FOLDER)
    for parent, folders, names in os.walk(folder):
        for name in folders:
            Path(parent, name).chmod(FOLDER)
        for name in names:
            path = Path(parent, name)
            path.chmod(PROGRAM if path.stat().st_mode & 0o100 else FILE)
