"""The tables of the README from the results of trials; every cell has its reason.

With ``tests`` in PYTHONPATH, where the tests run:

  python -m breadth.table                        print the tables from the kept results
  python -m breadth.table --run                  run everything and keep the results
  python -m breadth.table --run --only ways      run a part, and keep the other results
  python -m breadth.table --results FOLDER       take them from another folder
  python -m breadth.table --readme README.md     put the tables into a file
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from breadth import readme, results, ways
from breadth.pairs import PIPS, PYPY, PYTHONS
from breadth.results import Case, Outcome, Result, Where
from lab.environments import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MARK = "breadth"
"""The name of the comments around the tables."""

KEPT = Path(__file__).with_name(results.FILE)
"""The results that the README was made from."""

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = "breadth"
"""Where tests leave their results, below pytest's own cache folder."""

TRIALS = ("heals_on_a_python", "reaches_its_pip")
"""What the names of the tests have in them that are trials."""

PARTS = {
    "pairs": TRIALS[0],
    "ways": TRIALS[1],
    **{place.value: f"({' or '.join(TRIALS)}) and {place.value}" for place in Where},
}
"""What can be run alone, as pytest chooses it."""

LEGEND = """\
Everything was tried twice: with pipmend installed into the environment; and with
nothing in it, where one copy for all serves the interpreter (`install_hook.py
--global`). A cell of the first table is the result of both."""


class Notes:
    """Reasons, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, found: Iterable[Result | None]) -> str:
        """The text of a cell: what its results have in common, or all of it.

        Raises:
            ValueError: a trial failed, or there was none: nothing to publish.
        """
        return " / ".join(dict.fromkeys(map(self._text, found)))

    def _text(self, result: Result | None) -> str:
        if result is None:
            raise ValueError("a cell has no result; run everything first")
        if result.outcome is Outcome.FAILS:
            case, where, reason = result.case, result.where.value, result.reason
            raise ValueError(f"{case}, installed into the {where}, fails: {reason}")
        if result.outcome is Outcome.HEALS:
            return "heals"
        text = f"{result.outcome.value}: {result.reason}"
        number = self._numbers.setdefault(text, len(self._numbers) + 1)
        is_missing = result.outcome is Outcome.NOT_AVAILABLE
        return f"{'-' if is_missing else result.outcome.value} [{number}]"

    def lines(self) -> list[str]:
        """One line for each reason."""
        return [f"- [{number}] {text}" for text, number in self._numbers.items()]


class Row(NamedTuple):
    """One line of a table."""

    cells: tuple[str, ...]

    def __str__(self) -> str:
        return f"| {' | '.join(self.cells)} |"


def rendered(found: Iterable[Result]) -> str:
    """Both tables and the reasons, as Markdown.

    Raises:
        ValueError: a cell would be unexplained.
    """
    by_key = {result.key: result for result in found}
    notes = Notes()
    pairs = _pairs(by_key, notes)
    environments = _ways(by_key, notes)
    return "\n".join([LEGEND, "", *pairs, "", *environments, "", *notes.lines()])


def _of(
    by_key: Mapping[tuple[str, str, str], Result], table: str, case: Case
) -> list[Result | None]:
    """The results of a case, one for each place where pipmend can be installed."""
    return [by_key.get((table, str(case), where.value)) for where in Where]


def _pairs(by_key: Mapping[tuple[str, str, str], Result], notes: Notes) -> list[str]:
    names = [name.replace("pypy", "PyPy ") for name in PYTHONS]
    lines = [Row(("pip", *names)), Row(("---",) * (len(names) + 1))]
    for pip in PIPS:
        cases = (Case(pip, name) for name in PYTHONS)
        cells = (notes.cell(_of(by_key, "pairs", case)) for case in cases)
        lines.append(Row((pip, *cells)))
    return [str(line) for line in lines]


def _ways(by_key: Mapping[tuple[str, str, str], Result], notes: Notes) -> list[str]:
    titles = [f"installed into the {where.value}" for where in Where]
    lines = [Row(("way", "the pip that ran", *titles))]
    lines.append(Row(("---",) * (len(titles) + 2)))
    for case in ways.CASES:
        found = _of(by_key, "ways", case)
        known = dict.fromkeys(one.ran for one in found if one is not None and one.ran)
        ran = " / ".join(known) or f"Python {case.python.removeprefix('pypy')}"
        if case.python == PYPY:
            ran = ran.replace("Python", "PyPy")
        cells = (notes.cell([one]) for one in found)
        lines.append(Row((WAYS[case.subject].title, ran, *cells)))
    return [str(line) for line in lines]


def keep(folder: Path, others: Iterable[Result] = ()) -> None:
    """Take the results of a folder as those that the README is made from.

    Args:
        folder: where a run has left them.
        others: stay, if the folder has none of the same trial.

    Raises:
        OSError: there are none.
        ValueError: they cannot be read, or a cell would be unexplained.
    """
    found = {one.key: one for one in (*others, *results.read(folder / results.FILE))}
    rendered(found.values())
    results.write(KEPT, (found[key] for key in sorted(found)))


def run(only: str | None) -> bool:
    """Run the trials and keep their results, if all went as they should.

    Args:
        only: one of ``PARTS``; None runs everything.

    Raises:
        OSError: there are no results.
        ValueError: a cell would be unexplained.
    """
    with tempfile.TemporaryDirectory(prefix="pipmend-breadth-") as folder:
        done = subprocess.run(command(only, folder), cwd=CHECKOUT, check=False)
        if done.returncode == 0:
            others = results.read(KEPT) if only is not None else ()
            keep(Path(folder, "d", CACHE), others)
    return done.returncode == 0


def command(only: str | None, folder: str) -> list[str]:
    """What runs the trials, or a part of them, and leaves the results in a folder."""
    chosen = " or ".join(TRIALS) if only is None else PARTS[only]
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-m", ""]
    return [*pytest, "-o", f"cache_dir={folder}", "-k", chosen, "tests/test_breadth.py"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or put them into a file; 1 if they cannot be made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="store_true", help="run the trials first")
    parser.add_argument("--only", choices=PARTS, help="of these, just this part")
    parser.add_argument("--results", type=Path, metavar="FOLDER")
    parser.add_argument("--readme", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        if given.run and not run(given.only):
            return 1
        if given.results is not None:
            keep(given.results)
        text = rendered(results.read(KEPT))
        if given.readme is None:
            print(text)
        else:
            readme.write(given.readme, MARK, text)
    except (OSError, ValueError) as error:
        print(f"breadth: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
