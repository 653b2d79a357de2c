"""Caches that real pips fill, chosen to differ in all that tells what an entry is."""

from __future__ import annotations

from lab.index_style import IndexStyle

REAL_CACHES = {
    "26.3-json": ("26.3", IndexStyle(core_metadata=True, content_encoding="gzip")),
    "22.3.1-html": ("22.3.1", IndexStyle(pages="html", redirect_pages=301)),
}
"""A pip of each storage, and the index that it asks."""
