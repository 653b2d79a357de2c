"""``pipmend stats``: what was healed over time, and what that saved."""

from __future__ import annotations

import datetime as dt
import math
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import config, events, history, walk
from pipmend._compat import caches
from pipmend.cli import moments, output
from pipmend.history import Count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from pipmend.history import CacheCount, History, Table

_SHOWN, _UNREADABLE = 0, 3
_DAYS = 14
_ROWS = 10
_CACHES = 5
_WIDEST_BAR = 30

_NUMBERS = frozenset({1, 2, 3})
"""The columns of a table that hold numbers."""

_DESCRIPTION = """\
Show what the events add up to: corrupt entries that were found, and those that were
healed in the same run, by day, reason, package, host and version of pip.

Bytes fetched again are measured: the size of each fresh entry when it was stored.
What was healed without fetching (files of built wheels) does not count.

Bytes saved are an estimate, and an upper bound: each run that healed something could
have ended with `pip cache purge` instead, and everything in the cache could then have
been fetched or built again. So, of each cache,

  saved at most = runs x present size - bytes fetched again

How large a cache was at that time is not known; less of it might have been asked for
again, and one purge might have done for several runs. A run is one process on one
day. Only the sizes of the files in http, http-v2 and wheels are looked at, in the
caches that the events name.
"""

_EXAMPLES = """\
With --json one record is printed; schemas/stats.json in the package describes it.

exit code: 0 shown, 2 usage, 3 the log cannot be read

examples:
  pipmend stats
  pipmend stats --since 30d
  pipmend stats --json | python -m json.tool
"""


class Measured(NamedTuple):
    """What lies in a cache now."""

    bytes: int
    files: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--since",
        type=moments.since,
        metavar="MOMENT",
        help=f"count only from then on: {moments.HELP}",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON record")


def run(arguments: argparse.Namespace) -> int:
    """Print the statistics; 0 when the log could be read, 3 when not."""
    log = events.EventLog(config.load().log_folder)
    try:
        found = history.summed(log.read(), arguments.since)
    except OSError as error:
        output.warn(f"cannot read {log.path}: {error.strerror or error}")
        return _UNREADABLE
    if arguments.json:
        output.record("stats", _as_record(found, log.path, arguments.since))
        return _SHOWN
    if found.unreadable:
        output.warn(f"{found.unreadable} unreadable lines skipped")
    for line in _lines(found, log.path, arguments.since):
        output.say(line)
    return _SHOWN


def measure(root: str) -> Measured | None:
    """Measure what a purge of a cache would remove; None if there is no cache.

    Links are not followed; what cannot be read does not count.

    Args:
        root: the folder that ``pip cache dir`` names.
    """
    parts = [part for part in caches.PARTS if _is_folder(Path(root, part))]
    if not parts or not Path(root).is_absolute():
        return None
    size = files = 0
    for part in parts:
        for one in walk.sizes_below(Path(root, part)):
            size += one
            files += 1
    return Measured(size, files)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):  # the latter for a NUL in its name
        return False


def _lines(found: History, log: Path, since: dt.datetime | None) -> Iterator[str]:
    if found.is_empty:
        when = f"since {_moment(since)}" if since else "yet"
        yield f"Nothing has happened {when}. Events go to {log}"
        yield "A corrupt entry puts one there: when pip, with pipmend active, meets it,"
        yield "or when `pipmend scan --fix` moves it to quarantine."
        return
    yield from _totals(found)
    yield ""
    yield from _day_lines(found.days)
    for title, table, unknown in (
        ("reason", found.reasons, "(unknown)"),
        ("package", found.packages, "(unknown)"),
        ("host", found.hosts, "(none)"),
        ("pip", found.pips, "(outside of pip)"),
    ):
        yield ""
        yield from _table_lines(title, table, unknown)
    healed = [one for one in found.caches if one.runs]
    if healed:
        yield ""
        yield "compared with purging the cache"
    for one in healed[:_CACHES]:
        yield from _cache_lines(one)
    if len(healed) > _CACHES:
        yield f"  {len(healed) - _CACHES} more caches: see --json"


