"""Metadata: decoded strictly, and never with an exception."""

from __future__ import annotations

import calendar
from email.utils import parsedate_tz
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.cache_files import PREFIX, pack
from lab.metadata_damages import BYTES, DOCUMENT, TOP_LEVELS
from pipmend import metadata
from pipmend.metadata import StoredResponse
from pipmend.verdicts import Outcome, Reason, Verdict

Document = dict[str, Any]

DECODED_BY_PIP_ALONE = {"extra-key"}
"""Damages that only pip's own loading tells: a later pip may write such a key."""

TERMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    # Mostly nonsense, and now and then a name that has a meaning.
    | st.text(max_size=8)
    | st.sampled_from(["response", "vary", "headers", "date", "content-length"])
    | st.binary(max_size=8),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.binary(max_size=4), children)
    ),
    max_leaves=12,
)
"""Whatever msgpack can hold."""


def document(**response: object) -> Document:
    """Metadata as pip writes it, with other values in the response."""
    return {
        "response": {
            "body": b"",
            "headers": {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"x"'},
            "status": 200,
            "version": 11,
            "reason": "OK",
            "decode_content": False,
            **response,
        },
        "vary": {},
    }


def decoded(stored: Document) -> StoredResponse:
    """The response in metadata that must be sound."""
    response = metadata.decode(pack(stored))
    assert isinstance(response, StoredResponse), response
    return response


def reason_of(data: bytes) -> Reason | None:
    """Why the metadata is corrupt, None when it is not."""
    found = metadata.decode(data)
    if isinstance(found, StoredResponse):
        return None
    assert found.outcome is Outcome.CORRUPT
    return found.reason


def test_what_pip_writes_is_decoded() -> None:
    """Status, fields by lower-case name, the selecting fields, the inline body."""
    stored = {
        **document(body=b"the body", status=203),
        "vary": {"Accept": "*/*", "X-Absent": None},
    }

    response = decoded(stored)

    assert response.status == 203
    assert response.fields == {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "etag": '"x"'}
    assert response.vary == {"Accept": "*/*", "X-Absent": None}
    assert response.inline_body == b"the body"


@pytest.mark.parametrize(
    "response",
    [
        pytest.param({"strict": 0}, id="written-by-old-cachecontrol"),
        pytest.param({"reason": None}, id="without-reason"),
        pytest.param({"version": None}, id="without-version"),
        pytest.param({"headers": {}}, id="without-headers"),
        pytest.param({"unheard-of": [1]}, id="with-a-new-key"),
        pytest.param({"headers": {"Content-Length": "7, 7"}}, id="length-twice"),
        pytest.param({"headers": {"Content-Length": "many"}}, id="length-in-words"),
        pytest.param({"headers": {"Content-Length": "9" * 9999}}, id="length-endless"),
        pytest.param({"headers": {"Expires": "-1"}}, id="expires-in-no-time"),
        pytest.param({"headers": {"X": "é\0\U0001f600"}}, id="odd-text"),
    ],
)
def test_odd_but_sound_metadata_is_decoded(response: Document) -> None:
    """What pip loads, or may learn to write, is not corrupt."""
    assert reason_of(pack(document(**response))) is None


def test_a_new_key_beside_the_response_is_let_through() -> None:
    """Every pip ignores it."""
    assert reason_of(pack({**document(), "unheard-of": 1})) is None


def test_metadata_without_vary_is_decoded() -> None:
    """CacheControl always writes it, and does not need it."""
    stored = document()
    del stored["vary"]

    assert decoded(stored).vary == {}


@pytest.mark.parametrize("name", sorted(BYTES))
def test_damaged_bytes_are_corrupt(name: str) -> None:
    """Cut, overwritten, of another format."""
    assert reason_of(BYTES[name](pack(document()))) is not None


@pytest.mark.parametrize("name", sorted(TOP_LEVELS))
def test_anything_but_a_map_of_a_response_is_corrupt(name: str) -> None:
    """It decodes, and is no entry."""
    assert reason_of(pack(TOP_LEVELS[name])) is Reason.METADATA_SHAPE


@pytest.mark.parametrize("name", sorted(DOCUMENT.keys() - DECODED_BY_PIP_ALONE))
def test_a_damaged_response_is_corrupt(name: str) -> None:
    """A key that is missing, a value of another type."""
    stored = document()

    DOCUMENT[name](stored)

    assert reason_of(pack(stored)) is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", Reason.METADATA_UNDECODABLE, id="empty"),
        pytest.param(bytes(4096), Reason.METADATA_UNDECODABLE, id="nul-filled"),
        pytest.param(b"cc=3,\x80", Reason.METADATA_FORMAT, id="older-format"),
        pytest.param(b"cc=5,\x80", Reason.METADATA_FORMAT, id="newer-format"),
        pytest.param(b"<html>", Reason.METADATA_FORMAT, id="something-else"),
        pytest.param(b"cc=4,", Reason.METADATA_UNDECODABLE, id="nothing-inside"),
        pytest.param(b"cc=4,\x81", Reason.METADATA_UNDECODABLE, id="cut"),
        pytest.param(b"cc=4,\x80\x80", Reason.METADATA_UNDECODABLE, id="two-maps"),
        pytest.param(b"cc=4,\x80", Reason.METADATA_SHAPE, id="empty-map"),
    ],
)
def test_the_reason_tells_the_damage(data: bytes, reason: Reason) -> None:
    """Scripts rely on the codes."""
    assert reason_of(data) is reason


