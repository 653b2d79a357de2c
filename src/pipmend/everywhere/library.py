"""The copy of pipmend that all interpreters load: built aside, put in place at once.

It is a folder with ``pipmend_hook.py``, the package, its dependencies, the command,
byte code and compiled modules for interpreters, a software bill of materials, and a
list of all files with their SHA-256.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pipmend
from pipmend.everywhere import compiled, dependencies, files, interpreters, sbom
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipmend.everywhere.compiled import Part
    from pipmend.everywhere.interpreters import Interpreter

NAME = "lib"
"""The folder within the private folder."""
LISTING = "pipmend-files.json"
OPT_IN_MARKER = "pipmend/opt_in"
"""Present when pipmend is dormant until its variable is set (``pipmend.config``)."""
HOOK = "pipmend_hook.py"
COMMAND = "bin/pipmend"

_OWN = ("pipmend", HOOK, "bin")
"""What of the copy is pipmend's; the rest are its dependencies."""
_LAUNCHER = """\
#!/bin/sh
# The command `pipmend` of this copy, run by the first Python 3 on the PATH.
exec python3 -I {module} "$@"
"""
_LOADS = "import sys; sys.path.append({folder!r}); import pipmend._patches"
"""Everything that stage 1 needs."""


class Source(NamedTuple):
    """Where the copy is made from: a checkout, an environment, another copy."""

    package: Path
    """The folder of the package `pipmend`."""

    @classmethod
    def running(cls) -> Source:
        """What runs now."""
        return cls(Path(pipmend.__file__).resolve().parent)

    @property
    def hook(self) -> Path:
        """Stage 0."""
        return self.package.with_name(HOOK)


class Wheels(NamedTuple):
    """What the dependencies of a copy are taken from."""

    modules: Sequence[Path]
    """One wheel for each."""
    compiled: Sequence[Part] = ()


