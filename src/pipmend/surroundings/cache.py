"""Everything that lies around one cache folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pipmend._compat import caches
from pipmend.surroundings.mounts import file_system_of
from pipmend.surroundings.ownership import is_used_by_pip, name_of
from pipmend.surroundings.samples import sample_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipmend.surroundings.mounts import FileSystem
    from pipmend.surroundings.samples import Sample


class Part(NamedTuple):
    """A folder of a cache that pip keeps one kind of thing in."""

    name: str
    link: Path | None
    """Where it leads to, if it is a link."""
    elsewhere: bool
    """Whether it is on another file system than the cache folder."""


class Surroundings(NamedTuple):
    """What was found out about one cache folder."""

    cache: Path
    real: Path
    """Behind all links."""
    is_linked: bool
    """Whether there are any."""
    now: float
    """This machine's clock when it was looked at, in seconds since 1970."""
    file_system: FileSystem
    owner: str | None
    """Name and number, such as ``root (0)``; None where files have no owners."""
    me: str | None
    """Who is looking, in the same form."""
    used_by_pip: bool
    """Whether a pip of this user would use the folder; else it goes without."""
    writable: bool
    parts: tuple[Part, ...]
    sample: Sample


def look(cache: Path, now: float) -> Surroundings:
    """Find out what lies around a cache folder.

    Args:
        cache: an existing folder, as ``pip cache dir`` names it.
        now: seconds since 1970.

    Raises:
        OSError: the folder or its file system cannot be asked.
    """
    real = cache.resolve()
    status = real.stat()
    has_owners = hasattr(os, "geteuid")
    return Surroundings(
        cache=cache,
        real=real,
        is_linked=os.path.normpath(cache) != str(real),
        now=now,
        file_system=file_system_of(real),
        owner=name_of(status.st_uid) if has_owners else None,
        me=name_of(os.geteuid()) if has_owners else None,
        used_by_pip=is_used_by_pip(real),
        writable=os.access(real, os.W_OK | os.X_OK),
        parts=tuple(_parts(real, status.st_dev)),
        sample=sample_of(real),
    )


def _parts(cache: Path, device: int) -> Iterator[Part]:
    for name in caches.PARTS:
        path = cache / name
        try:
            status = path.stat()
        except OSError:
            continue  # this cache has no such part
        link = path.resolve() if path.is_symlink() else None
        yield Part(name, link, status.st_dev != device)
