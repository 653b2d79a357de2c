"""``pipmend events``: the installed command on real and on hostile logs."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

import pipmend
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.logged import CORRUPT, append
from pipmend import events, explanations
from pipmend.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Benches
    from lab.command import Command

SCHEMA = json.loads(
    Path(pipmend.__file__).with_name("schemas").joinpath("events.json").read_bytes()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

posix_only = pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")


@pytest.fixture
def log(command: Command) -> EventLog:
    """The log that the command reads."""
    (record,) = command.records("stats")
    return EventLog(Path(record["log"]).parent)


HEALED = events.EntryHealed(
    heals="20261120T120000Z-01234567",
    subject="the cached page of 'alpha'",
    url="https://index.example/simple/alpha/",
    entry="/cache/http-v2/a/b/c/d/e/abcde",
    bytes=294,
)

EACH_KIND = (
    CORRUPT,
    CORRUPT._replace(
        bytes=0, url=None, action="bypassed", evidence=None, stayed="read-only"
    ),
    HEALED,
    events.RepeatOffender(where="/cache", words="5 entries of this cache broke"),
    events.SeamUnfit(problem="the cache names no folder"),
    events.GuardTripped(step="LoadGate.load", error="ValueError"),
)


# With a real pip.


@pytest.mark.parametrize(
    "version", ["26.3", pytest.param("22.0.4", marks=pytest.mark.matrix)]
)
def test_a_real_heal_with_its_bytes(
    version: str, command: Command, benches: Benches, tmp_path: Path
) -> None:
    """As many as lie in quarantine, and as many as took their place."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    entry = bench.entry("/simple/alpha/")
    damage("metadata-half").apply(entry)
    bench.install()

    found, healed = command.records("events")

    VALIDATOR.validate(found)
    VALIDATOR.validate(healed)
    kept = [
        path for path in Path(found["evidence"]).iterdir() if path.stem != "verdict"
    ]
    assert found["event"] == "pipmend.entry_corrupt"
    assert found["bytes"] == sum(path.stat().st_size for path in kept) > 0
    assert found["cache"] == str(bench.cache)
    assert healed["heals"] == found["id"]
    assert healed["bytes"] == sum(path.stat().st_size for path in entry.files) > 294
    run = command.run("events", "--since", "1h")
    assert run.returncode == 0
    assert "  healed the cached page of 'alpha' (" in run.stdout
    assert command.records("events", "--since", "2100-01-01") == []


# The schema.


def test_each_kind_of_event_is_in_the_schema(command: Command, log: EventLog) -> None:
    """With all of its fields, and no other."""
    for event in EACH_KIND:
        log.emit(event)

    records = command.records("events")

    assert len(records) == len(EACH_KIND)
    for record in records:
        VALIDATOR.validate(record)
        (kind,) = (one for one in SCHEMA["oneOf"] if one["title"] == record["event"])
        assert kind["properties"].keys() == record.keys()
    assert {one["title"] for one in SCHEMA["oneOf"]} == set(events.NAMES.values())


