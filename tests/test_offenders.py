"""Entries and caches that break again and again: one more line, and only once."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.damages import damage
from lab.index_server import LocalIndex
from lab.packages import wheel
from lab.workbench import Warmed, Workbench, lines_of
from pipmend import events, offenders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.laboratory import Laboratory

CAUSE = "likely a full or failing disk, a shared mount, or a restored CI cache"


@pytest.fixture
def log(tmp_path: Path) -> events.EventLog:
    """An empty log."""
    return events.EventLog(tmp_path / "log")


def finding(
    entry: object,
    *,
    days: float = 0,
    action: str = "quarantined",
    name: str = "pipmend.entry_corrupt",
) -> dict[str, object]:
    """A line of the log about an entry, some days old."""
    at = dt.datetime.now(tz=dt.timezone.utc) - dt.timedelta(days=days)
    return {
        "schema": 1,
        "at": at.isoformat(timespec="milliseconds"),
        "event": name,
        "action": action,
        "entry": str(entry),
    }


def write(log: events.EventLog, *lines: object) -> None:
    """Append lines to a log; text and bytes as they are."""
    log.path.parent.mkdir(parents=True, exist_ok=True)
    with log.path.open("ab") as file:
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode()
            file.write(data + b"\n")


def told(log: events.EventLog, entry: Path, root: Path) -> str | None:
    """Where the newest finding completes an offence; it is then recorded."""
    found = offenders.newly_repeated(log, entry, root)
    if found is None:
        return None
    log.emit(found)
    assert found.words.endswith(CAUSE)
    return found.where


def test_the_third_finding_of_an_entry_is_told_once(
    log: events.EventLog, tmp_path: Path
) -> None:
    """Two are chance, and after the third there is nothing new to say."""
    root, entry = tmp_path / "cache", tmp_path / "cache" / "http-v2" / "a"
    answers = []
    for _ in range(5):
        write(log, finding(entry))
        answers.append(told(log, entry, root))

    assert answers == [None, None, str(entry), None, None]


def test_the_fifth_entry_of_a_cache_is_told_once(
    log: events.EventLog, tmp_path: Path
) -> None:
    """One finding each, but many entries."""
    root = tmp_path / "cache"
    answers = []
    for number in range(7):
        entry = root / "http-v2" / str(number)
        write(log, finding(entry))
        answers.append(told(log, entry, root))

    assert answers == [None] * 4 + [str(root)] + [None] * 2


def test_another_entry_is_not_told_of(log: events.EventLog, tmp_path: Path) -> None:
    """What is told belongs to the entry that has just been found."""
    root = tmp_path / "cache"
    write(log, *(finding(root / "other") for _ in range(3)))

    assert told(log, root / "mine", root) is None
    assert [one.where for one in offenders.offences(lines(log), root)] == [
        str(root / "other")
    ]


def lines(log: events.EventLog) -> list[dict[str, object]]:
    """The events of a log."""
    return [line for line in log.read() if line is not None]


def test_an_entry_and_its_cache_are_told_of_apart(
    log: events.EventLog, tmp_path: Path
) -> None:
    """Who has heard of the cache still hears of the entry."""
    root = tmp_path / "cache"
    first, *others = (root / str(number) for number in range(5))
    write(log, *(finding(entry) for entry in [first, *others]))
    assert told(log, first, root) == str(root)

    write(log, finding(first), finding(first))

    assert told(log, first, root) == str(first)
    assert told(log, first, root) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"days": 7.01}, id="older-than-a-week"),
        pytest.param({"name": "pipmend.entry_healed"}, id="another-event"),
        pytest.param({"action": "bypassed"}, id="same-damage-met-again"),
        pytest.param({"action": "observed"}, id="same-damage-observed-again"),
    ],
)
def test_what_does_not_count(
    change: dict[str, object], log: events.EventLog, tmp_path: Path
) -> None:
    """Neither what is long ago, nor what was never replaced."""
    root, entry = tmp_path / "cache", tmp_path / "cache" / "a"
    write(log, *[finding(entry, **change)] * 9, finding(entry))  # type: ignore[arg-type]

    assert told(log, entry, root) is None


def test_a_week_later_it_is_told_again(log: events.EventLog, tmp_path: Path) -> None:
    """What was said more than seven days ago is forgotten."""
    root, entry = tmp_path / "cache", tmp_path / "cache" / "a"
    said = {**finding(entry, days=8, name="pipmend.repeat_offender"), "where": "x"}
    write(log, {**said, "where": str(entry)}, *[finding(entry)] * 3)

    assert told(log, entry, root) == str(entry)


def test_another_cache_beside_it_is_another_cache(
    log: events.EventLog, tmp_path: Path
) -> None:
    """A folder whose name begins in the same way does not count."""
    root = tmp_path / "cache"
    neighbours = [tmp_path / "cache-old" / str(number) for number in range(9)]
    write(log, *map(finding, neighbours), finding(root / "a"))

    assert told(log, root / "a", root) is None


UNREADABLE: tuple[object, ...] = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 9999,
    {},
    {"at": 1},
)


def test_unreadable_lines_are_skipped(log: events.EventLog, tmp_path: Path) -> None:
    """Torn lines, foreign lines and lines without a time change nothing."""
    root, entry = tmp_path / "cache", tmp_path / "cache" / "a"
    no_times: tuple[object, ...] = (None, 5, [], "")
    odd = {**finding(entry, name="pipmend.repeat_offender"), "where": []}
    timeless = [odd]
    timeless += [{**finding(entry), "at": at} for at in no_times]
    write(log, *UNREADABLE, finding(entry), *UNREADABLE, *timeless, finding(entry))
    assert told(log, entry, root) is None

    write(log, *UNREADABLE, finding(entry))

    assert told(log, entry, root) == str(entry)


# With real pips.


@pytest.fixture(scope="module")
def warmed(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warmed]:
    """Warm caches, and the index behind them."""
    with LocalIndex([wheel("alpha", "1.0"), wheel("beta", "1.0")]) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("warmed"))


@pytest.mark.parametrize(
    "version", ["26.3", pytest.param("22.0.4", marks=pytest.mark.matrix)]
)
def test_pip_prints_one_more_line(version: str, warmed: Warmed, tmp_path: Path) -> None:
    """Two findings in the log, the third and the fourth in two runs."""
    bench = warmed.bench(version, tmp_path, "alpha")
    entry = bench.entry("/simple/alpha/")
    write(
        events.EventLog(bench.log.parent),
        finding(entry.metadata, days=6),
        b"torn",
        finding(entry.metadata, days=3),
    )

    third, fourth = break_and_install(bench), break_and_install(bench)

    words = f"pipmend: this entry was broken 3 times within a week: {CAUSE}"
    assert len(third) == 2
    assert third[1].endswith(words)
    assert len(fourth) == 1


def break_and_install(bench: Workbench) -> list[str]:
    """Break the page, heal it, and return what pipmend has said."""
    damage("metadata-half").apply(bench.entry("/simple/alpha/"))
    bench.age()
    return lines_of(bench.install("alpha", check=True))


@pytest.mark.parametrize(
    ("env", "options", "said"),
    [
        pytest.param({}, [], 2, id="heal"),
        pytest.param({}, ["--quiet"], 0, id="quiet"),
        pytest.param({"PIPMEND": "observe"}, [], 0, id="observe"),
    ],
)
def test_the_fifth_entry_of_one_cache_in_a_real_pip(
    env: dict[str, str],
    options: list[str],
    said: int,
    warmed: Warmed,
    tmp_path: Path,
) -> None:
    """Recorded always, said like any other line."""
    bench = warmed.bench("26.3", tmp_path, "alpha")
    others = (bench.cache / "http-v2" / str(number) for number in range(4))
    write(events.EventLog(bench.log.parent), *map(finding, others))
    # Damage over which pip gets by itself.
    damage("metadata-half").apply(bench.entry("/simple/alpha/"))
    cache_files.age(bench.cache)

    run = bench.install("alpha", options=options, env=env, check=True)

    assert len(lines_of(run)) == said
    (event,) = (e for e in bench.events if e["event"] == "pipmend.repeat_offender")
    assert event["where"] == str(bench.cache)
    assert event["words"] == f"5 entries of this cache broke within a week: {CAUSE}"