def _totals(found: History) -> Iterator[str]:
    total = found.total
    if found.first and found.last:
        yield f"{_moment(found.first)} to {_moment(found.last)}"
    yield f"corrupt entries: {total.found:,} found, {total.healed:,} healed"
    yield f"fetched again: {output.size_text(total.fetched)}"
    done = ", ".join(f"{number:,} {name}" for name, number in found.actions.items())
    yield f"what was done: {done}"
    if found.unmeasured:
        yield f"not in the bytes: {found.unmeasured:,} heals of unknown size"
    if found.offences:
        yield f"repeated damage: {found.offences:,} warnings; see `pipmend doctor`"
    if found.failures:
        yield f"pipmend itself failed: {found.failures:,} times; see `pipmend events`"


def _day_lines(days: Table) -> Iterator[str]:
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    shown = [
        (today - dt.timedelta(days=ago)).isoformat() for ago in reversed(range(_DAYS))
    ]
    counts = [days.rows.get(day, Count()) for day in shown]
    most = max(max(count.found, count.healed) for count in counts)
    rows = [("the last 14 days", *_HEADS, "# healed, - not")]
    rows += [
        (day, *_cells(count), _bar(count, most)) for day, count in zip(shown, counts)
    ]
    yield from output.table(rows, right=_NUMBERS)


def _bar(count: Count, most: int) -> str:
    """Heals and other findings to scale, rounded up: what happened is seen."""
    scale = min(1.0, _WIDEST_BAR / (most or 1))
    healed = math.ceil(count.healed * scale)
    return "#" * healed + "-" * (math.ceil(count.found * scale) - healed)


_HEADS = ("found", "healed", "fetched again")


def _table_lines(title: str, table: Table, unknown: str) -> Iterator[str]:
    largest = table.largest()
    rows = [(f"by {title}", *_HEADS)]
    rows += [(name, *_cells(count)) for name, count in largest[:_ROWS]]
    others = table.others
    for _, count in largest[_ROWS:]:
        others = others.plus(count)
    if any(others):
        rows.append(("(others)", *_cells(others)))
    if any(table.unknown):
        rows.append((unknown, *_cells(table.unknown)))
    yield from output.table(rows, right=_NUMBERS)


def _cells(count: Count) -> tuple[str, str, str]:
    size = output.size_text(count.fetched)
    return f"{count.found:,}", f"{count.healed:,}", size


def _cache_lines(one: CacheCount) -> Iterator[str]:
    heals = f"heals: {one.counts.healed:,} in {one.runs:,} runs"
    fetched = f"which fetched {output.size_text(one.counts.fetched)} again"
    present = measure(one.path)
    if present is None:
        yield f"  {one.path}: not there any more, so nothing can be compared"
        yield f"    {heals}, {fetched}"
        return
    size = output.size_text(present.bytes)
    yield f"  {one.path}: now {size} in {present.files:,} files"
    yield f"    {heals}, {fetched}; a purge would have cost up to {size} each time"
    saved = output.size_text(one.saved(present.bytes))
    yield f"    saved: at most {saved}, estimated with the present size"


def _as_record(
    found: History, log: Path, since: dt.datetime | None
) -> dict[str, object]:
    return {
        "log": str(log),
        "since": _moment(since),
        "first": _moment(found.first),
        "last": _moment(found.last),
        **_as_fields(found.total),
        "actions": found.actions,
        "unmeasured_heals": found.unmeasured,
        "offences": found.offences,
        "failures": found.failures,
        "unreadable_lines": found.unreadable,
        "days": _as_table(found.days, sorted(found.days.rows.items())),
        "reasons": _as_table(found.reasons, found.reasons.largest()),
        "packages": _as_table(found.packages, found.packages.largest()),
        "hosts": _as_table(found.hosts, found.hosts.largest()),
        "pips": _as_table(found.pips, found.pips.largest()),
        "caches": [_as_cache(one) for one in found.caches],
    }


def _as_table(table: Table, rows: Iterable[tuple[str, Count]]) -> dict[str, object]:
    return {
        "rows": [{"name": name, **_as_fields(count)} for name, count in rows],
        "unknown": _as_fields(table.unknown),
        "others": _as_fields(table.others),
    }


def _as_cache(one: CacheCount) -> dict[str, object]:
    present = measure(one.path)
    return {
        "path": one.path,
        **_as_fields(one.counts),
        "runs": one.runs,
        "present_bytes": present and present.bytes,
        "present_files": present and present.files,
        "saved_bytes_at_most": present and one.saved(present.bytes),
    }


def _as_fields(count: Count) -> dict[str, int]:
    return {
        "found": count.found,
        "healed": count.healed,
        "fetched_bytes": count.fetched,
    }


def _moment(moment: dt.datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
