"""How values are shown: safe on a terminal, in units that a person reads."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pipmend.units import age_text, moment_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "SCHEMA",
    "age_text",
    "moment_text",
    "plain",
    "record",
    "say",
    "size_text",
    "table",
    "warn",
]

SCHEMA = 1
"""Version of the form of JSON records; it grows when a field changes its meaning."""


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
