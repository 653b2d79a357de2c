"""The squarified treemap: to scale, without gaps or overlaps, and rather square."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipmend.report.treemap import Rectangle, squarified

UNIT = Rectangle(0, 0, 960, 480)

sizes = st.lists(st.integers(1, 10**12), min_size=1, max_size=60)
sides = st.floats(1, 5000)


def overlap(one: Rectangle, other: Rectangle) -> float:
    """The area that two rectangles share."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(width, 0) * max(height, 0)


def worst(tiles: list[Rectangle]) -> float:
    """The largest ratio of two sides."""
    return max(max(one.width / one.height, one.height / one.width) for one in tiles)


def test_the_example_of_its_inventors() -> None:
    """6, 6, 4, 3, 2, 2, 1 in 6 x 4: the end of their figure 3."""
    tiles = squarified([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))

    rounded = [tuple(round(number, 2) for number in tile) for tile in tiles]
    assert rounded == [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 1.71, 2.33),
        (4.71, 0, 1.29, 2.33),
        (3, 2.33, 1.2, 1.67),
        (4.2, 2.33, 1.2, 1.67),
        (5.4, 2.33, 0.6, 1.67),
    ]


def test_nothing_makes_no_tile() -> None:
    """Nor does it divide by zero."""
    assert squarified([], UNIT) == []


def test_one_fills_all() -> None:
    """Whatever its size."""
    assert squarified([0.001], UNIT) == [UNIT]


@given(sizes, sides, sides)
def test_areas_are_to_scale_and_fill_the_whole(
    found: list[int], width: float, height: float
) -> None:
    """Each tile has its share, in its place, and no other tile has any of it."""
    whole = Rectangle(10, -20, width, height)

    tiles = squarified(found, whole)

    assert len(tiles) == len(found)
    tiny = whole.area * 1e-9
    for size, tile in zip(found, tiles):
        share = whole.area * size / sum(found)
        assert tile.area == pytest.approx(share, rel=1e-3, abs=tiny)
        assert tile.width >= 0
        assert tile.height >= 0
        assert overlap(tile, whole) == pytest.approx(tile.area, rel=1e-6, abs=tiny)
    assert math.fsum(tile.area for tile in tiles) == pytest.approx(whole.area)
    for one, other in itertools.combinations(tiles, 2):
        assert overlap(one, other) <= tiny


@given(st.integers(1, 60))
def test_equal_sizes_make_nearly_square_tiles(number: int) -> None:
    """Slices, as a simpler layout makes them, would have a ratio of up to 120."""
    assert worst(squarified([1] * number, UNIT)) <= 4


def test_a_real_cache_makes_tiles_that_can_be_pointed_at() -> None:
    """Few large packages and many small ones."""
    found = [1_500_000 / (number + 1) ** 1.3 for number in range(40)]

    assert worst(squarified(found, UNIT)) <= 4
