"""A squarified treemap (Bruls, Huizing, van Wijk 2000): sizes in, rectangles out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rectangle(NamedTuple):
    """A rectangle; ``x`` and ``y`` are its corner with the smallest values."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width times height."""
        return self.width * self.height


def squarified(sizes: Sequence[float], whole: Rectangle) -> list[Rectangle]:
    """Divide a rectangle among sizes: areas to scale, each as square as possible.

    Args:
        sizes: each more than zero; the largest first makes the best tiles.
        whole: what is divided.

    Returns:
        One rectangle for each size, in the same order; together they fill the whole.
    """
    scale = whole.area / sum(sizes) if sizes else 0
    areas = [size * scale for size in sizes]
    tiles: list[Rectangle] = []
    rest = whole
    while len(tiles) < len(areas):
        waiting = areas[len(tiles) :]
        row = _row(waiting, min(rest.width, rest.height))
        is_last = len(row) == len(waiting)
        laid, rest = _laid(row, rest, is_last=is_last)
        tiles += laid
    return tiles


def _row(areas: Sequence[float], side: float) -> Sequence[float]:
    """The first areas, as many as make the best row along a side."""
    best = _worst(areas[0], areas[0], areas[0], side)
    total = smallest = largest = areas[0]
    for number, area in enumerate(areas[1:], start=1):
        total += area
        smallest, largest = min(smallest, area), max(largest, area)
        worst = _worst(total, smallest, largest, side)
        if worst > best:
            return areas[:number]
        best = worst
    return areas


def _worst(total: float, smallest: float, largest: float, side: float) -> float:
    """The largest ratio of two sides that a row of areas has."""
    if not (side and smallest and total):
        return float("inf")
    square = (total / side) ** 2
    return max(largest / square, square / smallest)


def _laid(
    row: Sequence[float], within: Rectangle, *, is_last: bool
) -> tuple[list[Rectangle], Rectangle]:
    """Lay a row along the shorter side; also return what it leaves."""
    is_column = within.width >= within.height
    side = within.height if is_column else within.width
    depth = within.width if is_column else within.height
    total = sum(row)
    # The last row takes what is left, whatever was rounded before.
    thickness = depth if is_last or not side else min(total / side, depth)
    tiles, start = [], 0.0
    for number, area in enumerate(row, start=1):
        share = side * area / total if total else 0.0
        length = max(side - start, 0.0) if number == len(row) else share
        tiles.append(
            Rectangle(within.x, within.y + start, thickness, length)
            if is_column
            else Rectangle(within.x + start, within.y, length, thickness)
        )
        start += length
    if is_column:
        x, width = within.x + thickness, within.width - thickness
        return tiles, Rectangle(x, within.y, width, within.height)
    y, height = within.y + thickness, within.height - thickness
    return tiles, Rectangle(within.x, y, within.width, height)
