"""Make one interpreter load pipmend at its start, or not any more."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import files, interpreters, library, originals
from pipmend.everywhere.receipt import Activation
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipmend.everywhere.interpreters import Interpreter
    from pipmend.everywhere.receipt import Kept

_CHAIN = Path(__file__).with_name("_chain.py")
_STAGE_0 = Path(__file__).parents[2] / library.HOOK
_OWN_HOME = '_HOME = __file__[: -len("pipmend_hook.py") - 1]\n'
_NO_ASIDE = "_ASIDE = []"
_NO_ENDS = '_ENDS = [""]'
_HOME = re.compile(r"^_HOME = (.+)$", re.MULTILINE)
_LARGEST = 100_000
"""Bytes that are read of a file to see whether it is ours."""

_LOADED = "import sys; print(); print('pipmend_hook' in sys.modules)"
_HERE = "."


class New(NamedTuple):
    """A file that is to be there."""

    content: bytes
    mtime_ns: int


class Place(NamedTuple):
    """Where an interpreter looks for the module that is to load pipmend."""

    interpreter: Interpreter
    folder: Path
    """Links resolved."""
    module: str
    """``sitecustomize`` or ``usercustomize``."""

    @property
    def file(self) -> Path:
        """The file that Python imports by itself."""
        return self.folder / f"{self.module}.py"


def source(home: Path, suffixes: Iterable[str], aside: Path | None = None) -> str:
    """The file that Python imports by itself: stage 0, then what was there before.

    One file, since each further module costs every start more than all else does.

    Args:
        home: the folder of the copy that it loads.
        suffixes: how the names of files that the interpreter can import end.
        aside: where what was there before is kept; None if nothing was.
    """
    stage_0 = _STAGE_0.read_text("utf-8").replace(_OWN_HOME, f"_HOME = {str(home)!a}\n")
    chain = _CHAIN.read_text("utf-8").replace(_NO_ENDS, f"_ENDS = {['', *suffixes]!a}")
    if aside is not None:
        chain = chain.replace(_NO_ASIDE, f"_ASIDE = [{str(aside)!a}]")
    return f"{stage_0}\n\n{chain}"


def home_in(path: Path) -> Path | None:
    """The copy that a file of ours loads; None if it is no such file."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
        found = _HOME.search(text) if "pipmend" in text else None
        return Path(ast.literal_eval(found[1])) if found else None
    except (OSError, ValueError, SyntaxError, TypeError):
        return None


def contents(place: Place, home: Path, workspace: Path) -> dict[str, New]:
    """The files that are to be there by their names, byte code included.

    Args:
        place: where they will be.
        home: the folder of the copy that they load.
        workspace: an empty folder to compile in.

    Raises:
        RefusedError: the interpreter cannot compile them, or what lies there cannot
            be set aside.
        OSError: the workspace cannot be written.
    """
    kept = originals.find(place.folder, place.module, place.interpreter.suffixes)
    (workspace / place.file.name).write_bytes(_content(place, home, kept))
    for path in files.below(workspace):
        path.chmod(files.FILE)
    library.attempt(place.interpreter, *library.compiling(workspace, place.folder))
    return {
        path.relative_to(workspace).as_posix(): New(
            path.read_bytes(), path.stat().st_mtime_ns
        )
        for path in files.below(workspace)
    }


def plan(place: Place, new: dict[str, New], *, allow_group: bool) -> Activation:
    """What is going to be done, for the receipt.

    Args:
        place: where.
        new: the files that will be there.
        allow_group: whether a person has accepted that a group may write there.

    Raises:
        RefusedError: what lies there cannot be set aside.
    """
    suffixes = place.interpreter.suffixes
    missing = [place.folder / files.BYTE_CODE, place.folder, *place.folder.parents]
    made = [str(path) for path in reversed(missing) if not path.exists()]
    return Activation(
        executable=place.interpreter.executable,
        version=place.interpreter.version_text,
        folder=str(place.folder),
        module=place.module,
        created={name: files.digest(one.content) for name, one in new.items()},
        kept=originals.find(place.folder, place.module, suffixes),
        made=tuple(made),
        allow_group=allow_group,
    )


def apply(planned: Activation, new: dict[str, New]) -> Activation:
    """Do what was planned.

    Returns:
        The activation, complete.

    Raises:
        OSError: it cannot be done; ``undo`` brings back what was there.
    """
    folder = Path(planned.folder)
    before = _times(folder)
    originals.set_aside(folder, planned.kept)
    files.make_folders(folder / files.BYTE_CODE)
    # The file itself last: without it its byte code is nothing to Python.
    own = f"{planned.module}.py"
    for name in sorted(new, key=lambda name: name == own):
        files.put(folder / name, new[name].content, new[name].mtime_ns)
    after = _times(folder)
    times = {name: (before[name], after[name]) for name in before}
    return planned._replace(times=times, complete=True)


