"""The section on how the page was made, and how it is to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.report import words
from pipmend.report.markup import (
    Column,
    code,
    element,
    joined,
    table,
    time_of,
    untrusted,
)
from pipmend.report.parts import Section

if TYPE_CHECKING:
    from pipmend.report.values import Making


def section(making: Making) -> Section:
    """How the page was made, and how it is to be read."""
    facts = (
        ("made", time_of(making.at, "%Y-%m-%d %H:%M:%S UTC")),
        ("took", f"{making.seconds:.1f} s"),
        ("by", f"pipmend {making.version} on Python {making.python}"),
        ("command", code(making.command)),
        ("event log", code(making.log)),
    )
    listed = [
        element("div", element("dt", name), element("dd", value))
        for name, value in facts
    ]
    columns = (
        Column("cache folder"),
        Column("entries", is_number=True),
        Column("bytes", is_number=True),
        Column("corrupt", is_number=True),
        Column("how it was found"),
    )
    rows = [
        (
            code(cache.path),
            f"{cache.entries:,}",
            words.size(cache.size),
            "not judged" if cache.corrupt is None else f"{cache.corrupt:,}",
            untrusted(cache.source),
        )
        for cache in making.caches
    ]
    content = joined(
        element("dl", *listed, class_="facts"),
        table("Cache folders", columns, rows),
        *(element("p", " ".join(note.split())) for note in _NOTES.split("\n\n")),
    )
    return Section("made", "How this was made", content)


_NOTES = """\
An entry is what pip has stored of one answer of an index, or a file of a wheel that it
has built. Each was judged by the same rules as inside pip. What was verified before and
has not changed since is not read again, unless that is asked for.

Packages are known by what the entries hold, since the cache keeps no names. Sizes are
those of the files, times are UTC.

The page names packages and folders of this machine; credentials are left out. Look
through it before you hand it on. Nothing in it is loaded from elsewhere, and nothing in
the cache was changed to make it.
"""
