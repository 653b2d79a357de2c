"""A scan while pips install at full speed into the same cache: no false verdict."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.index_style import IndexStyle
from lab.pips import scratch_environment

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Bench, Benches
    from lab.command import Command
    from lab.laboratory import Laboratory
    from lab.pips import Run

SECONDS = 6
"""How long pips and scans are at it."""

ALWAYS_FRESH = IndexStyle(max_age=0)
"""pip asks for everything again and stores the answers, in every run."""


HAMMER = """
import random, sys, time
from pip._internal.network.cache import SafeFileCache
from pip._vendor import msgpack
cache, seconds = SafeFileCache(sys.argv[1]), float(sys.argv[2])
end = time.monotonic() + seconds
stores = 0
while time.monotonic() < end:
    body = random.randbytes(random.choice([300, 5_000, 2_000_000]))
    headers = {"Content-Length": str(len(body)), "Content-Type": "text/plain"}
    response = {"body": b"", "headers": headers, "status": 200, "version": 11,
                "reason": "OK", "decode_content": False}
    metadata = b"cc=4," + msgpack.dumps({"response": response, "vary": {}})
    key = f"https://index.example/{sys.argv[3]}/{random.randrange(30)}"
    cache.set(key, metadata)
    cache.set_body(key, body)
    stores += 1
print(stores)
"""
"""Stores responses with pip's own class, as fast as it can.

Each has keys of its own: two pips that store the same one can break it for good.
"""


class Installer(threading.Thread):
    """Installs again and again, now and then into an emptied cache."""

    def __init__(self, bench: Bench, number: int, *, purges: bool) -> None:
        super().__init__()
        self._bench = bench
        self._target = bench.folder / f"target{number}"
        self._purges = purges
        self.runs: list[Run] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        """Install until told to stop."""
        bench = self._bench
        while not self.stopped.is_set():
            if self._purges and len(self.runs) % 3 == 2:
                bench.pip.run("cache", "purge", cache=bench.cache)
            target = self._target / str(len(self.runs))
            done = bench.pip.install("alpha", target=target, cache=bench.cache)
            self.runs.append(done)


@pytest.mark.parametrize(
    ("version", "hooked"),
    [("26.3", False), pytest.param("22.0.4", True, marks=pytest.mark.matrix)],
)
def test_a_scan_beside_busy_pips_finds_nothing_and_breaks_nothing(
    command: Command, benches: Benches, tmp_path: Path, version: str, *, hooked: bool
) -> None:
    bench = benches.bench(tmp_path, version, ALWAYS_FRESH, hooked=hooked)
    # Without pipmend, a purge by one pip makes others fail (pypa/pip#6970).
    installers = [
        Installer(bench, number, purges=hooked and number == 0) for number in range(3)
    ]
    for installer in installers:
        installer.start()
    summaries = []
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            options = ("--fix", "--sweep", "--json", "--all")
            run = command.run("scan", bench.cache, *options)
            assert run.returncode == 0, str(run)
            summaries.append(json.loads(run.stdout.splitlines()[-1]))
    finally:
        for installer in installers:
            installer.stopped.set()
        for installer in installers:
            installer.join(timeout=120)
    runs = [run for installer in installers for run in installer.runs]
    assert len(runs) >= 3
    assert not [str(run) for run in runs if run.returncode != 0]
    assert len(summaries) >= 3
    assert max(summary["intact"]["items"] for summary in summaries) > 0
    assert not bench.events
    assert command.run("events", "--json").stdout == ""
    assert not bench.quarantine


def test_a_scan_of_entries_that_pip_keeps_storing_finds_nothing(
    command: Command, lab: Laboratory, tmp_path: Path
) -> None:
    python = lab.venv("26.3", hooked=False).python
    cache = tmp_path / "cache"
    (cache / "http-v2").mkdir(parents=True)
    hammers = [
        subprocess.Popen(
            [python, "-c", HAMMER, cache / "http-v2", str(SECONDS), str(number)],
            env=scratch_environment(tmp_path / f"home{number}"),
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    scans = []
    while any(hammer.poll() is None for hammer in hammers):
        scans.append(command.run("scan", cache, "--json"))
    stores = [int(hammer.communicate()[0]) for hammer in hammers]
    assert min(stores) > 100
    assert len(scans) > 3
    assert not [str(scan) for scan in scans if scan.returncode != 0]
    assert command.run("scan", cache).returncode == 0


def test_pips_own_cache_commands_behave_beside_ours(
    command: Command, benches: Benches, tmp_path: Path
) -> None:
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    plain = {
        name: bench.pip.run("cache", name, cache=bench.cache, check=True).stdout
        for name in ("info", "list")
    }
    body = bench.entry("simple/beta").body
    assert body is not None
    body.write_bytes(b"")
    cache_files.age(bench.cache)
    assert command.run("scan", bench.cache, "--fix").returncode == 1
    assert len(bench.quarantine) == 1
    for name, before in plain.items():
        after = bench.pip.run("cache", name, cache=bench.cache, check=True).stdout
        assert after.count("\n") == before.count("\n")
        assert "pipmend" not in after
    purged = bench.pip.run("cache", "purge", cache=bench.cache, check=True)
    assert "Files removed" in purged.output
    assert not cache_files.entries(bench.cache)
    assert len(bench.quarantine) == 1  # evidence outlives a purge
    assert command.run("scan", bench.cache).returncode == 0
    done = bench.install()
    assert done.run.returncode == 0, str(done.run)


def test_two_scans_that_repair_move_each_entry_once(
    command: Command, benches: Benches, tmp_path: Path
) -> None:
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    entries = cache_files.entries(bench.cache)
    for entry in entries:
        assert entry.body is not None
        entry.body.write_bytes(b"")
    cache_files.age(bench.cache)
    scans = [
        subprocess.Popen(
            [command.program, "scan", str(bench.cache), "--fix", "--json"],
            env=command.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [scan.communicate(timeout=60)[0] for scan in scans]
    moved = [
        record["entry"]
        for output in outputs
        for record in map(json.loads, output.splitlines())
        if record.get("action") == "quarantined"
    ]
    assert sorted(moved) == sorted(str(entry.metadata) for entry in entries)
    assert len(bench.quarantine) == len(entries)
