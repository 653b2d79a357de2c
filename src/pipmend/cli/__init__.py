"""What a person types: ``pipmend COMMAND``.

A command is a row of the table below and a module with two functions:
``add_arguments(parser)``, and ``run(arguments) -> int``, which returns the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pipmend
from pipmend.cli import output
from pipmend.errors import PipmendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED, _USAGE = 1, 2
_INTERRUPTED = 130
"""128 + SIGINT, which is what a shell reports."""
_PIPE_CLOSED = 141
"""128 + SIGPIPE."""

_DESCRIPTION = """\
pipmend makes pip's cache heal itself. It works inside pip, by itself; these
commands show what it is doing, and look after any cache from outside.
"""

_EXAMPLES = """\
examples:
  pipmend status            is it active in this Python, and what runs at start-up?
  pipmend scan              which entries of this user's caches are broken?
  pipmend scan --fix        move those to quarantine; pip fetches them again
  pipmend quarantine list   what was moved, and how to get it back
  pipmend events --follow   what is found and healed, as it happens
  pipmend doctor            is it the disk, the mount, another pip?
  pipmend COMMAND --help    more about one of them

Each command but `report` has --json, described by the schemas in the package.
PIPMEND=heal|observe|off in the environment sets what happens inside pip.
"""


@dataclass(frozen=True)
class _Command:
    name: str
    summary: str

    @property
    def module(self) -> str:
        return f"{__name__}.{self.name}"


_COMMANDS = (
    _Command("status", "show whether pipmend is active, and what runs at start-up"),
    _Command("scan", "find out which cache entries are broken, and repair them"),
    _Command("list", "show what is in the cache, by package"),
    _Command("forget", "move all entries of one package to quarantine"),
    _Command("explain", "say what is wrong with an entry, and why"),
    _Command("quarantine", "list, show, restore, export or purge what was moved"),
    _Command("events", "show what was found and healed"),
    _Command("stats", "show what was healed over time, and what that saved"),
    _Command("doctor", "look for a cause outside the cache"),
    _Command("report", "write one page about all of this for a browser"),
    _Command("enable", "have one copy of pipmend serve every Python of this machine"),
    _Command("disable", "undo that, for all or for one"),
    _Command("run", "run one command with pipmend, without any startup file"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: found something, or failed; each command says what. 2: usage. 3: could
    not finish. 130: interrupted. 141: the reader of the output has gone.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _survive_narrow_encodings()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more on exit and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except UsageError as error:
        output.warn(str(error))
        return _USAGE
    except (PipmendError, OSError) as error:
        output.warn(str(error))
        return _FAILED
    return code


def _run(words: Sequence[str]) -> int:
    parser = _parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return _USAGE
    command: _Command = arguments.command
    code: int = importlib.import_module(command.module).run(arguments)
    return code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipmend",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"pipmend {pipmend.__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    first = next((word for word in words if not word.startswith("-")), None)
    for command in _COMMANDS:
        details = commands.add_parser(
            command.name,
            help=command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        details.set_defaults(command=command)
        # The others stay unloaded: `status` must work where a dependency of
        # theirs is missing.
        if command.name == first:
            importlib.import_module(command.module).add_arguments(details)
    return parser


def _survive_narrow_encodings() -> None:
    """Have characters that the terminal cannot show escaped, not raised."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
