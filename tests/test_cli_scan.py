"""``pipmend scan``, as it is installed: what it prints, what it moves, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import cache_files, schemas
from lab.furnished import INDEX, Furnished, age, flip, furnish, rewrite
from lab.made_cache import MadeCache
from lab.permissions import without_override
from pipmend import seals
from pipmend.digests import BodyDigest

if TYPE_CHECKING:
    from lab.command import Command

GIGABYTE = 10**9


@pytest.fixture
def made(tmp_path: Path) -> Furnished:
    """A cache with five intact entries."""
    return furnish(tmp_path / "cache")


def records(
    command: Command, *args: object, env: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """What ``pipmend scan --json`` prints, checked against its schema."""
    return schemas.check("scan", command.records("scan", *args, env=env))


def of_type(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of one type."""
    return [record for record in found if record["type"] == kind]


def damage(made: Furnished) -> None:
    """A flipped bit in a wheel, and an emptied page."""
    assert made.wheel.body is not None
    assert made.page.body is not None
    flip(made.wheel.body)
    rewrite(made.page.body, b"")


def litter(made: Furnished) -> list[Path]:
    """An orphan body and a temporary file of a failed write."""
    folder = made.root / "http-v2" / "0" / "0" / "0" / "0" / "0"
    folder.mkdir(parents=True)
    left = [folder / ("0" * 56 + suffix) for suffix in (".body", ".bodyx1.tmp")]
    for path in left:
        path.write_bytes(b"lost")
        age(path)
    return left


def test_a_healthy_cache_is_called_so(command: Command, made: Furnished) -> None:
    before = cache_files.snapshot(made.root)
    run = command.run("scan", made.root)
    assert run.returncode == 0, str(run)
    assert "intact" in run.stdout
    assert not run.stderr
    assert cache_files.snapshot(made.root) == before


def test_damage_is_named_and_nothing_is_moved(
    command: Command, made: Furnished
) -> None:
    damage(made)
    before = cache_files.snapshot(made.root)
    run = command.run("scan", made.root)
    assert run.returncode == 1, str(run)
    assert "the cached file idna-3.4-py3-none-any.whl" in run.stdout
    assert "body: 0 of" in run.stdout
    assert "pipmend scan --fix" in run.stdout
    assert cache_files.snapshot(made.root) == before


def test_each_finding_is_a_record(command: Command, made: Furnished) -> None:
    damage(made)
    litter(made)
    found = records(command, made.root)
    by_reason = {one["reason"]: one for one in of_type("finding", found)}
    assert set(by_reason) == {"body-digest", "body-size"}
    wheel = by_reason["body-digest"]
    assert wheel["entry"] == str(made.wheel.metadata)
    assert wheel["subject"]["project"] == "idna"
    assert wheel["bytes"] == sum(path.stat().st_size for path in made.wheel.files)
    kinds = {one["kind"] for one in of_type("leftover", found)}
    assert kinds == {"orphan-body", "temporary-file"}
    (summary,) = of_type("summary", found)
    assert summary["complete"]
    assert summary["corrupt"]["items"] == 2
    assert summary["intact"]["items"] == 2
    assert summary["not_judged"]["items"] == 1


def test_an_emptied_page_is_named_by_the_index_that_is_set(
    command: Command, made: Furnished
) -> None:
    assert made.page.body is not None
    rewrite(made.page.body, b"")
    found = records(command, made.root, env={"PIP_INDEX_URL": INDEX})
    (finding,) = of_type("finding", found)
    assert finding["subject"]["url"] == f"{INDEX}idna/"
    assert finding["subject"]["project"] == "idna"


def test_fix_moves_what_is_corrupt_and_records_it(
    command: Command, made: Furnished
) -> None:
    damage(made)
    run = command.run("scan", made.root, "--fix")
    assert run.returncode == 1, str(run)
    assert run.stdout.count("quarantined") == 2
    assert not made.wheel.metadata.exists()
    assert made.unsealed_wheel.metadata.exists()
    events = [
        json.loads(line) for line in command.run("events", "--json").stdout.splitlines()
    ]
    assert {event["reason"] for event in events} == {"body-digest", "body-size"}
    assert {event["pip"] for event in events} == {None}
    again = command.run("scan", made.root, "--fix")
    assert again.returncode == 0, str(again)


