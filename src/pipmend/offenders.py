"""Repeat offenders: when the events of the last days point to a cause outside."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

from pipmend import enforce, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SPAN = dt.timedelta(days=7)
SAME_ENTRY = 3
"""Findings of one entry within the span."""
SAME_CACHE = 5
"""Entries found in one cache within the span."""

_CAUSE = "likely a full or failing disk, a shared mount, or a restored CI cache"


def newly_repeated(
    log: events.EventLog, entry: Path, cache_root: Path
) -> events.RepeatOffender | None:
    """The offence that the newest finding completes, unless it was told before.

    Raises:
        OSError: the log cannot be read.
    """
    since = (dt.datetime.now(tz=dt.timezone.utc) - SPAN).isoformat()
    recent = [
        event for event in log.read() if event is not None and _time_of(event) > since
    ]
    told = {
        str(event.get("where")) for event in recent if _is(event, events.RepeatOffender)
    }
    for offence in offences(recent, cache_root):
        mine = offence.where in {str(entry), str(cache_root)}
        if mine and offence.where not in told:
            return offence
    return None


def offences(
    recent: Iterable[dict[str, object]], cache_root: Path
) -> Iterator[events.RepeatOffender]:
    """The entries of a cache that broke again and again, then the cache itself.

    Args:
        recent: the events of the span.
        cache_root: the cache, as it was named when they were recorded.
    """
    below = os.path.join(cache_root, "")  # noqa: PTH118
    times: dict[str, int] = {}
    for event in recent:
        entry = str(event.get("entry"))
        if _is(event, events.EntryCorrupt) and entry.startswith(below):
            # What was left in its place is the same damage, met again.
            moved = event.get("action") == enforce.Action.QUARANTINED.value
            times[entry] = times.get(entry, 0) + moved
    for entry, number in times.items():
        if number >= SAME_ENTRY:
            words = f"this entry was broken {number} times within a week: {_CAUSE}"
            yield events.RepeatOffender(where=entry, words=words)
    if len(times) >= SAME_CACHE:
        words = f"{len(times)} entries of this cache broke within a week: {_CAUSE}"
        yield events.RepeatOffender(where=str(cache_root), words=words)


def _time_of(event: dict[str, object]) -> str:
    at = event.get("at")
    return at if isinstance(at, str) else ""


def _is(event: dict[str, object], kind: type[events.Event]) -> bool:
    return event.get("event") == events.NAMES[kind]
