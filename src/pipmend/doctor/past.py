"""What the event log tells about causes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pipmend import events, offenders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipmend.surroundings import Surroundings

RECENT = dt.timedelta(days=30)
"""How far back events are looked at: as long as quarantine keeps the evidence."""

LONGEST_WORD = 1000
"""Characters of what an event tells; more is cut."""


class Failure(NamedTuple):
    """A failure of pipmend's own, as its events tell it."""

    step: str
    error: str


class UnfitPip(NamedTuple):
    """A pip that pipmend has left alone, as its events tell it."""

    version: str
    prefix: str
    problem: str


class Past(NamedTuple):
    """What the event log tells about causes."""

    broken: tuple[dict[str, object], ...] = ()
    """The corrupt entries of the span in which repetitions count."""
    uses: frozenset[tuple[str, str]] = frozenset()
    """Which environment, by its prefix, has met which entry, by its path."""
    failures: Mapping[Failure, int] = MappingProxyType({})
    """How many times each has happened."""
    unfit: tuple[UnfitPip, ...] = ()

    @property
    def prefixes(self) -> list[str]:
        """The environments that had to do with any cache."""
        return sorted({prefix for prefix, _ in self.uses})


def recall(lines: Iterable[dict[str, object] | None], now: dt.datetime) -> Past:
    """What events tell about causes; those of another form are passed over.

    Args:
        lines: as an ``EventLog`` reads them.
        now: with its time zone.
    """
    broken: list[dict[str, object]] = []
    uses: set[tuple[str, str]] = set()
    failures: Counter[Failure] = Counter()
    unfit: dict[UnfitPip, None] = {}
    for event in lines:
        age = None if event is None else _age_of(event, now)
        if event is None or age is None or age > RECENT:
            continue
        if _is(event, events.EntryCorrupt) and age <= offenders.SPAN:
            broken.append(event)
        if event.get("entry") and event.get("prefix") and event.get("pip"):
            uses.add((str(event["prefix"]), str(event["entry"])))
        if _is(event, events.GuardTripped):
            failures[Failure(_word(event, "step"), _word(event, "error"))] += 1
        if _is(event, events.SeamUnfit):
            words = (_word(event, name) for name in ("pip", "prefix", "problem"))
            unfit[UnfitPip(*words)] = None
    return Past(tuple(broken), frozenset(uses), failures, tuple(unfit))


def names_of(around: Surroundings) -> list[Path]:
    """The paths under which events may speak of a cache."""
    return list(dict.fromkeys((around.cache, around.real)))


def _age_of(event: dict[str, object], now: dt.datetime) -> dt.timedelta | None:
    moment = events.moment_of(event)
    return None if moment is None else now - moment


def _is(event: dict[str, object], kind: type[events.Event]) -> bool:
    return event.get("event") == events.NAMES[kind]


def _word(event: dict[str, object], name: str) -> str:
    return str(event.get(name))[:LONGEST_WORD]
