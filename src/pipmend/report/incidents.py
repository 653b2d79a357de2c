"""What the event log tells: the last incidents each, and the last days together.

Bounded however long the log is, and each value of an event is doubted.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Callable

from pipmend import enforce, events, history, units, urls
from pipmend.report import words
from pipmend.report.values import Day, Fate, Healing, Incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipmend.events import EventLog, Line
    from pipmend.history import History

    Event = Mapping[str, object]

SPAN = 30
"""Days that are summed up: as long as quarantine keeps the evidence."""
MOST = 50
"""Incidents that are told one by one."""

_LONGEST_TEXT = 2000
_LONGEST_ID = 200

_FATES = {
    enforce.Action.QUARANTINED.value: Fate.QUARANTINED,
    enforce.Action.BYPASSED.value: Fate.BYPASSED,
    enforce.Action.OBSERVED.value: Fate.OBSERVED,
}


def healing_of(
    log: EventLog,
    now: dt.datetime,
    present: Mapping[str, int],
    *,
    only: Iterable[str] | None = None,
) -> Healing:
    """What was found and healed, by the event log.

    Args:
        log: the log of this user.
        now: in UTC.
        present: bytes of each cache now, by its path.
        only: roots of the caches whose events count, by any name; None for all.

    Raises:
        OSError: the log cannot be read.
    """
    roots = None if only is None else tuple(only)
    first = now.date() - dt.timedelta(days=SPAN - 1)
    midnight = dt.datetime.combine(first, dt.time(), tzinfo=dt.timezone.utc)
    summed = history.summed(_of_caches(log.read(), roots), midnight)
    return Healing(
        span=SPAN,
        found=summed.total.found,
        healed=summed.total.healed,
        fetched=summed.total.fetched,
        saved=sum(one.saved(present.get(one.path, 0)) for one in summed.caches),
        days=_days(summed, first),
        reasons=_reasons(summed),
        incidents=last_incidents(_of_caches(log.read(), roots)),
    )


def last_incidents(lines: Iterable[Line]) -> tuple[Incident, ...]:
    """The last incidents, newest first; a heal is told with what it has healed."""
    told: dict[str, Incident] = {}
    for number, line in enumerate(lines):
        if line is None:
            continue
        if line.get("event") == events.NAMES[events.EntryHealed]:
            heals = _text(line, "heals", _LONGEST_ID)
            finding = told.get(f"id {heals}")
            if finding is not None:
                told[f"id {heals}"] = _healed(finding, line)
                continue
        tell = _TELLERS.get(str(line.get("event")))
        if tell is None:
            continue
        name = _text(line, "id", _LONGEST_ID)
        told[f"id {name}" if name else f"line {number}"] = tell(line)
        if len(told) > MOST:
            del told[next(iter(told))]
    return tuple(reversed(told.values()))


def _of_caches(lines: Iterable[Line], roots: tuple[str, ...] | None) -> Iterator[Line]:
    """The events that concern one of the caches, or none in particular."""
    for line in lines:
        if line is None or roots is None or _concerns(line, roots):
            yield line


def _concerns(event: dict[str, object], roots: tuple[str, ...]) -> bool:
    place = history.cache_of(event) or event.get("where")
    if not isinstance(place, str):
        return True
    return place in roots or place.startswith(
        tuple(os.path.join(root, "") for root in roots)  # noqa: PTH118
    )


def _days(summed: History, first: dt.date) -> tuple[Day, ...]:
    dates = [first + dt.timedelta(days=number) for number in range(SPAN)]
    counts = [summed.days.rows.get(date.isoformat()) for date in dates]
    return tuple(
        Day(date, count.found if count else 0, count.healed if count else 0)
        for date, count in zip(dates, counts)
    )


def _reasons(summed: History) -> tuple[tuple[str | None, int, int], ...]:
    rows: list[tuple[str | None, int, int]] = [
        (code, count.found, count.healed) for code, count in summed.reasons.largest()
    ]
    rest = summed.reasons.unknown.plus(summed.reasons.others)
    if rest.found or rest.healed:
        rows.append((None, rest.found, rest.healed))
    return tuple(rows[:MOST])


def _corrupt(event: Event) -> Incident:
    stayed = _said(event, "stayed")
    return Incident(
        at=events.moment_of(dict(event)),
        fate=_FATES.get(str(event.get("action")), Fate.UNKNOWN),
        subject=_said(event, "subject") or "an entry",
        reason=_text(event, "reason", _LONGEST_ID),
        detail=_detail(event),
        done=f"not moved: {stayed}" if stayed else None,
    )


def _detail(event: Event) -> str | None:
    found, expected = event.get("found"), event.get("expected")
    if history.whole(found) is not None and history.whole(expected) is not None:
        return f"{found:,} of {expected:,} bytes"
    parts = [
        f"{name} {_measured(value)}"
        for name, value in (("found", found), ("expected", expected))
        if isinstance(value, (str, int))
    ]
    return ", ".join(parts) or None


def _measured(value: object) -> str:
    size = history.whole(value)
    if size is not None:
        return units.counted(size, "byte")
    return urls.without_credentials(words.cut(str(value)))


def _healed(finding: Incident, event: Event) -> Incident:
    at = events.moment_of(dict(event))
    size = history.whole(event.get("bytes"))
    parts = ["fetched again" if size is None else f"{words.size(size)} fetched again"]
    if at is not None and finding.at is not None and at >= finding.at:
        seconds = (at - finding.at).total_seconds()
        parts.append(f"{words.age(seconds)} later" if seconds >= 1 else "at once")
    return finding._replace(fate=Fate.HEALED, done=" ".join(parts))


def _lone_heal(event: Event) -> Incident:
    """A heal whose finding is not among those that are told."""
    at = events.moment_of(dict(event))
    bare = Incident(at, Fate.HEALED, _said(event, "subject") or "an entry")
    return _healed(bare._replace(at=None), event)._replace(at=at)


def _repeated(event: Event) -> Incident:
    return Incident(
        events.moment_of(dict(event)),
        Fate.REPEATED,
        _said(event, "where") or "an entry",
        detail=_said(event, "words"),
        done="see the findings below",
    )


def _unfit(event: Event) -> Incident:
    return Incident(
        events.moment_of(dict(event)),
        Fate.UNFIT,
        f"pip {_said(event, 'pip') or 'of an unknown version'}",
        detail=_said(event, "problem"),
    )


def _failed(event: Event) -> Incident:
    return Incident(
        events.moment_of(dict(event)),
        Fate.FAILED,
        f"pipmend, in {_said(event, 'step') or 'an unknown step'}",
        detail=_said(event, "error"),
        done="pip went on without it",
    )


def _said(event: Event, name: str) -> str | None:
    """A text of an event without what could be a secret."""
    text = _text(event, name, _LONGEST_TEXT)
    return text and urls.without_credentials(text)


def _text(event: Event, name: str, longest: int) -> str | None:
    value = event.get(name)
    return value[:longest] if isinstance(value, str) and value else None


_TELLERS: dict[str, Callable[[Event], Incident]] = {
    events.NAMES[events.EntryCorrupt]: _corrupt,
    events.NAMES[events.EntryHealed]: _lone_heal,
    events.NAMES[events.RepeatOffender]: _repeated,
    events.NAMES[events.SeamUnfit]: _unfit,
    events.NAMES[events.GuardTripped]: _failed,
}
