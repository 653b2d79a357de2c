"""What can be said about a cache entry: a closed set of outcomes and reasons."""

from __future__ import annotations

import enum
from typing import Union

from pipmend.records import Record


class Outcome(enum.Enum):
    """The answer of the judge."""

    INTACT = "intact"
    """Nothing contradicts the entry: pip may use it."""
    CORRUPT = "corrupt"
    """The entry is provably not what was stored, or ends pip when loaded."""
    NOT_SELECTED = "not-selected"
    """Healthy, or not finished yet, but not for this request (RFC 9111 4.1)."""


class Reason(enum.Enum):
    """Why an entry is not used. The values are stable codes for scripts."""

    METADATA_UNREADABLE = "metadata-unreadable"
    METADATA_UNDECODABLE = "metadata-undecodable"
    METADATA_FORMAT = "metadata-format"
    METADATA_SHAPE = "metadata-shape"
    METADATA_DIGEST = "metadata-digest"
    METADATA_UNUSABLE = "metadata-unusable"
    BODY_MISSING = "body-missing"
    BODY_UNREADABLE = "body-unreadable"
    BODY_SIZE = "body-size"
    BODY_DIGEST = "body-digest"
    BODY_STRUCTURE = "body-structure"
    BODY_CODING = "body-coding"
    PAGE_INCOMPLETE = "page-incomplete"
    WHEEL_STRUCTURE = "wheel-structure"
    ORIGIN_UNREADABLE = "origin-unreadable"
    VARY_MISMATCH = "vary-mismatch"
    STORE_IN_PROGRESS = "store-in-progress"

    @property
    def part(self) -> str:
        """The half of the entry that the reason speaks of, for one-line summaries."""
        return self.value.partition("-")[0]


Measure = Union[int, str, None]
"""A size in bytes, or words."""


class Verdict(Record):
    """The judge's answer about one entry."""

    outcome: Outcome
    reason: Reason | None = None
    """None when the entry is intact."""
    found: Measure = None
    """What the entry has: bytes when an integer."""
    expected: Measure = None
    """What it should have, where that is known: bytes when an integer."""
    words: str | None = None
    """The finding in a few words, where found and expected are no words."""

    @property
    def summary(self) -> str:
        """A few words for a person, such as ``body: 0 of 2,417 bytes``."""
        if self.reason is None:
            return self.outcome.value
        if isinstance(self.found, int) and isinstance(self.expected, int):
            return f"{self.reason.part}: {self.found:,} of {self.expected:,} bytes"
        if self.words is not None:
            return f"{self.reason.part}: {self.words}"
        words = f"{self.reason.part}: {self.found}"
        return words if self.expected is None else f"{words}, not {self.expected}"


INTACT = Verdict(Outcome.INTACT)


def corrupt(
    reason: Reason,
    found: Measure,
    expected: Measure = None,
    words: str | None = None,
) -> Verdict:
    """A verdict that the entry must not be used and is to be quarantined."""
    return Verdict(Outcome.CORRUPT, reason, found, expected, words)


def not_selected(reason: Reason, found: Measure) -> Verdict:
    """A verdict that the entry is left alone and not used for this request."""
    return Verdict(Outcome.NOT_SELECTED, reason, found)
