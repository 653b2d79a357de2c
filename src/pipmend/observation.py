"""What is measured on a body: one pass, bounded memory, no decision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipmend import codings, pages

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse

LARGEST_PAGE = 128 * 1024 * 1024
"""Bytes of content; a larger page is left to pip, so that no bomb grows in memory."""


@dataclass(frozen=True)
class Observation:
    """Measured facts about one body."""

    size: int
    """Bytes as stored, before any content coding is removed."""
    coding_flaw: str | None = None
    """Why the compressed stream does not decode, in a few words."""
    page_flaw: str | None = None
    """Why the index page is not whole, in a few words."""


def size_of(body: BinaryIO) -> int:
    """The size of an open body in bytes."""
    size = body.seek(0, os.SEEK_END)
    body.seek(0)
    return size


def observe_page(body: BinaryIO, stored: StoredResponse) -> Observation:
    """Measure an index page; the body is left at its start."""
    size = size_of(body)
    coding = stored.field("content-encoding").strip().lower()
    if not codings.is_known(coding):
        return Observation(size)
    content = bytearray()
    try:
        for chunk in codings.decoded(body, coding):
            content += chunk
            if len(content) > LARGEST_PAGE:
                return Observation(size)
    except codings.CodingError as error:
        return Observation(size, coding_flaw=str(error))
    finally:
        body.seek(0)
    flaw = pages.flaw_of(bytes(content), stored.field("content-type"))
    return Observation(size, page_flaw=flaw)
