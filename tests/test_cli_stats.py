"""``pipmend stats``: the installed command on real and on hostile logs."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import pipmend
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.logged import append
from lab.made_cache import MadeCache
from pipmend.cli import stats
from pipmend.events import EventLog

if TYPE_CHECKING:
    from conftest import Benches
    from lab.command import Command
    from lab.pips import Run

SCHEMAS = Path(pipmend.__file__).with_name("schemas")
SCHEMA = json.loads((SCHEMAS / "stats.json").read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

HOST = "https://index.example"


@pytest.fixture
def log(command: Command) -> EventLog:
    """The log that the command reads."""
    return EventLog(Path(record_of(command)["log"]).parent)


def record_of(command: Command, *options: str) -> dict[str, Any]:
    """The one record that it prints, which is as the schema says."""
    (record,) = command.records("stats", *options)
    VALIDATOR.validate(record)
    return record


def heal(cache: Path | str, **changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The events of a corrupt entry and its heal."""
    now = dt.datetime.now(tz=dt.timezone.utc)
    both = {
        "schema": 1,
        "at": now.isoformat(timespec="milliseconds"),
        "pip": "26.3",
        "python": "3.11.7",
        "prefix": "/venv",
        "pid": 100,
        "subject": "the cached page of 'alpha'",
        "url": f"{HOST}/simple/alpha/",
        "entry": os.path.join(cache, "http-v2", *"abcde", "abcde"),  # noqa: PTH118
    }
    found = {
        "event": "pipmend.entry_corrupt",
        "id": "one",
        "action": "quarantined",
        "cache": str(cache),
        "bytes": 5,
        "reason": "body-size",
        "found": 0,
        "expected": 294,
    }
    healed = {"event": "pipmend.entry_healed", "heals": "one", "bytes": 1500}
    return [{**both, **found, **changes}, {**both, **healed, **changes}]


def text_of(run: Run) -> str:
    """What it prints when all is well."""
    assert (run.returncode, run.stderr) == (0, ""), str(run)
    return run.stdout


def names(table: dict[str, Any]) -> list[str]:
    """The names in a table."""
    return [row["name"] for row in table["rows"]]


# With a real pip.


def test_a_real_heal_adds_up(
    command: Command, benches: Benches, tmp_path: Path
) -> None:
    """Its bytes are those on disk, in every table and beside a purge."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    healed = [bench.entry("/simple/alpha/"), bench.entry("/simple/beta/")]
    for entry in healed:
        damage("metadata-half").apply(entry)
    bench.install()
    fetched = [sum(path.stat().st_size for path in entry.files) for entry in healed]
    parts = [bench.cache / part for part in ("http", "http-v2", "wheels")]
    files = [file for part in parts for file in part.rglob("*") if file.is_file()]
    present = sum(file.stat().st_size for file in files)

    record = record_of(command)

    totals = {"found": 2, "healed": 2, "fetched_bytes": sum(fetched)}
    assert totals.items() <= record.items()
    assert record["packages"]["rows"] == [
        {"name": name, "found": 1, "healed": 1, "fetched_bytes": size}
        for name, size in zip(("alpha", "beta"), fetched)
    ]
    for name in ("days", "reasons", "hosts", "pips"):
        (row,) = record[name]["rows"]
        assert totals.items() <= row.items()
    assert names(record["pips"]) == ["26.3"]
    assert record["actions"] == {"quarantined": 2, "bypassed": 0, "observed": 0}
    assert record["caches"] == [
        {
            "path": str(bench.cache),
            **totals,
            "runs": 1,
            "present_bytes": present,
            "present_files": len(files),
            "saved_bytes_at_most": present - sum(fetched),
        }
    ]


# Compared with a purge.


def test_the_present_cache_is_measured(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """What a purge removes, and nothing else; no link is followed."""
    cache = tmp_path / "cache"
    MadeCache(cache).add("/simple/alpha/", b"a" * 5000)
    MadeCache(cache, "http").add("/simple/alpha/", b"b" * 700)
    (cache / "wheels" / "ab" / "cd").mkdir(parents=True)
    (cache / "wheels" / "ab" / "cd" / "alpha-1.0-py3-none-any.whl").write_bytes(
        b"w" * 90
    )
    counted = [path for path in cache.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in counted)
    (cache / "pipmend" / "quarantine" / "x").mkdir(parents=True)
    (cache / "pipmend" / "quarantine" / "x" / "body").write_bytes(b"q" * 10_000)
    (cache / "selfcheck.json").write_bytes(b"s" * 10_000)
    if os.name != "nt":
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "large").write_bytes(b"o" * 10_000)
        (cache / "http-v2" / "link").symlink_to(outside)
        size += (cache / "http-v2" / "link").lstat().st_size
    files = len(counted) + (os.name != "nt")
    append(log, *heal(cache), *heal(cache, pid=101), *heal(cache, pid=101))

    (one,) = record_of(command)["caches"]

    assert (one["present_bytes"], one["present_files"]) == (size, files)
    assert (one["runs"], one["fetched_bytes"]) == (2, 4500)
    assert one["saved_bytes_at_most"] == 2 * size - 4500
    text = text_of(command.run("stats"))
    assert f"  {cache}: now " in text
    assert "heals: 3 in 2 runs, which fetched 4.4 KiB again; a purge would" in text
    assert "each time" in text
    assert "estimated with the present size" in text


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("gone", id="gone"),
        pytest.param("empty", id="no-cache"),
        pytest.param("linked", id="links"),
        pytest.param("\0", id="nul"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("x" * 3000, id="too-long"),
        pytest.param("\x1b[31m", id="escape"),
    ],
)
def test_a_cache_that_is_not_there(
    path: str, command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Is not compared with anything."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").mkdir()
    if os.name != "nt":
        (tmp_path / "target").mkdir()
        (tmp_path / "linked" / "http-v2").symlink_to(tmp_path / "target")
    append(log, *heal(f"{tmp_path}{os.sep}{path}"))

    (one,) = record_of(command)["caches"]

    assert one["present_bytes"] is None
    assert one["saved_bytes_at_most"] is None
    text = text_of(command.run("stats"))
    assert "not there any more, so nothing can be compared" in text
    assert "\x1b" not in text


def test_a_relative_path_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command runs."""
    MadeCache(tmp_path / "cache").add("/simple/alpha/", b"a")
    monkeypatch.chdir(tmp_path)

    assert stats.measure("cache") is None
    assert stats.measure(str(tmp_path / "cache")) is not None


