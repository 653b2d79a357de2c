"""What can be measured on a body, each fact when a rule asks for it."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from pipmend import archives, codings, digests, pages
from pipmend.archives import Depth
from pipmend.verdicts import Reason, Verdict, corrupt

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse

LARGEST_PAGE = 32 * 1024 * 1024
"""Bytes of content; a larger page is left to pip, so that no bomb grows in memory."""


class Body:
    """An open body and the facts about it; read in streaming, left at its start."""

    def __init__(
        self,
        file: BinaryIO,
        stored: StoredResponse,
        *,
        file_name: str | None = None,
        depth: Depth = Depth.QUICK,
    ) -> None:
        """Take an open body.

        Args:
            file: the body.
            stored: what its metadata says.
            file_name: the name of the file that it is, empty if the name is not
                known; None where it may be an index page.
            depth: how far to look into archives.
        """
        self._file = file
        self._stored = stored
        self._file_name = file_name
        self._depth = depth
        self._is_confirmed = False
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

    @property
    def is_confirmed(self) -> bool:
        """Whether checksums of its own, such as those of zip, confirm all of it."""
        return self.flaw is None and self._is_confirmed

    def _flaw_of_file(self) -> Verdict | None:
        name = self._file_name or ""
        look = archives.look(self._file, self.size, name, self._depth)
        self._is_confirmed = look.is_confirmed
        return None if look.flaw is None else corrupt(Reason.BODY_STRUCTURE, look.flaw)

    def _flaw_of_page(self) -> Verdict | None:
        coding = self._stored.field("content-encoding").strip().lower()
        if not codings.is_known(coding):
            return None
        try:
            content = codings.whole(self._file, coding, LARGEST_PAGE)
        except codings.CodingError as error:
            return corrupt(Reason.BODY_CODING, str(error))
        if content is None:
            return None
        # Of the codings that are known, gzip ends with a checksum, and deflate too
        # unless it is bare.
        self._is_confirmed = coding in {"gzip", "x-gzip"}
        flaw = pages.flaw_of(content, self._stored.field("content-type"))
        return None if flaw is None else corrupt(Reason.PAGE_INCOMPLETE, flaw)
