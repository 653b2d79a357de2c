"""What can be found out about pipmend in this interpreter, and what follows from it."""

from __future__ import annotations

import os
import site
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import config, quarantine
from pipmend.cli import status_experiment, status_mechanisms
from pipmend.everywhere import activation, originals
from pipmend.startup_files import Kind, module_file, startup_file, startup_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipmend.cli.status_experiment import Experiment
    from pipmend.cli.status_mechanisms import Loader, Version
    from pipmend.config import Settings
    from pipmend.startup_files import StartupFile


@dataclass(frozen=True)
class Findings:
    """Everything that ``pipmend status`` shows."""

    version: Version
    """Of this Python."""
    files: tuple[StartupFile, ...]
    loaders: tuple[Loader, ...]
    """Which of the files make Python run stage 0, in its order."""
    experiment: Experiment
    settings: Settings
    log_folder: Path | None
    """None if platformdirs, which knows the place, is missing."""
    cache_folder: Path | None
    """Root of pip's cache; None if it is disabled or pip is missing."""

    @property
    def loader(self) -> Loader | None:
        """What has made Python run stage 0; None if nothing, or nothing known has."""
        working = self.working if self.experiment.hook_loaded else []
        return next(iter(working), None)

    @property
    def working(self) -> list[Loader]:
        """The loaders that nothing hinders in this Python."""
        return [one for one in self.loaders if one.hindrance(self.version) is None]

    @property
    def quarantine(self) -> Path | None:
        """Where corrupt entries of that cache are kept."""
        cache = self.cache_folder
        return None if cache is None else quarantine.folder_of(cache)


def look() -> Findings:
    """Look at this interpreter, as a process sees it that starts now."""
    settings = config.load()
    try:
        log_folder: Path | None = settings.log_folder
    except ImportError:
        log_folder = None
    experiment = status_experiment.experiment(settings)
    files = tuple(_files(experiment))
    return Findings(
        version=sys.version_info[:2],
        files=files,
        loaders=status_mechanisms.loaders_among(files),
        experiment=experiment,
        settings=settings,
        log_folder=log_folder,
        cache_folder=(
            status_experiment.cache_folder() if experiment.pip_version else None
        ),
    )


def _files(experiment: Experiment) -> Iterator[StartupFile]:
    """The start-up files, and what those of pipmend run in turn."""
    folders = experiment.site_folders or site.getsitepackages()
    stdlib = Path(os.__file__).parent
    hook = Path(experiment.hook_path) if experiment.hook_path else None
    for file in startup_files(list(map(Path, folders)), stdlib, _path_folders()):
        yield file
        original = _run_by(file)
        if original is not None:
            yield startup_file(original, file.kind)
        if hook is not None and file.path.resolve() == hook.resolve():
            hook = None
    if hook is not None:
        yield startup_file(hook, Kind.MODULE)


def _run_by(file: StartupFile) -> Path | None:
    """What was in the place of a ``sitecustomize`` of pipmend, and runs after it."""
    is_customization = file.kind in {Kind.SITECUSTOMIZE, Kind.USERCUSTOMIZE}
    if not is_customization or activation.home_in(file.path) is None:
        return None
    return module_file(file.path.parent / originals.FOLDER, file.kind.value)


def _path_folders() -> list[Path]:
    value = os.environ.get("PYTHONPATH", "")
    # An empty piece, often left by a shell, stands for the current folder.
    return (
        [Path(entry).absolute() for entry in value.split(os.pathsep)] if value else []
    )
