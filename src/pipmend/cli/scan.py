"""``pipmend scan``: which entries are broken, and, if asked, repair exactly those."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from pipmend import config, events, survey
from pipmend._compat import caches
from pipmend.cli import cache_option, moments, scan_option
from pipmend.cli.scan_output import JsonOutput, TextOutput
from pipmend.errors import QuarantineError
from pipmend.survey import Survey
from pipmend.walk import Trouble

if TYPE_CHECKING:
    import argparse

    from pipmend._compat.caches import CacheFolder
    from pipmend.cli.scan_output import Output

_CLEAN, _FOUND, _UNFINISHED = 0, 1, 3

_DESCRIPTION = """\
Judge every entry of pip's caches, in the HTTP cache of every pip and in the cache of
built wheels. Nothing is changed unless --fix or --sweep is given, and then broken
entries are moved to quarantine, from which they can be restored; pip fetches them
again when it needs them. It is safe to scan while pips are at work.

  intact       what was stored, by a seal, a digest or checksums of its own
  corrupt      provably not what was stored, or of no use to any pip
  not judged   nothing contradicts it, and nothing vouches for its bytes
  leftovers    bodies without metadata, files of failed writes, empty folders, and
               entries in the storage of pip up to 23.2 where no such pip is found

What was verified and has not changed since (size, times, inode) is not read again.
"""

_EXAMPLES = """\
exit code: 0 nothing wrong, 1 corrupt entries found (repaired or not), 2 usage,
3 could not finish, 130 interrupted

examples:
  pipmend scan                     all caches of this user
  pipmend scan --fix               move what is corrupt to quarantine
  pipmend scan --fix --dry-run     say what --fix would do
  pipmend scan --sweep             move leftovers, too
  pipmend scan --deep --all        open every archive and page, also those known
  pipmend scan --json /cache | jq 'select(.type == "finding")'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend scan``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    cache_option.add(parser, positional=True)
    add = parser.add_argument
    add("--fix", action="store_true", help="move corrupt entries to quarantine")
    add("--sweep", action="store_true", help="move leftovers to quarantine, too")
    add("--dry-run", action="store_true", help="only say what would be moved")
    scan_option.add(parser)
    add(
        "--since",
        type=moments.since,
        metavar="WHEN",
        help=f"only what was modified since: {moments.HELP}",
    )
    add("--json", action="store_true", help="one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Scan the caches; 0 nothing wrong, 1 corrupt entries, 3 could not finish.

    Raises:
        UsageError: there is no such cache.
        KeyboardInterrupt: after a summary of what was done so far.
    """
    output: Output = JsonOutput() if arguments.json else TextOutput()
    changes = (arguments.fix or arguments.sweep) and not arguments.dry_run
    choose = cache_option.chosen_for_change if changes else cache_option.chosen
    return max(_scan(folder, arguments, output) for folder in choose(arguments))


def _scan(folder: CacheFolder, arguments: argparse.Namespace, output: Output) -> int:
    since = arguments.since.timestamp() if arguments.since else 0
    options = scan_option.options(arguments, modified_since=since)
    found = Survey(folder.path, options)
    output.begin(folder)
    try:
        scan_option.look(found, arguments, "scanning", quiet=arguments.json)
        found.name(caches.index_urls(), arguments.jobs)
        _act(found, arguments, output)
    except BrokenPipeError:
        raise  # the reader of the output has gone
    except (OSError, BrokenProcessPool) as error:
        found.troubles.append(Trouble(str(folder.path), str(error)))
        found.is_complete = False
    finally:
        output.end(found, arguments)
    if not found.is_complete:
        return _UNFINISHED
    return _FOUND if found.corrupt else _CLEAN


def _act(found: Survey, arguments: argparse.Namespace, output: Output) -> None:
    try:
        _report_or_repair(found, arguments, output)
    finally:
        if not arguments.dry_run and (arguments.fix or arguments.sweep):
            survey.prune(found.cache_root, config.load())


def _report_or_repair(
    found: Survey, arguments: argparse.Namespace, output: Output
) -> None:
    log = events.EventLog(config.load().log_folder)
    for judged in found.corrupt:
        if arguments.fix and not arguments.dry_run:
            output.repaired(survey.repair(judged, log))
        else:
            output.finding(judged, would_move=arguments.fix)
    for leftover in found.leftovers:
        output.leftover(leftover, would_move=arguments.sweep and arguments.dry_run)
    if arguments.sweep and not arguments.dry_run:
        try:
            output.swept(survey.sweep(found))
        except QuarantineError as error:
            found.troubles.append(Trouble(str(found.cache_root), str(error)))
            found.is_complete = False
