"""The rules, one after the other: what is corrupt, and what must be let through."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io

import pytest

from lab.index_pages import JSON_TYPE, json_page
from lab.index_style import IndexStyle
from lab.packages import catalogue
from pipmend import digests, verify
from pipmend.digests import BodyDigest
from pipmend.metadata import StoredResponse
from pipmend.observation import Body
from pipmend.verdicts import INTACT, Outcome, Reason, Verdict
from pipmend.verify import Told

PAGE = json_page("alpha", catalogue()[:2], IndexStyle())
WHEEL = catalogue()[0].content
SDIST = catalogue()[5].content
OTHER = WHEEL[:-1] + b"\1"

IS_FILE = Told(file_name="alpha-1.0-py3-none-any.whl")


def response(status: int = 200, /, **fields: str) -> StoredResponse:
    """A stored response; underscores stand for hyphens in names of fields."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return StoredResponse(status, named, {}, b"")


def page(**fields: str) -> StoredResponse:
    """A stored index page."""
    return response(content_type=JSON_TYPE, **fields)


def judged(stored: StoredResponse, body: bytes, told: Told | None = None) -> Verdict:
    """The verdict on an unsealed entry with this body."""
    told = told or Told()
    file = Body(io.BytesIO(body), stored, file_name=told.file_name)
    return verify.judge(stored, file, told)


def length(body: bytes) -> str:
    """The Content-Length of a body."""
    return str(len(body))


def sha256(body: bytes) -> digests.Expectation:
    """What the link to a file tells."""
    told = digests.from_hashes({"sha256": [hashlib.sha256(body).hexdigest()]})
    assert told is not None
    return told


