"""Other processes at work on the same cache, and folders that refuse to be changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.permissions import without_override
from lab.pips import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Bench, Benches
    from lab.cache_files import HttpEntry
    from lab.index_server import Answer, Request

PAGE = "/simple/alpha/"
FILE = "alpha-2.0-py3-none-any.whl"


def remove(entry: HttpEntry) -> None:
    """Purge the entry."""
    for path in entry.files:
        path.unlink()


def empty(entry: HttpEntry) -> None:
    """Put an empty file in the place of the body."""
    temporary = entry.metadata.with_name("temporary")
    temporary.write_bytes(b"")
    temporary.replace(entry.files[-1])


def meddle(bench: Bench, change: Callable[[HttpEntry], None]) -> Callable[[], None]:
    """Change the page's entry after its validators were sent, before the 304 comes."""
    index = bench.warm.index

    def answer(request: Request) -> Answer:
        usual = index.usual_answer(request)
        if usual.status == 304:
            change(bench.entry(PAGE))
        return usual

    index.override(PAGE, answer)
    return lambda: index.restore(PAGE)


@pytest.fixture
def revalidating(
    request: pytest.FixtureRequest, benches: Benches, tmp_path: Path
) -> Bench:
    """A bench of a pip that asks the index whether the page has changed."""
    version, is_hooked = request.param
    bench = benches.bench(tmp_path, version, IndexStyle(), hooked=is_hooked)
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
        cache_files.encode(entry, document)
    cache_files.age(bench.cache)
    return bench


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no open handle for this")
@pytest.mark.parametrize("change", [remove, empty], ids=lambda change: change.__name__)
@pytest.mark.parametrize(
    "revalidating",
    [(version, True) for version in ("22.0.4", "23.3.2", "25.3", "26.3")],
    indirect=True,
    ids=lambda param: param[0],
)
def test_an_entry_lost_before_the_304_is_merged_does_not_hurt(
    change: Callable[[HttpEntry], None], revalidating: Bench
) -> None:
    """What was judged before the validators were sent is what the 304 confirms."""
    restore = meddle(revalidating, change)

    installed = revalidating.install()
    restore()

    assert installed.run.returncode == 0, str(installed.run)
    assert installed.files == revalidating.warm.installed
    assert revalidating.install().files == revalidating.warm.installed


@pytest.mark.parametrize(
    "revalidating", [("25.3", False)], indirect=True, ids=["plain"]
)
def test_plain_pip_takes_the_bare_304_for_an_answer(revalidating: Bench) -> None:
    """The test above can fail (pypa/pip#6970)."""
    restore = meddle(revalidating, remove)

    installed = revalidating.install()
    restore()

    assert installed.run.returncode != 0


@pytest.mark.parametrize("version", ["22.0.4", "26.3"])
def test_pips_side_by_side_heal_each_entry_once(
    version: str, benches: Benches, tmp_path: Path
) -> None:
    """Six pips at once on two broken entries: all succeed, one item each."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    for fragment in (PAGE, FILE):
        damage("metadata-top-empty-map").apply(bench.entry(fragment))
    cache_files.age(bench.cache)

    def install(number: int) -> dict[str, str]:
        target = tmp_path / f"target{number}"
        bench.pip.install("alpha", target=target, cache=bench.cache, check=True)
        return tree(target)

    with ThreadPoolExecutor(6) as pool:
        installed = list(pool.map(install, range(6)))

    assert all(files == bench.warm.installed for files in installed)
    moved = [json.loads(line) for line in bench.events.splitlines()]
    quarantined = [e for e in moved if e["event"] == "pipmend.entry_corrupt"]
    assert len(quarantined) == len({e["entry"] for e in quarantined}) == 2
    assert len(bench.quarantine) == 2
    assert bench.install().files == bench.warm.installed


@pytest.mark.parametrize("version", ["23.3.2", "26.3"])
def test_a_store_in_progress_is_a_miss_and_no_damage(
    version: str, benches: Benches, tmp_path: Path
) -> None:
    """Another pip has written the metadata and is still writing the body."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    entry = bench.entry(FILE)
    assert entry.body is not None
    entry.body.unlink()
    entry.body.with_name(entry.body.name + "abcdefgh.tmp").write_bytes(b"so far")

    installed = bench.install()

    assert installed.run.returncode == 0, str(installed.run)
    assert installed.files == bench.warm.installed
    assert not bench.events
    assert "pipmend" not in installed.run.output


