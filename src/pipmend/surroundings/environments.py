"""The pips that may use a cache, and the interpreters of their environments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend._compat import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipmend._compat.layouts import Layout


class Pip(NamedTuple):
    """A pip that may use a cache."""

    version: str
    layout: Layout
    """The generation of its HTTP cache."""
    prefix: Path
    """Its environment."""
    python: Path
    """The interpreter of that environment."""
    has_hook: bool
    """Whether pipmend is loaded with it."""


def pips(environment: Mapping[str, str], prefixes: Iterable[str]) -> list[Pip]:
    """The pips of the environments at hand, and of some more.

    Args:
        environment: where those at hand are looked for.
        prefixes: further environments, as events name them.
    """
    # The name of a server would be asked over the network.
    local = [
        Path(prefix)
        for prefix in prefixes
        if Path(prefix).is_absolute() and not prefix.startswith(("//", r"\\"))
    ]
    return [
        Pip(
            found.version,
            found.layout,
            found.prefix,
            interpreter_of(found.prefix),
            found.has_hook,
        )
        for found in installed.find_pips(environment, prefixes=local)
    ]


def interpreter_of(prefix: Path) -> Path:
    """The interpreter of an environment, or where it should be."""
    folders = [prefix / "Scripts", prefix] if os.name == "nt" else [prefix / "bin"]
    names = ["python.exe"] if os.name == "nt" else ["python3", "python"]
    candidates = [folder / name for folder in folders for name in names]
    return next(filter(os.path.isfile, candidates), candidates[0])
