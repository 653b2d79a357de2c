"""Where the copy goes, and where each interpreter is made to load it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend.everywhere import files, trust
from pipmend.everywhere.activation import Place
from pipmend.everywhere.receipt import Scope
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipmend.everywhere.interpreters import Interpreter

FOR_ALL = "sitecustomize"
BY_USER = "usercustomize"
"""The modules that Python imports by itself at each start, if there are any."""

LIMITS = (
    "in this Python itself and in venvs with --system-site-packages only: not in other"
    " venvs, not with -I or -s, so not in pipx, tox and isolated builds either"
)
"""What a file in the user's own folder does not reach."""


def private_folder(scope: Scope, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the copy of a scope is by default."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - never raises
    if os.name == "nt":
        variable = "PROGRAMDATA" if scope is Scope.GLOBAL else "LOCALAPPDATA"
        return Path(environment.get(variable) or home / "AppData/Local", "pipmend")
    if scope is Scope.GLOBAL:
        return Path("/usr/local/lib/pipmend")
    if sys.platform == "darwin":
        return home / "Library/Application Support/pipmend"
    return Path(environment.get("XDG_DATA_HOME") or home / ".local/share", "pipmend")


def place_of(
    interpreter: Interpreter, scope: Scope, *, allow_group: bool, named: bool
) -> Place:
    """Where an interpreter can be made to load pipmend.

    Args:
        interpreter: a base interpreter.
        scope: whom it is for.
        allow_group: accept folders that a group may write to.
        named: whether a person named it, and so answers for its owner.

    Raises:
        RefusedError: nowhere, or nowhere that is safe.
    """
    place = _place(interpreter, scope)
    for path in (place.folder, place.folder / files.BYTE_CODE):
        reasons = trust.objections(path, allow_group=allow_group, any_owner=named)
        if reasons:
            raise RefusedError(_advice(reasons))
    return place


def check_private_folder(root: Path, *, allow_group: bool) -> None:
    """See that nobody else can change what will be run from there.

    Raises:
        RefusedError: others could.
    """
    reasons = trust.objections(root, allow_group=allow_group)
    if reasons:
        raise RefusedError(f"{root}: {_advice(reasons)}")
    check_writable(root)


def check_writable(root: Path) -> None:
    """See that a private folder can be made, or changed.

    Raises:
        RefusedError: it takes another user to do that.
    """
    above = next(folder for folder in (root, *root.parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise RefusedError(f"cannot write to {above}; {_NOT_ROOT}")


_NOT_ROOT = "run it as root, or for yourself alone with --user"


def _place(interpreter: Interpreter, scope: Scope) -> Place:
    stdlib = interpreter.stdlib
    is_writable = stdlib.is_dir() and os.access(stdlib, os.W_OK)
    if scope is Scope.GLOBAL:
        if not is_writable:
            raise RefusedError(f"cannot write to {stdlib}; {_NOT_ROOT}")
        return Place(interpreter, stdlib, FOR_ALL)
    # What others use as well must not load what is in the home of one user.
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - never raises
    if is_writable and home in stdlib.parents:
        return Place(interpreter, stdlib, FOR_ALL)
    return Place(interpreter, interpreter.user_site.resolve(), BY_USER)


def _advice(reasons: list[str]) -> str:
    """The reasons, and what to do: never the blind eye for what everybody can write."""
    text = "; ".join(reasons)
    if any(reason.startswith("everybody") for reason in reasons):
        return f"{text}; take that right away first"
    return f"{text}; take that right away, or accept it with --allow-group"
