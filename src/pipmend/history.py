"""What the event log adds up to: heals by day, reason, package, host and pip.

Pure, and flat in memory: each table counts a bounded number of names, and the rest
together. Everything in an event is doubted: a value of the wrong kind is unknown.
"""

from __future__ import annotations

import re
import urllib.parse
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from pipmend import enforce, events, subjects
from pipmend._compat import caches

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from pipmend.events import Line

MOST_NAMES = 1000
"""Names that one table counts each by itself."""

_MOST_DAYS = 3660
_MOST_CACHES = 100
_MOST_REMEMBERED = 2000
"""Findings whose heal may still come, and runs that may still heal more."""
_LARGEST_SIZE = 1 << 62
_LONGEST_NAME = 200
_LONGEST_PATH = 4096

K = TypeVar("K")
V = TypeVar("V")


class Count(NamedTuple):
    """How often something happened."""

    found: int = 0
    """Corrupt entries that were met."""
    healed: int = 0
    """Fresh ones that were stored in their places."""
    fetched: int = 0
    """Bytes of those, as far as they came from an index."""

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(
            self.found + other.found,
            self.healed + other.healed,
            self.fetched + other.fetched,
        )


class Table(NamedTuple):
    """Counts by name."""

    rows: dict[str, Count]
    unknown: Count
    """Where there is no name, or none that can be read."""
    others: Count
    """The names beyond the bound, together."""

    def largest(self) -> list[tuple[str, Count]]:
        """The rows, those with most findings and heals first."""
        return sorted(
            self.rows.items(), key=lambda row: (-row[1].found, -row[1].healed, row[0])
        )


class CacheCount(NamedTuple):
    """What happened in one cache."""

    path: str
    counts: Count = Count()
    runs: int = 0
    """Processes that fetched something again for it."""

    def saved(self, present: int) -> int:
        """Bytes that healing has saved at most, compared with purging the cache.

        It is as if each of the runs had ended with a purge instead, and everything
        in the cache had then been fetched or built again.

        Args:
            present: bytes in the cache now; what it held then was never measured.
        """
        return max(self.runs * present - self.counts.fetched, 0)


class History(NamedTuple):
    """What the events of a span of time add up to."""

    total: Count
    first: dt.datetime | None
    last: dt.datetime | None
    """Moments of the first and the last event."""
    actions: dict[str, int]
    """Findings by what was done about them."""
    unmeasured: int
    """Heals of which the log does not tell how much was fetched."""
    offences: int
    """Warnings that the same entry, or many of one cache, broke within days."""
    failures: int
    """Failures of pipmend's own, and pips that it did not know."""
    unreadable: int
    """Lines of the whole log."""
    days: Table
    """By date in UTC, such as ``2026-11-20``."""
    reasons: Table
    packages: Table
    hosts: Table
    pips: Table
    """By version; unknown is what was found outside of pip."""
    caches: list[CacheCount]
    """Most heals first."""

    @property
    def is_empty(self) -> bool:
        """Whether no event of a known kind was counted."""
        return not (any(self.total) or self.offences or self.failures)


def summed(lines: Iterable[Line], since: dt.datetime | None = None) -> History:
    """Add up events.

    Args:
        lines: the whole log, oldest first: what is older than `since` still tells the
            reasons of later heals.
        since: count from here on, without events that have no readable time.
    """
    sums = _Sums()
    for line in lines:
        sums.add(line, since)
    return sums.history()


def host_of(url: str) -> str | None:
    """The host of a URL; None for a file of this machine."""
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return None
    return host if 0 < len(host) <= _LONGEST_NAME else None


def cache_of(event: dict[str, object]) -> str | None:
    """The cache that an event speaks of; where it does not say, by its entry."""
    cache = _text(event, "cache", _LONGEST_PATH)
    if cache is not None:
        return cache
    parts = re.split(r"([/\\])", _text(event, "entry", _LONGEST_PATH) or "")
    at = [number for number, part in enumerate(parts) if part in caches.PARTS]
    return "".join(parts[: max(at[-1] - 1, 0)]) or None if at else None


class _Counter:
    """A table while it grows."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._rows: dict[str, Count] = {}
        self._unknown = self._others = Count()

    def add(self, name: str | None, count: Count) -> None:
        if name is None:
            self._unknown = self._unknown.plus(count)
        elif name in self._rows or len(self._rows) < self._most:
            self._rows[name] = self._rows.get(name, Count()).plus(count)
        else:
            self._others = self._others.plus(count)

    def table(self) -> Table:
        return Table(self._rows, self._unknown, self._others)


class _Memory(Generic[K, V]):
    """What was met last; what was met long before it is forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > _MOST_REMEMBERED:
            self._values.popitem(last=False)


