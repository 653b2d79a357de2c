"""After a failed command: what the cache had to do with it, and nothing else."""

from __future__ import annotations

import hashlib
import logging
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import noise, sdist, wheel
from lab.workbench import Warmed, Workbench, lines_of
from pipmend import digests, entries, events
from pipmend._compat import layouts
from pipmend._guard import Guard
from pipmend.ledger import Ledger, Served
from pipmend.post_mortem import PostMortem
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.cache_files import Layout
    from lab.laboratory import Laboratory

PIPS = ("22.0.4", "25.3", "26.3")
LARGE = 9 * 1024 * 1024
"""Bytes of a wheel into which no rule at load looks."""

REQUIREMENT = "alpha"
FILE = "alpha-1.0-py3-none-any.whl"
REMEDY = "; the next run fetches it afresh"
IN_PROCESS = """
import sys
from pip._internal.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def bare(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warmed]:
    """Warm caches of an index that tells neither hashes nor lengths."""
    artifacts = [
        wheel("alpha", "1.0", size=LARGE),
        wheel("beta", "1.0", requires=["nowhere"]),
        sdist("gamma", "1.0"),
    ]
    style = IndexStyle(link_hashes=False, chunked=True)
    with LocalIndex(artifacts, style) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("bare"))


@pytest.fixture(
    params=["22.0.4", pytest.param("25.3", marks=pytest.mark.matrix), "26.3"]
)
def bench(request: pytest.FixtureRequest, bare: Warmed, tmp_path: Path) -> Workbench:
    """A hooked pip with a warm cache of healthy entries."""
    return bare.bench(request.param, tmp_path, REQUIREMENT)


def break_inside(bench: Workbench, fragment: str = FILE) -> None:
    """Flip a bit of a member, so that its checksum fails when it is unpacked."""
    entry = bench.entry(fragment)
    body = cache_files.read_body(entry)
    middle = body.index(noise("alpha 1.0", LARGE)[1000:1100])
    changed = bytes([body[middle] ^ 1])
    cache_files.write_body(entry, body[:middle] + changed + body[middle + 1 :])
    bench.age()


def bodies(bench: Workbench) -> dict[str, bytes]:
    """The bodies in the cache by the name of their entry."""
    return {
        entry.metadata.name: cache_files.read_body(entry)
        for entry in cache_files.entries(bench.cache)
    }


def test_the_entry_behind_a_broken_install_is_quarantined(
    bench: Workbench, bare: Warmed
) -> None:
    """Pip fails as it does by itself; the next run succeeds and is quiet."""
    break_inside(bench)
    guilty = bench.entry(FILE).metadata.name
    others = {name: body for name, body in bodies(bench).items() if name != guilty}

    first = bench.install(REQUIREMENT)

    assert first.returncode == 2, str(first)
    assert "BadZipFile" in first.stderr
    (line,) = lines_of(first)
    assert f"quarantined the cached file {FILE} (body: " in line
    assert line.endswith(REMEDY)
    (event,) = bench.events
    assert event["event"] == "pipmend.entry_corrupt"
    assert (event["reason"], event["action"]) == ("body-structure", "quarantined")
    assert event["pip_error"].startswith("BadZipFile: Bad CRC-32 for file")
    assert event["entry"].endswith(guilty)
    assert bodies(bench) == others
    assert len(bench.quarantine) == 1

    runs = [bench.install(REQUIREMENT) for _ in range(2)]

    assert [run.returncode for run in runs] == [0, 0], [str(run) for run in runs]
    assert bench.files == bare.installed(bench.pip.venv.pip_version, REQUIREMENT)
    assert [lines_of(run) for run in runs] == [[], []]
    assert len(bench.events) == 1


def test_what_was_confirmed_by_a_304_is_looked_at_too(bench: Workbench) -> None:
    """Merging a 304 writes the metadata anew; the body is still the broken one."""
    break_inside(bench)
    entry = bench.entry(FILE)
    document = cache_files.decode(entry)
    document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
    cache_files.encode(entry, document)
    bench.age()

    first = bench.install(REQUIREMENT)

    assert first.returncode == 2, str(first)
    assert bench.index.requests_to(FILE)[0].status == 304
    assert len(lines_of(first)) == len(bench.findings()) == 1
    assert bench.install(REQUIREMENT).returncode == 0


def test_plain_pip_fails_for_ever(bare: Warmed, tmp_path: Path) -> None:
    """The tests above can fail."""
    bench = bare.bench("26.3", tmp_path, REQUIREMENT, hooked=False)
    break_inside(bench)

    runs = [bench.install(REQUIREMENT) for _ in range(2)]

    assert all("BadZipFile" in run.stderr for run in runs)


@pytest.mark.parametrize("way", ["in-process", "debug"])
def test_other_ways_to_run_a_command(way: str, bench: Workbench) -> None:
    """Commands that raise, and commands that another program calls."""
    break_inside(bench)
    arguments = ["install", "--no-compile", f"--target={bench.target}", REQUIREMENT]

    if way == "debug":
        run = bench.pip.run(*arguments, "--debug", cache=bench.cache)
    else:
        run = bench.python(IN_PROCESS, *arguments)

    assert run.returncode != 0
    assert "BadZipFile" in run.stderr
    told = [line for line in run.stderr.splitlines() if line.endswith(REMEDY)]
    assert len(told) == 1
    (event,) = bench.events
    assert event["pip_error"].startswith("BadZipFile: ")


@pytest.mark.parametrize("mode", ["observe", "off"])
def test_without_healing_nothing_is_moved(
    mode: str, bare: Warmed, tmp_path: Path
) -> None:
    """To observe is to record; off is off."""
    bench = bare.bench("26.3", tmp_path, REQUIREMENT)
    break_inside(bench)

    run = bench.install(REQUIREMENT, env={"PIPMEND": mode})

    assert run.returncode == 2
    assert lines_of(run) == []
    assert not bench.quarantine
    assert [event["action"] for event in bench.events] == (
        ["observed"] if mode == "observe" else []
    )


FAILURES: dict[str, tuple[str, ...]] = {
    "no-such-project": ("install", "alpha", "nowhere"),
    "no-such-version": ("install", "alpha==9"),
    "missing-dependency": ("download", "beta"),
    "usage": ("install",),
    "unknown-option": ("install", "--unheard-of"),
    "unknown-command": ("unheard-of",),
    "show-nothing": ("show", "nowhere"),
    "build-fails": ("install", "gamma"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_that_has_nothing_to_do_with_the_cache(
    name: str, bench: Workbench
) -> None:
    """Nothing quarantined, nothing said, nothing recorded."""
    command, *arguments = FAILURES[name]
    if command != "show" and arguments:
        option = "--dest" if command == "download" else "--target"
        arguments.append(f"{option}={bench.target}")
    before = set(bodies(bench))

    run = bench.pip.run(command, *arguments, cache=bench.cache)

    assert run.returncode != 0
    assert "pipmend" not in run.output
    assert not bench.events
    assert not (bench.cache / "pipmend").exists()
    assert before <= set(bodies(bench))


def test_no_secret_is_kept(bench: Workbench) -> None:
    """Pip's error names URLs with a password and a token; the record does not."""
    origin = bench.index.origin.replace("//", "//visitor:opensesame@")
    url = f"{origin}/packages/{FILE}?token=topsecret"
    bench.install(url, env={"PIPMEND": "off"}, check=True)
    break_inside(bench, "token=topsecret")
    missing = url.replace("alpha", "nowhere")

    run = bench.install(url, missing)

    assert run.returncode == 1, str(run)
    assert "404" in run.stderr
    (event,) = bench.events
    assert "404" in event["pip_error"]
    assert len(lines_of(run)) == 1
    kept = cache_files.snapshot(bench.cache / "pipmend")
    kept["log"] = bench.log.read_bytes()
    for content in (*kept.values(), "\n".join(lines_of(run)).encode()):
        for secret in (b"opensesame", b"topsecret", b"visitor"):
            assert secret not in content


