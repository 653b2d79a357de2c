"""Entries on disk: whatever lies there is opened, or named, without harm."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from lab.path_damages import AVAILABLE, PATHS
from pipmend import entries
from pipmend._compat.layouts import LARGEST_METADATA, Layout, Place, place_of
from pipmend.entries import FileIdentity, OpenEntry, Stamp
from pipmend.verdicts import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = b"cc=4,the metadata"
BODY = b"the body"


@pytest.fixture
def two_files(tmp_path: Path) -> Place:
    """A whole entry of two files, of an hour ago."""
    place = place_of(Layout.TWO_FILES, str(tmp_path), str(tmp_path / "entry"))
    write(place)
    return place


@pytest.fixture
def one_file(tmp_path: Path) -> Place:
    """A whole entry of one file, of an hour ago."""
    place = place_of(Layout.ONE_FILE, str(tmp_path), str(tmp_path / "entry"))
    write(place)
    return place


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes a minute, so that a slow machine changes no answer."""
    monkeypatch.setattr(entries, "SETTLING_SECONDS", 60.0)


def write(place: Place, *, age: float = 3600) -> None:
    """Write the files of an entry."""
    for path, content in ((place.metadata, METADATA), (place.body, BODY)):
        if path is not None:
            path.write_bytes(content)
            set_age(path, age)


def set_age(path: Path, seconds: float) -> None:
    """Set the time of a file into the past, or into the future."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def body_of(place: Place) -> Path:
    """The path of the body."""
    assert place.body is not None
    return place.body


def opened(place: Place) -> OpenEntry:
    """The entry, which must be there."""
    entry = entries.open_entry(place)
    assert entry is not None
    return entry


def verdict_on(place: Place) -> Verdict:
    """The verdict on whichever file could not be opened."""
    entry = opened(place)
    entry.close()
    found = [part for part in (entry.metadata, entry.body) if isinstance(part, Verdict)]
    assert len(found) == 1
    return found[0]


def test_a_whole_entry_is_read(two_files: Place) -> None:
    """The metadata as bytes, the body as a handle at its start."""
    entry = opened(two_files)

    assert entry.metadata == METADATA
    assert not isinstance(entry.body, Verdict)
    assert entry.body.read() == BODY
    entry.close()
    assert entry.body.closed


def test_an_entry_of_one_file_has_no_body_of_its_own(one_file: Place) -> None:
    """All of it is in the metadata."""
    entry = opened(one_file)

    assert entry.metadata == METADATA
    assert not isinstance(entry.body, Verdict)
    assert entry.body.read() == b""
    assert entry.stamp.body is None


def test_where_nothing_is_there_is_no_entry(two_files: Place) -> None:
    """A body alone is none either."""
    two_files.metadata.unlink()

    assert entries.open_entry(two_files) is None


def test_below_a_file_there_is_no_entry(tmp_path: Path) -> None:
    """Where a folder of the cache should be."""
    (tmp_path / "a").write_bytes(b"")
    path = str(tmp_path / "a" / "b" / "entry")

    assert entries.open_entry(place_of(Layout.TWO_FILES, str(tmp_path), path)) is None


def test_the_handle_keeps_what_was_opened(two_files: Place, tmp_path: Path) -> None:
    """Even when another process puts another body in its place."""
    entry = opened(two_files)
    other = tmp_path / "other"
    other.write_bytes(b"another body")
    if os.name != "nt":
        other.replace(body_of(two_files))

    assert not isinstance(entry.body, Verdict)
    assert entry.body.read() == BODY
    entry.close()


@pytest.mark.parametrize("name", sorted(AVAILABLE - {"missing"}))
@pytest.mark.parametrize("layout", Layout, ids=lambda layout: layout.value)
def test_strange_metadata_is_unreadable(
    layout: Layout, name: str, tmp_path: Path
) -> None:
    """No folder, FIFO, device or broken link is read, and none blocks."""
    place = place_of(layout, str(tmp_path), str(tmp_path / "entry"))
    write(place)
    PATHS[name](place.metadata)

    assert verdict_on(place).reason is Reason.METADATA_UNREADABLE


@pytest.mark.parametrize("name", sorted(AVAILABLE))
def test_a_strange_body_is_unreadable(name: str, two_files: Place) -> None:
    """And one that is not there is missing."""
    PATHS[name](body_of(two_files))

    expected = Reason.BODY_MISSING if name == "missing" else Reason.BODY_UNREADABLE
    assert verdict_on(two_files).reason is expected


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="has no such sockets")
def test_a_socket_is_unreadable(
    two_files: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other special file."""
    body = body_of(two_files)
    body.unlink()
    monkeypatch.chdir(body.parent)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(body.name)

    assert verdict_on(two_files).reason is Reason.BODY_UNREADABLE


