"""What happens at the seams: the load gate and the store gate inside pip.

pip asks for the same entry up to three times in one request: is it fresh, what are
its validators, merge the 304. All of these go through :meth:`Gate.load`, which opens
a :class:`Load`; when pip's cache is then asked for bytes, :meth:`Gate.get` reads and
judges the entry and answers with the very bytes it judged, or with a miss, and
:meth:`Gate.get_body` hands over the very handle that was judged.

The functions have wrapt's form: the wrapped function, its object, its arguments.
"""

from __future__ import annotations

import enum
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from pipmend import enforce, entries, events, examine, notices, urls, verify
from pipmend._compat import layouts, seams
from pipmend._guard import Raised, attempt
from pipmend.verdicts import Outcome, Reason, Verdict, corrupt, not_selected

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import BinaryIO

    from pipmend._compat.layouts import Layout, Place
    from pipmend._guard import Guard
    from pipmend.entries import OpenEntry, Stamp

    Arguments = tuple[object, ...]
    Keywords = Mapping[str, object]
    Wrapped = Callable[..., object]


class Stage(enum.Enum):
    """What pip loads an entry for."""

    LOOKUP = enum.auto()
    """Is there a fresh response?"""
    VALIDATORS = enum.auto()
    """Which If-None-Match may be sent? An entry that passes is about to be trusted."""
    UPDATE = enum.auto()
    """A 304 came: without the entry pip is left with an empty answer."""


class _Answer(enum.Enum):
    PIP = enum.auto()
    """Let pip look for itself."""


_PIP = _Answer.PIP

# About the content that was stored: pip may see it when a fresh copy has it too.
_ABOUT_CONTENT = frozenset({Reason.BODY_CODING, Reason.PAGE_INCOMPLETE})


@dataclass
class Load:
    """One question of pip's to its cache, while it lasts."""

    request: seams.Request
    stage: Stage
    layout: Layout
    cacheable: Container[int]
    depth: int = 0
    served: OpenEntry | None = None
    """The entry whose bytes pip was given."""
    body: BinaryIO | None = None
    """The judged handle, until pip takes it."""
    is_pinned: bool = False
    """Whether pip was given the pin instead of what lies on disk."""

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

    request: seams.Request
    metadata: bytes
    body: BinaryIO | None

    def close(self) -> None:
        """Give the handle back; Windows replaces no file that is open."""
        if self.body is not None:
            self.body.close()


@dataclass
class _Thread(threading.local):
    loads: list[Load] = field(default_factory=list)
    pin: Pin | None = None


@dataclass
class _Found:
    """A corrupt entry met in this process; each is told once."""

    stamp: Stamp
    id: str | None
    """Of the event; None when another process was faster, and once healed."""


