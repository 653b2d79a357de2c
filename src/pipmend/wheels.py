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
import json
import operator
import os
import re
from typing import TYPE_CHECKING

from pipmend import archives, entries, urls
from pipmend._compat.layouts import WHEELS, Place
from pipmend.archives import Depth, TooLargeError
from pipmend.records import Record
from pipmend.verdicts import INTACT, Reason, Verdict, corrupt, not_selected

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    _Tags = tuple[frozenset[str], ...]
    """Python, ABI and platform: all their combinations (PEP 425), maybe very many."""

ORIGIN_NAME = "origin.json"
_LARGEST_RECORD = 16 * 1024 * 1024
_LARGEST_HEADERS = 1024 * 1024
_LARGEST_ORIGIN = 1024 * 1024
_ALGORITHMS = {
    name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")
}

# PEP 427; the build number is optional.
_WHEEL_NAME = (
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?"
    r"-(?P<pythons>[^-]+)-(?P<abis>[^-]+)-(?P<platforms>[^-]+)\.whl$"
)

_NO_ZIP = "no whole zip file"
_ERRORS = (*archives.ERRORS, csv.Error)
_ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")
"""Of a file, and of an archive without any."""

_BY_RECORD = "those of its RECORD"
_BY_NAME = "those of its name"
_BY_FORM = "those of a zip file"

# PEP 610: the kinds of origin, with the type of each field.
_ORIGIN_KINDS: Mapping[str, Mapping[str, type]] = {
    "archive_info": {"hash": str, "hashes": dict},
    "dir_info": {"editable": bool},
    "vcs_info": {"vcs": str, "commit_id": str, "requested_revision": str},
}
_VCS_REQUIRED = ("vcs", "commit_id")


class _FlawError(Exception):
    """The wheel is not what it says: what was found, and what it says."""

    def __init__(self, found: str, expected: str | None = None) -> None:
        super().__init__(found)
        # It may name a member, which anybody may have named.
        self.found, self.expected = urls.shown(found), expected


class _Name(Record):
    """The parts of a wheel's file name."""

    project: str
    version: str
    tags: _Tags

    @classmethod
    def of(cls, file_name: str) -> _Name:
        match = re.match(_WHEEL_NAME, file_name)
        if match is None:
            raise _FlawError("no wheel's name")
        tags = _tags_of(match["pythons"], match["abis"], match["platforms"])
        return cls(_normal(match["name"]), match["version"].lower(), tags)


def place_of(cache_root: Path, path: Path) -> Place:
    """A file of the wheel cache as a place that can be quarantined."""
    return Place(cache_root / WHEELS, str(path), None)