@pytest.mark.parametrize(
    "response",
    [
        pytest.param({"status": True}, id="status"),
        pytest.param({"status": 200.0}, id="status-float"),
        pytest.param({"body": "text"}, id="body"),
        pytest.param({"reason": b"OK"}, id="reason"),
        pytest.param({"version": 1.1}, id="version"),
        pytest.param({"decode_content": 0}, id="decode-content"),
        pytest.param({"headers": {"Date": None}}, id="header-value"),
        pytest.param({"headers": {b"Date": "x"}}, id="header-name"),
        pytest.param({"headers": {"DATE": "no date"}}, id="date"),
        pytest.param(
            {"headers": {"date": "Thu, 01 Jan 99999 00:00:00 GMT"}}, id="date-too-far"
        ),
        pytest.param({"headers": {"content-LENGTH": "3,4"}}, id="two-lengths"),
    ],
)
def test_a_mistyped_response_is_corrupt(response: Document) -> None:
    """It would end pip, or was never written by it."""
    assert reason_of(pack(document(**response))) is Reason.METADATA_SHAPE


@pytest.mark.parametrize(
    ("value", "length"),
    [
        pytest.param("2417", 2417, id="plain"),
        pytest.param(" 2417 ", 2417, id="spaced"),
        pytest.param("2417, 2417", 2417, id="repeated"),
        pytest.param("0", 0, id="zero"),
        pytest.param("", None, id="empty"),
        pytest.param("-1", None, id="negative"),
        pytest.param("24.5", None, id="fraction"),
        pytest.param("2417, many", None, id="half-a-number"),
        pytest.param("٣", None, id="other-digits"),
    ],
)
def test_content_length(value: str, length: int | None) -> None:
    """The declared length, where there is one."""
    stored = document(headers={"Content-length": value})

    assert decoded(stored).declared_length == length


def test_without_content_length_no_length_is_declared() -> None:
    """As with a chunked response."""
    assert decoded(document()).declared_length is None


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        pytest.param("text/html", "text/html", id="plain"),
        pytest.param("Text/HTML; charset=utf-8", "text/html", id="parameter"),
        pytest.param(" text/html ;x", "text/html", id="spaced"),
        pytest.param("", "", id="empty"),
    ],
)
def test_media_type(value: str, media_type: str) -> None:
    """Lower case, without parameters."""
    stored = document(headers={"CONTENT-TYPE": value})

    assert decoded(stored).media_type == media_type


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.booleans())
def test_decoding_any_bytes_never_raises(data: bytes, has_prefix: bool) -> None:
    """The answer is a response or a verdict."""
    found = metadata.decode(PREFIX + data if has_prefix else data)

    assert isinstance(found, (StoredResponse, Verdict))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(TERMS, st.sampled_from(["top", "response", "headers", "vary", "value"]))
def test_decoding_any_document_never_raises(term: object, where: str) -> None:
    """Nor does a document that has the right shape up to some point."""
    stored = {
        "top": term,
        "response": {"response": term, "vary": {}},
        "headers": document(headers=term),
        "vary": {**document(), "vary": term},
        "value": document(headers={"Date": term, "Content-Length": term}),
    }[where]

    found = metadata.decode(PREFIX + msgpack.packb(stored))

    assert isinstance(found, (StoredResponse, Verdict))


def test_every_cut_is_corrupt() -> None:
    """No part of metadata passes for the whole."""
    whole = pack(document())

    passing = [end for end in range(len(whole)) if reason_of(whole[:end]) is None]

    assert not passing


USUAL_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


@st.composite
def dates(draw: st.DrawFn) -> str:
    """What looks like a date that servers send, with some characters changed."""
    letters = list(USUAL_DATE)
    positions = st.integers(0, len(letters) - 1)
    for at in draw(st.lists(positions, max_size=3)):
        letters[at] = draw(
            st.sampled_from(" ,:0159aJnGé\N{ARABIC-INDIC DIGIT ONE}-+\0\n")
            | st.just("")
        )
    return "".join(letters)


def is_read_by_pip(date: str) -> bool:
    """Whether pip gets over a Date in the cache (CacheControl's ``cached_request``)."""
    try:
        calendar.timegm(parsedate_tz(date))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
    return True


@settings(max_examples=500)
@example("a b, 01 Jan 2026 00:00:00 GMT")
@example("Thu, 01 Jan 2026 00:00:00 GMT trailing")
@example("Thu, 99 Dec 0000 99:99:99 GMT")
@given(dates())
def test_a_date_is_judged_as_pip_reads_it(date: str) -> None:
    """Also where its form says enough, and nothing is parsed."""
    judged = metadata.decode(pack(document(headers={"Date": date})))

    assert isinstance(judged, StoredResponse) == is_read_by_pip(date)
