"""What a fresh process sees of pipmend, of its pip and of the library CacheControl."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipmend import processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from pipmend.config import Settings

_PATIENCE = 60
"""Seconds that an experiment may take."""

_EXPERIMENT = """\
import json, site, sys, tempfile
folders = site.getsitepackages()
if site.ENABLE_USER_SITE:
    folders.insert(0, site.getusersitepackages())
hook = sys.modules.get("pipmend_hook")
found = {"site_folders": folders, "hook_path": hook and hook.__file__}
try:
    import pip
except ImportError:
    pass
else:
    found["pip_version"] = pip.__version__
    found["pip_location"] = pip.__path__[0]
    try:
        from pip._internal.network.session import PipSession
        with tempfile.TemporaryDirectory() as cache:
            PipSession(cache=cache).close()
    except Exception as error:
        found["failure"] = repr(error)
if "cachecontrol" in sys.argv[1:]:
    try:
        import cachecontrol
        found["library_version"] = cachecontrol.__version__
        from cachecontrol.caches.file_cache import FileCache
        with tempfile.TemporaryDirectory() as cache:
            cachecontrol.CacheController(FileCache(cache))
    except Exception as error:
        found["library_failure"] = repr(error)
stage_1 = sys.modules.get("pipmend._patches")
if stage_1 is not None and hasattr(stage_1, "describe"):
    found["gates"] = stage_1.describe()
print()
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Experiment:
    """What a fresh process saw when it loaded pip's network session."""

    site_folders: Sequence[str] = ()
    """The folders whose start-up files Python reads; empty if it told nothing."""
    hook_path: str | None = None
    """Stage 0 as Python ran it at its start; None if it did not."""
    pip_version: str | None = None
    """None where there is no pip."""
    pip_location: str | None = None
    """The folder of the package `pip`."""
    gates: dict[str, Any] | None = None
    """What stage 1 says of itself; None if it was not loaded."""
    failure: str | None = None
    """Why the session could not be made."""
    library_version: str | None = None
    """Of the library CacheControl; None where it is not there, or not looked after."""
    library_failure: str | None = None
    """Why a cache of the library could not be made."""
    complaint: str = ""
    """The last line on stderr."""

    @property
    def hook_loaded(self) -> bool:
        """Whether Python ran stage 0 at its start."""
        return self.hook_path is not None

    @property
    def layout(self) -> str | None:
        """Name of the cache layout that the gates were made for; None: no gates."""
        layout: str | None = (self.gates or {}).get("layout")
        return layout

    @property
    def unfit(self) -> str | None:
        """Why the gates do not fit this pip, as far as stage 1 got to know it."""
        unfit: str | None = (self.gates or {}).get("unfit")
        return unfit

    @property
    def library(self) -> dict[str, Any]:
        """What stage 1 says of the library CacheControl; empty without gates."""
        library: dict[str, Any] = (self.gates or {}).get("library", {})
        return library

    @property
    def gates_words(self) -> str:
        """What has become of the gates in pip, in words."""
        if self.unfit is not None:
            return f"do not fit this pip: {self.unfit}"
        if self.layout is None:
            return "not in place"
        return f"fit this pip, cache layout {self.layout}"

    @property
    def library_words(self) -> str:
        """What has become of those in the library CacheControl, in words."""
        if self.library_version is None:
            return "CacheControl is not in this Python"
        told = f"CacheControl {self.library_version}"
        if self.library.get("unfit") is not None:
            return f"{told}: the gates do not fit: {self.library['unfit']}"
        if self.library.get("layout") is None:
            reason = self.library_failure or "the gates are not in place"
            return f"{told}: {reason}"
        return f"{told}: the gates fit"


def experiment(settings: Settings) -> Experiment:
    """Have a fresh process load pip's network session, as ``pip install`` does.

    And the library CacheControl, where it is a target.
    """
    targets = sorted(target.value for target in settings.targets)
    done = ask(sys.executable, "-c", _EXPERIMENT, *targets)
    complaint = "".join(done.stderr.splitlines()[-1:])
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Experiment(failure=complaint or f"exit code {done.returncode}")
    return Experiment(**found, complaint=complaint)


def cache_folder() -> Path | None:
    """The cache of this interpreter's pip; None if it is disabled, or pip missing."""
    done = ask(sys.executable, "-m", "pip", "cache", "dir")
    folder = done.stdout.strip()
    return Path(folder) if done.returncode == 0 and folder else None


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python that is not to import what lies in the current folder."""
    with tempfile.TemporaryDirectory() as folder:
        return processes.run(command, folder=Path(folder), patience=_PATIENCE)
