"""What can happen to a stored body, one function for each damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Content = Literal["any", "json", "html", "file", "gzip"]
"""What a body must be for a damage to make sense: a kind of page, or a file."""


def _flip(body: bytes, position: int, bits: int = 0x01) -> bytes:
    changed = bytes([body[position] ^ bits])
    return body[:position] + changed + body[position + 1 :]


def _without_last_anchor(body: bytes) -> bytes:
    return body[: body.rindex(b"<a ")]


def _middle_of_last_tag(body: bytes) -> bytes:
    return body[: body.rindex(b"<a ") + 20]


BODIES: Mapping[Content, Mapping[str, Callable[[bytes], bytes]]] = {
    "any": {
        "empty": lambda _: b"",
        "half": lambda body: body[: len(body) // 2],
        "one-byte-short": lambda body: body[:-1],
        "extra-bytes": lambda body: body + b"extra",
        "nul-filled": lambda body: bytes(len(body)),
        "nul-tail": lambda body: body[: len(body) // 2].ljust(len(body), b"\0"),
    },
    "json": {
        "cut": lambda body: body[: body.rindex(b"{")],
        "not-utf8": lambda body: _flip(body, body.index(b'"files"') + 2, 0x80),
        "html-instead": lambda _: b"<!DOCTYPE html><html><body>Log in</body></html>",
    },
    "html": {
        "cut-in-tag": _middle_of_last_tag,
        "cut-at-anchor": _without_last_anchor,
        "not-utf8": lambda body: _flip(body, body.index(b"Links"), 0x80),
    },
    "file": {
        "flipped-bit": lambda body: _flip(body, len(body) // 2),
        "html-instead": lambda _: b"<!DOCTYPE html><html><body>Log in</body></html>",
    },
    "gzip": {
        "flipped-byte": lambda body: _flip(body, len(body) // 2, 0xFF),
        "flipped-checksum": lambda body: _flip(body, len(body) - 6),
        "not-gzip": lambda body: b"plain text".ljust(len(body)),
    },
}
"""Damages of the bytes of a body by what it must be, then by name."""
