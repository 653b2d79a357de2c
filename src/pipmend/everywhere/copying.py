"""Bring the copy to what the interpreters need: made anew, or completed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend.everywhere import (
    choosing,
    compiled,
    dependencies,
    interpreters,
    library,
    search,
)
from pipmend.everywhere.library import Library, Wheels
from pipmend.everywhere.outcomes import Outcome, Result
from pipmend.everywhere.refusals import RefusedError, UnfitPythonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipmend.everywhere.activation import Place
    from pipmend.everywhere.library import Source
    from pipmend.everywhere.outcomes import Wish
    from pipmend.everywhere.private import PrivateFolder
    from pipmend.everywhere.receipt import Activation

    Say = Callable[[str], None]


def is_fine(copy: Library, wish: Wish, source: Source) -> bool:
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


def build(
    folder: PrivateFolder, wish: Wish, source: Source, placed: list[Place], say: Say
) -> tuple[list[Place], list[Outcome]]:
    """Make a new copy and put it in place.

    Returns:
        The places of the interpreters that can load it, and the others.

    Raises:
        RefusedError: it cannot be made, or none of them can load it.
        OSError: it cannot be written.
    """

    def wheels() -> Wheels:
        builds = compiled.builds_of(place.interpreter for place in placed)
        if wish.wheels is not None:
            parts = compiled.take(builds, wish.wheels)
            return Wheels(dependencies.take(wish.wheels), parts)
        say("getting wrapt, msgpack and platformdirs")
        own = [sys.executable, str(search.own_interpreter())]
        others = [place.interpreter.executable for place in placed]
        python = dependencies.with_pip([*own, *others], folder.bench())
        modules = dependencies.fetch(python, folder.bench())
        try:
            parts = compiled.fetch(python, builds, folder.bench())
        except RefusedError as error:
            say(f"going on without compiled modules: {str(error).splitlines()[0]}")
            parts = []
        return Wheels(modules, parts)

    say(f"making the copy in {folder.library.folder}")
    new = library.build(folder.library, source, folder.bench(), wheels)
    opt_in = folder.library.is_opt_in if wish.opt_in is None else wish.opt_in
    library.set_opt_in(new, opt_in=opt_in)
    fit, unfit = _prepared(new, folder.library.folder, placed, say)
    if not fit:
        raise RefusedError(choosing.listed(unfit))
    served = {place.interpreter.tag for place in placed}
    for known in folder.receipt.activations:
        _prepare_again(known, new, folder.library.folder, served)
    folder.note(folder.receipt)
    library.exchange(folder.library, new, folder.workspace)
    return fit, unfit


def complete(
    folder: PrivateFolder, wish: Wish, _source: Source, placed: list[Place], say: Say
) -> tuple[list[Place], list[Outcome]]:
    """Add to the copy what these interpreters need; returns as ``build`` does."""
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
            unfit.append(Outcome.of(Result.REFUSED, place, str(error)))
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
