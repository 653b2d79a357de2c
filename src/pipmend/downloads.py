"""What pip says of the file that it is downloading: the hashes it will ask for.

The hash of a link, or of a requirement, is announced to the load gate while the file
is fetched, so that a body is judged by the hash that pip is about to check anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import digests
from pipmend._compat import seams
from pipmend.digests import Source

if TYPE_CHECKING:
    from pipmend._guard import Guard
    from pipmend.digests import Expectation
    from pipmend.gate import Arguments, Keywords, Wrapped
    from pipmend.loads import ThreadState


class Announcer:
    """The gates around pip's downloader."""

    def __init__(self, guard: Guard, thread: ThreadState) -> None:
        self._guard = guard
        self._thread = thread

    def download(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around the function that fetches one file: the link's hash."""
        told = self._guard.run(_of_link, args, kwargs, default=None)
        return self._announcing(told, wrapped, args, kwargs)

    def unpack(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``get_http_url``: the hashes of the requirement."""
        told = self._guard.run(_of_requirement, args, kwargs, default=None)
        return self._announcing(told, wrapped, args, kwargs)

    def _announcing(
        self,
        told: Expectation | None,
        wrapped: Wrapped,
        args: Arguments,
        kwargs: Keywords,
    ) -> object:
        if told is None:
            return wrapped(*args, **kwargs)
        self._thread.expectations.append(told)
        try:
            return wrapped(*args, **kwargs)
        finally:
            self._thread.expectations.pop()


def _of_link(args: Arguments, kwargs: Keywords) -> Expectation | None:
    link = seams.link_of(args, kwargs)
    if link is None or not link.hash_name or not link.hash:
        return None
    return digests.from_hashes({link.hash_name: [link.hash]})


def _of_requirement(args: Arguments, kwargs: Keywords) -> Expectation | None:
    return digests.from_hashes(seams.allowed_hashes(args, kwargs), Source.REQUIREMENT)
