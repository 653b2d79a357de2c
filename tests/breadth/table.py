"""The tables of the README from the results of trials; every cell has its reason.

With ``tests`` in PYTHONPATH, where the tests run:

  python -m breadth.table                        print the tables from the kept results
  python -m breadth.table --run                  run everything and keep the results
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
from breadth.results import Outcome, Result
from lab.environments import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MARK = "breadth"
"""The name of the comments around the tables."""

KEPT = Path(__file__).with_name(results.FILE)
"""The results that the README was made from."""

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = "breadth"
"""Where tests leave their results, below pytest's own cache folder."""


class Notes:
    """Reasons, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, result: Result | None) -> str:
        """The text of a cell.

        Raises:
            ValueError: the trial failed, or there was none: nothing to publish.
        """
        if result is None:
            raise ValueError("a cell has no result; run everything first")
        if result.outcome is Outcome.FAILS:
            raise ValueError(f"{result.row}, {result.column} fails: {result.reason}")
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
    return "\n".join([*pairs, "", *environments, "", *notes.lines()])


def _pairs(by_key: dict[tuple[str, str, str], Result], notes: Notes) -> list[str]:
    names = [name.replace("pypy", "PyPy ") for name in PYTHONS]
    lines = [Row(("pip", *names)), Row(("---",) * (len(names) + 1))]
    for pip in PIPS:
        cells = (notes.cell(by_key.get(("pairs", pip, name))) for name in PYTHONS)
        lines.append(Row((pip, *cells)))
    return [str(line) for line in lines]


def _ways(by_key: dict[tuple[str, str, str], Result], notes: Notes) -> list[str]:
    """One row a way; what is installed for the interpreter has a column if tried."""
    is_tried = {column for table, _, column in by_key if table == "ways"}
    columns = [name for name in ways.COLUMNS if name in is_tried]
    titles = [f"installed into the {name}" for name in columns]
    lines = [Row(("way", "the pip that ran", *titles))]
    lines.append(Row(("---",) * (len(titles) + 2)))
    for case in ways.CASES:
        found = [by_key.get(("ways", str(case), name)) for name in columns]
        known = [one.ran for one in found if one is not None and one.ran]
        ran = (*known, f"Python {case.python.removeprefix('pypy')}")[0]
        if case.python == PYPY:
            ran = ran.replace("Python", "PyPy")
        cells = (notes.cell(one) for one in found)
        lines.append(Row((WAYS[case.way].title, ran, *cells)))
    return [str(line) for line in lines]


def keep(folder: Path) -> None:
    """Take the results of a folder as those that the README is made from.

    Raises:
        OSError: there are none.
        ValueError: they cannot be read, or a cell would be unexplained.
    """
    found = results.read(folder / results.FILE)
    rendered(found)
    results.write(KEPT, sorted(found, key=lambda result: result.key))


def run_everything() -> bool:
    """Run all trials and keep their results, if all went as they should.

    Raises:
        OSError: there are no results.
        ValueError: a cell would be unexplained.
    """
    with tempfile.TemporaryDirectory(prefix="pipmend-breadth-") as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-m", ""]
        options = ["-o", f"cache_dir={folder}", "tests/test_breadth.py"]
        options += ["-k", "heals_on_a_python or reaches_its_pip"]
        done = subprocess.run([*command, *options], cwd=CHECKOUT, check=False)
        if done.returncode == 0:
            keep(Path(folder, "d", CACHE))
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or put them into a file; 1 if they cannot be made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="store_true", help="run everything first")
    parser.add_argument("--results", type=Path, metavar="FOLDER")
    parser.add_argument("--readme", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        if given.run and not run_everything():
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
