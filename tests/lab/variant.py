"""The wheel of pipmend with another tag and a ``.start`` file, from the same source."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.wheels import CHECKOUT, pipmend_wheel


def variant_wheel(store: Path, tag: str) -> Path:
    """The wheel for Pythons from a tag on, such as ``py318``; built at most once."""
    folder = pipmend_wheel(store).parent
    target = folder.with_name(f"{folder.name}-{tag}")
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
            whole = Path(scratch, target.name)
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
            subprocess.run(
                [*build, "-d", str(whole)],
                cwd=CHECKOUT,
                env={**os.environ, "PIPMEND_WHEEL_TAG": tag},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
            )
            try:
                whole.replace(target)
            except OSError:
                if not target.is_dir():
                    raise
    return next(target.glob("*.whl"))
