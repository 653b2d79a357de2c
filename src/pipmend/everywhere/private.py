"""The private folder: made, locked, and left as it was found if nothing came of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend.everywhere import files, library, receipt
from pipmend.everywhere.library import Library
from pipmend.everywhere.receipt import Receipt
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.everywhere.receipt import Scope

_WORKSPACE = ".new-"
"""Starts the names of folders with what is not finished."""


class PrivateFolder:
    """A private folder that nobody else works on now."""

    def __init__(self, root: Path, workspace: Path, known: Receipt) -> None:
        self.root = root
        self.workspace = workspace
        """A new folder in it, which goes away at the end."""
        self.receipt = known
        self.library = Library(root / library.NAME)

    def note(self, known: Receipt) -> None:
        """Write the receipt down.

        Raises:
            OSError: it cannot be written; the former one is untouched.
        """
        receipt.write(self.root, known)
        self.receipt = known

    def forget_gone(self) -> None:
        """Leave out of the receipt what has gone with its interpreter."""
        left = [one for one in self.receipt.activations if Path(one.folder).is_dir()]
        self.receipt = self.receipt._replace(activations=tuple(left))

    def forget(self) -> None:
        """Remove the receipt: nothing is left to undo."""
        (self.root / receipt.NAME).unlink(missing_ok=True)

    def bench(self) -> Path:
        """A new folder to work in."""
        return Path(tempfile.mkdtemp(dir=self.workspace))


@contextlib.contextmanager
def opened(root: Path, scope: Scope) -> Iterator[PrivateFolder]:
    """Work on a private folder, which is made if it is missing.

    What an interrupted run has left unfinished goes away. So does the folder itself, if
    there is no receipt in it at the end.

    Raises:
        RefusedError: it is somebody else's, or another run is at work on it.
        ReceiptError: the receipt is damaged.
        OSError: it cannot be written.
    """
    above = next(folder for folder in root.parents if folder.is_dir())
    before = above.stat().st_mtime_ns
    made = tuple(map(str, files.make_folders(root)))
    try:
        with _locked(root):
            known = receipt.read(root)
            if known is None:
                _check_that_it_is_ours(root)
                times = (before, above.stat().st_mtime_ns) if made else None
                known = Receipt(scope, made, times)
            made = known.made
            for path in root.glob(f"{_WORKSPACE}*"):
                shutil.rmtree(path)
            for folder in (root, root / library.NAME / "pipmend"):
                files.sweep(folder)
            workspace = Path(tempfile.mkdtemp(prefix=_WORKSPACE, dir=root))
            try:
                yield PrivateFolder(root, workspace, known)
            finally:
                shutil.rmtree(workspace, ignore_errors=True)
                is_over = not (root / receipt.NAME).exists()
                if is_over:
                    _remove(made, known.times)
    except BaseException:
        _remove(made, None)
        raise


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    if os.name == "nt":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RefusedError(f"another run is at work on {root}") from None
    finally:
        os.close(descriptor)


def _check_that_it_is_ours(root: Path) -> None:
    """Without a receipt, it has to be empty, or to hold a copy of ours.

    Names with a dot are of files that were being written.
    """
    names = {path.name for path in root.iterdir() if path.name[0] != "."}
    if names - {library.NAME} or (names and not Library(root / library.NAME).listing):
        raise RefusedError(f"{root} is not empty, and is not pipmend's: left alone")


def _remove(made: tuple[str, ...], times: tuple[int, int] | None) -> None:
    """Remove the folders that were made, as far as they are empty."""
    if not made:
        return
    above = Path(made[0]).parent
    now = above.stat().st_mtime_ns
    for folder in reversed(made):
        files.remove_empty(Path(folder))
    gone = not Path(made[0]).exists()
    if gone and times is not None and now == times[1]:
        os.utime(above, ns=(above.stat().st_atime_ns, times[0]))
