"""What can happen to the metadata of an entry, one function for each damage."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

import msgpack

from lab.cache_files import PREFIX, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]
"""The decoded map of a metadata file."""

_HUGE = b"\xff\xff\xff\xff"

BYTES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one-byte": lambda data: data[:1],
    "half": lambda data: data[: len(data) // 2],
    "last-byte-gone": lambda data: data[:-1],
    "trailing-byte": lambda data: data + b"\0",
    "nul-filled": lambda data: bytes(len(data)),
    "nul-tail": lambda data: data[: len(data) // 2] + bytes(len(data) // 2),
    "garbage": lambda data: random.Random(1).randbytes(len(data)),  # noqa: S311
    "prefix-cc0": lambda data: b"cc=0," + data[len(PREFIX) :],
    "prefix-cc1": lambda _: b"cc=1,harmless",
    "prefix-cc2": lambda _: b"cc=2," + zlib.compress(b"{}"),
    "prefix-cc3": lambda data: b"cc=3," + data[len(PREFIX) :],
    "prefix-cc5": lambda data: b"cc=5," + data[len(PREFIX) :],
    "prefix-no-comma": lambda data: b"cc=4" + data[len(PREFIX) :].replace(b",", b";"),
    "prefix-alone": lambda _: PREFIX,
    "reserved-byte": lambda _: PREFIX + b"\xc1",
    "array-as-key": lambda _: PREFIX + b"\x81\x90\xc0",
    "huge-str": lambda _: PREFIX + b"\xdb" + _HUGE,
    "huge-bin": lambda _: PREFIX + b"\xc6" + _HUGE,
    "huge-array": lambda _: PREFIX + b"\xdd" + _HUGE,
    "huge-map": lambda _: PREFIX + b"\xdf" + _HUGE,
    "600-arrays": lambda _: PREFIX + b"\x91" * 600 + b"\xc0",
    "100000-arrays": lambda _: PREFIX + b"\x91" * 100_000 + b"\xc0",
}
"""Damages of the bytes of the file, by name."""

TOP_LEVELS: Mapping[str, object] = {
    "list": [],
    "int": 7,
    "nil": None,
    "str": "text",
    "ext": msgpack.ExtType(5, b"x"),
    "timestamp": msgpack.Timestamp(1),
    "empty-map": {},
}
"""Values that stand where the map should be, by name."""


def _without(document: Document, key: str) -> None:
    del document["response"][key]


def _response(value: object) -> Callable[[Document], None]:
    return lambda document: document.update(response=value)


def _field(key: str, value: object) -> Callable[[Document], None]:
    return lambda document: document["response"].update({key: value})


def _header(name: str, value: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        headers = document["response"]["headers"]
        for present in [key for key in headers if key.lower() == name.lower()]:
            del headers[present]
        headers[name] = value

    return change


DOCUMENT: Mapping[str, Callable[[Document], None]] = {
    "no-response": lambda document: document.pop("response"),
    "response-list": _response([]),
    "response-nil": _response(None),
    "response-str": _response("text"),
    "no-body-key": lambda document: _without(document, "body"),
    "no-headers-key": lambda document: _without(document, "headers"),
    "extra-key": _field("statusx", 200),
    "headers-int": _field("headers", 7),
    "headers-str": _field("headers", "text"),
    "headers-nil": _field("headers", None),
    "header-bytes": _header("ETag", b"bytes"),
    "header-int": _header("Date", 7),
    "header-nil": _header("Cache-Control", None),
    "header-bad-utf8": _header("X-Note", "\udcff"),
    "status-nil": _field("status", None),
    "status-str": _field("status", "ok"),
    "status-list": _field("status", [200]),
    "vary-int": lambda document: document.update(vary=7),
    "vary-list": lambda document: document.update(vary=[]),
    "two-lengths": _header("Content-Length", "3, 4"),
    "bad-date": _header("Date", "the day before yesterday"),
}
"""Damages of the decoded map, changed in place, by name."""


def top_level(value: object) -> Callable[[bytes], bytes]:
    """A damage that puts ``value`` where the map should be."""
    return lambda _: pack(value)