def test_an_event_says_what_it_was_about(command: Command, made: Furnished) -> None:
    rewrite(made.wheel.metadata, b"")
    (finding,) = of_type("finding", records(command, made.root, "--fix"))
    assert finding["action"] == "quarantined"
    (event,) = [
        json.loads(line) for line in command.run("events", "--json").stdout.splitlines()
    ]
    assert event["id"] == finding["id"]
    assert event["subject"] == "the cached file idna-3.4-py3-none-any.whl"
    assert Path(finding["evidence"]).is_dir()


@pytest.mark.parametrize("option", ["--fix", "--sweep"])
def test_dry_run_only_says_so(command: Command, made: Furnished, option: str) -> None:
    damage(made)
    litter(made)
    before = cache_files.snapshot(made.root)
    found = records(command, made.root, option, "--dry-run")
    kind = "finding" if option == "--fix" else "leftover"
    assert {one["action"] for one in of_type(kind, found)} == {"would-quarantine"}
    assert cache_files.snapshot(made.root) == before
    assert command.run("events", "--json").stdout == ""


def test_sweep_moves_leftovers(command: Command, made: Furnished) -> None:
    left = litter(made)
    run = command.run("scan", made.root, "--sweep")
    assert run.returncode == 0, str(run)
    assert "moved 2 files" in run.stdout
    assert not any(path.exists() for path in left)
    assert not of_type("leftover", records(command, made.root))
    kept = made.root.glob("pipmend/quarantine/*/files/http-v2/0/0/0/0/0/*")
    assert [path.read_bytes() for path in kept] == [b"lost", b"lost"]


def test_all_caches_of_the_user_are_scanned_when_none_is_named(
    command: Command, tmp_path: Path
) -> None:
    furnish(command.home / "cache" / "pip")
    furnish(tmp_path / "other")
    found = records(command, env={"PIP_CACHE_DIR": str(tmp_path / "other")})
    caches = [one["cache"] for one in of_type("summary", found)]
    assert caches[0] == str(tmp_path / "other")


def test_where_there_is_no_cache_it_says_so(command: Command, tmp_path: Path) -> None:
    run = command.run("scan", tmp_path / "nowhere")
    assert (run.returncode, run.stdout) == (2, "")
    assert f"there is no folder {tmp_path / 'nowhere'}" in run.stderr
    none = command.run("scan")
    assert none.returncode == 2
    assert "no pip cache was found" in none.stderr


