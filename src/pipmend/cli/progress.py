"""Progress of long work, on stderr: a bar with rich, lines without, else nothing."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Protocol

from pipmend.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE = 2.0
"""Seconds between two plain lines; work that takes less shows none."""


class Progress(Protocol):
    """Something that shows how far the work is."""

    def advance(self, entries: int, size: int) -> None:
        """Take note of one more shard, with so many entries and bytes."""


@contextlib.contextmanager
def shown(label: str, shards: int, *, quiet: bool) -> Iterator[Progress]:
    """Show progress over a number of shards, unless nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield _Silent()
        return
    try:
        # An extra: whoever has not asked for it gets plain lines.
        from rich import progress as rich  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415
    except ImportError:
        yield _Lines(label, shards)
        return
    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(
        *columns, console=Console(stderr=True), transient=True
    ) as display:
        task = display.add_task(output.plain(label), total=shards, rate="")
        rate = _Rate()

        class Bar:
            def advance(self, entries: int, size: int) -> None:
                rate.add(entries, size)
                display.update(task, advance=1, rate=rate.text)

        yield Bar()


class _Silent:
    def advance(self, entries: int, size: int) -> None:
        """Show nothing."""


class _Rate:
    """How much is done in a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._entries = self._size = 0

    def add(self, entries: int, size: int) -> None:
        self._entries += entries
        self._size += size

    @property
    def text(self) -> str:
        seconds = max(self.seconds, 0.001)
        size = output.size_text(self._size / seconds)
        return f"{self._entries / seconds:,.0f} entries/s, {size}/s"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


class _Lines:
    """A line now and then."""

    def __init__(self, label: str, shards: int) -> None:
        self._label, self._shards = label, shards
        self._done = 0
        self._rate = _Rate()
        self._next = _PAUSE

    def advance(self, entries: int, size: int) -> None:
        self._done += 1
        self._rate.add(entries, size)
        seconds = self._rate.seconds
        if seconds < self._next or self._done == self._shards:
            return
        self._next = seconds + _PAUSE
        left = output.age_text(seconds / self._done * (self._shards - self._done))
        part = f"{self._done * 100 // self._shards} %"
        line = f"{self._label}: {part}, {self._rate.text}, about {left} left"
        print(output.plain(line), file=sys.stderr, flush=True)
