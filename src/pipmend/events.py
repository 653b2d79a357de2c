"""The event log: what was found and done, as JSON Lines in the user's log folder.

One event is one line, appended in one write. The reader skips and counts what it
cannot read, so that a torn line costs one event.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sys
from typing import TYPE_CHECKING, NamedTuple, Union

from pipmend import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipmend.verdicts import Measure

SCHEMA = 1
"""Version of the form of a line; it grows when a field changes its meaning."""

FILE_NAME = "events.jsonl"
LARGEST_LOG = 8 * 1024 * 1024
"""Bytes; a larger log is set aside as ``events.1.jsonl``, replacing the one before."""

_LARGEST_LINE = 64 * 1024


class EntryCorrupt(NamedTuple):
    """A corrupt entry was met."""

    id: str
    action: str
    """``quarantined``, ``bypassed`` (not used; the evidence stayed), ``observed``."""
    subject: str
    """The entry in words."""
    url: str | None
    """Without credentials, query and fragment; None where it is not known."""
    entry: str
    """Path of the entry's metadata file."""
    reason: str
    """Stable code of the reason."""
    found: Measure
    expected: Measure
    evidence: str | None
    """Folder of the quarantined files."""
    stayed: str | None
    """Why the evidence could not be moved."""
    pip_error: str | None
    """What pip failed with, if that is how the entry was found."""
    free_bytes: int | None
    """Free space of the cache's file system."""


class EntryHealed(NamedTuple):
    """A fresh response was stored under the key of a corrupt entry."""

    heals: str
    """The id of the event that reported the corrupt entry."""
    subject: str
    url: str | None
    entry: str


class RepeatOffender(NamedTuple):
    """The same entry, or many of one cache, broke within days."""

    where: str
    """Path of the entry or of the cache."""
    words: str


class SeamUnfit(NamedTuple):
    """This pip has a shape that pipmend does not know; it was left alone."""

    problem: str


class GuardTripped(NamedTuple):
    """A failure of pipmend's own; pip went on as if pipmend were absent."""

    step: str
    error: str


NAMES: dict[type, str] = {
    EntryCorrupt: "pipmend.entry_corrupt",
    EntryHealed: "pipmend.entry_healed",
    RepeatOffender: "pipmend.repeat_offender",
    SeamUnfit: "pipmend.seam_unfit",
    GuardTripped: "pipmend.guard_tripped",
}
"""How each kind of event is called in the log."""

Event = Union[EntryCorrupt, EntryHealed, RepeatOffender, SeamUnfit, GuardTripped]


class EventLog:
    """The log of one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def emit(self, event: Event) -> None:
        """Append an event.

        Raises:
            OSError: the log cannot be written.
        """
        line = json.dumps({**_origin(), "event": NAMES[type(event)], **event._asdict()})
        self.path.parent.mkdir(atomic.PRIVATE_FOLDER, parents=True, exist_ok=True)
        self._set_aside()
        atomic.append_line(self.path, line.encode() + b"\n")

    def has(self, event: SeamUnfit) -> bool:
        """Whether the same event was recorded for the same pip before."""
        same = {"event": NAMES[type(event)], "pip": _pip_version(), **event._asdict()}
        lines = (line for line in self.read() if line is not None)
        return any(same.items() <= line.items() for line in lines)

    def read(self) -> Iterator[dict[str, object] | None]:
        """Yield the events, oldest first; None for each line that is not readable.

        Raises:
            OSError: a log exists but cannot be read.
        """
        for path in (self._older, self.path):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue
            with file:
                while line := file.readline(_LARGEST_LINE):
                    yield _parsed(line)

    @property
    def _older(self) -> Path:
        return self.path.with_name("events.1.jsonl")

    def _set_aside(self) -> None:
        try:
            if self.path.stat().st_size > LARGEST_LOG:
                os.replace(self.path, self._older)  # noqa: PTH105 - as everywhere
        except FileNotFoundError:
            return


def new_id() -> str:
    """A name for a finding: its time in UTC and 32 random bits."""
    now = dt.datetime.now(tz=dt.timezone.utc)
    return f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}"


def _origin() -> dict[str, object]:
    now = dt.datetime.now(tz=dt.timezone.utc)
    return {
        "schema": SCHEMA,
        "at": now.isoformat(timespec="milliseconds"),
        "pip": _pip_version(),
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "pid": os.getpid(),
    }


def _pip_version() -> str | None:
    return getattr(sys.modules.get("pip"), "__version__", None)


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        event: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
