"""Many pips and a repairing scan at once on one damaged cache, some killed on the way.

Some of the pips load pipmend and some do not. The seed decides who is killed, and at
which step of its work on the cache; it stands in each message.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import pytest

from lab import cache_files, kill_switch, schemas
from lab.command import Command
from lab.damages import damage
from lab.index_server import LocalIndex
from lab.packages import wheel
from lab.pips import Run, tree
from lab.workbench import Warmed, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.cache_files import HttpEntry
    from lab.laboratory import Laboratory
    from lab.workbench import Workbench

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks into /proc"
)

SOUND = tuple(f"sound{number}" for number in range(4))
BROKEN = {
    "broken0": ("/simple/broken0/", "body-empty"),
    "broken1": ("/simple/broken1/", "json-cut"),
    "broken2": ("broken2-1.0-py3", "file-flipped-bit"),
    "broken3": ("broken3-1.0-py3", "body-nul-filled"),
    "broken4": ("broken4-1.0-py3", "body-half"),
}
"""What is wrong of each project; plain pip neither survives nor repairs it."""

OVERWRITTEN = {
    "broken5": ("/simple/broken5/", "metadata-half"),
    "broken6": ("broken6-1.0-py3", "metadata-half"),
}
"""Damages that plain pip takes for a miss, and stores anew."""

DAMAGED = {**BROKEN, **OVERWRITTEN}
SOUND_ONES, EVERYTHING = "soundness", "everything"
"""Projects that need the sound ones, and all."""

NEVER = 10_000
"""No pip has so many steps."""


@dataclass(frozen=True)
class Part:
    """One of the pips."""

    hooked: bool
    wants: str
    dies_at: int = NEVER
    """The step at which it is killed, if it gets there."""


@dataclass
class Scans(threading.Thread):
    """Repairs the cache again and again until told to stop."""

    command: Command
    cache: Path
    stopped: threading.Event = field(default_factory=threading.Event)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Scan."""
        while not self.stopped.is_set():
            self.runs.append(self.command.run("scan", self.cache, "--fix", "--json"))


@dataclass(frozen=True)
class Crowd:
    """The pips, their cache, and what was in it at first."""

    hooked: Workbench
    plain: Workbench
    switch: Path
    """A folder for PYTHONPATH with what kills a pip."""
    sound: dict[Path, bytes]
    """The bodies of the intact entries by their metadata files."""
    damaged: dict[str, bytes]
    """The metadata of the damaged entries by their names."""

    def start(self, number: int, part: Part) -> subprocess.Popen[str]:
        """Start one of the pips."""
        bench = self.hooked if part.hooked else self.plain
        program = [str(bench.pip.venv.python), "-m", "pip", "install", "--no-compile"]
        kill = {
            "PYTHONPATH": str(self.switch),
            "LAB_KILL_AT": str(part.dies_at),
            "LAB_KILL_BELOW": str(bench.cache),
            "LAB_KILL_STEPS": "open sync rename mkdir link",
        }
        return subprocess.Popen(
            [*program, f"--target={self.target(number)}", part.wants],
            env={**bench.pip.environment(bench.cache), **kill},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def target(self, number: int) -> Path:
        """Where one of them installs."""
        return self.hooked.folder / "targets" / str(number)


@pytest.fixture(scope="module")
def warmed(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warmed]:
    """A cache that a plain pip has filled."""
    wheels = [wheel(name, "1.0", size=4000) for name in (*SOUND, *DAMAGED)]
    wheels.append(wheel(SOUND_ONES, "1.0", requires=SOUND))
    wheels.append(wheel(EVERYTHING, "1.0", requires=[SOUND_ONES, *DAMAGED]))
    with LocalIndex(wheels) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("warm"))


