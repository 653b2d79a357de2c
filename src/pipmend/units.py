"""Numbers, sizes, spans and moments in words."""

from __future__ import annotations

import datetime as dt

_KIBI = 1024
_SIZES = ("KiB", "MiB", "GiB", "TiB")
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))
_LAST_SECOND = 253402300799
"""The end of the year 9999; a broken clock may have written later ones."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things, such as ``1,204 entries``; an "s" is added unless told."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def size_text(size: float) -> str:
    """Bytes for a person, such as ``1.4 MiB``; exact below 1 KiB."""
    if size < _KIBI:
        return f"{size:.0f} B"
    for unit in _SIZES[:-1]:
        size /= _KIBI
        if size < _KIBI:
            return f"{size:.1f} {unit}"
    return f"{size / _KIBI:,.1f} {_SIZES[-1]}"


def age_text(seconds: float) -> str:
    """A span of time for a person, such as ``3 d``."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def moment(seconds: float) -> dt.datetime:
    """Seconds since 1970 as a moment in UTC; absurd ones as the nearest that is one."""
    bounded = min(max(seconds, 0), _LAST_SECOND)
    return dt.datetime.fromtimestamp(bounded, tz=dt.timezone.utc)


def moment_text(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the second."""
    return f"{moment(seconds):%Y-%m-%dT%H:%M:%SZ}"
