"""Sizes and times in words, and text that is safe to look at."""

from __future__ import annotations

import re

from pipmend import units

LONGEST = 300
"""Characters of a text that nobody vouches for."""
LONGEST_NAME = 120
LONGEST_WORD = 40

_SPACE = "\u00a0"
"""Between a number and its unit no line ends."""
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")


def visible(text: str) -> str:
    """Text in which every character can be seen.

    Control characters, lone surrogates and what turns the direction of writing
    become U+FFFD.
    """
    return "".join(
        one if one.isprintable() or one == _SPACE else "\ufffd" for one in text
    )


def cut(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long, else all of it."""
    return text if len(text) <= longest else f"{text[:longest]}\u2026"


def abridged(text: str) -> str:
    """A text in which long digests are cut to their beginning."""
    return _DIGEST.sub("\\1\u2026", text)


def size(number: float) -> str:
    """Bytes for a person, such as ``1.4 MiB``; exact below 1 KiB."""
    return units.size_text(number).replace(" ", _SPACE)


def share(part: float, whole: float) -> str:
    """A part of a whole in percent; what is there is never shown as nothing."""
    percent = 100 * part / whole if whole else 0
    if 0 < percent < 0.1:  # noqa: PLR2004 - the smallest number shown
        return f"<{_SPACE}0.1{_SPACE}%"
    # 100 % means all of it.
    shown = min(percent, 99.9) if part < whole else percent
    return f"{shown:.1f}{_SPACE}%"


def age(seconds: float) -> str:
    """A span of time for a person, such as ``3 d``."""
    return units.age_text(seconds).replace(" ", _SPACE)
