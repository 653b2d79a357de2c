"""From an open entry to a verdict: decode, observe, judge. Used by gate and scan."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pipmend import entries, metadata, observation, pages, verify
from pipmend.verdicts import Outcome, Reason, Verdict, not_selected

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import BinaryIO

    from pipmend.entries import OpenEntry
    from pipmend.metadata import StoredResponse

_MAYBE_UNFINISHED = frozenset({Reason.BODY_MISSING, Reason.BODY_SIZE})


def read_metadata(entry: OpenEntry) -> StoredResponse | Verdict:
    """What an entry's metadata says, or the verdict that it cannot be read."""
    if isinstance(entry.metadata, Verdict):
        return entry.metadata
    return metadata.decode(entry.metadata)


def examine(
    entry: OpenEntry,
    stored: StoredResponse,
    *,
    cacheable: Container[int] = verify.CACHEABLE_STATUSES,
    may_be_page: bool = True,
) -> Verdict:
    """Judge an entry whose metadata was read; the body is left at its start.

    Args:
        entry: the open entry.
        stored: its metadata.
        cacheable: the statuses that the cache at hand stores.
        may_be_page: False when the response is known to be fetched as a file.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    verdict = verify.judge_metadata(stored, cacheable)
    if verdict.outcome is Outcome.INTACT:
        verdict = _examine_body(entry, stored, may_be_page=may_be_page)
    if verdict.reason in _MAYBE_UNFINISHED:
        if stored.status in verify.PERMANENT_REDIRECTS:
            # pip stores a redirect that has an ETag without any body, and misses it.
            return not_selected(Reason.BODY_MISSING, "a redirect without a body")
        if entries.is_being_stored(entry):
            return not_selected(Reason.STORE_IN_PROGRESS, verdict.summary)
    return verdict


def _examine_body(
    entry: OpenEntry, stored: StoredResponse, *, may_be_page: bool
) -> Verdict:
    if isinstance(entry.body, Verdict):
        return entry.body
    inline = entry.place.body is None
    body: BinaryIO = io.BytesIO(stored.inline_body) if inline else entry.body
    try:
        observed = observation.Observation(observation.size_of(body))
        verdict = verify.judge(stored, observed)
        is_page = pages.is_page(stored.media_type, is_empty=observed.size == 0)
        if verdict.outcome is Outcome.INTACT and is_page and may_be_page:
            verdict = verify.judge(stored, observation.observe_page(body, stored))
    except OSError as error:
        return entries.unreadable(Reason.BODY_UNREADABLE, error)
    return verdict