needs_setpriv = pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and shutil.which("setpriv") is None),
    reason="root passes all permissions by",
)


@pytest.fixture
def obedient(benches: Benches, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose pip obeys permissions, even when the tests run as root."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    yield bench
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def install_obediently(bench: Bench) -> subprocess.CompletedProcess[str]:
    """Install without the right to override permissions."""
    command = [str(bench.pip.venv.python), "-m", "pip", "install", "--no-compile"]
    return subprocess.run(
        without_override([*command, f"--target={bench.folder / 'obedient'}", "alpha"]),
        env=bench.pip.environment(bench.cache),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@needs_setpriv
def test_where_nothing_can_be_moved_pip_still_gets_a_miss(obedient: Bench) -> None:
    """A read-only folder: the evidence stays, and the event says why."""
    entry = obedient.entry(PAGE)
    empty(entry)
    entry.metadata.parent.chmod(0o500)

    done = install_obediently(obedient)

    assert done.returncode == 0, done.stderr
    assert tree(obedient.folder / "obedient") == obedient.warm.installed
    assert done.stderr.count("pipmend: not using the cached page of 'alpha'") == 1
    (event,) = [json.loads(line) for line in obedient.events.splitlines()]
    assert (event["action"], event["stayed"]) == ("bypassed", "Permission denied")
    assert not obedient.quarantine


@needs_setpriv
@pytest.mark.parametrize("part", ["metadata", "body"])
def test_an_unreadable_file_is_quarantined(part: str, obedient: Bench) -> None:
    """Pip takes an unreadable body for an empty one."""
    entry = obedient.entry(PAGE)
    path = entry.metadata if part == "metadata" else entry.body
    assert path is not None
    path.chmod(0)

    done = install_obediently(obedient)

    assert done.returncode == 0, done.stderr
    assert tree(obedient.folder / "obedient") == obedient.warm.installed
    assert f'"reason": "{part}-unreadable"' in obedient.events
    assert len(obedient.quarantine) == 1


@needs_setpriv
def test_a_log_that_cannot_be_written_does_not_keep_from_healing(
    obedient: Bench,
) -> None:
    """The event is lost, the entry is healed."""
    empty(obedient.entry(PAGE))
    state = obedient.pip.home / "state"
    state.mkdir(parents=True)
    state.chmod(0o500)

    done = install_obediently(obedient)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pipmend") == 1
    assert len(obedient.quarantine) == 1


def test_what_a_link_points_to_is_never_moved(benches: Benches, tmp_path: Path) -> None:
    """The link goes to quarantine; the file elsewhere stays as it is."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    entry = bench.entry(PAGE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    entry.metadata.unlink()
    entry.metadata.symlink_to(elsewhere)
    cache_files.age(entry)

    installed = bench.install()

    assert installed.files == bench.warm.installed
    assert elsewhere.read_bytes() == b"precious"
    (item,) = bench.quarantine
    assert (item / "metadata").is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_the_quarantine_and_the_log_are_private(
    benches: Benches, tmp_path: Path
) -> None:
    """Nobody else may read what was downloaded or from where."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    empty(bench.entry(PAGE))

    bench.install()

    (item,) = bench.quarantine
    log = bench.pip.home / "state" / "pipmend" / "log"
    for path in (item, item.parent, item.parent.parent, log, log / "events.jsonl"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (item / "verdict.json").stat().st_mode & 0o077 == 0
