"""What was done to which interpreter, in lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.everywhere import library
from pipmend.everywhere.library import Library
from pipmend.everywhere.outcomes import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipmend.everywhere.outcomes import Done, Outcome, Wish

DONE, FAILED, REFUSED = 0, 1, 3

_NAMED_AT_MOST = 20
"""Of files, in a list of them."""
_WORDS = {
    Result.ENABLED: "enabled",
    Result.UNCHANGED: "enabled already",
    Result.REPAIRED: "repaired",
    Result.DISABLED: "disabled",
    Result.LEFT: "left alone",
    Result.REFUSED: "refused",
    Result.FAILED: "failed",
}


def code(done: Done) -> int:
    """The exit code: 0 done, 1 something failed or is left, 3 nothing could be done."""
    if done.left or done.having(Result.FAILED):
        return FAILED
    if done.having(Result.REFUSED) and not any(one.is_active for one in done.outcomes):
        return REFUSED
    return DONE


def outcome_lines(done: Done, wish: Wish) -> Iterator[str]:
    """One line or more for each interpreter."""
    would = "would be " if wish.dry_run else ""
    for one in done.outcomes:
        named = one.executable if one.version is None else f"Python {one.version}"
        is_change = one.result in {Result.ENABLED, Result.DISABLED}
        yield f"{would if is_change else ''}{_WORDS[one.result]}: {named}"
        yield from _details(one)


def enabled_lines(done: Done, wish: Wish) -> Iterator[str]:
    """What has come of enabling: the interpreters, the copy, what to know of it."""
    home = wish.root / library.NAME
    if wish.dry_run and done.built:
        yield f"would make a copy for all in {home}"
    yield from outcome_lines(done, wish)
    if wish.dry_run:
        yield "nothing was written"
        return
    active = sum(one.is_active for one in done.outcomes)
    who = "1 Python loads" if active == 1 else f"{active} Pythons load"
    yield f"{who} the copy in {home}"
    yield f"its command: {home / library.COMMAND}"
    if Library(home).is_opt_in:
        yield "dormant: set PIPMEND=heal in the environment to wake it"


def disabled_lines(done: Done, wish: Wish) -> Iterator[str]:
    """What has come of disabling."""
    if not done.outcomes:
        yield f"nothing of that is enabled by {wish.root}"
    yield from outcome_lines(done, wish)


def removed_lines(done: Done, wish: Wish) -> Iterator[str]:
    """What has come of removing everything."""
    yield from outcome_lines(done, wish)
    if not wish.dry_run and not done.left:
        yield f"removed: {wish.root}"
    yield from _named("left, since it is not as it was put there", done.left)


def survey_lines(done: Done, wish: Wish) -> Iterator[str]:
    """What is enabled, and whether it is whole."""
    if not done.outcomes and not done.left:
        yield f"nothing is enabled by {wish.root}"
    yield from outcome_lines(done, wish)
    yield from _named("missing or changed", done.left)
    if Library(wish.root / library.NAME).is_opt_in:
        yield "dormant: set PIPMEND=heal in the environment to wake it"


def _named(what: str, paths: Sequence[Path]) -> Iterator[str]:
    for path in paths[:_NAMED_AT_MOST]:
        yield f"{what}: {path}"
    if len(paths) > _NAMED_AT_MOST:
        yield f"and {len(paths) - _NAMED_AT_MOST} more"


def _details(one: Outcome) -> Iterator[str]:
    if one.version is not None:
        yield f"  {one.executable}"
    if one.file is not None:
        yield f"  by {one.file}"
    for line in (one.reason or "").splitlines():
        yield f"  {line}"
    if one.limits is not None:
        yield f"  works {one.limits}"
