"""Attacks on a cache: what somebody may put there who can write to it.

Each is done to one entry of pip's HTTP cache; what lies outside is a canary.
"""

from __future__ import annotations

import os
import pickle
import socket
import stat
import struct
import zlib
from typing import TYPE_CHECKING, Any

from lab import bombs, cache_files
from lab.cache_files import PREFIX
from lab.outside import TWIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from lab.outside import Outside

    Attack = Callable[[HttpEntry, Outside], None]

EVIL = "\x1b[31m\x1b]8;;https://evil.example\x07red\x1b]0;title\x07\r\n\x9b1mx\u202egpj\u200b"
"""What a terminal would obey: CSI, OSC 8, a title, a bell, lines, C1, BiDi, nothing."""

PATTERNS = "{0.__class__} %s %(x)s $(touch owned) `touch owned` ${HOME}"
"""What some would fill in."""


class _Opener:
    """What runs a program when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("owned",))


PICKLE = pickle.dumps(_Opener())


# -- Other things than files ---------------------------------------------------------


def _links(target: Callable[[Path, Outside], Path | str], which: slice) -> Attack:
    """Put links in the place of some of an entry's files."""

    def attack(entry: HttpEntry, outside: Outside) -> None:
        for path in entry.files[which]:
            path.unlink()
            path.symlink_to(target(path, outside))

    return attack


def _a_hard_link_to_a_file_outside(entry: HttpEntry, outside: Outside) -> None:
    for number, path in enumerate(entry.files):
        path.unlink()
        name = outside.folder / f"{TWIN}-{number}-{path.name[:6]}"
        name.write_bytes(b"what is inside as well")
        os.link(name, path)


def _a_fifo(entry: HttpEntry, _: Outside) -> None:
    for path in entry.files:
        path.unlink()
        os.mkfifo(path)


def _a_socket(entry: HttpEntry, _: Outside) -> None:
    for path in entry.files:
        path.unlink()
        before = os.getcwd()  # noqa: PTH109
        os.chdir(path.parent)  # a name of a socket is short
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(path.name)
        finally:
            os.chdir(before)


def _a_device(entry: HttpEntry, _: Outside) -> None:
    for path in entry.files:
        path.unlink()
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        except PermissionError:
            os.mkfifo(path)


def _a_folder_with_a_link(entry: HttpEntry, outside: Outside) -> None:
    for path in entry.files:
        path.unlink()
        path.mkdir()
        (path / "link").symlink_to(outside.folder)


# -- Metadata ------------------------------------------------------------------------


def _says(data: bytes) -> Attack:
    def attack(entry: HttpEntry, _: Outside) -> None:
        entry.metadata.write_bytes(data)

    return attack


def _with_headers(**fields: Any) -> Attack:  # noqa: ANN401 - anything at all
    def attack(entry: HttpEntry, _: Outside) -> None:
        document = cache_files.decode(entry)
        document.pop("pipmend", None)
        for name, value in fields.items():
            document["response"]["headers"][name.replace("_", "-")] = value
        cache_files.encode(entry, document)

    return attack


def _strange_vary(entry: HttpEntry, _: Outside) -> None:
    document = cache_files.decode(entry)
    document.pop("pipmend", None)
    document["vary"] = {f"X-{EVIL}{PATTERNS}": "x"}
    cache_files.encode(entry, document)


def _another_url(entry: HttpEntry, _: Outside) -> None:
    """An entry that says that it is of another host."""
    _with_headers(
        content_location="https://evil.example/simple/alpha/",
        location="https://evil.example/",
        link="<https://evil.example/>",
    )(entry, _)
    cache_files.write_body(entry, b"")


def _array_of_arrays(path: Path, number: int) -> None:
    count = struct.pack(">L", number)
    path.write_bytes(PREFIX + b"\xdd" + count + b"\x90" * number)


MANY = (1 << 20) - 64
"""Bytes of one value that metadata may still have."""


# -- Bodies --------------------------------------------------------------------------


def _page(make: Callable[[], bytes], media_type: str, coding: str = "") -> Attack:
    """An unsealed page, with a length that is right."""

    def attack(entry: HttpEntry, _: Outside) -> None:
        content = make()
        document = cache_files.decode(entry)
        document.pop("pipmend", None)
        headers = document["response"]["headers"]
        for name in [name for name in headers if name.lower().startswith("content-")]:
            del headers[name]
        headers["Content-Type"] = media_type
        headers["Content-Length"] = str(len(content))
        if coding:
            headers["Content-Encoding"] = coding
        cache_files.encode(entry, document)
        cache_files.write_body(entry, content)

    return attack


JSON = "application/vnd.pypi.simple.v1+json"
FILE = "application/octet-stream"

_SIZE = 30 * 1024 * 1024
"""Bytes: a page that is still read."""

_FIRST, _LAST, _ALL = slice(1), slice(-1, None), slice(None)

