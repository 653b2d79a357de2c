"""Entered from stage 0 when pip is about to use its HTTP cache.

Reads the settings first: what pipmend needs is imported only when it is not off, and
then at once, since pip 26.3 forbids imports as soon as it installs.
"""

from __future__ import annotations

import sys

from pipmend import config


def start() -> None:
    """Arm the patches, unless pipmend is off."""
    settings = config.load()
    if settings.problem:
        sys.stderr.write(f"pipmend: {settings.problem}\n")
    if settings.mode is config.Mode.OFF:
        return
    from pipmend import _patches  # noqa: PLC0415 - dear: wrapt, msgpack, json

    _patches.arm(settings)
