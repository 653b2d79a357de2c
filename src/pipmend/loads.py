"""One question of pip's to its cache, and what must be remembered while it lasts."""

from __future__ import annotations

import enum
import functools
import threading
import urllib.parse
from typing import TYPE_CHECKING

from pipmend import verify
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import BinaryIO

    from pipmend._compat.layouts import Layout
    from pipmend._compat.seams import Request
    from pipmend.digests import BodyDigest, Expectation
    from pipmend.entries import OpenEntry


_INDEX_TYPES = "application/vnd.pypi.simple"
"""How the media types of index pages begin."""


class Stage(enum.Enum):
    """What pip loads an entry for."""

    LOOKUP = enum.auto()
    """Is there a fresh response?"""
    VALIDATORS = enum.auto()
    """Which If-None-Match may be sent? An entry that passes is about to be trusted."""
    UPDATE = enum.auto()
    """A 304 came: without the entry pip is left with an empty answer."""


# No dataclasses: each costs a pip 2 M instructions when it is imported.
class Load:
    """One question of pip's to its cache, while it lasts."""

    depth = 0
    """How many methods of pip's that load are running, one within the other."""
    served: OpenEntry | None = None
    """The entry whose bytes pip was given."""
    decoded: dict[object, object] | None = None
    """What these bytes say, until pip takes it."""
    body: BinaryIO | None = None
    """The judged handle, until pip takes it."""
    taken: BinaryIO | None = None
    """The judged handle that pip has taken."""
    digest: BodyDigest | None = None
    """Of the body, if it was measured."""
    is_pinned = False
    """Whether pip was given the pin instead of what lies on disk."""

    def __init__(  # noqa: PLR0913 - all that is asked
        self,
        request: Request,
        stage: Stage,
        layout: Layout,
        cacheable: Container[int],
        *,
        is_of_pip: bool,
        by_index: tuple[Expectation, ...] = (),
    ) -> None:
        """Take a question.

        Args:
            request: what is asked for.
            stage: what for.
            layout: the storage generation.
            cacheable: the statuses that the cache stores.
            is_of_pip: whether pip asks; other users of CacheControl ask for anything.
            by_index: the hashes that the index tells of it.
        """
        self.request = request
        self.stage = stage
        self.layout = layout
        self._cacheable = cacheable
        self.is_of_pip = is_of_pip
        self.by_index = by_index

    @property
    def _file_name(self) -> str | None:
        """The name of the file that is asked for, None if it may be a page.

        pip asks for files, and only for files, without any content coding.
        """
        if self.request.headers.get("Accept-Encoding") != "identity":
            return None
        return self._last_of_path

    @property
    def _last_of_path(self) -> str:
        path = urllib.parse.urlsplit(self.request.url).path
        return urllib.parse.unquote(path.rpartition("/")[2])

    @functools.cached_property
    def told(self) -> Told:
        """What is known of the response from outside the cache."""
        if not self.is_of_pip:
            return self._told_to_others
        name = self._file_name
        url = None if name is None else self.request.url
        accepted = str(self.request.headers.get("Accept"))
        is_page = name is None and "text/html" in accepted
        return Told(self.by_index, url, name, is_page, self._cacheable, False)

    @property
    def _told_to_others(self) -> Told:
        """What is known of it where a program has asked that is not pip.

        It may ask for an index page (PEP 691); all else may be anything.
        """
        is_any = _INDEX_TYPES not in str(self.request.headers.get("Accept"))
        name = self._last_of_path if is_any else None
        return verify.TOLD_OF_ANY._replace(file_name=name, is_any=is_any)

    def close(self) -> None:
        """Close a body that pip never asked for."""
        if self.body is not None:
            self.body.close()


class Pin:
    """An entry whose validators were sent, kept until the 304 is merged.

    Between the two another process may replace or remove the entry; pip would then
    take the bare 304 for the answer (pypa/pip#6970).
    """

    def __init__(
        self, request: Request, metadata: bytes, body: BinaryIO | None
    ) -> None:
        self.request = request
        self.metadata = metadata
        self.body = body

    def close(self) -> None:
        """Give the handle back; Windows replaces no file that is open."""
        if self.body is not None:
            self.body.close()


class ThreadState(threading.local):
    """What one thread of pip is at."""

    pin: Pin | None = None

    def __init__(self) -> None:
        self.loads: list[Load] = []
        self.expectations: list[Expectation] = []
        """Of the file that is being downloaded, told by the index."""
        self.storing: list[BodyDigest | None] = []
        """Of the body whose metadata is being stored."""

    def current(self) -> Load | None:
        """The question that pip is asking right now."""
        return self.loads[-1] if self.loads else None

    def unpin(self) -> None:
        """Let go of the entry that was kept for the 304."""
        pin, self.pin = self.pin, None
        if pin is not None:
            pin.close()
