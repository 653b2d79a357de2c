"""Evidence: the items of a quarantine, read, judged and deleted.

Nothing here trusts what lies in a quarantine: descriptions are bounded and may say
anything, links are never followed, and an entry was only ever below the very root in
which its item lies, at a path of the form that pip gives it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import tempfile
import urllib.parse
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, examine, quarantine, untrusted, urls, wheels
from pipmend._compat.layouts import WHEELS, Layout, Place, place_in
from pipmend.archives import Depth
from pipmend.errors import QuarantineError
from pipmend.quarantine import Kept, Kind
from pipmend.verdicts import Reason, Verdict, corrupt
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipmend.verdicts import Measure

LARGEST_DESCRIPTION = 1024 * 1024
"""Bytes of a ``verdict.json``; pipmend writes a few hundred."""

_LONGEST_TEXT = 2000
_LONGEST_PATH = 4096
_LARGEST_NUMBER = 1 << 63
_MOST_CANDIDATES = 10

_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENTRY_NAME = re.compile(r"[0-9a-f]{56}")
_WHEEL_FOLDERS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{50}")
_WHEEL_NAME = re.compile(r"[\w.!+][\w.!+-]{0,200}\.whl", re.ASCII)
_PACKAGE_FILE = re.compile(
    r".+\.(whl|zip|egg|tgz|tar(\.\w{1,4})?)(\.metadata)?", re.IGNORECASE | re.DOTALL
)
_FILE_SUBJECT = re.compile(r"the (?:cached file|built wheel) (\S+)")

# Renamed first, so that nobody sees half an item while its files are deleted.
_GOING = ".purged-"


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


def items(cache_root: Path) -> Iterator[Evidence]:
    """Yield everything in the quarantine of a cache, oldest first.

    Raises:
        EvidenceError: the quarantine is behind a link.
        OSError: it cannot be read.
    """
    for folder in _folders(cache_root):
        if os.path.lexists(folder):  # else pruned meanwhile
            yield _read(cache_root, folder)


def find(cache_roots: Iterable[Path], text: str) -> Evidence:
    """The item with an id, or with an id that begins so.

    Raises:
        EvidenceError: there is none, or there are several.
        OSError: a quarantine cannot be read.
    """
    found = [
        (root, folder)
        for root in cache_roots
        for folder in _folders(root)
        if text and folder.name.startswith(text)
    ]
    found = [one for one in found if one[1].name == text] or found
    if not found:
        raise EvidenceError(
            f"there is no item {text!a} in quarantine; see: pipmend quarantine list"
        )
    if len(found) == 1:
        return _read(*found[0])
    ids = [folder.name for _, folder in found]
    if len(set(ids)) < len(ids):
        roots = ", ".join(str(root) for root, _ in found[:_MOST_CANDIDATES])
        raise EvidenceError(f"{text} is in several caches; give --cache: {roots}")
    more = len(ids) - _MOST_CANDIDATES
    listed = ", ".join(ids[:_MOST_CANDIDATES]) + (f" and {more} more" * (more > 0))
    raise EvidenceError(f"{text!a} may be any of {listed}; type more of it")


def files_of(item: Evidence) -> Iterator[KeptFile]:
    """Yield the files of an item by name; what is behind a link does not count."""
    if untrusted.is_folder(item.folder):
        for path in untrusted.files_below(item.folder):
            name = path.relative_to(item.folder).as_posix()
            yield KeptFile(name, untrusted.size_of(path))
    else:
        yield KeptFile(item.id, untrusted.size_of(item.folder))


def home_of(item: Evidence) -> Place:
    """Where in its cache an entry was, if that can be believed.

    Raises:
        EvidenceError: it cannot.
    """
    tail = _tail_of(item)
    front = Path(*PurePath(item.entry or "").parts[: -len(tail)])
    try:
        is_here = os.path.realpath(front) == os.path.realpath(item.cache_root)
    except ValueError:  # no path at all, such as one with a NUL
        is_here = False
    if not is_here:
        raise EvidenceError(
            f"{item.id} is from another cache, {front}; restore it to a folder"
        )
    return _place_of(item, tail)


def form_of(item: Evidence) -> Place | None:
    """A place of the form that the entry's has, below any root; None if unknown."""
    try:
        return _place_of(item, _tail_of(item))
    except EvidenceError:
        return None


def is_of_wheels(place: Place) -> bool:
    """Whether a place is in the wheel cache, where one file is all there is."""
    return place.directory.name == WHEELS


