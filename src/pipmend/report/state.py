"""The section on the state of the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import explanations, units
from pipmend.report import charts, words
from pipmend.report.charts import Part
from pipmend.report.markup import (
    Column,
    Html,
    code,
    element,
    joined,
    table,
    time_of,
    untrusted,
    word,
)
from pipmend.report.parts import Section, below, quiet
from pipmend.scan import Count, Group
from pipmend.walk import LeftoverKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.report.values import Broken, State

_GROUPS = {
    Group.INTACT: (
        "intact",
        "What was stored: a seal, a digest or checksums of its own vouch for it.",
    ),
    Group.NOT_JUDGED: (
        "not judged",
        "Nothing contradicts it, and nothing vouches for its bytes.",
    ),
    Group.IN_PROGRESS: (
        "in progress",
        "A pip was storing it while it was looked at.",
    ),
    Group.CORRUPT: (
        "corrupt",
        "Provably not what was stored, or of no use to any pip.",
    ),
}
"""In the order of the bar."""

_LEFTOVERS = {
    LeftoverKind.ORPHAN_BODY: (
        "bodies alone",
        "Their metadata are gone, so that no pip finds them.",
    ),
    LeftoverKind.TEMPORARY_FILE: (
        "unfinished writes",
        "What a pip was writing when it was cut off.",
    ),
    LeftoverKind.EMPTY_FOLDER: ("empty folders", "Nothing is in them any more."),
    LeftoverKind.OLD_GENERATION: (
        "old generation",
        "Also counted above: what only pip up to 23.2 reads, and none is here.",
    ),
}


def section(state: State | None) -> Section:
    """How the entries are, and why."""
    content = joined(*_state(state)) if state else quiet("Nothing was judged.")
    return Section("state", "State of the cache", content)


def _state(state: State) -> Iterator[Html]:
    if not state.entries:
        yield quiet("There are no entries.")
    else:
        yield _bars(state)
        yield _groups(state)
    if state.unchanged:
        known = units.counted(state.unchanged, "entry was", "entries were")
        told = f"{known} known from an earlier scan, and not changed since."
        yield element("p", told, class_="after")
    if state.reasons:
        yield _reasons(state)
    if state.broken:
        yield _broken_ones(state)
    if state.leftovers:
        yield _leftovers(state)


def _bars(state: State) -> Html:
    groups = [group for group in _GROUPS if state.groups.get(group)]
    legend = [
        element("li", charts.swatch(group.value), _GROUPS[group][0]) for group in groups
    ]
    return element(
        "figure",
        *(_bar(state, is_size=is_size) for is_size in (False, True)),
        element("ul", *legend, class_="legend"),
        element(
            "figcaption",
            "Shares of the groups. What would be too small to be seen is widened.",
        ),
    )


def _bar(state: State, *, is_size: bool) -> Html:
    parts, told = [], []
    for group, (name, _) in _GROUPS.items():
        count = state.groups.get(group, Count())
        amount = count.size if is_size else count.items
        if amount:
            shown = words.size(amount) if is_size else f"{amount:,}"
            whole = state.size if is_size else state.entries
            title = f"{name}: {shown}, {words.share(amount, whole)}"
            parts.append(Part(group.value, title, amount))
            told.append(title)
    label = "by bytes" if is_size else "by entries"
    whole_text = words.size(state.size) if is_size else f"{state.entries:,}"
    return element(
        "div",
        element("span", label, class_="bar-label"),
        charts.stacked_bar(parts, f"{label}: {'; '.join(told)}"),
        element("span", whole_text, class_="bar-total"),
        class_="bar-row",
    )


def _groups(state: State) -> Html:
    columns = (
        Column("group"),
        Column("entries", is_number=True),
        Column("bytes", is_number=True),
        Column("of all", is_number=True),
        Column("what that means"),
    )
    rows = []
    for group, (name, meaning) in _GROUPS.items():
        count = state.groups.get(group, Count())
        if count.items:
            rows.append(
                (
                    joined(charts.swatch(group.value), name),
                    f"{count.items:,}",
                    words.size(count.size),
                    words.share(count.items, state.entries),
                    meaning,
                )
            )
    return table("Entries by group", columns, rows)


def _reasons(state: State) -> Html:
    columns = (
        Column("reason"),
        Column("entries", is_number=True),
        Column("what it means"),
        Column("likely cause"),
        Column("what to do"),
    )
    ordered = sorted(state.reasons.items(), key=lambda one: (-one[1], one[0].value))
    rows = []
    for reason, number in ordered:
        told = explanations.EXPLANATIONS[reason]
        name = word(reason.value)
        rows.append((name, f"{number:,}", told.sentence, told.cause, told.next_step))
    return table("Why entries are corrupt", columns, rows)


def _broken_ones(state: State) -> Html:
    columns = (
        Column("corrupt entry"),
        Column("what was found"),
        Column("bytes", is_number=True),
        Column("stored"),
    )
    rows = [_broken_row(one) for one in state.broken]
    number = state.groups.get(Group.CORRUPT, Count()).items
    more = number - len(state.broken)
    rest = (
        [f"There are {more:,} more: ", code("pipmend scan"), ". "] if more > 0 else []
    )
    command = code("pipmend explain NAME")
    hint = element("p", *rest, "What is wrong with one: ", command, class_="after")
    return joined(table("Corrupt entries", columns, rows), hint)


def _broken_row(one: Broken) -> tuple[str, ...]:
    reason = one.reason.value if one.reason else "unknown"
    return (
        joined(untrusted(one.subject), below(code(one.name))),
        joined(untrusted(words.abridged(one.summary)), below(word(reason))),
        words.size(one.size),
        time_of(units.moment(one.modified), "%Y-%m-%d"),
    )


def _leftovers(state: State) -> Html:
    columns = (
        Column("leftovers"),
        Column("number", is_number=True),
        Column("bytes", is_number=True),
        Column("what they are"),
    )
    rows = [
        (
            _LEFTOVERS[kind][0],
            f"{count.items:,}",
            words.size(count.size),
            _LEFTOVERS[kind][1],
        )
        for kind, count in state.leftovers.items()
    ]
    return joined(
        table("Leftovers, which no pip needs", columns, rows),
        element("p", "To move them to quarantine: ", code(state.sweep), class_="after"),
    )
