"""After a failed pip command: was it something that came from the cache?

Only what this process was served is looked at, with the deepest check there is and
with the digests that pip itself reported. Nothing is retried: a guilty entry is
quarantined, and one line says that the next run will fetch it afresh.
"""

from __future__ import annotations

import logging
import sys
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
    from pipmend.observation import Body

_LONGEST = 5.0
"""Seconds after which no further entry is looked at: pip has failed already."""

_REMEDY = "the next run fetches it afresh"


class PostMortem:
    """The gates around pip's commands and its check of hashes."""

    def __init__(self, ledger: Ledger, guard: Guard) -> None:
        self._ledger = ledger
        self._guard = guard
        self._refused: set[tuple[str, bytes]] = set()
        self._error: BaseException | str | None = None

    def command(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around a command: look at what it was served if it failed."""
        self._error = None
        result = attempt(wrapped, args, kwargs)
        if isinstance(result, Raised):
            self._guard.run(self._look, result.error, default=None)
            raise result.error
        if result.value != 0:
            self._guard.run(self._look, self._error, default=None)
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
            # pip logs inside its except clauses.
            told = self._guard.run(record.getMessage, default=None)
            self._error = sys.exc_info()[1] or told
        return True

    def _note_refused(self, gots: dict[str, Got]) -> None:
        self._refused.update((name, got.digest()) for name, got in gots.items())

    def _look(self, error: BaseException | str | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            return  # nobody wants to wait for more now
        deadline = time.monotonic() + _LONGEST
        for served in list(self._ledger.served.values()):
            if time.monotonic() > deadline:
                return
            verdict = self._guard.run(self._verdict_on, served, default=INTACT)
            if verdict.outcome is Outcome.CORRUPT:
                self._accuse(served, verdict, error)

    def _accuse(
        self, served: Served, verdict: Verdict, error: BaseException | str | None
    ) -> None:
        finding = enforce.Finding(
            served.place,
            served.stamp,
            verdict,
            served.url,
            _REMEDY,
            pip_error=_in_words(error),
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
            examined = examine.examine(entry, stored, seal, served.told, deep=True)
            if examined.verdict is INTACT and not served.told.by_index:
                body = examine.body_of(entry, stored, served.told)
                return self._refusal_of(body) or INTACT
            return examined.verdict
        finally:
            entry.close()

    def _refusal_of(self, body: Body) -> Verdict | None:
        """The verdict on a body that pip has refused.

        Not asked when the index vouches for the body: then the requirement is wrong,
        and a fresh copy would be refused again.
        """
        for algorithm, value in self._refused:
            if body.digest(algorithm, len(value)) == value:
                return corrupt(Reason.BODY_DIGEST, "the bytes that pip has refused")
        return None


def _in_words(error: BaseException | str | None) -> str | None:
    if isinstance(error, BaseException):
        error = f"{type(error).__name__}: {error}"
    return urls.without_credentials(error) if error else None