def judge(item: Evidence) -> Verdict:
    """Judge an entry as it lies in quarantine, by the same rules as inside pip.

    Raises:
        EvidenceError: the item is no entry, or does not say which.
        OSError: reading failed for a passing reason of this process.
    """
    if item.kind is not Kind.ENTRY:
        raise EvidenceError(f"{item.id} is no entry: there is nothing to judge")
    home = _place_of(item, _tail_of(item))
    if item.is_cut:
        return corrupt(Reason.BODY_MISSING, "only its head and tail were kept")
    is_wheel = is_of_wheels(home)
    first, second = (
        item.folder / name for name in (quarantine.METADATA_NAME, quarantine.BODY_NAME)
    )
    reason = Reason.WHEEL_STRUCTURE if is_wheel else Reason.METADATA_UNREADABLE
    if not os.path.lexists(first):
        return corrupt(reason, "missing", "a file")
    # The judge would follow them, as pip does.
    if first.is_symlink():
        return corrupt(reason, "a link", "a file")
    if second.is_symlink():
        return corrupt(Reason.BODY_UNREADABLE, "a link", "a file")
    return _judge_wheel_file(item, home) if is_wheel else _judge_entry(item, home)


def older_than(cache_root: Path, moment: float) -> Iterator[Evidence]:
    """Yield the items from before a moment, in seconds since 1970.

    Raises:
        OSError: the quarantine cannot be read.
    """
    for item in items(cache_root):
        if item.quarantined_at is not None and item.quarantined_at < moment:
            yield item


def purge(chosen: Iterable[Evidence], *, dry_run: bool = False) -> Purged:
    """Delete items for good, or only tell which.

    Raises:
        OSError: a quarantine cannot be read.
    """
    deleted, stayed = [], []
    for item in chosen:
        problem = None if dry_run else _try_to_delete(item)
        if problem is None:
            deleted.append(item)
        else:
            stayed.append(f"{item.id}: {problem}")
    return Purged(tuple(deleted), sum(item.bytes for item in deleted), tuple(stayed))


def discard_remains(cache_root: Path) -> None:
    """Delete what an interrupted purge has left."""
    for path in quarantine.folder_of(cache_root).glob(f"{_GOING}*"):
        shutil.rmtree(path, ignore_errors=True)


# Reading


def _folders(cache_root: Path) -> list[Path]:
    """Everything in a quarantine, whatever it is; the names begin with the time."""
    folder = quarantine.folder_of(cache_root)
    for path in (folder.parent, folder):
        if path.is_symlink():
            raise EvidenceError(f"{path} is a link, which is not followed: remove it")
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    return [folder / name for name in names if not name.startswith(_GOING)]


def _read(cache_root: Path, folder: Path) -> Evidence:
    name = folder.name
    sizes = [
        untrusted.size_of(path) or 0
        for path in (
            untrusted.files_below(folder) if untrusted.is_folder(folder) else [folder]
        )
        if path.name != quarantine.DESCRIPTION_NAME
    ]
    described = untrusted.size_of(folder / quarantine.DESCRIPTION_NAME) or 0
    item = Evidence(
        id=name,
        cache_root=cache_root,
        folder=folder,
        kind=Kind.UNREADABLE,
        bytes=sum(sizes) + described,
        files=len(sizes),
        quarantined_at=_moment_of(name),
    )
    told = _description_of(folder)
    if isinstance(told, str):
        return item._replace(problem=told)
    return _described(item, told)


