"""The recipes of the README: their text, and the little of YAML that is in it."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.wheels import CHECKOUT

_SECTION = re.compile(r"^### Recipes$(.*?)^##+ ", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"([\w-]+):(?: +(.*))?")
_FLOW_ITEM = re.compile(r'\s*((?:"[^"]*"|\[[^]]*\]|[^,"\[])+)\s*(?:,|$)')


class Recipe(NamedTuple):
    """One block of text with a language."""

    language: str
    text: str


def recipes() -> list[Recipe]:
    """All recipes, in order."""
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    section = _SECTION.search(readme)
    assert section is not None
    return [Recipe(*block) for block in _BLOCK.findall(section[1])]


def recipe(language: str, word: str = "") -> str:
    """The text of the one recipe in a language that has a word in it."""
    found = [one.text for one in recipes() if one.language == language]
    (text,) = [text for text in found if word in text]
    return text


def parsed(text: str) -> object:
    """What YAML makes of it: mappings, lists and strings.

    Known are blocks, lists and mappings in braces, quotes and literal text; no anchors,
    no comments, no types.

    Raises:
        ValueError: there is something else.
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    value, rest = _block(lines)
    if rest:
        raise ValueError(f"not understood: {rest[0]}")
    return value


def _block(lines: list[str]) -> tuple[object, list[str]]:
    """The value that the first line begins, and the lines behind it."""
    indent = _indent(lines[0])
    if lines[0].lstrip().startswith("- "):
        return _list(lines, indent)
    return _mapping(lines, indent)


def _list(lines: list[str], indent: int) -> tuple[list[object], list[str]]:
    found: list[object] = []
    while lines and _indent(lines[0]) == indent and lines[0][indent] == "-":
        first = lines[0][indent + 2 :]
        if _KEY.fullmatch(first) is None:
            found.append(_scalar(first))
            lines = lines[1:]
            continue
        item, lines = _mapping([" " * (indent + 2) + first, *lines[1:]], indent + 2)
        found.append(item)
    return found, lines


def _mapping(lines: list[str], indent: int) -> tuple[dict[str, object], list[str]]:
    found: dict[str, object] = {}
    while lines and _indent(lines[0]) == indent:
        match = _KEY.fullmatch(lines[0].strip())
        if match is None:
            raise ValueError(f"not understood: {lines[0]}")
        inner = _deeper(lines[1:], indent)
        rest = lines[1 + len(inner) :]
        if match[2] == "|":
            left = _indent(inner[0])
            found[match[1]] = "".join(f"{line[left:]}\n" for line in inner)
        elif match[2]:
            found[match[1]], rest = _scalar(match[2]), lines[1:]
        else:
            found[match[1]], left_over = _block(inner)
            rest = left_over + rest
        lines = rest
    return found, lines


def _deeper(lines: list[str], indent: int) -> list[str]:
    inner: list[str] = []
    for line in lines:
        if _indent(line) <= indent:
            break
        inner.append(line)
    return inner


def _scalar(text: str) -> object:
    if text[0] == "{" and text[-1] == "}":
        pairs = (item.partition(":") for item in _items(text))
        return {key.strip(): _scalar(value.strip()) for key, _, value in pairs}
    if text[0] == "[" and text[-1] == "]":
        return [_scalar(item) for item in _items(text)]
    if text[0] == '"' and text[-1] == '"':
        return text[1:-1]
    return text


def _items(text: str) -> list[str]:
    return [item.strip() for item in _FLOW_ITEM.findall(text[1:-1].strip())]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
