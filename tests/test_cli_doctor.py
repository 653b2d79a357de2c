"""`pipmend doctor`, as it is installed."""

from __future__ import annotations

import datetime as dt
import email.utils
import importlib.resources
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from lab import cache_files
from lab.made_cache import MadeCache
from lab.permissions import without_override
from pipmend import events
from pipmend.doctor import Code, Severity
from pipmend.events import EntryCorrupt, EventLog, GuardTripped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.command import Command
    from lab.laboratory import Laboratory

MOUNT = shutil.which("mount") or "mount"
UNMOUNT = shutil.which("umount") or "umount"

posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema that is part of the package."""
    file = importlib.resources.files("pipmend") / "schemas" / "doctor.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return document


@pytest.fixture
def cache(tmp_path: Path) -> MadeCache:
    """A healthy cache with two entries."""
    root = tmp_path.resolve() / "cache"
    root.mkdir()
    made = MadeCache(root)
    date = email.utils.formatdate(time.time() - 3600, usegmt=True)
    made.add("/simple/idna/", b"{}", headers={"Date": date})
    made.add("/idna-3.7.whl", b"PK", headers={"Date": date})
    return made


@pytest.fixture
def log(command: Command) -> EventLog:
    """The event log that the command reads."""
    return EventLog(command.home / "state" / "pipmend" / "log")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A cache folder on a file system of 1 MiB and 64 inodes."""
    folder = tmp_path.resolve() / "small"
    folder.mkdir()
    options = "size=1m,nr_inodes=64,mode=700"
    mount = [MOUNT, "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode
    except OSError:
        mounted = 1
    if mounted:
        pytest.skip("may not mount here")
    yield folder
    subprocess.run([UNMOUNT, str(folder)], check=True)


def of(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The records of one kind."""
    return [record for record in records if record["type"] == kind]


def found(
    command: Command, *caches: Path, code: int, env: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The findings, with the exit code that they must have."""
    args = [word for cache in caches for word in ("--cache", cache)]
    run = command.run("doctor", *args, "--json", env=env)
    assert run.returncode == code, str(run)
    records = [json.loads(line) for line in run.stdout.splitlines()]
    return of(records, "finding")


def codes(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Code and severity of each."""
    return [(one["code"], one["severity"]) for one in findings]


def write(log: EventLog, *lines: dict[str, object]) -> None:
    """Append lines to the log, as if recorded now."""
    log.path.parent.mkdir(parents=True, exist_ok=True)
    at = dt.datetime.now(tz=dt.timezone.utc).isoformat(timespec="milliseconds")
    with log.path.open("a") as file:
        for line in lines:
            file.write(json.dumps({"schema": 1, "at": at, **line}) + "\n")


def corrupt(entry: Path) -> EntryCorrupt:
    """A corrupt entry that was moved to quarantine."""
    filled: dict[str, Any] = dict.fromkeys(EntryCorrupt._fields)
    filled.update(id=events.new_id(), action="quarantined", entry=str(entry))
    return EntryCorrupt(**filled)


def test_a_healthy_cache(command: Command, cache: MadeCache) -> None:
    """Nothing is found, each look is shown, and nothing is changed."""
    before = cache_files.snapshot(cache.root)

    run = command.run("doctor", "--cache", cache.root)

    assert run.returncode == 0, str(run)
    assert not run.stderr
    assert run.stdout.startswith(f"{cache.root} (named on the command line)\n")
    assert run.stdout.endswith("0 problems, 0 warnings, 0 notes\n") or (
        "is in memory" in run.stdout or "as containers have" in run.stdout
    )
    assert "fine     free space" in run.stdout
    assert "fine     clocks" in run.stdout
    assert cache_files.snapshot(cache.root) == before
    assert not (command.home / "state").exists()


def test_records_are_as_their_schema_says(
    command: Command, cache: MadeCache, log: EventLog, schema: dict[str, Any]
) -> None:
    """Each line, with as many kinds of findings as can be had here."""
    for _ in range(3):
        log.emit(corrupt(cache.root / "http-v2" / "x"))
    log.emit(GuardTripped(step="gate.LoadGate.check", error="ValueError"))
    os.utime(next(cache.root.glob("http-v2/?/?/?/?/?/*")), (5e9, 5e9))

    records = command.records(
        "doctor", "--cache", cache.root, env={"CI": "true", "PIP_NO_CACHE_DIR": "1"}
    )

    for record in records:
        jsonschema.validate(record, schema)
    kinds = [record["type"] for record in records]
    assert kinds[-1] == "summary"
    assert set(kinds) == {"finding", "fact", "summary"}
    assert {
        "clock-skew",
        "repeat-offender",
        "own-failure",
        "ci-restored",
        "switched-off",
    } <= {one["code"] for one in of(records, "finding")}
    summary = records[-1]
    assert summary["complete"]
    assert summary["warnings"] == 3
    assert summary["caches"] == 1


def test_the_schema_knows_every_code(schema: dict[str, Any]) -> None:
    """And no other; every field is described."""
    finding = schema["oneOf"][0]["properties"]

    assert finding["code"]["enum"] == [code.value for code in Code]
    assert finding["severity"]["enum"] == [severity.value for severity in Severity]
    for kind in schema["oneOf"]:
        assert kind["additionalProperties"] is False
        assert all(field["description"] for field in kind["properties"].values())


def test_facts_have_values(command: Command, cache: MadeCache) -> None:
    """With their units; a time is a text."""
    records = command.records("doctor", "--cache", cache.root)

    facts = {one["name"]: one for one in of(records, "fact") if one["cache"]}
    assert facts["free-bytes"]["unit"] == "bytes"
    assert 0 < facts["free-bytes"]["value"] < facts["total-bytes"]["value"]
    newest = facts["newest-file"]
    assert newest["unit"] == "time"
    moment = dt.datetime.fromisoformat(newest["value"].replace("Z", "+00:00"))
    age = dt.datetime.now(tz=dt.timezone.utc) - moment
    assert dt.timedelta(minutes=50) < age < dt.timedelta(minutes=70)
    assert newest["where"].startswith(str(cache.root))
    pips = [one for one in of(records, "fact") if one["name"] == "pip"]
    assert str(command.venv.python.parent.parent) in [one["where"] for one in pips]


def test_a_full_disk(command: Command, small: Path) -> None:
    """One mebibyte is never enough."""
    assert codes(found(command, small, code=1)) == [
        ("disk-full", "problem"),
        ("inodes-low", "problem"),
        ("tmpfs", "note"),
    ]

    subprocess.run([MOUNT, "-o", "remount,ro", str(small)], check=True)

    assert ("read-only", "problem") in codes(found(command, small, code=1))


def test_files_from_the_future(command: Command, cache: MadeCache) -> None:
    """As a wrong clock leaves them."""
    os.utime(next(cache.root.glob("http-v2/?/?/?/?/?/*")), (5e9, 5e9))

    findings = found(command, cache.root, code=1)

    assert [one for one in codes(findings) if one[1] == "warning"] == [
        ("clock-skew", "warning")
    ]


def test_files_from_a_year_that_python_does_not_know(
    command: Command, small: Path
) -> None:
    """The last one that it knows is named instead."""
    (small / "wheels").mkdir()
    (small / "wheels" / "file").touch()
    os.utime(small / "wheels" / "file", (2**40, 2**40))

    records = command.records("doctor", "--cache", small)

    (newest,) = [one for one in records if one.get("name") == "newest-file"]
    assert newest["value"] == "9999-12-31T23:59:59Z"
    assert ("clock-skew", "warning") in codes(of(records, "finding"))


def test_what_events_tell(command: Command, cache: MadeCache, log: EventLog) -> None:
    """Repetitions in this cache, and failures of our own."""
    for number in range(5):
        log.emit(corrupt(cache.root / "http-v2" / str(number)))
    log.emit(GuardTripped(step="gate.LoadGate.check", error="ValueError"))

    run = command.run("doctor", "--cache", cache.root)

    assert run.returncode == 1
    assert "warning  repeat-offender" in run.stdout
    assert "5 entries of this cache broke within a week" in run.stdout
    assert "pipmend itself failed 1 time" in run.stdout
    assert "2 warnings" in run.stdout.splitlines()[-1]


def test_notes_alone_are_no_failure(command: Command, cache: MadeCache) -> None:
    """They are shown."""
    run = command.run("doctor", "--cache", cache.root, env={"GITHUB_ACTIONS": "true"})

    assert run.returncode == 0
    assert "this is GitHub Actions" in run.stdout


def test_pips_that_share_a_cache(
    command: Command, lab: Laboratory, cache: MadeCache, log: EventLog
) -> None:
    """Two real ones that events name: another generation, and one without a hook."""
    old = lab.venv("22.0.4", hooked=False)
    for venv in (old, command.venv):
        prefix = str(venv.python.parent.parent)
        line = {"event": "pipmend.entry_healed", "entry": f"{cache.root}/http/x"}
        write(log, {**line, "pip": venv.pip_version, "prefix": prefix})

    findings = {one["code"]: one for one in found(command, cache.root, code=1)}

    assert "pip 22.0.4" in findings["mixed-generations"]["what"]
    assert "1 of 2 pips" in findings["hook-missing"]["what"]
    python = findings["hook-missing"]["next_step"].partition(": ")[2].split()[0]
    told = subprocess.check_output([python, "-m", "pip", "--version"])
    assert told.startswith(b"pip 22.0.4")


def test_the_cache_in_force(command: Command, lab: Laboratory) -> None:
    """Without a name it is found, and the pips at hand are taken to use it."""
    root = command.home / "cache" / "pip"
    (root / "http-v2").mkdir(parents=True)
    bare = lab.venv("22.0.4", hooked=False).python.parent
    env = {"PATH": str(bare)}

    findings = found(command, code=1, env=env)

    missing = next(one for one in findings if one["code"] == "hook-missing")
    assert missing["cache"] == str(root.resolve())
    assert str(bare.parent) in missing["what"]


def test_several_caches(command: Command, cache: MadeCache, tmp_path: Path) -> None:
    """Each with its own findings."""
    other = tmp_path / "other"
    (other / "http-v2").mkdir(parents=True)
    (other / "http-v2" / "future").touch()
    os.utime(other / "http-v2" / "future", (5e9, 5e9))

    findings = found(command, cache.root, other, code=1)

    skewed = [one["cache"] for one in findings if one["code"] == "clock-skew"]
    assert skewed == [str(other)]


def test_a_log_that_cannot_be_read(
    command: Command, cache: MadeCache, log: EventLog
) -> None:
    """The rest is shown, and the exit code says that something is missing."""
    log.path.mkdir(parents=True)

    run = command.run("doctor", "--cache", cache.root, "--json")

    assert run.returncode == 3
    assert "cannot read" in run.stderr
    summary = json.loads(run.stdout.splitlines()[-1])
    assert summary["complete"] is False


@posix_only
def test_a_folder_that_is_closed(command: Command, cache: MadeCache) -> None:
    """There pip goes without a cache, and the person is told what to type."""
    cache.root.chmod(0o500)
    words = [str(command.program), "doctor", "--cache", str(cache.root), "--json"]
    try:
        done = subprocess.run(
            without_override(words),
            env=command.environment(),
            capture_output=True,
            check=False,
        )
    finally:
        cache.root.chmod(0o755)

    assert done.returncode == 1, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    finding = next(
        one for one in of(records, "finding") if one["code"] == "not-writable"
    )
    assert finding["severity"] == "problem"
    assert finding["next_step"].endswith(str(cache.root))


@posix_only
def test_names_cannot_steer_the_terminal(command: Command, tmp_path: Path) -> None:
    """Not those of folders, nor those in events."""
    root = tmp_path / "a\x1b[2J\nb"
    (root / "http-v2").mkdir(parents=True)
    (root / "http-v2").chmod(0o777)

    run = command.run("doctor", "--cache", root)

    assert run.returncode == 1
    assert "\x1b" not in run.output
    assert "a?[2J?b" in run.stdout


def test_what_makes_no_sense(command: Command, tmp_path: Path) -> None:
    """A usage error, as for all commands."""
    run = command.run("doctor", "--cache", tmp_path / "missing")

    assert run.returncode == 2
    assert "there is no folder" in run.stderr


def test_help_teaches(command: Command) -> None:
    """What it looks at, what the exit code means, and how to call it."""
    run = command.run("doctor", "--help")

    assert run.returncode == 0
    for words in ("exit code:", "--cache CACHE", "examples:", "Nothing is changed"):
        assert words in run.stdout
