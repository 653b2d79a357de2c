"""The section on what lies in quarantine."""

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
    word,
)
from pipmend.report.parts import Section, below, explained, quiet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from pipmend.report.values import Item, Quarantine


def section(quarantine: Quarantine | None, now: dt.datetime) -> Section:
    """What lies in quarantine, and how it is restored."""
    content = quiet("Quarantine could not be looked into.")
    if quarantine is not None:
        content = joined(*_quarantine(quarantine, now))
    return Section("quarantine", "Quarantine", content)


def _quarantine(quarantine: Quarantine, now: dt.datetime) -> Iterator[Html]:
    if not quarantine.number:
        yield quiet("Nothing is in quarantine.")
        return
    number = units.counted(quarantine.number, "item")
    yield element(
        "p",
        f"{number}, {words.size(quarantine.size)}. The command of an item copies its"
        " files to a folder of their own, to be looked at; with ",
        code("--into-cache"),
        " they are put back, those of an entry only if it judges intact. More is told"
        " by ",
        code("pipmend quarantine show ID"),
        ".",
    )
    columns = (
        Column("item"),
        Column("why"),
        Column("age", is_number=True),
        Column("bytes", is_number=True),
        Column("to restore"),
    )
    rows = [_item_row(item, now) for item in quarantine.items]
    yield table("Items, newest first", columns, rows)
    more = quarantine.number - len(quarantine.items)
    if more > 0:
        command = code("pipmend quarantine list")
        told = f"{units.counted(more, 'older one', 'older ones')}: see "
        yield element("p", told, command, class_="after")


def _item_row(item: Item, now: dt.datetime) -> tuple[str, ...]:
    told = explained(item.reason)
    why = told.sentence if told else untrusted(item.reason or "")
    moment = None if item.at is None else units.moment(item.at)
    age = "?" if moment is None else words.age((now - moment).total_seconds())
    return (
        joined(untrusted(item.subject), below(code(item.id))),
        joined(why, *([below(word(item.reason))] if told and item.reason else [])),
        age
        if moment is None
        else element("time", age, datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
        words.size(item.size),
        code(item.restore),
    )
