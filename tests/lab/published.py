"""Wheels in a folder, as they are offered by the local index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.packages import Artifact

if TYPE_CHECKING:
    from pathlib import Path


def published(*folders: Path) -> list[Artifact]:
    """All wheels in folders as artifacts; each file name once."""
    found = {path.name: path for folder in folders for path in folder.glob("*.whl")}
    return [_artifact(path) for path in found.values()]


def _artifact(path: Path) -> Artifact:
    name, version = path.name.split("-")[:2]
    normal = re.sub(r"[-_.]+", "-", name).lower()
    return Artifact(normal, version, path.name, path.read_bytes())
