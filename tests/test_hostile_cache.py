"""Whoever can write to the cache gains nothing beyond what they had.

Nothing outside is read, moved or written; nothing hangs, or takes the memory; nothing
runs; and what is printed or recorded are words, whatever they were made of.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import pytest

from lab import bombs, built_wheels, cache_files, hostile
from lab.hostile import EVIL, PATTERNS, PICKLE
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.made_cache import PAGE_TYPE, MadeCache
from lab.outside import Outside
from lab.packages import catalogue
from lab.pips import tree
from lab.watched import Watched, watched
from lab.workbench import Warmed
from pipmend import entries, evidence, metadata, names, scan, wheels
from pipmend._compat import layouts
from pipmend.metadata import PREFIX, StoredResponse
from pipmend.scan import Group
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from conftest import Bench, Benches
    from lab.cache_files import HttpEntry
    from lab.command import Command
    from lab.hostile import Attack
    from lab.laboratory import Laboratory

pytestmark = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="links, FIFOs and sockets are POSIX"
)

MEMORY = 300 * 1024 * 1024
"""Bytes that no process of ours may need, where a bomb would take thousands more."""

ENTRIES = (
    "/simple/alpha/",
    "/simple/beta/",
    "alpha-2.0-py3-none-any.whl",
    "beta-1.5-py3-none-any.whl",
)
"""What an install of alpha asks the cache for."""

PIPS = ("20.3.4", "23.2.1", "26.3")
DEFAULT_PIP = "26.3"

FORBIDDEN = "\x00\x07\x08\x0b\x0c\x1b\x7f\x9b\u200b\u202e\u2066"
"""None of these may reach a terminal."""

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


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """What lies beside the cache."""
    return Outside(tmp_path / "outside")


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


# -- pip -----------------------------------------------------------------------------


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


# -- Built wheels --------------------------------------------------------------------


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


@pytest.mark.parametrize("name", WHEELS)
def test_a_built_wheel_is_judged_within_bounds(name: str, tmp_path: Path) -> None:
    """In time, in memory, and in few words."""
    path = put_wheel(tmp_path, 0)
    WHEELS[name](path)
    code = (
        "import sys, pathlib; from pipmend import wheels\n"
        "print(wheels.judge_wheel(pathlib.Path(sys.argv[1])).summary)"
    )

    done = run_python(code, path, folder=tmp_path)

    assert done.returncode == 0, done.output
    assert_harmless(done.output)
    assert len(done.output) < 300
    assert done.peak < MEMORY


@pytest.mark.parametrize("name", ["bzip2", "many-members", "far-member", "a-hole"])
def test_a_file_is_judged_within_bounds(name: str, tmp_path: Path) -> None:
    """An entry of the HTTP cache that says that it is a zip file."""
    path = tmp_path / "file"
    WHEELS[name](path)
    code = (
        "import sys; from pipmend import archives, subjects, metadata\n"
        "file = open(sys.argv[1], 'rb'); size = file.seek(0, 2)\n"
        "for depth in archives.Depth: print(archives.look(file, size, '', depth))\n"
        "stored = metadata.StoredResponse(200, {}, {}, b'')\n"
        "print(subjects.of_entry(stored, file).words)"
    )

    done = run_python(code, path, folder=tmp_path)

    assert done.returncode == 0, done.output
    assert done.peak < MEMORY


def run_python(code: str, *args: object, folder: Path) -> Watched:
    """Run code on the source tree."""
    source = Path(wheels.__file__).parent.parent
    python = shutil.which("python3") or "python3"
    environment = {"PYTHONPATH": os.pathsep.join([str(source), *_dependencies()])}
    return watched((python, "-c", code, *args), environment, folder)


def _dependencies() -> list[str]:
    """Where msgpack and the others of the tests are."""
    return [str(Path(msgpack.__file__).parent.parent)]


def put_wheel(cache: Path, number: int) -> Path:
    """A place for a built wheel."""
    folder = cache.joinpath("wheels", "0a", "1b", "2c", f"{number:050x}")
    folder.mkdir(parents=True)
    return folder / "bomb-1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def warmed(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warmed]:
    """Warm caches, and the index behind them."""
    with LocalIndex(catalogue()) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("warmed"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "evil-record" else pytest.mark.matrix)
        for name in WHEELS
        # What is not read is left to pip, as without pipmend.
        if name not in {"overlapping", "a-hole", "many-members", "bzip2"}
    ],
)
def test_a_hostile_wheel_is_built_again(
    name: str, warmed: Warmed, tmp_path: Path
) -> None:
    """As if it had not been there."""
    bench = warmed.bench(DEFAULT_PIP, tmp_path / "bench", "gamma")
    (path,) = bench.cache.glob("wheels/**/*.whl")
    WHEELS[name](path)
    bench.age()
    command = (bench.pip.venv.python, "-m", "pip", "install", "--no-compile")

    done = watched(
        (*command, f"--target={bench.target}", "gamma"),
        bench.pip.environment(bench.cache),
        tmp_path,
    )

    assert done.returncode == 0, done.output
    assert bench.files == warmed.installed(DEFAULT_PIP, "gamma")
    assert_harmless(done.output)
    assert_log_harmless(bench.pip.home)
    assert done.peak < MEMORY


def test_no_item_of_the_quarantine_makes_pip_wait(
    warmed: Warmed, outside: Outside, tmp_path: Path
) -> None:
    """It looks there when a wheel may be as its project builds it."""
    bench = warmed.bench(DEFAULT_PIP, tmp_path / "bench", "gamma")
    (path,) = bench.cache.glob("wheels/**/*.whl")
    built_wheels.WHEEL_DAMAGES["record-digest"](path)
    quarantine = bench.cache / "pipmend" / "quarantine"
    (quarantine / "fifo").mkdir(parents=True)
    os.mkfifo(quarantine / "fifo" / "verdict.json")
    (quarantine / "link").mkdir()
    (quarantine / "link" / "verdict.json").symlink_to(outside.fifo)
    (quarantine / "deep").mkdir()
    (quarantine / "deep" / "verdict.json").write_bytes(b"[" * 200_000)
    bench.age()
    command = (bench.pip.venv.python, "-m", "pip", "install", "--no-compile")

    done = watched(
        (*command, f"--target={bench.target}", "gamma"),
        bench.pip.environment(bench.cache),
        tmp_path,
    )

    assert done.returncode == 0, done.output
    assert bench.files == warmed.installed(DEFAULT_PIP, "gamma")


# -- Commands ------------------------------------------------------------------------


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


def test_many_tags_take_no_memory() -> None:
    """A hundred lines, of which each may go with each."""
    tags = [f"py{number}-abi{number}-any{number}" for number in range(100)]
    tracemalloc.start()

    name = names.wheel_name("bomb-1.0", tags)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert name is None
    assert peak < 1024 * 1024


def place_of(entry: HttpEntry, cache: Path) -> layouts.Place:
    """Where an entry is."""
    layout = layouts.Layout(entry.layout)
    return layouts.place_in(layout, cache, entry.metadata.name)


# -- Quarantine ----------------------------------------------------------------------

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


# -- Races ---------------------------------------------------------------------------


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
