"""Pip and the commands on a hostile cache, and what must not come of their runs."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from lab import bombs, cache_files
from lab.hostile import EVIL, PATTERNS, PICKLE
from lab.made_cache import PAGE_TYPE, MadeCache
from lab.watched import Watched, watched
from pipmend._compat import layouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from conftest import Bench
    from lab.cache_files import HttpEntry
    from lab.command import Command
    from lab.hostile import Attack
    from lab.outside import Outside


MEMORY = 300 * 1024 * 1024
"""Bytes that no process of ours may need, where a bomb would take thousands more."""

ENTRIES = (
    "/simple/alpha/",
    "/simple/beta/",
    "alpha-2.0-py3-none-any.whl",
    "beta-1.5-py3-none-any.whl",
)
"""What an install of alpha asks the cache for."""

FORBIDDEN = "\x00\x07\x08\x0b\x0c\x1b\x7f\x9b\u200b\u202e\u2066"
"""None of these may reach a terminal."""


def assert_harmless(output: str) -> None:
    """Nothing but letters and ends of lines; nothing was filled in."""
    found = {char for char in output if char in FORBIDDEN}
    assert not found, output
    for line in output.split("\n"):
        assert line.replace("\r", "").isprintable(), ascii(line)
    assert "<class " not in output
    assert "C4NARY" not in output


def assert_log_harmless(home: Path) -> None:
    """The log is ASCII, one object a line."""
    for log in home.rglob("events*.jsonl"):
        for line in log.read_bytes().splitlines():
            assert line.isascii()
            assert line.decode().isprintable()
            assert b"C4NARY" not in line


def assert_nothing_ran(folder: Path) -> None:
    """What the pickles and the patterns would have made."""
    assert not list(folder.rglob("owned"))


def run_pip(bench: Bench, *options: str) -> Watched:
    """Install alpha into the folder ``target``."""
    target = bench.folder / "target"
    shutil.rmtree(target, ignore_errors=True)
    command = (bench.pip.venv.python, "-m", "pip", "install", "--no-compile", *options)
    return watched(
        (*command, f"--target={target}", "alpha"),
        bench.pip.environment(bench.cache),
        bench.folder,
    )


def link_quarantine(cache: Path, part: str, outside: Outside) -> None:
    """Have the quarantine lead to what somebody has kept for years."""
    link = cache / part
    link.parent.mkdir(parents=True, exist_ok=True)
    if part == "pipmend":
        outside.items.rename(outside.folder / "quarantine")
        link.symlink_to(outside.folder)
    else:
        link.symlink_to(outside.items)
    outside.rest()


def _evil_record() -> bytes:
    """A file that is not there, with a name that no file should have."""
    return f'"{EVIL}{PATTERNS}{"x" * 100_000}",sha256=AAAA,1\n'.encode()


def _hole(path: Path) -> None:
    bombs.write_hole_with_directory(path, 3 << 30)


def _holds(make: Callable[[], bytes]) -> Callable[[Path], None]:
    def attack(path: Path) -> None:
        path.write_bytes(make())

    return attack


WHEELS: dict[str, Callable[[Path], None]] = {
    "many-tags": _holds(lambda: bombs.wheel_of_many_tags(2_000)),
    "long-record": _holds(lambda: bombs.wheel_with_record(b"a,md5=AA\n" * 1_600_000)),
    "too-long-record": _holds(
        lambda: bombs.wheel_with_record(
            b"".join(b"%d,md5=AA\n" % n for n in range(4_000_000))
        )
    ),
    "evil-record": _holds(lambda: bombs.wheel_with_record(_evil_record())),
    "bzip2": _holds(lambda: bombs.bzip2_member(255 << 20)),
    "many-members": _holds(lambda: bombs.many_members(800_000)),
    "far-member": _holds(bombs.far_member),
    "overlapping": _holds(lambda: bombs.overlapping(5_000, 1 << 28)),
    "a-hole": _hole,
    "a-pickle": _holds(lambda: PICKLE),
}
"""Wheels named ``bomb``, which pip never built."""


def put_wheel(cache: Path, number: int) -> Path:
    """A place for a built wheel."""
    folder = cache.joinpath("wheels", "0a", "1b", "2c", f"{number:050x}")
    folder.mkdir(parents=True)
    return folder / "bomb-1.0-py3-none-any.whl"


def every_command(cache: Path, folder: Path) -> list[tuple[object, ...]]:
    """Everything that looks at a cache, and then what changes it."""
    one = ("--cache", cache)
    return [
        ("scan", cache),
        ("scan", "--deep", "--all", "--json", cache),
        ("list", "--entries", *one),
        ("doctor", *one),
        ("report", "--html", folder / "report.html", *one),
        ("scan", "--fix", "--sweep", cache),
        ("quarantine", "list", *one),
        ("events",),
        ("stats", *one),
        ("report", "--html", folder / "later.html", *one),
        ("quarantine", "purge", "--all", *one),
    ]


def run_all(
    command: Command,
    commands: Sequence[Sequence[object]],
    outside: Outside,
    *,
    has_log: bool = True,
) -> None:
    """Run commands; each ends, in words, with little memory, and touches nothing."""
    outside.rest()
    before = outside.seen()
    folder = command.home.parent
    for args in commands:
        done = watched((command.program, *args), command.environment(), folder)
        about = f"{args}\n{done.output}"
        assert done.returncode in {0, 1, 2, 3}, about
        assert "Traceback" not in done.output, about
        assert_harmless(done.output)
        assert done.peak < MEMORY, about
        assert outside.seen() == before, about
        if can_tell_reading(folder):
            assert not outside.was_read(), about
    if has_log:
        assert_log_harmless(command.home)
    assert_nothing_ran(folder)
    for page in folder.glob("*.html"):
        text = page.read_text("utf-8")
        assert not set(text) & set(FORBIDDEN)
        assert "C4NARY" not in text


def can_tell_reading(folder: Path) -> bool:
    """Whether this file system notes that a file was read."""
    probe = folder / "probe"
    probe.write_bytes(b"x")
    os.utime(probe, (1, 1))
    probe.read_bytes()
    return probe.stat().st_atime > 1


def crowded(cache: Path, attacks: Mapping[str, Attack], outside: Outside) -> None:
    """Fill a cache with entries, and attack each in another way."""
    for layout in cache_files.LAYOUTS:
        made = MadeCache(cache, layout)
        for name, attack in attacks.items():
            page = json.dumps({"name": name, "files": []}).encode()
            path = f"/simple/{name}/"
            attack(made.add(path, page, media_type=PAGE_TYPE), outside)
    (cache / "http-v2" / "a").mkdir(exist_ok=True)
    (cache / "http-v2" / "a" / "link").symlink_to(outside.folder)
    cache_files.age(cache, 7200)


def place_of(entry: HttpEntry, cache: Path) -> layouts.Place:
    """Where an entry is."""
    layout = layouts.Layout(entry.layout)
    return layouts.place_in(layout, cache, entry.metadata.name)
