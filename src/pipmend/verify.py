"""The rules: is a stored response what was stored, and is it for this request?

Pure functions over values; files and pip are handled elsewhere. In order:

- a status that pip does not store: corrupt;
- a permanent redirect (301, 308): intact, it keeps the server's Content-Length over
  the empty body that pip stores;
- a body of another size than Content-Length declares (RFC 9110 section 8.6), or an
  empty one where none is declared: corrupt;
- an index page whose content coding does not decode: corrupt;
- an index page that is not whole: corrupt.

Deliberately not judged: age (a stale entry is revalidated by pip), a missing Date,
fields that pip does not read, files whose digest nobody has told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipmend.verdicts import INTACT, Reason, Verdict, corrupt

if TYPE_CHECKING:
    from collections.abc import Container

    from pipmend.metadata import StoredResponse
    from pipmend.observation import Observation

CACHEABLE_STATUSES = frozenset({200, 203, 300, 301, 308})
"""What CacheControl stores unless it is told otherwise."""

PERMANENT_REDIRECTS = frozenset({301, 308})


class RequestHeaders(Protocol):
    """The header fields of a request, looked up without regard to case."""

    def get(self, name: str, default: None = None, /) -> object:
        """The value of a field."""


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
            return name
    return None


def judge_metadata(stored: StoredResponse, cacheable: Container[int]) -> Verdict:
    """Judge what can be judged without the body."""
    if stored.status not in cacheable:
        found = f"a status of {stored.status}"
        return corrupt(Reason.METADATA_SHAPE, found, "one that pip stores")
    return INTACT


def judge(stored: StoredResponse, observation: Observation) -> Verdict:
    """Judge a body against what its metadata says."""
    if stored.status in PERMANENT_REDIRECTS:
        return INTACT
    declared = stored.declared_length
    if declared is not None and declared != observation.size:
        return corrupt(Reason.BODY_SIZE, observation.size, declared)
    if observation.size == 0 and declared is None:
        return corrupt(Reason.BODY_SIZE, "empty")
    if observation.coding_flaw is not None:
        return corrupt(Reason.BODY_CODING, observation.coding_flaw)
    if observation.page_flaw is not None:
        return corrupt(Reason.PAGE_INCOMPLETE, observation.page_flaw)
    return INTACT
