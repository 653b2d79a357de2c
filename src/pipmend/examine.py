"""From an open entry to a verdict: decode, observe, judge. Used by gate and scan."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

from pipmend import codings, entries, metadata, pages, seals, verify
from pipmend.archives import Depth
from pipmend.observation import LARGEST_PAGE, Body
from pipmend.records import Record
from pipmend.verdicts import INTACT, Reason, Verdict, corrupt, not_selected
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from pipmend.digests import BodyDigest
    from pipmend.entries import OpenEntry
    from pipmend.metadata import StoredResponse
    from pipmend.seals import Seal

_MAYBE_UNFINISHED = frozenset(
    {Reason.BODY_MISSING, Reason.BODY_SIZE, Reason.BODY_DIGEST}
)
_PACKAGES = (".whl", ".tar.gz")


class Examined(Record):
    """The verdict on an entry, and what was learnt on the way."""

    verdict: Verdict
    body: BodyDigest | None = None
    """Size and SHA-256 of the body, if they were measured."""
    is_vouched_for: bool = False
    """Whether a seal, a digest or checksums of its own speak for the body."""


class _AnyBody(Body):
    """A body of which nobody knows what it was to be.

    It is judged by what each client has to do, which is to remove the content coding;
    and as a package, where its name and its first bytes agree on one.
    """

    @functools.cached_property
    def flaw(self) -> Verdict | None:
        """What is wrong with its structure."""
        try:
            coding = self._stored.field("content-encoding").strip().lower()
            if self.size and coding and codings.is_known(coding):
                return self._flaw_of_coding(coding)
            return self._flaw_of_file() if self._is_package() else None
        finally:
            self._file.seek(0)

    def _flaw_of_coding(self, coding: str) -> Verdict | None:
        size = 0
        try:
            for chunk in codings.decoded(self._file, coding):
                size += len(chunk)
                if size > LARGEST_PAGE:
                    return None
        except codings.CodingError as error:
            return corrupt(Reason.BODY_CODING, str(error))
        self._is_confirmed = coding in {"gzip", "x-gzip"}
        return None

    def _is_package(self) -> bool:
        if not (self._file_name or "").lower().endswith(_PACKAGES):
            return False
        return self._file.read(4).startswith((b"PK\x03\x04", b"\x1f\x8b\x08"))


def read_metadata(entry: OpenEntry) -> StoredResponse | Verdict:
    """What an entry's metadata says, or the verdict that it cannot be read."""
    if isinstance(entry.metadata, Verdict):
        return entry.metadata
    stored = metadata.decode(entry.metadata)
    if isinstance(stored, Verdict) and _is_being_written(entry):
        return not_selected(Reason.STORE_IN_PROGRESS, stored.summary)
    return stored


def read_seal(entry: OpenEntry) -> Seal | Verdict | None:
    """The seal of an entry, None without one, a verdict if it does not hold."""
    if isinstance(entry.metadata, Verdict):
        return entry.metadata
    seal = seals.read(entry.metadata, entry.place.name)
    if isinstance(seal, Verdict) and entry.place.body is None:
        # The digest of all covers the body too: say which half it is.
        return _verdict_on_inline_body(entry.metadata) or seal
    return seal


def _verdict_on_inline_body(data: bytes) -> Verdict | None:
    stored = metadata.decode(data)
    if isinstance(stored, Verdict):
        return stored
    body = Body(io.BytesIO(stored.inline_body), stored)
    verdict = verify.judge_sealed(seals.claimed_body(data), body, Told())
    return None if verdict is INTACT else verdict


def examine(
    entry: OpenEntry,
    stored: StoredResponse,
    seal: Seal | None,
    told: Told,
    depth: Depth = Depth.QUICK,
) -> Examined:
    """Judge an entry whose metadata was read; the body is left at its start.

    Args:
        entry: the open entry.
        stored: its metadata.
        seal: its seal, which holds over the metadata.
        told: what is known of it from outside.
        depth: how far to look; beyond the quick look, also at sealed entries as if
            they were not.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    verdict = verify.judge_metadata(stored, told)
    if verdict is not INTACT:
        return Examined(verdict)
    try:
        examined = _examine_body(entry, stored, seal, told, depth)
    except OSError as error:
        verdict = entries.unreadable(Reason.BODY_UNREADABLE, error)
        return Examined(verdict)
    return _excused(entry, stored, examined)


def is_worth_sealing(fields: Mapping[str, str], body: bytes | memoryview) -> bool:
    """Whether a response may be sealed as it came from the network.

    A page that ends pip, such as a login page in the place of JSON, is not: sealed,
    it would pass for intact. It is judged by its structure when it is loaded.
    """
    names = {name.lower(): value for name, value in fields.items()}
    stored = metadata.StoredResponse(200, names, {}, b"")
    if stored.media_type != pages.JSON_TYPE:
        return True
    return Body(io.BytesIO(body), stored).flaw is None


def body_of(
    entry: OpenEntry, stored: StoredResponse, told: Told, depth: Depth = Depth.QUICK
) -> Body:
    """The body of an entry, ready to be measured; it must have been opened."""
    kind = _AnyBody if told.is_any else Body
    file = body_file(entry, stored)
    return kind(file, stored, file_name=told.file_name, depth=depth)


def body_file(entry: OpenEntry, stored: StoredResponse) -> BinaryIO:
    """The body of an entry as an open file, from whichever place holds it."""
    if entry.place.body is None or isinstance(entry.body, Verdict):
        return io.BytesIO(stored.inline_body)
    return entry.body


def _examine_body(
    entry: OpenEntry,
    stored: StoredResponse,
    seal: Seal | None,
    told: Told,
    depth: Depth,
) -> Examined:
    if isinstance(entry.body, Verdict):
        return Examined(entry.body)
    body = body_of(entry, stored, told, depth)
    if seal is None:
        verdict = verify.judge(stored, body, told)
        vouched = verdict is INTACT and verify.is_vouched_for(stored, body, told)
        return Examined(verdict, body.known_digest, vouched)
    verdict = verify.judge_sealed(seal.body, body, told)
    if verdict is INTACT and depth is not Depth.QUICK:
        verdict = verify.judge(stored, body, told)
    return Examined(verdict, seal.body, verdict is INTACT)


def _is_being_written(entry: OpenEntry) -> bool:
    identity = entry.stamp.metadata
    return identity is not None and entries.is_written_in_place(
        entry.place.metadata, identity
    )


def _excused(entry: OpenEntry, stored: StoredResponse, examined: Examined) -> Examined:
    """Let pass what looks damaged for a moment, or by pip's own way of storing."""
    reason = examined.verdict.reason
    if reason not in _MAYBE_UNFINISHED:
        return examined
    if reason is Reason.BODY_MISSING and stored.status in verify.PERMANENT_REDIRECTS:
        # pip stores a redirect that has an ETag without any body, and misses it.
        return Examined(not_selected(Reason.BODY_MISSING, "a redirect without a body"))
    if entries.is_being_stored(entry):
        found = examined.verdict.summary
        return Examined(not_selected(Reason.STORE_IN_PROGRESS, found))
    return examined