def test_the_schema_is_one() -> None:
    """Each property is described; fields may be added."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for kind in SCHEMA["oneOf"]:
        assert kind["additionalProperties"] is True
        assert all(one["description"] for one in kind["properties"].values())


def test_older_and_newer_events_are_valid(log: EventLog, command: Command) -> None:
    """Older ones have no sizes, newer ones may have more."""
    log.emit(CORRUPT)
    log.emit(HEALED)
    new = [json.loads(line) for line in log.path.read_text().splitlines()]
    old = [
        {name: value for name, value in event.items() if name not in {"bytes", "cache"}}
        for event in new
    ]
    append(log, *old, {**new[0], "something": "new"})

    records = command.records("events")

    assert records == [*new, *old, {**new[0], "something": "new"}]
    for record in records:
        VALIDATOR.validate(record)


# For a person.


def test_each_kind_is_a_paragraph(command: Command, log: EventLog) -> None:
    """A line with its time, and what it means indented."""
    for event in EACH_KIND:
        log.emit(event)

    run = command.run("events")

    assert (run.returncode, run.stderr) == (0, "")
    firsts = [line[22:] for line in run.stdout.splitlines() if not line.startswith(" ")]
    assert firsts == [
        "quarantined the cached page of 'alpha'",
        "bypassed the cached page of 'alpha'",
        "healed the cached page of 'alpha' (294 B)",
        "5 entries of this cache broke",
        "left pip unknown alone: the cache names no folder",
        "pipmend failed, pip went on: ValueError in LoadGate.load",
    ]
    assert "    size: 2.4 KiB\n" in run.stdout
    assert "    cache: /cache\n" in run.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [((), "Nothing has happened yet"), (("--since", "1h"), "in this time")],
)
def test_an_empty_log(options: tuple[str, ...], words: str, command: Command) -> None:
    """One sentence for a person, nothing for a program."""
    run = command.run("events", *options)

    assert (run.returncode, run.stderr) == (0, "")
    assert words in run.stdout
    assert "events.jsonl" in run.stdout
    assert command.run("events", "--json", *options).output == ""


def test_a_moment_that_is_none_is_usage(command: Command) -> None:
    """With what it could be."""
    run = command.run("events", "--since", "yesterday")

    assert run.returncode == 2
    assert "2026-11-20" in run.stderr


def test_the_help_teaches(command: Command) -> None:
    """Options, exit codes, examples."""
    run = command.run("events", "--help")

    assert run.returncode == 0
    for words in ("--since", "--follow", "--json", "exit code", "examples:", "7d"):
        assert words in run.stdout


def test_a_log_that_cannot_be_read(command: Command, log: EventLog) -> None:
    """Exit code 3, and why."""
    log.path.mkdir(parents=True)

    for options in ((), ("--json",), ("--follow",)):
        run = command.run("events", *options)

        assert (run.returncode, run.stdout) == (3, "")
        assert run.stderr.startswith(f"pipmend: cannot read {log.path}: ")


@posix_only
def test_a_reader_that_goes_is_no_fault_of_the_log(
    command: Command, log: EventLog
) -> None:
    """As `head` does; exit code 141."""
    append(log, *[{"event": "x", "n": "y" * 1000}] * 500)
    program = subprocess.Popen(
        [command.program, "events", "--json"],
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    program.stdout.readline()
    program.stdout.close()

    assert program.stderr is not None
    with program.stderr:
        assert program.stderr.read() == b""
    assert program.wait(30) == 141


# Hostile logs.

ODD: tuple[object, ...] = (
    *(None, True, -1, 10**400, -1e300, "", "\x1b]0;title\x07\x1b[31m", "\ud800\u202e"),
    *("x" * 60_000, [], {}, [[["\x1b[31m"]]], {"\x1b": 1}, 0, 3.5, "\r\n\x00"),
)

TORN = (
    b"{",
    b'{"event": "pipmend.entry_corrupt", "at',
    b"",
    bytes(50),
    b"\xff\xfe\x1b[31m",
    b"[" * 60_000,
    b'{"a":' * 10_000,
    b'{"event": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"event": "pipmend.entry_corrupt", "found": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"event": "pipmend.entry_corrupt", "found": NaN}',
    b'{"event": "pipmend.entry_corrupt", "found": -Infinity, "bytes": 1e999}',
    b'{"event": "pipmend.entry_corrupt", "bytes": ' + b"9" * 10_000 + b"}",
    b"x" * 300_000,
    b"7",
    b'"\x1b[31m"',
)


def hostile(log: EventLog) -> Iterator[object]:
    """Every kind of event with every odd value in every field, and torn lines."""
    for event in EACH_KIND:
        log.emit(event)
    recorded = [json.loads(line) for line in log.path.read_text().splitlines()]
    for event in recorded:
        for name, value in itertools.product(event, ODD):
            yield {**event, name: value}
        yield dict.fromkeys(event, "\x1b[31m")
        yield {"event": event["event"]}
    yield from TORN
    yield recorded[0]


def refuse(text: str) -> object:
    """What JSON does not have."""
    raise AssertionError(text)


def test_nothing_in_a_log_can_hurt(command: Command, log: EventLog) -> None:
    """No traceback, no escape sequence, and JSON that any program reads."""
    append(log, *hostile(log))

    for options in ((), ("--since", "1h")):
        run = command.run("events", *options)

        assert run.returncode == 0, run.stderr
        assert run.stderr.endswith(" unreadable lines skipped\n")
        assert run.stderr.count("\n") == 1
        assert "Traceback" not in run.output
        assert all(char.isprintable() or char == "\n" for char in run.stdout)
        assert max(map(len, run.stdout.splitlines())) < 5000

    run = command.run("events", "--json")

    assert run.returncode == 0, run.stderr
    assert run.stdout.isascii()
    for line in run.stdout.splitlines():
        assert isinstance(json.loads(line, parse_constant=refuse), dict)
    VALIDATOR.validate(json.loads(line))


def test_a_reason_of_a_later_pipmend(command: Command, log: EventLog) -> None:
    """Is shown without an explanation."""
    log.emit(CORRUPT._replace(reason="later-reason", found="one", expected="two"))

    text = command.run("events").stdout

    assert "why: found one, expected two\n" in text
    assert not any(told.cause in text for told in explanations.EXPLANATIONS.values())


# Following.

WRITER = """\
import sys, time
from pipmend import config, events
log = events.EventLog(config.load().log_folder)
for number in range(int(sys.argv[2])):
    log.emit(events.GuardTripped(f"{sys.argv[1]}-{number}", "x" * 60_000))
    time.sleep(0.005)
