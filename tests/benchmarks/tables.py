"""Tables in Markdown, and the numbers behind them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from measured import Ran

MILLION = 10**6


@dataclass(frozen=True)
class Table:
    """A table with a title, and remarks below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The first cell of each is its name."""
    notes: Sequence[str] = ()
    records: Sequence[Mapping[str, object]] = ()
    """The numbers, for a program."""

    def __str__(self) -> str:
        lines = [list(self.columns), *map(list, self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        lines[1:1] = [["-" * width for width in widths]]
        for line in lines[2:]:
            line[1:] = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        body = "\n".join(
            f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths))} |"
            for line in lines
        )
        notes = "".join(f"\n\n{note}" for note in self.notes)
        return f"### {self.title}\n\n{body}{notes}\n"


def millions(number: float) -> str:
    """Instructions, in millions."""
    return f"{number / MILLION:,.2f}"


def more(number: float, reference: float) -> str:
    """The difference in millions, and in parts of the reference."""
    return f"{(number - reference) / MILLION:+,.2f} ({percent(number, reference)})"


def percent(number: float, reference: float) -> str:
    """How much more than the reference."""
    return f"{100 * (number / reference - 1):+.2f} %"


def paired(runs: Iterable[Ran], references: Iterable[Ran], field: str) -> str:
    """Milliseconds more, as the median over rounds in which both ran."""
    differences = [
        getattr(run, field) - getattr(reference, field)
        for run, reference in zip(runs, references)
    ]
    return f"{1000 * statistics.median(differences):+.2f}" if differences else "-"


def middle(runs: Iterable[Ran], field: str) -> float:
    """The median of something that was measured."""
    values: list[float] = [getattr(run, field) for run in runs]
    return statistics.median(values)


def megabytes(size: float) -> str:
    """Bytes, in millions."""
    return f"{size / MILLION:,.1f}"
