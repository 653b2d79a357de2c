"""The event log: one line an event, and a reader that survives anything."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipmend import atomic, events
from pipmend.events import EntryHealed, EventLog, GuardTripped, SeamUnfit

if TYPE_CHECKING:
    from pathlib import Path

EVENT = EntryHealed(
    heals="20260101T000000Z-01234567",
    subject="the cached page of 'é\n\u2028'",
    url=None,
    entry="/cache/http-v2/entry",
)

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """A log whose folder is not there yet."""
    return EventLog(tmp_path / "state" / "log")


def test_an_event_is_one_line(log: EventLog) -> None:
    """Whatever characters it has."""
    log.emit(EVENT)
    log.emit(EVENT)

    text = log.path.read_text(encoding="ascii")
    assert text.count("\n") == 2
    assert len(text.splitlines()) == 2


def test_a_line_says_what_and_where_it_comes_from(log: EventLog) -> None:
    """Schema version, kind, moment in UTC, process, and the fields of the event."""
    before = dt.datetime.now(tz=dt.timezone.utc)

    log.emit(EVENT)

    line = json.loads(log.path.read_text())
    assert line["schema"] == events.SCHEMA
    assert line["event"] == "pipmend.entry_healed"
    assert line["pid"] == os.getpid()
    assert line["heals"] == EVENT.heals
    assert line["subject"] == EVENT.subject
    assert line["url"] is None
    moment = dt.datetime.fromisoformat(line["at"])
    assert moment.utcoffset() == dt.timedelta(0)
    assert abs(moment - before) < dt.timedelta(minutes=1)


def test_events_are_read_in_their_order(log: EventLog) -> None:
    """Oldest first."""
    for step in "abc":
        log.emit(GuardTripped(step=step, error="ValueError"))

    assert [event and event["step"] for event in log.read()] == ["a", "b", "c"]


def test_without_a_log_there_are_no_events(log: EventLog) -> None:
    """And reading makes none."""
    assert list(log.read()) == []
    assert not log.path.parent.exists()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"event": "pipmend.entry_he', id="torn"),
        pytest.param(b"", id="empty"),
        pytest.param(bytes(100), id="nul-filled"),
        pytest.param(b"\xff\xfe", id="not-text"),
        pytest.param(b"[1, 2]", id="a-list"),
        pytest.param(b"7", id="a-number"),
        pytest.param(b"[" * 60_000, id="too-deep"),
    ],
)
def test_a_line_that_is_not_readable_costs_one_event(
    line: bytes, log: EventLog
) -> None:
    """Those before and after it are read."""
    log.emit(EVENT)
    with log.path.open("ab") as file:
        file.write(line + b"\n")
    log.emit(EVENT)

    found = list(log.read())

    assert [event is None for event in found] == [False, True, False]


def test_an_endless_line_does_not_fill_the_memory(log: EventLog) -> None:
    """It is read in pieces, none of which is an event."""
    log.emit(EVENT)
    os.truncate(log.path, 4_000_000)
    log.path.write_bytes(log.path.read_bytes() + b"\n")
    log.emit(EVENT)

    found = list(log.read())

    assert found[0] is not None
    assert found[-1] is not None
    assert not any(found[1:-1])


@settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=200))
def test_reading_any_bytes_never_raises(content: bytes, log: EventLog) -> None:
    """Each line is an event or None."""
    log.path.parent.mkdir(parents=True, exist_ok=True)
    log.path.write_bytes(content)

    assert all(event is None or isinstance(event, dict) for event in log.read())


def test_a_large_log_is_set_aside(log: EventLog) -> None:
    """One before it is kept and read, older ones go."""
    for step in ("oldest", "older", "newest"):
        log.emit(GuardTripped(step=step, error="ValueError"))
        if step != "newest":
            os.truncate(log.path, events.LARGEST_LOG + 1)

    steps = [event["step"] for event in log.read() if event is not None]
    assert steps == ["older", "newest"]
    assert len(list(log.path.parent.iterdir())) == 2
    assert log.path.stat().st_size < events.LARGEST_LOG


@posix_only
def test_the_log_is_private(log: EventLog) -> None:
    """It tells what somebody installs."""
    mask = os.umask(0)
    try:
        log.emit(EVENT)
    finally:
        os.umask(mask)

    assert stat.S_IMODE(log.path.stat().st_mode) == atomic.PRIVATE_FILE
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == atomic.PRIVATE_FOLDER


@pytest.mark.parametrize("kind", ["folder", "link", "file-above"])
def test_a_log_that_cannot_be_written_is_an_error(kind: str, log: EventLog) -> None:
    """Nothing is followed, replaced or removed."""
    log.path.parent.parent.mkdir()
    if kind == "file-above":
        log.path.parent.touch()
    else:
        log.path.parent.mkdir()
    if kind == "folder":
        log.path.mkdir()
    if kind == "link":
        log.path.symlink_to(log.path.parent / "elsewhere")

    with pytest.raises(OSError, match="log"):
        log.emit(EVENT)

    assert not (log.path.parent / "elsewhere").exists()


def test_the_same_event_is_known(log: EventLog) -> None:
    """So that an unknown shape of pip is told once."""
    unfit = SeamUnfit("the cache names no folder")
    assert not log.has(unfit)
    log.emit(SeamUnfit("something else"))
    assert not log.has(unfit)
    log.emit(unfit)

    assert log.has(unfit)


def test_ids_tell_the_time_and_differ() -> None:
    """In UTC, so that their order is the order of time."""
    before = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    ids = {events.new_id() for _ in range(100)}
    after = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())

    assert len(ids) == 100
    assert all(before <= name[: len(before)] <= after for name in ids)
    assert all(name.replace("-", "").isalnum() for name in ids)
