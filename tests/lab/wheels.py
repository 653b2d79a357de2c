"""Wheels from outside: every pip, pipmend from this checkout, what it depends on.

They come from a package index, in the ordinary environment of the machine.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.preparation import checked, made_once

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that holds ``pyproject.toml``."""

DEPENDENCIES = ("wrapt==1.17.3", "msgpack", "platformdirs")
"""What a hooked environment gets beside pipmend; this wrapt runs on every Python."""


def pip_wheel(version: str, store: Path) -> Path:
    """The wheel of one pip release, downloaded at most once into ``store``."""
    folder = made_once(
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

    return made_once(target, fill)


def pipmend_wheel(store: Path) -> Path:
    """The wheel of pipmend, built again only when the sources have changed."""
    folder = made_once(store / "pipmend" / _source_digest(), _build)
    return next(folder.glob("*.whl"))


def _build(folder: Path) -> None:
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
    checked(*build, "-d", folder, cwd=CHECKOUT)


def _download(
    folder: Path, requirements: Sequence[str], python: str | None = None
) -> None:
    target = ["--only-binary=:all:"]
    if python is not None:
        target += [f"--python-version={python}", "--implementation=cp"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    checked(*pip, *target, f"--dest={folder}", *requirements)


def _source_digest() -> str:
    digest = hashlib.sha256()
    sources = [path for path in (CHECKOUT / "src").rglob("*") if path.is_file()]
    for path in [CHECKOUT / "pyproject.toml", CHECKOUT / "README.md", *sorted(sources)]:
        if path.suffix != ".pyc" and path.is_file():
            digest.update(f"{path.relative_to(CHECKOUT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