class Gate:
    """The gates of one process."""

    def __init__(self, log: events.EventLog, guard: Guard, *, heal: bool) -> None:
        self._log = log
        self._guard = guard
        self._heal = heal
        self._thread = _Thread()
        self._verdicts: dict[Stamp, Verdict] = {}
        self._found: dict[Place, _Found] = {}

    # The load gate.

    def load(
        self, stage: Stage, layout: Layout, miss: Callable[[Arguments], object]
    ) -> Callable[[Wrapped, seams.Controller, Arguments, Keywords], object]:
        """The gate around a method that loads an entry.

        Args:
            stage: what the entry is loaded for.
            layout: the storage generation.
            miss: what the method answers when there is no entry.
        """

        def around(
            wrapped: Wrapped, pip: seams.Controller, args: Arguments, kwargs: Keywords
        ) -> object:
            load = self._guard.run(self._begin, stage, layout, pip, *args, default=None)
            if load is None:
                return wrapped(*args, **kwargs)
            try:
                result = attempt(wrapped, args, kwargs)
                if not isinstance(result, Raised):
                    return result.value
                if self._guard.run(self._blame, load, result.error, default=False):
                    return miss(args)
                raise result.error
            finally:
                self._guard.run(self._end, load, default=None)

        return around

    def load_validators(
        self, layout: Layout
    ) -> Callable[[Wrapped, seams.Controller, Arguments, Keywords], object]:
        """The gate around ``conditional_headers``, which decides what is sent."""
        around = self.load(Stage.VALIDATORS, layout, lambda _: {})

        def and_pin(
            wrapped: Wrapped, pip: seams.Controller, args: Arguments, kwargs: Keywords
        ) -> object:
            validators = around(wrapped, pip, args, kwargs)
            if not validators:
                self._guard.run(self._unpin, default=None)
            return validators

        return and_pin

    def get(
        self, wrapped: Wrapped, cache: seams.Cache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around the cache's ``get``: judge, then answer with those bytes."""
        load = self._current()
        if load is None or kwargs:
            return wrapped(*args, **kwargs)
        answer = self._guard.run(self._answer, load, cache, *args, default=_PIP)
        return wrapped(*args, **kwargs) if answer is _PIP else answer

    def get_body(
        self, wrapped: Wrapped, _: seams.Cache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``get_body``: hand over the handle that was judged."""
        load = self._current()
        if load is None or load.body is None:
            return wrapped(*args, **kwargs)
        body, load.body = load.body, None
        return body

    # The store gate.

    def set_metadata(
        self, wrapped: Wrapped, _: seams.Cache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``set`` where the body is a file of its own."""
        load = self._current()
        self._guard.run(self._unpin, default=None)
        if load is not None and load.is_pinned:
            # The body on disk is gone or bad: fresh metadata must not stand beside it.
            return None
        return wrapped(*args, **kwargs)

    def complete(
        self, layout: Layout
    ) -> Callable[[Wrapped, seams.Cache, Arguments, Keywords], object]:
        """The gate around the method that completes an entry when it is stored."""

        def around(
            wrapped: Wrapped, cache: seams.Cache, args: Arguments, kwargs: Keywords
        ) -> object:
            self._guard.run(self._unpin, default=None)
            result = wrapped(*args, **kwargs)
            self._guard.run(self._note_stored, layout, cache, *args[:1], default=None)
            return result

        return around

    # Steps, each run under the guard.

    def _begin(
        self,
        stage: Stage,
        layout: Layout,
        pip: seams.Controller,
        request: seams.Request,
        *_: object,
    ) -> Load:
        load = self._current()
        if load is None or load.request is not request:
            load = Load(request, stage, layout, pip.cacheable_status_codes)
            self._thread.loads.append(load)
        load.depth += 1  # _load_from_cache runs inside one of its callers
        return load

    def _end(self, load: Load) -> None:
        load.depth -= 1
        if load.depth == 0:
            self._thread.loads.remove(load)
            load.close()

    def _current(self) -> Load | None:
        return self._thread.loads[-1] if self._thread.loads else None

    def _answer(
        self, load: Load, cache: seams.Cache, key: str
    ) -> bytes | _Answer | None:
        if load.stage is Stage.UPDATE and not self._has_pin(load):
            return _PIP
        path = seams.path_of(cache, key)
        place = layouts.place_of(load.layout, cache.directory, path)
        try:
            entry = entries.open_entry(place)
            if entry is None:
                return self._miss(load)
            verdict = self._judge(load, entry)
        except OSError as error:
            if entries.is_passing(error):
                return _PIP
            raise
        return self._act(load, entry, verdict)

    def _judge(self, load: Load, entry: OpenEntry) -> Verdict:
        stored = examine.read_metadata(entry)
        if isinstance(stored, Verdict):
            return stored
        field_name = verify.mismatched_field(stored, load.request.headers)
        if field_name is not None:
            return not_selected(Reason.VARY_MISMATCH, f"Vary: {field_name}")
        known = self._verdicts.get(entry.content)
        if known is not None:
            return known
        # pip fetches files, and only files, with this.
        is_file = load.request.headers.get("Accept-Encoding") == "identity"
        verdict = examine.examine(
            entry, stored, cacheable=load.cacheable, may_be_page=not is_file
        )
        self._verdicts[entry.content] = verdict
        return verdict

    def _act(
        self, load: Load, entry: OpenEntry, verdict: Verdict
    ) -> bytes | _Answer | None:
        if verdict.outcome is Outcome.INTACT:
            return self._serve(load, entry)
        entry.close()
        if verdict.outcome is Outcome.NOT_SELECTED:
            subject = urls.subject_of(load.request.url)
            notices.whisper(f"{subject} is not for this request ({verdict.summary})")
            return self._miss(load)
        is_repeated = not self._reject(load, entry, verdict)
        if is_repeated and verdict.reason in _ABOUT_CONTENT:
            return _PIP
        return self._miss(load)

    def _miss(self, load: Load) -> bytes | _Answer | None:
        """Answer that there is no entry, or with the pin while a 304 is merged."""
        if not self._heal:
            return _PIP
        pin = self._thread.pin
        if pin is None or not self._has_pin(load):
            return None
        if pin.body is not None:
            pin.body.seek(0)
        load.body, pin.body = pin.body, None
        load.is_pinned = load.body is not None
        return pin.metadata

    def _serve(self, load: Load, entry: OpenEntry) -> bytes | _Answer:
        load.served = entry
        if not self._heal:
            entry.close()
            return _PIP
        if entry.place.body is not None:
            load.close()
            load.body = cast("BinaryIO", entry.body)
        metadata = cast("bytes", entry.metadata)
        if load.stage is Stage.VALIDATORS:
            self._pin(load, metadata)
        return metadata

    def _has_pin(self, load: Load) -> bool:
        pin = self._thread.pin
        return (
            load.stage is Stage.UPDATE
            and pin is not None
            and pin.request is load.request
        )

    def _pin(self, load: Load, metadata: bytes) -> None:
        self._unpin()
        if os.name == "nt":
            return  # an open handle would keep other pips from replacing the body
        body = None
        if load.body is not None:
            body = os.fdopen(os.dup(load.body.fileno()), "rb")
        self._thread.pin = Pin(load.request, metadata, body)

    def _unpin(self) -> None:
        pin, self._thread.pin = self._thread.pin, None
        if pin is not None:
            pin.close()

    def _blame(self, load: Load, error: Exception) -> bool:
        """Blame what loading raised on the entry, if pip had one in hands.

        Only damage makes an entry raise, and pip would end on it in every later run
        (pypa/pip#4165). While a 304 is merged there is no going back.
        """
        if load.served is None or isinstance(error, MemoryError):
            return False
        if isinstance(error, OSError) and entries.is_passing(error):
            return False
        verdict = corrupt(Reason.METADATA_UNUSABLE, f"pip's {type(error).__name__}")
        self._verdicts[load.served.content] = verdict
        self._reject(load, load.served, verdict)
        return self._heal and load.stage is not Stage.UPDATE

    def _reject(self, load: Load, entry: OpenEntry, verdict: Verdict) -> bool:
        """Enforce a verdict once; False if it is the second one for the same key.

        The first was followed by a fresh response: what is wrong then is the
        server, or the disk, and quarantining again would not help.
        """
        before = self._found.get(entry.place)
        if before is not None:
            return before.stamp == entry.stamp
        finding = enforce.Finding(entry.place, entry.stamp, verdict, load.request.url)
        done = enforce.enforce(finding, self._log, move=self._heal)
        self._found[entry.place] = _Found(entry.stamp, done.id if done else None)
        if done is not None and self._heal:
            _tell(finding, done)
        return True

    def _note_stored(self, layout: Layout, cache: seams.Cache, key: str) -> None:
        path = seams.path_of(cache, key)
        place = layouts.place_of(layout, cache.directory, path)
        found = self._found.get(place)
        if found is None or found.id is None or not self._heal:
            return
        stamp = entries.stamp_of(place)
        if not stamp.replaces(found.stamp, has_body=place.body is not None):
            return  # pip keeps silent about a store that failed, but it is no heal
        heals, found.id = found.id, None
        self._log.emit(
            events.EntryHealed(
                heals=heals,
                subject=urls.subject_of(key),
                url=urls.redacted(key),
                entry=str(place.metadata),
            )
        )


def _tell(finding: enforce.Finding, done: enforce.Enforced) -> None:
    summary = finding.verdict.summary
    if done.stayed is None:
        what = f"quarantined {finding.subject} ({summary})"
    else:
        what = f"not using {finding.subject} ({summary}; not moved: {done.stayed})"
    notices.say(f"{what}; fetching it again")
    if done.unlogged is not None:
        notices.whisper(f"the event was not recorded: {done.unlogged}")
