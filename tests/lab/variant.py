"""The wheel of pipmend with another tag and a ``.start`` file, from the same source."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from lab.preparation import checked, made_once
from lab.wheels import CHECKOUT, pipmend_wheel

if TYPE_CHECKING:
    from pathlib import Path


def variant_wheel(store: Path, tag: str) -> Path:
    """The wheel for Pythons from a tag on, such as ``py318``; built at most once."""
    folder = pipmend_wheel(store).parent
    target = folder.with_name(f"{folder.name}-{tag}")
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
    environment = {**os.environ, "PIPMEND_WHEEL_TAG": tag}
    made_once(
        target,
        lambda folder: checked(*build, "-d", folder, env=environment, cwd=CHECKOUT),
    )
    return next(target.glob("*.whl"))
