"""The walk that judges: what is intact, what is corrupt, what is left over.

A shard is scanned by :func:`scan_shard`, which changes nothing in the cache and may
run in another process. What it finds is acted on elsewhere, with the state of the
files as they were judged, so that an entry that pip has replaced since is left alone.
"""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, examine, subjects, wheels
from pipmend._compat.layouts import WHEELS, Layout, Place
from pipmend.archives import Depth
from pipmend.metadata import StoredResponse
from pipmend.subjects import Kind, Subject
from pipmend.verdicts import INTACT, Outcome, Reason, Verdict
from pipmend.verified import Memory, Standing, Store, fingerprint
from pipmend.verify import Told
from pipmend.walk import Leftover, LeftoverKind, Shard, Trouble, walk

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend.entries import OpenEntry, Stamp

UNNAMED = Subject(Kind.OTHER)
"""An entry that nobody has asked the name of."""

_TRIES = 3
"""Looks at an entry that others are changing at the same time."""


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


_GROUPS = {
    Outcome.INTACT: Group.INTACT,
    Outcome.CORRUPT: Group.CORRUPT,
    Outcome.NOT_SELECTED: Group.NOT_JUDGED,
}
_STANDINGS: dict[Group, Standing] = {
    Group.INTACT: Standing.INTACT,
    Group.NOT_JUDGED: Standing.NOT_JUDGED,
}
_GROUP_OF = {standing: group for group, standing in _STANDINGS.items()}


def scan_shard(shard: Shard, options: Options) -> Scanned:
    """Judge every entry of a shard, and count what is left over."""
    return _ShardScan(shard, options).run()


def judge_and_name(place: Place, depth: Depth) -> Judged | None:
    """Judge one entry, and tell what it is also if it is intact; None if not there.

    Raises:
        OSError: a file cannot be read.
    """
    judged = judge(place, depth)
    if judged is None or judged.subject is not UNNAMED:
        return judged
    entry = entries.open_entry(place)
    if entry is None:
        return None
    with contextlib.closing(entry):
        stored = examine.read_metadata(entry)
        return judged._replace(subject=subject_of(entry, stored))


def judge(
    place: Place, depth: Depth = Depth.QUICK, stamp: Stamp | None = None
) -> Judged | None:
    """Judge one entry or built wheel as it is now; None if it is not there.

    An entry that others change meanwhile is looked at again.

    Args:
        place: where it is.
        depth: how far to look where no digest is known.
        stamp: its state, if that was looked at just before.

    Raises:
        OSError: for a passing trouble of this process, such as too many open files.
    """
    judged = None
    for _ in range(_TRIES):
        judged = _judged_once(place, depth, stamp or entries.stamp_of(place))
        if judged is None or judged.group in _STANDINGS:
            return judged
        stamp = entries.stamp_of(place)
        if stamp == judged.stamp:
            return judged
    return judged and judged._replace(group=Group.IN_PROGRESS)


def group_of(verdict: Verdict) -> Group:
    """How an entry with a verdict counts."""
    if verdict.reason is Reason.STORE_IN_PROGRESS:
        return Group.IN_PROGRESS
    return _GROUPS[verdict.outcome]


