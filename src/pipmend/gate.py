"""What happens when pip asks its HTTP cache for an entry: the load gate.

pip asks for the same entry up to three times in one request: is it fresh, what are
its validators, merge the 304. All of these go through :meth:`LoadGate.load`, which
opens a :class:`Load`; when pip's cache is then asked for bytes, :meth:`LoadGate.get`
reads and judges the entry and answers with the very bytes it judged, or with a miss,
and :meth:`LoadGate.get_body` hands over the very handle that was judged.

The functions have wrapt's form: the wrapped function, its object, its arguments.
"""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, cast

from pipmend import (
    enforce,
    entries,
    examine,
    metadata,
    notices,
    urls,
    verify,
)
from pipmend._compat import seams
from pipmend._guard import Raised, attempt
from pipmend.examine import Examined
from pipmend.ledger import Recent, Served
from pipmend.loads import Load, Pin, Stage, ThreadState
from pipmend.verdicts import Outcome, Reason, Verdict, corrupt, not_selected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from pipmend._compat.layouts import Layout
    from pipmend._guard import Guard
    from pipmend.digests import Expectation
    from pipmend.entries import OpenEntry, Stamp
    from pipmend.ledger import Ledger
    from pipmend.seals import Seal

    Arguments = tuple[object, ...]
    Keywords = Mapping[str, object]
    Wrapped = Callable[..., object]


class _Answer(enum.Enum):
    PIP = enum.auto()
    """Let pip look for itself."""


_PIP = _Answer.PIP

_MOST_MEASURED = 500
"""Contents that are remembered; one is asked for again within the same request."""

# What CacheControl's own code comes to on a damaged entry.
_RAISED_BY_DAMAGE = frozenset(
    {
        AssertionError,
        AttributeError,
        KeyError,
        TypeError,
        UnicodeDecodeError,
        ValueError,
    }
)

# About the content that was stored: pip may see it when a fresh copy has it too.
_ABOUT_CONTENT = frozenset(
    {
        Reason.BODY_CODING,
        Reason.BODY_DIGEST,
        Reason.BODY_STRUCTURE,
        Reason.PAGE_INCOMPLETE,
    }
)


class _Measured:
    """What was measured on the files of one entry."""

    def __init__(self, seal: Seal | Verdict | None) -> None:
        self.seal = seal
        self.examined: dict[tuple[Expectation, ...], Examined] = {}
        """By what the index had told of it."""


