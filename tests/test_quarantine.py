"""Quarantine: exactly what was judged is moved, or nothing is."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipmend import atomic, entries, quarantine, sweeping
from pipmend._compat.layouts import Layout, Place, place_of
from pipmend.errors import QuarantineError
from pipmend.quarantine import EntryGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipmend.entries import FileIdentity, Stamp

ID = "20260101T000000Z-01234567"
JUDGED = b"judged"
FRESH = b"fresh!"  # as long as the other: only its identity tells it from that


def make(root: Path, layout: Layout = Layout.TWO_FILES) -> Place:
    """An entry in a cache."""
    directory = root / layout.value
    path = directory / "a" / "b" / "entry"
    path.parent.mkdir(parents=True)
    place = place_of(layout, str(directory), str(path))
    for file in files(place):
        file.write_bytes(JUDGED)
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An entry of two files."""
    return make(tmp_path / "cache")


def files(place: Place) -> list[Path]:
    """The paths of an entry."""
    return [path for path in (place.metadata, place.body) if path is not None]


def renew(path: Path) -> None:
    """Put a fresh file in the place, as another pip does."""
    fresh = path.with_name("fresh.tmp")
    fresh.write_bytes(FRESH)
    fresh.replace(path)


def rewrite(path: Path) -> None:
    """Write other bytes into the same file, as no pip does."""
    times = path.stat()
    path.write_bytes(FRESH)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def relink(path: Path) -> None:
    """Put a link in the place."""
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(FRESH)
    path.unlink()
    path.symlink_to(elsewhere)


def isolate(place: Place, stamp: Stamp) -> quarantine.Item:
    """Quarantine an entry."""
    return quarantine.isolate(place, stamp, ID, {"reason": "body-size"})


def description_of(item: quarantine.Item) -> dict[str, object]:
    """What is written down of an item."""
    path = item.folder / quarantine.DESCRIPTION_NAME
    description: dict[str, object] = json.loads(path.read_bytes())
    return description


def quarantined(place: Place) -> dict[str, bytes]:
    """The files of the one item, but for its description."""
    folder = quarantine.folder_of(place.cache_root) / ID
    return {
        path.name: path.read_bytes()
        for path in (folder.iterdir() if folder.exists() else ())
        if path.name != quarantine.DESCRIPTION_NAME
    }


