"""The seal: one more key in an entry's metadata map, added when pip stores it.

It stands last in the map, so that taking it off gives back pip's own bytes:

    ``"pipmend"``: bin(73) = version, body size, SHA-256 of the body, SHA-256 of all

"All" is the entry's name on disk, the metadata as pip wrote it, and the size and
digest of the body, so the seal binds the content to its cache key. Every pip ignores
the key, and a pip without pipmend that rewrites the entry drops it.
"""

from __future__ import annotations

import hashlib
import struct

from pipmend.digests import BodyDigest
from pipmend.metadata import PREFIX
from pipmend.records import Record
from pipmend.verdicts import Reason, Verdict, corrupt

_VERSION = 1
_PAYLOAD = struct.Struct(">BQ32s32s")
# msgpack: a string of 7 bytes, then a binary of one length byte.
_HEADER = b"\xa7pipmend\xc4" + bytes([_PAYLOAD.size])
_LENGTH = len(_HEADER) + _PAYLOAD.size
_MAP_AT = len(PREFIX)
_EMPTY_MAP, _FULL_MAP = 0x80, 0x8F
"""First byte of a msgpack map with up to 15 keys: the low half is their number."""


class Seal(Record):
    """What was sealed when the entry was stored; the metadata is as it was then."""

    body: BodyDigest


def sealed(metadata: bytes, name: str, body: BodyDigest) -> bytes:
    """Metadata with a seal; unchanged if its form is not the one that pip writes.

    Args:
        metadata: as pip is about to write it.
        name: the entry's name on disk.
        body: size and digest of the body that belongs to it.
    """
    keys = metadata[_MAP_AT] if len(metadata) > _MAP_AT else 0
    if not metadata.startswith(PREFIX) or not _EMPTY_MAP < keys < _FULL_MAP:
        return metadata
    digest = _digest_of_all(metadata, name, body)
    payload = _PAYLOAD.pack(_VERSION, body.size, body.sha256, digest)
    more_keys = bytes([keys + 1])
    return b"".join((PREFIX, more_keys, metadata[_MAP_AT + 1 :], _HEADER, payload))


def read(metadata: bytes, name: str) -> Seal | Verdict | None:
    """The seal of an entry, None without one, a verdict if it does not hold."""
    keys = metadata[_MAP_AT] if len(metadata) > _MAP_AT + _LENGTH else 0
    if not _EMPTY_MAP < keys <= _FULL_MAP:
        return None
    header, payload = metadata[-_LENGTH : -_PAYLOAD.size], metadata[-_PAYLOAD.size :]
    version, size, sha256, digest = _PAYLOAD.unpack(payload)
    body = BodyDigest(size, sha256)
    fewer_keys = bytes([keys - 1])
    stored = b"".join((PREFIX, fewer_keys, metadata[_MAP_AT + 1 : -_LENGTH]))
    holds = _digest_of_all(stored, name, body) == digest
    is_marked = header == _HEADER and version == _VERSION
    if holds and is_marked:
        return Seal(body)
    # Either half alone means that the other one was damaged; a later version of the
    # seal, with another marker, is none of ours.
    if holds or header == _HEADER:
        return corrupt(Reason.METADATA_DIGEST, "other bytes than were stored")
    return None


def claimed_body(metadata: bytes) -> BodyDigest:
    """What a seal that does not hold says of the body, for a closer look."""
    _, size, sha256, _ = _PAYLOAD.unpack(metadata[-_PAYLOAD.size :])
    return BodyDigest(size, sha256)


def _digest_of_all(metadata: bytes, name: str, body: BodyDigest) -> bytes:
    hasher = hashlib.sha256(name.encode())
    hasher.update(metadata)
    hasher.update(struct.pack(">Q32s", body.size, body.sha256))
    return hasher.digest()
