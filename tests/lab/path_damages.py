"""What can stand where a file of the cache should be, one function for each."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def remove(path: Path) -> None:
    """Take away whatever is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    remove(path)
    path.mkdir()


def _fifo(path: Path) -> None:
    remove(path)
    os.mkfifo(path)


def _link(path: Path, target: str) -> None:
    remove(path)
    path.symlink_to(target)


PATHS: Mapping[str, Callable[[Path], None]] = {
    "missing": remove,
    "folder": _folder,
    "fifo": _fifo,
    "dangling-link": lambda path: _link(path, "nothing-here"),
    "looping-link": lambda path: _link(path, path.name),
    "device-link": lambda path: _link(path, os.devnull),
}
"""Damages of one path, by name; what was there is gone."""

AVAILABLE = frozenset(PATHS) - (
    frozenset({"fifo"}) if not hasattr(os, "mkfifo") else frozenset()
)
"""The names that work on this system."""
