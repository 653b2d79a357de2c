"""What can be measured on a body, each fact when a rule asks for it."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from pipmend import archives, codings, digests, pages
from pipmend.verdicts import Reason, Verdict, corrupt

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse

LARGEST_PAGE = 128 * 1024 * 1024
"""Bytes of content; a larger page is left to pip, so that no bomb grows in memory."""


class Body:
    """An open body and the facts about it; read in streaming, left at its start."""

    def __init__(
        self,
        file: BinaryIO,
        stored: StoredResponse,
        *,
        file_name: str | None = None,
        deep: bool = False,
    ) -> None:
        """Take an open body.

        Args:
            file: the body.
            stored: what its metadata says.
            file_name: the name of the file that it is, empty if the name is not
                known; None where it may be an index page.
            deep: look into archives of any size.
        """
        self._file = file
        self._stored = stored
        self._file_name = file_name
        self._deep = deep
        self._digests: dict[tuple[str, int], bytes] = {}

    @functools.cached_property
    def size(self) -> int:
        """Bytes as stored, before any content coding is removed."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        return size

    def digest(self, algorithm: str, length: int = 32) -> bytes:
        """A digest of the stored bytes; measured once."""
        key = (algorithm, length)
        if key not in self._digests:
            self._digests[key] = digests.measure(self._file, algorithm, length)
        return self._digests[key]

    @property
    def known_digest(self) -> digests.BodyDigest | None:
        """Size and SHA-256, if a rule has asked for the latter."""
        sha256 = self._digests.get((digests.SHA256, 32))
        return None if sha256 is None else digests.BodyDigest(self.size, sha256)

    @functools.cached_property
    def flaw(self) -> Verdict | None:
        """What is wrong with its structure: of a page, or of a package file."""
        try:
            is_empty = self.size == 0
            if self._file_name is not None:
                return self._flaw_of_file()
            if pages.is_page(self._stored.media_type, is_empty=is_empty):
                return self._flaw_of_page()
            return self._flaw_of_file()
        finally:
            self._file.seek(0)

    def _flaw_of_file(self) -> Verdict | None:
        name = self._file_name or ""
        flaw = archives.flaw_of(self._file, self.size, name, deep=self._deep)
        return None if flaw is None else corrupt(Reason.BODY_STRUCTURE, flaw)

    def _flaw_of_page(self) -> Verdict | None:
        coding = self._stored.field("content-encoding").strip().lower()
        if not codings.is_known(coding):
            return None
        content = bytearray()
        try:
            for chunk in codings.decoded(self._file, coding):
                content += chunk
                if len(content) > LARGEST_PAGE:
                    return None
        except codings.CodingError as error:
            return corrupt(Reason.BODY_CODING, str(error))
        flaw = pages.flaw_of(bytes(content), self._stored.field("content-type"))
        return None if flaw is None else corrupt(Reason.PAGE_INCOMPLETE, flaw)
