"""The options of the commands that judge caches: how deep, what again, by how many."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipmend import config, crew
from pipmend._compat import installed
from pipmend._compat.layouts import Layout
from pipmend.archives import Depth
from pipmend.cli import progress
from pipmend.scan import Options

if TYPE_CHECKING:
    import argparse

    from pipmend.survey import Survey


def add(parser: argparse.ArgumentParser) -> None:
    """Declare ``--deep``, ``--all`` and ``--jobs``."""
    parser.add_argument(
        "--deep", action="store_true", help="open every archive member and page"
    )
    parser.add_argument(
        "--all", action="store_true", help="read also what is known to be unchanged"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=crew.default_jobs(),
        metavar="N",
        help="processes that share the work (default: %(default)s)",
    )


def options(arguments: argparse.Namespace, *, modified_since: float = 0) -> Options:
    """How to scan; entries older than the given moment are passed over."""
    return Options(
        depth=Depth.FULL if arguments.deep else Depth.QUICK,
        memory_folder=config.load().cache_folder / "verified",
        reads_all=arguments.all,
        modified_since=modified_since,
        unread=_unread_layouts(),
    )


def look(
    found: Survey, arguments: argparse.Namespace, label: str, *, quiet: bool
) -> None:
    """Scan a cache, with progress.

    Raises:
        OSError: the cache folder cannot be read.
        concurrent.futures.process.BrokenProcessPool: a process was killed.
    """
    shards = found.shards
    with progress.shown(label, len(shards), quiet=quiet) as bar:
        for scanned in found.run(shards, arguments.jobs):
            bar.advance(scanned.tally.entries, scanned.tally.read_bytes)


def _unread_layouts() -> frozenset[Layout]:
    """The generations that none of the pips found here reads; none without a pip."""
    layouts = {pip.layout for pip in installed.find_pips(os.environ)}
    if not layouts or Layout.ONE_FILE in layouts:
        return frozenset()
    return frozenset({Layout.ONE_FILE})