def crowd_of(warmed: Warmed, folder: Path) -> Crowd:
    """Damage a copy of the warm cache."""
    hooked = warmed.bench("26.3", folder, EVERYTHING)
    plain_pip = warmed.lab.pip(
        warmed.lab.venv("26.3", hooked=False), warmed.index, hooked.pip.home
    )
    plain = hooked.__class__(plain_pip, warmed.index, folder)
    for name in SOUND[::2]:
        expire(hooked.entry(f"/simple/{name}/"))
    broken = {name: hooked.entry(where) for name, (where, _) in DAMAGED.items()}
    paths = {entry.metadata for entry in broken.values()}
    sound = {
        entry.metadata: cache_files.read_body(entry)
        for entry in cache_files.entries(hooked.cache)
        if entry.metadata not in paths
    }
    for name, (_, kind) in DAMAGED.items():
        damage(kind).apply(broken[name])
    hooked.age()
    switch = folder / "switch"
    switch.mkdir()
    shutil.copy(kill_switch.__file__, switch / "sitecustomize.py")
    damaged = {
        entry.metadata.name: entry.metadata.read_bytes() for entry in broken.values()
    }
    return Crowd(hooked, plain, switch, sound, damaged)


def expire(entry: HttpEntry) -> None:
    """Let a response be old, so that each pip asks whether it has changed."""
    document = cache_files.decode(entry)
    document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
    cache_files.encode(entry, document)


def parts_of(chance: random.Random, count: int) -> list[Part]:
    """So many pips: half of them hooked, a third of them mortal, in any order."""
    parts = []
    for number in range(count):
        hooked = number % 2 == 0
        wants = EVERYTHING if hooked or number % 4 == 1 else SOUND_ONES
        dies_at = chance.randint(1, 60) if number % 3 == 2 else NEVER
        parts.append(Part(hooked, wants, dies_at))
    chance.shuffle(parts)
    return parts


def all_at_once(crowd: Crowd, parts: list[Part]) -> tuple[list[Run], list[Run]]:
    """Run the pips beside scans; what each pip, and each scan, has said."""
    command = Command(crowd.hooked.pip.venv, crowd.hooked.pip.home)
    scans = Scans(command, crowd.hooked.cache)
    started = [crowd.start(number, part) for number, part in enumerate(parts)]
    scans.start()
    try:
        said = [one.communicate(timeout=300)[0] for one in started]
    finally:
        for one in started:
            one.kill()
        scans.stopped.set()
        scans.join(timeout=120)
    runs = [
        Run(("pip", part.wants), one.returncode, output, "")
        for part, one, output in zip(parts, started, said)
    ]
    return runs, scans.runs


def one_round(warmed: Warmed, folder: Path, count: int, seed: int) -> None:
    """Let so many pips loose, and look at what they have left."""
    crowd = crowd_of(warmed, folder)
    parts = parts_of(random.Random(seed), count)  # noqa: S311
    runs, scans = all_at_once(crowd, parts)
    told = "\n".join(f"{part}\n{run}" for part, run in zip(parts, runs))
    about = f"seed {seed}\n{told}\n{crowd.hooked.log.read_text()}"
    for number, (part, run) in enumerate(zip(parts, runs)):
        check_pip(part, run, tree(crowd.target(number)), warmed, about)
    assert scans
    for scan in scans:
        assert scan.returncode in {0, 1}, f"{about}\n{scan}"
        assert not scan.stderr, f"{about}\n{scan}"
        schemas.check("scan", map(json.loads, scan.stdout.splitlines()))
    kills = sum(run.returncode == -signal.SIGKILL for run in runs)
    check_cache(crowd, about)
    check_items(crowd, kills, about)
    check_log(crowd, kills, about)
    check_end(crowd, about)


def check_pip(
    part: Part, run: Run, files: dict[str, str], warmed: Warmed, about: str
) -> None:
    """What a pip must have come to."""
    if run.returncode == -signal.SIGKILL:
        assert part.dies_at != NEVER, about
        return
    if part.hooked or part.wants == SOUND_ONES:
        assert run.returncode == 0, about
    if run.returncode == 0:
        everything = warmed.installed("26.3", EVERYTHING)
        # They differ in what was asked for by name.
        wanted = {path: everything[path] for path in files if part.wants not in path}
        assert {path: files[path] for path in wanted} == wanted, about
        if part.wants == EVERYTHING:
            assert files == everything, about