class _ShardScan:
    """One scan of one shard."""

    def __init__(self, shard: Shard, options: Options) -> None:
        self._shard = shard
        self._options = options
        self._tally = Tally()
        self._judged: list[Judged] = []
        self._leftovers: list[Leftover] = []
        self._troubles: list[Trouble] = []
        self._store: Store | None = None
        self._known: Memory = {}
        self._met: Memory = {}
        if options.memory_folder is not None:
            is_deep = options.depth is not Depth.QUICK
            self._store = Store(options.memory_folder, shard.cache_root, deep=is_deep)
            if not options.reads_all:
                self._known = self._store.load(shard.name)

    def run(self) -> Scanned:
        for met in walk(self._shard):
            if isinstance(met, Place):
                self._meet(met)
            elif isinstance(met, Leftover):
                self._leftovers.append(met)
                self._tally.count_leftover(met.kind, met.size)
            elif isinstance(met, Trouble):
                self._troubles.append(met)
            else:
                self._tally.foreign += 1
        self._keep_memory()
        return Scanned(
            self._tally,
            tuple(self._judged),
            tuple(self._leftovers),
            tuple(self._troubles),
        )

    def _meet(self, place: Place) -> None:
        try:
            stamp = entries.stamp_of(place)
            if stamp.metadata is None:
                return  # moved by somebody else meanwhile
            if self._shard.layout in self._options.unread:
                self._tally.count_leftover(LeftoverKind.OLD_GENERATION, stamp.size)
            if stamp.modified < self._options.modified_since:
                self._tally.passed_over += 1
            elif not self._known or not self._remembers(place, stamp):
                self._judge(place, stamp)
        except OSError as error:
            self._troubles.append(Trouble.of(place.metadata, error))

    def _remembers(self, place: Place, stamp: Stamp) -> bool:
        key = fingerprint(place, stamp)
        standing = self._known.get(key)
        if standing is None:
            return False
        self._met[key] = standing
        self._tally.unchanged += 1
        self._tally.count(_GROUP_OF[standing], stamp.size)
        return True

    def _judge(self, place: Place, stamp: Stamp) -> None:
        judged = judge(place, self._options.depth, stamp)
        if judged is None:
            return
        self._tally.count(judged.group, judged.stamp.size)
        self._tally.read_bytes += judged.stamp.size
        standing = _STANDINGS.get(judged.group)
        if standing is None:
            self._judged.append(judged)
            self._tally.count_reason(judged)
        elif not judged.stamp.is_fresh:
            self._met[fingerprint(place, judged.stamp)] = standing

    def _keep_memory(self) -> None:
        # What was passed over, or could not be looked at, stays known.
        is_partial = bool(self._options.modified_since or self._troubles)
        memory = {**self._known, **self._met} if is_partial else self._met
        if self._store is not None and memory != self._known:
            # A scan that cannot remember is a whole scan all the same.
            with contextlib.suppress(OSError):
                self._store.save(self._shard.name, memory)


def _judged_once(place: Place, depth: Depth, stamp: Stamp) -> Judged | None:
    if place.directory.name == WHEELS:
        return _judged_built(place, stamp)
    entry = entries.open_entry(place, stamp)
    if entry is None:
        return None
    try:
        return _judged_entry(entry, depth)
    finally:
        entry.close()


def _judged_built(place: Place, stamp: Stamp) -> Judged | None:
    if stamp.metadata is None:
        return None
    path = place.metadata
    is_origin = path.name == wheels.ORIGIN_NAME
    verdict = wheels.judge_origin(path) if is_origin else wheels.judge_wheel(path)
    group = group_of(verdict)
    if group is Group.CORRUPT and wheels.may_be_as_built(verdict):
        group = Group.NOT_JUDGED
    return Judged(place, stamp, group, verdict, subjects.of_built(path))


def _judged_entry(entry: OpenEntry, depth: Depth) -> Judged:
    stored = examine.read_metadata(entry)
    seal = examine.read_seal(entry)
    if isinstance(stored, Verdict):
        return _named(entry, stored, stored)
    if isinstance(seal, Verdict):
        return _named(entry, stored, seal)
    examined = examine.examine(entry, stored, seal, Told(), depth)
    if examined.verdict is not INTACT:
        return _named(entry, stored, examined.verdict)
    group = Group.INTACT if examined.is_vouched_for else Group.NOT_JUDGED
    return Judged(entry.place, entry.stamp, group, INTACT)


def _named(
    entry: OpenEntry, stored: StoredResponse | Verdict, verdict: Verdict
) -> Judged:
    subject = subject_of(entry, stored)
    return Judged(entry.place, entry.stamp, group_of(verdict), verdict, subject)


def subject_of(entry: OpenEntry, stored: StoredResponse | Verdict) -> Subject:
    """What an open entry is; its metadata may be unreadable.

    Raises:
        OSError: its body cannot be read.
    """
    if isinstance(stored, Verdict):
        stored = StoredResponse(0, {}, {}, b"")
    body = examine.body_file(entry, stored)
    return subjects.of_entry(stored, body)
