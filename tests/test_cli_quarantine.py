"""``pipmend quarantine``, as a person and as a script use it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import pipmend
from lab import cache_files
from lab.made_cache import MadeCache
from lab.packages import wheel
from lab.quarantined import SECRET, Quarantined, quarantined, quarantined_wheel
from pipmend import entries, events, quarantine, sweeping

if TYPE_CHECKING:
    from lab.command import Command
    from lab.pips import Run

NAME = "alpha-1.0-py3-none-any.whl"
BODY = wheel("alpha", "1.0").content
SCHEMA = json.loads(
    Path(pipmend.__file__).with_name("schemas").joinpath("quarantine.json").read_bytes()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture
def cache(tmp_path: Path) -> MadeCache:
    """An empty cache."""
    made = MadeCache(tmp_path / "cache")
    made.root.mkdir()
    return made


@pytest.fixture
def one(cache: MadeCache) -> Quarantined:
    """A quarantined wheel whose body was cut short."""
    return quarantined(cache, f"/files/{NAME}", BODY)


def run(command: Command, one: Quarantined | MadeCache, *args: object) -> Run:
    """Run ``pipmend quarantine ARGS`` on the cache."""
    root = one.cache_root if isinstance(one, Quarantined) else one.root
    done = command.run("quarantine", *args, "--cache", root)
    assert SECRET not in done.output
    assert "Traceback" not in done.output
    return done


def records(command: Command, root: Path, *args: object) -> list[dict[str, Any]]:
    """The records of such a run, each as the schema says."""
    found = command.records("quarantine", *args, "--cache", root)
    for record in found:
        VALIDATOR.validate(record)
    return found


def test_the_schema_is_one() -> None:
    """Each property of each record says what it is."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for record in SCHEMA["oneOf"]:
        assert record["additionalProperties"] is False
        assert record["required"] == list(record["properties"])
        assert all("description" in one for one in record["properties"].values())


# The whole way.


