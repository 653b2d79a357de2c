"""What this process has met: each corrupt entry is acted on, told and recorded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pipmend import (
    enforce,
    entries,
    events,
    notices,
    offenders,
    quarantine,
    urls,
)
from pipmend.records import Record

if TYPE_CHECKING:
    from pipmend._compat.layouts import Place
    from pipmend.entries import Stamp
    from pipmend.quarantine import Bounds
    from pipmend.verify import Told


K = TypeVar("K")
V = TypeVar("V")

_MOST_ENTRIES = 5000
"""Entries that are remembered: more than one command of pip's meets."""


class Recent(dict[K, V]):
    """Remembers so many things: some programs run for months.

    Beyond that, the older half is forgotten.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._most:
            # In steps that other threads cannot get in between.
            for old in list(self)[: self._most // 2]:
                self.pop(old, None)


class _Found:
    """A corrupt entry met in this process."""

    def __init__(self, stamp: Stamp, event_id: str | None) -> None:
        self.stamp = stamp
        self.id = event_id
        """Of its event; None when another process was faster, and once it is healed."""


class Served(Record):
    """An entry that pip was given."""

    place: Place
    stamp: Stamp
    url: str
    told: Told


class Ledger:
    """The findings of one process, and what pip was served."""

    def __init__(
        self,
        log: events.EventLog,
        bounds: Bounds = quarantine.DEFAULT_BOUNDS,
        *,
        heal: bool,
    ) -> None:
        self._log = log
        self._bounds = bounds
        self._heal = heal
        self._found: Recent[Place, _Found] = Recent(_MOST_ENTRIES)
        self.served: Recent[Place, Served] = Recent(_MOST_ENTRIES)

    def reject(self, finding: enforce.Finding) -> bool:
        """Enforce a verdict once; False if it is the second one for the same key.

        The first was followed by a fresh response: what is wrong then is the
        server, or the disk, and quarantining again would not help.
        """
        before = self._found.get(finding.place)
        if before is not None:
            return before.stamp == finding.stamp
        done = enforce.enforce(finding, self._log, move=self._heal, bounds=self._bounds)
        self._found[finding.place] = _Found(finding.stamp, done.id if done else None)
        self.served.pop(finding.place, None)
        if done is not None and self._heal:
            _tell(finding, done)
        if done is not None:
            self._note_offence(finding.place)
        return True

    def _note_offence(self, place: Place) -> None:
        try:
            found = offenders.newly_repeated(
                self._log, place.metadata, place.cache_root
            )
            if found is not None:
                self._log.emit(found)
                if self._heal:
                    notices.say(found.words)
        except OSError:
            return  # without a log there is nothing to know, and nobody to tell

    def note_updated(self, place: Place) -> None:
        """Go on knowing an entry whose metadata was merged with a 304."""
        served = self.served.get(place)
        if served is not None:
            stamp = entries.stamp_of(place)
            self.served[place] = served._replace(stamp=stamp)

    def note_stored(self, place: Place, url: str) -> None:
        """Record that a fresh response took the place of a corrupt one."""
        # What comes from the network now is not from the cache.
        self.served.pop(place, None)
        found = self._found.get(place)
        if found is None or found.id is None or not self._heal:
            return
        stamp = entries.stamp_of(place)
        if not stamp.replaces(found.stamp, has_body=place.body is not None):
            return  # pip keeps silent about a store that failed, but it is no heal
        heals, found.id = found.id, None
        self._log.emit(
            events.EntryHealed(
                heals=heals,
                subject=urls.subject_of(url),
                url=urls.redacted(url),
                entry=str(place.metadata),
                bytes=stamp.size,
            )
        )


def _tell(finding: enforce.Finding, done: enforce.Enforced) -> None:
    summary = finding.verdict.summary
    if done.stayed is None:
        what = f"quarantined {finding.subject} ({summary})"
    else:
        what = f"not using {finding.subject} ({summary}; not moved: {done.stayed})"
    notices.say(f"{what}; {finding.remedy}")
    if done.unlogged is not None:
        notices.whisper(f"the event was not recorded: {done.unlogged}")
