"""Does the same thing break again and again, and what may be done about it?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipmend import offenders
from pipmend.doctor.file_system import LITTLE_BYTES, is_network
from pipmend.doctor.past import LONGEST_WORD, names_of
from pipmend.doctor.values import Code, Finding, Fine, Severity
from pipmend.doctor.words import MOVE, disk, mib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.doctor.past import Past
    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Surroundings


def repetitions(around: Surroundings, past: Past, ci: str | None) -> Iterator[Answer]:
    """Have entries of the cache broken repeatedly?"""
    found = {
        offence.where: offence
        for root in names_of(around)
        for offence in offenders.offences(past.broken, root)
    }
    if not found:
        yield Fine("repetitions", "nothing in this cache broke again and again")
        return
    # The last one is about the whole cache, if any is.
    *others, last = found.values()
    more = f"; {len(others):,} entries repeatedly" if others else ""
    yield Finding(
        Code.REPEAT_OFFENDER,
        Severity.WARNING,
        f"{last.where[:LONGEST_WORD]}: {last.words}{more}",
        _remedy(around, past, ci),
    )


def _remedy(around: Surroundings, past: Past, ci: str | None) -> str:
    """What to do about entries that break again, by the likeliest cause."""
    roots = [os.path.join(root, "") for root in names_of(around)]  # noqa: PTH118
    free = [
        number
        for event in past.broken
        for number in [event.get("free_bytes")]
        if isinstance(number, int) and str(event.get("entry")).startswith(tuple(roots))
    ]
    mount = around.file_system.mount
    if free and min(free) < LITTLE_BYTES:
        left = f"{mib(min(free))} were left when an entry broke"
        return f"keep {mib(LITTLE_BYTES)} free on {disk(around)}: only {left}"
    if mount is not None and is_network(mount):
        return f"move the cache to a local disk: {MOVE}"
    if ci is not None:
        return "change the key of the CI cache, so that a healed one is saved"
    return (
        "look for errors of the disk in the system's log, on Linux: sudo dmesg -l err"
    )