def test_from_damage_to_export(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """A person looks, takes a copy, writes a report, mends, and puts it back."""
    listed = run(command, one, "list")
    assert listed.returncode == 0
    assert one.item_id in listed.stdout
    assert f"the cached file {NAME}" in listed.stdout
    assert "body-size" in listed.stdout
    assert "1 item, " in listed.stdout

    shown = run(command, one, "show", one.item_id)
    assert shown.returncode == 0
    for words in (
        f"https://index.example/files/{NAME}",
        str(one.place.metadata),
        "body-size: The body has another length than was stored.",
        f"{len(BODY):,} bytes",
        "likely cause",
        "what to do",
        "judged now    corrupt, body: ",
        f"pipmend quarantine restore {one.item_id}",
    ):
        assert words in shown.stdout

    copied = run(command, one, "restore", one.item_id, tmp_path / "out")
    assert copied.returncode == 0
    assert (tmp_path / "out" / NAME).read_bytes() == BODY[: len(BODY) // 2]

    exported = run(command, one, "export", one.item_id, tmp_path / "out.zip")
    assert exported.returncode == 0
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert set(archive.namelist()) == {
            "verdict.json",
            "files.json",
            "headers.json",
            NAME,
        }
        assert not [n for n in archive.namelist() if SECRET.encode() in archive.read(n)]

    refused = run(command, one, "restore", one.item_id, "--into-cache")
    assert refused.returncode == 1
    assert "stays in quarantine" in refused.stderr
    assert not one.place.metadata.exists()

    one.mend()
    advised = run(command, one, "show", one.item_id)
    assert "judged now    intact" in advised.stdout
    assert f"restore {one.item_id} --into-cache" in advised.stdout
    back = run(command, one, "restore", one.item_id, "--into-cache")
    assert back.returncode == 0
    assert one.place.body is not None
    assert one.place.body.read_bytes() == BODY
    assert str(one.place.metadata) in back.stdout

    empty = run(command, one, "list")
    assert empty.returncode == 0
    assert empty.stdout.startswith("Nothing is in quarantine.")


def test_every_record_is_as_the_schema_says(command: Command, tmp_path: Path) -> None:
    """Of each command, for an entry, a built wheel, leftovers and junk."""
    root = tmp_path / "cache"
    one = quarantined(MadeCache(root), f"/files/{NAME}", BODY)
    built = quarantined_wheel(root, NAME, BODY, BODY[:999])
    orphan = root / "http-v2" / "orphan.body"
    orphan.write_bytes(b"orphan")
    known = entries.FileIdentity.of(orphan.lstat())
    swept = sweeping.sweep(root, events.new_id(), [(orphan, known)], {}).item
    junk = quarantine.folder_of(root) / "junk\x1b[31m"
    junk.mkdir()

    listed = records(command, root, "list")
    *items, summary = listed
    assert {item["id"] for item in items} == {
        one.item_id,
        built.item_id,
        swept.id,
        junk.name,
    }
    assert summary["items"] == 4
    assert summary["bytes"] == sum(item["bytes"] for item in items)

    for item_id in (one.item_id, built.item_id, swept.id, junk.name):
        (details,) = records(command, root, "show", item_id)
        is_entry = item_id in {one.item_id, built.item_id}
        assert (details["judged"] is not None) == is_entry
        assert (details["unjudged"] is None) == is_entry
        assert (details["explanation"] is not None) == is_entry
        assert len(details["contents"]) == (item_id != junk.name) * (
            1 + details["files"]
        )

    (copied,) = records(command, root, "restore", one.item_id, tmp_path / "out")
    assert not copied["into_cache"]
    assert {Path(path).name for path in copied["files"]} == {
        "metadata",
        NAME,
        "verdict.json",
    }
    (exported,) = records(command, root, "export", built.item_id, tmp_path / "x.zip")
    assert exported["bytes"] == (tmp_path / "x.zip").stat().st_size
    (back,) = records(command, root, "restore", swept.id, "--into-cache")
    assert back["into_cache"]
    assert back["files"] == [str(orphan)]
    (tried,) = records(command, root, "purge", "--all", "--dry-run")
    (purged,) = records(command, root, "purge", "--all")
    assert purged == {**tried, "dry_run": False}
    assert len(purged["items"]) == 3
    assert records(command, root, "list") == [
        {"schema": 1, "type": "summary", "items": 0, "bytes": 0}
    ]


# Words that make no sense, and things that are not there.


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["restore", "ID", "out", "--into-cache"],
        ["restore", "ID", "--force"],
        ["purge"],
        ["purge", "--all", "--older-than", "7d"],
        ["purge", "ID", "--all"],
        ["purge", "--older-than", "soon"],
        ["show"],
        ["export", "ID"],
    ],
    ids=" ".join,
)
def test_usage(args: list[str], command: Command, one: Quarantined) -> None:
    """Nothing is done, and what to type is said."""
    before = cache_files.snapshot(one.cache_root)
    words = [one.item_id if word == "ID" else word for word in args]

    done = run(command, one, *words) if args else command.run("quarantine")

    assert done.returncode == 2
    assert done.stderr
    assert cache_files.snapshot(one.cache_root) == before


def test_help_teaches(command: Command) -> None:
    """What it does, examples, exit codes; for each command."""
    for action in ([], ["list"], ["show"], ["restore"], ["export"], ["purge"]):
        done = command.run("quarantine", *action, "--help")
        assert done.returncode == 0
        assert "examples:" in done.stdout
        assert "exit code:" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize("item_id", ["..", "../../http-v2", "2099", "\x1b[31m", ""])
@pytest.mark.parametrize(
    "action", [["show"], ["restore"], ["purge"]], ids=lambda action: action[0]
)
def test_no_such_item(
    action: list[str], item_id: str, command: Command, one: Quarantined
) -> None:
    """One line that says so, with nothing in it that moves a cursor."""
    done = run(command, one, *action, item_id)

    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("pipmend: there is no item ")
    assert line.isprintable()
    assert one.item.folder.is_dir()


