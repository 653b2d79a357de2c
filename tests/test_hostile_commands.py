"""Whoever can write to the cache gains nothing from those who look at it.

Whatever is in the cache, in its quarantine or in the event log: each command ends, in
words, with little memory, and touches nothing outside.
"""

from __future__ import annotations

import json
import os
import tracemalloc
from typing import TYPE_CHECKING

import msgpack
import pytest

from lab import cache_files, hostile
from lab.hostile import EVIL, PATTERNS, PICKLE
from lab.made_cache import PAGE_TYPE, MadeCache
from lab.under_attack import (
    WHEELS,
    crowded,
    every_command,
    link_quarantine,
    place_of,
    put_wheel,
    run_all,
)
from pipmend import entries, evidence, metadata, scan
from pipmend.metadata import PREFIX, StoredResponse
from pipmend.scan import Group
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from lab.command import Command
    from lab.outside import Outside

pytestmark = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="links, FIFOs and sockets are POSIX"
)


@pytest.mark.parametrize("kind", ["FILES", "METADATA"])
def test_commands_look_at_hostile_entries(
    kind: str, command: Command, outside: Outside, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    crowded(cache, getattr(hostile, kind), outside)

    run_all(command, every_command(cache, tmp_path), outside)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in usual else pytest.mark.matrix)
        for usual in [{"gzip-of-10-gb", "punycode", "empty-lists", "half-a-letter"}]
        for name in hostile.PAGES
    ],
)
def test_a_scan_looks_at_hostile_pages(
    name: str, command: Command, outside: Outside, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    crowded(cache, {name: hostile.PAGES[name]}, outside)

    run_all(command, [("scan", "--deep", "--fix", cache)], outside)


@pytest.mark.matrix
@pytest.mark.parametrize("name", hostile.PAGES)
def test_a_hostile_page_is_explained(
    name: str, command: Command, outside: Outside, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    crowded(cache, {name: hostile.PAGES[name]}, outside)
    found = [entry.metadata for entry in cache_files.entries(cache)]

    run_all(command, [("explain", path, "--cache", cache) for path in found], outside)


@pytest.mark.parametrize("kind", ["FILES", "METADATA"])
def test_each_hostile_entry_is_explained(
    kind: str, command: Command, outside: Outside, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    crowded(cache, getattr(hostile, kind), outside)
    found = [entry.metadata for entry in cache_files.entries(cache)]

    run_all(
        command, [("explain", path, "--cache", cache) for path in found[::5]], outside
    )


def test_commands_look_at_hostile_wheels(
    command: Command, outside: Outside, tmp_path: Path
) -> None:
    """And at names that no pip has given."""
    cache = tmp_path / "cache"
    for number, name in enumerate(("many-tags", "evil-record", "far-member", "a-hole")):
        WHEELS[name](put_wheel(cache, number))
    evil = EVIL.replace("/", "").replace("\x00", "")
    for name in (f"{evil}-1.0-py3-none-any.whl", f"{PATTERNS.replace('/', '')}.whl"):
        path = put_wheel(cache, len(name)).with_name(name)
        path.write_bytes(b"no wheel")
        path.with_name("origin.json").write_text(json.dumps({"url": f"https://{evil}"}))
    (cache / "wheels" / evil).mkdir()
    cache_files.age(cache, 7200)

    run_all(command, every_command(cache, tmp_path), outside)


def test_a_hole_is_not_read(tmp_path: Path) -> None:
    """Neither a body of a terabyte, nor an entry of one file that no pip could load."""
    for layout, part in (("http", 0), ("http-v2", 1)):
        made = MadeCache(tmp_path, layout, sealed=False)  # type: ignore[arg-type]
        path = made.add("/simple/a/", b"", headers={"Content-Length": "x"}).files[part]
        os.truncate(path, 1 << 40)

    for entry in cache_files.entries(tmp_path):
        judged = scan.judge(place_of(entry, tmp_path))
        assert judged is not None
        assert judged.group is Group.NOT_JUDGED


def test_a_link_that_came_after_looking_is_not_followed(
    outside: Outside, tmp_path: Path
) -> None:
    """What was a file a moment ago is opened as one, or not at all."""
    made = MadeCache(tmp_path / "cache").add("/simple/a/", b"{}")
    place = place_of(made, tmp_path / "cache")
    looked = entries.stamp_of(place)
    made.metadata.unlink()
    made.metadata.symlink_to(outside.canary)

    entry = entries.open_entry(place, looked)

    assert entry is not None
    assert isinstance(entry.metadata, Verdict)


def test_metadata_takes_no_more_memory_than_it_is_worth() -> None:
    """An empty array is one byte, and a hundred in memory."""
    bomb = PREFIX + b"\xdd" + (15 << 20).to_bytes(4, "big") + b"\x90" * (15 << 20)
    whole = msgpack.packb({"response": {"body": bomb, "headers": {}, "status": 200}})
    tracemalloc.start()

    refused = metadata.decode(bomb)
    stored = metadata.decode(PREFIX + whole)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(refused, Verdict)
    assert isinstance(stored, StoredResponse)
    assert stored.inline_body == bomb
    assert peak < 3 * len(bomb)


DESCRIPTIONS: dict[str, object] = {
    "somewhere-else": {"entry": "../../../outside/passwd"},
    "absolute": {"entry": "/etc/passwd"},
    "kind": {"kind": ["leftovers"]},
    "leftovers": {"kind": "leftovers"},
    "evil": {
        "subject": EVIL + PATTERNS,
        "reason": EVIL,
        "found": EVIL,
        "expected": PATTERNS,
        "url": f"https://a:C4NARY@evil.example/{EVIL}?C4NARY#C4NARY",
        "entry": f"/{EVIL}/http-v2/{PATTERNS}",
    },
    "numbers": {"found": 10**4000, "expected": -1, "body_size": 1e999},
    "half-a-letter": {
        "subject": "\ud800",
        "entry": "/\udfff/x",
        "url": "https://\ud800",
    },
}
"""What an item may say of itself."""

RAW: dict[str, bytes] = {
    "brackets": b"[" * 1_000_000,
    "lists": b"[" + b"[]," * 300_000 + b"0]",
    "number": b'{"found": ' + b"9" * 1_000_000 + b"}",
    "twice": b'{"kind": "entry", "kind": "leftovers", "kind": {}}',
    "no-number": b'{"found": NaN, "expected": Infinity}',
    "pickle": PICKLE,
}


def fill_quarantine(cache: Path, outside: Outside) -> list[str]:
    """Items of every kind that there should not be; their ids."""
    quarantine = cache / "pipmend" / "quarantine"
    (cache / "http-v2").mkdir(parents=True)
    told = {
        **{name: json.dumps(value).encode() for name, value in DESCRIPTIONS.items()},
        **RAW,
    }
    ids = []
    for number, data in enumerate(told.values()):
        folder = quarantine / f"20261101T000000Z-{number:08x}"
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_bytes(data)
        (folder / "metadata").symlink_to(outside.canary)
        (folder / "body").symlink_to(outside.fifo)
        files = folder / "files" / "http-v2"
        files.mkdir(parents=True)
        (files / "link").symlink_to(outside.folder)
        os.mkfifo(files / "fifo")
        ids.append(folder.name)
    for name in ("fifo", "link"):
        folder = quarantine / f"20261102T000000Z-{len(ids):08x}"
        folder.mkdir()
        if name == "fifo":
            os.mkfifo(folder / "verdict.json")
        else:
            (folder / "verdict.json").symlink_to(outside.items)
        ids.append(folder.name)
    (quarantine / "20261103T000000Z-00000000").symlink_to(outside.items)
    os.mkfifo(quarantine / "20261104T000000Z-00000000")
    (quarantine / f"x{EVIL.replace('/', '')}").mkdir()
    (quarantine / f"x{EVIL.replace('/', '')}2").mkdir()
    return ids


def test_commands_look_at_a_hostile_quarantine(
    command: Command, outside: Outside, tmp_path: Path
) -> None:
    """Each item is shown, none leads anywhere, and all can be deleted."""
    cache = tmp_path / "cache"
    ids = fill_quarantine(cache, outside)
    one = ("--cache", cache)
    shown = [("quarantine", "show", item, *one) for item in ids[::2]]
    back = [
        ("quarantine", "restore", item, "--into-cache", "--force", *one)
        for item in ids[::3]
    ]

    run_all(
        command,
        [
            ("quarantine", "list", *one),
            ("quarantine", "show", "x", *one),
            ("explain", "x", *one),
            *shown,
            *back,
            ("doctor", *one),
            ("report", "--html", tmp_path / "report.html", *one),
            ("scan", "--fix", cache),
            ("quarantine", "purge", "--all", *one),
        ],
        outside,
    )
    assert not list((cache / "pipmend" / "quarantine").iterdir())


@pytest.mark.parametrize("part", ["pipmend", "pipmend/quarantine"])
def test_nothing_behind_a_link_is_dropped(
    part: str, command: Command, outside: Outside, tmp_path: Path
) -> None:
    """A scan drops old items of a quarantine; what a link leads to is none."""
    cache = tmp_path / "cache"
    page = MadeCache(cache).add("/simple/a/", b"{}", media_type=PAGE_TYPE)
    page.files[1].write_bytes(b"")
    cache_files.age(cache, 7200)
    link_quarantine(cache, part, outside)
    (outside.folder / "items").mkdir(exist_ok=True)

    run_all(
        command,
        [
            ("scan", "--fix", "--sweep", cache),
            ("quarantine", "purge", "--all", "--cache", cache),
            ("forget", "a", "--cache", cache),
        ],
        outside,
    )


def test_remains_behind_a_link_are_not_discarded(
    outside: Outside, tmp_path: Path
) -> None:
    """The link comes between looking and deleting."""
    cache = tmp_path / "cache"
    (outside.items / ".purged-00000000").mkdir()
    link_quarantine(cache, "pipmend/quarantine", outside)
    before = outside.seen()

    evidence.discard_remains(cache)

    assert outside.seen() == before


def test_a_hostile_log_is_shown_in_words(command: Command, outside: Outside) -> None:
    """It is the user's own, and still nothing in it is believed."""
    log = command.home / "state" / "pipmend" / "log" / "events.jsonl"
    log.parent.mkdir(parents=True)
    values: list[object] = [EVIL, PATTERNS, "\ud800", 10**4000, [], {}, None, True]
    events = [
        {"event": f"pipmend.{name}", **dict.fromkeys(FIELDS, value)}
        for name in ("entry_corrupt", "entry_healed", "repeat_offender", "x")
        for value in values
    ]
    lines = [json.dumps(event).encode() for event in events]
    lines += [b"[" * 60_000, b'{"bytes": ' + b"9" * 50_000 + b"}", PICKLE]
    lines += [
        b'{"event": "pipmend.entry_corrupt", "bytes": NaN, "found": 1e999}',
        b"\xff",
    ]
    log.write_bytes(b"\n".join(line.replace(b"\n", b"") for line in lines))
    (command.home / "cache" / "pip" / "http-v2").mkdir(parents=True)

    page = command.home.parent / "report.html"
    commands = [("events",), ("stats",), ("doctor",), ("report", "--html", page)]
    run_all(command, commands, outside, has_log=False)


FIELDS = (
    *("id", "at", "action", "subject", "url", "entry", "cache", "bytes", "reason"),
    *("found", "expected", "evidence", "stayed", "pip_error", "project", "heals"),
    *("where", "words", "pip", "python", "prefix", "pid"),
)
