"""Names of projects, versions and package files, taken apart without trust."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 120
"""Characters of a name; what is longer is not taken for one."""

_PROJECT = re.compile(
    r"[a-z0-9]([a-z0-9._-]{0,118}[a-z0-9])?", re.IGNORECASE | re.ASCII
)
# PEP 440 with the spellings that it calls equal; "_" as file names have it for "+".
_VERSION = re.compile(
    r"v?(\d+!)?\d+(\.\d+)*([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?\d*)?"
    r"(-\d+|[-_.]?(post|rev|r)[-_.]?\d*)?([-_.]?dev[-_.]?\d*)?"
    r"([+_][a-z0-9]+([-_.][a-z0-9]+)*)?",
    re.IGNORECASE | re.ASCII,
)
_BUILD = re.compile(r"\d[a-z0-9_.]*", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r"([a-z0-9_]+)-([a-z0-9_]+)-([a-z0-9_]+)", re.IGNORECASE | re.ASCII)

_WHEEL = re.compile(
    r"(?P<project>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl",
    re.IGNORECASE,
)
_SOURCE = re.compile(
    r"(?P<stem>.+)\.(zip|tgz|tar(\.(gz|bz2|xz|z|zst|lzma))?)", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[-_.]+")
_CONTROLS = re.compile(r"[^\x20-\x7e]+")


class Release(NamedTuple):
    """What a name says, as far as it says something."""

    project: str | None = None
    """Normalised (PEP 503)."""
    version: str | None = None
    """As it is spelled (PEP 440)."""


def project_of(text: str) -> str | None:
    """A project's name, normalised (PEP 503); None if it cannot be one."""
    text = text.strip()
    if _PROJECT.fullmatch(text) is None:
        return None
    return _SEPARATORS.sub("-", text).lower()


def version_of(text: str) -> str | None:
    """A version, as it is spelled; None if it does not look like one (PEP 440)."""
    text = text.strip()
    return text if len(text) <= LONGEST and _VERSION.fullmatch(text) else None


def shown(file_name: str) -> str | None:
    """A file name without control characters; None if it is too long to show."""
    safe = _CONTROLS.sub("?", file_name)
    return safe if len(safe) <= LONGEST else None


def of_wheel(file_name: str) -> Release | None:
    """What the file name of a wheel says (PEP 427); None for other names."""
    match = _WHEEL.fullmatch(file_name)
    if match is None:
        return None
    return Release(project_of(match["project"]), version_of(match["version"]))


def of_source(file_name: str) -> Release | None:
    """What the file name of a source archive says (PEP 625); None for other names."""
    match = _SOURCE.fullmatch(file_name)
    return None if match is None else of_stem(match["stem"])


def of_dist_info(stem: str) -> Release:
    """What a dist-info folder says by its name without ``.dist-info``."""
    project, _, version = stem.rpartition("-")
    return Release(project_of(project), version_of(version))


def of_stem(stem: str) -> Release:
    """What the stem of a source archive says, such as ``idna-3.4``.

    Where it can be read in several ways, the last hyphen parts it (PEP 625).
    """
    readings = _readings(stem)
    return readings[-1] if readings else Release()


def is_clear(stem: str) -> bool:
    """Whether a stem can be read in one way only, unlike ``a-1-2``."""
    return len(_readings(stem)) == 1


def wheel_name(stem: str, tags: Sequence[str], build: str = "") -> str | None:
    """The file name of a wheel, made from what is written in it (PEP 427).

    Joined tags are sorted, as PEP 425 has them. Older tools sort them in other ways, of
    which nothing is left in the wheel: the same name to pip, in another spelling.

    Args:
        stem: of its dist-info folder, such as ``idna-3.4``.
        tags: what it says of where it runs, such as ``py3-none-any``.
        build: its build number, empty if it has none.

    Returns:
        None where no name would say all that.
    """
    joined = _joined(tags)
    is_stem = stem.count("-") == 1 and None not in of_dist_info(stem)
    is_build = not build or _BUILD.fullmatch(build) is not None
    if joined is None or not is_stem or not is_build:
        return None
    return shown("-".join(filter(None, [stem, build, joined])) + ".whl")


def _readings(stem: str) -> list[Release]:
    if len(stem) > LONGEST:
        return []
    hyphens = [match.start() for match in re.finditer("-", stem)]
    pairs = [
        Release(project_of(stem[:hyphen]), version_of(stem[hyphen + 1 :]))
        for hyphen in hyphens
    ]
    return [pair for pair in pairs if None not in pair]


def _joined(tags: Sequence[str]) -> str | None:
    """A set of tags as one (PEP 425), None if no one tag stands for just these."""
    matches = [_TAG.fullmatch(tag) for tag in tags]
    parts = [match.groups() for match in matches if match is not None]
    if not parts or len(parts) != len(tags):
        return None
    columns = [sorted(set(column)) for column in zip(*parts)]
    if math.prod(map(len, columns)) != len(set(parts)):
        return None
    return "-".join(".".join(column) for column in columns)
