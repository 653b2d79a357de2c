"""One copy for all: set it up, have interpreters load it, take everything back.

Each step is in the receipt before it is taken, so that a run that was interrupted at
any point is repaired by the next one, or undone by ``uninstall``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import (
    activation,
    dependencies,
    interpreters,
    library,
    places,
    private,
    receipt,
    search,
    trust,
)
from pipmend.everywhere.library import Library
from pipmend.everywhere.outcomes import Choice, Done, Outcome, Result
from pipmend.everywhere.refusals import RefusedError, UnfitPythonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipmend.everywhere.activation import Place
    from pipmend.everywhere.interpreters import Interpreter
    from pipmend.everywhere.library import Source
    from pipmend.everywhere.outcomes import Wish
    from pipmend.everywhere.private import PrivateFolder
    from pipmend.everywhere.receipt import Activation, Receipt

    Say = Callable[[str], None]


def enable(wish: Wish, source: Source, say: Say) -> Done:
    """Set up the copy if need be, and have interpreters load it.

    Args:
        wish: what is asked for.
        source: what the copy is made from.
        say: told what takes time.

    Raises:
        RefusedError: nothing was done: there is no interpreter, none that is safe, or
            a named one is not; or the copy cannot be made.
        ReceiptError: the receipt is damaged.
        OSError: the private folder cannot be written.
    """
    places.check_private_folder(wish.root, allow_group=wish.allow_group)
    placed, others = _placed(wish, receipt.read(wish.root))
    if not placed:
        raise RefusedError(_listed(others) or "no Python was found")
    if wish.dry_run:
        built = not _is_fine(Library(wish.root / library.NAME), wish, source)
        would = [_outcome(Result.ENABLED, place) for place in placed]
        return Done((*would, *others), built)
    with private.opened(wish.root, wish.scope) as folder:
        folder.forget_gone()
        built = not _is_fine(folder.library, wish, source)
        provide = _build if built else _complete
        placed, unfit = provide(folder, wish, source, placed, say)
        outcomes = [_enable(folder, place, wish) for place in placed]
    return Done((*outcomes, *unfit, *others), built)


def disable(wish: Wish) -> Done:
    """Have interpreters not load it any more; the copy stays.

    Raises:
        RefusedError: another run is at work on the folder.
        ReceiptError: the receipt is damaged.
        OSError: the private folder cannot be written.
    """
    known = receipt.read(wish.root)
    chosen = _chosen(wish, known) if known is not None else []
    if wish.dry_run or not chosen:
        return Done(tuple(_undone(Result.DISABLED, one) for one in chosen))
    with private.opened(wish.root, wish.scope) as folder:
        return Done(tuple(_disable(folder, one) for one in chosen))


def uninstall(wish: Wish) -> Done:
    """Have no interpreter load it any more, and remove the copy.

    Raises:
        RefusedError: the folder is not pipmend's, or another run is at work on it.
        ReceiptError: the receipt is damaged.
        OSError: something cannot be written.
    """
    done = disable(wish._replace(choice=Choice.ALL, named=()))
    if wish.dry_run or not wish.root.is_dir():
        return done
    if done.having(Result.FAILED):
        return done._replace(left=(wish.root,))
    with private.opened(wish.root, wish.scope) as folder:
        left = library.remove(folder.library)
        folder.forget()
    return done._replace(left=tuple(left))


def survey(wish: Wish) -> Done:
    """What the receipt says, compared with what is there; changes nothing.

    Raises:
        ReceiptError: the receipt is damaged.
        OSError: it cannot be read.
    """
    known = receipt.read(wish.root)
    if known is None:
        return Done()
    copy = Library(wish.root / library.NAME)
    damaged = [copy.folder / name for name in copy.changed]
    if not copy.listing:
        damaged = [copy.folder]
    return Done(tuple(map(_seen, known.activations)), left=tuple(damaged))


# -- Which interpreters --------------------------------------------------------------


class _Met(NamedTuple):
    """An interpreter, and what a person has answered for."""

    interpreter: Interpreter
    allow_group: bool
    named: bool


def _placed(wish: Wish, known: Receipt | None) -> tuple[list[Place], list[Outcome]]:
    """The places for what is asked for, and what has none.

    Raises:
        RefusedError: something that was named has none.
    """
    met, others = _met(wish, known)
    placed: dict[Path, Place] = {}
    for one in met:
        found = _place(one, wish)
        if isinstance(found, Outcome):
            others.insert(0, found)
        else:
            placed.setdefault(found.folder, found)
    refused = [one for one in others if one.result is Result.REFUSED]
    if refused and wish.named:
        raise RefusedError(_listed(refused))
    return list(placed.values()), others


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


def _listed(outcomes: Iterable[Outcome]) -> str:
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
    found = search.ask_all(search.candidates(), allow_group=wish.allow_group)
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
        raise RefusedError(str(error)) from None


def _chosen(wish: Wish, known: Receipt) -> list[Activation]:
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


# -- The copy ------------------------------------------------------------------------


def _is_fine(copy: Library, wish: Wish, source: Source) -> bool:
    """Whether the copy can stay.

    Raises:
        RefusedError: it is damaged, and is itself what runs now.
    """
    if not copy.is_whole and copy.folder in source.package.parents:
        raise RefusedError(
            f"{copy.folder} is damaged and cannot repair itself;\n"
            "run install_hook.py --global again, from a checkout"
        )
    return copy.is_whole and (not wish.refresh or copy.is_from(source))


def _build(
    folder: PrivateFolder, wish: Wish, source: Source, placed: list[Place], say: Say
) -> tuple[list[Place], list[Outcome]]:
    """Make a new copy and put it in place.

    Returns:
        The places of the interpreters that can load it, and the others.

    Raises:
        RefusedError: it cannot be made, or none of them can load it.
        OSError: it cannot be written.
    """

    def wheels() -> list[Path]:
        if wish.wheels is not None:
            return dependencies.take(wish.wheels)
        say("getting wrapt, msgpack and platformdirs")
        own = str(search.own_interpreter())
        pythons = [own, *(place.interpreter.executable for place in placed)]
        return dependencies.fetch(pythons, folder.bench())

    say(f"making the copy in {folder.library.folder}")
    new = library.build(folder.library, source, folder.bench(), wheels)
    opt_in = folder.library.is_opt_in if wish.opt_in is None else wish.opt_in
    library.set_opt_in(new, opt_in=opt_in)
    fit, unfit = _prepared(new, folder.library.folder, placed, say)
    if not fit:
        raise RefusedError(_listed(unfit))
    served = {place.interpreter.tag for place in placed}
    for known in folder.receipt.activations:
        _prepare_again(known, new, folder.library.folder, served)
    folder.note(folder.receipt)
    library.exchange(folder.library, new, folder.workspace)
    return fit, unfit


def _complete(
    folder: PrivateFolder, wish: Wish, _source: Source, placed: list[Place], say: Say
) -> tuple[list[Place], list[Outcome]]:
    """Add to the copy what these interpreters need; returns as ``_build`` does."""
    if wish.opt_in is not None:
        library.set_opt_in(folder.library.folder, opt_in=wish.opt_in)
    folder.note(folder.receipt)
    home = folder.library.folder
    return _prepared(home, home, placed, say)


def _prepared(
    where: Path, final: Path, placed: Iterable[Place], say: Say
) -> tuple[list[Place], list[Outcome]]:
    fit, unfit = [], []
    for place in placed:
        if not Library(where).is_compiled_for(place.interpreter.tag):
            say(f"compiling for {place.interpreter.executable}")
        try:
            library.prepare(where, final, place.interpreter)
        except RefusedError as error:
            unfit.append(_outcome(Result.REFUSED, place, str(error)))
        else:
            fit.append(place)
    return fit, unfit


def _prepare_again(known: Activation, new: Path, final: Path, served: set[str]) -> None:
    """Keep the byte code of what is enabled, but not asked for this time."""
    try:
        interpreter = interpreters.ask(Path(known.executable))
        if interpreter.tag not in served:
            library.prepare(new, final, interpreter)
    except (UnfitPythonError, RefusedError):
        return  # it starts a little slower, or has gone


# -- One interpreter -----------------------------------------------------------------


def _enable(folder: PrivateFolder, place: Place, wish: Wish) -> Outcome:
    try:
        return _enabled(folder, place, wish)
    except RefusedError as error:
        return _outcome(Result.REFUSED, place, str(error))
    except OSError as error:
        return _outcome(Result.FAILED, place, _taken_back(folder, place, str(error)))


def _enabled(folder: PrivateFolder, place: Place, wish: Wish) -> Outcome:
    known = folder.receipt.of(place.folder)
    home = folder.library.folder
    if known is not None and activation.is_right(known, home):
        return _outcome(Result.UNCHANGED, place)
    former = known or activation.left_behind(place)
    if former is not None:
        left = _undo(folder, former)
        if activation.home_in(place.file) is not None:
            return _outcome(Result.FAILED, place, _changed(left))
    new = activation.contents(place, home, folder.bench())
    allow_group = wish.allow_group or (known is not None and known.allow_group)
    planned = activation.plan(place, new, allow_group=allow_group)
    folder.note(folder.receipt.with_(planned))
    done = activation.apply(planned, new)
    if not activation.works(place):
        reason = f"it does not load {place.file}: another one comes before it"
        return _outcome(Result.FAILED, place, _taken_back(folder, place, reason))
    folder.note(folder.receipt.with_(done))
    return _outcome(Result.REPAIRED if former else Result.ENABLED, place)


def _taken_back(folder: PrivateFolder, place: Place, reason: str) -> str:
    """Undo what was done to an interpreter so far; returns what to tell."""
    planned = folder.receipt.of(place.folder)
    if planned is None:
        return reason
    try:
        left = _undo(folder, planned)
    except OSError as error:
        return f"{reason}; {error}; the next run will take it up from there"
    return f"{reason}; {_changed(left)}" if left else reason


def _disable(folder: PrivateFolder, known: Activation) -> Outcome:
    try:
        left = _undo(folder, known)
    except OSError as error:
        return _undone(Result.FAILED, known, str(error))
    reason = _changed(left) if left else None
    is_loaded = activation.home_in(activation.file_of(known)) is not None
    return _undone(Result.FAILED if is_loaded else Result.DISABLED, known, reason)


def _undo(folder: PrivateFolder, known: Activation) -> list[Path]:
    """Undo an activation, and have it out of the receipt unless nothing was undone."""
    folder.note(folder.receipt.with_(known._replace(complete=False)))
    left = activation.undo(known)
    if activation.home_in(activation.file_of(known)) is not None:
        folder.note(folder.receipt.with_(known))
    else:
        folder.note(folder.receipt.without(known.folder))
    return left


def _changed(left: list[Path]) -> str:
    names = ", ".join(map(str, left))
    return f"changed by others since, and left alone: {names}"


def _outcome(result: Result, place: Place, reason: str | None = None) -> Outcome:
    interpreter = place.interpreter
    version = interpreter.version_text
    return Outcome(result, interpreter.executable, version, place.file, reason)


def _undone(result: Result, known: Activation, reason: str | None = None) -> Outcome:
    file = activation.file_of(known)
    return Outcome(result, known.executable, known.version, file, reason)


def _seen(known: Activation) -> Outcome:
    if activation.is_whole(known):
        return _undone(Result.UNCHANGED, known)
    return _undone(Result.FAILED, known, "not as it was left; enable it again")
