"""Is it an owner or a mode: may pip use the cache, and may others change it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.doctor.values import Code, Finding, Fine, Severity, Unknown
from pipmend.doctor.words import typed
from pipmend.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Surroundings


def use_by_pip(around: Surroundings) -> Iterator[Answer]:
    """Would a pip of this user use the folder?"""
    if around.file_system.read_only:
        return  # nobody may write to it, whoever owns it
    if around.used_by_pip and around.writable:
        owner = f", owner {around.owner}" if around.owner else ""
        yield Fine("use by pip", f"pip would use this folder{owner}")
    elif around.writable:
        yield Finding(
            Code.OWNER_MISMATCH,
            Severity.PROBLEM,
            f"the folder belongs to {around.owner}: a pip of {around.me} goes without"
            " a cache",
            f"run pip as {around.owner}, the owner of the cache",
        )
    else:
        yield Finding(
            Code.NOT_WRITABLE,
            Severity.PROBLEM,
            f"{around.me or 'this user'} may not write to the folder"
            f"{f' of {around.owner}' if around.owner else ''}: pip goes without a cache"
            " or stores nothing",
            _give(around, to=around.me),
        )


def owners(around: Surroundings) -> Iterator[Answer]:
    """Does all in the cache belong to the owner of its folder?"""
    sample = around.sample
    if around.owner is None:
        yield Unknown("owners", "not known on this system")
    elif sample.of_others.number:
        yield Finding(
            Code.OWNER_MISMATCH,
            Severity.WARNING,
            f"{sample.of_others.number:,} of {sample.looked_at:,} files and folders do"
            f" not belong to {around.owner}, such as {sample.of_others.example}",
            _give(around, to=around.owner),
        )
    else:
        what = f"all of {sample.looked_at:,} files and folders looked at"
        yield Fine("owners", f"{what} belong to {around.owner}")


def modes(around: Surroundings) -> Iterator[Answer]:
    """May its owner write everywhere in it, and nobody else?"""
    sample = around.sample
    closed, opened = sample.not_writable, sample.open_to_all
    if closed.number and around.writable:
        mend = typed("chmod", "-R", "u+rwX", around.real)
        mine = around.me == around.owner and not sample.of_others.number
        yield Finding(
            Code.NOT_WRITABLE,
            Severity.WARNING,
            f"in {counted(closed.number, 'folder')} of the cache"
            f" {around.me or 'this user'} may not write, such as {closed.example}",
            mend if mine else _give(around, to=around.me),
        )
    if opened.number:
        yield Finding(
            Code.WRITABLE_BY_OTHERS,
            Severity.WARNING,
            f"everybody on this machine may write into"
            f" {counted(opened.number, 'folder')} of the cache, such as"
            f" {opened.example}, and so into what gets installed",
            typed("chmod", "-R", "o-w", around.real),
        )
    if around.owner is None:
        yield Unknown("modes", "not known on this system")
    elif not closed.number and not opened.number:
        yield Fine("modes", "open to their owner, and not writable by everybody")


def _give(around: Surroundings, *, to: str | None) -> str:
    """How to make all of a cache one user's; ``to`` has name and number."""
    if to is None:
        return "give yourself the right to write to it, in the properties of the folder"
    user = to.partition(" ")[0]
    # -h: a link in the cache must not give away what it leads to.
    return typed("sudo", "chown", "-Rh", user, around.real)
