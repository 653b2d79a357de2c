"""Keeps failures apart: pipmend's own never reach pip.

The only place with a broad ``except``. A failing step of pipmend is recorded once and
answered with a default that leaves pip as if pipmend were absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from pipmend import events
from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
U = TypeVar("U")


class Returned(Generic[T]):
    """A call came back."""

    def __init__(self, value: T) -> None:
        self.value = value


class Raised(Record):
    """A call raised."""

    error: Exception


def attempt(
    call: Callable[..., T], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> Returned[T] | Raised:
    """Call, and hand an exception back as a value. Signals and exits pass through."""
    try:
        return Returned(call(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - the rim
        return Raised(error)


class Guard:
    """Runs steps of pipmend inside pip."""

    def __init__(self, log: events.EventLog) -> None:
        self._log = log
        self._tripped: set[str] = set()

    def run(self, step: Callable[..., T], *args: object, default: U) -> T | U:
        """The step's result, or the default if it raises anything."""
        try:
            return step(*args)
        except Exception as error:  # noqa: BLE001 - the rim
            self._trip(step.__qualname__, error)
            return default

    def _trip(self, step: str, error: Exception) -> None:
        if step in self._tripped:
            return
        self._tripped.add(step)
        # Only the class: a message may hold a path or a URL with a password.
        event = events.GuardTripped(step=step, error=type(error).__name__)
        attempt(self._log.emit, (event,), {})
