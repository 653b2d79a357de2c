"""Items of the quarantine: read, judged, handed out, put back, deleted."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.built_wheels import WHEEL_DAMAGES
from lab.made_cache import PAGE_TYPE, MadeCache
from lab.packages import wheel
from lab.quarantined import SECRET, Quarantined, quarantined, quarantined_wheel
from pipmend import (
    archives,
    entries,
    events,
    evidence,
    handout,
    quarantine,
    restore,
    sweeping,
    untrusted,
)
from pipmend.evidence import EvidenceError
from pipmend.quarantine import Kept, Kind
from pipmend.verdicts import INTACT, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cache_files import HttpEntry, Layout

NAME = "alpha-1.0-py3-none-any.whl"
PATH = f"/files/{NAME}"
BODY = wheel("alpha", "1.0").content
ID = "20260102T030405Z-01234567"
LAYOUTS = pytest.mark.parametrize("layout", cache_files.LAYOUTS)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has none")


@pytest.fixture
def cache(tmp_path: Path) -> MadeCache:
    """An empty cache of the present generation."""
    return MadeCache(tmp_path / "cache")


@pytest.fixture
def one(cache: MadeCache) -> Quarantined:
    """A quarantined wheel whose body was cut short."""
    return quarantined(cache, PATH, BODY)


@pytest.fixture(params=["http-v2", "http", "wheels"])
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Quarantined:
    """A quarantined wheel from each part of a cache."""
    if request.param == "wheels":
        return quarantined_wheel(tmp_path / "cache", NAME, BODY, BODY[:1000])
    return quarantined(MadeCache(tmp_path / "cache", request.param), PATH, BODY)


def plant(root: Path, description: object, name: str = ID) -> Path:
    """An item with any description; its folder."""
    folder = quarantine.folder_of(root) / name
    folder.mkdir(parents=True)
    (folder / "verdict.json").write_text(json.dumps(description))
    return folder


def planted(root: Path, description: object) -> evidence.Evidence:
    """What is read of such an item."""
    plant(root, description)
    return evidence.find([root], ID)


def redescribe(one: Quarantined, **changes: object) -> evidence.Evidence:
    """Change what an item says of itself."""
    path = one.item.folder / "verdict.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))
    return one.item


# Reading.


@LAYOUTS
def test_an_item_says_what_it_is(layout: Layout, tmp_path: Path) -> None:
    """All that the verdict said, and what lies there."""
    one = quarantined(MadeCache(tmp_path / "cache", layout), PATH, BODY)

    (item,) = evidence.items(tmp_path / "cache")

    folder = quarantine.folder_of(tmp_path / "cache") / one.item_id
    assert (item.id, item.folder, item.kind) == (one.item_id, folder, Kind.ENTRY)
    assert item.subject == f"the cached file {NAME}"
    assert item.url == f"https://index.example{PATH}"
    assert item.entry == str(one.place.metadata)
    expected = {"http-v2": "body-size", "http": "metadata-undecodable"}
    assert item.reason == expected[layout]
    assert item.problem is None
    assert item.quarantined_at == pytest.approx(time.time(), abs=60)
    assert item.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert item.files == len(list(folder.iterdir())) - 1
    assert item.body_kept is Kept.WHOLE
    assert item.package_file == NAME


def test_items_come_in_order_of_age(cache: MadeCache) -> None:
    """The oldest first, whatever order they were made in."""
    ids = [f"2026010{day}T000000Z-01234567" for day in (3, 1, 2)]
    for item_id in ids:
        plant(cache.root, {}, item_id)

    assert [item.id for item in evidence.items(cache.root)] == sorted(ids)


def test_without_a_quarantine_there_are_no_items(tmp_path: Path) -> None:
    """Nothing is created by looking."""
    assert list(evidence.items(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_an_item_of_an_older_pipmend_is_an_entry(one: Quarantined) -> None:
    """It does not say its kind, nor what was kept."""
    path = one.item.folder / "verdict.json"
    told = json.loads(path.read_bytes())
    old = {name: value for name, value in told.items() if "body" not in name}
    del old["kind"]
    path.write_text(json.dumps(old))

    before = one.item
    (before.folder / "body").unlink()
    after = one.item

    assert before.kind is after.kind is Kind.ENTRY
    assert (before.body_kept, after.body_kept) == (Kept.WHOLE, Kept.NONE)


def _replace_with(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        (folder / "verdict.json").unlink()
        make(folder / "verdict.json")

    return spoil


SPOILS: dict[str, Callable[[Path], object]] = {
    "missing": lambda folder: (folder / "verdict.json").unlink(),
    "empty": lambda folder: (folder / "verdict.json").write_bytes(b""),
    "no-json": lambda folder: (folder / "verdict.json").write_bytes(b"\xff\xfe{"),
    "list": lambda folder: (folder / "verdict.json").write_bytes(b"[]"),
    "nested": lambda folder: (folder / "verdict.json").write_bytes(b"[" * 200_000),
    "huge": lambda folder: (folder / "verdict.json").write_text(
        json.dumps({"id": "x" * evidence.LARGEST_DESCRIPTION})
    ),
    "sparse": lambda folder: os.truncate(folder / "verdict.json", 1 << 40),
    "kind": lambda folder: (folder / "verdict.json").write_text('{"kind": "new"}'),
    "kind-list": lambda folder: (folder / "verdict.json").write_text('{"kind": []}'),
    "folder": _replace_with(lambda path: path.mkdir()),
    "link": _replace_with(lambda path: path.symlink_to(path.parent / "metadata")),
    "fifo": _replace_with(getattr(os, "mkfifo", Path.touch)),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_does_not_say_what_it_is_is_not_fatal(
    spoil: str, one: Quarantined
) -> None:
    """It is listed as unreadable, and its files can be had."""
    if spoil == "fifo" and not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    plant(one.cache_root, {"subject": "another"})
    SPOILS[spoil](one.item.folder)

    another, spoiled = evidence.items(one.cache_root)

    assert another.subject == "another"
    assert spoiled.kind is Kind.UNREADABLE
    assert spoiled.problem
    restored = handout.restore_to(spoiled, one.cache_root / "out")
    assert one.cache_root / "out" / "body" in restored.files
    with pytest.raises(EvidenceError, match="does not say"):
        restore.restore_into_cache(spoiled, force=True)


def test_junk_is_listed_and_can_be_deleted(cache: MadeCache, tmp_path: Path) -> None:
    """A link itself, not what it points to."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"precious")
    folder = quarantine.folder_of(cache.root)
    plant(cache.root, {}, "no-id")
    plant(cache.root, {}, "20269999T999999Z-01234567")
    (folder / "file").write_bytes(b"junk")
    (folder / "link\x1b[31m").symlink_to(precious)

    found = list(evidence.items(cache.root))
    purged = evidence.purge(found)

    assert [item.kind for item in found] == [Kind.UNREADABLE] * 4
    assert [item.quarantined_at for item in found] == [None] * 4
    assert len(purged.items) == 4
    assert not list(folder.iterdir())
    assert (precious / "file").read_bytes() == b"precious"


