"""``pipmend report``: one page for a browser about caches and what happened to them."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

import pipmend
from pipmend import atomic, config, events, untrusted
from pipmend._compat import caches
from pipmend.cli import cache_option, doctor, output, scan_option
from pipmend.cli import list as list_command
from pipmend.doctor.words import typed
from pipmend.errors import QuarantineError, UsageError
from pipmend.report import gathered, incidents, page
from pipmend.report.headline import headline_of
from pipmend.report.values import Cache, Making, Report
from pipmend.scan import Count, Group
from pipmend.survey import Survey

if TYPE_CHECKING:
    import argparse

    from pipmend._compat.caches import CacheFolder
    from pipmend.report.values import Healing, Quarantine

_WRITTEN, _UNFINISHED = 0, 3
_STDOUT = "-"

_DESCRIPTION = """\
Write one page for a browser: the state of the cache, where its bytes are, what was
healed when and why, what lies in quarantine, and what the doctor has found. The page
is one file that needs nothing from elsewhere, and no JavaScript. The entries are
judged as `pipmend scan` does it; nothing in the cache is changed.
"""

_EXAMPLES = """\
The file is private to you, since the page names folders and packages. A file that is
no such page is not replaced without --force.

exit code: 0 written, 2 usage, 3 could not finish: the page, if there is one, says what
could not be looked at; 130 interrupted, nothing was written

examples:
  pipmend report --html cache.html
  pipmend report --html cache.html --no-scan       fast: nothing is judged
  pipmend report --html - /ci/cache > cache.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend report``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    cache_option.add(parser, positional=True)
    add = parser.add_argument
    add("--html", required=True, metavar="FILE", help="where to; - for stdout")
    add("--force", action="store_true", help="replace any file")
    add("--no-scan", action="store_true", help="judge nothing, which is fast")
    scan_option.add(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page; 0 if it tells everything, 3 if not.

    Raises:
        UsageError: there is no such cache, or the file is not to be replaced.
    """
    target = None if arguments.html == _STDOUT else Path(arguments.html)
    if target is not None:
        _check(target, is_forced=arguments.force)
    report = _Gathering(arguments).report()
    document = page.document(report)
    for trouble in report.troubles:
        output.warn(trouble)
    if target is None:
        sys.stdout.write(document)
    else:
        try:
            atomic.replace(target, document.encode("ascii"))
        except OSError as error:
            output.warn(f"cannot write {target}: {error.strerror or error}")
            return _UNFINISHED
        output.say(headline_of(report).sentence)
        output.say(f"Wrote {target.absolute()}, {output.size_text(len(document))}")
    return _UNFINISHED if report.troubles else _WRITTEN


def _check(target: Path, *, is_forced: bool) -> None:
    """Refuse, before any work is done, what could not be written at the end.

    Raises:
        UsageError: there is no folder for it, or something else in its place.
    """
    if not target.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {target.absolute().parent}")
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file")
    if os.path.lexists(target) and not is_forced and not _is_report(target):
        raise UsageError(
            f"{target} is there and no page of pipmend's; to replace it, give --force"
        )


def _is_report(path: Path) -> bool:
    try:
        with untrusted.open_file(path) as file:
            return page.is_report(file.read(page.LONGEST_HEAD))
    except OSError:
        return False


class _Gathering:
    """Everything that goes into the page, and what could not be looked at."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._began = time.monotonic()
        self._now = dt.datetime.now(tz=dt.timezone.utc)
        self._folders = cache_option.chosen(arguments)
        self._named = [path.absolute() for path in arguments.caches]
        self._listing = gathered.Listing()
        self._surveys: dict[Path, Survey] = {}
        self._listed: dict[Path, Count] = {}
        self._troubles: list[str] = []

    def report(self) -> Report:
        for folder in self._folders:
            if not self._arguments.no_scan:
                self._scan(folder.path)
            self._list(folder.path)
        surveys = list(self._surveys.values())
        corrupt = [judged for survey in surveys for judged in survey.corrupt]
        is_judged = not self._arguments.no_scan
        healing, quarantine = self._healing(), self._quarantine()
        diagnosis = doctor.diagnose(self._folders, os.environ)
        self._troubles += diagnosis.failures
        checkups = tuple(
            gathered.checkup_of(str(one.cache.path) if one.cache else None, one.answers)
            for one in diagnosis.examined
        )
        return Report(
            state=gathered.state_of(surveys, self._named) if is_judged else None,
            packages=self._listing.packages(corrupt if is_judged else None),
            healing=healing,
            quarantine=quarantine,
            checkups=checkups,
            making=self._making(),
            troubles=tuple(dict.fromkeys(self._troubles)),
        )

    def _scan(self, root: Path) -> None:
        arguments = self._arguments
        found = self._surveys[root] = Survey(root, scan_option.options(arguments))
        try:
            scan_option.look(found, arguments, f"judging {root}", quiet=False)
            found.name(caches.index_urls(), arguments.jobs)
        except (OSError, BrokenProcessPool) as error:
            found.is_complete = False
            self._troubles.append(f"cannot judge all of {root}: {error}")
        self._troubles += [f"{one.path}: {one.problem}" for one in found.troubles]

    def _list(self, root: Path) -> None:
        before = Count(self._listing.entries, self._listing.size)
        try:
            jobs = self._arguments.jobs
            for one in list_command.named(root, f"naming {root}", jobs, quiet=False):
                self._listing.add(one)
        except (OSError, BrokenProcessPool) as error:
            self._troubles.append(f"cannot list all of {root}: {error}")
        self._listed[root] = Count(
            self._listing.entries - before.items, self._listing.size - before.size
        )

    def _healing(self) -> Healing | None:
        log = events.EventLog(config.load().log_folder)
        roots = [folder.path for folder in self._folders]
        names = {str(path) for root in roots for path in (root, root.resolve())}
        present = {str(root): count.size for root, count in self._listed.items()}
        try:
            return incidents.healing_of(
                log, self._now, present, only=names if self._named else None
            )
        except OSError as error:
            problem = f"cannot read {log.path}: {error.strerror or error}"
            self._troubles.append(problem)
            return None

    def _quarantine(self) -> Quarantine | None:
        roots = [folder.path for folder in self._folders]
        try:
            return gathered.quarantine_of(roots, is_named=bool(self._named))
        except (OSError, QuarantineError) as error:
            self._troubles.append(f"cannot look into quarantine: {error}")
            return None

    def _command(self) -> str:
        arguments = self._arguments
        flags = [
            f"--{name.replace('_', '-')}"
            for name in ("no_scan", "deep", "all")
            if getattr(arguments, name)
        ]
        parts = ("--html", arguments.html, *flags, *arguments.caches)
        return typed("pipmend", "report", *parts)

    def _making(self) -> Making:
        return Making(
            version=pipmend.__version__,
            python=platform.python_version(),
            at=self._now,
            seconds=time.monotonic() - self._began,
            command=self._command(),
            scan=typed("pipmend", "scan", *self._named),
            log=str(events.EventLog(config.load().log_folder).path),
            caches=tuple(map(self._cache, self._folders)),
        )

    def _cache(self, folder: CacheFolder) -> Cache:
        survey = self._surveys.get(folder.path)
        if survey is None:
            return Cache(
                str(folder.path), folder.source, *self._listed[folder.path], None
            )
        groups = survey.tally.groups
        return Cache(
            path=str(folder.path),
            source=folder.source,
            entries=survey.tally.entries,
            size=sum(count.size for count in groups.values()),
            corrupt=groups.get(Group.CORRUPT, Count()).items,
        )
