"""One copy for all: set it up, have interpreters load it, take everything back.

Each step is in the receipt before it is taken, so that a run that was interrupted at
any point is repaired by the next one, or undone by ``uninstall``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.everywhere import (
    activation,
    choosing,
    copying,
    library,
    places,
    private,
    receipt,
)
from pipmend.everywhere.library import Library
from pipmend.everywhere.outcomes import Choice, Done, Outcome, Result
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipmend.everywhere.activation import Place
    from pipmend.everywhere.library import Source
    from pipmend.everywhere.outcomes import Wish
    from pipmend.everywhere.private import PrivateFolder
    from pipmend.everywhere.receipt import Activation

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
    placed, others = choosing.placed(wish, receipt.read(wish.root))
    if not placed:
        raise RefusedError(choosing.listed(others) or "no Python was found")
    if wish.dry_run:
        built = not copying.is_fine(Library(wish.root / library.NAME), wish, source)
        would = [Outcome.of(Result.ENABLED, place) for place in placed]
        return Done((*would, *others), built)
    with private.opened(wish.root, wish.scope) as folder:
        folder.forget_gone()
        built = not copying.is_fine(folder.library, wish, source)
        provide = copying.build if built else copying.complete
        placed, unfit = provide(folder, wish, source, placed, say)
        outcomes = [_enable(folder, place, wish) for place in placed]
    return Done((*outcomes, *unfit, *others), built)


def disable(wish: Wish) -> Done:
    """Have interpreters not load it any more; the copy stays.

    Raises:
        RefusedError: the folder is another user's, or another run is at work on it.
        ReceiptError: the receipt is damaged.
        OSError: the private folder cannot be written.
    """
    known = receipt.read(wish.root)
    chosen = choosing.enabled(wish, known) if known is not None else []
    if wish.dry_run or not chosen:
        return Done(tuple(_undone(Result.DISABLED, one) for one in chosen))
    places.check_writable(wish.root)
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
    places.check_writable(wish.root)
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


def _enable(folder: PrivateFolder, place: Place, wish: Wish) -> Outcome:
    try:
        return _enabled(folder, place, wish)
    except RefusedError as error:
        return Outcome.of(Result.REFUSED, place, str(error))
    except OSError as error:
        return Outcome.of(Result.FAILED, place, _taken_back(folder, place, str(error)))


def _enabled(folder: PrivateFolder, place: Place, wish: Wish) -> Outcome:
    known = folder.receipt.of(place.folder)
    home = folder.library.folder
    if known is not None and activation.is_right(known, place, home):
        return Outcome.of(Result.UNCHANGED, place)
    former = known or activation.left_behind(place)
    if former is not None:
        left = _undo(folder, former)
        if activation.home_in(place.file) is not None:
            return Outcome.of(Result.FAILED, place, _changed(left))
    new = activation.contents(place, home, folder.bench())
    allow_group = wish.allow_group or (known is not None and known.allow_group)
    planned = activation.plan(place, new, allow_group=allow_group)
    folder.note(folder.receipt.with_(planned))
    done = activation.apply(planned, new)
    if not activation.works(place):
        reason = f"it does not load {place.file}: another one comes before it"
        return Outcome.of(Result.FAILED, place, _taken_back(folder, place, reason))
    folder.note(folder.receipt.with_(done))
    return Outcome.of(Result.REPAIRED if former else Result.ENABLED, place)


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


def _undone(result: Result, known: Activation, reason: str | None = None) -> Outcome:
    file = activation.file_of(known)
    return Outcome(result, known.executable, known.version, file, reason)


def _seen(known: Activation) -> Outcome:
    changed = activation.changed(known)
    if changed:
        names = ", ".join(map(str, changed))
        reason = f"enable it again; missing or changed: {names}"
        return _undone(Result.FAILED, known, reason)
    return _undone(Result.UNCHANGED, known)