def test_values_of_another_form_count_for_nothing(cache: MadeCache) -> None:
    """No number where there must be text, no text that is no digest."""
    item = planted(
        cache.root,
        {
            "subject": 5,
            "url": ["x"],
            "entry": "/" + "x" * 5000,
            "reason": None,
            "found": True,
            "expected": -1,
            "body_size": 10**400,
            "body_sha256": "ab",
            "body_kept": {},
        },
    )

    assert item.kind is Kind.ENTRY
    values = (item.subject, item.url, item.entry, item.reason, item.found)
    assert set(values) == {None}
    assert (item.expected, item.body_size, item.body_sha256) == (None, None, None)
    assert item.body_kept is Kept.NONE


def test_nothing_measured_is_a_measure(cache: MadeCache) -> None:
    """An empty body has 0 bytes, which is not unknown."""
    item = planted(cache.root, {"found": 0, "expected": "5 bytes"})

    assert (item.found, item.expected) == (0, "5 bytes")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:pw@index.example/a?k=1#x", "https://index.example/a"),
        ("https://[index.example/a", None),
        ("https://[u@v]/a", None),
        ("https://index.example/\x1b[31m", "https://index.example/?[31m"),
    ],
)
def test_urls_are_redacted_again(
    url: str, expected: str | None, cache: MadeCache
) -> None:
    """Somebody else may have written them."""
    item = planted(cache.root, {"url": url})

    # Newer Pythons find fault with more of them.
    assert item.url in {expected, None}
    assert item.package_file is None


def test_long_texts_are_cut(cache: MadeCache) -> None:
    """Half a megabyte is no subject."""
    item = planted(cache.root, {"subject": "x" * 500_000, "reason": "y" * 500_000})

    assert len(item.subject or "") == len(item.reason or "") == 2000


@pytest.mark.parametrize("name", ["pipmend", "pipmend/quarantine"])
def test_a_quarantine_behind_a_link_is_not_looked_at(
    name: str, one: Quarantined, tmp_path: Path
) -> None:
    """It may be somebody else's."""
    (one.cache_root / name).rename(tmp_path / "elsewhere")
    (one.cache_root / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EvidenceError, match="link"):
        list(evidence.items(one.cache_root))


