"""``pipmend quarantine``: look at what was moved out of the cache, and use it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import quarantine
from pipmend.cli import cache_option, moments, output, quarantine_actions
from pipmend.errors import QuarantineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_DAYS = quarantine.LONGEST_AGE // (24 * 3600)
_GIB = quarantine.LARGEST_TOTAL >> 30
_LARGEST = quarantine.LARGEST_BODY >> 20

_DESCRIPTION = f"""\
Look at what pipmend has moved out of the cache, and use it. Corrupt entries and
leftovers are never deleted at once: each lies in a folder of its own below
CACHE/pipmend/quarantine, with the verdict on it. When something new comes in, what
is older than {_DAYS} days is dropped, and the oldest of what is more than {_GIB} GiB.
"""

_ID_HELP = "the item, as `pipmend quarantine list` shows it, or its beginning"

_EXAMPLES = f"""\
exit code: 0 done, 1 not done, 2 usage, 3 could not finish
ID: as `pipmend quarantine list` shows it, or as much of its beginning as is needed

A body of more than {_LARGEST} MiB is kept as its head and tail with its SHA-256.

examples:
  pipmend quarantine list
  pipmend quarantine show 20261120T1200
  pipmend quarantine restore 20261120T1200 look-at-this
  pipmend quarantine export 20261120T1200 report.zip
  pipmend quarantine purge --older-than 7d
  pipmend quarantine COMMAND --help
"""


class _Action(NamedTuple):
    """One of the commands below ``pipmend quarantine``."""

    name: str
    summary: str
    description: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and their arguments."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.set_defaults(action=None)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND")
    for action in _ACTIONS:
        details = actions.add_parser(
            action.name,
            help=action.summary,
            description=action.description,
            epilog=action.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        details.set_defaults(action=action)
        action.add_arguments(details)
        cache_option.add(details)
        details.add_argument(
            "--json", action="store_true", help="JSON Lines, for other programs"
        )


def run(arguments: argparse.Namespace) -> int:
    """Carry out one of the commands; 0 done, 1 not done, 3 could not finish.

    Raises:
        UsageError: the words make no sense together.
    """
    action: _Action | None = arguments.action
    if action is None:
        names = ", ".join(action.name for action in _ACTIONS)
        raise UsageError(f"say what to do: pipmend quarantine {{{names}}}; see --help")
    try:
        return action.run(arguments)
    except QuarantineError as error:
        output.warn(str(error))
        return quarantine_actions.FAILED
    except OSError as error:
        output.warn(f"could not finish: {error}; do: mend that, and try again")
        return quarantine_actions.UNFINISHED


def _add_nothing(_: argparse.ArgumentParser) -> None:
    pass


def _add_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help=_ID_HELP)


def _add_restore(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument(
        "directory",
        nargs="?",
        type=Path,
        metavar="DIRECTORY",
        help="a new or empty folder; ./pipmend-ID if none is given",
    )
    parser.add_argument(
        "--into-cache", action="store_true", help="move it back to where it was"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="with --into-cache: even if it does not judge intact, and in the place "
        "of an entry that is there now",
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_id(parser)
    parser.add_argument(
        "file", type=Path, metavar="FILE.zip", help="a file that is not there yet"
    )
    parser.add_argument(
        "--with-metadata",
        action="store_true",
        help="also the files as they are that may hold secrets: cookies, tokens, "
        "signed links",
    )


def _add_purge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help=_ID_HELP)
    parser.add_argument(
        "--older-than",
        type=moments.since,
        metavar="SPAN",
        help=f"what was moved before: {moments.HELP}",
    )
    parser.add_argument("--all", action="store_true", help="everything that is there")
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what would be deleted"
    )


_ACTIONS = (
    _Action(
        "list",
        "show what is in quarantine, oldest first",
        "Show what is in quarantine, oldest first: what it is, and why it is there.",
        """\
exit code: 0 shown, whether or not there is anything

examples:
  pipmend quarantine list
  pipmend quarantine list --cache .cache/pip --json
""",
        _add_nothing,
        quarantine_actions.show_all,
    ),
    _Action(
        "show",
        "show everything that is known of one item",
        "Show everything that is known of one item: what was wrong with it, the\n"
        "likely cause, its files, and how it judges now, as it lies there.",
        """\
exit code: 0 shown, 1 no such item, 3 it cannot be read

examples:
  pipmend quarantine show 20261120T120000Z-0a1b2c3d
  pipmend quarantine show 20261120T12
""",
        _add_id,
        quarantine_actions.show_one,
    ),
    _Action(
        "restore",
        "copy the files of an item to a folder, or move them back into the cache",
        "Copy the files of an item to a folder, under readable names; quarantine and\n"
        "cache stay as they are. With --into-cache they are moved back to where they\n"
        "were instead: an entry only if it judges intact and its place is free,\n"
        "unless --force is given; leftovers wherever nothing is in their place.",
        """\
exit code: 0 restored, 1 not, and why, 3 could not finish; then nothing is half done

examples:
  pipmend quarantine restore 20261120T12 look-at-this
  pipmend quarantine restore 20261120T12 --into-cache
""",
        _add_restore,
        quarantine_actions.restore_one,
    ),
    _Action(
        "export",
        "write an item as one zip file for a bug report",
        "Write an item as one zip file for a bug report: the verdict, the response\n"
        "header fields without cookies, credentials and signed links, a list of the\n"
        "files, and the body.",
        """\
exit code: 0 written, 1 not, and why, 3 could not finish; then there is no file

examples:
  pipmend quarantine export 20261120T12 report.zip
  pipmend quarantine export 20261120T12 private.zip --with-metadata
""",
        _add_export,
        quarantine_actions.export_one,
    ),
    _Action(
        "purge",
        "delete items for good",
        "Delete items for good: those that are named, those that are older than a\n"
        "span of time, or all. Nothing is deleted without one of these.",
        """\
exit code: 0 deleted, 1 no such item, 2 usage, 3 something could not be deleted

examples:
  pipmend quarantine purge 20261120T12
  pipmend quarantine purge --older-than 7d --dry-run
  pipmend quarantine purge --all
""",
        _add_purge,
        quarantine_actions.purge_some,
    ),
)
