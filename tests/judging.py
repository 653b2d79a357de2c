"""The judge without a pip around it: what the gate would say of an entry on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import entries, examine
from pipmend._compat import layouts
from pipmend.verdicts import Verdict
from pipmend.verify import Told

if TYPE_CHECKING:
    from pathlib import Path

    from lab.cache_files import Layout
    from pipmend._compat.layouts import Place

NOTHING_TOLD = Told()
"""For an entry of which nothing is known from outside, such as an index page."""


def place_of(layout: Layout, directory: Path, metadata: Path) -> Place:
    """The place of an entry whose metadata lies at a path below a directory."""
    return layouts.place_of(layouts.Layout(layout), str(directory), str(metadata))


def verdict_on(place: Place, told: Told = NOTHING_TOLD) -> Verdict:
    """Open an entry and examine it, in the order in which the gate does."""
    entry = entries.open_entry(place)
    assert entry is not None
    try:
        stored, seal = examine.read_metadata(entry), examine.read_seal(entry)
        if isinstance(stored, Verdict):
            return stored
        if isinstance(seal, Verdict):
            return seal
        return examine.examine(entry, stored, seal, told).verdict
    finally:
        entry.close()
