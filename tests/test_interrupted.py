"""Ctrl-C at any call of ours: pip ends as without us, and the next run is right.

Interrupted are a run that heals a page, and one that fails and is looked at afterwards.
"""

from __future__ import annotations

import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, interruption
from lab.damages import damage
from lab.workbench import Warmed, lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from lab.pips import Run
    from lab.workbench import Workbench

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

HEALING, FAILING = "alpha", "beta==9.9"
"""What pip is told to install."""

OURS, AFTERWARDS = "/pipmend/", "/pipmend/post_mortem.py"
PLAIN, PRINTING = "/cachecontrol/", "/logging/__init__.py"
"""What is called in a pip without pipmend."""
NEVER = 10**9
CANCELLED = "ERROR: Operation cancelled by user"
FAILED = "ERROR: No matching distribution found for beta==9.9"
PRINTS_ERROR = "in note_error"
"""In the traceback of an interrupt while pip prints its own error."""
SWALLOWED = "Exception ignored in: <generator object"
"""What Python itself makes of an interrupt while it ends a generator."""


@dataclass(frozen=True)
class Stage:
    """Runs a pip on a cache, and sends it a signal."""

    warmed: Warmed
    folder: Path

    def run(
        self, wanted: str, at: int, where: str = OURS, number: int = signal.SIGINT
    ) -> tuple[Run, Workbench]:
        """Run a pip in a new folder and send it a signal at a call in some code."""
        shutil.rmtree(self.folder, ignore_errors=True)
        hooked = where not in {PLAIN, PRINTING}
        bench = self.warmed.bench("26.3", self.folder, "alpha", hooked=hooked)
        if wanted == HEALING:
            damage("body-empty").apply(bench.entry("/simple/alpha/"))
        else:
            expire(bench.entry("/simple/beta/"))
        bench.age()
        switch = self.folder / "switch"
        switch.mkdir()
        shutil.copy(interruption.__file__, switch / "sitecustomize.py")
        env = {
            "PYTHONPATH": str(switch),
            "LAB_SIGNAL_AT": str(at),
            "LAB_SIGNAL": str(int(number)),
            "LAB_SIGNAL_IN": where,
            "LAB_SIGNAL_COUNT": str(self.folder / "count"),
        }
        return bench.install(wanted, env=env), bench

    def points(self, wanted: str, count: int, where: str = OURS) -> list[int]:
        """So many calls of a run in some code, evenly distributed."""
        self.run(wanted, NEVER, where)
        calls = int((self.folder / "count").read_text())
        assert calls > 5
        return [calls * (number + 1) // (count + 1) for number in range(count)]


def expire(entry: cache_files.HttpEntry) -> None:
    """Let a response be old, so that pip asks whether it has changed."""
    document = cache_files.decode(entry)
    document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
    cache_files.encode(entry, document)


@pytest.fixture
def stage(warmed: Warmed, tmp_path: Path) -> Stage:
    """A stage in an empty folder."""
    return Stage(warmed, tmp_path / "work")


@pytest.mark.parametrize("count", [4, pytest.param(25, marks=pytest.mark.matrix)])
def test_an_interrupted_heal_is_a_cancelled_pip(count: int, stage: Stage) -> None:
    for at in stage.points(HEALING, count):
        run, bench = stage.run(HEALING, at)
        if SWALLOWED in run.stderr:
            assert run.returncode == 0, f"{at}: {run}"
        else:
            check_end(run, at, {CANCELLED})
        check_next(bench, stage, at)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (AFTERWARDS, 3),
        pytest.param(AFTERWARDS, 9, marks=pytest.mark.matrix),
        pytest.param(OURS, 25, marks=pytest.mark.matrix),
    ],
)
def test_an_impatient_person_gets_the_failure_of_pip(
    where: str, count: int, stage: Stage
) -> None:
    for at in stage.points(FAILING, count, where):
        run, _ = stage.run(FAILING, at, where)
        check_end(run, at, {CANCELLED, FAILED})


def test_plain_pip_has_no_hold_on_itself_while_it_imports(stage: Stage) -> None:
    """The interpreter itself ends it, with a traceback."""
    run, _ = stage.run(FAILING, 1, PLAIN)

    assert run.returncode == -signal.SIGINT, str(run)
    assert not run.stdout


@pytest.mark.matrix
def test_plain_pip_has_no_hold_on_itself_while_it_prints_its_error(
    stage: Stage,
) -> None:
    at = stage.points(FAILING, 20, PRINTING)[-1]

    run, _ = stage.run(FAILING, at, PRINTING)

    assert run.returncode == -signal.SIGINT, str(run)
    assert "logger.critical" in run.stderr


@pytest.mark.parametrize("count", [1, pytest.param(30, marks=pytest.mark.matrix)])
def test_a_terminated_pip_is_terminated(count: int, stage: Stage) -> None:
    for at in stage.points(HEALING, count):
        run, bench = stage.run(HEALING, at, number=signal.SIGTERM)
        assert run.returncode == -signal.SIGTERM, f"{at}: {run}"
        check_next(bench, stage, at)


def check_end(run: Run, at: int, last_lines: set[str]) -> None:
    """One of these is said, or pip ends as it does where it has no hold on itself."""
    if run.returncode == -signal.SIGINT:
        has_begun = bool(run.stdout)
        assert not has_begun or PRINTS_ERROR in run.stderr, f"{at}: {run}"
    else:
        assert run.returncode == 1, f"{at}: {run}"
        assert run.stderr.splitlines()[-1] in last_lines, f"{at}: {run}"
        assert "Traceback" not in run.stderr, f"{at}: {run}"


def check_next(bench: Workbench, stage: Stage, at: int) -> None:
    """One more run is right, and then there is nothing left to heal."""
    run = bench.install(HEALING)
    assert run.returncode == 0, f"{at}: {run}"
    assert bench.files == stage.warmed.installed("26.3", HEALING), at
    assert len(bench.quarantine) == 1, at
    bench.age()
    assert not lines_of(bench.install(HEALING, check=True)), at
