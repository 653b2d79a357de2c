"""The words that several findings share."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipmend.surroundings import Mount, Surroundings

MOST_NAMED = 3
"""Examples that are named; of more, the number at most."""

MOVE = "python -m pip config set global.cache-dir FOLDER"
"""The command that moves a cache."""


def typed(*words: object) -> str:
    """A command as a person types it."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


def described(mount: Mount) -> str:
    """A mount, such as ``nfs4 (server:/home on /home)``."""
    return f"{mount.type} ({mount.source} on {mount.point})"


def disk(around: Surroundings) -> str:
    """Where the disk of a cache is mounted, else what it is the disk of."""
    mount = around.file_system.mount
    return f"the disk of {around.real}" if mount is None else str(mount.point)


def mib(size: int) -> str:
    """A number of bytes in whole MiB."""
    return f"{size / (1024 * 1024):,.0f} MiB"
