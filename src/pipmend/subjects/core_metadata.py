"""What core metadata say of themselves, those of a wheel or PKG-INFO."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from pipmend import names
from pipmend.names import Release
from pipmend.subjects.content import HEAD, as_text
from pipmend.subjects.values import Kind, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_FIELDS = 100

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(
    rb"^(metadata-version|name|version|tag|build)[ \t]*:([^\r\n]*)[\r\n]",
    re.IGNORECASE | re.MULTILINE,
)


def of_core_metadata(head: bytes) -> Subject | None:
    """The wheel whose METADATA file a body is; None if it is none."""
    if b"Name:" not in head or head.lstrip().startswith((b"<", b"{")):
        return None
    found = fields(head)
    if "metadata-version" in found or {"name", "version"} <= found.keys():
        return Subject(Kind.CORE_METADATA, *release_in(found))
    return None


def fields(text: bytes) -> dict[str, str]:
    """The fields of core metadata that are read here, by lower-case name."""
    end = _BLANK_LINE.search(text, 0, HEAD)
    header = text[: end.start() + 1 if end else HEAD]
    found: dict[str, str] = {}
    for name, value in lines(header):
        found.setdefault(name, value)
    return found


def lines(text: bytes) -> Iterator[tuple[str, str]]:
    """Each line such as ``Name: idna`` that is read here; its name in lower case."""
    for match in itertools.islice(_FIELD.finditer(text), _MOST_FIELDS):
        yield as_text(match[1]).lower(), as_text(match[2]).strip()


def release_in(found: Mapping[str, str]) -> Release:
    """The release that fields name, as far as they do."""
    name, version = found.get("name", ""), found.get("version", "")
    return Release(names.project_of(name), names.version_of(version))
