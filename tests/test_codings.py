"""Content codings: whole streams come out as they went in, cut ones never pass."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipmend import codings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def bare(data: bytes) -> bytes:
    """Deflate without the frame of zlib, which some servers send."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def zipped(data: bytes) -> bytes:
    """One gzip member, without a time."""
    return gzip.compress(data, mtime=0)


def named(data: bytes) -> bytes:
    """A gzip member with the name of a file in its header."""
    buffer = io.BytesIO()
    with gzip.GzipFile("page.json", "wb", fileobj=buffer, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


Coder = tuple[str, "Callable[[bytes], bytes]"]

CODERS: Mapping[str, Coder] = {
    "gzip": ("gzip", zipped),
    "gzip-named": ("gzip", named),
    "x-gzip": ("x-gzip", zipped),
    "deflate": ("deflate", zlib.compress),
    "deflate-bare": ("deflate", bare),
}
"""Content-Encoding and a way to encode, by name."""

PAGE = b"<a href='alpha-1.0.tar.gz'>alpha-1.0.tar.gz</a><br>\n" * 40

by_coder = pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)


def decoded(body: bytes, coding: str) -> bytes:
    """The whole content of a body."""
    return b"".join(codings.decoded(io.BytesIO(body), coding))


def passes(body: bytes, coding: str) -> bool:
    """Whether a body decodes."""
    try:
        decoded(body, coding)
    except codings.CodingError:
        return False
    return True


@pytest.mark.parametrize("coding", ["", "identity", "gzip", "x-gzip", "deflate"])
def test_codings_of_the_standard_library_are_known(coding: str) -> None:
    """They can be judged."""
    assert codings.is_known(coding)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "utf-8"])
def test_other_codings_are_left_to_pip(coding: str) -> None:
    """They are not judged."""
    assert not codings.is_known(coding)


@by_coder
@settings(derandomize=True, deadline=None, max_examples=50)
@given(content=st.binary(max_size=2000))
def test_content_comes_out_as_it_went_in(coder: Coder, content: bytes) -> None:
    """Any bytes, the empty ones included."""
    coding, encode = coder

    assert decoded(encode(content), coding) == content


@pytest.mark.parametrize("coding", ["", "identity"])
def test_without_a_coding_the_body_is_the_content(coding: str) -> None:
    """As it is stored, from its start."""
    body = io.BytesIO(PAGE)
    body.seek(7)

    assert b"".join(codings.decoded(body, coding)) == PAGE


@by_coder
def test_reading_begins_at_the_start_of_the_body(coder: Coder) -> None:
    """Wherever somebody has left it."""
    coding, encode = coder
    body = io.BytesIO(encode(PAGE))
    body.seek(0, io.SEEK_END)

    assert b"".join(codings.decoded(body, coding)) == PAGE


@by_coder
@pytest.mark.parametrize("content", [b"", b"x", PAGE], ids=["empty", "byte", "page"])
def test_every_cut_is_found(content: bytes, coder: Coder) -> None:
    """At each position, the very first included."""
    coding, encode = coder
    whole = encode(content)

    passing = [end for end in range(len(whole)) if passes(whole[:end], coding)]

    assert not passing


@pytest.mark.parametrize("name", sorted(CODERS.keys() - {"deflate-bare"}))
def test_no_changed_byte_changes_the_content_unseen(name: str) -> None:
    """The streams have checksums: what still decodes is the same content."""
    coding, encode = CODERS[name]
    whole = encode(PAGE)

    for position in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[position] ^= 1 << bit
            if passes(bytes(changed), coding):
                assert decoded(bytes(changed), coding) == PAGE


@by_coder
@pytest.mark.parametrize(
    "junk", [b"plain text", bytes(200), b"\xff" * 200], ids=["text", "nul", "ones"]
)
def test_junk_does_not_decode(junk: bytes, coder: Coder) -> None:
    """What was never compressed is no stream."""
    assert not passes(junk, coder[0])


def test_gzip_members_follow_one_another() -> None:
    """RFC 1952 section 2.2 allows it, and some servers do it."""
    assert decoded(zipped(b"one, ") + named(b"two"), "gzip") == b"one, two"


@pytest.mark.parametrize("before_end", [0, 1, 2, 3])
def test_a_gzip_member_may_begin_at_the_end_of_a_chunk(before_end: int) -> None:
    """Its first bytes are then read before the others."""
    size = codings.CHUNK_SIZE - before_end
    content = random.Random(1).randbytes(size)  # noqa: S311
    overhead = len(gzip.compress(content, 0, mtime=0)) - size
    first = gzip.compress(content[:-overhead], 0, mtime=0)
    assert len(first) == size

    whole = decoded(first + zipped(b"two"), "gzip")

    assert whole.endswith(b"two")


def test_a_cut_in_a_later_gzip_member_is_found() -> None:
    """But for the first two bytes of it, which may be anything."""
    first, second = zipped(b"one"), zipped(PAGE)

    passing = [
        end for end in range(3, len(second)) if passes(first + second[:end], "gzip")
    ]

    assert not passing


@by_coder
@pytest.mark.parametrize(
    "tail", [b"\0", b"tail", bytes(512)], ids=["nul", "text", "pad"]
)
def test_what_follows_the_stream_is_ignored(tail: bytes, coder: Coder) -> None:
    """As pip does."""
    coding, encode = coder

    assert decoded(encode(PAGE) + tail, coding) == PAGE


@by_coder
def test_a_bomb_comes_out_in_small_pieces(coder: Coder) -> None:
    """However much a few bytes grow, memory is bounded."""
    coding, encode = coder
    body = io.BytesIO(encode(bytes(20_000_000)))

    sizes = [len(piece) for piece in codings.decoded(body, coding)]

    assert sum(sizes) == 20_000_000
    assert max(sizes) <= codings.CHUNK_SIZE


@by_coder
def test_a_body_larger_than_a_chunk_is_whole(coder: Coder) -> None:
    """The end of a chunk is not the end of the stream."""
    coding, encode = coder
    content = random.Random(1).randbytes(3 * codings.CHUNK_SIZE + 1)  # noqa: S311

    assert decoded(encode(content), coding) == content
