"""One entry or built wheel, judged as it lies there now."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING

from pipmend import entries, examine, subjects, untrusted, wheels
from pipmend._compat.layouts import WHEELS
from pipmend.archives import Depth
from pipmend.metadata import StoredResponse
from pipmend.scan.values import UNNAMED, Group, Judged
from pipmend.verdicts import INTACT, Outcome, Reason, Verdict
from pipmend.verify import Told

if TYPE_CHECKING:
    from pipmend._compat.layouts import Place
    from pipmend.entries import OpenEntry, Stamp
    from pipmend.subjects import Subject

LARGEST_INLINE = 512 * 1024 * 1024
"""Bytes of an entry with its body in the same file, which is read into memory."""

LARGEST_FILE = 16 * 1024 * 1024 * 1024
"""Bytes of any other file that are read: a hole on disk can be of any size."""

_TRIES = 3
"""Looks at an entry that others are changing at the same time."""

_GROUPS = {
    Outcome.INTACT: Group.INTACT,
    Outcome.CORRUPT: Group.CORRUPT,
    Outcome.NOT_SELECTED: Group.NOT_JUDGED,
}
_FINAL = frozenset({Group.INTACT, Group.NOT_JUDGED})
"""What needs no second look."""


def judge(
    place: Place, depth: Depth = Depth.QUICK, stamp: Stamp | None = None
) -> Judged | None:
    """Judge one entry or built wheel as it is now; None if it is not there.

    An entry that others change meanwhile is looked at again.

    Args:
        place: where it is.
        depth: how far to look where no digest is known.
        stamp: its state, if that was looked at just before.

    Raises:
        OSError: for a passing trouble of this process, such as too many open files.
    """
    judged = None
    for _ in range(_TRIES):
        stamp = stamp or entries.stamp_of(place)
        if is_left_alone(place, stamp):
            return Judged(place, stamp, Group.NOT_JUDGED, INTACT)
        judged = _judged_once(place, depth, stamp)
        if judged is None or judged.group in _FINAL:
            return judged
        stamp = entries.stamp_of(place)
        if stamp == judged.stamp:
            return judged
    return judged and judged._replace(group=Group.IN_PROGRESS)


def judge_and_name(place: Place, depth: Depth) -> Judged | None:
    """Judge one entry, and tell what it is also if it is intact; None if not there.

    Raises:
        OSError: a file cannot be read.
    """
    judged = judge(place, depth)
    if judged is None or judged.subject is not UNNAMED:
        return judged
    if is_left_alone(place, judged.stamp):
        return judged
    entry = entries.open_entry(place)
    if entry is None:
        return None
    with contextlib.closing(entry):
        stored = examine.read_metadata(entry)
        return judged._replace(subject=subject_of(entry, stored))


def is_left_alone(place: Place, stamp: Stamp) -> bool:
    """Whether an entry is never read here: it is too large, or lies elsewhere."""
    is_inline = place.body is None and place.directory.name != WHEELS
    if stamp.size > (LARGEST_INLINE if is_inline else LARGEST_FILE):
        return True
    return any(
        untrusted.leads_outside(path, place.cache_root)
        for path, identity in zip((place.metadata, place.body), stamp)
        if path is not None and identity is not None and stat.S_ISLNK(identity.mode)
    )


def group_of(verdict: Verdict) -> Group:
    """How an entry with a verdict counts."""
    if verdict.reason is Reason.STORE_IN_PROGRESS:
        return Group.IN_PROGRESS
    return _GROUPS[verdict.outcome]


def _judged_once(place: Place, depth: Depth, stamp: Stamp) -> Judged | None:
    if place.directory.name == WHEELS:
        return _judged_built(place, stamp)
    entry = entries.open_entry(place, stamp)
    if entry is None:
        return None
    try:
        return _judged_entry(entry, depth)
    finally:
        entry.close()


def _judged_built(place: Place, stamp: Stamp) -> Judged | None:
    if stamp.metadata is None:
        return None
    path = place.metadata
    is_origin = path.name == wheels.ORIGIN_NAME
    verdict = wheels.judge_origin(path) if is_origin else wheels.judge_wheel(path)
    group = group_of(verdict)
    if group is Group.CORRUPT and wheels.may_be_as_built(verdict):
        group = Group.NOT_JUDGED
    return Judged(place, stamp, group, verdict, subjects.of_built(path))


def _judged_entry(entry: OpenEntry, depth: Depth) -> Judged:
    stored = examine.read_metadata(entry)
    seal = examine.read_seal(entry)
    if isinstance(stored, Verdict):
        return _named(entry, stored, stored)
    if isinstance(seal, Verdict):
        return _named(entry, stored, seal)
    examined = examine.examine(entry, stored, seal, Told(), depth)
    if examined.verdict is not INTACT:
        return _named(entry, stored, examined.verdict)
    group = Group.INTACT if examined.is_vouched_for else Group.NOT_JUDGED
    return Judged(entry.place, entry.stamp, group, INTACT)


def _named(
    entry: OpenEntry, stored: StoredResponse | Verdict, verdict: Verdict
) -> Judged:
    subject = subject_of(entry, stored)
    return Judged(entry.place, entry.stamp, group_of(verdict), verdict, subject)


def subject_of(entry: OpenEntry, stored: StoredResponse | Verdict) -> Subject:
    """What an open entry is; its metadata may be unreadable.

    Raises:
        OSError: its body cannot be read.
    """
    if isinstance(stored, Verdict):
        stored = StoredResponse(0, {}, {}, b"")
    body = examine.body_file(entry, stored)
    return subjects.of_entry(stored, body)