class LoadGate:
    """The gate that entries pass on their way to pip."""

    def __init__(
        self, ledger: Ledger, guard: Guard, thread: ThreadState, *, heal: bool
    ) -> None:
        self._ledger = ledger
        self._guard = guard
        self._thread = thread
        self._heal = heal
        # Each content is measured once in a process, however often it is loaded.
        self._measured: Recent[Stamp, _Measured] = Recent(_MOST_MEASURED)

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
                self._guard.run(self._thread.unpin, default=None)
            return validators

        return and_pin

    def get(
        self, wrapped: Wrapped, cache: seams.Cache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around the cache's ``get``: judge, then answer with those bytes."""
        load = self._guard.run(self._thread.current, default=None)
        if load is None or kwargs:
            return wrapped(*args, **kwargs)
        answer = self._guard.run(self._answer, load, cache, *args, default=_PIP)
        return wrapped(*args, **kwargs) if answer is _PIP else answer

    def get_body(
        self, wrapped: Wrapped, _: seams.Cache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``get_body``: hand over the handle that was judged."""
        load = self._guard.run(self._thread.current, default=None)
        if load is None or load.body is None:
            return wrapped(*args, **kwargs)
        load.taken, load.body = load.body, None
        return load.taken

    def decode(
        self,
        wrapped: Wrapped,
        serializer: seams.Serializer,
        args: Arguments,
        kwargs: Keywords,
    ) -> object:
        """The gate around the decoder: hand over what was decoded to be judged.

        pip decodes with a msgpack in Python, which takes longer than the judging.
        """
        content = self._guard.run(self._decoded, args, default=None)
        if content is None:
            return wrapped(*args, **kwargs)
        return serializer.prepare_response(args[0], content, *args[2:], **kwargs)

    # Steps, each run under the guard.

    def _decoded(self, args: Arguments) -> dict[object, object] | None:
        """What the very bytes say that pip was given; once, as pip changes it."""
        load = self._thread.current()
        if load is None or load.decoded is None or load.served is None:
            return None
        content, load.decoded = load.decoded, None
        is_the_same = (
            args[1:]
            and args[1] == cast("bytes", load.served.metadata)[len(metadata.PREFIX) :]
        )
        return content if is_the_same else None

    def _begin(
        self,
        stage: Stage,
        layout: Layout,
        pip: seams.Controller,
        request: seams.Request,
        *_: object,
    ) -> Load:
        load = self._thread.current()
        if load is None or load.request is not request:
            # The innermost is the link's: it vouches for a file even when the hash
            # in somebody's requirements is wrong.
            told = tuple(self._thread.expectations[-1:])
            statuses, is_of_pip = pip.cacheable_status_codes, seams.is_pips(pip.cache)
            load = Load(
                request, stage, layout, statuses, is_of_pip=is_of_pip, by_index=told
            )
            self._thread.loads.append(load)
        load.depth += 1  # _load_from_cache runs inside one of its callers
        return load

    def _end(self, load: Load) -> None:
        load.depth -= 1
        if load.depth == 0:
            self._thread.loads.remove(load)
            load.close()

    def _answer(
        self, load: Load, cache: seams.Cache, key: str
    ) -> bytes | _Answer | None:
        if load.stage is Stage.UPDATE and not self._has_pin(load):
            return _PIP
        place = seams.place_of(load.layout, cache, key)
        try:
            entry = entries.open_entry(place)
            if entry is None:
                return self._miss(load)
            verdict = self._judge(load, entry)
        except OSError:
            return _PIP  # the process or the folder is in trouble, not the entry
        return self._act(load, entry, verdict)

    def _judge(self, load: Load, entry: OpenEntry) -> Verdict:
        stored = examine.read_metadata(entry)
        if isinstance(stored, Verdict):
            return stored
        measured = self._measured_on(entry)
        if isinstance(measured.seal, Verdict):
            return measured.seal
        field_name = verify.mismatched_field(stored, load.request.headers)
        if field_name is not None:
            return not_selected(Reason.VARY_MISMATCH, f"Vary: {field_name}")
        known = measured.examined.get(load.by_index)
        if known is None:
            known = examine.examine(entry, stored, measured.seal, load.told)
            measured.examined[load.by_index] = known
        load.digest = known.body
        load.decoded = stored.content
        return known.verdict

    def _measured_on(self, entry: OpenEntry) -> _Measured:
        measured = self._measured.get(entry.content)
        if measured is None:
            measured = _Measured(examine.read_seal(entry))
            self._measured[entry.content] = measured
        return measured

    def _act(
        self, load: Load, entry: OpenEntry, verdict: Verdict
    ) -> bytes | _Answer | None:
        if verdict.outcome is Outcome.INTACT:
            return self._serve(load, entry)
        entry.close()
        if verdict.outcome is Outcome.NOT_SELECTED:
            return self._pass_over(load, verdict)
        finding = enforce.Finding(entry.place, entry.stamp, verdict, load.request.url)
        is_repeated = not self._ledger.reject(finding)
        if is_repeated and verdict.reason in _ABOUT_CONTENT:
            return _PIP
        return self._miss(load)

    def _pass_over(self, load: Load, verdict: Verdict) -> bytes | _Answer | None:
        """Answer for a healthy entry that is not judged to be the response."""
        if verdict.reason is Reason.BODY_MISSING and not self._has_pin(load):
            # A redirect is whole without a body, except to pip from 23.3.1 on.
            return _PIP
        subject = urls.subject_of(load.request.url)
        notices.whisper(f"{subject} is not for this request ({verdict.summary})")
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
        if load.is_of_pip:  # whose commands alone are looked at when they fail
            self._ledger.served[entry.place] = Served(
                entry.place, entry.stamp, load.request.url, load.told
            )
        if not self._heal:
            entry.close()
            return _PIP
        if entry.place.body is not None:
            load.close()
            load.body = cast("BinaryIO", entry.body)
        data = cast("bytes", entry.metadata)
        if load.stage is Stage.VALIDATORS:
            self._pin(load, data)
        return data

    def _has_pin(self, load: Load) -> bool:
        pin = self._thread.pin
        return (
            load.stage is Stage.UPDATE
            and pin is not None
            and pin.request is load.request
        )

    def _pin(self, load: Load, data: bytes) -> None:
        self._thread.unpin()
        if os.name == "nt":
            return  # an open handle would keep other pips from replacing the body
        body = None
        if load.body is not None:
            body = os.fdopen(os.dup(load.body.fileno()), "rb")
        self._thread.pin = Pin(load.request, data, body)

    def _blame(self, load: Load, error: Exception) -> bool:
        """Blame what loading raised on the entry, if pip had one in hands.

        Only damage makes an entry raise, and pip would end on it in every later run
        (pypa/pip#4165). While a 304 is merged there is no going back.
        """
        if load.served is None or isinstance(error, MemoryError):
            return False
        if not load.is_of_pip and type(error) not in _RAISED_BY_DAMAGE:
            return False  # a controller of the program's own may mean what it says
        if isinstance(error, OSError) and entries.is_passing(error):
            return False
        entry = load.served
        verdict = corrupt(Reason.METADATA_UNUSABLE, f"pip's {type(error).__name__}")
        self._measured_on(entry).examined[load.by_index] = Examined(verdict)
        url = load.request.url
        self._ledger.reject(enforce.Finding(entry.place, entry.stamp, verdict, url))
        return self._heal and load.stage is not Stage.UPDATE
