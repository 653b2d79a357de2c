"""``pipmend doctor``: is the cause outside the cache?"""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pipmend import config, doctor, events, surroundings
from pipmend._compat import caches
from pipmend.cli import cache_option, output
from pipmend.doctor import Finding, Fine, Severity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from pipmend._compat.caches import CacheFolder
    from pipmend.doctor import Answer, Past
    from pipmend.surroundings import Fact

_NOTHING, _FOUND, _UNFINISHED = 0, 1, 3
_LAST_SECOND = 253402300799
"""The end of the year 9999; a broken clock may have written later ones."""

_DESCRIPTION = """\
Look for causes outside the cache: space, file system, owners and modes, clocks,
other pips that use it, and what keeps breaking. Each finding has one next step.
Nothing is changed, and nothing is written.
"""

_EXAMPLES = """\
A problem keeps pip from working with the cache. A warning may break entries, or
keep them broken. A note is good to know, and no more.

exit code: 0 no problem and no warning, 1 at least one, 2 usage,
           3 something could not be looked at

examples:
  pipmend doctor
  pipmend doctor --cache ~/.cache/pip
  pipmend doctor --json | grep '"type": "finding"'
"""


class Examined(NamedTuple):
    """What is to be said about one cache, or about the machine."""

    cache: CacheFolder | None
    """None for what concerns no cache in particular."""
    answers: list[Answer]
    facts: list[Fact]


class Diagnosis(NamedTuple):
    """What is to be said about all."""

    examined: list[Examined]
    failures: list[str]
    """What could not be looked at, and why."""

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return [
            answer
            for one in self.examined
            for answer in one.answers
            if isinstance(answer, Finding)
        ]

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings of each severity there are."""
        found = [finding.severity for finding in self.findings]
        return {severity: found.count(severity) for severity in Severity}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend doctor``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    cache_option.add(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="JSON Lines: findings, the facts behind them, and a summary",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 0 nothing bad, 1 problems or warnings, 3 unfinished.

    Raises:
        UsageError: a folder is not there, or none was found.
    """
    found = diagnose(cache_option.chosen(arguments), os.environ)
    if arguments.json:
        _print_records(found)
    else:
        _print_lines(found)
    for failure in found.failures:
        output.warn(failure)
    if found.failures:
        return _UNFINISHED
    counts = found.counts
    is_bad = counts[Severity.PROBLEM] or counts[Severity.WARNING]
    return _FOUND if is_bad else _NOTHING


def diagnose(
    folders: Sequence[CacheFolder], environment: Mapping[str, str]
) -> Diagnosis:
    """Look at caches and what is around them; changes nothing."""
    failures: list[str] = []
    past = _past(failures)
    pips = surroundings.pips(environment, past.prefixes)
    ci = surroundings.ci_service(environment)
    in_force = [folder.path.resolve() for folder in caches.find(environment)[:1]]
    examined = []
    for folder in folders:
        try:
            around = surroundings.look(folder.path, time.time())
        except OSError as error:
            failures.append(f"cannot look at {folder.path}: {error.strerror}")
            continue
        shared = around.real in in_force
        users = doctor.users_of(around, pips, past, in_force=shared)
        answers = doctor.of_cache(around, users, past, ci=ci)
        examined.append(Examined(folder, answers, surroundings.facts_of(around)))
    off = caches.switched_off(environment)
    answers = doctor.of_machine(pips, past, ci=ci, switched_off=off)
    examined.append(Examined(None, answers, surroundings.facts_of_pips(pips)))
    return Diagnosis(examined, failures)


def _past(failures: list[str]) -> Past:
    log = events.EventLog(config.load().log_folder)
    now = dt.datetime.now(tz=dt.timezone.utc)
    try:
        return doctor.recall(log.read(now - doctor.RECENT), now)
    except OSError as error:
        failures.append(f"cannot read {log.path}: {error.strerror}")
        return doctor.Past()


def _print_lines(found: Diagnosis) -> None:
    for one in found.examined:
        output.say(
            f"{one.cache.path} ({one.cache.source})" if one.cache else "this machine"
        )
        rows = [row for answer in _ordered(one.answers) for row in _rows(answer)]
        for line in output.table(rows, right=frozenset()):
            output.say(f"  {line}")
        output.say()
    counts = [
        f"{number} {severity.value}{'' if number == 1 else 's'}"
        for severity, number in found.counts.items()
    ]
    output.say(", ".join(counts))


def _ordered(answers: Iterable[Answer]) -> list[Answer]:
    """The worst first, what is fine after that, what is not known last."""
    order: list[object] = [*Severity, "fine", "unknown"]
    return sorted(answers, key=lambda answer: order.index(_state(answer)))


def _state(answer: Answer) -> Severity | str:
    if isinstance(answer, Finding):
        return answer.severity
    return "fine" if isinstance(answer, Fine) else "unknown"


def _rows(answer: Answer) -> list[tuple[str, str, str]]:
    if isinstance(answer, Finding):
        return [
            (answer.severity.value, answer.code.value, answer.what),
            ("", "", f"do: {answer.next_step}"),
        ]
    if isinstance(answer, Fine):
        return [("fine", answer.name, answer.what)]
    return [("unknown", answer.name, answer.why)]


def _print_records(found: Diagnosis) -> None:
    for one in found.examined:
        cache = None if one.cache is None else str(one.cache.path)
        for answer in one.answers:
            if isinstance(answer, Finding):
                output.record("finding", _finding_record(cache, answer))
        for fact in one.facts:
            output.record("fact", _fact_record(cache, fact))
    counts = found.counts
    summary = {
        "caches": sum(one.cache is not None for one in found.examined),
        "problems": counts[Severity.PROBLEM],
        "warnings": counts[Severity.WARNING],
        "notes": counts[Severity.NOTE],
        "unknown": [
            answer.name
            for one in found.examined
            for answer in one.answers
            if not isinstance(answer, (Finding, Fine))
        ],
        "complete": not found.failures,
    }
    output.record("summary", summary)


def _finding_record(cache: str | None, finding: Finding) -> dict[str, object]:
    return {
        "cache": cache,
        "code": finding.code.value,
        "severity": finding.severity.value,
        "what": finding.what,
        "next_step": finding.next_step,
    }


def _fact_record(cache: str | None, fact: Fact) -> dict[str, object]:
    value, unit = fact.value, fact.unit
    if unit == "seconds" and isinstance(value, (int, float)):
        value = output.moment_text(min(max(value, 0), _LAST_SECOND))
    return {
        "cache": cache,
        "name": fact.name,
        "value": value,
        "unit": "time" if unit == "seconds" else unit,
        "where": None if fact.where is None else str(fact.where),
    }
