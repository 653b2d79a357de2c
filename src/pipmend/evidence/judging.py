"""Judging an entry as it lies in quarantine."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import entries, examine, quarantine, untrusted, wheels
from pipmend._compat.layouts import Place
from pipmend.archives import Depth
from pipmend.evidence.homes import is_of_wheels, told_place_of
from pipmend.evidence.values import EvidenceError
from pipmend.quarantine import Kind
from pipmend.verdicts import Reason, Verdict, corrupt
from pipmend.verify import Told

if TYPE_CHECKING:
    from pipmend.evidence.values import Evidence


def judge(item: Evidence) -> Verdict:
    """Judge an entry as it lies in quarantine, by the same rules as inside pip.

    Raises:
        EvidenceError: the item is no entry, or does not say which.
        OSError: reading failed for a passing reason of this process.
    """
    if item.kind is not Kind.ENTRY:
        raise EvidenceError(f"{item.id} is no entry: there is nothing to judge")
    home = told_place_of(item)
    if item.is_cut:
        return corrupt(Reason.BODY_MISSING, "only its head and tail were kept")
    is_wheel = is_of_wheels(home)
    first, second = (
        item.folder / name for name in (quarantine.METADATA_NAME, quarantine.BODY_NAME)
    )
    reason = Reason.WHEEL_STRUCTURE if is_wheel else Reason.METADATA_UNREADABLE
    if not os.path.lexists(first):
        return corrupt(reason, "missing", "a file")
    # The judge would follow them, as pip does.
    if first.is_symlink():
        return corrupt(reason, "a link", "a file")
    if second.is_symlink():
        return corrupt(Reason.BODY_UNREADABLE, "a link", "a file")
    return _judge_wheel_file(item, home) if is_wheel else _judge_entry(item, home)


def _judge_wheel_file(item: Evidence, home: Place) -> Verdict:
    path = item.folder / quarantine.METADATA_NAME
    if home.name == wheels.ORIGIN_NAME:
        return wheels.judge_origin(path)
    # The judge compares a wheel with its name, which it has not got here.
    with tempfile.TemporaryDirectory(prefix="pipmend-") as folder:
        named = Path(folder, home.name)
        try:
            named.symlink_to(path.absolute())
        except (OSError, NotImplementedError):  # a right that Windows seldom gives
            if untrusted.size_of(path) is not None:
                shutil.copyfile(path, named)
        return wheels.judge_wheel(named)


def _judge_entry(item: Evidence, home: Place) -> Verdict:
    body = None if home.body_path is None else str(item.folder / quarantine.BODY_NAME)
    lying = Place(item.folder, str(item.folder / quarantine.METADATA_NAME), body)
    entry = entries.open_entry(lying)
    if entry is None:
        return corrupt(Reason.METADATA_UNREADABLE, "missing", "a file")
    try:
        # A seal binds an entry to its name on disk.
        entry = entry._replace(place=home)
        stored, seal = examine.read_metadata(entry), examine.read_seal(entry)
        if isinstance(stored, Verdict):
            return stored
        if isinstance(seal, Verdict):
            return seal
        told = Told(url=item.url, file_name=item.package_file)
        return examine.examine(entry, stored, seal, told, Depth.FULL).verdict
    finally:
        entry.close()
