"""Carry out a verdict: quarantine the entry, record the event; for gate and scan."""

from __future__ import annotations

import contextlib
import enum
import shutil
from typing import TYPE_CHECKING

from pipmend import events, quarantine, urls
from pipmend.errors import QuarantineError
from pipmend.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend._compat.layouts import Place
    from pipmend.entries import Stamp
    from pipmend.quarantine import Bounds
    from pipmend.verdicts import Verdict


class Action(enum.Enum):
    """What was done about a corrupt entry."""

    QUARANTINED = "quarantined"
    BYPASSED = "bypassed"
    """Not used, but its files could not be moved."""
    OBSERVED = "observed"
    """Recorded only."""


class Finding(Record):
    """A corrupt entry."""

    place: Place
    stamp: Stamp
    """The files as they were judged; a newer one is never moved."""
    verdict: Verdict
    url: str | None = None
    """As pip asked for it; credentials are removed before it is recorded."""
    remedy: str = "fetching it again"
    """What comes next, for the line that a person reads."""
    pip_error: str | None = None
    """What pip failed with, without credentials."""
    told: str | None = None
    """What its content says that it is, in words, where the URL is not known."""
    project: str | None = None
    """The project that its content names."""

    @property
    def subject(self) -> str:
        """The entry in words."""
        if self.url is not None:
            return urls.subject_of(self.url)
        return self.told or f"entry {self.place.name}"


class Enforced(Record):
    """What became of a finding."""

    id: str
    action: Action
    evidence: Path | None = None
    """The folder of the quarantined files."""
    stayed: str | None = None
    """Why the files could not be moved."""
    unlogged: str | None = None
    """Why the event could not be recorded."""


def enforce(
    finding: Finding,
    log: events.EventLog,
    *,
    move: bool,
    bounds: Bounds | None = quarantine.DEFAULT_BOUNDS,
) -> Enforced | None:
    """Quarantine a corrupt entry and record the event.

    Args:
        finding: the corrupt entry.
        log: where the event goes; failing to write it changes nothing else.
        move: False to record only.
        bounds: of the quarantine; None if they are kept later, for many at once.

    Returns:
        What was done; None if another process was faster and nothing was.
    """
    item_id = events.new_id()
    evidence, stayed = None, None
    if move:
        try:
            evidence = _isolate(finding, item_id, bounds)
        except quarantine.EntryGoneError:
            return None
        except QuarantineError as error:
            stayed = str(error)
    action = Action.OBSERVED
    if move:
        action = Action.BYPASSED if evidence is None else Action.QUARANTINED
    unlogged = _record(finding, log, Enforced(item_id, action, evidence, stayed))
    return Enforced(item_id, action, evidence, stayed, unlogged)


def _isolate(finding: Finding, item_id: str, bounds: Bounds | None) -> Path:
    verdict = finding.verdict
    description: dict[str, object] = {
        "id": item_id,
        "subject": finding.subject,
        "url": urls.redacted(finding.url) if finding.url else None,
        "entry": str(finding.place.metadata),
        "outcome": verdict.outcome.value,
        "reason": verdict.reason and verdict.reason.value,
        "found": verdict.found,
        "expected": verdict.expected,
    }
    item = quarantine.isolate(finding.place, finding.stamp, item_id, description)
    if bounds is not None:
        with contextlib.suppress(OSError):
            quarantine.prune(finding.place.cache_root, bounds, keep=item_id)
    return item.folder


def _record(finding: Finding, log: events.EventLog, done: Enforced) -> str | None:
    verdict = finding.verdict
    event = events.EntryCorrupt(
        id=done.id,
        action=done.action.value,
        subject=finding.subject,
        url=urls.redacted(finding.url) if finding.url else None,
        entry=str(finding.place.metadata),
        cache=str(finding.place.cache_root),
        bytes=finding.stamp.size,
        reason=verdict.reason.value if verdict.reason else "",
        found=verdict.found,
        expected=verdict.expected,
        evidence=str(done.evidence) if done.evidence else None,
        stayed=done.stayed,
        pip_error=finding.pip_error,
        free_bytes=_free_bytes(finding.place.cache_root),
        project=finding.project,
    )
    try:
        log.emit(event)
    except OSError as error:
        return str(error)
    return None


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
