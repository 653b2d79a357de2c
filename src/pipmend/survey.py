"""A scan of one whole cache, and what is done about what it finds.

Reading is spread over processes; deciding and moving is done in one, with the state
of each file as it was judged.
"""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pipmend import (
    crew,
    enforce,
    entries,
    events,
    inventory,
    quarantine,
    scan,
    subjects,
    sweeping,
    walk,
)
from pipmend._compat.layouts import Place
from pipmend.scan import Group, Judged, Options, Tally
from pipmend.subjects import Kind, Subject
from pipmend.walk import Leftover, LeftoverKind, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipmend.config import Settings
    from pipmend.entries import FileIdentity
    from pipmend.events import EventLog
    from pipmend.scan import Scanned
    from pipmend.walk import Shard

MOST_NAMED = 10_000
"""Corrupt entries whose URLs are looked for."""

_PATIENCE = 0.4
"""Seconds until an entry that a pip was storing is looked at again."""


@dataclass
class Survey:
    """What is known of one cache, growing as its shards are scanned."""

    cache_root: Path
    options: Options
    tally: Tally = field(default_factory=Tally)
    corrupt: list[Judged] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    """Files and folders that are no entries."""
    troubles: list[Trouble] = field(default_factory=list)
    is_complete: bool = False
    """Whether everything was looked at; a survey that was cut off is true so far."""
    _unsettled: list[Judged] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    seconds: float = 0
    """How long the scan took."""

    @property
    def shards(self) -> list[Shard]:
        """What there is to scan.

        Raises:
            OSError: the cache folder cannot be read.
        """
        return walk.shards(self.cache_root)

    def run(self, shards: Sequence[Shard], jobs: int) -> Iterator[Scanned]:
        """Scan the cache; each shard is yielded when it has been counted.

        Raises:
            OSError: the cache folder cannot be read.
            concurrent.futures.process.BrokenProcessPool: a process was killed.
        """
        work = functools.partial(scan.scan_shard, options=self.options)
        for scanned in crew.each(work, shards, jobs):
            self._take(scanned)
            self.seconds = time.monotonic() - self._began
            yield scanned
        self._settle()
        self.seconds = time.monotonic() - self._began
        self.is_complete = not self.troubles

    def name(self, index_urls: Sequence[str], jobs: int) -> None:
        """Find out what the corrupt entries are that could not tell it themselves."""
        self.corrupt[:MOST_NAMED] = named(
            self.cache_root, self.corrupt[:MOST_NAMED], index_urls, jobs
        )

    def _take(self, scanned: Scanned) -> None:
        self.tally.add(scanned.tally)
        self.leftovers += scanned.leftovers
        self.troubles += scanned.troubles
        for judged in scanned.judged:
            is_corrupt = judged.group is Group.CORRUPT
            (self.corrupt if is_corrupt else self._unsettled).append(judged)

    def _settle(self) -> None:
        """Look again at what was being stored."""
        if not self._unsettled:
            return
        time.sleep(_PATIENCE)
        for before in self._unsettled:
            now = scan.judge(before.place, self.options.depth)
            self.tally.recount(before, now)
            if now is not None and now.group is Group.CORRUPT:
                self.corrupt.append(now)
        self._unsettled.clear()


def named(
    cache_root: Path, judged: Sequence[Judged], index_urls: Sequence[str], jobs: int
) -> list[Judged]:
    """The same with what can be learnt of them from their URLs, where those are found.

    Args:
        cache_root: where they are.
        judged: each with what its own content tells.
        index_urls: the indexes that they may have come from.
        jobs: processes that may share the search.
    """
    urls = inventory.urls_of(cache_root, judged, index_urls, jobs)
    return [
        one._replace(subject=_completed(one.subject, subjects.of_url(url)))
        if (url := urls.get(one.place.name)) is not None
        else one
        for one in judged
    ]


class Repaired(NamedTuple):
    """What became of a corrupt entry."""

    judged: Judged
    """As it was when it was acted on."""
    done: enforce.Enforced | None
    """None if it is corrupt no more: another process was faster."""


class Swept(NamedTuple):
    """What became of leftovers."""

    id: str | None
    """Of the item in quarantine that holds the files; None if there were none."""
    files: int
    size: int
    """Bytes."""
    folders: int
    """Empty folders removed."""
    stayed: int
    """Files and folders that were left where they are."""


def repair(judged: Judged, log: EventLog) -> Repaired:
    """Quarantine a corrupt entry and record the event.

    If it was changed since it was judged, it is looked at again, once. The bounds of
    the quarantine are not kept here: see :func:`prune`.
    """
    for _ in range(2):
        done = enforce.enforce(_finding(judged), log, move=True, bounds=None)
        if done is not None:
            return Repaired(judged, done)
        again = scan.judge(judged.place)
        if again is None or again.group is not Group.CORRUPT:
            break
        judged = again._replace(subject=judged.subject)
    return Repaired(judged, None)


def prune(cache_root: Path, settings: Settings) -> None:
    """Keep the bounds of the quarantine, once after everything was moved."""
    with contextlib.suppress(OSError):
        quarantine.prune(cache_root, quarantine.Bounds.of(settings))


def sweep(survey: Survey) -> Swept:
    """Move leftover files to quarantine and remove empty folders.

    Raises:
        QuarantineError: there is no place for the files.
    """
    if not survey.tally.leftovers:
        return Swept(None, 0, 0, 0, 0)
    what = {"subject": "leftovers of pip's cache"}
    item = sweeping.sweep(
        survey.cache_root, events.new_id(), _leftover_files(survey), what
    )
    folders = [
        one.path for one in survey.leftovers if one.kind is LeftoverKind.EMPTY_FOLDER
    ]
    removed = sum(map(_is_removed, folders))
    stayed = item.stayed + len(folders) - removed
    item_id = item.item.id if item.moved else None
    return Swept(item_id, item.moved, item.bytes, removed, stayed)


def _completed(subject: Subject, told: Subject) -> Subject:
    """A subject with what its URL tells where the content did not."""
    kind = told.kind if subject.kind is Kind.OTHER else subject.kind
    return Subject(kind, *(own or more for own, more in zip(subject[1:], told[1:])))


def _finding(judged: Judged) -> enforce.Finding:
    return enforce.Finding(
        judged.place,
        judged.stamp,
        judged.verdict,
        judged.subject.url,
        told=judged.subject.words,
        project=judged.subject.project,
    )


def _leftover_files(survey: Survey) -> Iterator[tuple[Path, FileIdentity]]:
    for leftover in survey.leftovers:
        if leftover.kind is not LeftoverKind.EMPTY_FOLDER:
            yield leftover.path, leftover.identity
    for shard in walk.shards(survey.cache_root):
        if shard.layout in survey.options.unread:
            for met in walk.walk(shard):
                if isinstance(met, Place):
                    identity = entries.identity_of(met.metadata)
                    if identity is not None:
                        yield met.metadata, identity


def _is_removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False  # a pip has put something into it
    return True
