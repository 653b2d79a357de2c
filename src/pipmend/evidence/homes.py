"""Where in its cache an entry was, if what its item says can be believed."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pipmend import wheels
from pipmend._compat.layouts import WHEELS, Layout, Place, place_in
from pipmend.evidence.values import EvidenceError

if TYPE_CHECKING:
    from pipmend.evidence.values import Evidence

_ENTRY_NAME = re.compile(r"[0-9a-f]{56}")
_WHEEL_FOLDERS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{50}")
_WHEEL_NAME = re.compile(r"[\w.!+][\w.!+-]{0,200}\.whl", re.ASCII)


def home_of(item: Evidence) -> Place:
    """Where in its cache an entry was, if that can be believed.

    Raises:
        EvidenceError: it cannot.
    """
    tail = _tail_of(item)
    front = Path(*PurePath(item.entry or "").parts[: -len(tail)])
    try:
        is_here = os.path.realpath(front) == os.path.realpath(item.cache_root)
    except ValueError:  # no path at all, such as one with a NUL
        is_here = False
    if not is_here:
        raise EvidenceError(
            f"{item.id} is from another cache, {front}; restore it to a folder"
        )
    return _place_of(item, tail)


def form_of(item: Evidence) -> Place | None:
    """A place of the form that the entry's has, below any root; None if unknown."""
    try:
        return told_place_of(item)
    except EvidenceError:
        return None


def told_place_of(item: Evidence) -> Place:
    """The place below the item's own root that it says its entry had.

    Raises:
        EvidenceError: it says none of a form that pip gives a path.
    """
    return _place_of(item, _tail_of(item))


def is_of_wheels(place: Place) -> bool:
    """Whether a place is in the wheel cache, where one file is all there is."""
    return place.directory.name == WHEELS


def _tail_of(item: Evidence) -> tuple[str, ...]:
    """The part of an entry's recorded path that is below the cache root.

    Raises:
        EvidenceError: it has no form that pip gives a path.
    """
    parts = PurePath(item.entry or "").parts
    name = parts[-1] if parts else ""
    if _ENTRY_NAME.fullmatch(name):
        for layout in Layout:
            tail = (layout.value, *name[:5], name)
            if parts[-len(tail) :] == tail:
                return tail
    tail = parts[-6:]
    is_wheel = _WHEEL_NAME.fullmatch(name) or name == wheels.ORIGIN_NAME
    if is_wheel and tail[0] == WHEELS and _WHEEL_FOLDERS.fullmatch("/".join(tail[1:5])):
        return tail
    raise EvidenceError(
        f"{item.id} does not say where in a pip cache it was; restore it to a folder"
    )


def _place_of(item: Evidence, tail: tuple[str, ...]) -> Place:
    if tail[0] == WHEELS:
        return wheels.place_of(item.cache_root, item.cache_root.joinpath(*tail))
    return place_in(Layout(tail[0]), item.cache_root, tail[-1])
