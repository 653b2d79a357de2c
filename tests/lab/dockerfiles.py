"""Dockerfiles without a container engine: their instructions, done in a root.

The commands are run by the root's own shell, as root. A cache that is mounted for one
``RUN`` is a folder that is moved into its place and out again, so that it is in no
image. There are no layers: each build begins with the whole image that it is made from.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from lab import debian_root
from lab.debian import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.debian_root import DebianRoot
    from lab.pips import Run

_RUN = re.compile(r"(?:--mount=type=cache,target=(\S+) )?([^-].*)")
_COPY = re.compile(r"(?:--from=(\S+) )?(\S+) (\S+)")
_PYTHON_IMAGE = re.compile(r"python:(3\.\d+)")

_NOT_COPIED = ("test", "tests", "site-packages", "config-*", "idlelib", "__pycache__")


class Context(NamedTuple):
    """What a build has to do with outside of the image."""

    folder: Path
    """The build context: the files of a project."""
    mounts: Path
    """Where mounted caches are kept between builds."""
    env: Mapping[str, str] = {}
    """Environment variables of every command, as build arguments set them."""

    def mounted(self, target: str) -> Path:
        """The cache that is mounted there."""
        folder = self.mounts / target.strip("/").replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def python_of(text: str) -> str:
    """The Python of the image that a Dockerfile begins with."""
    image = _PYTHON_IMAGE.fullmatch(_instructions(text)[0][1])
    assert image is not None, text
    return image[1]


def put_python(root: DebianRoot, python: Path) -> None:
    """Copy an interpreter to where images of Python have theirs, and give it a pip.

    Raises:
        OutOfReachError: it does not run there.
    """
    prefix, local = python.resolve().parent.parent, root.path("/usr/local")
    name = python.resolve().name
    ignored = shutil.ignore_patterns(*_NOT_COPIED)
    library = local / "lib" / name
    shutil.copytree(prefix / "lib" / name, library, symlinks=True, ignore=ignored)
    (library / "site-packages").mkdir()
    for path in prefix.glob("lib/libpython*.so*"):
        shutil.copy2(path, local / "lib", follow_symlinks=False)
    shutil.copy2(python.resolve(), local / "bin")
    for link in ("python", "python3"):
        (local / "bin" / link).symlink_to(name)
    root.checked("ldconfig")
    try:
        root.checked("python3", "-c", "import ctypes, ssl, venv")
        root.checked("python3", "-m", "ensurepip", "--default-pip")
    except RuntimeError as error:
        raise OutOfReachError(f"this Python cannot be moved: {error}") from error


def build(text: str, root: DebianRoot, context: Context) -> list[Run]:
    """Do the instructions of a Dockerfile in a root, which becomes the new image.

    Returns:
        The commands that were run; the build ends with the first that fails.
    """
    runs: list[Run] = []
    for instruction, rest in _instructions(text)[1:]:
        if instruction == "COPY":
            _copy(rest, root, context)
            continue
        assert instruction == "RUN", instruction
        runs.append(_run(rest, root, context))
        if runs[-1].returncode != 0:
            break
    return runs


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    pairs = (line.split(" ", 1) for line in lines)
    found = [(instruction, rest) for instruction, rest in pairs]
    assert found[0][0] == "FROM", text
    return found


def _copy(rest: str, root: DebianRoot, context: Context) -> None:
    match = _COPY.fullmatch(rest)
    assert match is not None, rest
    if match[1] is not None:
        assert (match[1], match[2]) == ("pipmend", "."), rest
        debian_root.put_checkout(root, match[3])
        return
    assert match[3] == ".", rest
    shutil.copy2(context.folder / match[2], root.folder)


def _run(rest: str, root: DebianRoot, context: Context) -> Run:
    match = _RUN.fullmatch(rest)
    assert match is not None, rest
    command = ("/bin/sh", "-c", match[2])
    if match[1] is None:
        return root.run(*command, env=context.env)
    outside, inside = context.mounted(match[1]), root.path(match[1])
    inside.parent.mkdir(parents=True, exist_ok=True)
    outside.rename(inside)
    try:
        return root.run(*command, env=context.env)
    finally:
        inside.rename(outside)
