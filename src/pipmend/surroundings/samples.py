"""A bounded look at the files and folders of a cache: owners, modes, times."""

from __future__ import annotations

import calendar
import contextlib
import email.utils
import heapq
import itertools
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, metadata
from pipmend._compat import caches
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_LOOKED_AT = 5_000
"""Files and folders in each part of a cache. pip spreads entries evenly over their
folders (their names are digests), so the first branches are a fair sample of all."""

_MOST_DATES = 100
_LARGEST_METADATA = 256 * 1024
"""Bytes; a larger file, as the one-file storage has, is not read for its date."""
_ENTRY_NAME = re.compile(r"[0-9a-f]{56}")

_HAS_MODES = os.name == "posix"


class Seen(NamedTuple):
    """How many of a kind were seen, and one of them."""

    number: int = 0
    example: Path | None = None

    def plus(self, path: Path) -> Seen:
        """One more."""
        return Seen(self.number + 1, self.example or path)


class Moment(NamedTuple):
    """A time that was found in the cache."""

    seconds: float
    """Since 1970."""
    path: Path
    """Where it was found."""


class Sample(NamedTuple):
    """What a bounded look at the parts of a cache has shown."""

    looked_at: int
    """Files and folders."""
    of_others: Seen
    """Not owned by the owner of the cache folder."""
    not_writable: Seen
    """Folders in which this user cannot write."""
    open_to_all: Seen
    """Folders in which everybody may write."""
    newest: Mapping[str, Moment]
    """The latest modification of a file in each part that has any."""
    newest_date: Moment | None
    """The latest ``Date`` of a stored response: what a server's clock said."""


def sample_of(cache: Path, most: int = MOST_LOOKED_AT) -> Sample:
    """Take a bounded look at owners, modes and times in the parts of a cache.

    Args:
        cache: an existing folder, without links.
        most: how many files and folders to look at in each part.

    Raises:
        OSError: the folder cannot be asked.
    """
    look = _Look(cache)
    for part in caches.PARTS:
        look.below(cache / part, part, most)
    return look.sample()


class _Look:
    """A look at a cache that goes on from file to file."""

    def __init__(self, cache: Path) -> None:
        status = cache.stat()
        self._owner = status.st_uid
        self._looked_at = 0
        self._of_others = self._not_writable = self._open_to_all = Seen()
        self._newest: dict[str, Moment] = {}
        self._newest_entries: list[Moment] = []
        """The metadata files with the latest modifications, as a heap."""
        self._at(cache, status, cache.name)

    def below(self, folder: Path, part: str, most: int) -> None:
        """Look at a part of the cache and what is in it, until that is enough."""
        try:
            status = folder.lstat()
        except OSError:
            return  # this cache has no such part
        self._at(folder, status, part)
        # Not into a link: it may lead anywhere.
        left = [folder] if stat.S_ISDIR(status.st_mode) else []
        while left and most > 0:
            for path, status in itertools.islice(_listed(left.pop()), most):
                most -= 1
                self._at(path, status, part)
                if stat.S_ISDIR(status.st_mode):
                    left.append(path)

    def sample(self) -> Sample:
        """What was seen."""
        return Sample(
            looked_at=self._looked_at,
            of_others=self._of_others,
            not_writable=self._not_writable,
            open_to_all=self._open_to_all,
            newest=dict(self._newest),
            newest_date=max(self._dates(), default=None),
        )

    def _at(self, path: Path, status: os.stat_result, part: str) -> None:
        self._looked_at += 1
        if status.st_uid != self._owner:
            self._of_others = self._of_others.plus(path)
        if stat.S_ISDIR(status.st_mode):
            if not os.access(path, os.W_OK | os.X_OK):
                self._not_writable = self._not_writable.plus(path)
            if _HAS_MODES and status.st_mode & stat.S_IWOTH:
                self._open_to_all = self._open_to_all.plus(path)
        if not stat.S_ISREG(status.st_mode):
            return
        moment = Moment(status.st_mtime, path)
        self._newest[part] = max(self._newest.get(part, moment), moment)
        if _ENTRY_NAME.fullmatch(path.name):
            heapq.heappush(self._newest_entries, moment)
            if len(self._newest_entries) > _MOST_DATES:
                heapq.heappop(self._newest_entries)

    def _dates(self) -> Iterator[Moment]:
        for entry in self._newest_entries:
            date = _date_in(entry.path)
            if date is not None:
                yield Moment(date, entry.path)


def _listed(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                with contextlib.suppress(FileNotFoundError):
                    yield Path(item.path), item.stat(follow_symlinks=False)
    except OSError:
        return  # removed meanwhile, or closed to this user: that was noted before


def _date_in(path: Path) -> float | None:
    """The field ``Date`` in the metadata of an entry, in seconds since 1970."""
    try:
        with entries.open_regular(path) as file:
            data = file.read(_LARGEST_METADATA + 1)
    except (OSError, entries.StrangeFileError):
        return None
    if len(data) > _LARGEST_METADATA:
        return None
    stored = metadata.decode(data)
    if isinstance(stored, Verdict):
        return None
    date = email.utils.parsedate_tz(stored.field("date"))
    return None if date is None else calendar.timegm(date[:6]) - (date[9] or 0)
