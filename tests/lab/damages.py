"""The table of damages: each way in which an entry can be broken, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lab.body_damages import BODIES, Content
from lab.cache_files import (
    LAYOUTS,
    HttpEntry,
    Layout,
    age,
    decode,
    encode,
    read_body,
    write_body,
)
from lab.metadata_damages import BYTES, DOCUMENT, TOP_LEVELS, Document, top_level
from lab.path_damages import AVAILABLE, PATHS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.index_style import IndexStyle

__all__ = ["DAMAGES", "Content", "Damage", "age", "applicable", "damage"]

_BOTH: frozenset[Layout] = frozenset(LAYOUTS)
_TWO_FILES: frozenset[Layout] = frozenset({"http-v2"})


@dataclass(frozen=True)
class Damage:
    """One way to break an entry.

    ``content`` tells what the body must be for ``apply`` to make sense.
    """

    id: str
    layouts: frozenset[Layout]
    apply: Callable[[HttpEntry], None]
    content: Content = "any"

    def __str__(self) -> str:
        return self.id


def damage(name: str) -> Damage:
    """The damage of that id."""
    return _BY_ID[name]


def applicable(
    layout: Layout, style: IndexStyle, kind: Literal["page", "file"]
) -> list[Damage]:
    """The damages that make sense for a page or a file that this index sent."""
    content: Content = "file"
    if kind == "page":
        content = style.pages if style.content_encoding is None else "gzip"
    fitting = {"any", content} if style.content_encoding != "deflate" else {"any"}
    return [
        candidate
        for candidate in DAMAGES
        if layout in candidate.layouts and candidate.content in fitting
    ]


def _metadata_bytes(change: Callable[[bytes], bytes]) -> Callable[[HttpEntry], None]:
    def apply(entry: HttpEntry) -> None:
        entry.metadata.write_bytes(change(entry.metadata.read_bytes()))

    return apply


def _document(change: Callable[[Document], None]) -> Callable[[HttpEntry], None]:
    def apply(entry: HttpEntry) -> None:
        document = decode(entry)
        change(document)
        encode(entry, document)

    return apply


def _body_bytes(change: Callable[[bytes], bytes]) -> Callable[[HttpEntry], None]:
    def apply(entry: HttpEntry) -> None:
        write_body(entry, change(read_body(entry)))

    return apply


def _metadata_path(change: Callable[[Path], None]) -> Callable[[HttpEntry], None]:
    return lambda entry: change(entry.metadata)


def _body_path(change: Callable[[Path], None]) -> Callable[[HttpEntry], None]:
    def apply(entry: HttpEntry) -> None:
        assert entry.body is not None
        change(entry.body)

    return apply


def _table() -> tuple[Damage, ...]:
    found = [
        Damage(f"metadata-{name}", _BOTH, _metadata_bytes(change))
        for name, change in BYTES.items()
    ]
    found += [
        Damage(f"metadata-top-{name}", _BOTH, _metadata_bytes(top_level(value)))
        for name, value in TOP_LEVELS.items()
    ]
    found += [
        Damage(f"metadata-{name}", _BOTH, _document(change))
        for name, change in DOCUMENT.items()
    ]
    # A metadata file that is gone is no damage: the entry does not exist.
    found += [
        Damage(f"metadata-{name}", _BOTH, _metadata_path(PATHS[name]))
        for name in sorted(AVAILABLE - {"missing"})
    ]
    found += [
        Damage(f"body-{name}", _TWO_FILES, _body_path(PATHS[name]))
        for name in sorted(AVAILABLE)
    ]
    found += [
        Damage(f"{_prefix(content)}-{name}", _BOTH, _body_bytes(change), content)
        for content, changes in BODIES.items()
        for name, change in changes.items()
    ]
    return tuple(found)


def _prefix(content: Content) -> str:
    return "body" if content == "any" else content


DAMAGES = _table()
"""All damages that this system can do."""

_BY_ID = {candidate.id: candidate for candidate in DAMAGES}
