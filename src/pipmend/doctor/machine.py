"""Everything that is to be said about no cache in particular."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipmend.doctor.past import RECENT
from pipmend.doctor.values import Code, Finding, Fine, Severity
from pipmend.doctor.words import MOST_NAMED, typed
from pipmend.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipmend.doctor.past import Past
    from pipmend.doctor.values import Answer
    from pipmend.surroundings import Pip


def of_machine(
    pips: Sequence[Pip], past: Past, *, ci: str | None, switched_off: str | None
) -> list[Answer]:
    """Everything that is to be said about no cache in particular.

    Args:
        pips: all that are known.
        past: what events tell.
        ci: the continuous integration that this runs in.
        switched_off: what makes pip go without a cache, in words.
    """
    return [
        *_own_failures(past),
        *_unfit_pips(pips, past),
        *_switch(switched_off),
        *_ci(ci),
    ]


def _own_failures(past: Past) -> Iterator[Answer]:
    for failure, number in Counter(past.failures).most_common(MOST_NAMED):
        yield Finding(
            Code.OWN_FAILURE,
            Severity.WARNING,
            f"pipmend itself failed {counted(number, 'time')} within {RECENT.days}"
            f" days in {failure.step} ({failure.error}); pip went on without it",
            "report it to the developers, with what this prints: pipmend events --json",
        )
    if not past.failures:
        yield Fine("pipmend", f"no failure of its own within {RECENT.days} days")


def _unfit_pips(pips: Sequence[Pip], past: Past) -> Iterator[Answer]:
    now = {str(pip.prefix): pip.version for pip in pips}
    # A pip that has been replaced since is no matter any more.
    left = [
        unfit
        for unfit in past.unfit
        if now.get(unfit.prefix, unfit.version) == unfit.version
    ]
    for unfit in left[:MOST_NAMED]:
        yield Finding(
            Code.UNFIT_PIP,
            Severity.WARNING,
            f"pipmend has left pip {unfit.version} in {unfit.prefix} alone, since it"
            f" does not know its shape: {unfit.problem}",
            f"see what helps: {typed('pipmend', 'status', '--python', unfit.prefix)}",
        )
    if not left:
        yield Fine("pips", "none of a shape that pipmend does not know")


def _switch(switched_off: str | None) -> Iterator[Answer]:
    if switched_off is None:
        yield Fine("switch", "pip's cache is not switched off")
        return
    yield Finding(
        Code.SWITCHED_OFF,
        Severity.NOTE,
        f"pip goes without a cache: {switched_off}",
        "if that is to change, remove this setting",
    )


def _ci(ci: str | None) -> Iterator[Answer]:
    if ci is None:
        yield Fine("CI", "not in continuous integration")
        return
    yield Finding(
        Code.CI_RESTORED,
        Severity.NOTE,
        f"this is {ci}: a restored cache is saved again only under a new key, so what"
        " was healed in one run is broken again in the next",
        "change the key of the CI cache once after something was healed",
    )
