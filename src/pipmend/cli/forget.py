"""``pipmend forget``: move all entries of one package to quarantine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pipmend import config, entries, events, quarantine, sweeping
from pipmend.cli import cache_option, output
from pipmend.cli.list import matching
from pipmend.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipmend.entries import FileIdentity
    from pipmend.inventory import Listed

_DESCRIPTION = """\
Move everything that the caches hold of one package to quarantine: its index pages,
its files and their metadata in the HTTP cache, which `pip cache remove` does not
touch, and the wheels that pip built of it. The next pip fetches what it needs afresh.
"""

_EXAMPLES = """\
exit code: 0 moved, 1 there was nothing to move, or something stayed, 2 usage

examples:
  pipmend forget idna --dry-run    say what would be moved
  pipmend forget idna
  pipmend quarantine restore ID --into-cache
                                   put it back; `forget` prints the ID
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend forget``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("package", metavar="PACKAGE", help="name of the project")
    cache_option.add(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be moved"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Move the entries; 0 if all were moved, 1 if there were none or some stayed.

    Raises:
        UsageError: the name is a pattern, or there is no such cache.
        OSError: a cache cannot be read.
    """
    package = arguments.package
    if set("*?[") & set(package):
        message = "name one package; to see which there are: pipmend list"
        raise UsageError(f"{package!a} is a pattern: {message}")
    moved = stayed = 0
    dry = arguments.dry_run
    choose = cache_option.chosen if dry else cache_option.chosen_for_change
    for folder in choose(arguments):
        found = list(matching(folder.path, package, quiet=arguments.json))
        if not found:
            continue
        for one in found:
            _show(folder.path, one, as_json=arguments.json)
        if dry:
            moved += len(found)
            continue
        swept = _move(folder.path, package, found)
        moved, stayed = moved + swept.moved, stayed + swept.stayed
        _show_moved(folder.path, swept, arguments)
    if not moved and not stayed and not arguments.json:
        output.say(f"There is nothing of {package} in the cache.")
    return 0 if moved and not stayed else 1


def _move(root: Path, package: str, found: Iterable[Listed]) -> sweeping.SweptItem:
    what = {"subject": f"what the cache held of {package}"}
    swept = sweeping.sweep(root, events.new_id(), _files(found), what)
    with contextlib.suppress(OSError):
        bounds = quarantine.Bounds.of(config.load())
        quarantine.prune(root, bounds, keep=swept.item.id)
    return swept


def _files(found: Iterable[Listed]) -> Iterator[tuple[Path, FileIdentity]]:
    """The files of entries, metadata first: without it the entry is a miss."""
    for listed in found:
        place, stamp = listed.place, listed.stamp
        if entries.stamp_of(place) != stamp:
            continue  # a pip has just stored it anew
        if stamp.metadata is not None:
            yield place.metadata, stamp.metadata
        if place.body is not None and stamp.body is not None:
            yield place.body, stamp.body


def _show(root: Path, listed: Listed, *, as_json: bool) -> None:
    if not as_json:
        size = output.size_text(listed.stamp.size)
        output.say(f"  {size:>10}  {listed.subject.words}")
        return
    fields = {
        "cache": str(root),
        "entry": str(listed.place.metadata),
        "subject": listed.subject.as_record(),
        "bytes": listed.stamp.size,
    }
    output.record("entry", fields)


def _show_moved(
    root: Path, swept: sweeping.SweptItem, arguments: argparse.Namespace
) -> None:
    if arguments.json:
        fields = {
            "cache": str(root),
            "id": swept.item.id,
            "files": swept.moved,
            "bytes": swept.bytes,
            "stayed": swept.stayed,
        }
        output.record("summary", fields)
        return
    size = output.size_text(swept.bytes)
    output.say(f"moved {swept.moved:,} files ({size}) to quarantine: {swept.item.id}")
    if swept.stayed:
        output.say(f"{swept.stayed:,} files stayed: others are at work with them")
    again = f"{swept.item.id} --into-cache{cache_option.repeated(arguments)}"
    output.say(f"To put them back: pipmend quarantine restore {again}")
