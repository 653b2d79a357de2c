"""Pythons newer than what is installed, and PyPy: Debian's builds, unpacked.

They bring their own C library, which an interpreter finds by a path inside of it, so
that path is set for the folder where it lies. Venvs of them are ordinary venvs.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from lab import debian, tools
from lab.debian import OutOfReachError

SUITE = "sid"
"""The one suite of Debian that has them all."""

_WHEELS = b"/usr/share/python-wheels"
"""Where Debian's ensurepip looks for the wheel of pip."""


class Build(NamedTuple):
    """A Python of Debian's."""

    package: str
    program: str
    """The name of the interpreter, below ``usr/bin``."""


BUILDS = {
    "3.14": Build("python3.14-venv", "python3.14"),
    "3.15": Build("python3.15-venv", "python3.15"),
    "pypy3.11": Build("pypy3-venv", "pypy3.11"),
}
"""What can be had, by the name that the tests use."""


def newer_python(name: str) -> Path:
    """The interpreter of that name, fetched at most once.

    Raises:
        OutOfReachError: it cannot be had here.
    """
    build = BUILDS[name]
    root = debian.unpacked(build.package, SUITE, finish=_settle)
    python = root / "usr" / "bin" / build.program
    if not python.is_file():
        raise OutOfReachError(f"{build.package} of {SUITE} has no {build.program} now")
    _check(python)
    return python


def _settle(fresh: Path, root: Path) -> None:
    """Set the paths inside of the interpreters for the folder where they will lie."""
    _point_at_the_wheels(fresh, root)
    patchelf = _patchelf()
    (libc,) = fresh.glob("usr/lib/*/libc.so.6")
    (loader,) = libc.parent.glob("ld-linux*.so.*")
    beside = f"$ORIGIN/../lib/{libc.parent.name}"
    final = root / loader.relative_to(fresh)
    for build in BUILDS.values():
        program = fresh / "usr" / "bin" / build.program
        if program.is_file():
            # A DT_RPATH serves the extension modules too, a DT_RUNPATH does not.
            _run(patchelf, "--set-interpreter", final, program)
            _run(patchelf, "--force-rpath", "--set-rpath", beside, program)
    for library in libc.parent.glob("libpypy*.so"):
        _run(patchelf, "--force-rpath", "--set-rpath", "$ORIGIN", library)


def _point_at_the_wheels(fresh: Path, root: Path) -> None:
    ours = bytes(root) + _WHEELS
    for library in fresh.glob("usr/lib/py*3.*"):
        for path in library.rglob("*"):
            is_text = path.suffix in {".py", ".json"} and not path.is_symlink()
            if not is_text or not path.is_file():
                continue
            content = path.read_bytes()
            if _WHEELS in content:
                path.write_bytes(content.replace(_WHEELS, ours))


def _patchelf() -> Path:
    try:
        return tools.installed(debian.store(), "patchelf") / "bin" / "patchelf"
    except RuntimeError as error:
        raise OutOfReachError("patchelf cannot be installed from the index") from error


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OutOfReachError(f"{Path(command[0]).name}: {done.stderr.strip()}")


def _check(python: Path) -> None:
    try:
        _run(python, "-I", "-c", "import ssl, ctypes, venv")
    except OSError as error:
        raise OutOfReachError(f"{python.name} does not start: {error}") from error
