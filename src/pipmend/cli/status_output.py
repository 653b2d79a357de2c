"""What ``pipmend status`` prints: findings in lines, and as a document."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

import pipmend
from pipmend import config
from pipmend.cli import status_mechanisms
from pipmend.cli.output import age_text, plain, size_text
from pipmend.cli.status_mechanisms import HOOK, Mechanism, text_of
from pipmend.config import Option, Target
from pipmend.startup_files import Kind, RecordMatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipmend.cli.status_conclusion import Conclusion
    from pipmend.cli.status_findings import Findings
    from pipmend.cli.status_mechanisms import Loader
    from pipmend.config import Settings
    from pipmend.startup_files import StartupFile

_DAY = 24 * 3600


def lines(findings: Findings) -> Iterator[str]:
    """Everything that was found, in lines for a person."""
    experiment = findings.experiment
    is_venv = sys.prefix != sys.base_prefix
    yield "Python"
    yield _row("interpreter", sys.executable)
    yield _row("version", platform.python_version())
    yield _row("prefix", sys.prefix)
    yield _row("venv", f"yes, of {sys.base_prefix}" if is_venv else "no")
    yield "pip"
    yield _row("version", experiment.pip_version or "none")
    yield _row("location", experiment.pip_location or "none")
    yield _row("cache", findings.cache_folder or "none, or disabled")
    yield "pipmend"
    yield _row("version", pipmend.__version__)
    yield from _loader_lines(findings)
    yield from _setting_lines(findings)
    yield _row("gates", experiment.gates_words)
    if Target.CACHECONTROL in findings.settings.targets:
        yield _row("library", experiment.library_words)
    yield _row("quarantine", findings.quarantine or "none")
    yield "start-up files"
    for file in findings.files:
        yield from _file_lines(file)
    for warning in warnings(findings):
        yield plain(f"warning: {warning}")


def _loader_lines(findings: Findings) -> Iterator[str]:
    """What makes Python run stage 0, until when, and what does not."""
    hook = findings.experiment.hook_path
    if hook is None:
        yield _row("loaded by", "nothing")
    elif findings.loader is None:
        yield _row("loaded by", f"something else, as {hook}")
    label = "loaded by"
    for loader in findings.loaders:
        hindrance = loader.hindrance(findings.version)
        if hindrance is not None:
            yield _row("not by", f"{loader.words}: {hindrance}")
        elif hook is not None:
            yield _row(label, loader.words)
            yield _row("until", loader.until)
            label = "also by"


def _setting_lines(findings: Findings) -> Iterator[str]:
    """The settings, each with its source, and the files that may hold them."""
    sources = findings.settings.sources
    for option, (label, value) in _settings(findings).items():
        if value is not None:
            yield _row(label, f"{value} ({sources[option]})")
    for path in config.files():
        yield _row("settings", path if _exists(path) else f"{path} (not there)")


def _settings(findings: Findings) -> dict[Option, tuple[str, str | None]]:
    """A label for each setting, and its value in words; None if it is not set."""
    settings = findings.settings
    age, total = settings.longest_age, settings.largest_total
    folder = findings.log_folder or "unknown: platformdirs is missing"
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


def _targets(settings: Settings) -> list[str]:
    return [target.value for target in Target if target in settings.targets]


def _row(label: str, value: object) -> str:
    return f"  {label:<12} {plain(value)}"


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


def warnings(findings: Findings) -> Iterator[str]:
    """What a person should know of the settings and of the start-up files."""
    yield from findings.settings.problems
    hook = findings.experiment.hook_path
    for file in findings.files:
        if file.record is RecordMatch.DIFFERS:
            yield f"{file.path} is not what {file.owner} installed"
        is_own = file.path.stem == HOOK or str(file.path) == hook
        if is_own and file.loose:
            yield f"others may change {file.path}: fix the permissions listed above"
        if is_own and file.compiled is False:
            yield f"{file.path} is compiled anew at every start: install pipmend again"
    found = status_mechanisms.with_rivals(findings.files, Kind.SITECUSTOMIZE)
    for file, rival in found:
        if rival is not None:
            yield f"{file.path} does not run: {rival} comes first"


def document(findings: Findings, conclusion: Conclusion) -> dict[str, object]:
    """Everything that was found, as one JSON object."""
    experiment = findings.experiment
    return {
        "schema": 1,
        "active": conclusion.active,
        "conclusion": conclusion.sentence,
        "warnings": list(warnings(findings)),
        "python": {
            "executable": sys.executable,
            "version": platform.python_version(),
            "prefix": sys.prefix,
            "base_prefix": sys.base_prefix,
            "venv": sys.prefix != sys.base_prefix,
            "honours_import_lines": Mechanism.IMPORT_LINE.is_in(findings.version),
        },
        "pip": {
            "version": experiment.pip_version,
            "location": experiment.pip_location,
            "cache": _text(findings.cache_folder),
        },
        "pipmend": {
            "version": pipmend.__version__,
            "mode": findings.settings.mode.value,
            "mode_source": findings.settings.mode_source,
            "settings": _setting_documents(findings.settings),
            "settings_files": [
                {"path": str(path), "exists": _exists(path)} for path in config.files()
            ],
            "hook_loaded": experiment.hook_loaded,
            "hook_path": experiment.hook_path,
            "mechanism": findings.loader and findings.loader.mechanism.value,
            "loaders": [_loader_document(one, findings) for one in findings.loaders],
            "gates": experiment.gates,
            "failure": experiment.failure,
            "library_version": experiment.library_version,
            "library_failure": experiment.library_failure,
            "log_folder": _text(findings.log_folder),
            "quarantine": _text(findings.quarantine),
        },
        "startup_files": [_file_document(file) for file in findings.files],
    }


def _loader_document(loader: Loader, findings: Findings) -> dict[str, object]:
    first, last = loader.mechanism.first, loader.mechanism.last
    return {
        "mechanism": loader.mechanism.value,
        "path": str(loader.path),
        "first_python": first and text_of(first),
        "last_python": last and text_of(last),
        "hindrance": loader.hindrance(findings.version),
    }


def _setting_documents(settings: Settings) -> list[dict[str, object]]:
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