def test_a_cache_behind_a_link_is_meant_once(command: Command, tmp_path: Path) -> None:
    """The event names it by the link, and the settings lead to the real folder."""
    cache = MadeCache(tmp_path / "elsewhere" / "pip")
    cache.add("/simple/a/", b"{}").files[1].write_bytes(b"")
    cache_files.age(cache.root, 7200)
    link = command.home / "cache"
    link.parent.mkdir(parents=True)
    link.symlink_to(cache.root.parent)
    scanned = command.run("scan", "--fix", link / "pip")
    assert scanned.returncode == 1, str(scanned)

    item, *more = command.records("quarantine", "list")

    assert [record["items"] for record in more] == [1]  # the summary
    shown = command.run("quarantine", "show", item["id"])
    assert shown.returncode == 0, str(shown)


def test_an_ambiguous_beginning_lists_what_it_may_be(
    command: Command, cache: MadeCache
) -> None:
    """Nothing is chosen for a person."""
    ids = [f"20260101T000000Z-0000000{number}" for number in range(2)]
    for item_id in ids:
        (quarantine.folder_of(cache.root) / item_id).mkdir(parents=True)

    done = run(command, cache, "purge", "20260101")

    assert done.returncode == 1
    assert all(item_id in done.stderr for item_id in ids)
    assert len(list(quarantine.folder_of(cache.root).iterdir())) == 2


