"""The event log: one line an event, and a reader that survives anything."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipmend import atomic, events
from pipmend.events import EntryHealed, EventLog, GuardTripped, SeamUnfit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipmend.events import Line

EVENT = EntryHealed(
    heals="20260101T000000Z-01234567",
    subject="the cached page of 'é\n\u2028'",
    url=None,
    entry="/cache/http-v2/entry",
    bytes=2417,
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
    """It is read in pieces, and is one unreadable line."""
    log.emit(EVENT)
    os.truncate(log.path, 4_000_000)
    log.path.write_bytes(log.path.read_bytes() + b"\n")
    log.emit(EVENT)

    found = list(log.read())

    assert [event is None for event in found] == [False, True, False]


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 131_071, 131_072, 131_073])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_rest_of_a_long_line_is_no_line(
    length: int, end: bytes, log: EventLog
) -> None:
    """Even if it would be an event by itself."""
    log.emit(EVENT)
    event = log.path.read_bytes()
    log.path.write_bytes(event + b" " * length + event.strip() + end)

    found = list(log.read())

    assert [line is None for line in found] == [False, True]


def test_a_long_line_may_follow_a_long_line(log: EventLog) -> None:
    """Each costs one event."""
    log.emit(EVENT)
    event = log.path.read_bytes()
    long = b"x" * 200_000 + b"\n"
    log.path.write_bytes(event + long + long + event + long + event)

    found = list(log.read())

    assert [line is None for line in found] == [False, True, True, False, True, False]


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


def moment() -> str:
    """Now, as ids tell it."""
    return f"{dt.datetime.now(tz=dt.timezone.utc):%Y%m%dT%H%M%SZ}"


def test_ids_tell_the_time_and_differ() -> None:
    """In UTC, so that their order is the order of time."""
    # Not time.gmtime(), whose clock may be a moment behind.
    before, ids, after = moment(), {events.new_id() for _ in range(100)}, moment()

    assert len(ids) == 100
    assert all(before <= name[: len(before)] <= after for name in ids)
    assert all(name.replace("-", "").isalnum() for name in ids)


# Since a moment.

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.timezone.utc)


def timed(at: object) -> bytes:
    """A line that was recorded at a moment."""
    event = {"schema": 1, "at": at, "event": "pipmend.seam_unfit", "problem": "p"}
    return json.dumps(event).encode() + b"\n"


def test_what_was_recorded_before_is_left_out(log: EventLog) -> None:
    """The moment itself counts, in whatever zone it is written."""
    log.path.parent.mkdir(parents=True)
    times = [
        "2026-11-20T11:59:59.999+00:00",
        "2026-11-20T12:00:00.000+00:00",
        "2026-11-20T12:59:00.000+02:00",
        "2026-11-20T10:30:00.000-02:00",
        "2027-01-01T00:00:00.000+00:00",
    ]
    log.path.write_bytes(b"".join(map(timed, times)))

    found = [event and event["at"] for event in log.read(NOON)]

    assert found == [times[1], times[3], times[4]]


ODD_TIMES: tuple[object, ...] = (
    *(None, 0, 1e300, [], {}, "", "now", "2026-11-20T13:00:00", "x" * 9999),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-13-01"),
)


@pytest.mark.parametrize("at", ODD_TIMES, ids=lambda at: repr(at)[:30])
def test_a_time_that_is_not_readable_is_none(at: object, log: EventLog) -> None:
    """The event is shown when no time is asked for, and left out otherwise."""
    log.path.parent.mkdir(parents=True)
    log.path.write_bytes(timed(at))

    (event,) = log.read()

    assert event is not None
    assert events.moment_of(event) is None
    assert list(log.read(NOON)) == []


def test_unreadable_lines_have_no_time(log: EventLog) -> None:
    """They are told of whatever the moment is."""
    log.path.parent.mkdir(parents=True)
    log.path.write_bytes(b"{torn\n")

    assert list(log.read(NOON)) == [None]


# Following.


class EnoughError(Exception):
    """Ends the following."""


def followed(
    log: EventLog, *steps: Callable[[], object], since: dt.datetime | None = None
) -> list[object]:
    """What is met when a step is taken at each wait: its number, None if unreadable."""
    waiting = iter(steps)

    def wait() -> None:
        step = next(waiting, None)
        if step is None:
            raise EnoughError
        step()

    found: list[Line] = []
    with pytest.raises(EnoughError):
        found.extend(log.follow(wait, since))
    # `extend` keeps what came before the end.
    return [event and event["problem"] for event in found]


def lines(*numbers: int) -> bytes:
    """Lines of the log."""
    event = {"event": "pipmend.seam_unfit", "at": NOON.isoformat()}
    return b"".join(
        json.dumps({**event, "problem": number}).encode() + b"\n" for number in numbers
    )


@pytest.fixture
def append(log: EventLog) -> Callable[[bytes], None]:
    """Append bytes to the log."""
    log.path.parent.mkdir(parents=True, exist_ok=True)

    def write(data: bytes) -> None:
        with log.path.open("ab") as file:
            file.write(data)

    return write


def test_what_is_there_is_followed_by_what_comes(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """Each once, though there is nothing new at some waits."""
    append(lines(1, 2))

    found = followed(
        log,
        lambda: None,
        lambda: append(lines(3)),
        lambda: None,
        lambda: append(lines(4, 5)),
    )

    assert found == [1, 2, 3, 4, 5]


def test_a_log_that_is_not_there_yet_is_waited_for(log: EventLog) -> None:
    """Nor is its folder."""
    found = followed(
        log,
        lambda: None,
        lambda: log.emit(SeamUnfit("first")),
        lambda: log.emit(SeamUnfit("second")),
    )

    assert found == ["first", "second"]


def test_a_torn_line_is_waited_for(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """It is shown once it has come to its end."""
    data = lines(1, 2)

    found = followed(
        log,
        lambda: append(data[:10]),
        lambda: append(data[10:-5]),
        lambda: None,
        lambda: append(data[-5:]),
        lambda: append(b"{torn"),
    )

    assert found == [1, 2]


def test_a_long_line_in_pieces_is_one_line(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """What comes after its first part is no line of its own."""
    found = followed(
        log,
        lambda: append(b"x" * 40_000),
        lambda: append(b"x" * 40_000),
        lambda: append(lines(1)),
        lambda: append(lines(2)),
    )

    assert found == [None, 2]


posix_files = pytest.mark.skipif(
    os.name == "nt", reason="Windows does not rename a file that is open"
)


@posix_files
def test_a_log_that_is_set_aside_is_read_to_its_end(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """Also what a slow writer appends to it after that."""
    append(lines(1))
    aside = log.path.with_name("events.1.jsonl")

    def set_aside() -> None:
        append(lines(2))
        log.path.replace(aside)

    def append_to_both() -> None:
        with aside.open("ab") as file:
            file.write(lines(3))
        append(lines(4))

    found = followed(log, set_aside, append_to_both, lambda: append(lines(5)))

    assert found == [1, 2, 3, 4, 5]


@posix_files
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_log_that_is_set_aside_often_at_one_wait(
    times: int, log: EventLog, append: Callable[[bytes], None]
) -> None:
    """Lost is only what was set aside and replaced unseen."""
    append(lines(0))

    def write() -> None:
        for number in range(1, times + 1):
            append(lines(number))
            log.path.replace(log.path.with_name("events.1.jsonl"))
        append(lines(9))

    found = followed(log, lambda: None, write, write, lambda: None)

    # The file that was open, the last one that was set aside, the present one.
    met = {1: [1, 9], 2: [1, 2, 9], 3: [1, 3, 9]}[times]
    assert found == [0, *met, *met]


@posix_files
def test_both_files_are_read_at_first(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """The older one first."""
    append(lines(1, 2))
    log.path.replace(log.path.with_name("events.1.jsonl"))
    append(lines(3))

    assert followed(log, lambda: append(lines(4))) == [1, 2, 3, 4]


def test_a_log_that_was_emptied_begins_again(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """As some tools do that keep logs short."""
    append(lines(1, 2) + b"{torn")

    found = followed(
        log,
        lambda: os.truncate(log.path, 0),
        lambda: append(lines(3)),
        lambda: append(lines(4)),
    )

    assert found == [1, 2, 3, 4]


def test_following_since_a_moment(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """What is older is left out, whenever it comes."""
    append(timed("2026-11-19T12:00:00+00:00"))

    found = followed(
        log,
        lambda: append(timed("2026-11-19T12:00:00+00:00")),
        lambda: append(lines(7)),
        since=NOON,
    )

    assert found == [7]


def test_following_closes_its_files(
    log: EventLog, append: Callable[[bytes], None]
) -> None:
    """Whoever stops early leaves none open; an open one would warn, and so fail."""
    append(lines(1))
    lines_met = log.follow(lambda: None)
    assert next(iter(lines_met)) is not None

    del lines_met


@posix_only
@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_what_is_no_log_is_not_read(
    kind: str, log: EventLog, append: Callable[[bytes], None]
) -> None:
    """Nothing hangs, and nothing is followed elsewhere."""
    if kind == "fifo":
        os.mkfifo(log.path)
    elif kind == "folder":
        log.path.mkdir()
    else:
        append(lines(1))
        log.path.symlink_to(log.path.replace(log.path.with_name("elsewhere")))

    with pytest.raises(OSError, match=r".+"):
        list(log.read())
    with pytest.raises(OSError, match=r".+"):
        next(iter(log.follow(lambda: None)))


def test_an_event_is_recorded_while_somebody_reads(log: EventLog) -> None:
    """However large the log is; Windows would not let it be set aside."""
    log.emit(SeamUnfit("first"))
    reading = log.read()
    assert next(iter(reading)) is not None
    os.truncate(log.path, events.LARGEST_LOG + 1)

    log.emit(SeamUnfit("second"))

    steps = [event["problem"] for event in log.read() if event is not None]
    assert "second" in steps or os.name == "nt"
