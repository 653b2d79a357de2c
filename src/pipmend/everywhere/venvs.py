"""The venvs below a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = "pyvenv.cfg"


def below(folder: Path) -> Iterator[Path]:
    """Every venv in a folder or below it, in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        if _MARK in names:
            folders.clear()
            yield Path(parent)
