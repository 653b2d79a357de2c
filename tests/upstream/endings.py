"""How the tests of a run ended, and where two runs differ."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Ending(NamedTuple):
    """How a test ended."""

    kind: str
    """``passed``, ``failed``, ``error``, ``skipped``, ``xfailed``, ``xpassed``,
    ``deselected``, or ``missing`` where there is no such test in a run."""
    reason: str = ""
    """The first line of what was raised."""

    @property
    def is_pass(self) -> bool:
        """Whether it did what it should."""
        return self.kind == "passed"

    @property
    def raised(self) -> str:
        """The kind of exception, as far as the reason begins with one."""
        return self.reason.partition(":")[0] if self.kind in BAD else ""

    def is_like(self, other: Ending) -> bool:
        """Whether it is the same result; the words of a failure may differ."""
        return self.kind == other.kind and self.raised == other.raised

    def __str__(self) -> str:
        """Both, in one line."""
        return f"{self.kind}: {self.reason}" if self.reason else self.kind


BAD = ("failed", "error")
MISSING = Ending("missing")

Endings = dict[str, Ending]
"""By the id of the test."""

_FAILED_ELSEWHERE = {"setup": "error", "teardown": "error", "collect": "error"}


class Difference(NamedTuple):
    """A test that ended in another way."""

    test: str
    plain: Ending
    hooked: Ending


def read(path: Path) -> Endings:
    """What the plugin has written.

    Of several phases of a test the first that went wrong counts, of several attempts
    at a phase the last.
    """
    phases: dict[str, dict[str, Ending]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for test, phase, outcome, reason in map(json.loads, lines):
        if outcome == "failed":
            outcome = _FAILED_ELSEWHERE.get(phase, outcome)  # noqa: PLW2901
        phases.setdefault(test, {})[phase] = Ending(outcome, reason)
    return {test: _whole(found) for test, found in phases.items()}


def _whole(phases: Mapping[str, Ending]) -> Ending:
    for ending in phases.values():
        if not ending.is_pass:
            return ending
    return Ending("passed")


def ran(endings: Endings) -> list[str]:
    """The ids of the tests that were run, those that skip themselves with them."""
    return sorted(test for test in endings if endings[test].kind != "deselected")


def counts(endings: Endings) -> Counter[str]:
    """How many ended in which way."""
    return Counter(ending.kind for ending in endings.values())


def differences(plain: Endings, hooked: Endings) -> list[Difference]:
    """The tests that did not end in the same way in two runs."""
    found = []
    for test in sorted({*plain, *hooked}):
        without, having = plain.get(test, MISSING), hooked.get(test, MISSING)
        if not without.is_like(having):
            found.append(Difference(test, without, having))
    return found