def judge_wheel(path: Path) -> Verdict:
    """Judge a locally built wheel: zip structure, name and tags, RECORD digests.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    try:
        with entries.open_regular(path) as file:
            _check(file, _Name.of(path.name))
    except _FlawError as error:
        return corrupt(Reason.WHEEL_STRUCTURE, error.found, error.expected)
    except TooLargeError:
        return not_selected(Reason.WHEEL_STRUCTURE, "more content than is read")
    except _ERRORS:
        return corrupt(Reason.WHEEL_STRUCTURE, _NO_ZIP)
    except (OSError, entries.StrangeFileError) as error:
        if isinstance(error, OSError) and error.errno is None:  # from a decompressor
            return corrupt(Reason.WHEEL_STRUCTURE, _NO_ZIP)
        return entries.unreadable(Reason.WHEEL_STRUCTURE, error)
    return INTACT


def may_be_as_built(verdict: Verdict) -> bool:
    """Whether a careless build backend may have made the wheel as it is.

    It is a whole archive, which pip would install, but at odds with itself.
    """
    return verdict.expected in {_BY_RECORD, _BY_NAME, _BY_FORM}


def judge_origin(path: Path) -> Verdict:
    """Judge an ``origin.json`` (PEP 610) by what pip needs to load it.

    Raises:
        OSError: reading failed for a passing reason of this process.
    """
    try:
        with entries.open_regular(path) as file:
            origin: object = json.loads(file.read(_LARGEST_ORIGIN).decode())
    except (ValueError, RecursionError):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no whole JSON document")
    except (OSError, entries.StrangeFileError) as error:
        return entries.unreadable(Reason.ORIGIN_UNREADABLE, error)
    if not isinstance(origin, dict) or not isinstance(origin.get("url"), str):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no origin with a URL")
    if not _are_typed(origin, {"subdirectory": str}) or not _has_one_kind(origin):
        return corrupt(Reason.ORIGIN_UNREADABLE, "no kind of origin")
    return INTACT


def _has_one_kind(origin: dict[str, object]) -> bool:
    told = [kind for kind in _ORIGIN_KINDS if kind in origin]
    info = origin[told[0]] if len(told) == 1 else None
    if not isinstance(info, dict) or not _are_typed(info, _ORIGIN_KINDS[told[0]]):
        return False
    if told == ["vcs_info"]:
        return all(name in info for name in _VCS_REQUIRED)
    return _are_hashes(info.get("hash"), info.get("hashes", {}))


def _are_typed(values: dict[str, object], types: Mapping[str, type]) -> bool:
    return all(
        isinstance(values.get(name, kind()), kind) for name, kind in types.items()
    )


def _are_hashes(old: str | None, new: dict[str, object]) -> bool:
    """Whether the hash in the old form, if there is one, agrees with the new form."""
    if not all(isinstance(value, str) for value in new.values()):
        return False
    if old is None:
        return True
    algorithm, equals, value = old.partition("=")
    return bool(equals) and new.get(algorithm, value) == value


def _check(file: BinaryIO, name: _Name) -> None:
    with archives.open_zip(file) as wheel:
        _check_size(file, wheel)
        info = _info_folder(wheel)
        _check_name(wheel, info, name)
        _check_content(wheel, f"{info}/RECORD")
        _check_tags(wheel, info, name)
    file.seek(0)
    if not file.read(4).startswith(_ZIP_START):
        raise _FlawError("other first bytes", _BY_FORM)


def _check_size(file: BinaryIO, wheel: zipfile.ZipFile) -> None:
    """Read no bomb, however it is made: members may lie one over the other."""
    size = file.seek(0, os.SEEK_END)
    content = sum(member.file_size for member in wheel.infolist())
    if content > Depth.FULL.largest_content(size):
        raise TooLargeError


def _check_content(wheel: zipfile.ZipFile, record: str) -> None:
    names = frozenset(wheel.namelist())
    recorded: dict[str, tuple[str, bytes]] = {}
    missing = None
    for path, digest in _recorded(wheel, record):
        if path in names:
            recorded[path] = digest
        else:
            missing = missing or path
    # To the end first: what is no whole archive must not pass for careless.
    found = {
        member.filename: _digest_of(wheel, member, recorded.get(member.filename))
        for member in wheel.infolist()
    }
    if missing is not None:
        raise _FlawError(f"no {missing}", _BY_RECORD)
    for path, (_, expected) in recorded.items():
        if found[path] != expected:
            raise _FlawError(f"other bytes in {path}", _BY_RECORD)


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
    release = _release(metadata.get("Version", ""))
    if release is not None and _release(name.version) not in {None, release}:
        raise _FlawError("another version")


def _check_tags(wheel: zipfile.ZipFile, info: str, name: _Name) -> None:
    lines = _headers(wheel, f"{info}/WHEEL").get_all("Tag") or []
    tags = [line.strip().split("-", 2) for line in lines]
    told = [_tags_of(*tag) for tag in tags if len(tag) == 3]  # noqa: PLR2004
    if told and not any(all(map(operator.and_, tag, name.tags)) for tag in told):
        raise _FlawError("other tags", _BY_NAME)


def _headers(wheel: zipfile.ZipFile, member: str) -> email.message.Message:
    text = _start_of(wheel, member, _LARGEST_HEADERS).decode("utf-8", "replace")
    return email.parser.HeaderParser().parsestr(text)


def _start_of(wheel: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """The first bytes of a member that must be there."""
    try:
        member = wheel.getinfo(name)
    except KeyError as error:
        raise _FlawError(f"{name} is missing") from error
    return archives.start_of(wheel, member, largest)


def _recorded(
    wheel: zipfile.ZipFile, record: str
) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Name, algorithm and digest of each file that RECORD lists with one."""
    data = _start_of(wheel, record, _LARGEST_RECORD + 1)
    if len(data) > _LARGEST_RECORD:
        raise TooLargeError
    for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"))):
        algorithm, _, value = row[1].partition("=") if len(row) > 1 else ("", "", "")
        if value and algorithm in _ALGORITHMS:
            yield row[0], (algorithm, _decoded(value))


def _decoded(value: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return b""


def _digest_of(
    wheel: zipfile.ZipFile, member: zipfile.ZipInfo, expected: tuple[str, bytes] | None
) -> bytes:
    hasher = hashlib.new(expected[0] if expected else "sha256", usedforsecurity=False)
    for chunk in archives.content_of(wheel, member):
        hasher.update(chunk)
    return hasher.digest()


def _release(version: str) -> tuple[int, ...] | None:
    """The numbers of a plain version without the zeros at its end, else None."""
    version = version.strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})*", version, re.ASCII):
        return None
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _tags_of(*parts: str) -> _Tags:
    return tuple(frozenset(part.split(".")) for part in parts)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
