"""What tests find ready: made once, by programs that must not fail."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATIENCE = 600
"""Seconds for one download, build or installation."""


def made_once(target: Path, make: Callable[[Path], object]) -> Path:
    """A folder, made if it is missing; several test workers may ask at once.

    Args:
        target: where it is to be.
        make: makes it in the place that it is given, a path that does not exist yet.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        whole = Path(scratch, target.name)
        make(whole)
        try:
            whole.replace(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def checked(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program, in the ordinary environment unless told otherwise; its output.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(map(str, command))
        raise RuntimeError(f"{words}\n{done.stdout}{done.stderr}")
    return done.stdout
