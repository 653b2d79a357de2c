"""The drawings of the page as inline SVG; each is told in a table or words, too."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from pipmend import units
from pipmend.report import treemap, words
from pipmend.report.markup import Html, element
from pipmend.report.treemap import Rectangle
from pipmend.subjects import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipmend.report.values import Day, Package

MOST_TILES = 60
"""Packages that have a tile of their own; the others share one."""

WIDE = Rectangle(0, 0, 960, 480)
NARROW = Rectangle(0, 0, 360, 540)
"""The two maps, of which the style sheet shows the one that fits."""

_SMALLEST_SHARE = 1 / 2500
"""Of the whole map: a smaller tile is a dot that nobody can hit."""
_GAP = 1.5
_LETTER = 0.68
"""Width of a letter in its own height, rather too much: the font is not known."""
_LETTERS_OF_TILE = 0.13
"""Largest height of letters in the side of a tile: the larger tile has larger ones."""
_LETTER_SIZES = (17, 15, 13, 11.5, 10.5)
_PADDING = 6
_LINE = 1.3
_CORNER = 14
"""Sides of the mark on a tile with corrupt entries."""

_DAY = Rectangle(0.12, 0, 0.76, 100)
"""The bar of a day that is full, within its place."""
_SLIVER = 0.6
"""Percent of the bar that even the smallest part takes, so that it is seen."""

MATERIALS = {
    "wheel": "wheels",
    "sdist": "source archives",
    "index": "index pages and metadata",
    "built": "wheels built here",
    "other": "other, or several packages",
}
"""What tiles are coloured by, with words for it."""

_MATERIAL_OF = {
    Kind.WHEEL: "wheel",
    Kind.SDIST: "sdist",
    Kind.PAGE: "index",
    Kind.CORE_METADATA: "index",
    Kind.REDIRECT: "index",
    Kind.BUILT_WHEEL: "built",
    Kind.ORIGIN: "built",
    Kind.OTHER: "other",
}


class Tile(NamedTuple):
    """What a rectangle of the map stands for."""

    label: str
    title: str
    """All that is known of it, in words."""
    size: int
    """Bytes."""
    material: str
    broken: int


class Part(NamedTuple):
    """A part of a bar."""

    name: str
    """The name of its colour in the style sheet."""
    title: str
    amount: float


def tiles_of(packages: Sequence[Package]) -> list[Tile]:
    """The tiles of a map: the largest packages, and the others together.

    Args:
        packages: largest first.
    """
    total = sum(package.size for package in packages)
    shown = [
        package
        for package in packages[:MOST_TILES]
        if package.size and package.size >= total * _SMALLEST_SHARE
    ]
    others = packages[len(shown) :]
    tiles = [_tile(package, total) for package in shown]
    size = sum(package.size for package in others)
    if size:
        broken = sum(package.broken or 0 for package in others)
        label = units.counted(len(others), "other", "others")
        title = _title(label, size, total, broken)
        tiles.append(Tile(label, title, size, "other", broken))
    return tiles


def material_of(package: Package) -> str:
    """What most bytes of a package are, by the name of its colour."""
    sums = dict.fromkeys(MATERIALS, 0)
    for kind, size in package.sizes.items():
        sums[_MATERIAL_OF[kind]] += size
    return max(sums, key=lambda name: sums[name])


def map_of(tiles: Sequence[Tile], whole: Rectangle, name: str, label: str) -> Html:
    """Draw a treemap.

    Args:
        tiles: each with more than zero bytes.
        whole: the size of the drawing.
        name: its class.
        label: what it shows, for those who do not see it.
    """
    placed = treemap.squarified([tile.size for tile in tiles], whole)
    return element(
        "svg",
        *(_drawn(tile, place) for tile, place in zip(tiles, placed)),
        class_=f"treemap {name}",
        viewBox=_box(whole),
        role="img",
        aria_label=label,
    )


def stacked_bar(parts: Sequence[Part], label: str) -> Html:
    """Draw parts of a whole as one bar; small ones are widened so that they show."""
    shown = [part for part in parts if part.amount > 0]
    total = sum(part.amount for part in shown)
    widths = [max(100 * part.amount / total, _SLIVER) for part in shown]
    scale = 100 / sum(widths) if widths else 1
    drawn, x = [], 0.0
    for part, width in zip(shown, widths):
        place = Rectangle(x, 0, width * scale, 10)
        title = element("title", part.title)
        drawn.append(_rectangle(place, f"part {part.name}", title))
        x += width * scale
    return _stretched("bar", Rectangle(0, 0, 100, 10), label, drawn)


def timeline(days: Sequence[Day], label: str) -> Html:
    """Draw a bar for each day: what was healed, and on top what was not."""
    most = max((max(day.found, day.healed) for day in days), default=0) or 1
    drawn = []
    for number, day in enumerate(days):
        healed = _DAY.height * day.healed / most
        open_ = _DAY.height * max(day.found - day.healed, 0) / most
        x, bottom = number + _DAY.x, _DAY.height
        place = Rectangle(x, bottom - healed, _DAY.width, healed)
        above = Rectangle(x, bottom - healed - open_, _DAY.width, open_)
        title = f"{day.date}: {day.found:,} found, {day.healed:,} healed"
        drawn.append(
            element(
                "g",
                element("title", title),
                _rectangle(Rectangle(number, 0, 1, _DAY.height), "day"),
                *([_rectangle(place, "part healed")] if healed else []),
                *([_rectangle(above, "part open")] if open_ else []),
            )
        )
    whole = Rectangle(0, 0, len(days), _DAY.height)
    return _stretched("timeline", whole, label, drawn)


def swatch(name: str) -> Html:
    """A small sample of a colour, for a legend."""
    return element("span", class_=f"swatch {name}", aria_hidden="true")


def _tile(package: Package, total: int) -> Tile:
    label = words.cut(package.name or "not known", words.LONGEST_NAME)
    entries = units.counted(package.entries, "entry", "entries")
    material = material_of(package)
    title = _title(label, package.size, total, package.broken or 0)
    title += f"; {entries}, mostly {MATERIALS[material]}"
    return Tile(label, title, package.size, material, package.broken or 0)


def _title(label: str, size: int, total: int, broken: int) -> str:
    title = f"{label}: {words.size(size)}, {words.share(size, total)} of all"
    return f"{title}; {broken:,} broken" if broken else title


def _drawn(tile: Tile, place: Rectangle) -> Html:
    inner = Rectangle(
        place.x + _GAP / 2,
        place.y + _GAP / 2,
        max(place.width - _GAP, 0.1),
        max(place.height - _GAP, 0.1),
    )
    return element(
        "g",
        element("title", tile.title),
        _rectangle(inner, tile.material),
        *([_corner(inner)] if tile.broken else []),
        *_labels(tile, inner),
        class_="tile broken" if tile.broken else "tile",
    )


def _corner(place: Rectangle) -> Html:
    """A mark that is seen also by those who see no red."""
    right, top = place.x + place.width, place.y
    side = min(_CORNER, place.width, place.height)
    points = f"{right - side:.1f},{top:.1f} {right:.1f},{top:.1f}"
    return element("polygon", points=f"{points} {right:.1f},{top + side:.1f}")


def _labels(tile: Tile, place: Rectangle) -> list[Html]:
    """The name, and below it the size, in the largest letters that fit; or nothing."""
    mark = _CORNER if tile.broken else 0
    found = _lettering(tile.label, place, mark)
    if found is None:
        return []
    lines, size = found
    x, y = place.x + _PADDING, place.y + _PADDING + 0.8 * size
    drawn = []
    for line in lines:
        drawn.append(_text(line, x, y, size, "name"))
        y += _LINE * size
    small = max(size - 2.5, _LETTER_SIZES[-1])
    told = words.size(tile.size)
    used = size * (1 + _LINE * (len(lines) - 1))
    width, height = place.width - 2 * _PADDING, place.height - 2 * _PADDING
    if used + _LINE * small <= height and _width(told) * small <= width:
        y += _LINE * (small - size)
        drawn.append(_text(told, x, y, small, "size"))
    return drawn


def _lettering(
    label: str, place: Rectangle, mark: float
) -> tuple[list[str], float] | None:
    """The lines of a label, two at most, and the size of its letters."""
    largest = _LETTERS_OF_TILE * place.area**0.5
    sizes = [size for size in _LETTER_SIZES if size <= largest]
    first, second = _halves(label)
    for size in sizes or _LETTER_SIZES[-1:]:
        width = (place.width - 2 * _PADDING) / size
        height = (place.height - 2 * _PADDING) / size
        if _width(label) + mark / size <= width and height >= 1:
            return [label], size
        is_wide_enough = _width(first) + mark / size <= width >= _width(second)
        if second and is_wide_enough and height >= 1 + _LINE:
            return [first, second], size
    return None


def _halves(label: str) -> tuple[str, str]:
    """A label broken near its middle, where a word ends; the second may be empty."""
    ends = [at for at, one in enumerate(label, start=1) if one in "- "]
    at = min(ends, key=lambda end: abs(2 * end - len(label)), default=len(label))
    return label[:at].rstrip(), label[at:]


def _text(text: str, x: float, y: float, size: float, name: str) -> Html:
    return element("text", text, x=x, y=y, font_size=size, class_=name)


def _width(text: str) -> float:
    """How wide a text is at most, in heights of its letters."""
    wide = sum(unicodedata.east_asian_width(one) in {"W", "F"} for one in text)
    return _LETTER * len(text) + (1.1 - _LETTER) * wide


def _rectangle(place: Rectangle, name: str, *children: Html) -> Html:
    return element(
        "rect",
        *children,
        x=place.x,
        y=place.y,
        width=place.width,
        height=place.height,
        class_=name,
    )


def _stretched(name: str, whole: Rectangle, label: str, drawn: Sequence[Html]) -> Html:
    """A drawing that is as wide as its place; it holds no text."""
    return element(
        "svg",
        *drawn,
        class_=name,
        viewBox=_box(whole),
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _box(whole: Rectangle) -> str:
    return " ".join(f"{number:g}" for number in whole)
