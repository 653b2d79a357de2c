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
from typing import TYPE_CHECKING, Union

from pipmend import atomic
from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from pipmend.verdicts import Measure

    Line = Union[dict[str, object], None]
    """An event as it was recorded; None where the line is not readable."""

SCHEMA = 1
"""Version of the form of a line; it grows when a field changes its meaning."""

FILE_NAME = "events.jsonl"
LARGEST_LOG = 8 * 1024 * 1024
"""Bytes; a larger log is set aside as ``events.1.jsonl``, replacing the one before."""

_LARGEST_LINE = 64 * 1024

_READ = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not hang pip
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class EntryCorrupt(Record):
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
    cache: str
    """Root of the cache, as ``pip cache dir`` names it."""
    bytes: int
    """Size of the entry's files as they were found."""
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
    project: str | None = None
    """As the content tells it, where the URL may not be known."""


class EntryHealed(Record):
    """A fresh response was stored under the key of a corrupt entry."""

    heals: str
    """The id of the event that reported the corrupt entry."""
    subject: str
    url: str | None
    entry: str
    bytes: int
    """Size of the fresh files: what was fetched again, or written anew."""


class RepeatOffender(Record):
    """The same entry, or many of one cache, broke within days."""

    where: str
    """Path of the entry or of the cache."""
    words: str


class SeamUnfit(Record):
    """This pip has a shape that pipmend does not know; it was left alone."""

    problem: str


class GuardTripped(Record):
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

    def read(self, since: dt.datetime | None = None) -> Iterator[Line]:
        """Yield the events, oldest first; None for each line that is not readable.

        Args:
            since: leave out what was recorded before, or at no readable time.

        Raises:
            OSError: a log exists but cannot be read.
        """
        files = self._open()
        try:
            for file in files.values():
                tail = _Tail(file)
                yield from _newer(tail.lines(), since)
                yield from _newer(tail.unfinished(), since)
        finally:
            _close(files.values())

    def follow(
        self, wait: Callable[[], object], since: dt.datetime | None = None
    ) -> Iterator[Line]:
        """Yield the events that are there, then those that come, without an end.

        A log that is missing, set aside or emptied meanwhile is waited for; lost is
        only what is set aside and replaced in one wait. Windows does not set a file
        aside that is open: while it is followed, it grows.

        Args:
            wait: called whenever all was read.
            since: as for ``read``.

        Raises:
            OSError: a log exists but cannot be read.
        """
        tails: dict[tuple[int, int], _Tail] = {}
        try:
            while True:
                found = self._open()
                for identity, file in found.items():
                    if identity in tails:
                        file.close()
                    else:
                        tails[identity] = _Tail(file)
                for identity, tail in list(tails.items()):
                    yield from _newer(tail.lines(), since)
                    # The log before the last is gone, and was read to its end above.
                    if identity not in found:
                        tails.pop(identity).file.close()
                wait()
        finally:
            _close(tail.file for tail in tails.values())

    @property
    def _older(self) -> Path:
        return self.path.with_name("events.1.jsonl")

    def _open(self) -> dict[tuple[int, int], BinaryIO]:
        """The files of the log by device and inode, the older one first."""
        files: dict[tuple[int, int], BinaryIO] = {}
        # The newer one is opened first: between the two it may be set aside, and is
        # then met twice; the other way round it would not be met at all.
        for path in (self.path, self._older):
            try:
                file = open(path, "rb", opener=_opener)  # noqa: SIM115
            except FileNotFoundError:
                continue
            except OSError:
                _close(files.values())
                raise
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino)
            if identity in files:
                file.close()
            else:
                files[identity] = file
        return dict(reversed(files.items()))

    def _set_aside(self) -> None:
        try:
            if self.path.stat().st_size > LARGEST_LOG:
                os.replace(self.path, self._older)  # noqa: PTH105 - as everywhere
        except (FileNotFoundError, PermissionError):
            # Windows refuses while somebody reads it: rather a large log than an
            # event that is lost.
            return


class _Tail:
    """A file of the log, read on whenever lines were appended."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._begun = b""
        """A line whose end is not there yet; of one too long, a byte too many."""

    def lines(self) -> Iterator[Line]:
        """Yield the lines that have come to their end since the last call."""
        if os.fstat(self.file.fileno()).st_size < self.file.tell():
            self.file.seek(0)  # it was emptied
            self._begun = b""
        while line := self.file.readline(_LARGEST_LINE):
            is_whole = line.endswith(b"\n")
            if self._begun or not is_whole:
                line = self._begun + line
                self._begun = b"" if is_whole else line[: _LARGEST_LINE + 1]
            if is_whole:
                yield _parsed(line)

    def unfinished(self) -> Iterator[Line]:
        """Yield what stands after the last end of a line, if anything does."""
        if self._begun:
            yield _parsed(self._begun)


def moment_of(event: dict[str, object]) -> dt.datetime | None:
    """When an event was recorded, in UTC; None where that is not readable."""
    at = event.get("at")
    try:
        moment = dt.datetime.fromisoformat(at) if isinstance(at, str) else None
        if moment is None or moment.tzinfo is None:
            return None
        return moment.astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):
        return None


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


def _opener(path: str, _flags: int) -> int:
    return os.open(path, _READ)


def _close(files: Iterable[BinaryIO]) -> None:
    for file in files:
        file.close()


def _newer(lines: Iterator[Line], since: dt.datetime | None) -> Iterator[Line]:
    if since is None:
        return lines
    return (line for line in lines if line is None or _is_since(line, since))


def _is_since(event: dict[str, object], since: dt.datetime) -> bool:
    moment = moment_of(event)
    return moment is not None and moment >= since


def _parsed(line: bytes) -> Line:
    if len(line) > _LARGEST_LINE:
        return None
    try:
        event: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
