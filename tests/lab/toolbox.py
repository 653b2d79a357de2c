"""Programs such as tox and nox, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = 600
"""Seconds for installing them."""


def python_with(store: Path, *requirements: str) -> Path:
    """An interpreter whose environment has these, made once in ``store``."""
    target = store / "programs" / "-".join(requirements)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
            whole = Path(scratch, target.name)
            _fill(whole, requirements)
            try:
                whole.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
    return target / "bin" / "python"


def _fill(folder: Path, requirements: Sequence[str]) -> None:
    _checked(sys.executable, "-m", "venv", str(folder))
    pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet")
    _checked(*pip, *requirements)


def _checked(*command: str) -> None:
    done = subprocess.run(
        command,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
