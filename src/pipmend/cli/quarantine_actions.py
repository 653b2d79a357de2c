"""What each of the commands below ``pipmend quarantine`` does; they return exit codes.

Each may raise:
    UsageError: the words make no sense together.
    QuarantineError: there is no such item, or it is not to be had in this way.
    OSError: something cannot be read or written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import evidence, handout, quarantine, restore, units
from pipmend.cli import cache_option, output, quarantine_output
from pipmend.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pipmend.evidence import Evidence

DONE, FAILED, UNFINISHED = 0, 1, 3


def show_all(arguments: argparse.Namespace) -> int:
    """Print what is in quarantine, cache by cache."""
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
        items = units.counted(number, "item")
        output.say(f"{items}, {output.size_text(size)}")
        output.say("More about one of them: pipmend quarantine show ID")
    else:
        where = ", ".join(str(quarantine.folder_of(root)) for root in roots)
        output.say(f"Nothing is in quarantine. Looked at: {where}")
    return DONE


def show_one(arguments: argparse.Namespace) -> int:
    """Print everything that is known of one item."""
    item = _item(arguments)
    told = quarantine_output.told_of(item)
    if arguments.json:
        output.record("details", quarantine_output.details(item, told))
        return DONE
    quarantine_output.say_details(item, told)
    return DONE


def restore_one(arguments: argparse.Namespace) -> int:
    """Copy an item to a folder, or move it back into the cache."""
    if arguments.into_cache and arguments.directory is not None:
        raise UsageError("give a directory or --into-cache, not both")
    if arguments.force and not arguments.into_cache:
        raise UsageError("--force goes with --into-cache; a directory needs none")
    item = _item(arguments)
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
    return DONE if restored.files else FAILED


def export_one(arguments: argparse.Namespace) -> int:
    """Write an item as one zip file."""
    item = _item(arguments)
    done = handout.export(item, arguments.file, with_metadata=arguments.with_metadata)
    if arguments.json:
        values = {
            "id": item.id,
            "cache": str(item.cache_root),
            "file": str(arguments.file.absolute()),
            **done._asdict(),
        }
        output.record("exported", values)
        return DONE
    output.say(f"Wrote {arguments.file}, {output.size_text(done.bytes)}:")
    quarantine_output.say_some(done.members)
    if done.left_out:
        output.say("Left out; --with-metadata adds what may hold secrets:")
        quarantine_output.say_some(done.left_out)
    output.say("Read it before you send it: a body may hold what is not for others.")
    return DONE


def purge_some(arguments: argparse.Namespace) -> int:
    """Delete the items that are meant, for good."""
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
    return UNFINISHED if purged.stayed else DONE


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


def _roots(arguments: argparse.Namespace) -> list[Path]:
    return cache_option.roots_with_quarantines(arguments)


def _item(arguments: argparse.Namespace) -> Evidence:
    return evidence.find(_roots(arguments), arguments.id)
