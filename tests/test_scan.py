"""The scan of a cache: each entry in the right group, once, while others write."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, packages
from lab.furnished import INDEX, Furnished, age, flip, furnish, rewrite
from lab.made_cache import MadeCache
from pipmend import events, scan, survey
from pipmend._compat.layouts import Layout, Place, place_at
from pipmend.archives import LARGEST_READ, Depth
from pipmend.scan import Group, Options
from pipmend.survey import Survey
from pipmend.verdicts import Reason
from pipmend.walk import LeftoverKind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path) -> Furnished:
    """A cache with five intact entries."""
    return furnish(tmp_path / "cache")


def scanned(made: Furnished, options: Options | None = None, jobs: int = 1) -> Survey:
    """A finished survey of a cache."""
    found = Survey(made.root, options or Options())
    for _ in found.run(found.shards, jobs):
        pass
    return found


def counts(found: Survey) -> dict[str, int]:
    """The groups that have any entries."""
    groups = found.tally.groups.items()
    return {group.value: count.items for group, count in groups if count.items}


def place(path: Path) -> Place:
    """The place of an entry."""
    found = place_at(path)
    assert found is not None
    return found


HEALTHY = {"intact": 4, "not_judged": 1}


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_healthy_cache_has_nothing_to_report(made: Furnished, jobs: int) -> None:
    found = scanned(made, jobs=jobs)
    assert counts(found) == HEALTHY
    assert found.is_complete
    assert not found.corrupt
    assert not found.leftovers
    sizes = (path.stat().st_size for path in made.root.rglob("*") if path.is_file())
    assert sum(count.size for count in found.tally.groups.values()) == sum(sizes)


def test_many_shards_are_scanned_alike_by_one_process_and_by_many(
    tmp_path: Path,
) -> None:
    cache = MadeCache(tmp_path)
    added = [
        cache.add(f"/packages/p{number}.whl", packages.wheel(f"p{number}", "1").content)
        for number in range(40)
    ]
    for entry in added[::7]:
        assert entry.body is not None
        flip(entry.body)
    alone, shared = (Survey(tmp_path, Options()) for _ in range(2))
    for found, jobs in ((alone, 1), (shared, 3)):
        for _ in found.run(found.shards, jobs):
            pass
    assert alone.tally == shared.tally
    assert sorted(alone.corrupt) == sorted(shared.corrupt)
    assert len(alone.corrupt) == 6


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        pytest.param("flip", Reason.BODY_DIGEST, id="flip"),
        pytest.param("cut", Reason.BODY_SIZE, id="cut"),
        pytest.param("missing", Reason.BODY_MISSING, id="missing"),
        pytest.param("metadata-cut", Reason.METADATA_UNDECODABLE, id="metadata-cut"),
        pytest.param("metadata-flip", Reason.METADATA_DIGEST, id="metadata-flip"),
        pytest.param("metadata-empty", Reason.METADATA_UNDECODABLE, id="empty"),
    ],
)
def test_damage_is_counted_by_its_reason(
    made: Furnished, damaged: str, reason: Reason
) -> None:
    metadata, body = made.wheel.files
    if damaged == "flip":
        flip(body)
    elif damaged == "cut":
        rewrite(body, body.read_bytes()[:-1])
    elif damaged == "missing":
        body.unlink()
    elif damaged == "metadata-cut":
        rewrite(metadata, metadata.read_bytes()[:40])
    elif damaged == "metadata-flip":
        rewrite(metadata, metadata.read_bytes().replace(b"max-age=600", b"max-age=601"))
    else:
        rewrite(metadata, b"")
    found = scanned(made)
    assert counts(found) == {"intact": 3, "not_judged": 1, "corrupt": 1}
    assert found.tally.reasons == {reason: 1}
    assert [judged.place.metadata for judged in found.corrupt] == [metadata]


def test_the_name_of_a_corrupt_entry_is_told_by_its_content(made: Furnished) -> None:
    rewrite(made.wheel.metadata, b"")
    (judged,) = scanned(made).corrupt
    assert judged.subject.words == "the cached file idna-3.4-py3-none-any.whl"


def test_the_url_is_found_where_a_cached_page_names_it(made: Furnished) -> None:
    for path in made.unsealed_wheel.files:
        rewrite(path, b"")
    found = scanned(made)
    found.name([], 1)
    (judged,) = found.corrupt
    assert judged.subject.file_name is None  # the links of the page are relative
    found.name([INDEX], 1)
    (judged,) = found.corrupt
    assert judged.subject.file_name == "certifi-2026.1.1-py3-none-any.whl"


def test_unsealed_content_is_intact_only_if_something_vouches_for_it(
    tmp_path: Path,
) -> None:
    cache = MadeCache(tmp_path, sealed=False)
    wheel = packages.wheel("idna", "3.4")
    cache.add("/a", wheel.content)
    cache.add("/b", b"just some text")
    cache.add("/c", packages.noise("c", 5000))
    found = Survey(tmp_path, Options())
    assert list(found.run(found.shards, 1))
    assert counts(found) == {"intact": 1, "not_judged": 2}


def test_a_deep_scan_reads_archives_of_any_size(tmp_path: Path) -> None:
    cache = MadeCache(tmp_path, sealed=False)
    wheel = packages.wheel("huge", "1.0", size=LARGEST_READ + 10_000)
    entry = cache.add("/packages/huge.whl", wheel.content)
    assert entry.body is not None
    flip(entry.body, LARGEST_READ // 2)
    for depth, expected in ((Depth.QUICK, "not_judged"), (Depth.FULL, "corrupt")):
        found = Survey(tmp_path, Options(depth))
        assert list(found.run(found.shards, 1))
        assert counts(found) == {expected: 1}


class TestMemory:
    """An unchanged entry is not read again."""

    @pytest.fixture
    def options(self, tmp_path: Path) -> Options:
        """A scan that remembers."""
        return Options(memory_folder=tmp_path / "memory")

    @pytest.fixture(autouse=True)
    def settled(self, made: Furnished) -> None:
        """Wait until the files are too old to change within a tick of their clock."""
        newest = max(path.lstat().st_ctime for path in made.root.rglob("*"))
        time.sleep(max(newest + 2.1 - time.time(), 0))

    def test_unchanged_entries_are_known(
        self, made: Furnished, options: Options
    ) -> None:
        first, second = scanned(made, options), scanned(made, options)
        assert (first.tally.unchanged, second.tally.unchanged) == (0, 5)
        assert counts(first) == counts(second) == HEALTHY
        assert second.tally.read_bytes == 0

    def test_all_reads_everything_and_remembers_it(
        self, made: Furnished, options: Options
    ) -> None:
        scanned(made, options)
        again = scanned(made, options._replace(reads_all=True))
        assert again.tally.unchanged == 0
        assert scanned(made, options).tally.unchanged == 5

    def test_a_quiet_flip_is_found_all_the_same(
        self, made: Furnished, options: Options
    ) -> None:
        scanned(made, options)
        assert made.wheel.body is not None
        flip(made.wheel.body)  # keeps size, inode and time of modification
        found = scanned(made, options)
        assert counts(found) == {"intact": 3, "not_judged": 1, "corrupt": 1}
        assert found.tally.unchanged == 4

    def test_corrupt_entries_are_judged_every_time(
        self, made: Furnished, options: Options
    ) -> None:
        assert made.wheel.body is not None
        flip(made.wheel.body)
        assert [len(scanned(made, options).corrupt) for _ in range(3)] == [1, 1, 1]

    def test_a_deep_scan_does_not_rely_on_a_quick_one(
        self, made: Furnished, options: Options
    ) -> None:
        scanned(made, options)
        deep = options._replace(depth=Depth.FULL)
        assert scanned(made, deep).tally.unchanged == 0
        assert scanned(made, deep).tally.unchanged == 5

    def test_what_has_just_changed_is_not_relied_on(
        self, made: Furnished, options: Options
    ) -> None:
        os.utime(made.page.metadata)
        scanned(made, options)
        assert scanned(made, options).tally.unchanged == 4


def test_older_entries_can_be_passed_over(made: Furnished) -> None:
    age(*made.page.files, seconds=60)
    found = scanned(made, Options(modified_since=time.time() - 600))
    assert counts(found) == {"intact": 1}
    assert found.tally.passed_over == 4


def test_entries_that_no_pip_reads_are_leftovers_too(made: Furnished) -> None:
    found = scanned(made, Options(unread=frozenset({Layout.ONE_FILE})))
    size = made.old.metadata.stat().st_size
    assert found.tally.leftovers == {LeftoverKind.OLD_GENERATION: (1, size)}
    assert counts(found) == HEALTHY


def test_a_store_in_progress_is_looked_at_again(made: Furnished) -> None:
    metadata, body = made.wheel.files
    content = body.read_bytes()
    body.unlink()
    os.utime(metadata)  # pip has just written it; the body is about to come
    found = Survey(made.root, Options())
    for one in found.run(found.shards, 1):
        if one.judged and not body.exists():
            body.write_bytes(content)
    assert counts(found) == HEALTHY
    assert not found.corrupt


def test_a_store_that_never_ends_is_corrupt(made: Furnished) -> None:
    metadata, body = made.wheel.files
    body.unlink()
    os.utime(metadata)
    found = scanned(made)
    assert found.tally.reasons == {Reason.BODY_MISSING: 1}
    assert counts(found) == {"intact": 3, "not_judged": 1, "corrupt": 1}


def test_an_entry_that_was_replaced_since_is_left_alone(
    made: Furnished, tmp_path: Path
) -> None:
    assert made.wheel.body is not None
    good = made.wheel.body.read_bytes()
    flip(made.wheel.body)
    (judged,) = scanned(made).corrupt
    replacement = made.wheel.body.with_suffix(".new")
    replacement.write_bytes(good)
    replacement.replace(made.wheel.body)
    log = events.EventLog(tmp_path / "log")
    assert survey.repair(judged, log).done is None
    assert made.wheel.body.read_bytes() == good
    assert not list(log.read())


def test_an_entry_that_was_replaced_by_a_broken_one_is_moved(
    made: Furnished, tmp_path: Path
) -> None:
    assert made.wheel.body is not None
    flip(made.wheel.body)
    (judged,) = scanned(made).corrupt
    flip(made.wheel.body, 200)
    done = survey.repair(judged, events.EventLog(tmp_path / "log")).done
    assert done is not None
    assert done.evidence is not None
    assert not made.wheel.metadata.exists()


def test_sweeping_moves_leftovers_and_nothing_else(made: Furnished) -> None:
    before = cache_files.snapshot(made.root)
    folder = made.root / "http-v2" / "0" / "0" / "0" / "0" / "0"
    folder.mkdir(parents=True)
    orphan = folder / ("0" * 56 + ".body")
    orphan.write_bytes(b"lost")
    empty = made.root / "http-v2" / "0" / "0" / "1"
    empty.mkdir()
    age(orphan, empty)
    found = scanned(made)
    swept = survey.sweep(found)
    assert (swept.files, swept.folders, swept.stayed) == (1, 1, 0)
    assert swept.id is not None
    after = cache_files.snapshot(made.root)
    assert {path: after[path] for path in before} == before
    moved = [path for path in after if path.endswith(".body") and swept.id in path]
    assert [after[path] for path in moved] == [b"lost"]


def test_what_was_touched_since_the_scan_is_not_swept(made: Furnished) -> None:
    folder = made.root / "http-v2" / "0" / "0" / "0" / "0" / "0"
    folder.mkdir(parents=True)
    orphan = folder / ("0" * 56 + ".body")
    orphan.write_bytes(b"lost")
    age(orphan)
    found = scanned(made)
    orphan.write_bytes(b"found")
    swept = survey.sweep(found)
    assert (swept.files, swept.stayed) == (0, 1)
    assert orphan.read_bytes() == b"found"


def test_a_careless_wheel_is_not_called_corrupt(tmp_path: Path) -> None:
    wheel = packages.wheel("gamma", "1.0")
    folder = tmp_path.joinpath("wheels", "ab", "cd", "ef", "0" * 50)
    folder.mkdir(parents=True)
    path = folder / wheel.filename.replace("py3", "py2")
    path.write_bytes(wheel.content)  # its tags are others than its name's
    judged = scan.judge(place(path))
    assert judged is not None
    assert judged.group is Group.NOT_JUDGED
    rewrite(path, wheel.content[:-30])
    judged = scan.judge(place(path))
    assert judged is not None
    assert judged.group is Group.CORRUPT
    assert judged.subject.words == f"the built wheel {path.name}"
