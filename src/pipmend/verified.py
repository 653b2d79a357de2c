"""What a scan has verified before: unchanged entries need not be read again.

Kept in the user's own cache folder, one small file for each shard, so that a scan of
a million entries holds what is known of a few thousand at a time. An entry is known
by a fingerprint of its name and of the identities of its files (device, inode, size,
times of modification and change in nanoseconds); any difference makes it unknown.
The files hold no names, and losing them costs one longer scan.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from typing import TYPE_CHECKING

import pipmend
from pipmend import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend._compat.layouts import Place
    from pipmend.entries import FileIdentity, Stamp

_FINGERPRINT_SIZE = 16
_RECORD_SIZE = _FINGERPRINT_SIZE + 1
_LARGEST_FILE = 64 * 1024 * 1024
_IDENTITY = struct.Struct(">QQQqq")
_NOTHING = b"\0" * _IDENTITY.size
_MASK = (1 << 64) - 1


class Standing(enum.IntEnum):
    """How an entry came out of a scan, where it was not corrupt."""

    INTACT = 1
    NOT_JUDGED = 2
    """Nothing contradicts it, and nothing vouches for its bytes."""


Memory = dict[bytes, Standing]
"""What is known of one shard: the standing of each entry by its fingerprint."""


class Store:
    """The memories of one cache."""

    def __init__(self, folder: Path, cache_root: Path, *, deep: bool) -> None:
        """Take the folder of all memories; `deep` scans have memories of their own."""
        whose = hashlib.sha256(str(cache_root).encode("utf-8", "surrogateescape"))
        self._folder = folder / f"{whose.hexdigest()[:16]}{'-deep' if deep else ''}"
        # Another release may judge otherwise.
        self._header = f"pipmend {pipmend.__version__}\n".encode()

    def load(self, shard: str) -> Memory:
        """What is known of a shard; nothing if that cannot be read."""
        try:
            with (self._folder / shard).open("rb") as file:
                data = file.read(_LARGEST_FILE)
        except OSError:
            return {}
        header, records = data[: len(self._header)], data[len(self._header) :]
        if header != self._header or len(records) % _RECORD_SIZE:
            return {}
        known = {int(standing): standing for standing in Standing}
        return {
            records[at : at + _FINGERPRINT_SIZE]: known[code]
            for at in range(0, len(records), _RECORD_SIZE)
            for code in [records[at + _FINGERPRINT_SIZE]]
            if code in known
        }

    def save(self, shard: str, memory: Memory) -> None:
        """Keep what is known of a shard.

        Raises:
            OSError: it cannot be written.
        """
        records = (key + bytes([value]) for key, value in memory.items())
        self._folder.mkdir(atomic.PRIVATE_FOLDER, parents=True, exist_ok=True)
        atomic.replace(self._folder / shard, self._header + b"".join(records))


def fingerprint(place: Place, stamp: Stamp) -> bytes:
    """A digest of an entry's name and of the state of its files."""
    hasher = hashlib.blake2b(digest_size=_FINGERPRINT_SIZE)
    hasher.update(str(place.metadata).encode("utf-8", "surrogateescape"))
    hasher.update(_packed(stamp.metadata))
    hasher.update(_packed(stamp.body))
    return hasher.digest()


def _packed(identity: FileIdentity | None) -> bytes:
    if identity is None:
        return _NOTHING
    device, inode, size, modified, changed, _ = identity
    # Windows has inodes of 128 bits.
    return _IDENTITY.pack(device & _MASK, inode & _MASK, size, modified, changed)
