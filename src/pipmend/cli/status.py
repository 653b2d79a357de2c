"""``pipmend status``: is it active here, and what else runs at start-up?

Whether the gates are in place is found out by experiment: a fresh process of the
same interpreter loads pip's network session, as ``pip install`` does, and the library
CacheControl where that is looked after, and tells what it sees. Works with the
standard library alone, so that it can also tell why pipmend is *not* active.
"""

from __future__ import annotations

import json
import os
import platform
import site
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pipmend
from pipmend import config
from pipmend.cli.output import age_text, plain, size_text
from pipmend.config import Option, Target
from pipmend.startup_files import Kind, RecordMatch, StartupFile, startup_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_ACTIVE, _NOT_ACTIVE, _USAGE = 0, 1, 2
_PATIENCE = 60
"""Seconds that an experiment may take."""
_IMPORT_LINES_END = (3, 18)
"""The first Python that ignores the import lines of ``.pth`` files (PEP 829)."""
_HOOK = "pipmend_hook"
_DAY = 24 * 3600

_DESCRIPTION = """\
Show this Python and its pip, every file that runs at start-up with its SHA-256,
whether the gates of pipmend are in place, where it keeps things, and where each
setting comes from. To find out about the gates, a fresh process loads pip's network
session, as pip install does.

Settings come from the environment (PIPMEND, PIPMEND_TARGETS), then the configuration
file of the user, then that of the machine; both paths are shown. All keys of a file:

  mode = "heal"                        or "observe", "off"
  targets = ["pip", "cachecontrol"]    cachecontrol: other programs that use it
  [quarantine]
  max_age_days = 30
  max_bytes = 1073741824
  [events]
  folder = "/var/log/pipmend"          an absolute path, or one that begins with ~
"""

_EXAMPLES = """\
exit code: 0 active, 1 not active, 2 usage

examples:
  pipmend status
  pipmend status --json | python -m json.tool
  pipmend status --python .venv
  PIPMEND=observe pipmend status
  PIPMEND_TARGETS=pip,cachecontrol pipmend status
"""

_EXPERIMENT = """\
import json, sys, tempfile
found = {"hook_loaded": "pipmend_hook" in sys.modules}
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

_FIND_PIPMEND = """\
import importlib.util, sys
sys.exit(importlib.util.find_spec("pipmend.__main__") is None)
"""


@dataclass(frozen=True)
class Experiment:
    """What a fresh process saw when it loaded pip's network session."""

    hook_loaded: bool = False
    """Whether Python ran stage 0 at its start."""
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


@dataclass(frozen=True)
class Report:
    """Everything that `status` shows."""

    files: tuple[StartupFile, ...]
    experiment: Experiment
    settings: config.Settings
    log_folder: Path | None
    """None if platformdirs, which knows the place, is missing."""
    cache_folder: Path | None
    """Root of pip's cache; None if it is disabled or pip is missing."""

    @property
    def hook_file(self) -> StartupFile | None:
        """The file whose import line loads stage 0."""
        name = f"{_HOOK}.pth"
        return next((file for file in self.files if file.path.name == name), None)

    @property
    def quarantine(self) -> Path | None:
        """Where corrupt entries of that cache are kept."""
        cache = self.cache_folder
        return None if cache is None else cache / "pipmend" / "quarantine"


