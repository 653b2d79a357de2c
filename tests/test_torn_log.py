"""A disk that fills up while an event is recorded costs that event, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pipmend
from pipmend.events import EventLog, SeamUnfit

SOURCES = Path(pipmend.__file__).parent.parent
EMIT = """
import sys, pathlib
from pipmend import events
events.EventLog(pathlib.Path(sys.argv[1])).emit(events.SeamUnfit("torn" * 500))
"""
LIMIT = 4096
"""Bytes that a file may have, as if the disk were full then."""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="sets a limit in a shell"
)


def record_on_a_full_disk(log: EventLog) -> subprocess.CompletedProcess[str]:
    """Record an event of which a part fits."""
    script = f'ulimit -f {LIMIT // 512}; exec "$@"'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", sys.executable, "-c", EMIT, log.path.parent],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_next_event_is_whole(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    while not log.path.exists() or log.path.stat().st_size < LIMIT - 1000:
        log.emit(SeamUnfit("before"))
    before = len(list(log.read()))

    done = record_on_a_full_disk(log)
    assert "a line was written in part" in done.stderr
    assert log.path.stat().st_size == LIMIT
    for _ in range(2):
        log.emit(SeamUnfit("after"))

    events = list(log.read())
    assert [None if event is None else event["problem"] for event in events] == [
        *["before"] * before,
        None,
        *["after"] * 2,
    ]