@pytest.fixture(scope="module")
def telling(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warmed]:
    """Warm caches of an index with hashes, and with metadata beside its wheels."""
    style = IndexStyle(core_metadata=True, chunked=True)
    with LocalIndex([wheel("alpha", "1.0")], style) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("telling"))


def listed(bench: Workbench, digest: str) -> str:
    """An option for a requirements file that asks for a digest."""
    path = bench.folder / "requirements.txt"
    path.write_text(f"alpha==1.0 --hash=sha256:{digest}\n")
    return f"--requirement={path}"


@pytest.mark.parametrize("version", PIPS)
@pytest.mark.parametrize("is_listed", [False, True], ids=["batch", "listed"])
def test_what_a_hash_condemns_is_healed_before_pip_refuses_it(
    version: str, telling: Warmed, tmp_path: Path, *, is_listed: bool
) -> None:
    """By the link's hash where pip checks late, by the requirement's otherwise."""
    bench = telling.bench(version, tmp_path, REQUIREMENT)
    (url,) = (url for url in bench.index.urls if url.endswith(FILE))
    layout: Layout = "http" if version == "22.0.4" else "http-v2"
    entry = cache_files.entry_path(bench.cache, layout, url)
    good = cache_files.read_body(entry)
    cache_files.write_body(entry, good[:1000] + b"?" + good[1001:])
    bench.age()
    digest = hashlib.sha256(good).hexdigest()

    run = bench.install(listed(bench, digest) if is_listed else REQUIREMENT)

    assert run.returncode == 0, str(run)
    assert len(lines_of(run)) == len(bench.findings()) == 1


