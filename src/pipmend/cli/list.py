"""``pipmend list``: what is in the cache, by package."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipmend import crew, inventory, walk
from pipmend.cli import cache_option, output, progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from pipmend.inventory import Listed

_DESCRIPTION = """\
List what is in pip's caches, by package: the HTTP cache, which `pip cache list` does
not show, and the wheels that pip built. Packages are known by what the entries hold,
since the cache does not keep names. Nothing is judged and nothing is changed.
"""

_EXAMPLES = """\
exit code: 0 listed, 1 nothing matches, 2 usage

examples:
  pipmend list                     one line for each package
  pipmend list 'django*'           those that match a pattern
  pipmend list --entries idna      each entry of a package
  pipmend list --json | jq .subject.project
"""

_UNKNOWN = "(unknown)"
_MOST_VERSIONS = 4


@dataclass
class _Package:
    """The entries of one project."""

    entries: int = 0
    size: int = 0
    newest: float = 0
    versions: set[str] = field(default_factory=set)

    def add(self, listed: Listed) -> None:
        self.entries += 1
        self.size += listed.stamp.size
        self.newest = max(self.newest, listed.stamp.modified)
        if listed.subject.version is not None:
            self.versions.add(listed.subject.version)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend list``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("pattern", nargs="?", metavar="PATTERN", help="a name, or one with * and ?")
    cache_option.add(parser)
    add("--entries", action="store_true", help="show each entry, not each package")
    add("--json", action="store_true", help="one JSON object a line for each entry")


def run(arguments: argparse.Namespace) -> int:
    """Print what is there; 0 if anything matches, else 1.

    Raises:
        UsageError: there is no such cache.
        OSError: a cache cannot be read.
    """
    shown = 0
    for folder in cache_option.chosen(arguments):
        listed = matching(folder.path, arguments.pattern, quiet=arguments.json)
        if arguments.json:
            shown += sum(_show_record(folder.path, one) for one in listed)
            continue
        output.say(f"{folder.path}  ({folder.source})")
        if arguments.entries:
            shown += sum(map(_show_entry, listed))
        else:
            shown += _show_packages(listed)
    return 0 if shown else 1


def matching(root: Path, pattern: str | None, *, quiet: bool) -> Iterator[Listed]:
    """The entries of the projects that match a pattern, in any order.

    Raises:
        OSError: the cache cannot be read.
    """
    wanted = None if pattern is None else re.sub(r"[-_.]+", "-", pattern).lower()
    for one in named(root, "reading", crew.default_jobs(), quiet=quiet):
        project = one.subject.project or _UNKNOWN
        if wanted is None or fnmatch.fnmatchcase(project, wanted):
            yield one


def named(root: Path, label: str, jobs: int, *, quiet: bool) -> Iterator[Listed]:
    """Everything in a cache by name, in any order, with progress.

    Raises:
        OSError: the cache cannot be read.
        concurrent.futures.process.BrokenProcessPool: a process was killed.
    """
    shards = walk.shards(root)
    with progress.shown(label, len(shards), quiet=quiet) as bar:
        for found in crew.each(inventory.list_shard, shards, jobs):
            bar.advance(len(found), sum(one.stamp.size for one in found))
            yield from found


def _show_record(root: Path, listed: Listed) -> int:
    fields = {
        "cache": str(root),
        "entry": str(listed.place.metadata),
        "subject": listed.subject.as_record(),
        "bytes": listed.stamp.size,
        "modified": output.moment_text(listed.stamp.modified),
    }
    output.record("entry", fields)
    return 1


def _show_entry(listed: Listed) -> int:
    size = output.size_text(listed.stamp.size)
    when = output.moment_text(listed.stamp.modified)
    output.say(f"  {size:>10}  {when}  {listed.subject.words}")
    return 1


def _show_packages(listed: Iterator[Listed]) -> int:
    packages: dict[str, _Package] = {}
    for one in listed:
        name = one.subject.project or _UNKNOWN
        packages.setdefault(name, _Package()).add(one)
    by_size = sorted(packages.items(), key=lambda item: -item[1].size)
    rows = [
        (
            name,
            output.size_text(package.size),
            f"{package.entries:,} entries",
            output.moment_text(package.newest)[:10],
            _versions(package.versions),
        )
        for name, package in by_size
    ]
    for line in output.table(rows, right=frozenset({1, 2})):
        print(f"  {line}")
    total = sum(package.size for package in packages.values())
    entries = sum(package.entries for package in packages.values())
    output.say(
        f"  {len(packages):,} packages, {entries:,} entries, {output.size_text(total)}"
    )
    return entries


def _versions(versions: set[str]) -> str:
    ordered = sorted(versions, key=_version_key)
    more = len(ordered) - _MOST_VERSIONS
    shown = ", ".join(ordered[-_MOST_VERSIONS:])
    return f"{shown} and {more} more" if more > 0 else shown


def _version_key(version: str) -> list[tuple[int, str]]:
    """Numbers by value, and words by letters: enough for a list that people read."""
    parts = re.findall(r"\d{1,9}|[a-z]+", version.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
