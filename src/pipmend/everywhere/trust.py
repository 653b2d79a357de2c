"""Who besides its owner could change a file: the file, its folders, the links to it.

What runs at every start of Python has to lie where only root, or the user himself,
can put other files in its place. Mode bits tell that on POSIX only.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINKS_AT_MOST = 40
"""As many links as Linux follows in one path."""


def objections(
    path: Path, *, allow_group: bool = False, any_owner: bool = False
) -> list[str]:
    """Why what lies at a path should not be run by everyone; empty if all is well.

    Sticky folders are fine: nobody replaces other people's files there.

    Args:
        path: need not exist; what exists of the way to it is looked at.
        allow_group: accept that a group may write, and that another user owns it.
        any_owner: accept that another user owns it.
    """
    if os.name == "nt":
        return []
    found: list[str] = []
    for step in _steps(path):
        try:
            status = step.lstat()
        except OSError:
            continue
        found += _of_step(
            step, status, allow_group=allow_group, any_owner=any_owner or allow_group
        )
    return found


def _of_step(
    step: Path, status: os.stat_result, *, allow_group: bool, any_owner: bool
) -> Iterator[str]:
    if status.st_uid not in {0, os.geteuid()} and not any_owner:
        yield f"{step} belongs to {_user(status.st_uid)}"
    is_sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    # The bits of a link say nothing: nobody can write into one.
    if is_sticky or stat.S_ISLNK(status.st_mode):
        return
    bits = f"mode {stat.S_IMODE(status.st_mode):04o}"
    if status.st_mode & stat.S_IWOTH:
        yield f"everybody may write to {step} ({bits})"
    elif status.st_mode & stat.S_IWGRP and status.st_gid != 0 and not allow_group:
        yield f"the group {_group(status.st_gid)} may write to {step} ({bits})"


def _steps(path: Path) -> Iterator[Path]:
    """Everything on the way to a path: folders, links, what the links lead to."""
    left = list(reversed(path.absolute().parts))
    here = Path(left.pop())
    links = 0
    yield here
    while left:
        part = left.pop()
        if part == os.pardir:
            here = here.parent
            continue
        step = here / part
        yield step
        if step.is_symlink() and links < _LINKS_AT_MOST:
            links += 1
            target = Path(os.readlink(step))  # noqa: PTH115 - as it is written
            rest = target.parts
            if target.is_absolute():
                here, rest = Path(target.anchor), rest[1:]
            left.extend(reversed(rest))
        else:
            here = step


def _user(number: int) -> str:
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _group(number: int) -> str:
    import grp  # noqa: PLC0415 - not on Windows

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