class _Sums:
    """All counts while they grow."""

    def __init__(self) -> None:
        self._total = Count()
        self._first: dt.datetime | None = None
        self._last: dt.datetime | None = None
        self._actions = {action.value: 0 for action in enforce.Action}
        self._unmeasured = self._offences = self._failures = self._unreadable = 0
        self._days = _Counter(_MOST_DAYS)
        self._reasons, self._packages = _Counter(), _Counter()
        self._hosts, self._pips = _Counter(), _Counter()
        self._caches: dict[str, CacheCount] = {}
        self._reason_of: _Memory[str, str | None] = _Memory()
        """By the id of the finding."""
        self._runs: _Memory[tuple[object, ...], bool] = _Memory()

    def add(self, line: Line, since: dt.datetime | None) -> None:
        if line is None:
            self._unreadable += 1
            return
        kind = _text(line, "event")
        reason = _text(line, "reason")
        if kind == events.NAMES[events.EntryCorrupt]:
            self._reason_of.put(_text(line, "id") or "", reason)
        moment = events.moment_of(line)
        if since is not None and (moment is None or moment < since):
            return
        if moment is not None:
            self._first = min(self._first or moment, moment)
            self._last = max(self._last or moment, moment)
        if kind == events.NAMES[events.EntryCorrupt]:
            self._add_finding(line, moment, reason)
        elif kind == events.NAMES[events.EntryHealed]:
            self._add_heal(line, moment)
        elif kind == events.NAMES[events.RepeatOffender]:
            self._offences += 1
        elif kind in events.NAMES.values():
            self._failures += 1

    def history(self) -> History:
        found = list(self._caches.values())
        return History(
            total=self._total,
            first=self._first,
            last=self._last,
            actions=self._actions,
            unmeasured=self._unmeasured,
            offences=self._offences,
            failures=self._failures,
            unreadable=self._unreadable,
            days=self._days.table(),
            reasons=self._reasons.table(),
            packages=self._packages.table(),
            hosts=self._hosts.table(),
            pips=self._pips.table(),
            caches=sorted(found, key=lambda one: -one.counts.healed),
        )

    def _add_finding(
        self, event: dict[str, object], moment: dt.datetime | None, reason: str | None
    ) -> None:
        action = _text(event, "action")
        if action in self._actions:
            self._actions[action] += 1
        self._count(event, moment, reason, Count(found=1))

    def _add_heal(self, event: dict[str, object], moment: dt.datetime | None) -> None:
        url, size = _text(event, "url", _LONGEST_PATH), whole(event.get("bytes"))
        is_fetched = not (url or "").startswith("file:")
        if is_fetched and size is None:
            self._unmeasured += 1
        reason = self._reason_of.get(_text(event, "heals") or "")
        fetched = size if size and is_fetched else 0
        self._count(event, moment, reason, Count(healed=1, fetched=fetched))
        if is_fetched:
            self._note_run(event, moment)

    def _count(
        self,
        event: dict[str, object],
        moment: dt.datetime | None,
        reason: str | None,
        count: Count,
    ) -> None:
        url = _text(event, "url", _LONGEST_PATH)
        self._total = self._total.plus(count)
        self._days.add(_day(moment), count)
        self._reasons.add(reason, count)
        told = subjects.of_url(url).project if url else None
        self._packages.add(told or _text(event, "project"), count)
        self._hosts.add(host_of(url) if url else None, count)
        self._pips.add(_text(event, "pip"), count)
        path = cache_of(event)
        if path is not None and (
            path in self._caches or len(self._caches) < _MOST_CACHES
        ):
            known = self._caches.get(path, CacheCount(path))
            self._caches[path] = known._replace(counts=known.counts.plus(count))

    def _note_run(self, event: dict[str, object], moment: dt.datetime | None) -> None:
        path, pid = cache_of(event), event.get("pid")
        if path is None or path not in self._caches:
            return
        # Containers number their processes from one, so that several runs of a day
        # may count as one: rather claim too little.
        process = (_text(event, "prefix", _LONGEST_PATH), whole(pid))
        run = (path, _day(moment), *process)
        if not self._runs.get(run):
            known = self._caches[path]
            self._caches[path] = known._replace(runs=known.runs + 1)
        self._runs.put(run, True)


def _day(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


def whole(value: object) -> int | None:
    """A value if it is a number of things; None if it is negative or absurd."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST_SIZE else None


def _text(
    event: dict[str, object], name: str, longest: int = _LONGEST_NAME
) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest else None