"""


class Following:
    """A running ``pipmend events --follow``."""

    def __init__(self, command: Command, *options: str) -> None:
        self._program = subprocess.Popen(
            [command.program, "events", "--follow", *options],
            env=command.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._patience = threading.Timer(60, self._program.kill)
        self._patience.start()

    def lines(self, count: int) -> list[str]:
        """The next lines, waited for."""
        assert self._program.stdout is not None
        return [self._program.stdout.readline() for _ in range(count)]

    def interrupt(self) -> tuple[int, str, str]:
        """Press Ctrl-C; the exit code and the rest of what it says."""
        self._program.send_signal(signal.SIGINT)
        said, complaint = self._program.communicate(timeout=30)
        return self._program.returncode, said, complaint

    def close(self) -> None:
        """End it, whatever happened."""
        self._patience.cancel()
        self._program.kill()
        self._program.communicate()


@pytest.fixture
def following(command: Command) -> Iterator[Following]:
    """Started before there is a log."""
    found = Following(command, "--json")
    yield found
    found.close()


@posix_only
def test_following_across_logs_that_are_set_aside(
    following: Following, command: Command, log: EventLog
) -> None:
    """Two other processes write more than two logs hold: each event comes once."""
    writers = [
        subprocess.Popen(
            [command.venv.python, "-c", WRITER, name, "160"],
            env=command.environment(),
        )
        for name in ("a", "b")
    ]

    steps = [json.loads(line)["step"] for line in following.lines(320)]

    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert sorted(steps) == sorted(f"{name}-{n}" for name in "ab" for n in range(160))
    assert log.path.with_name("events.1.jsonl").stat().st_size > events.LARGEST_LOG
    assert following.interrupt() == (130, "", "")


@posix_only
def test_following_waits_for_the_end_of_a_line(
    following: Following, log: EventLog
) -> None:
    """And shows it at once then, though it goes into a pipe."""
    log.emit(HEALED)
    assert len(following.lines(1)) == 1
    line = log.path.read_bytes()
    with log.path.open("ab", buffering=0) as file:
        file.write(line[:40])
        time.sleep(0.5)
        file.write(line[40:])

    (shown,) = following.lines(1)

    assert json.loads(shown) == json.loads(line)
    assert following.interrupt() == (130, "", "")


@posix_only
def test_following_for_a_person(command: Command, log: EventLog) -> None:
    """Paragraphs since a moment; one word on what cannot be read."""
    append(log, {"event": "pipmend.entry_healed", "at": "2001-01-01T00:00:00+00:00"})
    following = Following(command, "--since", "1h")
    try:
        append(log, b"torn", b"torn again")
        log.emit(HEALED)

        (shown,) = following.lines(1)

        assert shown.endswith("Z  healed the cached page of 'alpha' (294 B)\n")
        assert following.interrupt() == (
            130,
            "",
            "pipmend: unreadable lines are skipped\n",
        )
    finally:
        following.close()
