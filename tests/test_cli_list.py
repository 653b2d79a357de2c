"""``pipmend list`` and ``pipmend forget``: packages by name, HTTP part included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab import cache_files, packages, schemas
from lab.furnished import Furnished, furnish, rewrite
from lab.index_style import IndexStyle
from lab.made_cache import MadeCache

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Benches
    from lab.command import Command


@pytest.fixture
def made(tmp_path: Path) -> Furnished:
    """A cache of idna and certifi."""
    return furnish(tmp_path / "cache")


def listed(command: Command, *args: object) -> list[dict[str, Any]]:
    """What ``pipmend list --json`` prints, checked against its schema."""
    return schemas.check("list", command.records("list", *args))


def test_there_is_a_line_for_each_package(command: Command, made: Furnished) -> None:
    run = command.run("list", "--cache", made.root)
    assert run.returncode == 0, str(run)
    lines = {line.split()[0]: line for line in run.stdout.splitlines()[1:-1]}
    assert set(lines) == {"idna", "certifi"}
    assert "3 entries" in lines["idna"]
    assert lines["idna"].endswith("3.4")


def test_each_entry_is_a_record(command: Command, made: Furnished) -> None:
    found = listed(command, "--cache", made.root)
    assert len(found) == 5
    subjects = {(one["subject"]["kind"], one["subject"]["project"]) for one in found}
    assert subjects == {
        ("page", "idna"),
        ("wheel", "idna"),
        ("core-metadata", "idna"),
        ("page", "certifi"),
        ("wheel", "certifi"),
    }


@pytest.mark.parametrize(
    ("pattern", "number"),
    [("idna", 3), ("IDNA", 3), ("c*", 2), ("*", 5), ("[ci]*", 5)],
)
def test_a_pattern_chooses_packages(
    command: Command, made: Furnished, pattern: str, number: int
) -> None:
    assert len(listed(command, "--cache", made.root, pattern)) == number


def test_nothing_that_matches_is_a_failure(command: Command, made: Furnished) -> None:
    assert command.run("list", "--cache", made.root, "flask").returncode == 1


def test_wheels_that_pip_has_built_are_listed(
    command: Command, made: Furnished
) -> None:
    wheel = packages.wheel("gamma", "1.0")
    folder = made.root.joinpath("wheels", "ab", "cd", "ef", "0" * 50)
    folder.mkdir(parents=True)
    (folder / wheel.filename).write_bytes(wheel.content)
    (one,) = listed(command, "--cache", made.root, "gamma")
    assert one["subject"]["kind"] == "built-wheel"


def test_what_a_real_pip_has_stored_is_listed(
    command: Command, benches: Benches, tmp_path: Path
) -> None:
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    found = listed(command, "--cache", bench.cache)
    projects = {one["subject"]["project"] for one in found}
    assert projects == {"alpha", "beta"}


def test_names_do_not_reach_the_terminal(command: Command, tmp_path: Path) -> None:
    evil = "x\x1b[31m\u202e"
    text = f"Metadata-Version: 2.1\nName: {evil}\nVersion: {evil}\n"
    MadeCache(tmp_path).add("/packages/x.whl.metadata", text.encode())
    for options in ((), ("--entries",)):
        run = command.run("list", "--cache", tmp_path, *options)
        assert not set(run.output) & set("\x1b\u202e")


class TestForget:
    """One package goes to quarantine, and can come back."""

    def test_all_entries_of_a_package_are_moved(
        self, command: Command, made: Furnished
    ) -> None:
        run = command.run("forget", "Idna", "--cache", made.root)
        assert run.returncode == 0, str(run)
        assert "moved 6 files" in run.stdout
        assert not listed(command, "--cache", made.root, "idna")
        assert len(listed(command, "--cache", made.root, "certifi")) == 2

    def test_they_can_be_put_back(self, command: Command, made: Furnished) -> None:
        before = cache_files.snapshot(made.root)
        found = schemas.check(
            "forget", command.records("forget", "idna", "--cache", made.root)
        )
        *moved, summary = found
        assert len(moved) == 3
        assert summary["files"] == 6
        run = command.run(
            "quarantine",
            "restore",
            summary["id"],
            "--into-cache",
            "--cache",
            made.root,
        )
        assert run.returncode == 0, str(run)
        after = cache_files.snapshot(made.root)
        assert {path: after[path] for path in before} == before

    def test_dry_run_moves_nothing(self, command: Command, made: Furnished) -> None:
        before = cache_files.snapshot(made.root)
        run = command.run("forget", "idna", "--cache", made.root, "--dry-run")
        assert run.returncode == 0
        assert run.stdout.count("idna") == 3
        assert cache_files.snapshot(made.root) == before

    def test_a_damaged_entry_is_forgotten_too(
        self, command: Command, made: Furnished
    ) -> None:
        rewrite(made.wheel.metadata, b"")
        assert command.run("forget", "idna", "--cache", made.root).returncode == 0
        assert not made.wheel.metadata.exists()

    def test_a_pattern_is_refused(self, command: Command, made: Furnished) -> None:
        run = command.run("forget", "*", "--cache", made.root)
        assert run.returncode == 2
        assert "pipmend list" in run.stderr

    def test_nothing_to_forget_is_a_failure(
        self, command: Command, made: Furnished
    ) -> None:
        run = command.run("forget", "flask", "--cache", made.root)
        assert run.returncode == 1
        assert "nothing of flask" in run.stdout

    def test_pip_fetches_it_again(
        self, command: Command, benches: Benches, tmp_path: Path
    ) -> None:
        bench = benches.bench(tmp_path, "26.3", IndexStyle(), hooked=False)
        assert command.run("forget", "beta", "--cache", bench.cache).returncode == 0
        done = bench.install()
        assert done.run.returncode == 0, str(done.run)
        assert done.files == bench.warm.installed
        assert done.fetched
        assert all("beta" in path for path in done.fetched)
