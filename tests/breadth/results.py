"""What came of each trial, kept as JSON Lines from the run to the README."""

from __future__ import annotations

import enum
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.debian import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

FILE = "breadth.jsonl"
"""The name of a result file, in whatever folder."""


class Case(NamedTuple):
    """What is tried, on a Python."""

    subject: str
    """The version of a pip, or a way to have one."""
    python: str

    def __str__(self) -> str:
        return f"{self.subject}@{self.python}"


class Where(enum.Enum):
    """Where pipmend is installed."""

    ENVIRONMENT = "environment"
    """In the environment of the pip, and nowhere else."""
    INTERPRETER = "interpreter"
    """In no environment: one copy serves all of the interpreter."""


class Outcome(enum.Enum):
    """How a trial ended; each but the first has a reason."""

    HEALS = "heals"
    """Damage is healed, odd entries are left alone, healthy runs leave no trace."""
    LEFT_ALONE = "left alone"
    """pipmend sees that it does not fit, says so, and this pip works as without it."""
    NOT_REACHED = "not reached"
    """The pip that runs here does not load what was installed in this way."""
    NOT_AVAILABLE = "not available"
    """There is no such combination, or not on this machine."""
    FAILS = "fails"
    """Something else than one of these; never to be published."""


class Verdict(NamedTuple):
    """How a trial ended, and why so."""

    outcome: Outcome
    reason: str = ""
    """One sentence without a full stop; empty for ``HEALS``."""


class Result(NamedTuple):
    """The end of one trial."""

    table: str
    """Which table it belongs to: ``pairs`` or ``ways``."""
    case: str
    where: Where
    outcome: Outcome
    reason: str
    ran: str
    """The pip and the Python that the events name; empty where there are none."""
    seconds: float
    """How long the trial took."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is the result of."""
        return (self.table, self.case, self.where.value)


def tried(
    table: str, case: Case, where: Where, trial: Callable[[], tuple[Verdict, str]]
) -> Result:
    """Run a trial; that something cannot be had here is a result as well.

    Args:
        table: which one the result belongs to.
        case: what is tried.
        where: where pipmend is installed.
        trial: gives the verdict, and the pip that ran.
    """
    start = time.monotonic()
    try:
        verdict, ran = trial()
    except OutOfReachError as error:
        verdict, ran = Verdict(Outcome.NOT_AVAILABLE, str(error)), ""
    seconds = round(time.monotonic() - start, 1)
    return Result(table, str(case), where, *verdict, ran, seconds)


def add(folder: Path, result: Result) -> None:
    """Append a result to the file in a folder; several processes may do so at once."""
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_as_document(result), ensure_ascii=False) + "\n"
    with (folder / FILE).open("ab", buffering=0) as file:
        file.write(line.encode())


def read(path: Path) -> list[Result]:
    """The results of a file, in its order; of several about one thing the last.

    Raises:
        OSError: there is no such file.
        ValueError: a line is no result.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [_from_document(json.loads(line)) for line in lines]
    return list({result.key: result for result in found}.values())


def write(path: Path, results: Iterable[Result]) -> None:
    """Write a result file anew."""
    lines = [json.dumps(_as_document(one), ensure_ascii=False) for one in results]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _as_document(result: Result) -> dict[str, Any]:
    enums = {"where": result.where.value, "outcome": result.outcome.value}
    return {**result._asdict(), **enums}


def _from_document(document: dict[str, Any]) -> Result:
    try:
        where, outcome = Where(document["where"]), Outcome(document["outcome"])
        return Result(**{**document, "where": where, "outcome": outcome})
    except (TypeError, KeyError) as error:
        raise ValueError(f"no result: {document}") from error
