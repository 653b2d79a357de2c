"""Which interpreters are meant, and where each of them can be enabled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import (
    activation,
    interpreters,
    library,
    places,
    search,
    trust,
)
from pipmend.everywhere.outcomes import Choice, Outcome, Result
from pipmend.everywhere.refusals import RefusedError, UnfitPythonError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipmend.everywhere.activation import Place
    from pipmend.everywhere.interpreters import Interpreter
    from pipmend.everywhere.outcomes import Wish
    from pipmend.everywhere.receipt import Activation, Receipt


class _Met(NamedTuple):
    """An interpreter, and what a person has answered for."""

    interpreter: Interpreter
    allow_group: bool
    named: bool


def placed(wish: Wish, known: Receipt | None) -> tuple[list[Place], list[Outcome]]:
    """The places for what is asked for, and what has none.

    Raises:
        RefusedError: something that was named has none.
    """
    met, others = _met(wish, known)
    found_places: dict[Path, Place] = {}
    for one in met:
        found = _place(one, wish)
        if isinstance(found, Outcome):
            others.insert(0, found)
        else:
            found_places.setdefault(found.folder, found)
    refused = [one for one in others if one.result is Result.REFUSED]
    if refused and wish.named:
        raise RefusedError(listed(refused))
    return list(found_places.values()), others


def _place(met: _Met, wish: Wish) -> Place | Outcome:
    """The place for an interpreter, or why it has none."""
    interpreter, allow_group, named = met
    try:
        place = places.place_of(
            interpreter, wish.scope, allow_group=allow_group, named=named
        )
        activation.check_that_it_is_free(place, wish.root / library.NAME)
    except RefusedError as error:
        executable, version = interpreter.executable, interpreter.version_text
        return Outcome(Result.REFUSED, executable, version, reason=str(error))
    return place


def listed(outcomes: Iterable[Outcome]) -> str:
    """Why interpreters cannot be enabled, a line for each."""
    return "\n".join(f"{one.executable}: {one.reason}" for one in outcomes)


def _met(wish: Wish, known: Receipt | None) -> tuple[list[_Met], list[Outcome]]:
    if wish.named or wish.choice is Choice.OWN:
        named = wish.named or (search.own_interpreter(),)
        return [_ask_named(path, wish) for path in named], []
    met = {
        one.interpreter.stdlib: one
        for one in map(_ask_again, known.activations if known else ())
        if one is not None
    }
    asked = {one.interpreter.executable for one in met.values()}
    others = [path for path in search.candidates() if str(path) not in asked]
    found = search.ask_all(others, allow_group=wish.allow_group)
    for interpreter in found.interpreters:
        met.setdefault(
            interpreter.stdlib, _Met(interpreter, wish.allow_group, named=False)
        )
    left = [
        Outcome(Result.LEFT, path, reason=reason) for path, reason in found.left.items()
    ]
    return list(met.values()), left


def _ask_again(known: Activation) -> _Met | None:
    """What is enabled, if it is still there; the answer was given before."""
    path = Path(known.executable)
    if trust.objections(path, allow_group=known.allow_group, any_owner=True):
        return None
    try:
        return _Met(interpreters.ask(path), known.allow_group, named=True)
    except UnfitPythonError:
        return None


def _ask_named(path: Path, wish: Wish) -> _Met:
    # Who names it answers for its owner.
    reasons = trust.objections(path, allow_group=wish.allow_group, any_owner=True)
    if reasons:
        raise RefusedError(f"{path}: {'; '.join(reasons)}")
    try:
        return _Met(interpreters.ask(path), wish.allow_group, named=True)
    except UnfitPythonError as error:
        raise RefusedError(f"{path} {error}") from None


def enabled(wish: Wish, known: Receipt) -> list[Activation]:
    """The activations that are meant.

    Raises:
        RefusedError: a named interpreter gives no answer, and is not in the receipt.
    """
    if wish.choice is Choice.ALL and not wish.named:
        return list(known.activations)
    chosen = []
    for path in wish.named or (search.own_interpreter(),):
        wanted = {str(path), str(path.resolve())}
        by_name = [one for one in known.activations if one.executable in wanted]
        if not by_name:
            # What is enabled was accepted as it is.
            asked = _ask_named(path, wish._replace(allow_group=True)).interpreter
            wanted = {str(asked.stdlib), str(asked.user_site.resolve())}
            by_name = [one for one in known.activations if one.folder in wanted]
        chosen += by_name
    return list({one.folder: one for one in chosen}.values())
