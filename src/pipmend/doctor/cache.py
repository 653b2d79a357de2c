"""Everything that is to be said about one cache folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.doctor.clocks import clocks
from pipmend.doctor.file_system import inodes, kind, links, space, state
from pipmend.doctor.owners import modes, owners, use_by_pip
from pipmend.doctor.repetitions import repetitions
from pipmend.doctor.use import generations, hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipmend.doctor.past import Past
    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Pip, Surroundings


def of_cache(
    around: Surroundings, users: Sequence[Pip], past: Past, *, ci: str | None = None
) -> list[Answer]:
    """Everything that is to be said about one cache folder.

    Args:
        around: what lies around it.
        users: the pips that use it.
        past: what events tell.
        ci: the continuous integration that this runs in.
    """
    checks: tuple[Callable[[Surroundings], Iterator[Answer]], ...] = (
        space,
        inodes,
        kind,
        state,
        links,
        use_by_pip,
        owners,
        modes,
        clocks,
    )
    answers = [answer for check in checks for answer in check(around)]
    answers += generations(around, users)
    answers += hooks(users)
    answers += repetitions(around, past, ci)
    return answers
