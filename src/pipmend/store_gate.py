"""What happens when pip puts a response into its HTTP cache: the seal goes on.

The functions have wrapt's form: the wrapped function, its object, its arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipmend import digests, examine, metadata, seals
from pipmend._compat import layouts, seams
from pipmend.loads import Load, Stage, ThreadState
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipmend._compat.layouts import Layout
    from pipmend._guard import Guard
    from pipmend.digests import BodyDigest
    from pipmend.gate import Arguments, Keywords, Wrapped
    from pipmend.ledger import Ledger


class StoreGate:
    """The gate that responses pass on their way into the cache."""

    def __init__(
        self, ledger: Ledger, guard: Guard, thread: ThreadState, *, heal: bool
    ) -> None:
        self._ledger = ledger
        self._guard = guard
        self._thread = thread
        self._heal = heal

    def store(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``_cache_set``, which has metadata and body at once."""
        digest = self._guard.run(self._digest, args, kwargs, default=None)
        return self._storing(digest, wrapped, args, kwargs)

    def store_resumed(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``_cache_resumed_download``, which stores by itself."""
        digest = self._guard.run(self._digest_of_download, *args[:1], default=None)
        return self._storing(digest, wrapped, args, kwargs)

    def set_metadata(
        self, layout: Layout
    ) -> Callable[[Wrapped, seams.Cache, Arguments, Keywords], object]:
        """The gate around the cache's ``set``: put the seal on."""

        def around(
            wrapped: Wrapped, cache: seams.Cache, args: Arguments, kwargs: Keywords
        ) -> object:
            load = self._guard.run(self._thread.current, default=None)
            self._guard.run(self._thread.unpin, default=None)
            if load is not None and load.is_pinned:
                # The body on disk is gone or bad: fresh metadata must not stand
                # beside it.
                return None
            args = self._guard.run(self._sealed, layout, cache, args, default=args)
            result = wrapped(*args, **kwargs)
            if load is not None and load.stage is Stage.UPDATE:
                self._guard.run(self._note_updated, load, default=None)
            elif layout is layouts.Layout.ONE_FILE:
                self._guard.run(self._note, layout, cache, *args[:1], default=None)
            return result

        return around

    def set_body(
        self, layout: Layout
    ) -> Callable[[Wrapped, seams.Cache, Arguments, Keywords], object]:
        """The gate around the method that completes an entry with its body."""

        def around(
            wrapped: Wrapped, cache: seams.Cache, args: Arguments, kwargs: Keywords
        ) -> object:
            result = wrapped(*args, **kwargs)
            self._guard.run(self._note, layout, cache, *args[:1], default=None)
            return result

        return around

    # Steps, each run under the guard.

    def _storing(
        self,
        digest: BodyDigest | None,
        wrapped: Wrapped,
        args: Arguments,
        kwargs: Keywords,
    ) -> object:
        self._thread.storing.append(digest)
        try:
            return wrapped(*args, **kwargs)
        finally:
            self._thread.storing.pop()

    def _digest(self, args: Arguments, kwargs: Keywords) -> BodyDigest | None:
        """The digest of the body that belongs to the metadata being stored."""
        if not self._heal:
            return None
        body = seams.body_of_store(args, kwargs)
        if body is not None:
            response = seams.response_of_store(args, kwargs)
            is_sound = examine.is_worth_sealing(response.headers, body)
            return digests.BodyDigest.of(body) if is_sound else None
        load = self._thread.current()
        if load is None or load.stage is not Stage.UPDATE or load.is_pinned:
            return None
        if load.digest is None and load.taken is not None:
            load.digest = digests.BodyDigest.of_file(load.taken)
        return load.digest

    def _digest_of_download(self, download: seams.Download) -> BodyDigest:
        download.output_file.flush()
        with open(download.output_file.name, "rb") as file:  # noqa: PTH123
            return digests.BodyDigest.of_file(file)

    def _sealed(self, layout: Layout, cache: seams.Cache, args: Arguments) -> Arguments:
        """The arguments of ``set`` with a seal on the metadata, where one is known."""
        key, data = cast("tuple[str, bytes]", args[:2])
        if not self._heal:
            return args
        digest = self._thread.storing[-1] if self._thread.storing else None
        if layout is layouts.Layout.ONE_FILE:
            stored = metadata.decode(data)
            if isinstance(stored, Verdict):
                return args
            is_sound = examine.is_worth_sealing(stored.fields, stored.inline_body)
            digest = digests.BodyDigest.of(stored.inline_body) if is_sound else None
        if digest is None:
            return args
        name = seams.place_of(layout, cache, key).name
        return (key, seals.sealed(data, name, digest), *args[2:])

    def _note_updated(self, load: Load) -> None:
        if load.served is not None:
            self._ledger.note_updated(load.served.place)

    def _note(self, layout: Layout, cache: seams.Cache, key: str) -> None:
        self._ledger.note_stored(seams.place_of(layout, cache, key), key)
