"""Reading an item: its files, and what it says of itself, as far as it is usable."""

from __future__ import annotations

import datetime as dt
import json
import re
import urllib.parse
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipmend import quarantine, untrusted, urls
from pipmend._compat.layouts import Layout
from pipmend.evidence.values import Evidence
from pipmend.quarantine import Kept, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend.verdicts import Measure

LARGEST_DESCRIPTION = 1024 * 1024
"""Bytes of a ``verdict.json``; pipmend writes a few hundred."""

_LONGEST_TEXT = 2000
_LONGEST_PATH = 4096
_LARGEST_NUMBER = 1 << 63

_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read(cache_root: Path, folder: Path) -> Evidence:
    """The item in a folder of a quarantine, or in whatever else lies there.

    Raises:
        OSError: it cannot be read.
    """
    name = folder.name
    sizes = [
        untrusted.size_of(path) or 0
        for path in (
            untrusted.files_below(folder) if untrusted.is_folder(folder) else [folder]
        )
        if path.name != quarantine.DESCRIPTION_NAME
    ]
    described = untrusted.size_of(folder / quarantine.DESCRIPTION_NAME) or 0
    item = Evidence(
        id=name,
        cache_root=cache_root,
        folder=folder,
        kind=Kind.UNREADABLE,
        bytes=sum(sizes) + described,
        files=len(sizes),
        quarantined_at=_moment_of(name),
    )
    told = _description_of(folder)
    if isinstance(told, str):
        return item._replace(problem=told)
    return _described(item, told)


def _moment_of(name: str) -> float | None:
    match = _ID.fullmatch(name)
    if match is None:
        return None
    try:
        moment = dt.datetime.strptime(f"{match[1]}+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError:
        return None
    return moment.timestamp()


def _description_of(folder: Path) -> dict[str, object] | str:
    """What an item says of itself, or in words why that is not known."""
    if not untrusted.is_folder(folder):
        return "no folder"
    if _moment_of(folder.name) is None:
        return "its name is none that pipmend gives"
    try:
        with untrusted.open_file(folder / quarantine.DESCRIPTION_NAME) as file:
            told: object = json.loads(file.read(LARGEST_DESCRIPTION))
    except FileNotFoundError:
        return f"no {quarantine.DESCRIPTION_NAME}"
    except OSError:
        return f"its {quarantine.DESCRIPTION_NAME} cannot be opened as a file"
    except (ValueError, RecursionError):
        return f"its {quarantine.DESCRIPTION_NAME} is no JSON of the size it has"
    if not isinstance(told, dict):
        return f"its {quarantine.DESCRIPTION_NAME} has another form"
    return told


def _described(item: Evidence, told: dict[str, object]) -> Evidence:
    """Take over what an item says, each value only if it has the right form."""
    try:
        kind = Kind(told.get("kind", Kind.ENTRY.value))
    except ValueError:
        kind = Kind.UNREADABLE  # of a later pipmend
    if kind is Kind.UNREADABLE:
        return item._replace(problem="of a kind that this pipmend does not know")
    item = item._replace(
        kind=kind,
        subject=_text(told.get("subject")),
        url=_redacted(told.get("url")),
        reason=_text(told.get("reason")),
        found=_measure(told.get("found")),
        expected=_measure(told.get("expected")),
    )
    return _described_entry(item, told) if kind is Kind.ENTRY else item


def _described_entry(item: Evidence, told: dict[str, object]) -> Evidence:
    entry = _text(told.get("entry"), _LONGEST_PATH + 1)
    is_path = entry is not None and len(entry) <= _LONGEST_PATH
    sha256 = _text(told.get("body_sha256"))
    item = item._replace(
        entry=entry if is_path else None,
        body_size=_number(told.get("body_size")),
        body_sha256=sha256 if sha256 and _SHA256.fullmatch(sha256) else None,
    )
    return item._replace(body_kept=_kept(item, told.get("body_kept")))


def _kept(item: Evidence, told: object) -> Kept:
    """How much of the body lies there, whatever the description says."""

    def has(name: str) -> bool:
        return untrusted.size_of(item.folder / name) is not None

    is_inline = Layout.TWO_FILES.value not in PurePath(item.entry or "").parts
    if is_inline and told != Kept.NONE.value and has(quarantine.METADATA_NAME):
        return Kept.WHOLE
    if has(quarantine.BODY_NAME):
        return Kept.WHOLE
    if has(quarantine.HEAD_NAME) or has(quarantine.TAIL_NAME):
        return Kept.HEAD_AND_TAIL
    return Kept.NONE


def _measure(value: object) -> Measure:
    return _text(value) if isinstance(value, str) else _number(value)


def _text(value: object, longest: int = _LONGEST_TEXT) -> str | None:
    return value[:longest] if isinstance(value, str) else None


def _number(value: object) -> int | None:
    # bool is an int to isinstance; JSON has numbers of any length.
    is_size = type(value) is int and 0 <= value < _LARGEST_NUMBER
    return value if is_size else None  # type: ignore[return-value]


def _redacted(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        redacted = urls.redacted(url)[:_LONGEST_TEXT]
        urllib.parse.urlsplit(redacted)  # others will
    except ValueError:
        return None
    return redacted
