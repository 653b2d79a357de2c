"""A pip cache folder seen from outside: its files, decoded and written anew."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.index_server import LocalIndex

Layout = Literal["http", "http-v2"]
"""The folder name below the cache root: one file an entry, or two."""

LAYOUTS: tuple[Layout, ...] = ("http", "http-v2")
"""Both layouts, older first."""

PREFIX = b"cc=4,"
"""What stands before the msgpack map in every entry that pip writes now."""

_KEY_LENGTH = 56


@dataclass(frozen=True)
class HttpEntry:
    """The files of one entry; ``body`` is None in the one-file layout.

    A body path is named whether or not the file is there.
    """

    metadata: Path
    body: Path | None
    layout: Layout

    @property
    def files(self) -> tuple[Path, ...]:
        """All paths of the entry, metadata first."""
        return (self.metadata,) if self.body is None else (self.metadata, self.body)


def entry_path(cache: Path, layout: Layout, url: str) -> HttpEntry:
    """Where pip keeps the entry of a URL; the files need not exist."""
    key = hashlib.sha224(url.encode()).hexdigest()
    return _entry(cache.joinpath(layout, *key[:5], key), layout)


def entries(cache: Path) -> list[HttpEntry]:
    """Every entry below a cache root whose metadata path exists."""
    return [
        _entry(path, layout)
        for layout in LAYOUTS
        for path in sorted((cache / layout).glob("?/?/?/?/?/*"))
        if len(path.name) == _KEY_LENGTH
    ]


def find(cache: Path, index: LocalIndex, fragment: str) -> HttpEntry:
    """The one entry whose URL was asked of ``index`` and contains ``fragment``.

    Raises:
        LookupError: No such entry is there, or several are.
    """
    found = [
        entry
        for url in index.urls
        if fragment in url
        for layout in LAYOUTS
        for entry in [entry_path(cache, layout, url)]
        if os.path.lexists(entry.metadata)
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} entries for {fragment!r} in {cache}")
    return found[0]


def decode(entry: HttpEntry) -> dict[str, Any]:
    """The map in the metadata file."""
    data = entry.metadata.read_bytes()
    assert data.startswith(PREFIX), data[:20]
    return cast("dict[str, Any]", msgpack.unpackb(data[len(PREFIX) :], raw=False))


def encode(entry: HttpEntry, document: object) -> None:
    """Write the metadata file anew, as pip writes it."""
    entry.metadata.write_bytes(pack(document))


def pack(document: object) -> bytes:
    """The bytes of a metadata file; a lone surrogate becomes its raw byte."""
    packed = msgpack.packb(
        document, use_bin_type=True, unicode_errors="surrogateescape"
    )
    return PREFIX + cast("bytes", packed)


def headers(entry: HttpEntry) -> dict[str, str]:
    """The stored response headers, names in lower case."""
    stored = decode(entry)["response"]["headers"]
    return {name.lower(): value for name, value in stored.items()}


def read_body(entry: HttpEntry) -> bytes:
    """The stored body as it came over the wire, from whichever file holds it."""
    if entry.body is not None:
        return entry.body.read_bytes()
    return cast("bytes", decode(entry)["response"]["body"])


def write_body(entry: HttpEntry, body: bytes) -> None:
    """Replace the stored body; the headers stay as they are."""
    if entry.body is not None:
        entry.body.write_bytes(body)
        return
    document = decode(entry)
    document["response"]["body"] = body
    encode(entry, document)


def snapshot(folder: Path) -> dict[str, bytes]:
    """The content of every file below ``folder`` by relative path.

    A link or a special file counts with a description instead of its content.
    """
    return {
        path.relative_to(folder).as_posix(): _content(path)
        for path in _walk(folder)
        if not stat.S_ISDIR(path.lstat().st_mode)
    }


def age(where: HttpEntry | Path, seconds: float = 3600) -> None:
    """Set the times of all files of an entry, or below a folder, into the past.

    Metadata of this very moment may belong to a store that is still going on.
    """
    moment = time.time() - seconds
    follow = os.utime not in os.supports_follow_symlinks
    for path in where.files if isinstance(where, HttpEntry) else _walk(where):
        if os.path.lexists(path):
            os.utime(path, (moment, moment), follow_symlinks=follow)


def _entry(path: Path, layout: Layout) -> HttpEntry:
    body = path.with_name(path.name + ".body") if layout == "http-v2" else None
    return HttpEntry(path, body, layout)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            yield Path(root, name)


def _content(path: Path) -> bytes:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return b"link to " + os.fsencode(path.readlink())
    if not stat.S_ISREG(mode):
        return b"special file " + stat.filemode(mode).encode()
    return path.read_bytes()
