"""What can be said of an entry."""

from __future__ import annotations

import enum
from typing import NamedTuple

from pipmend.wheels import ORIGIN_NAME

METADATA_SUFFIX = ".metadata"


class Kind(enum.Enum):
    """What kind of thing is stored. The values are stable codes for scripts."""

    PAGE = "page"
    """An index page (PEP 503, PEP 691)."""
    WHEEL = "wheel"
    SDIST = "sdist"
    CORE_METADATA = "core-metadata"
    """The METADATA file of a wheel (PEP 658)."""
    REDIRECT = "redirect"
    BUILT_WHEEL = "built-wheel"
    """A wheel that pip built here, in the wheel cache."""
    ORIGIN = "origin"
    """The note on where a built wheel came from (PEP 610)."""
    OTHER = "other"


_WORDS_OF_PROJECT = {
    Kind.PAGE: ("the cached page of '{}'", "a cached page"),
    Kind.REDIRECT: ("the cached redirect of '{}'", "a cached redirect"),
}


class Subject(NamedTuple):
    """What an entry is, as far as it can be known."""

    kind: Kind
    project: str | None = None
    """Name of the project, normalised (PEP 503)."""
    version: str | None = None
    file_name: str | None = None
    """As its content has it: its exact spelling is known only where the URL is."""
    url: str | None = None
    """Without credentials, query and fragment; only where it is certain."""

    @property
    def words(self) -> str:
        """In words, such as ``the cached page of 'idna'``."""
        if self.kind in _WORDS_OF_PROJECT:
            known, unknown = _WORDS_OF_PROJECT[self.kind]
            return known.format(self.project) if self.project else unknown
        release = f"{self.project} {self.version or ''}".rstrip()
        if self.kind is Kind.CORE_METADATA:
            name = (self.file_name or "")[: -len(METADATA_SUFFIX)]
            known = name or (release if self.project else "a wheel")
            return f"the cached metadata of {known}"
        if self.kind is Kind.ORIGIN:
            return f"the {ORIGIN_NAME} of {release if self.project else 'a wheel'}"
        if self.kind is Kind.BUILT_WHEEL:
            built = self.file_name or (f"of {release}" if self.project else None)
            return f"the built wheel {built}" if built else "a built wheel"
        return self._words_of_file(release)

    def _words_of_file(self, release: str) -> str:
        if self.file_name:
            return f"the cached file {self.file_name}"
        if self.kind is Kind.OTHER:
            return "a cached response"
        return f"the cached file of {release}" if self.project else "a cached file"

    def as_record(self) -> dict[str, object]:
        """For JSON."""
        return {**self._asdict(), "kind": self.kind.value}
