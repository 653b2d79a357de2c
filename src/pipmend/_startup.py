"""Entered from stage 0 when an HTTP cache is about to be used.

Reads the settings first: what pipmend needs is imported only when it is not off, and
then at once, since pip 26.3 forbids imports as soon as it installs.
"""

from __future__ import annotations

import os
import sys

from pipmend import config
from pipmend.config import Target

_read: list[config.Settings] = []
"""The settings, once they were read: a process may use pip and the library."""


def start(name: str) -> None:
    """Arm the patches, unless pipmend is off or for others only.

    Args:
        name: the package that is being imported, pip's CacheControl or the library.
    """
    if not _read:
        _read.append(config.load(unless_off=True))
        for problem in _read[0].problems:
            _tell(f"pipmend: {problem}\n")
    settings = _read[0]
    target = Target.CACHECONTROL if name == "cachecontrol" else Target.PIP
    if settings.mode is config.Mode.OFF or target not in settings.targets:
        return
    from pipmend import _patches  # noqa: PLC0415 - dear: wrapt, msgpack, json

    _patches.arm(settings, target)


def _tell(line: str) -> None:
    """Write to stderr, unless it is closed or full.

    Past its buffer: what is left there fails again at exit, and changes pip's status.
    """
    try:
        os.write(sys.stderr.fileno(), line.encode("utf-8", "backslashreplace"))
    except (AttributeError, OSError, ValueError):
        return
