"""Copies of quarantined items for a person: in a folder, or in one file to send."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from pipmend import (
    atomic,
    entries,
    evidence,
    metadata,
    quarantine,
    untrusted,
    urls,
    wheels,
)
from pipmend._compat.layouts import LARGEST_METADATA
from pipmend.evidence import EvidenceError, Restored
from pipmend.verdicts import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from pipmend.evidence import Evidence, KeptFile
    from pipmend.metadata import StoredResponse

REMOVED = "(removed)"
"""What stands in an export in the place of what may be a secret."""

_LARGEST_INLINE = quarantine.LARGEST_BODY + LARGEST_METADATA
_CHUNK_SIZE = 1024 * 1024
_LARGEST_PLAIN = 1 << 30  # bytes that fit into a zip of the old form, whatever comes

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")
_LONGEST_NAME = 120

_BODY_NAMES = frozenset(
    {quarantine.BODY_NAME, quarantine.HEAD_NAME, quarantine.TAIL_NAME}
)
_OWN_NAMES = _BODY_NAMES | {quarantine.METADATA_NAME}

# Header fields that are, or may hold, a secret; and those that are URLs.
_SECRET_FIELD = re.compile(
    r"auth|cookie|token|secret|credential|session|signature|api-?key|password"
    r"|jwt|csrf|xsrf"
)
_URL_FIELD = re.compile(r"location|link|refresh|referer|redirect|ur[il]")
_URL_SECRETS = re.compile(r"[?#][^\s>\"]*|(?<=//)[^/\s>\"]*@")


class Exported(NamedTuple):
    """What is in an export."""

    members: tuple[str, ...]
    left_out: tuple[str, ...]
    """What the item has beside, by name and reason."""
    bytes: int
    """Of the archive."""


class _Part(NamedTuple):
    """A file to hand out, under a name that a person can read."""

    name: str
    source: Path | bytes
    is_private: bool
    """Whether it may hold secrets of request and response."""


def restore_to(item: Evidence, folder: Path) -> Restored:
    """Copy the files of an item, under readable names, into a new or empty folder.

    Raises:
        EvidenceError: the folder is not empty, or the item has no files.
        OSError: a file cannot be read or written; nothing stays behind.
    """
    if not untrusted.is_folder(item.folder):
        raise EvidenceError(f"{item.folder} is no folder: look at it yourself")
    with contextlib.ExitStack() as undo:
        _make_empty(folder, undo)
        written, skipped = [], list(_skipped_of(item))
        for part in _parts_of(item):
            target = folder / part.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(part.source, bytes):
                with untrusted.open_new(target) as file:
                    file.write(part.source)
            else:
                untrusted.copy(part.source, target)
            written.append(target)
        if not written:
            raise EvidenceError(f"{item.id} has no files: look at {item.folder}")
        undo.pop_all()
    return Restored(tuple(written), tuple(skipped))


def export(item: Evidence, target: Path, *, with_metadata: bool = False) -> Exported:
    """Write an item as one zip file for a bug report.

    It has ``verdict.json``, the response in ``headers.json`` without what may be
    secret, a list of all files, and the body.

    Args:
        item: any item.
        target: a file that does not exist yet.
        with_metadata: also the files that may hold secrets, as they are.

    Raises:
        EvidenceError: the target exists.
        OSError: a file cannot be read or written; nothing stays behind.
    """
    try:
        file = untrusted.open_new(target)
    except FileExistsError as error:
        message = f"{target} exists and is not overwritten; name a new file"
        raise EvidenceError(message) from error
    with contextlib.ExitStack() as undo:
        undo.callback(untrusted.remove, target)  # after it was closed
        undo.enter_context(file)
        members, left_out = _write_archive(item, file, with_metadata=with_metadata)
        size = file.tell()
        file.close()
        undo.pop_all()
    return Exported(tuple(members), tuple(left_out), size)


def _parts_of(item: Evidence) -> Iterator[_Part]:
    """The files of an item under readable names, a body apart from its headers."""
    name = item.package_file
    body = _safe(name) if name else quarantine.BODY_NAME
    for kept in evidence.files_of(item):
        path = item.folder / kept.path
        if _why_skipped(kept) is not None:
            continue
        if kept.path == quarantine.METADATA_NAME:
            yield from _parts_of_metadata(item, path, body)
        elif kept.path in _BODY_NAMES:
            end = kept.path[len(quarantine.BODY_NAME) :]
            yield _Part(body + end, path, is_private=False)
        else:
            yield _Part(kept.path, path, is_private=True)


def _parts_of_metadata(item: Evidence, path: Path, body: str) -> Iterator[_Part]:
    home = evidence.form_of(item)
    if home is not None and evidence.is_of_wheels(home):
        is_origin = home.name == wheels.ORIGIN_NAME
        yield _Part(home.name, path, is_private=is_origin)
        return
    yield _Part(quarantine.METADATA_NAME, path, is_private=True)
    if home is not None and home.body is None:
        stored = _response_of(item)
        if not isinstance(stored, Verdict):
            yield _Part(body, stored.inline_body, is_private=False)


def _skipped_of(item: Evidence) -> Iterator[str]:
    """What there is beside, by name and reason."""
    for kept in evidence.files_of(item):
        reason = _why_skipped(kept)
        if reason is not None:
            yield f"{kept.path}: {reason}"


def _why_skipped(kept: KeptFile) -> str | None:
    if kept.size is None:
        return "no regular file"
    if kept.path == quarantine.DESCRIPTION_NAME:
        is_ours = kept.size <= evidence.LARGEST_DESCRIPTION
        return None if is_ours else "too large to be from pipmend"
    if kept.path in _OWN_NAMES or kept.path.startswith(f"{quarantine.FILES_NAME}/"):
        return None
    return "not from the cache"


def _safe(name: str) -> str:
    """A file name that means nothing to any file system."""
    return _UNSAFE.sub("_", name)[-_LONGEST_NAME:].lstrip(".-")


def _response_of(item: Evidence) -> StoredResponse | Verdict:
    """What the metadata of an entry of the HTTP cache says."""
    try:
        with untrusted.open_file(item.folder / quarantine.METADATA_NAME) as file:
            return metadata.decode(file.read(_LARGEST_INLINE))
    except OSError as error:
        return entries.unreadable(Reason.METADATA_UNREADABLE, error)


def _make_empty(folder: Path, undo: contextlib.ExitStack) -> None:
    """Make a folder, or see that it is empty; have it as before when undone."""
    try:
        folder.mkdir(atomic.PRIVATE_FOLDER, parents=True)
    except FileExistsError as error:
        if not folder.is_dir() or any(folder.iterdir()):
            message = f"{folder} exists and is not an empty folder; name a new one"
            raise EvidenceError(message) from error
        undo.callback(_empty, folder)
    else:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if untrusted.is_folder(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            untrusted.remove(path)


def _write_archive(
    item: Evidence, file: BinaryIO, *, with_metadata: bool
) -> tuple[list[str], list[str]]:
    """Write the archive; the names that are in it, and what was left out."""
    left_out = list(_skipped_of(item))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in itertools.chain(_made_parts(item), _parts_of(item)):
            if part.source == item.folder / quarantine.DESCRIPTION_NAME:
                continue  # it may say anything; what was read of it is in already
            if part.is_private and not with_metadata:
                left_out.append(f"{part.name}: may hold secrets")
            else:
                _add(archive, part)
        return archive.namelist(), left_out


def _made_parts(item: Evidence) -> Iterator[_Part]:
    """What is written for an export, without secrets."""
    yield _made(quarantine.DESCRIPTION_NAME, item.as_record())
    files = {kept.path: kept.size for kept in evidence.files_of(item)}
    yield _made("files.json", files)
    home = evidence.form_of(item)
    if home is not None and not evidence.is_of_wheels(home):
        stored = _response_of(item)
        if isinstance(stored, Verdict):
            yield _made("headers.json", {"problem": stored.summary})
        else:
            yield _made("headers.json", _harmless(stored))


def _made(name: str, content: Mapping[str, object]) -> _Part:
    text = json.dumps(content, indent=2) + "\n"
    return _Part(name, text.encode(), is_private=False)


def _harmless(stored: StoredResponse) -> dict[str, object]:
    """Status and header fields; request fields are there for ``Vary`` only."""
    return {
        "status": stored.status,
        "headers": {
            name: _harmless_value(name, value) for name, value in stored.fields.items()
        },
        "vary": {
            name: None if value is None else _harmless_value(name, value)
            for name, value in stored.vary.items()
        },
    }


def _harmless_value(name: str, value: str) -> str:
    name = name.lower()
    if _SECRET_FIELD.search(name):
        return REMOVED
    if _URL_FIELD.search(name):
        value = _URL_SECRETS.sub("", value)
    return urls.without_credentials(value)


def _add(archive: zipfile.ZipFile, part: _Part) -> None:
    # Names of leftovers need not be text.
    info = zipfile.ZipInfo(part.name.encode(errors="replace").decode())
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = atomic.PRIVATE_FILE << 16
    if isinstance(part.source, bytes):
        archive.writestr(info, part.source)
        return
    with untrusted.open_file(part.source) as source:
        is_large = os.fstat(source.fileno()).st_size > _LARGEST_PLAIN
        with archive.open(info, "w", force_zip64=is_large) as target:
            shutil.copyfileobj(source, target, _CHUNK_SIZE)
