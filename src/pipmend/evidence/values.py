"""An item of a quarantine, and what may become of it."""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from pipmend.errors import QuarantineError
from pipmend.quarantine import Kept

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend.quarantine import Kind
    from pipmend.verdicts import Measure

_PACKAGE_FILE = re.compile(
    r".+\.(whl|zip|egg|tgz|tar(\.\w{1,4})?)(\.metadata)?", re.IGNORECASE | re.DOTALL
)
_FILE_SUBJECT = re.compile(r"the (?:cached file|built wheel) (\S+)")


class EvidenceError(QuarantineError):
    """An item is not to be had, or not in this way; the message says what to do."""


class Evidence(NamedTuple):
    """One item of a quarantine; what it says of itself is not to be trusted."""

    id: str
    cache_root: Path
    folder: Path
    kind: Kind
    bytes: int
    """Of all its files."""
    files: int
    """How many it has, its description aside."""
    quarantined_at: float | None
    """Seconds since 1970, as its id says; None where that is no id."""
    problem: str | None = None
    """Why it does not say what it is; None when it does."""
    subject: str | None = None
    """The entry in words."""
    url: str | None = None
    """Without credentials, query and fragment."""
    entry: str | None = None
    """Where its metadata file is said to have been, as an absolute path."""
    reason: str | None = None
    """Code of a reason, perhaps of a later pipmend."""
    found: Measure = None
    expected: Measure = None
    body_kept: Kept | None = None
    """How much of the body lies there; None where the item is no entry."""
    body_size: int | None = None
    """Bytes of the whole body, where they were recorded."""
    body_sha256: str | None = None
    """SHA-256 of the whole body in hex, of one that was cut."""

    @property
    def is_cut(self) -> bool:
        """Whether the body was too large to be kept whole."""
        return self.body_kept is Kept.HEAD_AND_TAIL

    @property
    def package_file(self) -> str | None:
        """The name of the package file that it is, if it says so; may be any text."""
        path = urllib.parse.urlsplit(self.url or "").path
        name = urllib.parse.unquote(path).rpartition("/")[2]
        if not name:
            match = _FILE_SUBJECT.fullmatch(self.subject or "")
            name = match[1] if match else ""
        return name if _PACKAGE_FILE.fullmatch(name) else None

    def as_record(self) -> dict[str, object]:
        """For JSON: times in ISO 8601 (UTC), paths as text."""
        at = self.quarantined_at
        moment = (
            None if at is None else dt.datetime.fromtimestamp(at, tz=dt.timezone.utc)
        )
        values: dict[str, object] = {
            **self._asdict(),
            "cache": str(self.cache_root),
            "folder": str(self.folder),
            "kind": self.kind.value,
            "quarantined_at": moment and f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "body_kept": self.body_kept and self.body_kept.value,
        }
        del values["cache_root"]
        return values


class KeptFile(NamedTuple):
    """One file of an item."""

    path: str
    """Within the item, with ``/``."""
    size: int | None
    """Bytes; None for what is no regular file."""


class Restored(NamedTuple):
    """What became of the files of an item."""

    files: tuple[Path, ...]
    """Where they are now."""
    skipped: tuple[str, ...]
    """What was left where it is, by name and reason."""


class Purged(NamedTuple):
    """What a purge has deleted, or would."""

    items: tuple[Evidence, ...]
    bytes: int
    stayed: tuple[str, ...]
    """What could not be deleted, by id and reason."""
