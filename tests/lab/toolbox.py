"""Programs such as tox and nox, in an environment of their own."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lab.preparation import checked, made_once

if TYPE_CHECKING:
    from pathlib import Path

_PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def python_with(store: Path, *requirements: str) -> Path:
    """An interpreter whose environment has these, made once in ``store``.

    Raises:
        RuntimeError: They cannot be had.
    """

    def fill(folder: Path) -> None:
        checked(sys.executable, "-m", "venv", folder)
        install = ("-m", "pip", "install", "--quiet")
        checked(folder / _PYTHON, *install, *requirements)

    return made_once(store / "programs" / "-".join(requirements), fill) / _PYTHON
