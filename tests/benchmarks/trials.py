"""Commands side by side: counted one by one, timed in rounds that take turns."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from instructions import Counted, Counter
from measured import FailedError, Ran, Runner

from lab.laboratory import Laboratory
from lab.pips import scratch_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SEED = {"PYTHONHASHSEED": "0"}
"""Counts repeat only with a seed that does not change."""


class WrongWorkError(Exception):
    """A run has done something else than what is to be measured."""


@dataclass(frozen=True)
class Scene:
    """What all parts of the benchmark share."""

    scratch: Path
    store: Path
    """For what comes from a package index; may be kept between runs."""
    pythons: Mapping[str, Path]
    pip: str
    rounds: int
    """0: nothing is timed."""
    is_quick: bool

    @property
    def python(self) -> str:
        """The one Python of parts that do not compare them."""
        return "3.11" if "3.11" in self.pythons else next(iter(self.pythons))

    def lab(self, part: str) -> Laboratory:
        """A laboratory for a part."""
        return Laboratory(self.store, self.folder(part) / "lab", dict(self.pythons))

    def folder(self, part: str) -> Path:
        """A scratch folder for a part."""
        made = self.scratch / part
        made.mkdir(exist_ok=True)
        return made


@dataclass(frozen=True)
class Trial:
    """A command that is counted and timed."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    prepare: Callable[[], object] = lambda: None
    """Is called before each run."""
    check: Callable[[], object] = lambda: None
    """Is called after each run, and raises if the work was not the expected one."""


def clean(home: Path) -> dict[str, str]:
    """An environment for trials, with user folders below ``home``."""
    return {**scratch_environment(home), **_SEED}


def warm_up(trial: Trial, times: int = 2) -> None:
    """Run it, so that byte code is there.

    Raises:
        FailedError: it has failed.
    """
    for _ in range(times):
        trial.prepare()
        command = list(map(str, trial.command))
        done = subprocess.run(
            command,
            env=dict(trial.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise FailedError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        trial.check()


def count(trial: Trial, scratch: Path) -> Counted:
    """Count the instructions of one run."""
    say(f"counting: {trial.name}")
    trial.prepare()
    counted = Counter(scratch, trial.environment).count(trial.command)
    trial.check()
    return counted


def timed(
    trials: Sequence[Trial], rounds: int, scratch: Path, *, keeps_output: bool = False
) -> dict[str, list[Ran]]:
    """Run all of them in turn, so many times; the results by name."""
    runs: dict[str, list[Ran]] = {trial.name: [] for trial in trials}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        # Forwards and backwards in turn: none of them always follows the same one.
        for trial in trials if number % 2 else reversed(trials):
            trial.prepare()
            runner = Runner(scratch, trial.environment)
            command = list(map(str, trial.command))
            ran = runner.run(command, keeps_output=keeps_output)
            trial.check()
            runs[trial.name].append(ran)
    return runs


def say(words: str) -> None:
    """Tell on stderr what is going on."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)