@pytest.mark.parametrize("flags", [None, os.O_RDONLY])
def test_only_files_are_opened(
    flags: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No link, also where the system cannot be told so; nothing that waits."""
    if flags is not None:
        monkeypatch.setattr(untrusted, "_READ", flags | getattr(os, "O_NONBLOCK", 0))
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    names = ["link", "folder", "missing"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        names.append("fifo")

    for name in names:
        with pytest.raises(OSError, match=r"."):
            untrusted.open_file(tmp_path / name)
        assert untrusted.size_of(tmp_path / name) is None
    with untrusted.open_file(tmp_path / "file") as file:
        assert file.read() == b"content"


# Finding.


def test_an_item_is_found_by_the_beginning_of_its_id(cache: MadeCache) -> None:
    """If only one begins so, or one is exactly that."""
    ids = ["20260101T000000Z-01234567", "20260101T000000Z-01234568"]
    for item_id in (*ids, ids[0] + "0"):
        plant(cache.root, {}, item_id)

    assert evidence.find([cache.root], ids[1]).id == ids[1]
    assert evidence.find([cache.root], ids[0]).id == ids[0]
    assert evidence.find([cache.root], ids[0] + "0").id == ids[0] + "0"
    with pytest.raises(EvidenceError) as caught:
        evidence.find([cache.root], "20260101")
    assert all(item_id in str(caught.value) for item_id in ids)


@pytest.mark.parametrize("text", ["", "..", ".", "/", "../../http-v2", "x", "\x1b"])
def test_what_is_no_id_is_not_found(text: str, one: Quarantined) -> None:
    """No path is ever made of what a person types."""
    with pytest.raises(EvidenceError, match="there is no item") as caught:
        evidence.find([one.cache_root], text)
    assert str(caught.value).isprintable()


def test_of_many_candidates_some_are_listed(cache: MadeCache) -> None:
    """A line that can still be read."""
    for number in range(30):
        plant(cache.root, {}, f"20260101T000000Z-{number:08x}")

    with pytest.raises(EvidenceError, match="and 20 more"):
        evidence.find([cache.root], "2026")


def test_one_id_in_two_caches_is_told_apart_by_the_cache(
    one: Quarantined, tmp_path: Path
) -> None:
    """Such as in a copy of a cache."""
    copy = tmp_path / "copy"
    shutil.copytree(one.cache_root, copy)

    with pytest.raises(EvidenceError, match="--cache") as caught:
        evidence.find([one.cache_root, copy], one.item_id)
    assert str(copy) in str(caught.value)
    assert evidence.find([copy], one.item_id).cache_root == copy


# Judging.


def test_an_item_judges_as_it_did_in_the_cache(each: Quarantined) -> None:
    """By the same rules."""
    verdict = evidence.judge(each.item)

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.reason is not None
    assert verdict.reason.value == each.item.reason


def test_a_mended_item_judges_intact(each: Quarantined) -> None:
    """As by somebody who had a copy."""
    each.mend()

    assert evidence.judge(each.item) == INTACT


@LAYOUTS
def test_the_seal_binds_it_to_where_it_was(layout: Layout, tmp_path: Path) -> None:
    """The same files under another name are another entry's."""
    one = quarantined(MadeCache(tmp_path / "cache", layout), PATH, BODY)
    one.mend()
    name = hashlib.sha224(b"another").hexdigest()
    entry = one.cache_root.joinpath(layout, *name[:5], name)

    item = redescribe(one, entry=str(entry))

    assert evidence.judge(item).reason is Reason.METADATA_DIGEST


@LAYOUTS
def test_an_unsealed_item_is_judged_by_all_that_is_known(
    layout: Layout, tmp_path: Path
) -> None:
    """Every member of an archive is read."""
    cache = MadeCache(tmp_path / "cache", layout, sealed=False)
    one = quarantined(cache, PATH, BODY)
    one.mend()

    assert evidence.judge(one.item) == INTACT

    if layout == "http-v2":
        body = bytearray(BODY)
        body[200] ^= 1
        (one.item.folder / "body").write_bytes(body)
        assert evidence.judge(one.item).reason is Reason.BODY_STRUCTURE


def test_a_large_archive_is_read_to_its_end(cache: MadeCache) -> None:
    """Inside pip there would be no time for that."""
    large = wheel("alpha", "1.0", size=archives.LARGEST_READ + 1).content
    one = quarantined(
        MadeCache(cache.root, sealed=False), PATH, large, break_it=lose_metadata
    )
    one.mend()
    assert evidence.judge(one.item) == INTACT

    body = bytearray(large)
    body[len(body) // 2] ^= 1
    (one.item.folder / "body").write_bytes(body)

    assert evidence.judge(one.item).reason is Reason.BODY_STRUCTURE


@pytest.mark.parametrize("damage", WHEEL_DAMAGES)
def test_damaged_wheels_are_judged_under_their_own_names(
    damage: str, tmp_path: Path
) -> None:
    """Which they do not have in quarantine; nothing is left beside them."""
    content = wheel("gamma", "1.0").content
    name = "gamma-1.0-py3-none-any.whl"
    one = quarantined_wheel(tmp_path / "cache", name, content, b"")
    path = one.item.folder / "metadata"
    sound = tmp_path / name
    sound.write_bytes(content)
    # Stored, as the laboratory's damages expect it.
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info: archive.read(info) for info in archive.namelist()}
    with zipfile.ZipFile(sound, "w") as archive:
        for info, data in members.items():
            archive.writestr(info, data)
    shutil.copyfile(sound, path)
    assert evidence.judge(one.item) == INTACT
    before = sorted(one.item.folder.iterdir())
    moment = one.item.folder.stat().st_mtime_ns

    WHEEL_DAMAGES[damage](path)
    verdict = evidence.judge(one.item)

    assert verdict.reason is Reason.WHEEL_STRUCTURE
    assert sorted(one.item.folder.iterdir()) == before
    if not path.is_symlink() and path.is_file():
        assert one.item.folder.stat().st_mtime_ns == moment


def test_an_origin_is_judged(tmp_path: Path) -> None:
    """The other kind of file in the wheel cache."""
    content = b'{"archive_info": {}, "url": "https://index.example/gamma.tar.gz"}'
    one = quarantined_wheel(tmp_path / "cache", "origin.json", content, content[:-1])
    assert evidence.judge(one.item).reason is Reason.ORIGIN_UNREADABLE

    one.mend()

    assert evidence.judge(one.item) == INTACT


@pytest.mark.parametrize("name", ["metadata", "body"])
def test_links_in_an_item_are_not_followed(name: str, one: Quarantined) -> None:
    """Even to what would be intact."""
    one.mend()
    path = one.item.folder / name
    path.unlink()
    path.symlink_to(one.healthy / name)

    verdict = evidence.judge(one.item)

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.found == "a link"
    restored = handout.restore_to(one.item, one.cache_root / "out")
    assert restored.skipped == (f"{name}: no regular file",)
    with pytest.raises(EvidenceError):
        restore.restore_into_cache(one.item, force=True)


def test_an_item_without_its_files_judges_corrupt(each: Quarantined) -> None:
    """Somebody has taken them."""
    (each.item.folder / "metadata").unlink()

    assert evidence.judge(each.item).found == "missing"
    with pytest.raises(EvidenceError):
        restore.restore_into_cache(each.item, force=True)


def test_what_is_no_entry_is_not_judged(cache: MadeCache) -> None:
    """There is nothing that it should be."""
    item = planted(cache.root, {"kind": "leftovers"})

    with pytest.raises(EvidenceError, match="no entry"):
        evidence.judge(item)


# Where it was.


FOLDERS = "0a/1b/2c/" + "3d" * 25
HOSTILE = {
    "empty": "",
    "outside": "{root}/../outside",
    "above": "{root}/../other/{rest}",
    "around": "{root}/http-v2/../../../etc/passwd",
    "another-folder": "{root}/http-v2/a/a/a/a/a/{name}",
    "another-part": "{root}/selfcheck/{tail}",
    "no-hash": "{root}/http-v2/a/b/c/d/e/abcde",
    "the-quarantine": f"{{root}}/pipmend/quarantine/{ID}/metadata",
    "the-root": "{root}",
    "part": "{root}/http-v2",
    "nul": "{root}/\0/{rest}",
    "surrogate": "\ud800/{rest}",
    "wheel-name": f"{{root}}/wheels/{FOLDERS}/x.py",
    "wheel-escape": f"{{root}}/wheels/{FOLDERS}/..",
    "wheel-folder": "{root}/wheels/0a/1b/2c/../x.whl",
    "wheel-deep": f"{{root}}/wheels/0a/1b/2c/3d/{NAME}",
    "wheel-option": f"{{root}}/wheels/{FOLDERS}/-x.whl",
    "wheel-control": f"{{root}}/wheels/{FOLDERS}/a\x1b[31m.whl",
}
"""Paths at which no entry of a cache ever was, by what is wrong with them."""


@pytest.mark.parametrize("which", HOSTILE)
def test_nothing_goes_back_to_where_no_entry_was(which: str, one: Quarantined) -> None:
    """A path that is not of this cache and of pip's form is refused."""
    one.mend()
    root, name = one.cache_root, one.place.name
    tail = "/".join([*name[:5], name])
    entry = HOSTILE[which].format(
        root=root, name=name, tail=tail, rest=f"http-v2/{tail}"
    )
    item = redescribe(one, entry=entry)
    before = cache_files.snapshot(one.cache_root)

    for force in (False, True):
        with pytest.raises(EvidenceError, match=r"folder"):
            restore.restore_into_cache(item, force=force)

    assert cache_files.snapshot(one.cache_root) == before
    assert handout.restore_to(item, one.cache_root.parent / "out").files


@POSIX
def test_a_link_on_the_way_is_refused(each: Quarantined, tmp_path: Path) -> None:
    """Where it leads to is not the cache."""
    each.mend()
    way = each.place.directory
    shutil.rmtree(way)
    (tmp_path / "elsewhere").mkdir()
    way.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(EvidenceError, match="link"):
        restore.restore_into_cache(each.item, force=True)

    assert not list((tmp_path / "elsewhere").iterdir())


@POSIX
def test_the_cache_itself_may_be_behind_a_link(
    one: Quarantined, tmp_path: Path
) -> None:
    """Many a home folder is."""
    one.mend()
    link = tmp_path / "link"
    link.symlink_to(one.cache_root)

    item = evidence.find([link], one.item_id)
    restored = restore.restore_into_cache(item, force=False)

    assert restored.files[-1].samefile(one.place.metadata)


def test_a_copied_cache_is_another_cache(one: Quarantined, tmp_path: Path) -> None:
    """Its items can be judged, and restored to a folder."""
    one.mend()
    copy = tmp_path / "copy"
    one.cache_root.rename(copy)
    item = evidence.find([copy], one.item_id)

    assert evidence.judge(item) == INTACT
    with pytest.raises(EvidenceError, match="another cache"):
        restore.restore_into_cache(item, force=False)


# To a folder.


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_are_copied_under_readable_names(
    each: Quarantined, tmp_path: Path
) -> None:
    """The body as the file that it is; what is in quarantine stays."""
    each.mend()
    before = cache_files.snapshot(each.cache_root)

    restored = handout.restore_to(each.item, tmp_path / "new" / "out")

    found = contents(tmp_path / "new" / "out")
    assert found[NAME] == BODY
    assert found["verdict.json"]
    is_wheel = each.place.directory.name == "wheels"
    assert set(found) == {NAME, "verdict.json"} | (set() if is_wheel else {"metadata"})
    assert {path.name for path in restored.files} == set(found)
    assert restored.skipped == ()
    assert cache_files.snapshot(each.cache_root) == before


@POSIX
def test_copies_are_private(one: Quarantined, tmp_path: Path) -> None:
    """Metadata may hold cookies."""
    mask = os.umask(0)
    try:
        handout.restore_to(one.item, tmp_path / "out")
        handout.export(one.item, tmp_path / "out.zip")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    files = [*(tmp_path / "out").iterdir(), tmp_path / "out.zip"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_page_is_a_body(cache: MadeCache, tmp_path: Path) -> None:
    """It is no package file."""
    page = b'{"meta": {"api-version": "1.0"}, "name": "idna", "files": []}'
    one = quarantined(cache, "/simple/idna/", page, headers={"Content-Type": PAGE_TYPE})

    handout.restore_to(one.item, tmp_path / "out")

    assert set(contents(tmp_path / "out")) == {"metadata", "body", "verdict.json"}


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://index.example/f/..%2f..%2f%1b[31mevil%00.whl"},
        {"url": "https://index.example/f/..%5c..%5cC:evil.whl"},
        {"url": None, "subject": "the cached file ../../evil/../../x.whl"},
        {"url": f"https://index.example/{'x' * 900}.whl"},
        {"url": "https://index.example/f/.whl"},
        {"url": "https://index.example/f/-rf.zip"},
        {"url": "https://index.example/f/%0a.tar.gz"},
        {"url": "https://index.example/f/%f0%9f%92%a9.whl.metadata"},
    ],
)
def test_no_name_leads_out_of_the_folder(
    changes: dict[str, object], one: Quarantined, tmp_path: Path
) -> None:
    """Whatever it was said to be, it is a plain name now."""
    item = redescribe(one, **changes)

    restored = handout.restore_to(item, tmp_path / "a" / "b" / "out")

    assert {path.parent for path in restored.files} == {tmp_path / "a" / "b" / "out"}
    assert len(contents(tmp_path / "a")) == 3
    names = [path.name for path in restored.files]
    assert all(re.fullmatch(r"[A-Za-z0-9_+][\w.+-]{0,130}", name) for name in names)


