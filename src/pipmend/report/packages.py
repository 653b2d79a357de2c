"""The section on where the bytes are."""

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
)
from pipmend.report.parts import Section, folded, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipmend.report.values import Package

_FIRST = 10
"""Rows of the table that are shown at once."""
_MOST_PACKAGES = 60
"""Packages that have a row; the others share one."""


def section(packages: Sequence[Package]) -> Section:
    """Where the bytes are."""
    total = sum(package.size for package in packages)
    if not total:
        content = quiet("There are no bytes.")
    else:
        content = joined(_map(packages, total), _packages(packages, total))
    return Section("bytes", "Where the bytes are", content)


def _map(packages: Sequence[Package], total: int) -> Html:
    tiles = charts.tiles_of(packages)
    largest = ", ".join(f"{tile.label} {words.size(tile.size)}" for tile in tiles[:3])
    label = f"Treemap of {words.size(total)} by package; largest: {largest}"
    used = {tile.material for tile in tiles}
    legend = [
        element("li", charts.swatch(name), told)
        for name, told in charts.MATERIALS.items()
        if name in used
    ]
    if any(tile.broken for tile in tiles):
        legend.append(element("li", charts.swatch("broken"), "has corrupt entries"))
    number = units.counted(len(packages), "package")
    return element(
        "figure",
        charts.map_of(tiles, charts.WIDE, "wide", label),
        charts.map_of(tiles, charts.NARROW, "narrow", label),
        element("ul", *legend, class_="legend"),
        element(
            "figcaption",
            f"{words.size(total)} of {number}. Areas are to scale; the colour is that"
            " of what most bytes of a package are.",
        ),
    )


def _packages(packages: Sequence[Package], total: int) -> Html:
    columns = [
        Column("package"),
        Column("bytes", is_number=True),
        Column("share", is_number=True),
        Column("entries", is_number=True, is_minor=True),
        Column("mostly", is_minor=True),
        Column("last stored", is_minor=True),
    ]
    if packages[0].broken is not None:
        columns.append(Column("corrupt", is_number=True))
    rows = [_row(package, total) for package in packages[:_MOST_PACKAGES]]
    others = packages[_MOST_PACKAGES:]
    if others:
        rows.append(_row_of_others(others, total))
    first = table("Largest packages", columns, rows[:_FIRST], is_compact=True)
    if len(rows) <= _FIRST:
        return first
    smaller = units.counted(len(packages) - _FIRST, "smaller package")
    more = table(smaller, columns, rows[_FIRST:], is_compact=True)
    return joined(first, folded(smaller, more))


def _row(package: Package, total: int) -> tuple[str, ...]:
    name, broken = package.name, package.broken
    return (
        untrusted(name, words.LONGEST_NAME) if name else element("i", "not known"),
        words.size(package.size),
        words.share(package.size, total),
        f"{package.entries:,}",
        charts.MATERIALS[charts.material_of(package)],
        time_of(units.moment(package.newest), "%Y-%m-%d"),
        *([] if broken is None else [f"{broken:,}"]),
    )


def _row_of_others(others: Sequence[Package], total: int) -> tuple[str, ...]:
    size = sum(package.size for package in others)
    entries = sum(package.entries for package in others)
    newest = max(package.newest for package in others)
    broken = [package.broken for package in others if package.broken is not None]
    return (
        units.counted(len(others), "other", "others"),
        words.size(size),
        words.share(size, total),
        f"{entries:,}",
        "",
        time_of(units.moment(newest), "%Y-%m-%d"),
        *([f"{sum(broken):,}"] if broken else []),
    )
