"""A plugin for the pytest of another project: how each test ended, as JSON Lines.

It is copied into the environment of those tests, so it imports nothing from here.
"""

from __future__ import annotations

import json
import os
from typing import Any

NAME = "pipmend_outcomes"
"""The module, where it is copied to."""

OPTION = "--pipmend-outcomes"


def pytest_addoption(parser: Any) -> None:  # noqa: ANN401
    """Ask for the file that the outcomes are appended to."""
    parser.addoption(OPTION, metavar="FILE", required=True)


def pytest_configure(config: Any) -> None:  # noqa: ANN401
    """Start to record."""
    path = config.getoption(OPTION)
    config.pluginmanager.register(_Chosen(path))
    if not hasattr(config, "workerinput"):  # what workers report comes here as well
        config.pluginmanager.register(_Ended(path))


class _Chosen:
    """Notes which tests are left out; only those that collect tests know."""

    def __init__(self, path: str) -> None:
        self._path = path

    def pytest_deselected(self, items: Any) -> None:  # noqa: ANN401
        for item in items:
            _add(self._path, item.nodeid, "collect", "deselected", "")


class _Ended:
    """Notes the end of each phase of each test."""

    def __init__(self, path: str) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: Any) -> None:  # noqa: ANN401
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if outcome == "skipped" else "xpassed"
        _add(self._path, report.nodeid, report.when, outcome, _reason(report))

    def pytest_collectreport(self, report: Any) -> None:  # noqa: ANN401
        if report.outcome != "passed":
            outcome, reason = report.outcome, _reason(report)
            _add(self._path, report.nodeid, "collect", outcome, reason)


def _reason(report: Any) -> str:  # noqa: ANN401
    """The first line of what was raised."""
    found = report.longrepr
    if isinstance(found, tuple):  # skipped: file, line, reason
        text = str(found[2])
    else:
        crash = getattr(found, "reprcrash", None)
        text = str(getattr(crash, "message", found or "")).strip()
    return text.splitlines()[0] if text else ""


def _add(path: str, test: str, phase: str, outcome: str, reason: str) -> None:
    line = json.dumps([test, phase, outcome, reason]) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())  # in one piece, beside those of other workers
    finally:
        os.close(file)
