"""Settings, read once: the environment is looked at here only."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MODE_VARIABLE = "PIPMEND"
"""Never a ``PIP_`` name: pip reads those as its own options."""

OPT_IN_MARKER = Path(__file__).with_name("opt_in")
"""Present when pipmend was installed dormant; written by ``install_hook.py``."""


class Mode(enum.Enum):
    """What pipmend does inside pip."""

    HEAL = "heal"
    """Judge, quarantine what is corrupt, record."""
    OBSERVE = "observe"
    """Judge and record; change nothing that pip does."""
    OFF = "off"
    """Nothing at all."""


class Settings(NamedTuple):
    """How pipmend behaves in this process."""

    mode: Mode
    mode_source: str
    """Where the mode came from, in words."""
    problem: str | None = None
    """One sentence on a setting that was not understood."""

    @property
    def log_folder(self) -> Path:
        """The user's folder for event logs; not created here."""
        # Imported here, so that a look at the mode costs nothing.
        import platformdirs  # noqa: PLC0415

        return Path(platformdirs.user_log_dir("pipmend", appauthor=False))

    @property
    def cache_folder(self) -> Path:
        """The user's folder for what can be made again; not created here."""
        import platformdirs  # noqa: PLC0415 - as above

        return Path(platformdirs.user_cache_dir("pipmend", appauthor=False))


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force: the environment, then the way of installation."""
    value = environment.get(MODE_VARIABLE, "")
    if value:
        return _from_variable(value)
    if OPT_IN_MARKER.exists():
        return Settings(Mode.OFF, "installed with --opt-in")
    return Settings(Mode.HEAL, "default")


def _from_variable(value: str) -> Settings:
    source = f"environment variable {MODE_VARIABLE}"
    try:
        return Settings(Mode(value.strip().lower()), source)
    except ValueError:
        choices = ", ".join(mode.value for mode in Mode)
        problem = f"{MODE_VARIABLE}={value[:40]!a} is none of {choices}: pipmend is off"
        return Settings(Mode.OFF, source, problem)
