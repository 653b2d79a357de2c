"""Pips on Pythons, and ways to environments: a sample by default, all with ``matrix``.

Each trial leaves its result in pytest's cache folder; ``python -m breadth.table``
makes the tables of the README from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breadth import pairs, readme, results, table, trial, ways
from breadth.results import Outcome, Result
from breadth.ways import Case
from lab.environments import WAYS, app
from lab.index_server import LocalIndex
from lab.packages import catalogue
from lab.pips import interpreters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from breadth.pairs import Pair
    from breadth.ways import Stock
    from lab.laboratory import Laboratory


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """An index for all trials of a worker."""
    with LocalIndex((*catalogue(), app())) as running:
        yield running


@pytest.fixture(scope="module")
def stock(
    lab: Laboratory, index: LocalIndex, tmp_path_factory: pytest.TempPathFactory
) -> Stock:
    """A warm cache for every pip."""
    return ways.stocked(lab.store, index, tmp_path_factory.mktemp("stock"))


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Path:
    """Where results are left for the tables."""
    return request.config.cache.mkdir(table.CACHE)


def marked(all_of_them: Iterable[object], sample: tuple[object, ...]) -> list[object]:
    """All as parameters; those beyond the sample carry the marker."""
    return [
        pytest.param(
            one, id=str(one), marks=[] if one in sample else [pytest.mark.matrix]
        )
        for one in all_of_them
    ]


@pytest.mark.parametrize("pair", marked(pairs.ALL, pairs.SAMPLE))
def test_a_pip_heals_on_a_python(
    pair: Pair, index: LocalIndex, lab: Laboratory, tmp_path: Path, kept: Path
) -> None:
    """Fifteen damages healed in three runs, odd entries left alone, and no trace."""
    result = trial.tried(pair, index, lab.store, tmp_path)
    results.add(kept, result)

    if result.outcome is Outcome.NOT_AVAILABLE and may_be_missing(pair):
        pytest.skip(result.reason)
    if result.outcome is Outcome.LEFT_ALONE and pair.pip == pairs.HEAD:
        pytest.skip(result.reason)
    assert result.outcome is Outcome.HEALS, result.reason


def may_be_missing(pair: Pair) -> bool:
    """Whether it is no failure of ours when there is no such pair.

    Pythons that are not installed, a pip without a release, and what pips say or do on
    Pythons that came after or before them. The rest must work wherever tests run.
    """
    if pair.python not in interpreters() or pair.pip == pairs.HEAD:
        return True
    pip = tuple(map(int, pair.pip.split(".")))[:2]
    oldest = pairs.OLDEST_PIP.get(pair.python, pip)
    return not oldest <= pip <= pairs.LAST_PIP.get(pair.python, pip)


@pytest.mark.parametrize("case", marked(ways.CASES, ways.SAMPLE))
def test_what_is_installed_in_an_environment_reaches_its_pip(
    case: Case, stock: Stock, tmp_path: Path, kept: Path
) -> None:
    """It heals; where another Python runs the pip, nothing is in force."""
    result = ways.tried(case, stock, tmp_path)
    results.add(kept, result)

    if result.outcome is Outcome.NOT_AVAILABLE:
        pytest.skip(result.reason)
    is_reached = WAYS[case.way].out_of_reach is None
    expected = Outcome.HEALS if is_reached else Outcome.NOT_REACHED
    assert result.outcome is expected, result.reason


def test_without_pipmend_no_way_heals(stock: Stock, tmp_path: Path) -> None:
    """The trial can fail: the same, and nothing installed anywhere."""
    result = ways.tried(Case("zipapp", "3.13"), stock, tmp_path, own=False)

    if result.outcome is Outcome.NOT_AVAILABLE:
        pytest.skip(result.reason)
    assert result.outcome is Outcome.FAILS
    assert result.reason.startswith("[]: ")


def some(outcome: Outcome, reason: str = "", pip: str = "26.3") -> Result:
    """A result of a pair."""
    return Result("pairs", pip, "3.9", outcome, reason, "", 1.0)


def test_results_come_back_and_the_last_one_counts(tmp_path: Path) -> None:
    """A trial that was repeated has one result."""
    for outcome in (Outcome.FAILS, Outcome.HEALS):
        results.add(tmp_path, some(outcome))
    results.add(tmp_path, some(Outcome.NOT_AVAILABLE, "gone", "20.3.4"))

    found = results.read(tmp_path / results.FILE)

    assert found == [some(Outcome.HEALS), some(Outcome.NOT_AVAILABLE, "gone", "20.3.4")]
    results.write(tmp_path / "other", found)
    assert results.read(tmp_path / "other") == found


def everything(outcome: Outcome, reason: str) -> list[Result]:
    """A result for each cell."""
    of_pairs = [Result("pairs", *pair, outcome, reason, "", 1.0) for pair in pairs.ALL]
    return of_pairs + [
        Result("ways", str(case), "environment", outcome, reason, "pip 1", 1.0)
        for case in ways.CASES
    ]


def test_each_cell_has_its_reason() -> None:
    """Equal reasons have one number, and are told once."""
    text = table.rendered(everything(Outcome.NOT_AVAILABLE, "no such thing"))

    assert text.count("| - [1]") == len(pairs.ALL) + len(ways.CASES)
    assert text.count("- [1] not available: no such thing") == 1
    assert "[2]" not in text


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "a cell has no result"),
        (everything(Outcome.HEALS, "")[1:], "a cell has no result"),
        (everything(Outcome.FAILS, "oh"), "20.3.4, 3.9 fails: oh"),
    ],
)
def test_nothing_else_is_published(found: list[Result], complaint: str) -> None:
    """Neither a failure nor a hole."""
    with pytest.raises(ValueError, match=complaint):
        table.rendered(found)


def test_the_tables_of_the_readme_are_generated() -> None:
    """From the results that are kept beside the tests."""
    shown = readme.part(readme.README.read_text(encoding="utf-8"), table.MARK)
    if shown is None and not table.KEPT.exists():
        pytest.skip("nothing is kept yet, and the README shows nothing")

    assert shown == table.rendered(results.read(table.KEPT))


def test_a_part_is_replaced_between_its_comments(tmp_path: Path) -> None:
    """And nothing beside it; without the comments nothing is written."""
    path = tmp_path / "README.md"
    path.write_text("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n")

    readme.write(path, "x", "new\nlines")

    assert readme.part(path.read_text(), "x") == "new\nlines"
    assert path.read_text().startswith("a\n<!-- x: begin -->\nnew\nlines\n<!-- x: end")
    assert path.read_text().endswith(" -->\nb\n")
    with pytest.raises(ValueError, match="y: begin"):
        readme.write(path, "y", "new")


def test_incomplete_results_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of a part of the matrix replace nothing."""
    monkeypatch.setattr(table, "KEPT", tmp_path / "kept")
    results.write(table.KEPT, everything(Outcome.HEALS, ""))
    results.add(tmp_path / "new", some(Outcome.HEALS))

    assert table.main(["--results", str(tmp_path / "new")]) == 1

    assert "a cell has no result" in capsys.readouterr().err
    assert table.main([]) == 0
    assert capsys.readouterr().out.count("| heals") == len(pairs.ALL) + len(ways.CASES)