@dataclass(frozen=True)
class Conclusion:
    """The answer in one sentence."""

    active: bool
    sentence: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend status``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="another interpreter, or the folder of a venv",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 0 if pipmend is active, 1 if not, 2 for a wrong path.

    Raises:
        OSError: the other interpreter cannot be started.
    """
    if arguments.python is not None:
        return _run_elsewhere(arguments.python, as_json=arguments.json)
    report = examine()
    conclusion = conclude(report)
    if arguments.json:
        print(json.dumps(_as_document(report, conclusion), indent=2))
    else:
        for line in _lines(report):
            print(line)
        print(f"\n{plain(conclusion.sentence)}")
    return _ACTIVE if conclusion.active else _NOT_ACTIVE


def examine() -> Report:
    """Look at this interpreter.

    Raises:
        OSError: no process of this interpreter can be started.
    """
    settings = config.load()
    try:
        log_folder: Path | None = settings.log_folder
    except ImportError:
        log_folder = None
    experiment = _experiment(settings)
    return Report(
        files=startup_files(_site_folders(), Path(os.__file__).parent, _path_folders()),
        experiment=experiment,
        settings=settings,
        log_folder=log_folder,
        cache_folder=_cache_folder() if experiment.pip_version else None,
    )


def conclude(report: Report) -> Conclusion:
    """Say whether pipmend is active and, if not, what to do about it."""
    experiment = report.experiment
    if experiment.library_version and not _is_about_pip(report):
        return _conclude_on_library(report)
    if experiment.failure is not None:
        return _inactive(f"pip cannot start: {experiment.failure}; do: repair pip")
    if experiment.pip_version is None:
        return _inactive(f"this Python has no pip; do: {sys.executable} -m ensurepip")
    obstacle = _obstacle(report)
    if obstacle is not None:
        return _inactive(obstacle)
    if experiment.unfit is not None:
        advice = "do: upgrade pip, or pipmend"
        return _inactive(f"the gates do not fit this pip: {experiment.unfit}; {advice}")
    if experiment.layout is None:
        return _inactive("pip's cache was not met; do: upgrade pip, or pipmend")
    if report.settings.mode is config.Mode.OBSERVE:
        return Conclusion(
            True, "active: broken cache entries are recorded, not healed."
        )
    return Conclusion(True, "active: pip's cache heals itself in this Python.")


def _conclude_on_library(report: Report) -> Conclusion:
    obstacle = _obstacle(report)
    if obstacle is not None:
        return _inactive(obstacle)
    if report.experiment.library.get("layout") is None:
        return _inactive(f"the library CacheControl: {_library(report.experiment)}")
    done = "is recorded, not healed"
    if report.settings.mode is config.Mode.HEAL:
        done = "heals"
    what = "what breaks in the caches of programs with CacheControl"
    return Conclusion(True, f"active: {what} {done}.")


def _is_about_pip(report: Report) -> bool:
    has_pip = report.experiment.pip_version is not None
    return has_pip and Target.PIP in report.settings.targets


def _obstacle(report: Report) -> str | None:
    """Why there are no gates at all, and what to do about it."""
    settings, experiment = report.settings, report.experiment
    if settings.mode is config.Mode.OFF:
        told = "set PIPMEND=heal in the environment"
        return f"off ({settings.mode_source}); do: {told}"
    if not experiment.hook_loaded:
        return _why_not_loaded(report)
    if not (experiment.library_version or _is_about_pip(report)):
        source = settings.sources[Option.TARGETS]
        return f"pip is no target ({source}); do: set PIPMEND_TARGETS=pip"
    if experiment.gates is None:
        reason = experiment.complaint or "stage 1 was not loaded"
        return f"{reason}; do: install pipmend again"
    return None


def _inactive(reason: str) -> Conclusion:
    return Conclusion(False, f"not active: {reason}")


def _why_not_loaded(report: Report) -> str:
    if report.hook_file is None:
        return f"no {_HOOK}.pth in this Python; do: install pipmend into it"
    if sys.version_info >= _IMPORT_LINES_END:
        return "this Python ignores import lines (PEP 829); do: upgrade pipmend"
    return f"Python did not run {report.hook_file.path}; do: install pipmend again"


def _run_elsewhere(python: Path, *, as_json: bool) -> int:
    if python.is_dir():
        scripts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        python = python.joinpath(*scripts)
    # A path through ".." makes Python 3.14 doubt its own prefix.
    interpreter = os.path.abspath(python)  # noqa: PTH100 - keeps the venv's link
    if not Path(interpreter).is_file():
        print(f"pipmend: there is no Python at {plain(python)}", file=sys.stderr)
        return _USAGE
    check = [interpreter, "-c", _FIND_PIPMEND]
    has_pipmend = not _call(check).returncode
    own = Path(pipmend.__file__).with_name("__main__.py")
    command = [interpreter, *(("-m", "pipmend") if has_pipmend else (str(own),))]
    command += ["status", *(("--json",) if as_json else ())]
    return subprocess.run(command, check=False).returncode  # noqa: S603


def _experiment(settings: config.Settings) -> Experiment:
    targets = sorted(target.value for target in settings.targets)
    done = _call([sys.executable, "-c", _EXPERIMENT, *targets])
    complaint = "".join(done.stderr.splitlines()[-1:])
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Experiment(failure=complaint or f"exit code {done.returncode}")
    return Experiment(**found, complaint=complaint)


def _cache_folder() -> Path | None:
    done = _call([sys.executable, "-m", "pip", "cache", "dir"])
    folder = done.stdout.strip()
    return Path(folder) if done.returncode == 0 and folder else None


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    # Elsewhere, since Python would import what lies in the current folder.
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run(  # noqa: S603
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"no answer within {_PATIENCE} seconds"
            return subprocess.CompletedProcess(command, 1, "", message)


def _site_folders() -> list[Path]:
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders = [site.getusersitepackages(), *folders]
    return [Path(folder) for folder in folders]


def _path_folders() -> list[Path]:
    value = os.environ.get("PYTHONPATH", "")
    if not value or sys.flags.ignore_environment:
        return []
    # An empty piece, often left by a shell, stands for the current folder.
    return [Path(entry).absolute() for entry in value.split(os.pathsep)]


def _lines(report: Report) -> Iterator[str]:
    experiment = report.experiment
    is_venv = sys.prefix != sys.base_prefix
    yield "Python"
    yield _row("interpreter", sys.executable)
    yield _row("version", platform.python_version())
    yield _row("prefix", sys.prefix)
    yield _row("venv", f"yes, of {sys.base_prefix}" if is_venv else "no")
    yield "pip"
    yield _row("version", experiment.pip_version or "none")
    yield _row("location", experiment.pip_location or "none")
    yield _row("cache", report.cache_folder or "none, or disabled")
    yield "pipmend"
    yield _row("version", pipmend.__version__)
    yield from _setting_lines(report)
    yield _row("gates", _gates(experiment))
    if Target.CACHECONTROL in report.settings.targets:
        yield _row("library", _library(experiment))
    yield _row("quarantine", report.quarantine or "none")
    yield _row("PEP 829", _timeline())
    yield "start-up files"
    for file in report.files:
        yield from _file_lines(file)
    for warning in _warnings(report):
        yield plain(f"warning: {warning}")


def _setting_lines(report: Report) -> Iterator[str]:
    """The settings, each with its source, and the files that may hold them."""
    sources = report.settings.sources
    for option, (label, value) in _settings(report).items():
        if value is not None:
            yield _row(label, f"{value} ({sources[option]})")
    for path in config.files():
        yield _row("settings", path if _exists(path) else f"{path} (not there)")


def _settings(report: Report) -> dict[Option, tuple[str, str | None]]:
    """A label for each setting, and its value in words; None if it is not set."""
    settings = report.settings
    age, total = settings.longest_age, settings.largest_total
    folder = report.log_folder or "unknown: platformdirs is missing"
    return {
        Option.MODE: ("mode", settings.mode.value),
        Option.TARGETS: ("targets", ", ".join(_targets(settings)) or "none"),
        Option.LONGEST_AGE: ("max age", None if age is None else age_text(age)),
        Option.LARGEST_TOTAL: ("max size", None if total is None else size_text(total)),
        Option.EVENTS_FOLDER: ("log folder", str(folder)),
    }


def _exists(path: Path) -> bool:
    # Path.exists raises in a folder that is closed to us.
    return os.path.exists(path)  # noqa: PTH110


def _targets(settings: config.Settings) -> list[str]:
    return [target.value for target in Target if target in settings.targets]


def _row(label: str, value: object) -> str:
    return f"  {label:<12} {plain(value)}"


def _gates(experiment: Experiment) -> str:
    if experiment.unfit is not None:
        return f"do not fit this pip: {experiment.unfit}"
    if experiment.layout is None:
        return "not in place"
    return f"fit this pip, cache layout {experiment.layout}"


def _library(experiment: Experiment) -> str:
    library = experiment.library
    if experiment.library_version is None:
        return "CacheControl is not in this Python"
    told = f"CacheControl {experiment.library_version}"
    if library.get("unfit") is not None:
        return f"{told}: the gates do not fit: {library['unfit']}"
    if library.get("layout") is None:
        reason = experiment.library_failure or "the gates are not in place"
        return f"{told}: {reason}"
    return f"{told}: the gates fit"


def _timeline() -> str:
    if sys.version_info >= _IMPORT_LINES_END:
        return "this Python ignores import lines in .pth files"
    return "import lines in .pth files work up to Python 3.17, and not from 3.18 on"


def _file_lines(file: StartupFile) -> Iterator[str]:
    owner = f" ({file.owner})" if file.owner else ""
    facts = f"{file.kind.value}, {file.size} bytes, RECORD {file.record.value}{owner}"
    if file.compiled is not None:
        facts += ", compiled" if file.compiled else ", not compiled"
    yield plain(f"  {file.path}")
    yield plain(f"    {facts}")
    yield plain(f"    sha256 {file.sha256 or 'unknown: cannot be read'}")
    for path in file.loose:
        yield plain(f"    others may write to {path}")


def _warnings(report: Report) -> Iterator[str]:
    yield from report.settings.problems
    for file in report.files:
        if file.record is RecordMatch.DIFFERS:
            yield f"{file.path} is not what {file.owner} installed"
        if file.path.stem == _HOOK and file.loose:
            yield f"others may change {file.path}: fix the permissions listed above"
        if file.path.stem == _HOOK and file.compiled is False:
            yield f"{file.path} is compiled anew at every start: install pipmend again"
    found = [file for file in report.files if file.kind is Kind.SITECUSTOMIZE]
    for file in found[1:]:
        yield f"{file.path} does not run: {found[0].path} comes first"


def _as_document(report: Report, conclusion: Conclusion) -> dict[str, object]:
    experiment = report.experiment
    return {
        "schema": 1,
        "active": conclusion.active,
        "conclusion": conclusion.sentence,
        "warnings": list(_warnings(report)),
        "python": {
            "executable": sys.executable,
            "version": platform.python_version(),
            "prefix": sys.prefix,
            "base_prefix": sys.base_prefix,
            "venv": sys.prefix != sys.base_prefix,
            "honours_import_lines": sys.version_info < _IMPORT_LINES_END,
        },
        "pip": {
            "version": experiment.pip_version,
            "location": experiment.pip_location,
            "cache": _text(report.cache_folder),
        },
        "pipmend": {
            "version": pipmend.__version__,
            "mode": report.settings.mode.value,
            "mode_source": report.settings.mode_source,
            "settings": _setting_documents(report.settings),
            "settings_files": [
                {"path": str(path), "exists": _exists(path)} for path in config.files()
            ],
            "hook_loaded": experiment.hook_loaded,
            "gates": experiment.gates,
            "failure": experiment.failure,
            "library_version": experiment.library_version,
            "library_failure": experiment.library_failure,
            "log_folder": _text(report.log_folder),
            "quarantine": _text(report.quarantine),
        },
        "startup_files": [_file_document(file) for file in report.files],
    }


def _setting_documents(settings: config.Settings) -> list[dict[str, object]]:
    age = settings.longest_age
    values: dict[Option, object] = {
        Option.MODE: settings.mode.value,
        Option.TARGETS: _targets(settings),
        Option.LONGEST_AGE: None if age is None else age / _DAY,
        Option.LARGEST_TOTAL: settings.largest_total,
        Option.EVENTS_FOLDER: _text(settings.events_folder),
    }
    return [
        {"name": option.value, "value": value, "source": settings.sources[option]}
        for option, value in values.items()
    ]


def _file_document(file: StartupFile) -> dict[str, object]:
    return {
        "path": str(file.path),
        "kind": file.kind.value,
        "size": file.size,
        "sha256": file.sha256,
        "owner": file.owner,
        "record": file.record.value,
        "loose": [str(path) for path in file.loose],
        "compiled": file.compiled,
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
