"""What a person asks for on a command line, and its answer in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.everywhere import installation, places, receipt, telling
from pipmend.everywhere.library import NAME, Source
from pipmend.everywhere.outcomes import Choice, Wish
from pipmend.everywhere.receipt import Scope

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def run(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Do what ``install_hook.py --global`` was asked for.

    Args:
        arguments: as its parser has them.
        say: gets each line for a person.

    Raises:
        RefusedError: nothing was done.
        PipmendError: the receipt is damaged.
        OSError: something could not be read or written.
    """
    wish = wish_of(arguments, Choice.ALL)
    if not (arguments.status or arguments.uninstall):
        wish = for_enabling(wish, arguments)._replace(refresh=True)
        done = installation.enable(wish, Source.running(), say)
        lines = telling.enabled_lines(done, wish)
    elif arguments.status:
        done = installation.survey(wish)
        lines = telling.survey_lines(done, wish)
    elif not wish.root.is_dir():
        say(f"there is no copy of pipmend in {wish.root}")
        return telling.DONE
    else:
        done = installation.uninstall(wish)
        lines = telling.removed_lines(done, wish)
    for line in lines:
        say(line)
    return telling.code(done)


def wish_of(arguments: argparse.Namespace, choice: Choice) -> Wish:
    """The wish in the arguments that all command lines have; they add their own.

    Without any, the copy that runs now is meant, or the one that serves all.
    """
    scope = Scope.USER if arguments.user else Scope.GLOBAL
    root = arguments.prefix
    if root is None and not arguments.user:
        root = own_folder()
    if root is None:
        root = places.private_folder(scope)
    root = root.absolute()
    known = receipt.read(root)
    if known is not None and not arguments.user:
        scope = known.scope
    return Wish(
        scope=scope,
        root=root,
        choice=choice,
        named=tuple(path.absolute() for path in arguments.python or ()),
        dry_run=arguments.dry_run,
    )


def for_enabling(wish: Wish, arguments: argparse.Namespace) -> Wish:
    """The wish with what only those arguments say that are for enabling."""
    return wish._replace(
        wheels=arguments.wheels and arguments.wheels.absolute(),
        allow_group=arguments.allow_group,
        opt_in=arguments.opt_in,
    )


def own_folder() -> Path | None:
    """The private folder whose copy runs now; None if it is no such copy."""
    copy = Source.running().package.parent
    root = copy.parent
    is_ours = copy.name == NAME and (root / receipt.NAME).is_file()
    return root if is_ours else None