def test_without_a_directory_the_copy_is_beside(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """In a folder that has the name of the item."""
    done = subprocess.run(
        [
            str(command.program.absolute()),
            *("quarantine", "restore", one.item_id, "--cache", str(one.cache_root)),
        ],
        env=command.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (tmp_path / f"pipmend-{one.item_id}" / NAME).is_file()
    assert f"pipmend quarantine purge {one.item_id}" in done.stdout


def test_several_caches_are_shown_together(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """Each with its own items."""
    other = quarantined(MadeCache(tmp_path / "other"), "/simple/idna/", b"<html>")

    both = ["--cache", one.cache_root, "--cache", other.cache_root]
    done = command.run("quarantine", "list", *both)

    assert done.returncode == 0
    for item in (one, other):
        assert f"In {item.cache_root}" in done.stdout
        assert item.item_id in done.stdout
    assert "2 items, " in done.stdout
    purged = command.run("quarantine", "purge", other.item_id, *both)
    assert purged.stdout.startswith("Deleted 1 item, ")
    assert one.item.folder.is_dir()


# Hostile items.


def describe(one: Quarantined, **changes: object) -> None:
    """Change what an item says of itself."""
    path = one.item.folder / "verdict.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_nothing_that_an_item_says_reaches_the_terminal_as_it_is(
    command: Command, one: Quarantined
) -> None:
    """No escape sequence, no second line, no credentials."""
    evil = "\x1b[2J\x07\n\u202egpj"
    describe(
        one,
        subject=f"evil{evil}",
        reason=f"why{evil}",
        found=evil,
        expected=evil,
        entry=f"/nowhere/{evil}",
        url=f"https://me:{SECRET}@index.example/{evil}?x={SECRET}",
    )
    (one.item.folder / evil.replace("/", "")).write_bytes(b"")

    for args in (
        ["list"],
        ["show", one.item_id],
        ["restore", one.item_id, "--into-cache", "--force"],
        ["restore", one.item_id, one.cache_root.parent / "out"],
        ["export", one.item_id, one.cache_root.parent / "out.zip"],
        ["purge", "--all", "--dry-run"],
    ):
        done = run(command, one, *args)
        assert all(line.isprintable() for line in done.output.splitlines()), args
        assert "\x07" not in done.output
    for args in (["list"], ["show", one.item_id]):
        records(command, one.cache_root, *args)


@pytest.mark.parametrize("action", ["list", "show"])
def test_a_huge_description_is_not_read(
    action: str, command: Command, one: Quarantined
) -> None:
    """A terabyte of it, on a file system that can."""
    path = one.item.folder / "verdict.json"
    try:
        os.truncate(path, 1 << 40)
    except OSError:
        pytest.skip("no sparse files here")

    done = run(command, one, action, *([one.item_id] if action == "show" else []))

    assert done.returncode == 0
    assert "unreadable" in done.stdout


def test_an_entry_outside_is_refused(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """By force as well."""
    one.mend()
    name = one.place.name
    outside = tmp_path.joinpath("outside", "http-v2", *name[:5], name)
    describe(one, entry=str(outside))

    done = run(command, one, "restore", one.item_id, "--into-cache", "--force")

    assert done.returncode == 1
    assert "another cache" in done.stderr
    assert "restore it to a folder" in done.stderr
    assert not (tmp_path / "outside").exists()


def test_a_link_in_the_place_of_an_item_is_removed_not_followed(
    command: Command, cache: MadeCache, tmp_path: Path
) -> None:
    """What it points to is somebody's."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "verdict.json").write_text('{"subject": "precious"}')
    link = quarantine.folder_of(cache.root) / "20260101T000000Z-01234567"
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)

    assert "precious" not in run(command, cache, "list").stdout
    assert run(command, cache, "restore", link.name, tmp_path / "x").returncode == 1
    done = run(command, cache, "purge", "--all")

    assert done.returncode == 0
    assert not link.is_symlink()
    assert (precious / "verdict.json").is_file()


# Deleting.


def test_old_items_are_purged(command: Command, one: Quarantined) -> None:
    """By the time in their ids; the younger stay."""
    old = one.item.folder.with_name("20200101T000000Z-01234567")
    shutil.copytree(one.item.folder, old)

    tried = run(command, one, "purge", "--older-than", "7d", "--dry-run")
    assert tried.stdout.startswith("Would delete 1 item, ")
    assert old.name in tried.stdout
    assert old.is_dir()

    done = run(command, one, "purge", "--older-than", "7d")
    assert done.stdout.startswith("Deleted 1 item, ")
    assert not old.exists()
    assert one.item.folder.is_dir()

    again = run(command, one, "purge", "--older-than", "7d")
    assert (again.returncode, again.stdout) == (
        0,
        "There is nothing of that kind in quarantine.\n",
    )


def test_items_are_purged_by_id(command: Command, one: Quarantined) -> None:
    """None of them, if one is not there."""
    other = one.item.folder.with_name("20200101T000000Z-01234567")
    shutil.copytree(one.item.folder, other)

    failed = run(command, one, "purge", "2020", "20990101")
    assert failed.returncode == 1
    assert other.is_dir()

    done = run(command, one, "purge", "2020", one.item_id, "2020")
    assert done.stdout.startswith("Deleted 2 items, ")
    assert list(quarantine.folder_of(one.cache_root).iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_ctrl_c_leaves_nothing_half_done(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """In the middle of writing an archive."""
    # As much as is not compressed within the time of this test.
    with (one.item.folder / "body").open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1 << 20))
    target = tmp_path / "out.zip"
    args = ["quarantine", "export", one.item_id, target, "--cache", one.cache_root]
    before = {path: path.stat() for path in one.item.folder.iterdir()}
    process = subprocess.Popen(
        [str(command.program), *map(str, args)],
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    patience = time.monotonic() + 60
    while not target.exists() or target.stat().st_size < (1 << 20):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert output == errors == ""
    assert not target.exists()
    assert {path: path.stat().st_size for path in one.item.folder.iterdir()} == {
        path: status.st_size for path, status in before.items()
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_what_cannot_be_written_is_said(
    command: Command, one: Quarantined, tmp_path: Path
) -> None:
    """With an exit code of its own; nothing stays behind."""
    target = tmp_path / "no" / "such" / "folder" / "out.zip"

    done = run(command, one, "export", one.item_id, target)

    assert done.returncode == 3
    assert "could not finish" in done.stderr
