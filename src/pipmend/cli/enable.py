"""``pipmend enable``: have every environment of a Python use one copy of pipmend."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend.cli import output
from pipmend.everywhere import front, installation, library, telling
from pipmend.everywhere.library import Library, Source
from pipmend.everywhere.outcomes import Choice
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from pipmend.everywhere.outcomes import Done, Outcome, Wish

_REFUSED = telling.REFUSED

_DESCRIPTION = """\
Have a Python load one copy of pipmend, so that pip heals its cache in all of its
environments: those that exist and those that are made later. The copy is in a folder
of its own; no environment is touched, and none lists it. Two lines in the
sitecustomize.py of the standard library load it; one that was there before still runs.

Without --all, it is about the Python that runs this command (of a venv: the one that
the venv was made with). Interpreters that come later need another `enable --all`.
"""

_EXAMPLES = """\
exit code: 0 done, 1 something failed, 2 usage, 3 refused: nothing was done

examples:
  sudo pipmend enable --all          every Python of this machine
  pipmend enable --all --user        your own ones, and what is possible of the others
  pipmend enable --python ~/.pyenv/versions/3.12.1/bin/python --user
  sudo pipmend enable --all --opt-in dormant until PIPMEND=heal is in the environment
  pipmend enable --all --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend enable``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    add_common_arguments(parser)
    parser.add_argument(
        "--opt-in",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="dormant until PIPMEND is set; by default as it is now",
    )
    parser.add_argument(
        "--wheels",
        type=Path,
        metavar="DIR",
        help="take wrapt, msgpack and platformdirs from there, not from an index",
    )
    parser.add_argument(
        "--allow-group",
        action="store_true",
        help="accept Pythons that a group or another user may change",
    )


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``enable`` and ``disable`` have in common."""
    parser.add_argument(
        "--all", action="store_true", help="every Python, not just the one that runs"
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        action="append",
        help="this Python; may be repeated",
    )
    parser.add_argument(
        "--user", action="store_true", help="with a copy for you alone, without root"
    )
    parser.add_argument(
        "--prefix", type=Path, metavar="DIR", help="the folder of the copy"
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument(
        "--json", action="store_true", help="JSON Lines: one record per Python"
    )


def run(arguments: argparse.Namespace) -> int:
    """Enable; 0 done, 1 something failed, 3 refused.

    Raises:
        PipmendError: the receipt is damaged.
        OSError: the folder of the copy cannot be written.
    """
    wish = front.for_enabling(front.wish_of(arguments, choice(arguments)), arguments)
    say = output.warn if arguments.json else output.say
    try:
        done = installation.enable(wish, Source.running(), say)
    except RefusedError as error:
        return refused(error)
    if arguments.json:
        print_records(done)
        _print_copy(done, wish)
    else:
        for line in telling.enabled_lines(done, wish):
            output.say(line)
    return telling.code(done)


def choice(arguments: argparse.Namespace) -> Choice:
    """Which interpreters are meant, if none is named."""
    return Choice.ALL if arguments.all else Choice.OWN


def refused(error: RefusedError) -> int:
    """Tell why nothing was done; the exit code."""
    for line in str(error).splitlines():
        output.warn(line)
    return _REFUSED


def print_records(done: Done) -> None:
    """Print one record per interpreter."""
    for one in done.outcomes:
        output.record("interpreter", _fields(one))


def _fields(one: Outcome) -> dict[str, object]:
    return {
        "result": one.result.value,
        "python": one.executable,
        "version": one.version,
        "file": None if one.file is None else str(one.file),
        "reason": one.reason,
        "limits": one.limits,
    }


def _print_copy(done: Done, wish: Wish) -> None:
    folder = wish.root / library.NAME
    fields = {
        "folder": str(folder),
        "built": done.built,
        "opt_in": Library(folder).is_opt_in,
        "dry_run": wish.dry_run,
    }
    output.record("copy", fields)
