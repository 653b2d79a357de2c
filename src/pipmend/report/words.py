"""Numbers, sizes and times in words, and text that is safe to look at."""

from __future__ import annotations

import datetime as dt
import re

LONGEST = 300
"""Characters of a text that nobody vouches for."""
LONGEST_NAME = 120
LONGEST_WORD = 40

_SPACE = "\u00a0"
"""Between a number and its unit no line ends."""
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_KIBI = 1024
_UNITS = ("KiB", "MiB", "GiB", "TiB")
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))
_LAST_SECOND = 253402300799
"""The end of the year 9999; a broken clock may have written later ones."""


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
    if number < _KIBI:
        return f"{number:.0f}{_SPACE}B"
    for unit in _UNITS[:-1]:
        number /= _KIBI
        if number < _KIBI:
            return f"{number:.1f}{_SPACE}{unit}"
    return f"{number / _KIBI:,.1f}{_SPACE}{_UNITS[-1]}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things, such as ``1,204 entries``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


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
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.0f}{_SPACE}{unit}"
    return f"{max(seconds, 0):.0f}{_SPACE}s"


def moment(seconds: float) -> dt.datetime:
    """Seconds since 1970 as a moment in UTC; absurd ones as the nearest that is one."""
    bounded = min(max(seconds, 0), _LAST_SECOND)
    return dt.datetime.fromtimestamp(bounded, tz=dt.timezone.utc)
