"""What a scan finds, and how it counts."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pipmend.archives import Depth
from pipmend.subjects import Kind, Subject

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend._compat.layouts import Layout, Place
    from pipmend.entries import Stamp
    from pipmend.verdicts import Reason, Verdict
    from pipmend.walk import Leftover, LeftoverKind, Trouble

UNNAMED = Subject(Kind.OTHER)
"""An entry that nobody has asked the name of."""


class Group(enum.Enum):
    """How entries are counted. The values are stable codes for scripts."""

    INTACT = "intact"
    CORRUPT = "corrupt"
    NOT_JUDGED = "not_judged"
    """Nothing contradicts them, and nothing vouches for their bytes."""
    IN_PROGRESS = "in_progress"
    """A pip is storing them at this moment."""


class Options(NamedTuple):
    """How to scan."""

    depth: Depth = Depth.QUICK
    memory_folder: Path | None = None
    """Where scans are remembered; None to remember nothing."""
    reads_all: bool = False
    """Whether to read what is known from an earlier scan, too."""
    modified_since: float = 0
    """Seconds since 1970; entries that are older are passed over."""
    unread: frozenset[Layout] = frozenset()
    """The generations that no pip here reads."""


class Judged(NamedTuple):
    """One entry or built wheel, and what was found."""

    place: Place
    stamp: Stamp
    """The state in which it was judged."""
    group: Group
    verdict: Verdict
    subject: Subject = UNNAMED
    """Told for what is corrupt or being stored; telling costs more than judging."""


class Count(NamedTuple):
    """How many, and how many bytes."""

    items: int = 0
    size: int = 0
    """Bytes."""

    def plus(self, items: int, size: int) -> Count:
        """The sum."""
        return Count(self.items + items, self.size + size)


@dataclass
class Tally:
    """What a scan has counted so far."""

    groups: dict[Group, Count] = field(default_factory=dict)
    reasons: dict[Reason, int] = field(default_factory=dict)
    """Corrupt entries by reason."""
    leftovers: dict[LeftoverKind, Count] = field(default_factory=dict)
    unchanged: int = 0
    """Entries that were known from an earlier scan."""
    passed_over: int = 0
    """Entries older than was asked for."""
    foreign: int = 0
    """Files that pip has not put there."""
    read_bytes: int = 0
    """Bytes of the entries that were read."""

    def count(self, group: Group, size: int) -> None:
        """Count an entry."""
        self.groups[group] = self.groups.get(group, Count()).plus(1, size)

    def recount(self, before: Judged, now: Judged | None) -> None:
        """Count an entry anew that was being stored when it was counted first."""
        was = self.groups[before.group]
        self.groups[before.group] = was.plus(-1, -before.stamp.size)
        if now is not None:
            self.count(now.group, now.stamp.size)
            self.count_reason(now)

    def count_reason(self, judged: Judged) -> None:
        """Count a corrupt entry by its reason."""
        reason = judged.verdict.reason
        if judged.group is Group.CORRUPT and reason is not None:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def count_leftover(self, kind: LeftoverKind, size: int) -> None:
        """Count a leftover."""
        self.leftovers[kind] = self.leftovers.get(kind, Count()).plus(1, size)

    def add(self, other: Tally) -> None:
        """Take over what another one has counted."""
        for group, count in other.groups.items():
            self.groups[group] = self.groups.get(group, Count()).plus(*count)
        for kind, count in other.leftovers.items():
            self.leftovers[kind] = self.leftovers.get(kind, Count()).plus(*count)
        for reason, number in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number
        self.unchanged += other.unchanged
        self.passed_over += other.passed_over
        self.foreign += other.foreign
        self.read_bytes += other.read_bytes

    @property
    def entries(self) -> int:
        """All entries that were met and not passed over."""
        return sum(count.items for count in self.groups.values())


class Scanned(NamedTuple):
    """What was found in a shard."""

    tally: Tally
    judged: tuple[Judged, ...]
    leftovers: tuple[Leftover, ...]
    """All but those of an old generation, which are counted only."""
    troubles: tuple[Trouble, ...]
