"""The wheel cache seen from outside: built wheels and origins, and how they break."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

from lab.body_damages import BODIES
from lab.packages import wheel
from lab.path_damages import AVAILABLE, PATHS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)


def wheels_below(cache: Path) -> list[Path]:
    """Every built wheel of a cache, whatever stands in its place."""
    return sorted(cache.glob("wheels/*/*/*/*/*.whl"))


def origin_beside(built: Path) -> Path:
    """Where pip notes what a wheel was built from."""
    return built.with_name("origin.json")


def members_of(path: Path) -> dict[str, bytes]:
    """The files in an archive by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_archive(
    path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED
) -> None:
    """Put an archive with these files at a path."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, compression)


def record_of(members: Mapping[str, bytes], unsigned: tuple[str, ...]) -> bytes:
    """A RECORD of these files; those that end so are listed without a digest."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, data in members.items():
        if name.endswith(unsigned):
            writer.writerow([name, "", ""])
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        told = f"sha256={digest.rstrip(b'=').decode()}"
        writer.writerow([name, told, len(data)])
    return text.getvalue().encode()


def flip(path: Path, part: bytes) -> None:
    """Flip a bit of the file where a part of it stands."""
    data = bytearray(path.read_bytes())
    data[data.index(part)] ^= 0x04
    path.write_bytes(data)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: _write(path, change(path.read_bytes()))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _without_record(path: Path) -> None:
    members = members_of(path)
    kept = {name: data for name, data in members.items() if "RECORD" not in name}
    write_archive(path, kept)


def contradict_record(path: Path) -> None:
    """Change a module so that all checksums hold but the one in RECORD."""
    members = members_of(path)
    members["gamma.py"] += b"MORE = True\n"
    write_archive(path, members)


def _list_another_file(path: Path) -> None:
    members = members_of(path)
    (record,) = (name for name in members if name.endswith("/RECORD"))
    digest = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=")
    members[record] += b"gamma_more.py,sha256=" + digest + b",0\n"
    write_archive(path, members)


def _other_tags(path: Path) -> None:
    members = members_of(path)
    (name,) = (name for name in members if name.endswith("/WHEEL"))
    members[name] = members[name].replace(b"py3-none-any", b"cp39-cp39-win32")
    record = name.replace("WHEEL", "RECORD")
    members[record] = record_of(members, (".dist-info/RECORD",))
    write_archive(path, members)


def _set_method(method: int) -> Callable[[Path], None]:
    """Another compression method than the members have, in both headers."""

    def apply(path: Path) -> None:
        data = bytearray(path.read_bytes())
        local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
        data[local + 8] = data[central + 10] = method
        path.write_bytes(data)

    return apply


def _other_project(path: Path) -> None:
    path.write_bytes(wheel("alpha", "1.0").content)


def _other_version(path: Path) -> None:
    path.write_bytes(wheel("gamma", "0.9").content)


WHEEL_DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "empty": _bytes(lambda _: b""),
    "truncated": _bytes(lambda data: data[: len(data) // 2]),
    "one-byte-short": _bytes(lambda data: data[:-1]),
    "nul-filled": _bytes(lambda data: bytes(len(data))),
    "flipped-data": lambda path: flip(path, b"VERSION"),
    "flipped-wheel": lambda path: flip(path, b"Wheel-Version"),
    "flipped-directory": lambda path: flip(path, b"PK\x01\x02"),
    "html-instead": _bytes(BODIES["file"]["html-instead"]),
    "other-project": _other_project,
    "other-version": _other_version,
    "no-record": _without_record,
    "record-digest": contradict_record,
    "record-lists-more": _list_another_file,
    "other-tags": _other_tags,
    "bytes-in-front": _bytes(lambda data: b"#!/bin/sh\n" + data),
    "lzma-method": _set_method(zipfile.ZIP_LZMA),
    "bzip2-method": _set_method(zipfile.ZIP_BZIP2),
    "unheard-method": _set_method(99),
    **{
        name: PATHS[name]
        for name in ("folder", "fifo", "dangling-link", "looping-link")
        if name in AVAILABLE
    },
}
"""What can happen to a built wheel of gamma 1.0, by name."""


def _origin(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        document = json.loads(path.read_bytes())
        path.write_text(json.dumps(change(document)))

    return apply


ORIGIN_DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "empty": _bytes(lambda _: b""),
    "cut": _bytes(lambda data: data[:-1]),
    "garbage": _bytes(lambda _: bytes(range(256))),
    "marked": _bytes(lambda data: b"\xef\xbb\xbf" + data),
    "nested": _bytes(lambda _: b"[" * 100_000),
    "list": _origin(lambda document: [document]),
    "no-url": _origin(lambda document: {"archive_info": document["archive_info"]}),
    "url-null": _origin(lambda document: {**document, "url": None}),
    "url-number": _origin(lambda document: {**document, "url": 1}),
    "no-info": _origin(lambda document: {"url": document["url"]}),
    "two-infos": _origin(lambda document: {**document, "dir_info": {}}),
    "info-null": _origin(lambda document: {**document, "archive_info": None}),
    "info-list": _origin(lambda document: {**document, "archive_info": []}),
    "hash-number": _origin(
        lambda document: {**document, "archive_info": {"hash": 1}},
    ),
    "hash-shape": _origin(
        lambda document: {**document, "archive_info": {"hash": "sha256"}},
    ),
    "hashes-list": _origin(
        lambda document: {**document, "archive_info": {"hashes": []}},
    ),
    "subdirectory-number": _origin(lambda document: {**document, "subdirectory": 1}),
    "half-vcs": _origin(
        lambda document: {"url": document["url"], "vcs_info": {"vcs": "git"}},
    ),
}
"""What can happen to an ``origin.json``, by name."""


def add_second_wheel(built: Path) -> Path:
    """Put a copy of a wheel beside it, with a build number; return the copy."""
    second = built.with_name(built.name.replace("-py3", "-1-py3"))
    shutil.copy2(built, second)
    return second
