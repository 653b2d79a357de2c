"""After a failed pip command: was it something that came from the cache?

Only what this process was served is looked at, with the deepest check there is and
with the digests that pip itself reported. Nothing is retried: a guilty entry is
quarantined, and one line says that the next run will fetch it afresh.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipmend import enforce, entries, examine, urls
from pipmend._guard import Raised, attempt
from pipmend.verdicts import INTACT, Outcome, Reason, Verdict, corrupt

if TYPE_CHECKING:
    from pipmend._compat.seams import Got
    from pipmend._guard import Guard
    from pipmend.gate import Arguments, Keywords, Wrapped
    from pipmend.ledger import Ledger, Served

_LONGEST = 5.0
"""Seconds after which no further entry is looked at: pip has failed already."""

_REMEDY = "the next run fetches it afresh"


class PostMortem:
    """The gates around pip's commands and its check of hashes."""

    def __init__(self, ledger: Ledger, guard: Guard) -> None:
        self._ledger = ledger
        self._guard = guard
        self._refused: set[tuple[str, bytes]] = set()
        self._error: str | None = None

    def command(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around a command: look at what it was served if it failed."""
        result = attempt(wrapped, args, kwargs)
        if isinstance(result, Raised):
            self._guard.run(self._look, repr(result.error), default=None)
            raise result.error
        if result.value != 0:
            self._guard.run(self._look, None, default=None)
        return result.value

    def hash_failure(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around the place where pip refuses a file for its hash."""
        self._guard.run(self._note_refused, *args[:1], default=None)
        return wrapped(*args, **kwargs)

    def note_error(self, record: logging.LogRecord) -> bool:
        """A filter on the logger of pip's commands, which lets everything through."""
        if record.levelno >= logging.ERROR:
            self._error = self._guard.run(record.getMessage, default=None)
        return True

    def _note_refused(self, gots: dict[str, Got]) -> None:
        self._refused.update((name, got.digest()) for name, got in gots.items())

    def _look(self, error: str | None) -> None:
        deadline = time.monotonic() + _LONGEST
        told = error or self._error
        for served in list(self._ledger.served.values()):
            if time.monotonic() > deadline:
                return
            verdict = self._verdict_on(served)
            if verdict.outcome is Outcome.CORRUPT:
                finding = enforce.Finding(
                    served.place,
                    served.stamp,
                    verdict,
                    served.url,
                    _REMEDY,
                    pip_error=urls.without_credentials(told) if told else None,
                )
                self._ledger.reject(finding)

    def _verdict_on(self, served: Served) -> Verdict:
        entry = entries.open_entry(served.place)
        if entry is None or entry.stamp != served.stamp:
            return INTACT  # no longer what pip was given
        try:
            stored = examine.read_metadata(entry)
            seal = examine.read_seal(entry)
            if isinstance(stored, Verdict):
                return stored
            if isinstance(seal, Verdict):
                return seal
            body = examine.body_of(entry, stored, served.told)
            for algorithm, value in self._refused:
                if body.digest(algorithm, len(value)) == value:
                    found = "the bytes that pip has just refused"
                    return corrupt(Reason.BODY_DIGEST, found)
            return examine.examine(entry, stored, seal, served.told, deep=True).verdict
        finally:
            entry.close()