def sha256_field(body: bytes) -> str:
    """The value of ``Repr-Digest``."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return f"sha-256=:{digest}:"


def blake2_url(body: bytes) -> str:
    """A URL with the digest of the file."""
    digest = hashlib.blake2b(body, digest_size=32).hexdigest()
    path = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    return f"https://index.example/packages/{path}/alpha-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("vary", "headers", "expected"),
    [
        pytest.param({}, {"Accept": "x"}, None, id="no-vary"),
        pytest.param({"Accept": "x"}, {"Accept": "x"}, None, id="same"),
        pytest.param({"Accept": None}, {}, None, id="both-absent"),
        pytest.param({"Accept": "x"}, {"Accept": "y"}, "Accept", id="another"),
        pytest.param({"Accept": "x"}, {"Accept": "X"}, "Accept", id="another-case"),
        pytest.param({"Accept": "x"}, {"Accept": "x "}, "Accept", id="a-space-more"),
        pytest.param({"Accept": "x"}, {}, "Accept", id="now-absent"),
        pytest.param({"Accept": None}, {"Accept": ""}, "Accept", id="now-empty"),
        pytest.param({"Accept": "", "A": "1"}, {"Accept": ""}, "A", id="one-of-two"),
        pytest.param({"*": None}, {}, "*", id="star"),
        pytest.param({"*": "x", "A": "1"}, {"*": "x"}, "*", id="star-that-is-sent"),
    ],
)
def test_vary(
    vary: dict[str, str | None], headers: dict[str, str], expected: str | None
) -> None:
    """Compared as exactly as CacheControl does."""
    stored = StoredResponse(200, {}, vary, b"")

    assert verify.mismatched_field(stored, headers) == expected


@pytest.mark.parametrize("status", sorted(verify.CACHEABLE_STATUSES))
def test_a_status_that_pip_stores(status: int) -> None:
    """It may be in the cache."""
    assert verify.judge_metadata(response(status), Told()) == INTACT


@pytest.mark.parametrize("status", [0, 201, 206, 302, 304, 404, 500, -200, 2**40])
def test_a_status_that_pip_does_not_store(status: int) -> None:
    """It was never stored like that."""
    verdict = verify.judge_metadata(response(status), Told())

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.reason is Reason.METADATA_SHAPE


def test_what_the_cache_at_hand_stores_counts() -> None:
    """A CacheControl may be told of other statuses."""
    told = Told(cacheable={404})

    assert verify.judge_metadata(response(404), told) == INTACT
    assert verify.judge_metadata(response(200), told).reason is Reason.METADATA_SHAPE


@pytest.mark.parametrize(
    ("stored", "body", "told"),
    [
        pytest.param(page(), PAGE, Told(), id="page"),
        pytest.param(page(content_length=length(PAGE)), PAGE, Told(), id="length"),
        pytest.param(
            page(content_encoding="gzip"), gzip.compress(PAGE), Told(), id="gzip"
        ),
        pytest.param(page(content_encoding="br"), b"???", Told(), id="unknown-coding"),
        pytest.param(
            response(content_type="text/html", content_length="0"),
            b"",
            Told(),
            id="empty-as-declared",
        ),
        pytest.param(response(204), b"", Told(), id="status-without-content"),
        pytest.param(response(content_length="many"), b"x", Told(), id="odd-length"),
        pytest.param(response(content_type="text/plain"), b"x", Told(), id="text"),
        pytest.param(response(), WHEEL, IS_FILE, id="wheel"),
        pytest.param(response(), SDIST, Told(file_name="g-1.tar.gz"), id="sdist"),
        pytest.param(
            response(content_type="text/html"), WHEEL, IS_FILE, id="wheel-as-html"
        ),
        pytest.param(
            response(301, content_length="178"), b"", Told(), id="redirect-emptied"
        ),
        pytest.param(response(308), b"", Told(), id="redirect-without-length"),
        pytest.param(
            response(), WHEEL, Told((sha256(WHEEL),)), id="digest-of-the-link"
        ),
        pytest.param(
            response(repr_digest=sha256_field(WHEEL)), WHEEL, Told(), id="digest-field"
        ),
        pytest.param(response(), WHEEL, Told(url=blake2_url(WHEEL)), id="digest-url"),
        pytest.param(
            response(etag=f'"{hashlib.md5(WHEEL).hexdigest()}"'),  # noqa: S324
            WHEEL,
            IS_FILE,
            id="etag",
        ),
        pytest.param(
            response(etag=f'"{hashlib.md5(b"").hexdigest()}"'),  # noqa: S324
            WHEEL,
            IS_FILE,
            id="etag-of-something-else",
        ),
    ],
)
def test_sound_bodies_are_intact(
    stored: StoredResponse, body: bytes, told: Told
) -> None:
    """Nothing contradicts them."""
    assert judged(stored, body, told) == INTACT


@pytest.mark.parametrize(
    ("stored", "body", "told", "reason"),
    [
        pytest.param(
            page(content_length="9"), PAGE, Told(), Reason.BODY_SIZE, id="too-long"
        ),
        pytest.param(
            page(content_length=str(len(PAGE) + 1)),
            PAGE,
            Told(),
            Reason.BODY_SIZE,
            id="too-short",
        ),
        pytest.param(
            page(content_length="9"), b"", Told(), Reason.BODY_SIZE, id="emptied"
        ),
        pytest.param(page(), b"", Told(), Reason.BODY_SIZE, id="empty"),
        pytest.param(
            page(content_encoding="gzip"),
            gzip.compress(PAGE)[:-1],
            Told(),
            Reason.BODY_CODING,
            id="cut-stream",
        ),
        pytest.param(
            page(content_encoding="GZIP"),
            PAGE,
            Told(),
            Reason.BODY_CODING,
            id="no-stream",
        ),
        pytest.param(page(), PAGE[:-1], Told(), Reason.PAGE_INCOMPLETE, id="cut-page"),
        pytest.param(
            response(), WHEEL[:-30], IS_FILE, Reason.BODY_STRUCTURE, id="cut-wheel"
        ),
        pytest.param(
            response(),
            SDIST[:-1],
            Told(file_name="gamma-1.0.tar.gz"),
            Reason.BODY_STRUCTURE,
            id="cut-sdist",
        ),
        pytest.param(
            response(),
            OTHER,
            Told((sha256(WHEEL),)),
            Reason.BODY_DIGEST,
            id="digest-of-the-link",
        ),
        pytest.param(
            response(repr_digest=sha256_field(WHEEL)),
            OTHER,
            Told(),
            Reason.BODY_DIGEST,
            id="digest-field",
        ),
        pytest.param(
            response(),
            OTHER,
            Told(url=blake2_url(WHEEL)),
            Reason.BODY_DIGEST,
            id="digest-url",
        ),
    ],
)
def test_damaged_bodies_are_corrupt(
    stored: StoredResponse, body: bytes, told: Told, reason: Reason
) -> None:
    """Each by the first rule that it breaks."""
    verdict = judged(stored, body, told)

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.reason is reason


def test_a_wrong_size_is_told_in_numbers() -> None:
    """So that a person sees what is missing."""
    verdict = judged(page(content_length="2417"), b"")

    assert verdict.summary == "body: 0 of 2,417 bytes"


def test_the_index_is_believed_before_the_server() -> None:
    """A strong digest decides alone."""
    stored = response(repr_digest=sha256_field(OTHER))

    assert judged(stored, WHEEL, Told((sha256(WHEEL),))) == INTACT
    assert judged(stored, OTHER, Told((sha256(WHEEL),))).reason is Reason.BODY_DIGEST


def sealed(seal: BodyDigest, body: bytes, told: Told | None = None) -> Verdict:
    """The verdict on a sealed entry with this body."""
    file = Body(io.BytesIO(body), response())
    return verify.judge_sealed(seal, file, told or Told())


def test_a_sealed_body_is_what_was_sealed() -> None:
    """Nothing else is asked, unless the index tells a digest."""
    seal = BodyDigest.of(b"anything")

    assert sealed(seal, b"anything") == INTACT
    assert sealed(seal, b"anythinh").reason is Reason.BODY_DIGEST
    assert sealed(seal, b"anything else").reason is Reason.BODY_SIZE
    assert sealed(seal, b"anything", Told((sha256(b"anything"),))) == INTACT
    told = Told((sha256(b"something"),))
    assert sealed(seal, b"anything", told).reason is Reason.BODY_DIGEST
