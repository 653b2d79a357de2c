"""What lies outside of a cache, seen with everything that may change."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

CANARY = b"root:C4NARY:0:0:root:/root:/bin/sh\nName: c4nary\nVersion: 1.0\n"
"""Like a file that nobody else may read."""

TWIN = "twin"
"""How the names of files begin that are inside as well, by a hard link."""

_THEN = 1_600_000_000 * 10**9
"""Long ago, in nanoseconds: reading it later is seen, also where that is lazy."""


class Seen(NamedTuple):
    """One path as it was seen."""

    mode: int
    size: int
    modified_ns: int
    inode: int
    content: bytes


class Outside:
    """A folder beside a cache, with files that are nobody's business."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.canary = folder / "passwd"
        self.canary.write_bytes(CANARY)
        self.canary.chmod(0o600)
        self.items = folder / "items"
        """A folder of what somebody has kept for years."""
        for number in range(3):
            kept = self.items / f"2020010{number}T000000Z-0123456{number}"
            kept.mkdir(parents=True)
            (kept / "letter").write_bytes(b"C4NARY")
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        self.rest()

    def rest(self) -> None:
        """Have it look as if nobody had touched it for years."""
        for path in (*sorted(self.folder.rglob("*"), reverse=True), self.folder):
            os.utime(path, ns=(_THEN, _THEN), follow_symlinks=False)

    def seen(self) -> dict[str, Seen]:
        """Everything in it now; whoever reads it is not seen."""
        return {str(path): _seen(path) for path in sorted(self._paths())}

    def was_read(self) -> list[str]:
        """The files, other than those also inside, that were read since it rested."""
        return [
            path.name
            for path in self._paths()
            if path.is_file() and not path.name.startswith(TWIN)
            if path.lstat().st_atime_ns != _THEN
        ]

    def _paths(self) -> list[Path]:
        return [self.folder, *self.folder.rglob("*")]


def _seen(path: Path) -> Seen:
    status = path.lstat()
    content = b""
    if stat.S_ISREG(status.st_mode):
        # Seen without being touched.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
        with os.fdopen(descriptor, "rb") as file:
            content = file.read()
    return Seen(
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        content,
    )