def _moment_of(name: str) -> float | None:
    match = _ID.fullmatch(name)
    if match is None:
        return None
    try:
        moment = dt.datetime.strptime(f"{match[1]}+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError:
        return None
    return moment.timestamp()


def _description_of(folder: Path) -> dict[str, object] | str:
    """What an item says of itself, or in words why that is not known."""
    if not untrusted.is_folder(folder):
        return "no folder"
    if _moment_of(folder.name) is None:
        return "its name is none that pipmend gives"
    try:
        with untrusted.open_file(folder / quarantine.DESCRIPTION_NAME) as file:
            told: object = json.loads(file.read(LARGEST_DESCRIPTION))
    except FileNotFoundError:
        return f"no {quarantine.DESCRIPTION_NAME}"
    except OSError:
        return f"its {quarantine.DESCRIPTION_NAME} cannot be opened as a file"
    except (ValueError, RecursionError):
        return f"its {quarantine.DESCRIPTION_NAME} is no JSON of the size it has"
    if not isinstance(told, dict):
        return f"its {quarantine.DESCRIPTION_NAME} has another form"
    return told


def _described(item: Evidence, told: dict[str, object]) -> Evidence:
    """Take over what an item says, each value only if it has the right form."""
    try:
        kind = Kind(told.get("kind", Kind.ENTRY.value))
    except ValueError:
        kind = Kind.UNREADABLE  # of a later pipmend
    if kind is Kind.UNREADABLE:
        return item._replace(problem="of a kind that this pipmend does not know")
    item = item._replace(
        kind=kind,
        subject=_text(told.get("subject")),
        url=_redacted(told.get("url")),
        reason=_text(told.get("reason")),
        found=_measure(told.get("found")),
        expected=_measure(told.get("expected")),
    )
    return _described_entry(item, told) if kind is Kind.ENTRY else item


def _described_entry(item: Evidence, told: dict[str, object]) -> Evidence:
    entry = _text(told.get("entry"), _LONGEST_PATH + 1)
    is_path = entry is not None and len(entry) <= _LONGEST_PATH
    sha256 = _text(told.get("body_sha256"))
    item = item._replace(
        entry=entry if is_path else None,
        body_size=_number(told.get("body_size")),
        body_sha256=sha256 if sha256 and _SHA256.fullmatch(sha256) else None,
    )
    return item._replace(body_kept=_kept(item, told.get("body_kept")))


def _kept(item: Evidence, told: object) -> Kept:
    """How much of the body lies there, whatever the description says."""

    def has(name: str) -> bool:
        return untrusted.size_of(item.folder / name) is not None

    is_inline = Layout.TWO_FILES.value not in PurePath(item.entry or "").parts
    if is_inline and told != Kept.NONE.value and has(quarantine.METADATA_NAME):
        return Kept.WHOLE
    if has(quarantine.BODY_NAME):
        return Kept.WHOLE
    if has(quarantine.HEAD_NAME) or has(quarantine.TAIL_NAME):
        return Kept.HEAD_AND_TAIL
    return Kept.NONE


def _measure(value: object) -> Measure:
    return _text(value) if isinstance(value, str) else _number(value)


def _text(value: object, longest: int = _LONGEST_TEXT) -> str | None:
    return value[:longest] if isinstance(value, str) else None


def _number(value: object) -> int | None:
    # bool is an int to isinstance; JSON has numbers of any length.
    is_size = type(value) is int and 0 <= value < _LARGEST_NUMBER
    return value if is_size else None  # type: ignore[return-value]


def _redacted(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        redacted = urls.redacted(url)[:_LONGEST_TEXT]
        urllib.parse.urlsplit(redacted)  # others will
    except ValueError:
        return None
    return redacted


# Where it was


def _tail_of(item: Evidence) -> tuple[str, ...]:
    """The part of an entry's recorded path that is below the cache root.

    Raises:
        EvidenceError: it has no form that pip gives a path.
    """
    parts = PurePath(item.entry or "").parts
    name = parts[-1] if parts else ""
    if _ENTRY_NAME.fullmatch(name):
        for layout in Layout:
            tail = (layout.value, *name[:5], name)
            if parts[-len(tail) :] == tail:
                return tail
    tail = parts[-6:]
    is_wheel = _WHEEL_NAME.fullmatch(name) or name == wheels.ORIGIN_NAME
    if is_wheel and tail[0] == WHEELS and _WHEEL_FOLDERS.fullmatch("/".join(tail[1:5])):
        return tail
    raise EvidenceError(
        f"{item.id} does not say where in a pip cache it was; restore it to a folder"
    )


def _place_of(item: Evidence, tail: tuple[str, ...]) -> Place:
    if tail[0] == WHEELS:
        return wheels.place_of(item.cache_root, item.cache_root.joinpath(*tail))
    return place_in(Layout(tail[0]), item.cache_root, tail[-1])


# Judging


def _judge_wheel_file(item: Evidence, home: Place) -> Verdict:
    path = item.folder / quarantine.METADATA_NAME
    if home.name == wheels.ORIGIN_NAME:
        return wheels.judge_origin(path)
    # The judge compares a wheel with its name, which it has not got here.
    with tempfile.TemporaryDirectory(prefix="pipmend-") as folder:
        named = Path(folder, home.name)
        try:
            named.symlink_to(path.absolute())
        except (OSError, NotImplementedError):  # a right that Windows seldom gives
            if untrusted.size_of(path) is not None:
                shutil.copyfile(path, named)
        return wheels.judge_wheel(named)


def _judge_entry(item: Evidence, home: Place) -> Verdict:
    body = None if home.body is None else item.folder / quarantine.BODY_NAME
    lying = Place(item.folder, item.folder / quarantine.METADATA_NAME, body)
    entry = entries.open_entry(lying)
    if entry is None:
        return corrupt(Reason.METADATA_UNREADABLE, "missing", "a file")
    try:
        # A seal binds an entry to its name on disk.
        entry = entry._replace(place=home)
        stored, seal = examine.read_metadata(entry), examine.read_seal(entry)
        if isinstance(stored, Verdict):
            return stored
        if isinstance(seal, Verdict):
            return seal
        told = Told(url=item.url, file_name=item.package_file)
        return examine.examine(entry, stored, seal, told, Depth.FULL).verdict
    finally:
        entry.close()


# Deleting


def _try_to_delete(item: Evidence) -> str | None:
    """Delete an item; in words why it is still there, None if it is gone."""
    try:
        delete(item)
    except OSError as error:
        return error.strerror or str(error)
    return None


def delete(item: Evidence) -> None:
    """Delete an item; whoever looks meanwhile sees all of it or nothing.

    Raises:
        OSError: it cannot be moved out of sight; it is still there.
    """
    if not untrusted.is_folder(item.folder):
        item.folder.unlink()
        return
    going = item.folder.with_name(f"{_GOING}{os.urandom(4).hex()}")
    item.folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)
