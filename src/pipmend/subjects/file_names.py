"""What a file is, told by its name, its address or its neighbours alone."""

from __future__ import annotations

import itertools
import json
import urllib.parse
from typing import TYPE_CHECKING

from pipmend import entries, names, urls
from pipmend.names import Release
from pipmend.subjects.values import METADATA_SUFFIX, Kind, Subject
from pipmend.wheels import ORIGIN_NAME

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_ORIGIN = 64 * 1024
_MOST_WHEELS = 50
_LONGEST_URL = 2000

_SIMPLE = "simple"
"""The last folder of an index, at times after a mark (devpi has ``+simple``)."""


def of_url(url: str) -> Subject:
    """What is behind a URL, told by its path alone; never raises.

    Args:
        url: absolute, or relative as in a Location field.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        address = urls.redacted(url)
    except ValueError:
        return Subject(Kind.OTHER)
    known = address if parts.scheme and len(address) <= _LONGEST_URL else None
    path = urllib.parse.unquote(parts.path)
    folder, _, name = path.rstrip("/").rpartition("/")
    file = of_file_name(name)
    if file is not None:
        is_built = parts.scheme == "file" and file.kind is Kind.WHEEL
        return file._replace(
            kind=Kind.BUILT_WHEEL if is_built else file.kind, url=known
        )
    if path.endswith("/") or folder.endswith(_SIMPLE):
        is_root = name.endswith(_SIMPLE) and not folder.endswith(_SIMPLE)
        return Subject(
            Kind.PAGE, None if is_root else names.project_of(name), url=known
        )
    return Subject(Kind.OTHER, url=known)


def of_built(path: Path) -> Subject:
    """What a file of the wheel cache is, told by its name and its neighbours."""
    if path.name == ORIGIN_NAME:
        return _of_origin(path)
    wheel = of_file_name(path.name)
    if wheel is None or wheel.kind is not Kind.WHEEL:
        return Subject(Kind.OTHER, file_name=names.shown(path.name))
    return wheel._replace(kind=Kind.BUILT_WHEEL)


def of_file_name(name: str) -> Subject | None:
    """The file that has a name, None for other names."""
    is_metadata = name.lower().endswith(METADATA_SUFFIX)
    file_name = name[: -len(METADATA_SUFFIX)] if is_metadata else name
    wheel = names.of_wheel(file_name)
    release = wheel or names.of_source(file_name)
    if release is None:
        return None
    kind = Kind.SDIST if wheel is None else Kind.WHEEL
    kind = Kind.CORE_METADATA if is_metadata else kind
    return Subject(kind, *release, names.shown(name))


def _of_origin(path: Path) -> Subject:
    """An ``origin.json``, told by the wheel beside it; its URL by itself."""
    try:
        with entries.open_regular(path) as file:
            origin: object = json.loads(file.read(_LARGEST_ORIGIN))
    except (OSError, entries.StrangeFileError, ValueError, RecursionError):
        origin = None
    url = origin.get("url") if isinstance(origin, dict) else None
    address = of_url(url).url if isinstance(url, str) else None
    return Subject(Kind.ORIGIN, *_release_beside(path), ORIGIN_NAME, address)


def _release_beside(path: Path) -> Release:
    """What the names of the wheels in the folder of a file say, if they agree."""
    try:
        wheels = list(itertools.islice(path.parent.glob("*.whl"), _MOST_WHEELS))
    except OSError:
        return Release()
    releases = {names.of_wheel(wheel.name) or Release() for wheel in wheels}
    return releases.pop() if len(releases) == 1 else Release()
