"""Other programs that read pip's cache, installed from a package index."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.pips import scratch_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = 300
"""Seconds for installing, or for one run."""


def installed(store: Path, *requirements: str) -> Path:
    """A folder for PYTHONPATH with these, made once in ``store``."""
    target = store / "tools" / "-".join(requirements)
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        whole = Path(scratch, target.name)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
        _checked([*pip, f"--target={whole}", *requirements])
        try:
            whole.replace(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def run_code(code: str, *args: str, path: Path, home: Path) -> str:
    """Run Python code that can import what is below ``path``; its output."""
    environment = {**scratch_environment(home), "PYTHONPATH": str(path)}
    return _checked([sys.executable, "-c", code, *args], environment)


def _checked(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=environment or dict(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
