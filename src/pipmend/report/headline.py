"""The first sentence of the page: what a person wants to know, and nothing else."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from pipmend import units
from pipmend.scan import Count, Group

if TYPE_CHECKING:
    from pipmend.report.values import Report, State


class Mood(enum.Enum):
    """How good the news is; the values are names in the style sheet."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"


class Headline(NamedTuple):
    """The answer, and what follows from it."""

    mood: Mood
    sentence: str
    detail: str
    label: str | None = None
    """What the command is for."""
    command: str | None = None


def headline_of(report: Report) -> Headline:
    """The answer of a report."""
    state = report.state
    if state is None:
        return Headline(
            Mood.UNSURE,
            "This page shows what is there; nothing was judged.",
            "What the entries are is told by their beginnings.",
            "To find out what is broken:",
            report.making.scan,
        )
    corrupt = state.groups.get(Group.CORRUPT, Count()).items
    if corrupt:
        return _broken(state, corrupt)
    if not state.is_complete:
        return Headline(
            Mood.UNSURE,
            "Nothing is known to be broken, but not everything could be looked at.",
            _vouched(state),
        )
    if not state.entries:
        return Headline(
            Mood.GOOD, "The cache is empty.", "pip has stored nothing in it so far."
        )
    return Headline(
        Mood.GOOD, "Everything that can be checked is intact.", _vouched(state)
    )


def _broken(state: State, corrupt: int) -> Headline:
    verb = "is" if corrupt == 1 else "are"
    total = units.counted(state.entries, "entry", "entries")
    sentence = f"{corrupt:,} of {total} {verb} broken"
    if not state.is_complete:
        sentence += ", and not everything could be looked at"
    return Headline(
        Mood.BAD,
        f"{sentence}.",
        "What is broken is moved to quarantine, and pip fetches it again when it needs"
        " it. Nothing else is touched.",
        "To repair:",
        state.repair,
    )


def _vouched(state: State) -> str:
    intact = state.groups.get(Group.INTACT, Count()).items
    total = units.counted(state.entries, "entry", "entries")
    if intact == state.entries:
        return f"A seal, a digest or checksums vouch for each of {total}."
    rest = state.entries - intact
    return (
        f"A seal, a digest or checksums vouch for {intact:,} of {total}. Nothing speaks"
        f" against the other {rest:,}, and nothing vouches for "
        f"{'its' if rest == 1 else 'their'} bytes."
    )
