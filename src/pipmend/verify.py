"""The rules: is a stored response what was stored, and is it for this request?

Functions of values that touch no file; facts about the body are measured elsewhere,
when a rule asks for them. In order, the first that decides wins:

- a seal that does not hold over the metadata: corrupt (judged where it is read);
- a status that pip does not store: corrupt;
- sealed: the body must have the size and the digest that were sealed, and the digest
  that the index tells of the file at hand; nothing else is asked;
- a permanent redirect (301, 308): intact, it keeps the server's Content-Length over
  the empty body that pip stores;
- another media type than an index page has, where pip has asked for one: corrupt, as
  pip would skip the page without a word of the cache;
- a body of another size than Content-Length declares (RFC 9110 section 8.6), or an
  empty one where none is declared and the status allows for content: corrupt;
- a digest told by the index, by the URL path, or by the server (RFC 9530), the first
  that there is: it decides;
- an ETag that is the MD5 of the body: intact; another ETag means nothing;
- an index page that is not whole, an archive that does not read: corrupt.

Where another user of CacheControl has asked, the rules on statuses, media types and
digests in the URL do not count, and of the last one only what holds for any content:
it must decode, and a package must be one (:mod:`pipmend.examine`).

Deliberately not judged: age (a stale entry is revalidated by pip), a missing Date,
and files of which nobody has told a digest beyond their structure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipmend import digests, pages, urls
from pipmend.digests import Source
from pipmend.records import Record
from pipmend.verdicts import INTACT, Reason, Verdict, corrupt

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from pipmend.digests import BodyDigest, Expectation
    from pipmend.metadata import StoredResponse

CACHEABLE_STATUSES = frozenset({200, 203, 300, 301, 308})
"""What CacheControl stores unless it is told otherwise."""

STORED_BY_ANYBODY = range(200, 600)
"""What other users of CacheControl may have it store."""

PERMANENT_REDIRECTS = frozenset({301, 308})

_WITHOUT_CONTENT = frozenset({204, 205})


class RequestHeaders(Protocol):
    """The header fields of a request, looked up without regard to case."""

    def get(self, name: str, default: None = None, /) -> object:
        """The value of a field."""


class Facts(Protocol):
    """Facts about a body."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def flaw(self) -> Verdict | None:
        """What is wrong with its structure."""

    @property
    def is_confirmed(self) -> bool:
        """Whether checksums of its own confirm all of it."""

    def digest(self, algorithm: str, length: int) -> bytes:
        """A digest of its bytes."""


class Told(Record):
    """What is known of an entry from outside its metadata and body."""

    by_index: tuple[Expectation, ...] = ()
    """Hashes of the link and of the requirement that pip is downloading."""
    url: str | None = None
    """None where the URL is not known: it cannot be told from the entry."""
    file_name: str | None = None
    """The name of the file that it is, empty if the name is not known; None where it
    may be an index page."""
    is_page: bool = False
    """Whether pip has asked for an index page; False if that is not known."""
    cacheable: Container[int] = CACHEABLE_STATUSES
    """The statuses that the cache at hand stores."""
    is_any: bool = False
    """Whether it may be anything: not pip has asked for it, nor for an index page."""


TOLD_OF_ANY = Told(cacheable=STORED_BY_ANYBODY, is_any=True)
"""What is known of an entry of another user of CacheControl: nothing."""


def mismatched_field(
    stored: StoredResponse, request_headers: RequestHeaders
) -> str | None:
    """The name of a Vary field that keeps the response from this request.

    None when the response is selected (RFC 9111 section 4.1). The comparison is
    CacheControl's own: exact, and ``*`` never matches (pypa/pip#13979).
    """
    if "*" in stored.vary:
        return "*"
    for name, value in stored.vary.items():
        if request_headers.get(name, None) != value:
            return urls.shown(name)
    return None


def judge_metadata(stored: StoredResponse, told: Told) -> Verdict:
    """Judge what can be judged without the body."""
    if stored.status not in told.cacheable:
        found = f"a status of {stored.status}"
        return corrupt(Reason.METADATA_SHAPE, found, "one that pip stores")
    return INTACT


def judge_sealed(sealed: BodyDigest, body: Facts, told: Told) -> Verdict:
    """Judge a body against its seal, and against what the index tells."""
    if body.size != sealed.size:
        return corrupt(Reason.BODY_SIZE, body.size, sealed.size)
    sha256 = body.digest(digests.SHA256, len(sealed.sha256))
    if sha256 != sealed.sha256:
        found, expected = (
            digests.text_of(digests.SHA256, value) for value in (sha256, sealed.sha256)
        )
        words = "other bytes than were stored"
        return corrupt(Reason.BODY_DIGEST, found, expected, words)
    by_link = [one for one in told.by_index if one.source is Source.LINK]
    return _first_unmet(by_link, body) or INTACT


def judge(stored: StoredResponse, body: Facts, told: Told) -> Verdict:
    """Judge the body of an unsealed entry by all that is known of it."""
    if stored.status in PERMANENT_REDIRECTS:
        return INTACT
    if told.is_page and not pages.is_page(stored.media_type):
        found = f"the type '{urls.shown(stored.media_type)}'"
        return corrupt(Reason.METADATA_SHAPE, found, "that of an index page")
    declared = stored.declared_length
    if declared is not None and declared != body.size:
        return corrupt(Reason.BODY_SIZE, body.size, declared)
    if body.size == 0 and declared is None and stored.status not in _WITHOUT_CONTENT:
        return corrupt(Reason.BODY_SIZE, "empty")
    expectations = _strongest(stored, told)
    if expectations:
        return _first_unmet(expectations, body) or INTACT
    md5 = digests.md5_etag(stored)
    if md5 is not None and body.digest("md5", len(md5)) == md5:
        return INTACT
    return body.flaw or INTACT


def is_vouched_for(stored: StoredResponse, body: Facts, told: Told) -> bool:
    """Whether anything speaks for the bytes of an unsealed body that was let pass.

    Length and form alone do not: another letter in a page has both.
    """
    if stored.status in PERMANENT_REDIRECTS or _strongest(stored, told):
        return True
    md5 = digests.md5_etag(stored)
    if md5 is not None and body.digest("md5", len(md5)) == md5:
        return True
    return body.is_confirmed


def _strongest(stored: StoredResponse, told: Told) -> Iterable[Expectation]:
    if told.by_index:
        return told.by_index
    by_url = digests.from_url(told.url) if told.url else None
    expectation = by_url or digests.from_fields(stored)
    return (expectation,) if expectation else ()


def _first_unmet(expectations: Iterable[Expectation], body: Facts) -> Verdict | None:
    for expectation in expectations:
        told = sorted(expectation.digests)
        measured = [
            (algorithm, body.digest(algorithm, len(value))) for algorithm, value in told
        ]
        if not expectation.digests.intersection(measured):
            found, expected = (
                " or ".join(digests.text_of(*one) for one in values)
                for values in (sorted(set(measured)), told)
            )
            words = f"other bytes than {expectation.source.value} tells"
            return corrupt(Reason.BODY_DIGEST, found, expected, words)
    return None
