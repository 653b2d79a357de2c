"""How values are shown: safe on a terminal, in units that a person reads."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCHEMA = 1
"""Version of the form of JSON records; it grows when a field changes its meaning."""

_KIBI = 1024
_UNITS = ("KiB", "MiB", "GiB", "TiB")
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))


def plain(text: object) -> str:
    """Text that is safe on a terminal: what cannot be printed becomes ``?``."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def say(text: str = "") -> None:
    """Print one line for a person, made safe."""
    print(plain(text))


def warn(text: str) -> None:
    """Print one line on stderr, made safe."""
    print(f"pipmend: {plain(text)}", file=sys.stderr)


def record(kind: str, fields: Mapping[str, object]) -> None:
    """Print one JSON record: one object on one line, ASCII only."""
    print(json.dumps({"schema": SCHEMA, "type": kind, **fields}))


def size_text(size: float) -> str:
    """Bytes for a person, such as ``1.4 MiB``; exact below 1 KiB."""
    if size < _KIBI:
        return f"{size:.0f} B"
    for unit in _UNITS[:-1]:
        size /= _KIBI
        if size < _KIBI:
            return f"{size:.1f} {unit}"
    return f"{size / _KIBI:.1f} {_UNITS[-1]}"


def age_text(seconds: float) -> str:
    """A span of time for a person, such as ``3 d``."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def moment_text(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the second."""
    moment = dt.datetime.fromtimestamp(seconds, tz=dt.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def table(rows: Iterable[Sequence[str]], *, right: frozenset[int]) -> list[str]:
    """Rows of cells as aligned lines, made safe.

    Args:
        rows: all of the same length; the last column is not padded.
        right: the columns that are aligned to the right, such as numbers.
    """
    safe = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe)]
    lines = []
    for row in safe:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
