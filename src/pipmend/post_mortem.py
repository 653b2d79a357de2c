"""After a failed pip command: was it something that came from the cache?

Only what this process was served is looked at, with the deepest check there is and
with the digests that pip itself reported. Nothing is retried: a guilty entry is
quarantined, and one line says that the next run will fetch it afresh.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from typing import TYPE_CHECKING

from pipmend import enforce, entries, examine, urls
from pipmend._guard import Raised, attempt
from pipmend.archives import Depth
from pipmend.verdicts import INTACT, Outcome, Reason, Verdict, corrupt

if TYPE_CHECKING:
    from pipmend._compat.seams import Got
    from pipmend._guard import Guard
    from pipmend.entries import OpenEntry
    from pipmend.gate import Arguments, Keywords, Wrapped
    from pipmend.ledger import Ledger, Served
    from pipmend.observation import Body
    from pipmend.verify import Told

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
        self._is_cancelled = False

    def command(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around a command: look at what it was served if it failed."""
        self._error, self._is_cancelled = None, False
        result = attempt(wrapped, args, kwargs)
        if isinstance(result, Raised):
            self._guard.run(self._note_raised, result.error, default=None)
            self._guard.run(self._look, default=None)
            raise result.error
        # pip has ended, with a status of its own: who is impatient gets that.
        with contextlib.suppress(KeyboardInterrupt):
            if result.value != 0 and not self._is_cancelled:
                self._guard.run(self._look, default=None)
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
            error = sys.exc_info()[1]
            if error is None:
                self._error = self._guard.run(record.getMessage, default=None)
            else:
                self._guard.run(self._note_raised, error, default=None)
        return True

    def _note_raised(self, error: BaseException) -> None:
        # Nobody who has ended pip wants to wait for more.
        self._is_cancelled = isinstance(error, KeyboardInterrupt)
        self._error = f"{type(error).__name__}: {error}"

    def _note_refused(self, gots: dict[str, Got]) -> None:
        self._refused.update((name, got.digest()) for name, got in gots.items())

    def _look(self) -> None:
        deadline = time.monotonic() + _LONGEST
        for served in list(self._ledger.served.values()):
            if time.monotonic() > deadline:
                return
            verdict = self._guard.run(self._verdict_on, served, default=INTACT)
            if verdict.outcome is Outcome.CORRUPT:
                self._accuse(served, verdict)

    def _accuse(self, served: Served, verdict: Verdict) -> None:
        told = urls.without_credentials(self._error) if self._error else None
        finding = enforce.Finding(
            served.place, served.stamp, verdict, served.url, _REMEDY, pip_error=told
        )
        self._ledger.reject(finding)

    def _verdict_on(self, served: Served) -> Verdict:
        entry = entries.open_entry(served.place)
        if entry is None:
            return INTACT
        try:
            if entry.stamp != served.stamp:
                return INTACT  # no longer what pip was given
            return self._verdict_on_content(entry, served.told)
        finally:
            entry.close()

    def _verdict_on_content(self, entry: OpenEntry, told: Told) -> Verdict:
        stored = examine.read_metadata(entry)
        seal = examine.read_seal(entry)
        if isinstance(stored, Verdict):
            return stored
        if isinstance(seal, Verdict):
            return seal
        verdict = examine.examine(entry, stored, seal, told, Depth.DEEP).verdict
        if verdict.outcome is Outcome.INTACT and not told.by_index:
            refusal = self._refusal_of(examine.body_of(entry, stored, told))
            return refusal or verdict
        return verdict

    def _refusal_of(self, body: Body) -> Verdict | None:
        """The verdict on a body that pip has refused.

        Not asked when the index vouches for the body: then the requirement is wrong,
        and a fresh copy would be refused again.
        """
        for algorithm, value in self._refused:
            if body.digest(algorithm, len(value)) == value:
                return corrupt(Reason.BODY_DIGEST, "the bytes that pip has refused")
        return None
