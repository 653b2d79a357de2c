"""What all trials of a worker draw on."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.environments import PROJECT
from lab.packages import BACKEND_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from breadth.armed import Armed
    from lab.index_server import LocalIndex
    from lab.laboratory import Laboratory

STORAGES = ("22.3.1", "26.3")
"""One pip of each storage: between them they fill a cache for all others."""


@dataclass
class Stock:
    """Makes what takes long once, and when it is asked for."""

    lab: Laboratory
    index: LocalIndex
    armed: Armed
    """Has interpreters that one copy of pipmend serves."""
    folder: Path

    @functools.cached_property
    def cache(self) -> Path:
        """A cache with what every way asks for, filled by pips without pipmend."""
        cache = self.folder / "cache"
        for version in STORAGES:
            venv = self.lab.venv(version, hooked=False)
            pip = self.lab.pip(venv, self.index, self.folder / "home")
            out = self.folder / f"out{version}"
            for name in (PROJECT, BACKEND_NAME, "gamma"):
                options = ("--no-deps",)
                pip.download(name, target=out, cache=cache, options=options, check=True)
        return cache
