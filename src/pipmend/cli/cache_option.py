"""The argument CACHE of the commands: which cache folders are meant."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import config, events, quarantine, surroundings
from pipmend._compat import caches
from pipmend._compat.caches import CacheFolder
from pipmend.errors import UsageError

if TYPE_CHECKING:
    import argparse

_HELP = "cache folders, as `pip cache dir` names them; all of this user's if none"


def add(parser: argparse.ArgumentParser, *, positional: bool = False) -> None:
    """Declare ``CACHE...``, or the option ``--cache CACHE`` where others come first."""
    if positional:
        parser.add_argument("caches", nargs="*", type=Path, metavar="CACHE", help=_HELP)
        return
    parser.add_argument(
        "--cache",
        dest="caches",
        action="append",
        default=[],
        type=Path,
        metavar="CACHE",
        help=f"{_HELP}; may be given several times",
    )


def chosen(arguments: argparse.Namespace) -> list[CacheFolder]:
    """The cache folders that are meant; at least one.

    Raises:
        UsageError: a folder is not there, or none was found.
    """
    if arguments.caches:
        return [_named(path) for path in arguments.caches]
    found = caches.find()
    if not found:
        raise UsageError("no pip cache was found for this user; name its folder")
    return found


def chosen_for_change(arguments: argparse.Namespace) -> list[CacheFolder]:
    """The same, where something is about to be moved.

    Raises:
        UsageError: also if a pip of this user would not touch such a cache; what root
            makes in it would be in the way of its owner.
    """
    folders = chosen(arguments)
    for folder in folders:
        if not surroundings.is_used_by_pip(folder.path):
            raise UsageError(
                f"{folder.path} belongs to another user or cannot be written to, so "
                f"pip would not use it; nothing was moved: run this as its owner"
            )
    return folders


def roots_with_quarantines(arguments: argparse.Namespace) -> list[Path]:
    """The cache folders that are meant; if none is named, those of programs too.

    Of the cache of a program that uses CacheControl itself, only the events tell where
    it is.

    Raises:
        UsageError: a folder is not there, or none was found.
        OSError: the event log cannot be read.
    """
    if arguments.caches:
        return [folder.path for folder in chosen(arguments)]
    found = [folder.path for folder in caches.find()]
    found += [root for root in _roots_in_events() if root not in found]
    return found or [folder.path for folder in chosen(arguments)]


def repeated(arguments: argparse.Namespace) -> str:
    """What to type to mean the same caches with another command; maybe nothing."""
    words = [word for path in arguments.caches for word in ("--cache", str(path))]
    return f" {shlex.join(words)}" if words else ""


def _named(path: Path) -> CacheFolder:
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}")
    if path.name in caches.PARTS and not caches.is_cache(path):
        raise UsageError(f"{path} is a part of a cache; name {path.absolute().parent}")
    return CacheFolder(path.absolute(), "named on the command line")


def _roots_in_events() -> list[Path]:
    """Where the items of recorded events are, as far as there is a quarantine.

    With links resolved, as in what ``caches.find`` finds: each cache is meant once.
    """
    told = events.EventLog(config.load().log_folder).read()
    items = {str(event.get("evidence")) for event in told if event is not None}
    roots = {Path(item).parent.parent.parent for item in items}
    there = filter(_has_quarantine, roots)
    return sorted({Path(os.path.normcase(os.path.realpath(root))) for root in there})


def _has_quarantine(root: Path) -> bool:
    try:
        return root.is_absolute() and quarantine.folder_of(root).is_dir()
    except (OSError, ValueError):
        return False  # no name of a file
