"""What a body holds, read in part and of damaged ones too."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pipmend import members

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

HEAD = 64 * 1024
"""Bytes of a body that are read first."""
LARGEST_READ = 1024 * 1024
"""Bytes that are read where those do not tell."""
GZIP_START = b"\x1f\x8b\x08"

_FORMS: Mapping[str, tuple[int, ...]] = {
    "gzip": (members.GZIP,),
    "x-gzip": (members.GZIP,),
    "deflate": (members.ZLIB, members.BARE),  # some servers send it bare
}


class Content:
    """What a body holds, without its content coding."""

    def __init__(self, body: BinaryIO, coding: str) -> None:
        self._body = body
        self._forms = _FORMS.get(coding, ())

    def start(self, limit: int) -> bytes:
        """The first bytes, as far as they can be had."""
        for form in self._forms:
            if content := members.inflated(self._body, form, limit):
                return content
        self._body.seek(0)
        start = self._body.read(limit)
        # Some servers name a coding and do not use it.
        return b"" if self._forms and start.startswith(GZIP_START) else start

    def file(self) -> BinaryIO:
        """As a file; of a coded body, no more than its start."""
        return io.BytesIO(self.start(LARGEST_READ)) if self._forms else self._body


def as_text(data: bytes) -> str:
    """What bytes say, damaged or not."""
    return data.decode("utf-8", "replace")