def test_a_name_is_told_by_the_subject_where_there_is_no_url(one: Quarantined) -> None:
    """Not by that of core metadata, which is no wheel."""
    for subject, expected in {
        f"the cached file {NAME}": NAME,
        f"the built wheel {NAME}": NAME,
        f"the cached metadata of {NAME}": None,
        "the cached page of 'x.whl'": None,
    }.items():
        item = redescribe(one, url=None, subject=subject)
        assert item.package_file == expected


def test_a_folder_with_something_in_it_is_refused(
    one: Quarantined, tmp_path: Path
) -> None:
    """An empty one is fine."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "empty").mkdir()

    for name in ("full", "file"):
        with pytest.raises(EvidenceError, match="name a new one"):
            handout.restore_to(one.item, tmp_path / name)
    handout.restore_to(one.item, tmp_path / "empty")

    assert contents(tmp_path / "full") == {"file": b"mine"}
    assert NAME in contents(tmp_path / "empty")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("is_there", [False, True])
def test_an_interrupted_copy_leaves_nothing(
    error: type[BaseException],
    is_there: bool,
    one: Quarantined,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither half a file nor a new folder."""
    folder, archive = tmp_path / "out", tmp_path / "out.zip"
    if is_there:
        folder.mkdir()

    def copy_half(source: io.BytesIO, target: io.BytesIO, length: int) -> None:
        assert length
        target.write(source.read(100))
        raise error

    monkeypatch.setattr(shutil, "copyfileobj", copy_half)
    with pytest.raises(error):
        handout.restore_to(one.item, folder)
    with pytest.raises(error):
        handout.export(one.item, archive)

    assert folder.exists() == is_there
    assert not is_there or not list(folder.iterdir())
    assert not archive.exists()


