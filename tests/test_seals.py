"""The seal: taken off it gives back pip's bytes, and no damage gets past it."""

from __future__ import annotations

import itertools
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import judging
from lab.cache_files import LAYOUTS, PREFIX, pack
from lab.packages import noise
from pipmend import seals
from pipmend.digests import BodyDigest
from pipmend.seals import Seal
from pipmend.verdicts import INTACT, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.cache_files import Layout
    from pipmend.verdicts import Verdict

NAME = "0123456789abcdef" * 3 + "01234567"
SMALL, LARGE = b'{"files": [], "name": "alpha"}', noise("large", 1_000_000)
SEED = 20260731
AGED = (0.0, 0.0)
"""Times of the files: nobody is storing them any more."""

SAMPLED = 400
"""Cases of each half of the large entry, in each layout."""


def metadata_of(body: bytes, *, inline: bytes = b"", etag: str = '"new"') -> bytes:
    """Metadata as pip writes it, for a body that it may have inside."""
    response: dict[str, object] = {
        "body": inline,
        "headers": {
            "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
            "Cache-Control": "max-age=600, public",
            "ETag": etag,
            "Content-Type": "application/vnd.pypi.simple.v1+json",
            "Content-Length": str(len(body)),
        },
        "status": 200,
        "version": 11,
        "reason": "OK",
        "decode_content": False,
    }
    return pack({"response": response, "vary": {}})


@dataclass(frozen=True)
class Stored:
    """The bytes of a sealed entry, as they lie in its files."""

    layout: Layout
    metadata: bytes
    body: bytes
    """Empty where the metadata holds it."""

    @classmethod
    def of(cls, layout: Layout, body: bytes, *, etag: str = '"new"') -> Stored:
        """Store a body and seal it."""
        inline = body if layout == "http" else b""
        metadata = metadata_of(body, inline=inline, etag=etag)
        sealed = seals.sealed(metadata, NAME, BodyDigest.of(body))
        assert len(sealed) > len(metadata)
        return cls(layout, sealed, b"" if layout == "http" else body)

    @property
    def files(self) -> list[bytes]:
        """The content of each file, metadata first."""
        return [self.metadata] if self.layout == "http" else [self.metadata, self.body]


