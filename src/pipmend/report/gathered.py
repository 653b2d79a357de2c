"""The values of the page, gathered from surveys, listings, quarantines and answers."""

from __future__ import annotations

import collections
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipmend import evidence, urls
from pipmend.doctor import Finding, Fine
from pipmend.doctor.words import typed
from pipmend.quarantine import Kind as ItemKind
from pipmend.report.values import (
    Broken,
    Check,
    Checkup,
    Item,
    Package,
    Quarantine,
    Standing,
    State,
)
from pipmend.scan import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipmend.doctor import Answer
    from pipmend.evidence import Evidence
    from pipmend.inventory import Listed
    from pipmend.scan import Judged
    from pipmend.subjects import Kind
    from pipmend.survey import Survey

MOST_BROKEN = 50
"""Corrupt entries that are told one by one."""
MOST_ITEMS = 50
"""Items of quarantines that are told one by one."""


@dataclass
class _Sum:
    """What was met of one project."""

    entries: int = 0
    newest: float = 0
    sizes: dict[Kind, int] = field(default_factory=dict)


class Listing:
    """What caches hold by package, growing as their shards are listed."""

    def __init__(self) -> None:
        self.entries = self.size = 0
        self._sums: dict[str | None, _Sum] = {}

    def add(self, listed: Listed) -> None:
        """Count an entry."""
        kind, size = listed.subject.kind, listed.stamp.size
        one = self._sums.setdefault(listed.subject.project, _Sum())
        one.entries += 1
        one.newest = max(one.newest, listed.stamp.modified)
        one.sizes[kind] = one.sizes.get(kind, 0) + size
        self.entries += 1
        self.size += size

    def packages(self, corrupt: Iterable[Judged] | None) -> tuple[Package, ...]:
        """All packages, the largest first.

        Args:
            corrupt: what of them is broken; None where nothing was judged.
        """
        broken = collections.Counter(one.subject.project for one in corrupt or ())
        is_judged = corrupt is not None
        found = [
            Package(
                name,
                one.entries,
                one.newest,
                one.sizes,
                broken[name] if is_judged else None,
            )
            for name, one in self._sums.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.size, one.name or "")))


def state_of(surveys: Sequence[Survey], roots: Sequence[Path]) -> State:
    """What surveys have found, together.

    Args:
        surveys: one for each cache.
        roots: the caches that commands have to name.
    """
    tally = Tally()
    for survey in surveys:
        tally.add(survey.tally)
    corrupt = [judged for survey in surveys for judged in survey.corrupt]
    first = heapq.nsmallest(MOST_BROKEN, corrupt, key=lambda one: one.subject.words)
    return State(
        groups=tally.groups,
        reasons=tally.reasons,
        leftovers=tally.leftovers,
        broken=tuple(map(_broken, first)),
        repair=typed("pipmend", "scan", "--fix", *roots),
        sweep=typed("pipmend", "scan", "--sweep", *roots),
        unchanged=tally.unchanged,
        is_complete=all(survey.is_complete for survey in surveys),
    )


def quarantine_of(roots: Iterable[Path], *, is_named: bool) -> Quarantine:
    """What lies in the quarantines of caches.

    Args:
        roots: the caches.
        is_named: whether commands have to name them.

    Raises:
        EvidenceError: a quarantine is behind a link.
        OSError: one cannot be read.
    """
    number = size = 0
    last: list[tuple[str, int, Evidence]] = []
    for root in roots:
        for item in evidence.items(root):
            number += 1
            size += item.bytes
            # Ids begin with the time.
            heapq.heappush(last, (item.id, number, item))
            if len(last) > MOST_ITEMS:
                heapq.heappop(last)
    newest = [item for _, _, item in sorted(last, reverse=True)]
    return Quarantine(
        number, size, tuple(_item(item, is_named=is_named) for item in newest)
    )


def checkup_of(cache: str | None, answers: Iterable[Answer]) -> Checkup:
    """The doctor's answers, worst first.

    Args:
        cache: what they are about; None for the machine.
        answers: as the doctor gives them.
    """
    order = list(Standing)
    checks = sorted(map(_check, answers), key=lambda one: order.index(one.standing))
    return Checkup(cache, tuple(checks))


def _broken(judged: Judged) -> Broken:
    place = judged.place
    return Broken(
        subject=judged.subject.words,
        reason=judged.verdict.reason,
        summary=judged.verdict.summary,
        size=judged.stamp.size,
        modified=judged.stamp.modified,
        name=str(place.metadata) if evidence.is_of_wheels(place) else place.name,
    )


def _item(item: Evidence, *, is_named: bool) -> Item:
    is_leftovers = item.kind is ItemKind.LEFTOVERS
    unneeded = "no pip needs it" if is_leftovers else None
    parts: list[object] = ["pipmend", "quarantine", "restore", item.id]
    if is_named:
        parts += ["--cache", item.cache_root]
    return Item(
        id=item.id,
        subject=urls.without_credentials(item.subject or item.kind.value),
        reason=item.reason or item.problem or unneeded,
        size=item.bytes,
        at=item.quarantined_at,
        restore=typed(*parts),
    )


def _check(answer: Answer) -> Check:
    if isinstance(answer, Finding):
        standing = Standing(answer.severity.value)
        return Check(standing, answer.code.value, answer.what, answer.next_step)
    if isinstance(answer, Fine):
        return Check(Standing.FINE, answer.name, answer.what)
    return Check(Standing.UNKNOWN, answer.name, answer.why)
