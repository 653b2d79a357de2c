"""Is it a clock: does anything in the cache come from the future?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipmend.doctor.values import Code, Finding, Fine, Severity, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Moment, Surroundings

LARGEST_SKEW = 120
"""Seconds by which clocks may differ; those that are set over a network differ by
less than one, and file systems round to two."""


def clocks(around: Surroundings) -> Iterator[Answer]:
    """Do the clocks of files and servers agree with the one of this machine?"""
    newest = max(around.sample.newest.values(), default=None)
    date = around.sample.newest_date
    step = "set the clock of this machine by the network, such as with: "
    step += "w32tm /resync" if os.name == "nt" else "sudo timedatectl set-ntp true"
    ahead = _ahead(newest, around.now)
    if newest is not None and ahead:
        yield Finding(
            Code.CLOCK_SKEW,
            Severity.WARNING,
            f"{newest.path} was modified {ahead} in the future: a clock was wrong, here"
            " or where it was written",
            step,
        )
        return
    ahead = _ahead(date, around.now)
    if date is not None and ahead:
        yield Finding(
            Code.CLOCK_SKEW,
            Severity.WARNING,
            f"the answer in {date.path} is dated {ahead} in the future: pip takes old"
            " entries for fresh ones",
            step,
        )
    elif newest is None:
        yield Unknown("clocks", "there is no file in the cache to compare with")
    else:
        looked_at = f"{around.sample.looked_at:,} files and folders looked at"
        yield Fine("clocks", f"nothing from the future among {looked_at}")


def _ahead(moment: Moment | None, now: float) -> str | None:
    """How far a moment is in the future, in words; None if it is not."""
    if moment is None or moment.seconds - now <= LARGEST_SKEW:
        return None
    return f"{(moment.seconds - now) / 60:,.0f} minutes"
