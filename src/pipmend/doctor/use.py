"""Is it a pip: of two generations, or without pipmend?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipmend._compat.layouts import Layout
from pipmend.doctor.past import RECENT, names_of
from pipmend.doctor.values import Code, Finding, Fine, Severity, Unknown
from pipmend.doctor.words import MOST_NAMED, typed
from pipmend.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipmend.doctor.past import Past
    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Pip, Surroundings


def users_of(
    around: Surroundings, pips: Iterable[Pip], past: Past, *, in_force: bool
) -> list[Pip]:
    """The pips that use a cache.

    Args:
        around: the cache.
        pips: all that are known.
        past: what events tell of them.
        in_force: whether the cache is the one that pips use unless told otherwise.
    """
    seen = {
        prefix
        for prefix, entry in past.uses
        for root in names_of(around)
        if entry.startswith(os.path.join(root, ""))  # noqa: PTH118
    }
    return [pip for pip in pips if in_force or str(pip.prefix) in seen]


def generations(around: Surroundings, users: Sequence[Pip]) -> Iterator[Answer]:
    """Do pips of both generations use the cache?"""
    by_layout = {pip.layout: pip for pip in reversed(users)}
    written = {
        layout
        for layout in Layout
        for newest in [around.sample.newest.get(layout.value)]
        if newest is not None and around.now - newest.seconds < RECENT.total_seconds()
    }
    old = by_layout.get(Layout.ONE_FILE)
    if len(by_layout) > 1 and old is not None:
        new = by_layout[Layout.TWO_FILES]
        what = f"{_named(old)} and {_named(new)} use this cache"
    elif len(written) > 1:
        days = RECENT.days
        what = f"pips before and after 23.3 have used this cache within {days} days"
    else:
        yield Fine("generations", "no two generations of pip use this cache")
        return
    python = old.python if old else "python"
    yield Finding(
        Code.MIXED_GENERATIONS,
        Severity.NOTE,
        f"{what}: each generation fetches and keeps its own copy",
        f"upgrade the older one: {typed(python, '-m', 'pip', 'install', '-U', 'pip')}",
    )


def hooks(users: Sequence[Pip]) -> Iterator[Answer]:
    """Do all pips that use the cache load pipmend?"""
    missing = [pip for pip in users if not pip.has_hook]
    if not users:
        yield Unknown("hooks", "no pip is known that uses this cache")
    elif not missing:
        yield Fine("hooks", f"{counted(len(users), 'pip')} known, each loads pipmend")
    else:
        named = ", ".join(map(_named, missing[:MOST_NAMED]))
        more = len(missing) - MOST_NAMED
        named += f" and {more:,} more" if more > 0 else ""
        install = typed(missing[0].python, "-m", "pip", "install", "pipmend")
        yield Finding(
            Code.HOOK_MISSING,
            Severity.WARNING,
            f"{len(missing):,} of {counted(len(users), 'pip')} with this cache"
            f" {'does' if len(missing) == 1 else 'do'} not load pipmend: {named};"
            " broken entries are not healed there, and new ones not sealed",
            f"install pipmend there: {install}",
        )


def _named(pip: Pip) -> str:
    return f"pip {pip.version} in {pip.prefix}"
