"""Files in a folder that is not to be trusted: no link is followed, none is opened."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_CHUNK_SIZE = 1024 * 1024

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not hang anybody
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def is_folder(path: Path) -> bool:
    """Whether a folder is there, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def leads_outside(path: Path, root: Path) -> bool:
    """Whether a link leads to a file that is not below a folder.

    pip follows it. Whoever looks at a whole cache does not: he may be allowed to read
    more than the owner of the cache.
    """
    target, inside = os.path.realpath(path), os.path.realpath(root)
    is_inside = target.startswith(os.path.join(inside, ""))  # noqa: PTH118
    return not is_inside and os.path.isfile(target)  # noqa: PTH113


def size_of(path: Path) -> int | None:
    """Bytes of a regular file; None for a link, and for anything else."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def files_below(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder that is no folder, in order of names."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(root, name).is_symlink()]
        yield from (Path(root, name) for name in sorted([*names, *links]))


def open_file(path: Path) -> BinaryIO:
    """Open a regular file.

    Raises:
        OSError: it cannot be opened, or is none.
    """
    # Not every system can be told to open no link.
    if path.is_symlink():
        raise _no_file(path)
    file = open(path, "rb", opener=_opener)  # noqa: SIM115 - handed on
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _no_file(path)
    return file


def open_new(path: Path) -> BinaryIO:
    """Open a private file for writing that must not exist yet.

    Raises:
        FileExistsError: it exists, as a file, a link or anything else.
        OSError: it cannot be written.
    """
    return open(path, "xb", opener=_private)


def copy(source: Path, target: Path) -> None:
    """Copy a regular file to a private one that must not exist yet.

    Raises:
        OSError: one cannot be read, or the other not be written; part of it may be
            there.
    """
    with open_file(source) as file, open_new(target) as copied:
        shutil.copyfileobj(file, copied, _CHUNK_SIZE)


def remove(path: Path) -> None:
    """Remove a file or a link, if that is possible."""
    with contextlib.suppress(OSError):
        path.unlink()


def _no_file(path: Path) -> OSError:
    return OSError(errno.EINVAL, "no regular file", str(path))


def _opener(path: str, _flags: int) -> int:
    return os.open(path, _READ)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, atomic.PRIVATE_FILE)