FILES: dict[str, Attack] = {
    "metadata-outside": _links(lambda _, outside: outside.canary, _FIRST),
    "body-outside": _links(lambda _, outside: outside.canary, _LAST),
    "relative-link-outside": _links(
        lambda path, outside: os.path.relpath(outside.canary, path.parent), _ALL
    ),
    "link-to-nothing": _links(lambda _, outside: outside.folder / "nothing", _ALL),
    "link-to-itself": _links(lambda path, _: path.name, _ALL),
    "link-to-a-folder": _links(lambda _, outside: outside.items, _ALL),
    "link-to-a-fifo": _links(lambda _, outside: outside.fifo, _ALL),
    "link-to-a-device": _links(lambda *_: "/dev/zero", _ALL),
    "hard-link": _a_hard_link_to_a_file_outside,
    "fifo": _a_fifo,
    "socket": _a_socket,
    "device": _a_device,
    "folder": _a_folder_with_a_link,
}
"""Other things than files."""

METADATA: dict[str, Attack] = {
    "array-of-4-gib": _says(PREFIX + b"\xdd\xff\xff\xff\xff"),
    "map-of-4-gib": _says(PREFIX + b"\xdf\xff\xff\xff\xff"),
    "bytes-of-4-gib": _says(PREFIX + b"\xc6\xff\xff\xff\xff"),
    "text-of-4-gib": _says(PREFIX + b"\xdb\xff\xff\xff\xff"),
    "arrays-in-arrays": _says(PREFIX + b"\x91" * MANY),
    "wide-arrays-in-arrays": _says(PREFIX + b"\xdd\x00\x0f\x00\x00" * (MANY // 5)),
    "maps-in-maps": _says(PREFIX + b"\x81\xa1a" * (MANY // 3)),
    "an-array-of-arrays": _says(
        PREFIX + b"\xdd" + struct.pack(">L", 1 << 20) + b"\x90" * (1 << 20)
    ),
    "too-many-arrays": lambda entry, _: _array_of_arrays(entry.metadata, 15 << 20),
    "map-of-extensions": _says(PREFIX + b"\x81\xa8response\xc9\x7f\xff\xff\xff\x01"),
    "a-time": _says(PREFIX + b"\x81\xa8response\xd6\xff\xff\xff\xff\xff"),
    "a-pickle": _says(PICKLE),
    "a-pickle-inside": _says(PREFIX + PICKLE),
    "compressed-json": _says(b"cc=2," + zlib.compress(b"[" * MANY)),
    "a-hole": lambda entry, _: os.truncate(entry.metadata, 1 << 42),
    "long-type": _with_headers(content_type="x" * MANY),
    "many-lengths": _with_headers(content_length="1," * (MANY // 2)),
    "long-length": _with_headers(content_length="9" * MANY),
    "long-date": _with_headers(date="Mon, " * (MANY // 5)),
    "long-digest": _with_headers(repr_digest="sha-256=:" + "A" * MANY),
    "evil-type": _with_headers(content_type=f"text/{EVIL}{PATTERNS}"),
    "evil-date": _with_headers(date=EVIL),
    "strange-vary": _strange_vary,
    "another-url": _another_url,
}
"""Metadata that nobody has stored."""

PAGES: dict[str, Attack] = {
    "gzip-of-10-gb": _page(lambda: bombs.gzip_of_zeros(10 << 30), JSON, "gzip"),
    "deflate-of-10-gb": _page(
        lambda: bombs.deflate_of_zeros(10 << 30), JSON, "deflate"
    ),
    "bare-deflate-of-10-gb": _page(
        lambda: bombs.bare_of_zeros(10 << 30), JSON, "deflate"
    ),
    "gzip-in-gzip": _page(bombs.gzip_in_gzip, "text/html", "gzip"),
    "many-empty-members": _page(lambda: bombs.empty_members(20_000), JSON, "gzip"),
    "brackets": _page(lambda: b"[" * _SIZE, JSON),
    "empty-lists": _page(lambda: b"[" + b"[]," * (_SIZE // 3) + b"[]]", JSON),
    "objects-in-objects": _page(
        lambda: b"[" + (b'{"a":' * 900 + b"1" + b"}" * 900 + b",") * 5000 + b"1]", JSON
    ),
    "a-huge-number": _page(lambda: b'{"files":[],"x":' + b"9" * 1_000_000 + b"}", JSON),
    "no-number": _page(lambda: b'{"files":[{"size":NaN,"x":-Infinity}]}', JSON),
    "half-a-letter": _page(
        lambda: b'{"name":"\\ud800","files":[{"filename":"\\udfff"}]}', JSON
    ),
    "punycode": _page(
        lambda: b"a-" + b"9a" * (_SIZE // 2), "text/html; charset=punycode"
    ),
    "open-tags": _page(lambda: b"<a " * (_SIZE // 3), "text/html"),
    "open-comments": _page(lambda: b"<!--" * (_SIZE // 4), "text/html"),
    "spaces-in-a-title": _page(lambda: b"<h1>links for" + b" " * _SIZE, "text/html"),
    "spaces-in-a-name": _page(lambda: b"Name:" + b" " * _SIZE, "text/plain"),
    "spaces-in-an-end-tag": _page(lambda: b"<html></html" + b" " * _SIZE, "text/html"),
    "spaces-in-a-link": _page(
        lambda: b"<html><a href=" + b" href=" * 3_000_000, "text/html"
    ),
    "a-pickle-as-page": _page(lambda: PICKLE, JSON),
}
"""Pages that take long, or much."""
