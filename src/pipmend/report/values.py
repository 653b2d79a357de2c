"""What the page says: frozen values, one for each section."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from pipmend.scan import Count, Group
    from pipmend.subjects import Kind
    from pipmend.verdicts import Reason
    from pipmend.walk import LeftoverKind


class Cache(NamedTuple):
    """One cache folder that the page is about."""

    path: str
    source: str
    """How it was found, in words."""
    entries: int
    size: int
    """Bytes of the entries."""
    corrupt: int | None
    """None where nothing was judged."""


class Broken(NamedTuple):
    """One corrupt entry."""

    subject: str
    reason: Reason | None
    summary: str
    """What was found in a few words, such as ``body: 0 of 2,417 bytes``."""
    size: int
    modified: float
    """Seconds since 1970."""
    name: str
    """On disk, or the path of a built wheel: what ``pipmend explain`` takes."""


class State(NamedTuple):
    """What a scan has counted."""

    groups: Mapping[Group, Count]
    reasons: Mapping[Reason, int]
    """Corrupt entries by reason."""
    leftovers: Mapping[LeftoverKind, Count]
    broken: tuple[Broken, ...]
    """The first of the corrupt entries."""
    repair: str
    """The command that repairs them."""
    sweep: str
    """The command that moves leftovers."""
    unchanged: int
    """Entries that were known from an earlier scan."""
    is_complete: bool

    @property
    def entries(self) -> int:
        """All entries that were met."""
        return sum(count.items for count in self.groups.values())

    @property
    def size(self) -> int:
        """Bytes of all entries that were met."""
        return sum(count.size for count in self.groups.values())


class Package(NamedTuple):
    """The entries of one project."""

    name: str | None
    """None for what does not tell its name."""
    entries: int
    newest: float
    """When an entry was last modified, in seconds since 1970."""
    sizes: Mapping[Kind, int]
    """Bytes by kind."""
    broken: int | None
    """Corrupt entries; None where nothing was judged."""

    @property
    def size(self) -> int:
        """Bytes of all entries."""
        return sum(self.sizes.values())


class Fate(enum.Enum):
    """What became of something that happened, in a word for a person."""

    HEALED = "healed"
    QUARANTINED = "in quarantine"
    BYPASSED = "left in place"
    OBSERVED = "recorded only"
    REPEATED = "keeps breaking"
    FAILED = "pipmend failed"
    UNFIT = "pip left alone"
    UNKNOWN = "unknown"


class Incident(NamedTuple):
    """Something that happened, with what was done about it."""

    at: dt.datetime | None
    """In UTC; None where the time is not readable."""
    fate: Fate
    subject: str
    reason: str | None = None
    """Code of a reason, perhaps of a later pipmend."""
    detail: str | None = None
    """What was found, in words."""
    done: str | None = None
    """What was done beyond its fate, in words."""


class Day(NamedTuple):
    """What happened on one day, in UTC."""

    date: dt.date
    found: int
    healed: int


class Healing(NamedTuple):
    """What was found and healed."""

    span: int
    """Days that are summed up."""
    found: int
    healed: int
    fetched: int
    """Bytes fetched again."""
    saved: int
    """Bytes that healing has saved at most, compared with purging."""
    days: tuple[Day, ...]
    """Each day of the span, oldest first."""
    reasons: tuple[tuple[str | None, int, int], ...]
    """Codes with how many were found and healed in the span; None if unknown."""
    incidents: tuple[Incident, ...]
    """The last ones of the whole log, newest first."""


class Item(NamedTuple):
    """One item of a quarantine."""

    id: str
    subject: str
    reason: str | None
    """Code of a reason, or why it does not say one."""
    size: int
    at: float | None
    """Seconds since 1970; None where it does not tell."""
    restore: str
    """The command that restores it."""


class Quarantine(NamedTuple):
    """What lies in quarantine."""

    number: int
    size: int
    """Bytes of all items."""
    items: tuple[Item, ...]
    """The newest ones, newest first."""


class Standing(enum.Enum):
    """The answer to one of the doctor's questions, worst first."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"
    UNKNOWN = "unknown"
    FINE = "fine"


class Check(NamedTuple):
    """One of the doctor's answers."""

    standing: Standing
    name: str
    what: str
    next_step: str | None = None


class Checkup(NamedTuple):
    """The doctor's answers about one cache, or about the machine."""

    cache: str | None
    """None for what concerns no cache in particular."""
    checks: tuple[Check, ...]


class Making(NamedTuple):
    """How the page was made."""

    version: str
    """Of pipmend."""
    python: str
    at: dt.datetime
    """In UTC."""
    seconds: float
    command: str
    """What was typed."""
    scan: str
    """The command that judges the same caches."""
    log: str
    """The event log that was read."""
    caches: tuple[Cache, ...]


class Report(NamedTuple):
    """All that the page says."""

    state: State | None
    """None where nothing was judged."""
    packages: tuple[Package, ...]
    """Largest first."""
    healing: Healing | None
    """None where the event log cannot be read."""
    quarantine: Quarantine | None
    """None where it cannot be looked into."""
    checkups: tuple[Checkup, ...]
    making: Making
    troubles: tuple[str, ...] = ()
    """What could not be looked at, and why."""
