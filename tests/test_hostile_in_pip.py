"""Whoever can write to the cache gains nothing inside pip beyond what they had.

Nothing outside is read, moved or written; nothing hangs, or takes the memory; nothing
runs; and what is printed or recorded are words, whatever they were made of.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, hostile
from lab.index_style import IndexStyle
from lab.pips import tree
from lab.under_attack import (
    ENTRIES,
    MEMORY,
    assert_harmless,
    assert_log_harmless,
    assert_nothing_ran,
    link_quarantine,
    run_pip,
)
from lab.watched import watched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conftest import Benches
    from lab.cache_files import HttpEntry
    from lab.command import Command
    from lab.hostile import Attack
    from lab.outside import Outside

pytestmark = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="links, FIFOs and sockets are POSIX"
)

PIPS = ("20.3.4", "23.2.1", "26.3")

DEFAULT_PIP = "26.3"

SAFE_FOR_PIP: dict[str, Attack] = {
    **hostile.FILES,
    **hostile.METADATA,
    **{
        name: hostile.PAGES[name]
        for name in (
            "a-huge-number",
            "half-a-letter",
            "punycode",
            "open-tags",
            "a-pickle-as-page",
            "brackets",
        )
    },
}
"""Attacks that pip outlives with pipmend. What is too large to be looked at is left to
pip, which does with it what it has always done."""


def groups(attacks: Mapping[str, Attack]) -> list[list[str]]:
    """As many at a time as there are entries."""
    found = list(attacks)
    return [found[at : at + len(ENTRIES)] for at in range(0, len(found), len(ENTRIES))]


def params(attacks: Mapping[str, Attack]) -> list[object]:
    """Each pip with each group of attacks."""
    return [
        pytest.param(
            version,
            group,
            marks=[] if version == DEFAULT_PIP else [pytest.mark.matrix],
            id=f"{version}-{group[0]}",
        )
        for version in PIPS
        for group in groups(attacks)
    ]


@pytest.mark.parametrize(("version", "attacks"), params(SAFE_FOR_PIP))
def test_pip_installs_what_it_should_under_attack(
    version: str, attacks: list[str], benches: Benches, outside: Outside, tmp_path: Path
) -> None:
    """Four entries at a time, each attacked in another way."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    for fragment, name in zip(ENTRIES, attacks):
        entry = bench.entry(fragment)
        # An entry of one file may be of any size: these pips read all of it.
        if name != "a-hole" or entry.body is not None:
            SAFE_FOR_PIP[name](entry, outside)
    cache_files.age(bench.cache)
    outside.rest()
    before = outside.seen()

    done = run_pip(bench)

    assert done.returncode == 0, done.output
    assert tree(tmp_path / "target") == bench.warm.installed
    assert outside.seen() == before
    assert_harmless(done.output)
    assert_log_harmless(bench.pip.home)
    assert_nothing_ran(tmp_path)
    assert done.peak < MEMORY
    assert bench.install().run.returncode == 0


@pytest.mark.parametrize(
    ("version", "depth"),
    [
        pytest.param(version, depth, marks=[] if is_usual else pytest.mark.matrix)
        for version in PIPS
        for depth in range(-1, 5)
        for is_usual in [version == DEFAULT_PIP and depth in {-1, 4}]
    ],
)
def test_a_folder_of_the_cache_that_is_a_link(
    version: str, depth: int, benches: Benches, tmp_path: Path
) -> None:
    """It is followed, as pip does: what is sound there is used, and not moved."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    entry = bench.entry(ENTRIES[0])
    folder = bench.cache.joinpath(entry.layout, *entry.metadata.name[: depth + 1])
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    before = cache_files.snapshot(elsewhere).keys()

    installed = bench.install()

    assert installed.run.returncode == 0, str(installed.run)
    assert installed.files == bench.warm.installed
    assert installed.requests == bench.warm.healthy
    # Older pips ask again and merge the answer into the same files.
    assert cache_files.snapshot(elsewhere).keys() == before
    assert not bench.events


@pytest.mark.parametrize("part", ["pipmend", "pipmend/quarantine"])
def test_a_quarantine_that_is_a_link_takes_nothing(
    part: str, benches: Benches, outside: Outside, tmp_path: Path
) -> None:
    """The entry stays, pip has a miss; what lies behind the link is older than any."""
    bench = benches.bench(tmp_path, DEFAULT_PIP, IndexStyle())
    entry = bench.entry(ENTRIES[0])
    entry.metadata.write_bytes(b"")
    link_quarantine(bench.cache, part, outside)
    before = outside.seen()

    done = run_pip(bench)

    assert done.returncode == 0, done.output
    assert "not moved" in done.output
    assert outside.seen() == before


def test_a_name_in_vary_is_no_command_to_the_terminal(
    benches: Benches, outside: Outside, tmp_path: Path
) -> None:
    """What pip prints about it at -vvv are letters."""
    bench = benches.bench(tmp_path, DEFAULT_PIP, IndexStyle())
    hostile.METADATA["strange-vary"](bench.entry(ENTRIES[0]), outside)
    cache_files.age(bench.cache)

    done = run_pip(bench, "-vvv")

    assert "not for this request (vary: Vary: X-?[31m" in done.output
    ours = [line for line in done.output.splitlines() if "pipmend" in line]
    assert_harmless("\n".join(ours))
    assert "{0.__class__} %s" in done.output


class Swapper(threading.Thread):
    """Puts one thing after the other in the place of files, as fast as it can."""

    def __init__(self, entries: Sequence[HttpEntry], outside: Outside) -> None:
        super().__init__(daemon=True)
        self._entries = entries
        self._outside = outside
        self._over = threading.Event()
        self.swaps = 0
        self._kept = [
            (path, path.read_bytes()) for entry in entries for path in entry.files
        ]

    def run(self) -> None:
        while not self._over.is_set():
            for path, data in self._kept:
                self._put(path, data)
            self.swaps += 1

    def stop(self) -> None:
        """Leave whatever is there now."""
        self._over.set()
        self.join()

    def _put(self, path: Path, data: bytes) -> None:
        other = path.with_name("other")
        for kind in range(5):
            try:
                other.unlink(missing_ok=True)
                if kind == 0:
                    other.write_bytes(data)
                elif kind == 1:
                    other.symlink_to(self._outside.canary)
                elif kind == 2:
                    os.mkfifo(other)
                elif kind == 3:
                    other.symlink_to(self._outside.fifo)
                else:
                    other.write_bytes(data[: len(data) // 2])
                other.replace(path)
            except OSError:
                continue  # somebody has just removed a folder
            time.sleep(0.0002)


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(25, marks=pytest.mark.matrix)], ids=["short", "long"]
)
def test_files_that_change_all_the_time(
    rounds: int, benches: Benches, command: Command, outside: Outside, tmp_path: Path
) -> None:
    """Between looking and opening, and between judging and moving."""
    bench = benches.bench(tmp_path / "bench", DEFAULT_PIP, IndexStyle())
    swapper = Swapper([bench.entry(fragment) for fragment in ENTRIES], outside)
    outside.rest()
    before = outside.seen()
    swapper.start()
    for _ in range(rounds):
        done = run_pip(bench)
        assert done.returncode == 0, done.output
        assert tree(bench.folder / "target") == bench.warm.installed
        for args in (("scan", "--fix", "--all"), ("list", "--entries", "--cache")):
            ran = watched(
                (command.program, *args, bench.cache), command.environment(), tmp_path
            )
            assert ran.returncode in {0, 1, 3}, ran.output
            assert_harmless(ran.output)
    swapper.stop()

    assert swapper.swaps
    assert outside.seen() == before