@pytest.mark.parametrize("which", ["metadata", "body"])
def test_a_file_without_permission_is_unreadable(which: str, two_files: Place) -> None:
    """In every run pip would miss it."""
    path = two_files.metadata if which == "metadata" else body_of(two_files)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")

    reason = verdict_on(two_files).reason
    assert reason is not None
    assert reason.value == f"{which}-unreadable"


def test_a_link_to_a_file_is_as_good_as_the_file(
    two_files: Place, tmp_path: Path
) -> None:
    """It is followed, as pip does; the stamp is that of the link."""
    for path in (two_files.metadata, body_of(two_files)):
        path.rename(tmp_path / f"real-{path.name}")
        path.symlink_to(tmp_path / f"real-{path.name}")

    entry = opened(two_files)

    assert entry.metadata == METADATA
    assert not isinstance(entry.body, Verdict)
    assert entry.body.read() == BODY
    entry.close()
    assert entry.stamp == entries.stamp_of(two_files)
    assert entry.content != entry.stamp


def test_endless_metadata_is_not_read_to_the_end(two_files: Place) -> None:
    """A sparse file must not fill the memory."""
    os.truncate(two_files.metadata, 1 << 40)

    assert verdict_on(two_files).reason is Reason.METADATA_SHAPE


def test_the_largest_metadata_is_read(two_files: Place) -> None:
    """The bound itself is within."""
    os.truncate(two_files.metadata, LARGEST_METADATA)

    entry = opened(two_files)
    entry.close()

    assert isinstance(entry.metadata, bytes)


def test_one_file_may_be_as_large_as_its_body(one_file: Place) -> None:
    """There the metadata holds the body, so there is no bound."""
    os.truncate(one_file.metadata, LARGEST_METADATA + 1)

    assert len(bytes(opened(one_file).metadata)) == LARGEST_METADATA + 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "number",
    [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR],
    ids=errno.errorcode.get,
)
def test_trouble_of_the_process_is_no_verdict(number: int) -> None:
    """It says nothing about the entry."""
    error = OSError(number, os.strerror(number))

    assert entries.is_passing(error)
    with pytest.raises(OSError, match=os.strerror(number)):
        entries.unreadable(Reason.BODY_UNREADABLE, error)


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.EACCES, errno.ELOOP], ids=errno.errorcode.get
)
def test_trouble_of_the_file_is_a_verdict(number: int) -> None:
    """Now or later, pip cannot use it."""
    error = OSError(number, os.strerror(number))

    assert not entries.is_passing(error)
    verdict = entries.unreadable(Reason.BODY_UNREADABLE, error)
    assert verdict.reason is Reason.BODY_UNREADABLE


