"""Repeat offenders: when the events of the last days point to a cause outside."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

from pipmend import enforce, events

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    found = [event for event in recent if _is(event, events.EntryCorrupt)]
    same = sum(
        event.get("entry") == str(entry)
        for event in found
        # What was left in its place is the same damage, met again.
        if event.get("action") == enforce.Action.QUARANTINED.value
    )
    if same >= SAME_ENTRY and str(entry) not in told:
        words = f"this entry was broken {same} times within a week: {_CAUSE}"
        return events.RepeatOffender(where=str(entry), words=words)
    broken = _entries_below(found, cache_root)
    if broken >= SAME_CACHE and str(cache_root) not in told:
        words = f"{broken} entries of this cache broke within a week: {_CAUSE}"
        return events.RepeatOffender(where=str(cache_root), words=words)
    return None


def _time_of(event: dict[str, object]) -> str:
    at = event.get("at")
    return at if isinstance(at, str) else ""


def _is(event: dict[str, object], kind: type[events.Event]) -> bool:
    return event.get("event") == events.NAMES[kind]


def _entries_below(found: Iterable[dict[str, object]], cache_root: Path) -> int:
    paths = {str(event.get("entry")) for event in found}
    return sum(path.startswith(os.path.join(cache_root, "")) for path in paths)  # noqa: PTH118