class Library(NamedTuple):
    """The copy in a private folder, which may be missing, damaged or whole."""

    folder: Path

    @property
    def listing(self) -> dict[str, str]:
        """SHA-256 of each file by its name; empty if nothing tells."""
        try:
            listing = json.loads((self.folder / LISTING).read_bytes())
            return {str(name): str(digest) for name, digest in listing.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    @property
    def is_whole(self) -> bool:
        """Whether each file is there, as it was put there."""
        return bool(self.listing) and not self.changed

    @property
    def changed(self) -> list[str]:
        """The files that are missing or were changed."""
        return [
            name
            for name, digest in self.listing.items()
            if files.digest_of(self.folder / name) != digest
        ]

    @property
    def is_opt_in(self) -> bool:
        """Whether it is dormant until the variable is set."""
        return (self.folder / OPT_IN_MARKER).exists()

    def is_from(self, source: Source) -> bool:
        """Whether pipmend in it is what it would be made from."""
        contents = _contents(source, self.folder).items()
        wanted = {name: files.digest(data) for name, data in contents}
        return _own_part(self.listing) == wanted

    def is_compiled_for(self, tag: str) -> bool:
        """Whether each module has byte code for such an interpreter."""
        return all(
            path.with_name(files.BYTE_CODE).joinpath(f"{path.stem}.{tag}.pyc").exists()
            for path in map(self.folder.joinpath, self.listing)
            if path.suffix == ".py"
        )


def build(
    library: Library, source: Source, workspace: Path, wheels: Callable[[], Wheels]
) -> Path:
    """Make a new copy in a workspace, without byte code.

    Args:
        library: the copy that it is to replace; its dependencies are used again.
        source: what it is made from.
        workspace: an empty folder in the same file system.
        wheels: gives the wheels of the dependencies, should they be needed.

    Raises:
        RefusedError: the dependencies cannot be had.
        OSError: it cannot be written.
    """
    new = workspace / NAME
    new.mkdir()
    if not _reuse_dependencies(library, new):
        found = wheels()
        for wheel in found.modules:
            dependencies.unpack(wheel, new)
        for part in found.compiled:
            compiled.unpack(part, new)
    for name, content in _contents(source, library.folder).items():
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (new / COMMAND).chmod(files.PROGRAM)
    listed = {
        path.relative_to(new).as_posix(): str(files.digest_of(path))
        for path in files.below(new)
    }
    bill = sbom.document(new, listed)
    (new / sbom.NAME).write_bytes(bill)
    listed[sbom.NAME] = files.digest(bill)
    (new / LISTING).write_text(json.dumps(listed, indent=1), "utf-8")
    return new


def set_opt_in(folder: Path, *, opt_in: bool) -> None:
    """Make a copy dormant until the variable is set, or not."""
    marker = folder / OPT_IN_MARKER
    if not opt_in:
        marker.unlink(missing_ok=True)
    elif not marker.exists():
        files.put(marker, b"")


def prepare(folder: Path, final: Path, interpreter: Interpreter) -> None:
    """Add byte code for an interpreter, and see that a copy works there.

    Args:
        folder: where the copy is now.
        final: where it will be.
        interpreter: what compiles, and loads it for a trial.

    Raises:
        RefusedError: this interpreter cannot load it; the message says why.
    """
    if not Library(folder).is_compiled_for(interpreter.tag):
        attempt(interpreter, *compiling(folder, final))
        for path in folder.rglob(f"*.{interpreter.tag}.pyc"):
            path.chmod(files.FILE)
            path.parent.chmod(files.FOLDER)
    attempt(interpreter, "-S", "-c", _LOADS.format(folder=str(folder)))


def compiling(folder: Path, final: Path) -> Sequence[str]:
    """Arguments of Python that compile a folder which will have another name."""
    # By time, not by hash: what runs has to be what lies beside it to be read.
    how = ("--invalidation-mode", "timestamp", "-s", str(folder), "-p", str(final))
    return ("-S", "-m", "compileall", "-q", *how, str(folder))


def attempt(interpreter: Interpreter, *arguments: str) -> None:
    """Run an interpreter.

    Raises:
        RefusedError: it ends with an error; the message has its last words.
    """
    done = interpreters.run(interpreter.executable, *arguments)
    if done.returncode:
        complaint = "".join((done.stderr or done.stdout).strip().splitlines()[-1:])
        raise RefusedError(f"it cannot load this: {complaint}")


def exchange(library: Library, new: Path, workspace: Path) -> None:
    """Put a new copy in the place of the one that is there.

    Raises:
        OSError: it cannot be moved; the former one is there again.
    """
    former = workspace / "former"
    files.open_up(new)
    if library.folder.exists():
        library.folder.rename(former)
    try:
        new.rename(library.folder)
    except OSError:
        if former.exists():
            former.rename(library.folder)
        raise


def remove(library: Library) -> list[Path]:
    """Remove the copy, but not what others have changed or added.

    Returns:
        What is left.
    """
    for name, digest in library.listing.items():
        path = library.folder / name
        _remove_byte_code(path)
        if files.digest_of(path) == digest:
            path.unlink()
    listing = library.folder / LISTING
    marker = library.folder / OPT_IN_MARKER
    for path in (listing, marker):
        path.unlink(missing_ok=True)
    for parent, _, _ in os.walk(library.folder, topdown=False):
        files.remove_empty(Path(parent))
    return list(files.below(library.folder))


def _remove_byte_code(source: Path) -> None:
    for path in source.with_name(files.BYTE_CODE).glob(f"{source.stem}.*.pyc"):
        path.unlink()


def _contents(source: Source, final: Path) -> dict[str, bytes]:
    """What pipmend brings to a copy: the content of each file by its name."""
    found = {HOOK: source.hook.read_bytes()}
    for path in files.below(source.package):
        name = f"pipmend/{path.relative_to(source.package).as_posix()}"
        if files.BYTE_CODE not in path.parts and name != OPT_IN_MARKER:
            found[name] = path.read_bytes()
    module = shlex.quote(str(final / "pipmend" / "__main__.py"))
    found[COMMAND] = _LAUNCHER.format(module=module).encode()
    return found


def _own_part(listing: dict[str, str]) -> dict[str, str]:
    return {
        name: digest
        for name, digest in listing.items()
        if name.partition("/")[0] in _OWN
    }


def _reuse_dependencies(library: Library, new: Path) -> bool:
    """Copy the dependencies of the former copy, if they are right and whole."""
    listing = library.listing
    own = _own_part(listing)
    theirs = [name for name in listing if name not in own and name != sbom.NAME]
    for one in dependencies.DEPENDENCIES:
        if f"{one.name}-{one.version}.dist-info/METADATA" not in theirs:
            return False
    if not set(theirs).isdisjoint(library.changed):
        return False
    for name in theirs:
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library.folder / name, path)
    return True
