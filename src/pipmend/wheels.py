"""The wheel cache on disk: locally built wheels, and where each was built from.

pip looks at nothing but the name of a cached wheel, so a wheel that was cut short by
a full disk fails every later install (pypa/pip#9964), and a broken ``origin.json``
is warned of in every run for ever (pypa/pip#11985).
"""

from __future__ import annotations

import base64
import csv
import email.parser
import hashlib
import io
import itertools
import json
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipmend import archives, entries
from pipmend._compat.layouts import Place
from pipmend.verdicts import INTACT, Reason, Verdict, corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

ORIGIN_NAME = "origin.json"
_CHUNK_SIZE = 256 * 1024
_LARGEST_RECORD = 64 * 1024 * 1024
_LARGEST_ORIGIN = 1024 * 1024

# PEP 427; the build number is optional.
_WHEEL_NAME = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?"
    r"-(?P<pythons>[^-]+)-(?P<abis>[^-]+)-(?P<platforms>[^-]+)\.whl$"
)


class _FlawError(Exception):
    """The wheel is not what it says; the message says how."""


@dataclass(frozen=True)
class _Name:
    """The parts of a wheel's file name."""

    project: str
    version: str
    tags: frozenset[str]

    @classmethod
    def of(cls, file_name: str) -> _Name:
        match = _WHEEL_NAME.match(file_name)
        if match is None:
            raise _FlawError("no wheel's name")
        tags = _expanded(match["pythons"], match["abis"], match["platforms"])
        return cls(_normal(match["name"]), match["version"].lower(), tags)


def place_of(cache_root: Path, path: Path) -> Place:
    """A file of the wheel cache as a place that can be quarantined."""
    return Place(cache_root / "wheels", path, None)


def judge_wheel(path: Path) -> Verdict:
    """Judge a locally built wheel: zip structure, name and tags, RECORD digests.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    try:
        with entries.open_regular(path) as file:
            _check(file, _Name.of(path.name))
    except _FlawError as error:
        return corrupt(Reason.WHEEL_STRUCTURE, str(error))
    except archives.ERRORS:
        return corrupt(Reason.WHEEL_STRUCTURE, "no whole zip file")
    except (OSError, entries.StrangeFileError) as error:
        return entries.unreadable(Reason.WHEEL_STRUCTURE, error)
    return INTACT


def judge_origin(path: Path) -> Verdict:
    """Judge an ``origin.json`` (PEP 610) by what pip needs to load it.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    try:
        with entries.open_regular(path) as file:
            origin: object = json.loads(file.read(_LARGEST_ORIGIN))
    except (ValueError, RecursionError):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no whole JSON document")
    except (OSError, entries.StrangeFileError) as error:
        return entries.unreadable(Reason.ORIGIN_UNREADABLE, error)
    if not isinstance(origin, dict) or not isinstance(origin.get("url"), str):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no origin with a URL")
    kinds = [origin.get(f"{kind}_info") for kind in ("archive", "dir", "vcs")]
    told = [kind for kind in kinds if kind is not None]
    if len(told) != 1 or not isinstance(told[0], dict):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no kind of origin")
    return INTACT


def _check(file: BinaryIO, name: _Name) -> None:
    with zipfile.ZipFile(file) as wheel:
        info = _info_folder(wheel)
        _check_name(wheel, info, name)
        record_name = f"{info}/RECORD"
        recorded = dict(_recorded(wheel, record_name))
        for member in wheel.infolist():
            # Reading to the end compares the checksum in the archive.
            digest = _digest_of(wheel, member, recorded.get(member.filename))
            expected = recorded.get(member.filename)
            if expected is not None and digest != expected[1]:
                raise _FlawError(f"RECORD has another digest of {member.filename}")
        for missing in recorded.keys() - set(wheel.namelist()):
            raise _FlawError(f"{missing} is missing")


def _info_folder(wheel: zipfile.ZipFile) -> str:
    folders = {name.partition("/")[0] for name in wheel.namelist() if "/" in name}
    found = [folder for folder in folders if folder.endswith(".dist-info")]
    if len(found) != 1:
        raise _FlawError(f"{len(found)} dist-info folders")
    return found[0]


def _check_name(wheel: zipfile.ZipFile, info: str, name: _Name) -> None:
    metadata = _headers(wheel, f"{info}/METADATA")
    if _normal(metadata.get("Name", "")) != name.project:
        raise _FlawError("the name of another project")
    tags = _headers(wheel, f"{info}/WHEEL").get_all("Tag") or []
    told = frozenset().union(*(_expanded(*tag.strip().split("-", 2)) for tag in tags))
    if told and not told & name.tags:
        raise _FlawError("other tags than its name")


def _headers(wheel: zipfile.ZipFile, member: str) -> email.message.Message:
    try:
        with wheel.open(member) as file:
            text = file.read(_LARGEST_ORIGIN).decode("utf-8", "replace")
    except KeyError as error:
        raise _FlawError(f"{member} is missing") from error
    return email.parser.HeaderParser().parsestr(text)


def _recorded(
    wheel: zipfile.ZipFile, record: str
) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Name, algorithm and digest of each file that RECORD lists with one."""
    try:
        with wheel.open(record) as file:
            text = file.read(_LARGEST_RECORD).decode("utf-8", "replace")
    except KeyError as error:
        raise _FlawError("RECORD is missing") from error
    for row in csv.reader(io.StringIO(text)):
        algorithm, _, value = row[1].partition("=") if len(row) > 1 else ("", "", "")
        if value and algorithm in hashlib.algorithms_guaranteed:
            digest = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            yield row[0], (algorithm, digest)


def _digest_of(
    wheel: zipfile.ZipFile, member: zipfile.ZipInfo, expected: tuple[str, bytes] | None
) -> bytes:
    hasher = hashlib.new(expected[0] if expected else "sha256", usedforsecurity=False)
    with wheel.open(member) as file:
        while chunk := file.read(_CHUNK_SIZE):
            hasher.update(chunk)
    return hasher.digest()


def _expanded(pythons: str, abis: str, platforms: str) -> frozenset[str]:
    parts = (part.split(".") for part in (pythons, abis, platforms))
    return frozenset("-".join(tag) for tag in itertools.product(*parts))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