def test_a_folder_without_a_cache_is_called_so(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    run = command.run("scan", tmp_path / "other")
    assert run.returncode == 0
    assert "nothing of pip's is here" in run.stdout


def test_a_part_of_a_cache_is_no_cache(command: Command, made: Furnished) -> None:
    run = command.run("scan", made.root / "http-v2")
    assert run.returncode == 2
    assert f"name {made.root}" in run.stderr


def test_a_folder_that_cannot_be_read_is_an_unfinished_scan(
    command: Command, made: Furnished
) -> None:
    blocked = made.wheel.metadata.parent
    blocked.chmod(0)
    try:
        run = subprocess.run(
            without_override([str(command.program), "scan", str(made.root), "--json"]),
            env=command.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        blocked.chmod(0o700)
    assert run.returncode == 3, run.stderr
    found = schemas.check("scan", map(json.loads, run.stdout.splitlines()))
    (trouble,) = of_type("trouble", found)
    assert (trouble["path"], trouble["problem"]) == (
        str(blocked),
        "Permission denied",
    )
    (summary,) = of_type("summary", found)
    assert not summary["complete"]
    assert summary["intact"]["items"] == 3


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give away"
)
def test_root_moves_nothing_in_the_cache_of_another_user(
    command: Command, made: Furnished
) -> None:
    damage(made)
    os.chown(made.root, 12345, -1)
    before = cache_files.snapshot(made.root)
    for args in (
        ("scan", "--fix", made.root),
        ("forget", "idna", "--cache", made.root),
    ):
        run = command.run(*args)
        assert run.returncode == 2, str(run)
        assert "run this as its owner" in run.stderr
    assert cache_files.snapshot(made.root) == before
    assert command.run("scan", made.root).returncode == 1


def test_names_in_the_cache_do_not_reach_the_terminal(
    command: Command, made: Furnished
) -> None:
    evil = "\x1b[31mred\x07\u202e"
    MadeCache(made.root, sealed=False).add(
        "/x", b"not a page", media_type=f"application/vnd.pypi.simple.v1+json; {evil}"
    )
    (made.root / "http-v2" / "f" / "f").mkdir(parents=True, exist_ok=True)
    folder = made.root / "http-v2" / "f" / "f" / evil.replace("/", "")
    folder.mkdir()
    age(folder)
    run = command.run("scan", made.root)
    assert run.returncode == 1, str(run)
    assert not set(run.output) & set("\x1b\x07\u202e")


def test_other_processes_may_go_on_reading_what_is_scanned(
    command: Command, made: Furnished
) -> None:
    runs = [
        subprocess.Popen(
            [command.program, "scan", str(made.root), "--all", "--json"],
            env=command.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert {run.returncode for run in runs} == {0}
    summaries = [json.loads(output.splitlines()[-1]) for output in outputs]
    assert {summary["intact"]["items"] for summary in summaries} == {4}


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_a_reader_that_goes_is_no_failure(command: Command, made: Furnished) -> None:
    damage(made)
    pipe = f"{command.program} scan {made.root} --fix; echo $? >&2"
    done = subprocess.run(
        ["/bin/sh", "-c", f"({pipe}) | true"],
        env=command.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr in {"141\n", "1\n"}, done.stderr


def slow_cache(root: Path, bodies: int) -> None:
    """Entries with bodies of a gigabyte each, which take no space on disk."""
    cache = MadeCache(root, sealed=False)
    for number in range(bodies):
        entry = cache.add(f"/packages/{number}", b"", status=200)
        assert entry.body is not None
        with entry.body.open("wb") as file:
            file.truncate(GIGABYTE)
        data = entry.metadata.read_bytes()
        measured = BodyDigest(GIGABYTE, bytes(32))
        entry.metadata.write_bytes(seals.sealed(data, entry.metadata.name, measured))
        age(*entry.files)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_stops_at_once_with_a_true_summary(
    command: Command, tmp_path: Path
) -> None:
    slow_cache(tmp_path / "cache", 60)
    scan = subprocess.Popen(
        [command.program, "scan", str(tmp_path / "cache"), "--fix", "--json"],
        env=command.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(2)
    assert scan.poll() is None
    began = time.monotonic()
    os.killpg(scan.pid, signal.SIGINT)  # as a terminal does
    stdout, stderr = scan.communicate(timeout=60)
    seconds = time.monotonic() - began
    assert scan.returncode == 130
    assert stderr == ""
    (summary,) = schemas.check("scan", map(json.loads, stdout.splitlines()))
    assert not summary["complete"]
    assert summary["corrupt"]["items"] < 60
    assert seconds < 5
    with pytest.raises(ProcessLookupError):
        os.killpg(scan.pid, 0)  # nobody is left


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_progress_is_for_terminals_only(command: Command, tmp_path: Path) -> None:
    slow_cache(tmp_path / "cache", 6)
    shown = on_a_terminal(
        [str(command.program), "scan", str(tmp_path / "cache")], command.environment()
    )
    assert "entries/s" in shown
    assert " left" in shown


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_with_rich_there_is_a_bar(command: Command, made: Furnished) -> None:
    source = str(Path(__file__).resolve().parent.parent / "src")
    environment = command.environment({"PYTHONPATH": source, "TERM": "xterm"})
    run = [sys.executable, "-m", "pipmend", "scan", str(made.root)]
    assert "━" in on_a_terminal(run, environment)


def on_a_terminal(args: list[str], environment: dict[str, str]) -> str:
    """What a program prints on stderr when that is a terminal."""
    import pty  # noqa: PLC0415 - not on every system

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        args, env=environment, stdout=subprocess.DEVNULL, stderr=theirs
    ) as program:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the program has closed the other end
                break
            if not piece:
                break
            shown += piece
        program.wait(timeout=60)
    os.close(ours)
    return shown.decode("utf-8", "replace")


def test_an_absurd_time_is_no_obstacle(command: Command, made: Furnished) -> None:
    damage(made)
    assert made.wheel.body is not None
    os.utime(made.wheel.body, (2**33, 2**33))
    os.utime(made.wheel.metadata, (2**33, 2**33))
    assert len(of_type("finding", records(command, made.root))) == 2
    assert command.run("scan", made.root).returncode == 1


def test_the_limits_of_the_configuration_hold(
    command: Command, made: Furnished
) -> None:
    damage(made)
    assert command.run("scan", made.root, "--fix").returncode == 1
    kept = made.root / "pipmend" / "quarantine"
    assert len(list(kept.iterdir())) == 2
    folder = command.home / "config" / "pipmend"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[quarantine]\nmax_bytes = 1\n")
    flip(made.old.metadata, 60)
    assert command.run("scan", made.root, "--fix").returncode == 1
    assert list(kept.iterdir()) == []
