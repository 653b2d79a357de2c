"""One question of pip's to its cache, and what must be remembered while it lasts."""

from __future__ import annotations

import enum
import threading
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import BinaryIO

    from pipmend._compat.layouts import Layout
    from pipmend._compat.seams import Request
    from pipmend.digests import BodyDigest, Expectation
    from pipmend.entries import OpenEntry


class Stage(enum.Enum):
    """What pip loads an entry for."""

    LOOKUP = enum.auto()
    """Is there a fresh response?"""
    VALIDATORS = enum.auto()
    """Which If-None-Match may be sent? An entry that passes is about to be trusted."""
    UPDATE = enum.auto()
    """A 304 came: without the entry pip is left with an empty answer."""


@dataclass
class Load:
    """One question of pip's to its cache, while it lasts."""

    request: Request
    stage: Stage
    layout: Layout
    cacheable: Container[int]
    by_index: tuple[Expectation, ...] = ()
    depth: int = 0
    served: OpenEntry | None = None
    """The entry whose bytes pip was given."""
    body: BinaryIO | None = None
    """The judged handle, until pip takes it."""
    taken: BinaryIO | None = None
    """The judged handle that pip has taken."""
    digest: BodyDigest | None = None
    """Of the body, if it was measured."""
    is_pinned: bool = False
    """Whether pip was given the pin instead of what lies on disk."""

    @property
    def _file_name(self) -> str | None:
        """The name of the file that is asked for, None if it may be a page.

        pip asks for files, and only for files, without any content coding.
        """
        if self.request.headers.get("Accept-Encoding") != "identity":
            return None
        path = urllib.parse.urlsplit(self.request.url).path
        return urllib.parse.unquote(path.rpartition("/")[2])

    @property
    def told(self) -> Told:
        """What is known of the response from outside the cache."""
        name = self._file_name
        url = None if name is None else self.request.url
        accepted = str(self.request.headers.get("Accept"))
        is_page = name is None and "text/html" in accepted
        return Told(self.by_index, url, name, is_page, self.cacheable)

    def close(self) -> None:
        """Close a body that pip never asked for."""
        if self.body is not None:
            self.body.close()


@dataclass
class Pin:
    """An entry whose validators were sent, kept until the 304 is merged.

    Between the two another process may replace or remove the entry; pip would then
    take the bare 304 for the answer (pypa/pip#6970).
    """

    request: Request
    metadata: bytes
    body: BinaryIO | None

    def close(self) -> None:
        """Give the handle back; Windows replaces no file that is open."""
        if self.body is not None:
            self.body.close()


@dataclass
class ThreadState(threading.local):
    """What one thread of pip is at."""

    loads: list[Load] = field(default_factory=list)
    pin: Pin | None = None
    expectations: list[Expectation] = field(default_factory=list)
    """Of the file that is being downloaded, told by the index."""
    storing: list[BodyDigest | None] = field(default_factory=list)
    """Of the body whose metadata is being stored."""

    def current(self) -> Load | None:
        """The question that pip is asking right now."""
        return self.loads[-1] if self.loads else None

    def unpin(self) -> None:
        """Let go of the entry that was kept for the 304."""
        pin, self.pin = self.pin, None
        if pin is not None:
            pin.close()