@pytest.mark.parametrize("layout", Layout, ids=lambda layout: layout.value)
def test_an_entry_is_moved_with_its_verdict(layout: Layout, tmp_path: Path) -> None:
    """All its files, to a folder of their own, within the same cache."""
    place = make(tmp_path / "cache", layout)

    item = isolate(place, entries.stamp_of(place))

    assert not any(map(os.path.lexists, files(place)))
    names = ["metadata", "body"][: len(files(place))]
    assert quarantined(place) == dict.fromkeys(names, JUDGED)
    assert item.folder == tmp_path / "cache" / "pipmend" / "quarantine" / ID
    assert description_of(item) == {
        "reason": "body-size",
        "kind": "entry",
        "body_size": len(JUDGED),
        "body_sha256": None,
        "body_kept": "whole",
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_the_quarantine_is_private(place: Place) -> None:
    """Whatever the user's mask lets pass."""
    mask = os.umask(0)
    try:
        item = isolate(place, entries.stamp_of(place))
    finally:
        os.umask(mask)

    for folder in (item.folder, item.folder.parent, item.folder.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == atomic.PRIVATE_FOLDER


@pytest.mark.parametrize("kind", ["folder", "link", "dangling-link"])
def test_whatever_lies_there_is_moved(kind: str, place: Place) -> None:
    """A link itself, not what it points to."""
    place.metadata.unlink()
    precious = place.cache_root / "precious"
    precious.write_bytes(b"precious")
    if kind == "folder":
        place.metadata.mkdir()
    else:
        place.metadata.symlink_to(precious if kind == "link" else "nothing")

    item = isolate(place, entries.stamp_of(place))

    assert os.path.lexists(item.folder / "metadata")
    assert not os.path.lexists(place.metadata)
    assert precious.read_bytes() == b"precious"


def test_metadata_without_a_body_is_moved(place: Place) -> None:
    """And the body that is not there is not missed."""
    assert place.body is not None
    place.body.unlink()

    item = isolate(place, entries.stamp_of(place))

    assert quarantined(place) == {"metadata": JUDGED}
    assert description_of(item)["body_kept"] == "none"


CHANGES: dict[str, Callable[[Path], None]] = {
    "renewed": renew,
    "rewritten": rewrite,
    "linked": relink,
    "removed": os.unlink,
    "touched": os.utime,
}


@pytest.mark.parametrize("which", [0, 1], ids=["metadata", "body"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_entry_that_has_changed_is_left_alone(
    change: Callable[[Path], None], which: int, place: Place
) -> None:
    """Another process was there, and knows better."""
    stamp = entries.stamp_of(place)
    change(files(place)[which])
    changed = entries.stamp_of(place)

    with pytest.raises(EntryGoneError):
        isolate(place, stamp)

    assert entries.stamp_of(place) == changed
    assert quarantined(place) == {}


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    st.tuples(*[st.sampled_from(sorted(CHANGES.keys() - {"rewritten"}))] * 2),
    st.sampled_from(["before", "metadata", "body"]),
    st.sampled_from(list(Layout)),
)
def test_what_came_after_judging_stays(
    changes: tuple[str, str], moment: str, layout: Layout
) -> None:
    """Before the files are moved, or in the last moment before one of them is."""
    root = Path(tempfile.mkdtemp())
    place = make(root / "cache", layout)
    rename = os.rename
    left: list[bytes | None] = []

    def contents() -> list[bytes | None]:
        return [path.read_bytes() if path.exists() else None for path in files(place)]

    def arrive() -> None:
        for name, path in zip(changes, files(place)):
            if os.path.lexists(path):
                CHANGES[name](path)
        left[:] = contents()

    def rename_late(source: Path, target: Path) -> None:
        if target.name == moment:
            arrive()
        rename(source, target)

    with pytest.MonkeyPatch.context() as patch:
        stamp = entries.stamp_of(place)
        if moment == "before":
            arrive()
        patch.setattr(os, "rename", rename_late)
        with contextlib.suppress(EntryGoneError):
            isolate(place, stamp)

        assert not left or contents() == left
        assert FRESH not in quarantined(place).values()
    shutil.rmtree(root)


@pytest.mark.parametrize("which", ["metadata", "body"])
def test_a_file_that_came_at_the_last_moment_is_put_back(
    which: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look and the move there is a moment."""
    path = place.metadata if which == "metadata" else place.body
    assert path is not None
    rename = os.rename

    def rename_late(source: Path, target: Path) -> None:
        if source == path:
            renew(path)
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_late)
    with contextlib.suppress(EntryGoneError):
        isolate(place, entries.stamp_of(place))

    assert path.read_bytes() == FRESH
    assert FRESH not in quarantined(place).values()


def test_a_still_newer_file_is_not_overwritten(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two came at the last moment: the later one stays."""
    rename = os.rename

    def rename_between(source: Path, target: Path) -> None:
        renew(place.metadata)
        rename(source, target)
        place.metadata.write_bytes(b"newest")

    monkeypatch.setattr(os, "rename", rename_between)
    with pytest.raises(EntryGoneError):
        isolate(place, entries.stamp_of(place))

    assert place.metadata.read_bytes() == b"newest"
    assert quarantined(place) == {}


def test_one_of_two_processes_moves_an_entry(place: Place) -> None:
    """The other one is told that it has gone."""
    stamp = entries.stamp_of(place)
    isolate(place, stamp)

    with pytest.raises(EntryGoneError):
        quarantine.isolate(place, stamp, "20260101T000001Z-89abcdef", {})

    folder = quarantine.folder_of(place.cache_root)
    assert [path.name for path in folder.iterdir()] == [ID]


@pytest.mark.parametrize("name", ["pipmend", "pipmend/quarantine"])
def test_a_link_in_the_way_is_refused(name: str, place: Place, tmp_path: Path) -> None:
    """Somebody may want to see the files elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    link = place.cache_root / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(QuarantineError, match="link"):
        isolate(place, entries.stamp_of(place))

    assert [path.read_bytes() for path in files(place)] == [JUDGED, JUDGED]
    assert list((tmp_path / "elsewhere").rglob("metadata")) == []


def test_a_file_in_the_way_is_an_error(place: Place) -> None:
    """The entry stays where it is."""
    (place.cache_root / "pipmend").write_bytes(b"")

    with pytest.raises(QuarantineError) as caught:
        isolate(place, entries.stamp_of(place))

    assert not isinstance(caught.value, EntryGoneError)
    assert [path.read_bytes() for path in files(place)] == [JUDGED, JUDGED]


# Bodies that are too large to keep.

LARGE = bytes(range(256)) * 5
END = 100


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test reaches quickly."""
    monkeypatch.setattr(quarantine, "LARGEST_BODY", len(LARGE) - 1)
    monkeypatch.setattr(quarantine, "LONGEST_END", END)


def make_large(root: Path, layout: Layout = Layout.TWO_FILES) -> Place:
    """An entry whose body is larger than the bound."""
    place = make(root, layout)
    files(place)[-1].write_bytes(LARGE)
    return place


@pytest.mark.parametrize("layout", Layout, ids=lambda layout: layout.value)
@pytest.mark.usefixtures("small_bounds")
def test_a_large_body_is_cut_to_its_ends(layout: Layout, tmp_path: Path) -> None:
    """And its size and digest are written down."""
    place = make_large(tmp_path / "cache", layout)

    item = isolate(place, entries.stamp_of(place))

    ends = {"body.head": LARGE[:END], "body.tail": LARGE[-END:]}
    metadata = {"metadata": JUDGED} if layout is Layout.TWO_FILES else {}
    assert quarantined(place) == {**metadata, **ends}
    assert description_of(item) == {
        "reason": "body-size",
        "kind": "entry",
        "body_size": len(LARGE),
        "body_sha256": hashlib.sha256(LARGE).hexdigest(),
        "body_kept": "head-and-tail",
    }


@pytest.mark.usefixtures("small_bounds")
def test_a_body_at_the_bound_is_kept_whole(place: Place) -> None:
    """A byte less than what is cut."""
    assert place.body is not None
    place.body.write_bytes(LARGE[1:])

    item = isolate(place, entries.stamp_of(place))

    assert quarantined(place) == {"metadata": JUDGED, "body": LARGE[1:]}
    assert description_of(item)["body_kept"] == "whole"


@pytest.mark.parametrize("name", ["body.head", "body.tail", "body"])
@pytest.mark.usefixtures("small_bounds")
def test_a_body_that_cannot_be_cut_stays_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, say; the entry has gone all the same."""
    place = make_large(tmp_path / "cache")
    stamp = entries.stamp_of(place)
    really_open, really_unlink = os.open, Path.unlink

    def open_unless_full(path: Path, *args: int) -> int:
        if Path(path).name == name != "body":
            raise OSError(errno.ENOSPC, "no space left")
        return really_open(path, *args)

    def unlink_unless_held(path: Path, **options: bool) -> None:
        if path.name == name == "body":
            raise PermissionError(errno.EACCES, "somebody has it open")
        really_unlink(path, **options)

    monkeypatch.setattr(os, "open", open_unless_full)
    monkeypatch.setattr(Path, "unlink", unlink_unless_held)
    item = isolate(place, stamp)

    assert not any(map(os.path.lexists, files(place)))
    assert quarantined(place) == {"metadata": JUDGED, "body": LARGE}
    assert description_of(item)["body_kept"] == "whole"
    assert description_of(item)["body_sha256"] is None


def test_the_bound_is_what_the_help_says() -> None:
    """One item never fills the quarantine."""
    assert quarantine.LARGEST_BODY <= quarantine.LARGEST_TOTAL // 4
    assert 2 * quarantine.LONGEST_END < quarantine.LARGEST_BODY


# Leftovers.


def leftovers(root: Path) -> list[Path]:
    """Files that nothing needs."""
    paths = [root / "http" / "a" / "old", root / "http-v2" / "b" / "orphan.body"]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(JUDGED)
    return paths


def judged(*paths: Path) -> list[tuple[Path, FileIdentity]]:
    """Each with its identity now."""
    found = [(path, entries.identity_of(path)) for path in paths]
    return [(path, identity) for path, identity in found if identity is not None]


def swept(root: Path) -> dict[str, bytes]:
    """The swept files by their paths in the item."""
    folder = quarantine.folder_of(root) / ID / "files"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_leftovers_are_moved_into_one_item(tmp_path: Path) -> None:
    """Below their paths in the cache."""
    paths = leftovers(tmp_path)

    done = sweeping.sweep(tmp_path, ID, judged(*paths), {"subject": "leftovers"})

    assert done == (quarantine.Item(ID, done.item.folder), 2, 2 * len(JUDGED), 0)
    assert not any(map(os.path.lexists, paths))
    names = ["http/a/old", "http-v2/b/orphan.body"]
    assert swept(tmp_path) == dict.fromkeys(names, JUDGED)
    assert description_of(done.item) == {
        "id": ID,
        "kind": "leftovers",
        "subject": "leftovers",
        "files": 2,
        "bytes": 2 * len(JUDGED),
    }


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_leftover_that_has_changed_stays(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    """It is none any more."""
    first, second = leftovers(tmp_path)
    known = judged(first, second)
    change(second)
    now = entries.identity_of(second)

    done = sweeping.sweep(tmp_path, ID, known, {})

    assert (done.moved, done.stayed) == (1, 1)
    assert entries.identity_of(second) == now
    assert list(swept(tmp_path)) == ["http/a/old"]


def test_a_leftover_that_came_at_the_last_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of the item then."""
    path, _ = leftovers(tmp_path)
    known = judged(path)
    rename = os.rename

    def rename_late(source: Path, target: Path) -> None:
        renew(path)
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_late)
    done = sweeping.sweep(tmp_path, ID, known, {})

    assert (done.moved, done.stayed) == (0, 1)
    assert path.read_bytes() == FRESH
    assert not done.item.folder.exists()


def test_what_is_no_file_of_the_cache_is_not_swept(tmp_path: Path) -> None:
    """Whatever the caller believes."""
    root = tmp_path / "cache"
    kept, _ = leftovers(root)
    outside = tmp_path / "outside" / "file"
    outside.parent.mkdir()
    outside.write_bytes(b"precious")
    (root / "http" / "way").symlink_to(outside.parent)
    (root / "http" / "link").symlink_to(outside)
    own = root / "pipmend" / "quarantine" / "item"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"evidence")
    around = root / "http" / ".." / ".." / "outside" / "file"
    paths = [
        outside,
        around,
        root / "http" / "way" / "file",
        root / "http" / "link",
        root / "http" / "a",
        own,
        root,
    ]

    done = sweeping.sweep(root, ID, judged(*paths), {})

    assert (done.moved, done.stayed) == (0, len(paths))
    assert outside.read_bytes() == b"precious"
    assert own.read_bytes() == b"evidence"
    assert (root / "http" / "link").is_symlink()
    assert kept.read_bytes() == JUDGED
    assert not done.item.folder.exists()


def test_a_sweep_that_is_killed_leaves_an_item_that_says_what_it_is(
    tmp_path: Path,
) -> None:
    """What was moved by then can be put back."""
    first, second = leftovers(tmp_path)

    def files_until_killed() -> Iterator[tuple[Path, FileIdentity]]:
        yield from judged(first)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweeping.sweep(tmp_path, ID, files_until_killed(), {})

    assert list(swept(tmp_path)) == ["http/a/old"]
    assert second.exists()
    item = quarantine.Item(ID, quarantine.folder_of(tmp_path) / ID)
    assert description_of(item) == {"id": ID, "kind": "leftovers"}


def test_without_a_place_nothing_is_swept(tmp_path: Path) -> None:
    """A link is refused here too."""
    path, _ = leftovers(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pipmend").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(QuarantineError, match="link"):
        sweeping.sweep(tmp_path, ID, judged(path), {})

    assert path.read_bytes() == JUDGED


# The bounds.


def items(root: Path, **sizes: int) -> None:
    """Items by name, each with a file of so many bytes."""
    for name, size in sizes.items():
        folder = quarantine.folder_of(root) / name
        folder.mkdir(parents=True)
        (folder / "body").touch()
        os.truncate(folder / "body", size)


def names(root: Path) -> list[str]:
    """The items that are there."""
    return sorted(path.name for path in quarantine.folder_of(root).iterdir())


def test_within_the_bounds_nothing_is_dropped(tmp_path: Path) -> None:
    """All that was quarantined can be looked at."""
    items(tmp_path, a=1000, b=1000, c=quarantine.LARGEST_TOTAL - 2000)

    quarantine.prune(tmp_path, keep="c")

    assert names(tmp_path) == ["a", "b", "c"]


def test_the_oldest_items_are_dropped_when_there_is_too_much(tmp_path: Path) -> None:
    """Until the rest is within the bound."""
    half = quarantine.LARGEST_TOTAL // 2
    items(tmp_path, a=10, b=half, c=half, d=10)

    quarantine.prune(tmp_path, keep="d")

    assert names(tmp_path) == ["c", "d"]


def test_the_newest_item_stays_however_large_it_is(tmp_path: Path) -> None:
    """It is the one that the event points to."""
    items(tmp_path, a=10, b=quarantine.LARGEST_TOTAL + 1)

    quarantine.prune(tmp_path, keep="b")

    assert names(tmp_path) == ["b"]


def test_old_items_are_dropped(tmp_path: Path) -> None:
    """Nobody will look at them any more."""
    items(tmp_path, a=10, b=10, c=10)
    long_ago = time.time() - quarantine.LONGEST_AGE - 60
    for name in "ac":
        os.utime(quarantine.folder_of(tmp_path) / name, (long_ago, long_ago))

    quarantine.prune(tmp_path, keep="c")

    assert names(tmp_path) == ["b", "c"]


def test_links_in_quarantine_are_not_followed(tmp_path: Path) -> None:
    """What they point to is none of its business."""
    items(tmp_path, z=quarantine.LARGEST_TOTAL + 1)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"precious")
    (quarantine.folder_of(tmp_path) / "a").symlink_to(tmp_path / "precious")

    quarantine.prune(tmp_path, keep="z")

    assert (tmp_path / "precious" / "file").read_bytes() == b"precious"
