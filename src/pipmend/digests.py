"""Digests of bodies: where they are told, and how they are measured.

What a body must be can be told by several sources; any one value of a source is
enough, as in pip's own check of hashes.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import os
import re
import urllib.parse
from typing import TYPE_CHECKING

from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse

SHA256 = "sha256"
_CHUNK_SIZE = 256 * 1024

# The path of a file on the main index: BLAKE2b-256 of its content, split in three.
# Like the other patterns it is compiled when it is first used: seals need none.
_BLAKE2_PATH = r"/packages/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{60})/[^/]+$"
_SIDE_FILES = (".metadata", ".asc", ".provenance")

# RFC 9530 section 5; the deprecated algorithms are not used.
_FIELD_ALGORITHMS = {"sha-256": SHA256, "sha-512": "sha512"}
_FIELD_MEMBER = r"\s*(sha-(?:256|512))\s*=\s*:([A-Za-z0-9+/=]*):\s*$"

_MD5_ETAG = r'"([0-9a-f]{32})"'


class Source(enum.Enum):
    """Who tells what a body must be, strongest first."""

    LINK = "the index"
    """The hash in the link that pip is downloading."""
    REQUIREMENT = "the requirement"
    """The hash that a person asks for, where the link has none."""
    URL = "its URL"
    """A digest that is part of the URL path."""
    FIELD = "the server"
    """``Content-Digest`` or ``Repr-Digest`` (RFC 9530)."""


class Expectation(Record):
    """Digests of which a body must have one."""

    source: Source
    digests: frozenset[tuple[str, bytes]]
    """Algorithm as in hashlib, and value."""


class BodyDigest(Record):
    """Size in bytes and SHA-256 of a body."""

    size: int
    sha256: bytes

    @classmethod
    def of(cls, body: bytes | memoryview) -> BodyDigest:
        """Measure a body in memory."""
        return cls(memoryview(body).nbytes, hashlib.sha256(body).digest())

    @classmethod
    def of_file(cls, body: BinaryIO) -> BodyDigest:
        """Measure an open body, which is left at its start."""
        size = body.seek(0, os.SEEK_END)
        return cls(size, measure(body, SHA256, hashlib.sha256().digest_size))


def from_hashes(
    hashes: Mapping[str, Iterable[str]], source: Source = Source.LINK
) -> Expectation | None:
    """What hashes in hex, as in pip's links and requirements, tell about a file."""
    told = {
        (algorithm, digest)
        for algorithm, values in hashes.items()
        if algorithm in hashlib.algorithms_guaranteed
        for value in values
        if (digest := _from_hex(value))
    }
    return Expectation(source, frozenset(told)) if told else None


def from_url(url: str) -> Expectation | None:
    """The digest that is part of a file's URL path."""
    path = urllib.parse.urlsplit(url).path
    match = re.search(_BLAKE2_PATH, path)
    if match is None or path.endswith(_SIDE_FILES):
        return None
    value = bytes.fromhex("".join(match.groups()))
    return Expectation(Source.URL, frozenset({("blake2b", value)}))


def from_fields(stored: StoredResponse) -> Expectation | None:
    """What the server's integrity fields tell (RFC 9530 sections 2 and 3)."""
    told = set()
    for name in ("content-digest", "repr-digest"):
        for member in stored.field(name).split(","):
            match = re.match(_FIELD_MEMBER, member)
            if match is not None and (value := _base64(match[2])):
                told.add((_FIELD_ALGORITHMS[match[1]], value))
    return Expectation(Source.FIELD, frozenset(told)) if told else None


def md5_etag(stored: StoredResponse) -> bytes | None:
    """The value of an ETag that looks like an MD5; only a match means anything."""
    match = re.fullmatch(_MD5_ETAG, stored.field("etag"))
    return bytes.fromhex(match[1]) if match else None


def text_of(algorithm: str, value: bytes) -> str:
    """A digest as text, as in pip's messages: algorithm and hex."""
    return f"{algorithm}:{value.hex()}"


def measure(body: BinaryIO, algorithm: str, length: int) -> bytes:
    """The digest of an open body, which is left at its start.

    Args:
        body: the open file.
        algorithm: a name of hashlib's.
        length: bytes of the digest, which BLAKE2 has in many.
    """
    body.seek(0)
    if algorithm in {"blake2b", "blake2s"}:
        hasher = getattr(hashlib, algorithm)(digest_size=length)
    else:
        hasher = hashlib.new(algorithm, usedforsecurity=False)
    while chunk := body.read(_CHUNK_SIZE):
        hasher.update(chunk)
    body.seek(0)
    value: bytes = (
        hasher.digest(length) if algorithm.startswith("shake") else hasher.digest()
    )
    return value


def _from_hex(text: str) -> bytes:
    try:
        # It would let pass white space between the digits.
        return bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