def test_too_many_open_files_are_no_verdict(two_files: Place) -> None:
    """Really out of handles: the trouble is raised, not blamed on the entry."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(OSError, match="open files"):
            entries.open_entry(two_files)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def identities(place: Place) -> Iterator[FileIdentity | None]:
    """The identity of the metadata, again and again."""
    while True:
        yield entries.stamp_of(place).metadata


def test_the_stamp_tells_every_change(two_files: Place, tmp_path: Path) -> None:
    """Written again, replaced by the same bytes, touched, removed."""
    seen = identities(two_files)
    stamps = [next(seen)]
    assert next(seen) == stamps[0]
    two_files.metadata.write_bytes(METADATA[::-1])
    stamps.append(next(seen))
    copy = tmp_path / "copy"
    copy.write_bytes(METADATA[::-1])
    copy.replace(two_files.metadata)
    stamps.append(next(seen))
    set_age(two_files.metadata, 7200)
    stamps.append(next(seen))
    two_files.metadata.unlink()
    stamps.append(next(seen))

    assert stamps[-1] is None
    assert len(set(stamps)) == len(stamps)


OLD = FileIdentity(1, 1, 10, 100, 100)
NEW = FileIdentity(1, 2, 10, 200, 200)


@pytest.mark.parametrize(
    ("now", "has_body", "expected"),
    [
        pytest.param(Stamp(NEW, NEW), True, True, id="both-new"),
        pytest.param(Stamp(NEW, OLD), True, False, id="old-body"),
        pytest.param(Stamp(OLD, NEW), True, False, id="old-metadata"),
        pytest.param(Stamp(NEW, None), True, False, id="no-body"),
        pytest.param(Stamp(None, NEW), True, False, id="no-metadata"),
        pytest.param(Stamp(NEW, None), False, True, id="one-file"),
        pytest.param(Stamp(OLD, None), False, False, id="one-old-file"),
    ],
)
def test_only_an_entry_that_is_all_new_replaces_one(
    now: Stamp, has_body: bool, expected: bool
) -> None:
    """A store that failed half-way is no heal."""
    assert now.replaces(Stamp(OLD, OLD), has_body=has_body) is expected


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("metadata_age", "body_age", "expected"),
    [
        pytest.param(0, 3600, True, id="metadata-of-now"),
        pytest.param(-10, 3600, True, id="metadata-of-a-moment-ahead"),
        pytest.param(0, -1, False, id="body-came-after"),
        pytest.param(3600, 7200, False, id="all-of-long-ago"),
        pytest.param(3600, 3599, False, id="stored-long-ago"),
        pytest.param(-3600, 7200, False, id="metadata-of-the-future"),
    ],
)
def test_what_may_still_be_stored(
    metadata_age: float, body_age: float, expected: bool, two_files: Place
) -> None:
    """The metadata is written first; a body that is older may be about to come."""
    set_age(body_of(two_files), body_age)
    set_age(two_files.metadata, metadata_age)
    entry = opened(two_files)
    entry.close()

    assert entries.is_being_stored(entry) is expected


@pytest.mark.usefixtures("patience")
def test_without_a_body_it_may_still_come(two_files: Place) -> None:
    """For a moment after the metadata was written."""
    body_of(two_files).unlink()
    set_age(two_files.metadata, 0)

    assert entries.is_being_stored(opened(two_files))


@pytest.mark.parametrize(
    ("age", "expected"),
    [pytest.param(5, True, id="young"), pytest.param(3600, False, id="left-behind")],
)
def test_a_temporary_body_is_a_store_in_progress(
    age: float, expected: bool, two_files: Place
) -> None:
    """A large body takes its time; one that was left behind is nobody's."""
    body = body_of(two_files)
    body.unlink()
    temporary = body.with_name(f"{body.name}abcdefgh.tmp")
    temporary.write_bytes(b"so far")
    set_age(temporary, age)

    assert entries.is_being_stored(opened(two_files)) is expected


@pytest.mark.parametrize("name", ["tmpab12_xyz", "tmp????????"])
def test_the_temporary_files_of_the_library_are_known(
    name: str, two_files: Place
) -> None:
    """They do not tell of which entry they are."""
    body = body_of(two_files)
    body.unlink()
    temporary = body.with_name(name)
    temporary.write_bytes(b"so far")

    assert entries.is_being_stored(opened(two_files))
    set_age(temporary, 3600)
    assert not entries.is_being_stored(opened(two_files))


@pytest.mark.parametrize("name", ["temporary", "tmp", "tmp.of.others.and.so.on"])
def test_other_files_beside_an_entry_mean_nothing(name: str, two_files: Place) -> None:
    """However young they are."""
    body = body_of(two_files)
    body.unlink()
    body.with_name(name).write_bytes(b"anything")

    assert not entries.is_being_stored(opened(two_files))


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("age", "has_lock", "expected"),
    [
        pytest.param(0, True, True, id="now-under-a-lock"),
        pytest.param(0, False, False, id="no-lock"),
        pytest.param(3600, True, False, id="long-ago"),
    ],
)
def test_a_body_may_be_written_in_its_place(
    age: float, has_lock: bool, expected: bool, two_files: Place
) -> None:
    """As the library up to 0.14.1 does it, under a lock that may stay behind."""
    body = body_of(two_files)
    set_age(body, age)
    if has_lock:
        body.with_name(f"{body.name}.lock").touch()
    entry = opened(two_files)
    entry.close()

    assert entries.is_being_stored(entry) is expected


@pytest.mark.usefixtures("patience")
def test_one_file_is_stored_in_one_go(one_file: Place) -> None:
    """There is nothing to wait for."""
    set_age(one_file.metadata, 0)

    assert not entries.is_being_stored(opened(one_file))
