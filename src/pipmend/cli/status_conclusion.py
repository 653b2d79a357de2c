"""Whether pipmend is active in an interpreter and, if not, what to do about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from pipmend.cli.status_mechanisms import HOOK, Mechanism
from pipmend.config import Mode, Option, Target

if TYPE_CHECKING:
    from pipmend.cli.status_findings import Findings
    from pipmend.cli.status_mechanisms import Loader

_COMPLAINT = "pipmend: not active"
"""How a line begins in which a start-up file of pipmend says why."""

_OUT = "take the folder of that file out of PYTHONPATH"
_INSTEAD = {
    Mechanism.IMPORT_LINE: (
        "install pipmend again, from its wheel for Python 3.18 and later, or: "
        "pipmend enable"
    ),
    Mechanism.ENTRY_POINT: "install pipmend again, from its usual wheel",
    Mechanism.RUN: _OUT,
    Mechanism.SITECUSTOMIZE: _OUT,
    Mechanism.USERCUSTOMIZE: _OUT,
}
"""What to do about one that something hinders."""


class Conclusion(NamedTuple):
    """The answer in one sentence."""

    active: bool
    sentence: str


def conclude(findings: Findings) -> Conclusion:
    """Say whether pipmend is active and, if not, what to do about it."""
    experiment = findings.experiment
    if experiment.library_version and not _is_about_pip(findings):
        return _conclude_on_library(findings)
    if experiment.failure is not None:
        return _inactive(f"pip cannot start: {experiment.failure}; do: repair pip")
    if experiment.pip_version is None:
        return _inactive(f"this Python has no pip; do: {sys.executable} -m ensurepip")
    obstacle = _obstacle(findings)
    if obstacle is not None:
        return _inactive(obstacle)
    if experiment.unfit is not None:
        advice = "do: upgrade pip, or pipmend"
        return _inactive(f"the gates do not fit this pip: {experiment.unfit}; {advice}")
    if experiment.layout is None:
        return _inactive("pip's cache was not met; do: upgrade pip, or pipmend")
    if findings.settings.mode is Mode.OBSERVE:
        return Conclusion(
            True, "active: broken cache entries are recorded, not healed."
        )
    return Conclusion(True, "active: pip's cache heals itself in this Python.")


def _conclude_on_library(findings: Findings) -> Conclusion:
    obstacle = _obstacle(findings)
    if obstacle is not None:
        return _inactive(obstacle)
    if findings.experiment.library.get("layout") is None:
        return _inactive(
            f"the library CacheControl: {findings.experiment.library_words}"
        )
    done = "is recorded, not healed"
    if findings.settings.mode is Mode.HEAL:
        done = "heals"
    what = "what breaks in the caches of programs with CacheControl"
    return Conclusion(True, f"active: {what} {done}.")


def _is_about_pip(findings: Findings) -> bool:
    has_pip = findings.experiment.pip_version is not None
    return has_pip and Target.PIP in findings.settings.targets


def _obstacle(findings: Findings) -> str | None:
    """Why there are no gates at all, and what to do about it."""
    settings, experiment = findings.settings, findings.experiment
    if settings.mode is Mode.OFF:
        told = "set PIPMEND=heal in the environment"
        return f"off ({settings.mode_source}); do: {told}"
    if not experiment.hook_loaded:
        return _why_not_loaded(findings)
    if not (experiment.library_version or _is_about_pip(findings)):
        source = settings.sources[Option.TARGETS]
        return f"pip is no target ({source}); do: set PIPMEND_TARGETS=pip"
    if experiment.gates is None:
        reason = experiment.complaint or "stage 1 was not loaded"
        return f"{reason}; do: {_again(findings.loader)}"
    return None


def _again(loader: Loader | None) -> str:
    """How to repair what is there and does not work."""
    enabled = {Mechanism.SITECUSTOMIZE, Mechanism.USERCUSTOMIZE}
    is_enabled = loader is not None and loader.mechanism in enabled
    return "pipmend enable" if is_enabled else "install pipmend again"


def _inactive(reason: str) -> Conclusion:
    return Conclusion(False, f"not active: {reason}")


def _why_not_loaded(findings: Findings) -> str:
    """Why Python has not run stage 0, and what to do about it."""
    complaint = findings.experiment.complaint
    for loader in findings.working:
        silent = f"Python did not run {loader.path}"
        reason = complaint if complaint.startswith(_COMPLAINT) else silent
        return f"{reason}; do: {_again(loader)}"
    for loader in findings.loaders:
        hindrance = loader.hindrance(findings.version)
        advice = _INSTEAD[loader.mechanism]
        return f"{loader.path} does not count: {hindrance}; do: {advice}"
    return f"no {HOOK}.pth in this Python; do: install pipmend into it"
