"""Other programs that read pip's cache, installed from a package index."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lab.pips import scratch_environment
from lab.preparation import checked, made_once

if TYPE_CHECKING:
    from pathlib import Path


def installed(store: Path, *requirements: str) -> Path:
    """A folder for PYTHONPATH with these, made once in ``store``."""
    target = store / "tools" / "-".join(requirements)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-compile")
    return made_once(
        target, lambda folder: checked(*pip, f"--target={folder}", *requirements)
    )


def run_code(code: str, *args: str, path: Path, home: Path) -> str:
    """Run Python code that can import what is below ``path``; its output."""
    environment = {**scratch_environment(home), "PYTHONPATH": str(path)}
    return checked(sys.executable, "-c", code, *args, env=environment)
