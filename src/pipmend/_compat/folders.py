"""The user's folders, as platformdirs names them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_SINCE = 4
"""The first major version of platformdirs all of whose folders are today's."""


def log_folder() -> Path:
    """The user's folder for logs; not created here."""
    return Path(_platformdirs().user_log_dir("pipmend", appauthor=False))


def cache_folder() -> Path:
    """The user's folder for what can be made again; not created here."""
    return Path(_platformdirs().user_cache_dir("pipmend", appauthor=False))


def _platformdirs() -> ModuleType:
    """Inside pip the one that it has loaded: another costs 9 M instructions."""
    pips = sys.modules.get("pip._vendor.platformdirs")
    major = getattr(pips, "__version__", "").partition(".")[0]
    if pips is not None and major.isdecimal() and int(major) >= _SINCE:
        return pips
    import platformdirs  # noqa: PLC0415 - where it is not needed, it is not paid for

    return platformdirs