def check_cache(crowd: Crowd, about: str) -> None:
    """No intact entry is lost, and none has another body."""
    entries = {one.metadata: one for one in cache_files.entries(crowd.hooked.cache)}
    for metadata, body in crowd.sound.items():
        assert metadata in entries, f"{metadata} is lost\n{about}"
        assert cache_files.read_body(entries[metadata]) == body, about


def check_items(crowd: Crowd, kills: int, about: str) -> None:
    """Each damaged entry is in quarantine once, and nothing that was sound."""
    moved = []
    for item in crowd.hooked.quarantine:
        names = {path.name.partition(".")[0] for path in item.iterdir()}
        assert names <= {"metadata", "body", "verdict"}, about
        held = [path.read_bytes() for path in [item / "metadata"] if path.exists()]
        if held and held[0] in crowd.damaged.values():
            moved += held
        else:
            # Left by one that was killed: between two steps, or half an entry.
            kills -= 1
            body = item / "body"
            assert not held or not is_whole(held[0], body), f"{item}\n{about}"
    assert kills >= 0, about
    assert len(moved) == len(set(moved)), about
    places = {crowd.hooked.entry(where).metadata.name for where, _ in BROKEN.values()}
    assert {crowd.damaged[name] for name in places} <= set(moved), about


def is_whole(metadata: bytes, body: Path) -> bool:
    """Whether a quarantined entry was a sound one."""
    document = msgpack.unpackb(metadata[len(cache_files.PREFIX) :])
    declared = int(document["response"]["headers"]["Content-Length"])
    return body.exists() and body.stat().st_size == declared


def check_log(crowd: Crowd, kills: int, about: str) -> None:
    """Each line is whole, and no entry is reported twice."""
    text = crowd.hooked.log.read_bytes()
    assert text.endswith(b"\n"), about
    events = schemas.check("events", map(json.loads, text.splitlines()))
    assert {one["event"] for one in events} <= {
        "pipmend.entry_corrupt",
        "pipmend.entry_healed",
        "pipmend.repeat_offender",
    }, about
    names = {crowd.hooked.entry(where).metadata.name for where, _ in BROKEN.values()}
    found = [
        Path(one["entry"]).name
        for one in events
        if one["event"] == "pipmend.entry_corrupt" and one["action"] == "quarantined"
    ]
    counts = {name: found.count(name) for name in names}
    # One that is killed has no time to report.
    assert sum(counts.values()) >= len(names) - kills, about
    assert all(one["action"] == "quarantined" for one in crowd.hooked.findings()), about


def check_end(crowd: Crowd, about: str) -> None:
    """One more run, and all is as if nothing had ever been wrong."""
    bench = crowd.hooked
    bench.age()
    last = bench.install(EVERYTHING)
    about = f"{last}\n{about}"
    assert last.returncode == 0, about
    bench.age()
    command = Command(bench.pip.venv, bench.pip.home)
    scan = command.run("scan", bench.cache, "--deep")
    assert scan.returncode == 0, f"{scan}\n{about}"
    assert not lines_of(bench.install(EVERYTHING, check=True)), about
    for path in bench.cache.rglob("*"):
        inside = path.relative_to(bench.cache)
        if inside.parts[0] == "pipmend":
            continue
        # Of pip's own some may be left by those that were killed.
        assert "pipmend" not in path.name, about
        assert inside.parts[0] in {"http-v2", "selfcheck"}, f"{path}\n{about}"


def test_six_pips_and_a_scan(warmed: Warmed, tmp_path: Path) -> None:
    one_round(warmed, tmp_path / "work", 6, seed=1)


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(2, 12))
def test_sixteen_pips_and_a_scan(seed: int, warmed: Warmed, tmp_path: Path) -> None:
    one_round(warmed, tmp_path / "work", 16, seed)
