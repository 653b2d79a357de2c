"""The section on causes outside the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import units
from pipmend.report import words
from pipmend.report.markup import (
    Column,
    Html,
    code,
    element,
    joined,
    table,
    untrusted,
)
from pipmend.report.parts import Section, badge, below, capital, folded, quiet
from pipmend.report.values import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipmend.report.values import Check, Checkup

_STANDINGS = {
    Standing.PROBLEM: "bad",
    Standing.WARNING: "warning",
    Standing.NOTE: "plain",
    Standing.UNKNOWN: "plain",
    Standing.FINE: "good",
}


def section(checkups: Sequence[Checkup]) -> Section:
    """Whether the cause is outside the cache."""
    content = joined(*_checkups(checkups))
    return Section("doctor", "Causes outside the cache", content)


def _checkups(checkups: Sequence[Checkup]) -> Iterator[Html]:
    found = [
        (checkup, check)
        for checkup in checkups
        for check in checkup.checks
        if check.standing not in {Standing.FINE, Standing.UNKNOWN}
    ]
    order = list(Standing)
    found.sort(key=lambda one: order.index(one[1].standing))
    if found:
        several = sum(checkup.cache is not None for checkup in checkups) > 1
        finding = [
            _finding(check, checkup.cache if several else None)
            for checkup, check in found
        ]
        yield element("ul", *finding, class_="findings")
    elif checkups:
        yield quiet("The doctor has found nothing that could break entries.")
    else:
        yield quiet("Nobody has looked.")
    rest = [_rest(checkup) for checkup in checkups if _quiet_checks(checkup)]
    if rest:
        number = sum(len(_quiet_checks(checkup)) for checkup in checkups)
        summary = f"{units.counted(number, 'other check')}: fine, or not to be known"
        yield folded(summary, *rest)


def _finding(check: Check, cache: str | None) -> Html:
    step = check.next_step
    return element(
        "li",
        element(
            "p",
            badge(check.standing.value, _STANDINGS[check.standing]),
            " ",
            element("strong", capital(check.name.replace("-", " "))),
        ),
        element("p", untrusted(capital(check.what), 2 * words.LONGEST), "."),
        *(
            [element("p", "To do: ", untrusted(step, 1000), class_="step")]
            if step
            else []
        ),
        *([below(code(cache))] if cache else []),
        class_=_STANDINGS[check.standing],
    )


def _rest(checkup: Checkup) -> Html:
    columns = (Column("question"), Column("answer"), Column("what was found"))
    rows = [
        (
            untrusted(check.name),
            badge(check.standing.value, _STANDINGS[check.standing]),
            untrusted(check.what),
        )
        for check in _quiet_checks(checkup)
    ]
    return table(words.cut(checkup.cache or "This machine"), columns, rows)


def _quiet_checks(checkup: Checkup) -> list[Check]:
    quiet = {Standing.FINE, Standing.UNKNOWN}
    return [check for check in checkup.checks if check.standing in quiet]