class Shelf:
    """A place on disk where one entry lies, and what the gate would say of it."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        path = folder / layout / NAME
        path.parent.mkdir(parents=True)
        self.place = judging.place_of(layout, path.parent, path)

    @property
    def paths(self) -> list[Path]:
        """The files, metadata first."""
        body = self.place.body
        return [self.place.metadata] if body is None else [self.place.metadata, body]

    def put(self, files: list[bytes]) -> None:
        """Write all files."""
        for path, data in zip(self.paths, files):
            path.write_bytes(data)
            os.utime(path, AGED)

    def verdict(self) -> Verdict:
        """What the gate would say."""
        return judging.verdict_on(self.place)

    def verdict_on_flip(self, path: Path, bit: int) -> Verdict:
        """The verdict with one bit of a file flipped, which is flipped back."""
        with path.open("r+b", buffering=0) as file:
            file.seek(bit // 8)
            (byte,) = file.read(1)
            try:
                file.seek(bit // 8)
                file.write(bytes([byte ^ 1 << bit % 8]))
                os.utime(path, AGED)
                return self.verdict()
            finally:
                file.seek(bit // 8)
                file.write(bytes([byte]))
                os.utime(path, AGED)


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    """Each storage."""
    found: Layout = request.param
    return found


@pytest.fixture
def shelf(layout: Layout, tmp_path: Path) -> Shelf:
    """An empty place."""
    return Shelf(tmp_path, layout)


def test_an_entry_as_it_was_sealed_is_intact(shelf: Shelf, layout: Layout) -> None:
    """The tests below can fail: what they damage is sound before."""
    for body in (SMALL, LARGE, b"{}"):
        shelf.put(Stored.of(layout, body).files)

        assert shelf.verdict() is INTACT


def test_every_flipped_bit_of_a_small_entry_is_told(
    shelf: Shelf, layout: Layout
) -> None:
    """2,744 cases in one file, 2,744 in two: each bit of metadata, seal and body."""
    stored = Stored.of(layout, SMALL)
    shelf.put(stored.files)
    flips = [
        (path, bit)
        for path, data in zip(shelf.paths, stored.files)
        for bit in range(8 * len(data))
    ]

    verdicts = [shelf.verdict_on_flip(path, bit) for path, bit in flips]

    assert len(verdicts) == 8 * sum(map(len, stored.files)) == 2744
    assert {verdict.outcome for verdict in verdicts} == {Outcome.CORRUPT}
    assert shelf.verdict() is INTACT


def test_sampled_flipped_bits_of_a_large_entry_are_told(
    shelf: Shelf, layout: Layout
) -> None:
    """400 cases for each file of an entry of 1 MB, 1,200 in all."""
    stored = Stored.of(layout, LARGE)
    shelf.put(stored.files)
    chance = random.Random(SEED)  # noqa: S311
    flips = [
        (path, bit)
        for path, data in zip(shelf.paths, stored.files)
        for bit in chance.sample(range(8 * len(data)), SAMPLED)
    ]

    verdicts = [shelf.verdict_on_flip(path, bit) for path, bit in flips]

    assert len(verdicts) == SAMPLED * len(shelf.paths)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.CORRUPT}


def test_every_cut_is_told(shelf: Shelf, layout: Layout) -> None:
    """343 cases in one file, 343 in two: each length that is too short."""
    stored = Stored.of(layout, SMALL)
    verdicts = []
    for position, data in enumerate(stored.files):
        for length in range(len(data)):
            files = stored.files
            files[position] = data[:length]
            shelf.put(files)
            verdicts.append(shelf.verdict())

    assert len(verdicts) == sum(map(len, stored.files)) == 343
    assert {verdict.outcome for verdict in verdicts} == {Outcome.CORRUPT}


@pytest.mark.parametrize("more", [b"\0", b"extra", bytes(4096)], ids=len)
def test_what_is_appended_is_told(more: bytes, shelf: Shelf, layout: Layout) -> None:
    """Three tails for each file: after metadata and seal, after the body."""
    stored = Stored.of(layout, SMALL)
    for position in range(len(stored.files)):
        files = stored.files
        files[position] += more
        shelf.put(files)

        assert shelf.verdict().outcome is Outcome.CORRUPT


def test_nul_filled_blocks_are_told(shelf: Shelf, layout: Layout) -> None:
    """343 cases in each storage: a tail of NUL bytes, as after a power cut."""
    stored = Stored.of(layout, SMALL)
    verdicts = []
    for position, data in enumerate(stored.files):
        assert not data.endswith(b"\0")
        for start in range(len(data)):
            files = stored.files
            files[position] = data[:start].ljust(len(data), b"\0")
            shelf.put(files)
            verdicts.append(shelf.verdict())

    assert len(verdicts) == 343
    assert {verdict.outcome for verdict in verdicts} == {Outcome.CORRUPT}


BUILDS = {
    "old": (b'{"files": [], "name": "gamma"}', '"old"'),
    "new": (SMALL, '"new"'),
    "same-headers": (b'{"files": [], "name": "delta"}', '"new"'),
    "other-size": (b'{"files": []}', '"short"'),
}


@pytest.mark.parametrize(
    ("metadata", "body"), list(itertools.product(BUILDS, BUILDS)), ids="-".join
)
def test_a_torn_write_is_told_in_every_order(
    metadata: str, body: str, shelf: Shelf, layout: Layout
) -> None:
    """Metadata and body of two stores, 16 pairs: intact only if they are of one."""
    head = Stored.of(layout, BUILDS[metadata][0], etag=BUILDS[metadata][1])
    tail = Stored.of(layout, BUILDS[body][0], etag=BUILDS[body][1])
    files = head.files
    if layout == "http":
        document = msgpack.unpackb(head.metadata[len(PREFIX) :], raw=False)
        document["response"]["body"] = BUILDS[body][0]
        files = [pack(document)]
    else:
        files[1] = tail.body
    shelf.put(files)

    assert (shelf.verdict() is INTACT) == (metadata == body)


def test_an_entry_under_another_name_is_told(layout: Layout, tmp_path: Path) -> None:
    """The seal binds the content to its cache key."""
    shelf = Shelf(tmp_path, layout)
    stored = Stored.of(layout, SMALL)
    other = shelf.place.metadata.with_name(NAME[::-1])
    shelf.place = judging.place_of(layout, other.parent, other)
    shelf.put(stored.files)

    assert shelf.verdict().reason is Reason.METADATA_DIGEST


# What a seal is, as values.

KEYS = st.text(st.characters(codec="ascii"), max_size=8).filter(
    lambda key: key != "pipmend"
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.binary(max_size=300)
    | st.text(max_size=40),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
MAPS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=14)
BODIES = st.binary(max_size=2000)
NAMES = st.text("0123456789abcdef", min_size=56, max_size=56)


@settings(max_examples=300, deadline=None)
@given(MAPS, BODIES, NAMES)
def test_a_sealed_map_reads_and_gives_back_what_was_sealed(
    document: dict[str, object], body: bytes, name: str
) -> None:
    """300 random maps: the seal holds, and without its key they are pip's bytes."""
    plain, digest = pack(document), BodyDigest.of(body)

    sealed = seals.sealed(plain, name, digest)

    assert seals.read(sealed, name) == Seal(digest)
    found = msgpack.unpackb(sealed[len(PREFIX) :], raw=False)
    assert len(found.pop("pipmend")) == 73
    assert list(found) == list(document)
    assert pack(found) == plain


