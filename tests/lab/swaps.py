"""Damages that take a second entry, and the seal seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.cache_files import decode, encode, read_body, write_body

if TYPE_CHECKING:
    from lab.cache_files import HttpEntry

SEAL_KEY = "pipmend"
"""The key of the seal in the metadata map."""


def swap_body(entry: HttpEntry, other: HttpEntry) -> None:
    """Give an entry the body of another one, of the same size if they are twins."""
    write_body(entry, read_body(other))


def swap_entry(entry: HttpEntry, other: HttpEntry) -> None:
    """Put a whole entry, metadata and body, in the place of another."""
    for own, foreign in zip(entry.files, other.files):
        own.write_bytes(foreign.read_bytes())


def tear(entry: HttpEntry, older: HttpEntry) -> None:
    """Leave new metadata over an older body: the write ended between the two."""
    write_body(entry, read_body(older))


def tear_reversed(entry: HttpEntry, older: HttpEntry) -> None:
    """Leave older metadata over a new body: the writes came in the other order."""
    body = read_body(entry)
    entry.metadata.write_bytes(older.metadata.read_bytes())
    write_body(entry, body)


def is_sealed(entry: HttpEntry) -> bool:
    """Whether pipmend has sealed the entry."""
    return SEAL_KEY in decode(entry)


def take_off_seal(entry: HttpEntry) -> None:
    """Leave what a pip without pipmend would have written."""
    document = decode(entry)
    document.pop(SEAL_KEY, None)
    encode(entry, document)