def test_many_caches_are_told_in_short(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Those with most heals."""
    for number in range(8):
        append(log, *heal(tmp_path / f"cache{number}") * (number + 1))

    text = text_of(command.run("stats"))

    assert text.count("not there any more") == 5
    assert f"  {tmp_path / 'cache7'}: " in text
    assert "3 more caches: see --json" in text
    assert len(record_of(command)["caches"]) == 8


# Tables.


def test_the_tables_for_a_person(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Each with its names; what has none is named too."""
    append(log, *heal(tmp_path), heal(tmp_path, action="observed", id="two")[0])
    append(log, heal(tmp_path, pip=None, url=None, id="three")[0])

    lines = text_of(command.run("stats")).splitlines()

    cells = [line.split() for line in lines]
    today = f"{dt.datetime.now(tz=dt.timezone.utc):%Y-%m-%d}"
    assert [today, "3", "1", "1.5", "KiB", "#--"] in cells
    assert ["body-size", "3", "1", "1.5", "KiB"] in cells
    assert ["alpha", "2", "1", "1.5", "KiB"] in cells
    assert ["index.example", "2", "1", "1.5", "KiB"] in cells
    assert ["26.3", "2", "1", "1.5", "KiB"] in cells
    assert ["(outside", "of", "pip)", "1", "0", "0", "B"] in cells
    assert ["(unknown)", "1", "0", "0", "B"] in cells
    assert "corrupt entries: 3 found, 1 healed" in lines
    assert "what was done: 2 quarantined, 0 bypassed, 1 observed" in lines


def test_the_last_fourteen_days(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Each has a bar to scale; older ones are in the JSON."""
    now = dt.datetime.now(tz=dt.timezone.utc)
    for ago, count in ((0, 1), (3, 100), (13, 50), (40, 7)):
        at = (now - dt.timedelta(days=ago)).isoformat()
        append(log, *[heal(tmp_path, at=at)[0]] * count)

    text = text_of(command.run("stats"))

    days = [line.split() for line in text.splitlines() if line.startswith("20")]
    shown = [now - dt.timedelta(days=ago) for ago in reversed(range(14))]
    # The first line tells of the whole span.
    assert [day[0] for day in days[1:]] == [f"{day:%Y-%m-%d}" for day in shown]
    bars = {int(day[1]): day[-1] for day in days[1:] if day[1] != "0"}
    assert bars == {50: "-" * 15, 100: "-" * 30, 1: "-"}
    days_told = record_of(command)["days"]["rows"]
    assert [row["found"] for row in days_told] == [7, 50, 100, 1]


def test_many_names_are_told_in_short(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Ten for a person, a thousand for a program, the rest together."""
    lines = [
        heal(tmp_path, url=f"{HOST}/simple/p{number}/", id=str(number))[0]
        for number in range(1100)
    ]
    append(log, *lines)

    text = text_of(command.run("stats"))

    assert text.count("\np") == 10
    assert ["(others)", "1,090", "0", "0", "B"] in map(str.split, text.splitlines())
    table = record_of(command)["packages"]
    assert len(table["rows"]) == 1000
    assert table["others"] == {"found": 100, "healed": 0, "fetched_bytes": 0}


def test_since_a_moment(command: Command, log: EventLog, tmp_path: Path) -> None:
    """Older events do not count."""
    append(log, *heal(tmp_path, at="2001-01-01T00:00:00.000+00:00"))
    assert record_of(command)["healed"] == 1
    assert record_of(command)["since"] is None

    record = record_of(command, "--since", "2002-03-04")

    assert (record["found"], record["healed"], record["caches"]) == (0, 0, [])
    assert record["since"] == "2002-03-04T00:00:00Z"
    text = text_of(command.run("stats", "--since", "2002-03-04"))
    assert text.startswith("Nothing has happened since 2002-03-04T00:00:00Z. ")


def test_events_of_an_older_pipmend(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """They tell neither sizes nor caches."""
    for event in heal(tmp_path):
        append(log, {k: v for k, v in event.items() if k not in {"bytes", "cache"}})

    record = record_of(command)

    assert (record["healed"], record["unmeasured_heals"]) == (1, 1)
    assert [one["path"] for one in record["caches"]] == [str(tmp_path)]
    text = text_of(command.run("stats"))
    assert "not in the bytes: 1 heals of unknown size" in text


def test_other_events_are_told(command: Command, log: EventLog) -> None:
    """With the command that shows more."""
    kinds = ("repeat_offender", "seam_unfit", "guard_tripped", "guard_tripped")
    append(log, *({"event": f"pipmend.{kind}"} for kind in kinds))

    text = text_of(command.run("stats"))

    assert "repeated damage: 1 warnings; see `pipmend doctor`" in text
    assert "pipmend itself failed: 3 times; see `pipmend events`" in text


# The frame.


def test_an_empty_log(command: Command) -> None:
    """Where events go, and what would put one there."""
    text = text_of(command.run("stats"))

    assert text.startswith("Nothing has happened yet. Events go to ")
    assert "events.jsonl" in text
    assert "pipmend scan --fix" in text
    record = record_of(command)
    assert (record["found"], record["first"], record["caches"]) == (0, None, [])


def test_the_schema_is_one() -> None:
    """Each object is closed, and each property described."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    waiting = list(SCHEMA["oneOf"])
    while waiting:
        part = waiting.pop()
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
        waiting += part.get("properties", {}).values()
        waiting += [part["items"]] if "items" in part else []
        assert part["description"]


def test_the_help_is_honest(command: Command) -> None:
    """It says what is measured and what is guessed."""
    text = command.run("stats", "--help").stdout

    for words in ("measured", "estimate", "upper bound", "exit code", "examples:"):
        assert words in text


def test_a_moment_that_is_none_is_usage(command: Command) -> None:
    """With what it could be."""
    run = command.run("stats", "--since", "7 fortnights")

    assert run.returncode == 2
    assert "2026-11-20" in run.stderr


def test_a_log_that_cannot_be_read(command: Command, log: EventLog) -> None:
    """Exit code 3, and why."""
    log.path.mkdir(parents=True)

    for options in ((), ("--json",)):
        run = command.run("stats", *options)

        assert (run.returncode, run.stdout) == (3, "")
        assert run.stderr.startswith(f"pipmend: cannot read {log.path}: ")


ODD: tuple[object, ...] = (
    *(None, True, -1, 10**400, -1e300, "", "\x1b]0;title\x07\x1b[31m", "\ud800\u202e"),
    *("x" * 60_000, [], {}, [[["\x1b[31m"]]], {"\x1b": 1}, 0, 3.5, "\r\n\x00"),
    *("https://[::1", "file:", "//", "https://\x1b[31m/\x1b[31m", "9999-12-31"),
)

TORN = (
    b"{",
    bytes(50),
    b"\xff\xfe\x1b[31m",
    b"[" * 60_000,
    b'{"event": "pipmend.entry_healed", "bytes": NaN}',
    b'{"event": "pipmend.entry_healed", "bytes": 1e999}',
    b'{"event": "pipmend.entry_healed", "pid": ' + b"[" * 900 + b"]" * 900 + b"}",
    b"x" * 300_000,
    b"7",
)


def test_nothing_in_a_log_can_hurt(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """Any value in any field: no traceback, no escape sequence, a valid record."""
    for event in heal(tmp_path):
        for name, value in itertools.product(event, ODD):
            append(log, {**event, name: value})
    append(log, *TORN, *heal(tmp_path))

    run = command.run("stats")

    assert run.returncode == 0, run.stderr
    assert run.stderr == "pipmend: 6 unreadable lines skipped\n"
    assert all(char.isprintable() or char == "\n" for char in run.stdout)
    record = record_of(command)
    assert record["unreadable_lines"] == 6
    assert record["healed"] > 100


def test_a_cache_that_nobody_may_read(
    command: Command, log: EventLog, tmp_path: Path
) -> None:
    """What cannot be looked at does not count; nor is a loop walked for ever."""
    MadeCache(tmp_path).add("/simple/alpha/", b"a" * 5000)
    folder = tmp_path / "http-v2"
    deep = folder
    for _ in range(150):
        deep /= "deep"
        deep.mkdir(parents=True)
    if os.name != "nt":
        (deep / "loop").symlink_to(folder)
    closed = folder / "closed"
    closed.mkdir()
    (closed / "secret").write_bytes(b"s" * 100)
    closed.chmod(0)
    append(log, *heal(tmp_path))
    try:
        (one,) = record_of(command)["caches"]
    finally:
        closed.chmod(0o700)

    assert one["present_bytes"] > 5000