# Back into the cache.


def test_a_mended_entry_goes_back(each: Quarantined) -> None:
    """With the bytes it had, to the place it had, and out of quarantine."""
    each.mend()
    shutil.rmtree(each.place.directory)  # pip may have been asked to purge

    restored = restore.restore_into_cache(each.item, force=False)

    names = {"metadata": each.place.metadata, "body": each.place.body}
    for healthy in each.healthy.iterdir():
        path = names[healthy.name]
        assert path is not None
        assert path.read_bytes() == healthy.read_bytes()
        assert path in restored.files
    assert list(evidence.items(each.cache_root)) == []
    temporary = [path.name for path in each.cache_root.rglob("*.tmp")]
    assert temporary == []


def test_a_broken_entry_goes_back_by_force_only(each: Quarantined) -> None:
    """It would break pip again."""
    with pytest.raises(EvidenceError, match="--force"):
        restore.restore_into_cache(each.item, force=False)
    assert not each.place.metadata.exists()

    restore.restore_into_cache(each.item, force=True)

    assert each.place.metadata.exists()


def no_links(*_: object, **__: object) -> None:
    """What a file system answers that knows none."""
    raise OSError(errno.EOPNOTSUPP, "no links here")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("which", ["metadata", "body"])
def test_what_is_in_its_place_stays_unless_forced(
    which: str, links: bool, one: Quarantined, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is newer."""
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    one.mend()
    path = one.place.metadata if which == "metadata" else one.place.body
    assert path is not None
    path.write_bytes(b"newer")
    before = cache_files.snapshot(one.cache_root)

    with pytest.raises(EvidenceError, match="in its place"):
        restore.restore_into_cache(one.item, force=False)
    assert cache_files.snapshot(one.cache_root) == before

    restore.restore_into_cache(one.item, force=True)
    assert one.place.metadata.read_bytes() == (one.healthy / "metadata").read_bytes()
    assert one.place.body is not None
    assert one.place.body.read_bytes() == BODY


@pytest.mark.parametrize("links", [True, False])
def test_no_pip_sees_metadata_without_its_body(
    links: bool,
    one: Quarantined,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether or not the file system knows links; an older entry is out of the way."""
    one.mend()
    place = one.place
    assert place.body is not None
    place.metadata.write_bytes(b"older")
    place.body.write_bytes(b"older")
    seen: list[tuple[bytes | None, bytes | None]] = []

    def look() -> None:
        assert place.body is not None
        found = [
            path.read_bytes() if path.exists() else None
            for path in (place.metadata, place.body)
        ]
        seen.append((found[0], found[1]))

    def watched(name: str) -> None:
        really = getattr(os, name)

        def call(*args: object, **options: object) -> None:
            look()
            if name == "link" and not links:
                no_links()
            really(*args, **options)
            look()

        monkeypatch.setattr(os, name, call)

    watched("link")
    watched("replace")
    restore.restore_into_cache(one.item, force=True)

    metadata = (one.healthy / "metadata").read_bytes()
    assert seen[-1] == (metadata, BODY)
    assert set(seen) <= {(None, None), (None, BODY), (metadata, BODY)}


def test_an_interrupted_return_is_undone(
    one: Quarantined, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is taken out again, and the item is whole."""
    one.mend()
    before = cache_files.snapshot(one.cache_root)
    link = os.link

    def link_once(source: Path, target: Path, **options: bool) -> None:
        if target == one.place.metadata:
            raise KeyboardInterrupt
        link(source, target, **options)

    monkeypatch.setattr(os, "link", link_once)
    with pytest.raises(KeyboardInterrupt):
        restore.restore_into_cache(one.item, force=False)

    assert cache_files.snapshot(one.cache_root) == before


def test_what_pip_stores_meanwhile_stays(
    one: Quarantined, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh entry that came after the last look."""
    one.mend()
    place = one.place
    assert place.body is not None
    link = os.link

    def link_late(source: Path, target: Path, **options: bool) -> None:
        if target == place.metadata:
            for path in (place.metadata, place.body):
                assert path is not None
                fresh = path.with_name("fresh.tmp")
                fresh.write_bytes(b"fresh")
                fresh.replace(path)
        link(source, target, **options)

    monkeypatch.setattr(os, "link", link_late)
    with pytest.raises(EvidenceError, match="in its place"):
        restore.restore_into_cache(one.item, force=False)

    assert place.metadata.read_bytes() == place.body.read_bytes() == b"fresh"
    assert evidence.judge(one.item) == INTACT


def drop_body(entry: HttpEntry) -> None:
    """Lose the body."""
    assert entry.body is not None
    entry.body.unlink()


def test_an_entry_without_a_body_goes_back_by_force(cache: MadeCache) -> None:
    """As it was."""
    one = quarantined(cache, PATH, BODY, break_it=drop_body)
    assert one.item.body_kept is Kept.NONE

    restored = restore.restore_into_cache(one.item, force=True)

    assert restored.files == (one.place.metadata,)


# A body that was cut.


@pytest.fixture(params=cache_files.LAYOUTS)
def cut(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Quarantined:
    """An item whose body was too large to keep."""
    monkeypatch.setattr(quarantine, "LARGEST_BODY", 5000)
    monkeypatch.setattr(quarantine, "LONGEST_END", 1000)
    return quarantined(MadeCache(tmp_path / "cache", request.param), PATH, BODY)


def test_a_cut_body_tells_its_size_and_digest(cut: Quarantined) -> None:
    """And that it was cut."""
    item = cut.item

    assert item.body_kept is Kept.HEAD_AND_TAIL
    assert item.body_size is not None
    assert item.body_size > 5000
    assert re.fullmatch("[0-9a-f]{64}", item.body_sha256 or "")
    assert evidence.judge(item).outcome is Outcome.CORRUPT


def test_a_cut_body_cannot_go_back(cut: Quarantined, tmp_path: Path) -> None:
    """Not even by force; its ends can be looked at."""
    for force in (False, True):
        with pytest.raises(EvidenceError, match="too large to keep"):
            restore.restore_into_cache(cut.item, force=force)

    handout.restore_to(cut.item, tmp_path / "out")

    found = contents(tmp_path / "out")
    assert len(found[f"{NAME}.head"]) == len(found[f"{NAME}.tail"]) == 1000


# Leftovers.


@pytest.fixture
def sweepings(cache: MadeCache) -> evidence.Evidence:
    """Two files of one sweep."""
    paths = [cache.root / "http" / "a" / "old", cache.root / "http-v2" / "b.tmp"]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    judged = [(path, entries.FileIdentity.of(path.lstat())) for path in paths]
    done = sweeping.sweep(cache.root, events.new_id(), judged, {"subject": "swept"})
    assert done.moved == 2
    return evidence.find([cache.root], done.item.id)


def test_leftovers_go_back_to_where_they_were(
    sweepings: evidence.Evidence,
) -> None:
    """All of them, and the item is gone."""
    root = sweepings.cache_root
    shutil.rmtree(root / "http")

    restored = restore.restore_into_cache(sweepings, force=False)

    assert contents(root) == {"http/a/old": b"old", "http-v2/b.tmp": b"b.tmp"}
    assert len(restored.files) == 2
    assert list(evidence.items(root)) == []


def test_leftovers_never_replace_anything(sweepings: evidence.Evidence) -> None:
    """Not by force either; the rest goes back, and what stays can be had."""
    root = sweepings.cache_root
    (root / "http-v2" / "b.tmp").write_bytes(b"newer")

    restored = restore.restore_into_cache(sweepings, force=True)

    assert restored.files == (root / "http" / "a" / "old",)
    assert restored.skipped == ("http-v2/b.tmp: something is there again",)
    assert (root / "http-v2" / "b.tmp").read_bytes() == b"newer"
    (item,) = evidence.items(root)
    assert item.files == 1


@pytest.fixture
def forgotten(cache: MadeCache) -> evidence.Evidence:
    """The files of two healthy entries, in one item."""
    paths = [
        path
        for name in (NAME, "beta-1.0.tar.gz")
        for path in cache.add(f"/files/{name}", BODY).files
    ]
    judged = [(path, entries.FileIdentity.of(path.lstat())) for path in paths]
    done = sweeping.sweep(cache.root, events.new_id(), judged, {})
    assert done.moved == 4
    return evidence.find([cache.root], done.item.id)


def test_forgotten_entries_go_back_whole(
    forgotten: evidence.Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at no moment metadata without its body."""
    link = os.link
    came: list[str] = []

    def watched(source: Path, target: Path, **options: bool) -> None:
        came.append(target.name)
        link(source, target, **options)

    monkeypatch.setattr(os, "link", watched)
    restored = restore.restore_into_cache(forgotten, force=False)

    assert restored.skipped == ()
    assert len(restored.files) == 4
    first, second, third, fourth = came
    assert (first, third) == (f"{second}.body", f"{fourth}.body")
    assert list(evidence.items(forgotten.cache_root)) == []


@pytest.mark.parametrize("which", ["metadata", "body"])
def test_no_half_of_an_entry_goes_beside_another(
    which: str, forgotten: evidence.Evidence
) -> None:
    """The other entry goes back."""
    root = forgotten.cache_root
    metadata, *_ = (
        path.relative_to(forgotten.folder / "files")
        for path in (forgotten.folder / "files").rglob("*.body")
    )
    body = root / metadata
    taken = body if which == "body" else body.with_suffix("")
    taken.write_bytes(b"newer")

    restored = restore.restore_into_cache(forgotten, force=True)

    assert len(restored.files) == len(restored.skipped) == 2
    assert taken.read_bytes() == b"newer"
    other = body.with_suffix("") if which == "body" else body
    assert not other.exists()
    assert evidence.find([root], forgotten.id).files == 2


def test_metadata_does_not_go_back_without_its_body(
    forgotten: evidence.Evidence,
) -> None:
    """Nor beside one of which nobody knows whose it is."""
    body, *_ = (forgotten.folder / "files").rglob("*.body")
    target = forgotten.cache_root / body.relative_to(forgotten.folder / "files")
    body.unlink()
    target.write_bytes(b"whose?")

    restored = restore.restore_into_cache(forgotten, force=True)

    assert len(restored.files) == 2
    assert len(restored.skipped) == 1
    assert not target.with_suffix("").exists()


@POSIX
def test_hostile_leftovers_stay(sweepings: evidence.Evidence, tmp_path: Path) -> None:
    """Links, our own folder, and what would go through a link."""
    root = sweepings.cache_root
    outside = tmp_path / "outside"
    outside.mkdir()
    files = sweepings.folder / "files"
    (files / "link").symlink_to(outside)
    (files / "pipmend" / "quarantine").mkdir(parents=True)
    (files / "pipmend" / "quarantine" / "x").write_bytes(b"")
    (files / "way").mkdir()
    (files / "way" / "x").write_bytes(b"x")
    (root / "way").symlink_to(outside)

    restored = restore.restore_into_cache(sweepings, force=True)

    assert len(restored.files) == 2
    assert len(restored.skipped) == 3
    assert not list(outside.iterdir())
    assert not (root / "link").exists()


def test_leftovers_are_copied_to_a_folder(
    sweepings: evidence.Evidence, tmp_path: Path
) -> None:
    """Below their paths in the cache."""
    handout.restore_to(sweepings, tmp_path / "out")

    found = contents(tmp_path / "out")
    assert found["files/http/a/old"] == b"old"
    assert found["files/http-v2/b.tmp"] == b"b.tmp"


# To send.


def members(path: Path) -> dict[str, bytes]:
    """Every file in an archive."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_export_has_what_a_maintainer_needs(
    one: Quarantined, tmp_path: Path
) -> None:
    """Verdict, header fields, list of files, body."""
    done = handout.export(one.item, tmp_path / "out.zip")

    found = members(tmp_path / "out.zip")
    assert set(found) == {"verdict.json", "headers.json", "files.json", NAME}
    assert set(done.members) == set(found)
    assert done.left_out == ("metadata: may hold secrets",)
    assert done.bytes == (tmp_path / "out.zip").stat().st_size
    assert found[NAME] == (one.item.folder / "body").read_bytes()
    assert json.loads(found["verdict.json"]) == one.item.as_record()
    fields = json.loads(found["headers.json"])["headers"]
    assert fields["content-length"] == str(len(BODY))
    assert fields["cache-control"] == "max-age=600"
    assert set(json.loads(found["files.json"])) == {"metadata", "body", "verdict.json"}


SECRET_FIELDS = {
    "Set-Cookie": f"session={SECRET}; HttpOnly",
    "WWW-Authenticate": f'Basic realm="{SECRET}"',
    "Authorization": f"Basic {SECRET}",
    "X-Amz-Security-Token": SECRET,
    "X-Api-Key": SECRET,
    "X-CSRF": SECRET,
    "Location": f"/files/alpha.whl?Signature={SECRET}#x",
    "Content-Location": f"https://me:{SECRET}@files.example/a?b={SECRET}",
    "Link": f'<//u:{SECRET}@files.example/a?t={SECRET}>; rel="next", </b?{SECRET}>',
    "X-Redirected-From": f"/x?{SECRET}",
    "X-Anything": f"see https://u:{SECRET}@files.example/?k={SECRET}",
}


@LAYOUTS
def test_an_export_has_no_secrets(layout: Layout, tmp_path: Path) -> None:
    """Neither of the response nor of the request that it was stored for."""

    def vary_and_cut(entry: HttpEntry) -> None:
        document = cache_files.decode(entry)
        document["vary"] = {"Authorization": f"Basic {SECRET}", "Accept": "*/*"}
        cache_files.encode(entry, document)
        cache_files.write_body(entry, BODY[:1000])

    cache = MadeCache(tmp_path / "cache", layout, sealed=False)
    one = quarantined(cache, PATH, BODY, break_it=vary_and_cut, headers=SECRET_FIELDS)
    assert SECRET.encode() in (one.item.folder / "metadata").read_bytes()

    handout.export(one.item, tmp_path / "out.zip")

    found = members(tmp_path / "out.zip")
    assert not [name for name, data in found.items() if SECRET.encode() in data]
    assert found[NAME] == BODY[:1000]
    told = json.loads(found["headers.json"])
    assert told["headers"]["set-cookie"] == handout.REMOVED
    assert told["headers"]["location"] == "/files/alpha.whl"
    assert told["headers"]["content-location"] == "https://files.example/a"
    assert told["headers"]["link"] == '<//files.example/a>; rel="next", </b>'
    assert told["vary"] == {"Authorization": handout.REMOVED, "Accept": "*/*"}


def test_the_metadata_goes_with_an_export_when_asked_for(
    one: Quarantined, tmp_path: Path
) -> None:
    """As it is."""
    done = handout.export(one.item, tmp_path / "out.zip", with_metadata=True)

    metadata = (one.item.folder / "metadata").read_bytes()
    assert members(tmp_path / "out.zip")["metadata"] == metadata
    assert done.left_out == ()


def lose_metadata(entry: HttpEntry) -> None:
    """Have other bytes in the place of the metadata."""
    entry.metadata.write_bytes(b"x")


def test_metadata_that_cannot_be_read_is_not_guessed_at(
    cache: MadeCache, tmp_path: Path
) -> None:
    """The export says what is wrong with it."""
    one = quarantined(cache, PATH, BODY, break_it=lose_metadata)

    handout.export(one.item, tmp_path / "out.zip")

    found = members(tmp_path / "out.zip")
    assert set(json.loads(found["headers.json"])) == {"problem"}
    assert "metadata" not in found


def test_an_export_of_a_built_wheel_has_no_headers(tmp_path: Path) -> None:
    """There were none; a note of origin may hold a URL with a password."""
    cache_root = tmp_path / "cache"
    built = quarantined_wheel(cache_root, NAME, BODY, BODY[:1000])
    origin = quarantined_wheel(cache_root, "origin.json", b"{}", SECRET.encode())

    handout.export(built.item, tmp_path / "built.zip")
    handout.export(origin.item, tmp_path / "origin.zip")

    assert set(members(tmp_path / "built.zip")) == {"verdict.json", "files.json", NAME}
    assert set(members(tmp_path / "origin.zip")) == {"verdict.json", "files.json"}


def test_an_export_of_leftovers_lists_them(
    sweepings: evidence.Evidence, tmp_path: Path
) -> None:
    """Among them may be metadata, so that they go along only when asked for."""
    handout.export(sweepings, tmp_path / "a.zip")
    handout.export(sweepings, tmp_path / "b.zip", with_metadata=True)

    assert set(members(tmp_path / "a.zip")) == {"verdict.json", "files.json"}
    assert "files/http/a/old" in json.loads(members(tmp_path / "a.zip")["files.json"])
    assert members(tmp_path / "b.zip")["files/http/a/old"] == b"old"


@POSIX
def test_names_that_are_no_text_can_be_exported(
    sweepings: evidence.Evidence, tmp_path: Path
) -> None:
    """Any bytes make a name of a file."""
    folder = os.fsencode(sweepings.folder / "files")
    try:
        Path(os.fsdecode(folder + b"/\xff\xfe")).touch()
    except OSError:
        pytest.skip("this file system wants text")

    handout.export(sweepings, tmp_path / "out.zip", with_metadata=True)
    handout.restore_to(sweepings, tmp_path / "out")

    assert "files/??" in members(tmp_path / "out.zip")


def test_an_export_overwrites_nothing(one: Quarantined, tmp_path: Path) -> None:
    """Neither a file nor what a dangling link points to."""
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("file", "link"):
        with pytest.raises(EvidenceError, match="not overwritten"):
            handout.export(one.item, tmp_path / name)

    assert (tmp_path / "file").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


# Deleting.


def test_items_are_deleted_for_good(cache: MadeCache) -> None:
    """Those that were chosen."""
    first = quarantined(cache, PATH, BODY)
    second = quarantined(cache, "/files/beta-1.0.tar.gz", BODY)
    size = first.item.bytes

    tried = evidence.purge([first.item], dry_run=True)
    assert (len(tried.items), tried.bytes) == (1, size)
    assert len(list(evidence.items(cache.root))) == 2

    purged = evidence.purge([first.item])

    assert (len(purged.items), purged.bytes, purged.stayed) == (1, size, ())
    assert list(evidence.items(cache.root)) == [second.item]


def test_items_are_chosen_by_age(cache: MadeCache) -> None:
    """What does not tell its age is none of them."""
    old, new, junk = "20260101T000000Z-00000000", "20260103T000000Z-00000000", "junk"
    for name in (old, new, junk):
        plant(cache.root, {}, name)
    moment = 1767312000  # 2026-01-02

    found = evidence.older_than(cache.root, moment)

    assert [item.id for item in found] == [old]


def test_an_interrupted_purge_leaves_no_half_item(
    one: Quarantined, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The item is gone at once; its files are deleted by the next purge."""
    item = one.item

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evidence.purge([item])

    assert list(evidence.items(one.cache_root)) == []
    assert len(list(quarantine.folder_of(one.cache_root).iterdir())) == 1
    evidence.discard_remains(one.cache_root)
    assert list(quarantine.folder_of(one.cache_root).iterdir()) == []


def test_what_cannot_be_deleted_is_told(one: Quarantined) -> None:
    """The rest is deleted all the same."""
    item = one.item
    evidence.delete(item)

    purged = evidence.purge([item])

    assert purged.items == ()
    (problem,) = purged.stayed
    assert problem.startswith(item.id)