@pytest.mark.parametrize("version", PIPS)
def test_a_wrong_hash_in_a_requirement_is_no_damage(
    version: str, telling: Warmed, tmp_path: Path
) -> None:
    """The index vouches for the entry: pip refuses it, and keeps it."""
    bench = telling.bench(version, tmp_path, REQUIREMENT)

    runs = [bench.install(listed(bench, "0" * 64)) for _ in range(2)]

    assert all("DO NOT MATCH THE HASHES" in run.stderr for run in runs)
    assert [lines_of(run) for run in runs] == [[], []]
    assert not bench.events


# Without a pip: what no pip at hand comes to by itself.


@pytest.fixture
def scene(bare: Warmed, tmp_path: Path) -> Scene:
    """A post-mortem in this process, over a real cache."""
    return Scene(bare.bench("26.3", tmp_path, REQUIREMENT))


class Scene:
    """A command that was served one entry."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        log = events.EventLog(bench.log.parent)
        self.ledger = Ledger(log, heal=True)
        self.post_mortem = PostMortem(self.ledger, Guard(log))
        self.entry = bench.entry(FILE)
        self.place = layouts.place_of(
            layouts.Layout.TWO_FILES,
            str(bench.cache / "http-v2"),
            str(self.entry.metadata),
        )
        self.digest = hashlib.sha256(cache_files.read_body(self.entry))

    def serve(self, told: Told) -> None:
        """Let the command have the entry."""
        url = f"{self.bench.index.origin}/packages/{FILE}"
        stamp = entries.stamp_of(self.place)
        self.ledger.served[self.place] = Served(self.place, stamp, url, told)

    def fail(self, during: Callable[[], None] = lambda: None) -> None:
        """End the command with an error."""

        def command() -> int:
            during()
            return 1

        assert self.post_mortem.command(command, None, (), {}) == 1

    def refuse(self) -> None:
        """Let pip refuse a file of these bytes."""

        def refusal(_: object) -> None:
            raise ValueError

        arguments = ({"sha256": self.digest},)
        with pytest.raises(ValueError, match=r"^$"):
            self.post_mortem.hash_failure(refusal, None, arguments, {})


def test_the_bytes_that_pip_has_refused_are_found(scene: Scene) -> None:
    """The entry is whole, but not what pip was asked to install."""
    scene.serve(Told(file_name=FILE))

    scene.fail(scene.refuse)

    (event,) = scene.bench.events
    assert (event["reason"], event["action"]) == ("body-digest", "quarantined")
    assert not scene.entry.metadata.exists()


def test_what_the_index_vouches_for_is_not_accused(scene: Scene) -> None:
    """The requirement is wrong: a fresh copy would be refused again."""
    told = digests.from_hashes({"sha256": [scene.digest.hexdigest()]})
    assert told is not None
    scene.serve(Told(by_index=(told,), file_name=FILE))

    scene.fail(scene.refuse)

    assert not scene.bench.events
    assert scene.entry.metadata.exists()


def test_what_came_in_its_place_meanwhile_is_not_accused(scene: Scene) -> None:
    """Another process has stored a new response."""
    scene.serve(Told(file_name=FILE))
    for path in scene.entry.files:
        path.rename(path.with_name("aside"))
        path.with_name("aside").rename(path)
        path.write_bytes(path.read_bytes())

    scene.fail(scene.refuse)

    assert not scene.bench.events
    assert scene.entry.metadata.exists()


def test_who_interrupts_pip_does_not_wait(scene: Scene) -> None:
    """Ctrl-C ends pip; nothing is looked at."""
    break_inside(scene.bench)
    scene.serve(Told(file_name=FILE))
    words = "Operation cancelled by user"
    record = logging.LogRecord("pip", logging.CRITICAL, "", 0, words, None, None)

    def interrupted() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            scene.post_mortem.note_error(record)

    scene.fail(interrupted)
    assert not scene.bench.events

    scene.fail()
    assert len(scene.bench.events) == 1


def test_a_failure_of_its_own_changes_nothing(scene: Scene) -> None:
    """The command's own error comes through, and the failure is recorded."""
    scene.serve(Told(file_name=FILE))
    scene.ledger.served[scene.place] = None  # type: ignore[assignment]

    def command() -> int:
        sys.exit(3)

    scene.fail()
    with pytest.raises(SystemExit):
        scene.post_mortem.command(command, None, (), {})

    (event,) = scene.bench.events
    assert event["event"] == "pipmend.guard_tripped"