@settings(max_examples=300, deadline=None)
@given(MAPS, BODIES, NAMES, st.data())
def test_a_seal_holds_for_nothing_else(
    document: dict[str, object], body: bytes, name: str, data: st.DataObject
) -> None:
    """300 random maps with a random byte changed: no such seal holds."""
    sealed = bytearray(seals.sealed(pack(document), name, BodyDigest.of(body)))
    position = data.draw(st.integers(len(PREFIX), len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))

    assert not isinstance(seals.read(bytes(sealed), name), Seal)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), NAMES)
def test_any_bytes_can_be_read(data: bytes, name: str) -> None:
    """200 random strings: no error, and no seal."""
    assert not isinstance(seals.read(data, name), Seal)
    assert not isinstance(seals.read(PREFIX + data, name), Seal)


def unsealable() -> Iterator[object]:
    """Metadata of another form than pip writes."""
    sixteen_bit = PREFIX + b"\xde\x00\x01\xa1a\x01"
    yield pytest.param(b"", id="empty")
    yield pytest.param(PREFIX, id="prefix-alone")
    yield pytest.param(b"cc=5," + pack({"a": 1})[5:], id="later-format")
    yield pytest.param(pack({}), id="empty-map")
    yield pytest.param(pack([1]), id="list")
    yield pytest.param(pack({str(n): n for n in range(15)}), id="fifteen-keys")
    yield pytest.param(sixteen_bit, id="map-with-long-count")


@pytest.mark.parametrize("metadata", list(unsealable()))
def test_metadata_of_another_form_is_stored_as_it_is(metadata: bytes) -> None:
    """Where there is no room for a seal, pip's bytes stay pip's bytes."""
    assert seals.sealed(metadata, NAME, BodyDigest.of(b"")) == metadata
    assert seals.read(metadata, NAME) is None


def test_unsealed_metadata_has_no_seal() -> None:
    """What pip alone has written is no damage."""
    assert seals.read(metadata_of(SMALL), NAME) is None


def test_a_seal_of_a_later_version_is_none_of_ours() -> None:
    """Another marker and another length: unsealed, never falsely broken."""
    document = {"response": {"status": 200}, "vary": {}, "pipmend2": bytes(100)}

    assert seals.read(pack(document), NAME) is None


def test_the_key_somewhere_else_in_the_map_is_no_seal() -> None:
    """Only the last key is ours: a tool that sorts the map has rewritten the entry."""
    metadata = metadata_of(SMALL)
    sealed = seals.sealed(metadata, NAME, BodyDigest.of(SMALL))
    document = msgpack.unpackb(sealed[len(PREFIX) :], raw=False)
    seal = document.pop("pipmend")

    assert seals.read(pack({"pipmend": seal, **document}), NAME) is None