def file_of(done: Activation) -> Path:
    """The file that Python imports by itself."""
    return Path(done.folder, f"{done.module}.py")


def changed(done: Activation) -> list[Path]:
    """What is not as it was left; the folder itself, if it was interrupted."""
    folder = Path(done.folder)
    if not done.complete:
        return [folder]
    ours = [
        folder / name
        for name, digest in done.created.items()
        if files.digest_of(folder / name) != digest
    ]
    kept = [folder / one.kept for one in done.kept]
    return ours + [path for path in kept if not os.path.lexists(path)]


def is_right(done: Activation, place: Place, home: Path) -> bool:
    """Whether it is whole, and what would be done now."""
    wanted = _content(place, home, done.kept)
    return not changed(done) and (
        done.created.get(f"{done.module}.py") == files.digest(wanted)
    )


def undo(done: Activation) -> list[Path]:
    """Bring back what was there, however far the activation had got.

    Returns:
        What is left: files that others have changed, and what they hinder. If the
        file with our lines is among them, nothing was undone.

    Raises:
        OSError: it cannot be undone; doing it again goes on from there.
    """
    folder = Path(done.folder)
    if not folder.is_dir():
        return []
    own = file_of(done)
    if _is_changed(own, done) and home_in(own) is not None:
        return [own]
    now = _times(folder)
    for name in now:
        files.sweep(folder / name)
    left = _remove_ours(folder, done)
    left += originals.bring_back(folder, done.kept)
    for name in reversed(done.made):
        files.remove_empty(Path(name))
    for name, (before, after) in done.times.items():
        if now.get(name) == after and not left:
            _set_time(folder / name, before)
    return left


def check_that_it_is_free(place: Place, home: Path) -> None:
    """See that no other copy than the one in ``home`` serves an interpreter.

    Raises:
        RefusedError: another one does.
    """
    other = home_in(place.file)
    if other not in {None, home} and other.joinpath(library.HOOK).is_file():
        raise RefusedError(f"it is served by another copy already: {other}")


def left_behind(place: Place) -> Activation | None:
    """What was done there that no receipt knows of; None if there is nothing."""
    if home_in(place.file) is None:
        return None
    digest = files.digest_of(place.file)
    return Activation(
        executable=place.interpreter.executable,
        version=place.interpreter.version_text,
        folder=str(place.folder),
        module=place.module,
        created={place.file.name: digest} if digest else {},
        kept=originals.left_behind(place.folder),
    )


def works(place: Place) -> bool:
    """Whether the interpreter loads it, found out by starting it."""
    isolated = place.module == "sitecustomize"
    executable = place.interpreter.executable
    done = interpreters.run(executable, "-c", _LOADED, isolated=isolated)
    return done.stdout.splitlines()[-1:] == ["True"]


def _content(place: Place, home: Path, kept: Sequence[Kept]) -> bytes:
    aside = place.folder / originals.FOLDER if kept else None
    return source(home, place.interpreter.suffixes, aside).encode()


def _remove_ours(folder: Path, done: Activation) -> list[Path]:
    left = []
    own = f"{done.module}.py"
    for name in sorted(done.created, key=lambda name: name != own):
        path = folder / name
        if path.suffix != ".py":
            continue
        if _is_changed(path, done):
            left.append(path)
        elif not originals.is_in_place(folder, done.kept, name):
            path.unlink(missing_ok=True)
    if not os.path.lexists(folder / own):
        for name in originals.byte_code(folder, done.module):
            if not originals.is_in_place(folder, done.kept, name):
                (folder / name).unlink()
    return left


def _is_changed(path: Path, done: Activation) -> bool:
    """Whether it is there and neither ours nor what was there before."""
    if not os.path.lexists(path) or path.name not in done.created:
        return False
    if originals.is_in_place(path.parent, done.kept, path.name):
        return False
    return files.digest_of(path) != done.created[path.name]


def _times(folder: Path) -> dict[str, int]:
    found = {}
    for name in (_HERE, files.BYTE_CODE):
        if (folder / name).is_dir():
            found[name] = (folder / name).stat().st_mtime_ns
    return found


def _set_time(folder: Path, mtime_ns: int) -> None:
    if folder.is_dir():
        os.utime(folder, ns=(folder.stat().st_atime_ns, mtime_ns))
