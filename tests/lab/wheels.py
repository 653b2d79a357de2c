"""Wheels from outside: every pip, pipmend from this checkout, what it depends on.

Only this module reaches a package index, in the ordinary environment of the
machine. Each result is made in a folder of its own and renamed into the store,
so that several test workers may ask for the same one at once.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds ``pyproject.toml``."""

DEPENDENCIES = ("wrapt==1.17.3", "msgpack", "platformdirs")
"""What a hooked environment gets beside pipmend; this wrapt runs on every Python."""

_TIMEOUT = 300
"""Seconds for one download or build."""


def pip_wheel(version: str, store: Path) -> Path:
    """The wheel of one pip release, downloaded at most once into ``store``."""
    folder = _once(
        store / "pips" / version,
        lambda scratch: _download(scratch, [f"pip=={version}"]),
    )
    return next(folder.glob("*.whl"))


def pipmend_wheels(
    store: Path,
    *,
    python: str = "3.11",
    dependencies: Sequence[str] = DEPENDENCIES,
) -> Path:
    """A folder with the wheels of pipmend and its dependencies for one Python.

    pipmend is built from the checkout as it is now.
    """
    own = pipmend_wheel(store)
    key = hashlib.sha256("\n".join([own.parent.name, *dependencies]).encode())
    target = store / "wheelhouses" / f"{python}-{key.hexdigest()[:12]}"

    def fill(scratch: Path) -> None:
        _download(scratch, dependencies, python)
        Path(scratch, own.name).write_bytes(own.read_bytes())

    return _once(target, fill)


def pipmend_wheel(store: Path) -> Path:
    """The wheel of pipmend, built again only when the sources have changed."""
    folder = _once(store / "pipmend" / _source_digest(), _build)
    return next(folder.glob("*.whl"))


def _build(folder: Path) -> None:
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)])


def _download(
    folder: Path, requirements: Sequence[str], python: str | None = None
) -> None:
    target = ["--only-binary=:all:"]
    if python is not None:
        target += [f"--python-version={python}", "--implementation=cp"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _run([*pip, *target, f"--dest={folder}", *requirements])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _once(target: Path, fill: Callable[[Path], None]) -> Path:
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        whole = Path(scratch, target.name)
        whole.mkdir()
        fill(whole)
        try:
            whole.replace(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _source_digest() -> str:
    digest = hashlib.sha256()
    sources = [path for path in (CHECKOUT / "src").rglob("*") if path.is_file()]
    for path in [CHECKOUT / "pyproject.toml", CHECKOUT / "README.md", *sorted(sources)]:
        if path.suffix != ".pyc" and path.is_file():
            digest.update(f"{path.relative_to(CHECKOUT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
