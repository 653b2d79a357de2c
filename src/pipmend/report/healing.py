"""The section on what was healed, when and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import units
from pipmend.report import charts, words
from pipmend.report.markup import (
    Column,
    Html,
    element,
    joined,
    table,
    time_of,
    untrusted,
    word,
)
from pipmend.report.parts import Section, badge, below, explained, folded, quiet
from pipmend.report.values import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.report.values import Healing, Incident

_FIRST = 10
"""Incidents that are shown at once."""

_BADGES = {
    Fate.HEALED: "good",
    Fate.QUARANTINED: "plain",
    Fate.BYPASSED: "warning",
    Fate.OBSERVED: "plain",
    Fate.REPEATED: "warning",
    Fate.FAILED: "warning",
    Fate.UNFIT: "warning",
    Fate.UNKNOWN: "plain",
}


def section(healing: Healing | None) -> Section:
    """What was healed, when and why."""
    content = quiet("The event log could not be read.")
    if healing is not None:
        content = joined(*_healing(healing))
    return Section("healed", "What was healed", content)


def _healing(healing: Healing) -> Iterator[Html]:
    if healing.found or healing.healed:
        yield element("p", *_sums(healing))
        yield _timeline(healing)
        yield _reasons_of(healing)
    else:
        yield quiet(f"Nothing broke in the last {healing.span} days.")
    if healing.incidents:
        yield _incidents(healing)


def _sums(healing: Healing) -> Iterator[str]:
    yield f"In the last {healing.span} days {healing.found:,} corrupt "
    yield "entry was" if healing.found == 1 else "entries were"
    yield f" found and {healing.healed:,} healed, for which "
    yield f"{words.size(healing.fetched)} were fetched again."
    if healing.saved:
        yield " Purging the cache each time instead would have cost up to "
        yield f"{words.size(healing.saved)} more."


def _timeline(healing: Healing) -> Html:
    days = healing.days
    busiest = max(days, key=lambda day: (max(day.found, day.healed), day.date))
    most = max(busiest.found, busiest.healed)
    label = (
        f"Bars for {len(days)} days: {healing.found:,} found, {healing.healed:,}"
        f" healed; most on {busiest.date}: {busiest.found:,} found,"
        f" {busiest.healed:,} healed"
    )
    middle = days[len(days) // 2].date
    axis = [
        element("span", f"{date.day} {date:%b}")
        for date in (days[0].date, middle, days[-1].date)
    ]
    return element(
        "figure",
        element("div", f"{most:,}", class_="scale", aria_hidden="true"),
        charts.timeline(days, label),
        element("div", *axis, class_="axis", aria_hidden="true"),
        element(
            "ul",
            element("li", charts.swatch("healed"), "healed"),
            element("li", charts.swatch("open"), "found, not healed that day"),
            class_="legend",
        ),
        element(
            "figcaption",
            f"Corrupt entries by day (UTC), at most {most:,} on one. An entry that"
            " nobody asks for again stays unhealed, and harms nobody.",
        ),
    )


def _reasons_of(healing: Healing) -> Html:
    columns = (
        Column("reason"),
        Column("found", is_number=True),
        Column("healed", is_number=True),
        Column("what it means"),
        Column("likely cause"),
    )
    rows = []
    for name, found, healed in healing.reasons:
        told = explained(name)
        rows.append(
            (
                word(name) if name else element("i", "not known"),
                f"{found:,}",
                f"{healed:,}",
                told.sentence if told else "",
                told.cause if told else "",
            )
        )
    return table(f"Why, in the last {healing.span} days", columns, rows)


def _incidents(healing: Healing) -> Html:
    columns = (
        Column("when (UTC)"),
        Column("what"),
        Column("why"),
        Column("what was done"),
    )
    rows = list(map(_incident_row, healing.incidents))
    last = table("The last incidents", columns, rows[:_FIRST])
    if len(rows) <= _FIRST:
        return last
    earlier = units.counted(len(rows) - _FIRST, "earlier incident")
    return joined(last, folded(earlier, table(earlier, columns, rows[_FIRST:])))


def _incident_row(one: Incident) -> tuple[str, ...]:
    told = explained(one.reason)
    why = [element("div", told.sentence)] if told else []
    if one.detail:
        why.append(element("div", untrusted(words.abridged(one.detail))))
    if told:
        why.append(below(f"Likely: {told.cause}"))
    elif one.reason:
        why.append(below(word(one.reason)))
    return (
        time_of(one.at) if one.at else element("i", "not known"),
        untrusted(one.subject),
        joined(*why),
        joined(
            badge(one.fate.value, _BADGES[one.fate]),
            *([below(untrusted(one.done))] if one.done else []),
        ),
    )
