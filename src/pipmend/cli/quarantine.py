"""``pipmend quarantine``: look at what was moved out of the cache, and use it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import evidence, handout, quarantine, restore
from pipmend.cli import cache_option, moments, output, quarantine_output
from pipmend.errors import QuarantineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipmend.evidence import Evidence

_DONE, _FAILED, _UNFINISHED = 0, 1, 3

_DAYS = quarantine.LONGEST_AGE // (24 * 3600)
_GIB = quarantine.LARGEST_TOTAL >> 30
_LARGEST = quarantine.LARGEST_BODY >> 20

_DESCRIPTION = f"""\
Look at what pipmend has moved out of the cache, and use it. Corrupt entries and
leftovers are never deleted at once: each lies in a folder of its own below
CACHE/pipmend/quarantine, with the verdict on it. When something new comes in, what
is older than {_DAYS} days is dropped, and the oldest of what is more than {_GIB} GiB.
"""

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
        return _FAILED
    except OSError as error:
        output.warn(f"could not finish: {error}; do: mend that, and try again")
        return _UNFINISHED


# list


def _list(arguments: argparse.Namespace) -> int:
    roots = _roots(arguments)
    number = size = 0
    for root in roots:
        found = list(evidence.items(root))
        number += len(found)
        size += sum(item.bytes for item in found)
        if arguments.json:
            for item in found:
                output.record("item", item.as_record())
        elif found:
            quarantine_output.say_table(root, found, is_only=len(roots) == 1)
    if arguments.json:
        output.record("summary", {"items": number, "bytes": size})
    elif number:
        items = quarantine_output.counted(number, "item")
        output.say(f"{items}, {output.size_text(size)}")
        output.say("More about one of them: pipmend quarantine show ID")
    else:
        where = ", ".join(str(quarantine.folder_of(root)) for root in roots)
        output.say(f"Nothing is in quarantine. Looked at: {where}")
    return _DONE


# show


def _show(arguments: argparse.Namespace) -> int:
    item = _item(arguments, arguments.id)
    told = quarantine_output.told_of(item)
    if arguments.json:
        output.record("details", quarantine_output.details(item, told))
        return _DONE
    quarantine_output.say_details(item, told)
    return _DONE


# restore


def _restore(arguments: argparse.Namespace) -> int:
    if arguments.into_cache and arguments.directory is not None:
        raise UsageError("give a directory or --into-cache, not both")
    if arguments.force and not arguments.into_cache:
        raise UsageError("--force goes with --into-cache; a directory needs none")
    item = _item(arguments, arguments.id)
    if arguments.into_cache:
        folder = item.cache_root
        restored = restore.restore_into_cache(item, force=arguments.force)
    else:
        folder = arguments.directory or Path(f"pipmend-{item.id}")
        restored = handout.restore_to(item, folder)
    if arguments.json:
        values = quarantine_output.restored_record(
            item, folder, restored, into_cache=arguments.into_cache
        )
        output.record("restored", values)
    elif arguments.into_cache:
        quarantine_output.say_put_back(item, restored)
    else:
        quarantine_output.say_copied(item, folder, restored)
    return _DONE if restored.files else _FAILED


# export


def _export(arguments: argparse.Namespace) -> int:
    item = _item(arguments, arguments.id)
    done = handout.export(item, arguments.file, with_metadata=arguments.with_metadata)
    if arguments.json:
        values = {
            "id": item.id,
            "cache": str(item.cache_root),
            "file": str(arguments.file.absolute()),
            **done._asdict(),
        }
        output.record("exported", values)
        return _DONE
    output.say(f"Wrote {arguments.file}, {output.size_text(done.bytes)}:")
    quarantine_output.say_some(done.members)
    if done.left_out:
        output.say("Left out; --with-metadata adds what may hold secrets:")
        quarantine_output.say_some(done.left_out)
    output.say("Read it before you send it: a body may hold what is not for others.")
    return _DONE


# purge


def _purge(arguments: argparse.Namespace) -> int:
    ways = (bool(arguments.ids), arguments.older_than is not None, arguments.all)
    if sum(ways) != 1:
        raise UsageError("say what to delete: either IDs, --older-than SPAN or --all")
    roots = _roots(arguments)
    purged = evidence.purge(list(_chosen(arguments, roots)), dry_run=arguments.dry_run)
    if not arguments.dry_run:
        for root in roots:
            evidence.discard_remains(root)
    if arguments.json:
        values = {
            "dry_run": arguments.dry_run,
            "items": [item.id for item in purged.items],
            "bytes": purged.bytes,
            "stayed": list(purged.stayed),
        }
        output.record("purged", values)
    else:
        quarantine_output.say_purged(purged, dry_run=arguments.dry_run)
    return _UNFINISHED if purged.stayed else _DONE


def _chosen(arguments: argparse.Namespace, roots: list[Path]) -> Iterator[Evidence]:
    if arguments.ids:
        # A set: one item may be named twice.
        chosen = {evidence.find(roots, text) for text in arguments.ids}
        yield from sorted(chosen, key=lambda item: item.id)
        return
    for root in roots:
        if arguments.all:
            yield from evidence.items(root)
        else:
            yield from evidence.older_than(root, arguments.older_than.timestamp())


# What the commands share


def _roots(arguments: argparse.Namespace) -> list[Path]:
    return [cache.path for cache in cache_option.chosen(arguments)]


def _item(arguments: argparse.Namespace, text: str) -> Evidence:
    return evidence.find(_roots(arguments), text)


# Arguments and words of each command

_ID_HELP = "the item, as `pipmend quarantine list` shows it, or its beginning"


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
        _list,
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
        _show,
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
        _restore,
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
        _export,
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
        _purge,
    ),
)
