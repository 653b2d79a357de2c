"""Each reason in words for a person: what it means, the likely cause, what to do."""

from __future__ import annotations

from typing import NamedTuple

from pipmend.verdicts import Reason


class Explanation(NamedTuple):
    """What a person should know of a reason."""

    sentence: str
    cause: str
    """The likely way in; nobody was there to see it."""
    next_step: str


_NOTHING = "Nothing: the entry was replaced by a fresh one."
_DISK = "If it happens again, look at the disk: free space first, then its health."
_WRITERS = "If it happens again, see whether several machines write to this cache."

_INTERRUPTED = "an interrupted write: a killed pip, a power cut, a full disk"
_BIT_ROT = "bit rot, or a cache that was copied or restored in part"
_TWO_WRITERS = "two writers at once, or a kill between metadata and body"
_FOREIGN = "another program, or a much older or newer pip, wrote into this folder"
_PROXY = "a proxy or a login page that answered in the place of the index"

EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.METADATA_UNREADABLE: Explanation(
        "Where the metadata should be is something that cannot be read as a file.",
        "a cache that was restored or linked by hand, or changed permissions",
        "See what the quarantined thing is, and who put it there.",
    ),
    Reason.METADATA_UNDECODABLE: Explanation(
        "The metadata is cut, empty or no msgpack.", _INTERRUPTED, _DISK
    ),
    Reason.METADATA_FORMAT: Explanation(
        "The metadata does not start with the marker of CacheControl's format.",
        _FOREIGN,
        "Give programs that write other formats a cache of their own.",
    ),
    Reason.METADATA_SHAPE: Explanation(
        "The metadata decodes, but pip could not use what it says.", _BIT_ROT, _DISK
    ),
    Reason.METADATA_DIGEST: Explanation(
        "The metadata is not what was stored: its seal does not hold.", _BIT_ROT, _DISK
    ),
    Reason.METADATA_UNUSABLE: Explanation(
        "pip ended with an error while it loaded the entry.", _BIT_ROT, _DISK
    ),
    Reason.BODY_MISSING: Explanation(
        "The metadata is there, the body is not.", _INTERRUPTED, _DISK
    ),
    Reason.BODY_UNREADABLE: Explanation(
        "Where the body should be is something that cannot be read as a file.",
        "a cache that was restored or linked by hand, or changed permissions",
        "See what the quarantined thing is, and who put it there.",
    ),
    Reason.BODY_SIZE: Explanation(
        "The body has another length than was stored.", _INTERRUPTED, _DISK
    ),
    Reason.BODY_DIGEST: Explanation(
        "The body has other bytes than it must have.",
        f"{_BIT_ROT}; or {_TWO_WRITERS}",
        _WRITERS,
    ),
    Reason.BODY_STRUCTURE: Explanation(
        "The file is no whole archive.", _INTERRUPTED, _DISK
    ),
    Reason.BODY_CODING: Explanation(
        "The compressed body does not decompress.", _BIT_ROT, _DISK
    ),
    Reason.PAGE_INCOMPLETE: Explanation(
        "The index page is not whole.",
        f"{_PROXY}; or {_INTERRUPTED}",
        "If it happens again, open the URL with another program and look at it.",
    ),
    Reason.WHEEL_STRUCTURE: Explanation(
        "A wheel that was built here is not whole, or not what it says.",
        f"{_INTERRUPTED}, or two builds at once",
        _DISK,
    ),
    Reason.ORIGIN_UNREADABLE: Explanation(
        "The note on where a built wheel came from cannot be read.",
        _INTERRUPTED,
        _NOTHING,
    ),
    Reason.VARY_MISMATCH: Explanation(
        "The entry is healthy, but was stored for other request header fields.",
        "another pip or Python uses the same cache",
        "Nothing.",
    ),
    Reason.STORE_IN_PROGRESS: Explanation(
        "Another pip is storing this entry at this moment.",
        "another pip uses the same cache",
        "Nothing.",
    ),
}
