"""Moments in time as a person types them: ``7d``, ``2026-11-20``."""

from __future__ import annotations

import argparse
import datetime as dt
import re

HELP = "a span such as 90min, 12h, 7d or 2w, or a date such as 2026-11-20 (UTC)"

_SPAN = re.compile(r"(\d{1,6})\s*(min|m|h|d|w)")
_UNITS = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str) -> dt.datetime:
    """The moment that an option such as ``--since`` names, in UTC; for argparse.

    Raises:
        argparse.ArgumentTypeError: it is neither a span nor a date.
    """
    span = _SPAN.fullmatch(text.strip().lower())
    try:
        if span is not None:
            length = dt.timedelta(**{_UNITS[span[2]]: int(span[1])})
            return dt.datetime.now(tz=dt.timezone.utc) - length
        # Python 3.9 and 3.10 do not read the "Z" of their own UTC times.
        moment = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        if moment.tzinfo is None:
            return moment.replace(tzinfo=dt.timezone.utc)
        return moment.astimezone(dt.timezone.utc)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!a} is not {HELP}") from error
