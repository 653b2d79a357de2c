"""What lies where our file has to lie: set aside, and brought back as it was.

It goes into a folder beside it, under its own name, so that it is found there in any
form: a module, a package, a link, compiled. Where dpkg has brought it, dpkg is told.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pipmend import processes
from pipmend.everywhere import files
from pipmend.everywhere.receipt import Kept
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FOLDER = "pipmend-original"
"""No name that could be imported."""

_LINK = ".link"
"""Ends the name of a relative link that was set aside: it would lead elsewhere."""


def find(folder: Path, module: str, suffixes: Iterable[str]) -> tuple[Kept, ...]:
    """What would be imported under this name, and its byte code; not moved yet.

    Raises:
        RefusedError: something was set aside before and is still there.
    """
    names = [*_modules(folder, module, suffixes), *byte_code(folder, module)]
    found = tuple(_kept(folder, name) for name in names)
    for one in found:
        if os.path.lexists(folder / one.kept):
            raise RefusedError(
                f"{folder / one.name} and {folder / one.kept} are both there:\n"
                "remove the one that is not wanted"
            )
    return found


def left_behind(folder: Path) -> tuple[Kept, ...]:
    """What an installation without a receipt has set aside."""
    aside = folder / FOLDER
    links = {path.name[: -len(_LINK)] for path in aside.glob(f"*{_LINK}")}
    found = []
    for path in _top(aside):
        name = path.relative_to(aside).as_posix()
        if name not in links:
            is_relative = name.endswith(_LINK)
            one = _named(
                name[: -len(_LINK)] if is_relative else name, is_relative=is_relative
            )
            found.append(one._replace(diverted=_is_diverted(folder / one.name)))
    return tuple(found)


def set_aside(folder: Path, kept: Iterable[Kept]) -> None:
    """Move everything to where it is kept.

    Raises:
        OSError: it cannot be moved, or dpkg does not want it.
    """
    for one in kept:
        source, target = folder / one.name, folder / one.kept
        files.make_folders(target.parent)
        if one.stand_in is not None:
            leads_to = folder / os.readlink(source)  # noqa: PTH115
            (folder / one.stand_in).symlink_to(leads_to)
        if one.diverted:
            _dpkg_divert("--rename", "--divert", str(target), "--add", str(source))
        else:
            source.rename(target)


def bring_back(folder: Path, kept: Sequence[Kept]) -> list[Path]:
    """Move back what was set aside; what is not there is left out.

    Returns:
        What stays aside, because its place is taken.

    Raises:
        OSError: it cannot be moved, or dpkg does not want it.
    """
    left = []
    # Byte code first: where there is a module without, Python writes some.
    for one in reversed(kept):
        target, source = folder / one.name, folder / one.kept
        if os.path.lexists(source) and os.path.lexists(target):
            left.append(source)
            continue
        if one.stand_in is not None:
            (folder / one.stand_in).unlink(missing_ok=True)
        if one.diverted:
            how = "--rename" if os.path.lexists(source) else "--no-rename"
            _dpkg_divert(how, "--remove", str(target))
        elif os.path.lexists(source):
            source.rename(target)
    aside = folder / FOLDER
    if not left and not any(path.name != files.BYTE_CODE for path in aside.glob("*")):
        # Python has compiled what was there; the former byte code is back.
        shutil.rmtree(aside / files.BYTE_CODE, ignore_errors=True)
        files.remove_empty(aside)
    return left or list(files.below(aside))


def is_in_place(folder: Path, kept: Iterable[Kept], name: str) -> bool:
    """Whether something that was to be set aside is still, or again, in its place."""
    return any(
        one.name == name and not os.path.lexists(folder / one.kept) for one in kept
    )


def byte_code(folder: Path, module: str) -> list[str]:
    """The names of all byte code of a module in a folder."""
    found = sorted((folder / files.BYTE_CODE).glob(f"{module}.*.pyc"))
    return [f"{files.BYTE_CODE}/{path.name}" for path in found]


def _modules(folder: Path, module: str, suffixes: Iterable[str]) -> Iterator[str]:
    starts = [f"__init__{suffix}" for suffix in suffixes]
    if any((folder / module / start).exists() for start in starts):
        yield module
    for suffix in suffixes:
        if os.path.lexists(folder / (module + suffix)):
            yield module + suffix


def _kept(folder: Path, name: str) -> Kept:
    path = folder / name
    target = os.readlink(path) if path.is_symlink() else None  # noqa: PTH115
    is_relative = target is not None and not os.path.isabs(target)  # noqa: PTH117
    one = _named(name, is_relative=is_relative)
    is_module = not name.startswith(files.BYTE_CODE)
    diverted = is_module and _belongs_to_dpkg(path)
    return one._replace(sha256=files.digest_of(path), diverted=diverted)


def _named(name: str, *, is_relative: bool) -> Kept:
    kept = f"{FOLDER}/{name}"
    return (
        Kept(name, kept + _LINK, None, kept) if is_relative else Kept(name, kept, None)
    )


def _top(aside: Path) -> Iterator[Path]:
    """What was set aside there, byte code one by one."""
    for path in sorted(aside.glob("*")):
        if path.name == files.BYTE_CODE:
            yield from sorted(path.iterdir())
        else:
            yield path


def _belongs_to_dpkg(path: Path) -> bool:
    query = shutil.which("dpkg-query")
    if query is None or shutil.which("dpkg-divert") is None:
        return False
    return _call(query, "--search", str(path)).returncode == 0


def _is_diverted(path: Path) -> bool:
    divert = shutil.which("dpkg-divert")
    return divert is not None and bool(_call(divert, "--list", str(path)).stdout)


def _dpkg_divert(*arguments: str) -> None:
    divert = shutil.which("dpkg-divert") or "dpkg-divert"
    done = _call(divert, "--local", "--quiet", *arguments)
    if done.returncode:
        raise OSError(f"dpkg-divert: {done.stderr.strip()}")


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return processes.run(command, environment={**os.environ, "LC_ALL": "C"})
