"""Pips on Pythons, and ways to environments: a sample by default, all with ``matrix``.

Each trial leaves its result in pytest's cache folder; ``python -m breadth.table``
makes the tables of the README from them.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from breadth import pairs, readme, results, table, trial, ways
from breadth.armed import Armed
from breadth.results import Case, Outcome, Result, Where
from breadth.stock import Stock
from lab.environments import WAYS, app
from lab.index_server import LocalIndex
from lab.packages import catalogue
from lab.pips import interpreters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lab.laboratory import Laboratory


_LIFETIME = 24 * 60 * 60
"""Seconds; all of the trials take longer than an index usually serves."""


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """An index for all trials of a worker."""
    with LocalIndex((*catalogue(), app()), lifetime=_LIFETIME) as running:
        yield running


@pytest.fixture(scope="module")
def stock(
    lab: Laboratory, index: LocalIndex, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    """What all trials of a worker draw on."""
    folder = tmp_path_factory.mktemp("stock")
    armed = Armed(lab, folder / "armed")
    yield Stock(lab, index, armed, folder)
    # It has many files, and pytest keeps those of three runs.
    shutil.rmtree(armed.folder, ignore_errors=True)


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Path:
    """Where results are left for the tables."""
    return request.config.cache.mkdir(table.CACHE)


def marked(
    all_of_them: Iterable[Case], samples: Mapping[Where, tuple[Case, ...]]
) -> list[object]:
    """All as parameters, once a place; those beyond the sample carry the marker."""
    return [
        pytest.param(
            case,
            where,
            id=f"{case}-{where.value}",
            marks=[] if case in samples[where] else [pytest.mark.matrix],
        )
        for where in Where
        for case in all_of_them
    ]


def chosen(stock: Stock, where: Where) -> Armed | None:
    """What has the interpreters, if pipmend is not in the environments."""
    return stock.armed if where is Where.INTERPRETER else None


@pytest.mark.parametrize(("pair", "where"), marked(pairs.ALL, pairs.SAMPLES))
def test_a_pip_heals_on_a_python(
    pair: Case, where: Where, stock: Stock, tmp_path: Path, kept: Path
) -> None:
    """Fifteen damages healed in three runs, odd entries left alone, and no trace."""
    result = trial.tried(pair, stock, tmp_path, armed=chosen(stock, where))
    results.add(kept, result)

    if result.outcome is Outcome.NOT_AVAILABLE and may_be_missing(pair):
        pytest.skip(result.reason)
    if result.outcome is Outcome.LEFT_ALONE and pair.subject == pairs.HEAD:
        pytest.skip(result.reason)
    assert result.outcome is Outcome.HEALS, result.reason


def test_a_pip_that_finds_nothing_is_no_result(stock: Stock, tmp_path: Path) -> None:
    """An index that does not answer must not look like a pip that does not run."""
    with LocalIndex(()) as empty:
        without = dataclasses.replace(stock, index=empty)
        pair = Case("26.3", stock.lab.default_python)

        with pytest.raises(AssertionError, match="nothing could be installed"):
            trial.tried(pair, without, tmp_path, armed=None)


def may_be_missing(pair: Case) -> bool:
    """Whether it is no failure of ours when there is no such pair.

    Pythons that are not installed, a pip without a release, and what pips say or do on
    Pythons that came after or before them. The rest must work wherever tests run.
    """
    if pair.python not in interpreters() or pair.subject == pairs.HEAD:
        return True
    pip = tuple(map(int, pair.subject.split(".")))[:2]
    oldest = pairs.OLDEST_PIP.get(pair.python, pip)
    return not oldest <= pip <= pairs.LAST_PIP.get(pair.python, pip)


@pytest.mark.parametrize(("case", "where"), marked(ways.CASES, ways.SAMPLES))
def test_what_is_installed_reaches_its_pip(
    case: Case, where: Where, stock: Stock, tmp_path: Path, kept: Path
) -> None:
    """It heals; in an environment alone, only if its own Python runs the pip."""
    result = ways.tried(case, stock, tmp_path, armed=chosen(stock, where))
    results.add(kept, result)

    if result.outcome is Outcome.NOT_AVAILABLE:
        pytest.skip(result.reason)
    is_reached = WAYS[case.subject].out_of_reach is None
    is_reached = is_reached or where is Where.INTERPRETER
    expected = Outcome.HEALS if is_reached else Outcome.NOT_REACHED
    assert result.outcome is expected, result.reason


def test_a_dormant_copy_heals_no_way(stock: Stock, tmp_path: Path) -> None:
    """The trial can fail: the same, and nothing is in force."""
    dormant = Armed(stock.lab, tmp_path / "armed", ("--opt-in",))
    folder = tmp_path / "trial"
    folder.mkdir()
    result = ways.tried(Case("zipapp", "3.13"), stock, folder, armed=dormant)
    shutil.rmtree(dormant.folder)

    if result.outcome is Outcome.NOT_AVAILABLE:
        pytest.skip(result.reason)
    assert result.outcome is Outcome.FAILS
    assert result.reason.startswith("[]: ")


def some(outcome: Outcome, reason: str = "", pip: str = "26.3") -> Result:
    """A result of a pair."""
    return Result(
        "pairs", f"{pip}@3.9", Where.ENVIRONMENT, outcome, reason, f"pip {pip}", 1.0
    )


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
    """A result for each trial."""
    cases = {"pairs": pairs.ALL, "ways": ways.CASES}
    return [
        Result(name, str(case), where, outcome, reason, "pip 1", 1.0)
        for name in cases
        for case in cases[name]
        for where in Where
    ]


CELLS = len(pairs.ALL) + len(Where) * len(ways.CASES)
"""One for both trials of a pair, one for each of a way."""


def test_each_cell_has_its_reason() -> None:
    """Equal reasons have one number, and are told once."""
    text = table.rendered(everything(Outcome.NOT_AVAILABLE, "no such thing"))

    assert text.count("- [1]") == CELLS + 1
    assert text.count("- [1] not available: no such thing") == 1
    assert "[2]" not in text


def test_what_differs_is_told_in_one_cell() -> None:
    """Of a pair, the environment first; each has its own number."""
    text = table.rendered(
        [*everything(Outcome.HEALS, ""), some(Outcome.LEFT_ALONE, "odd")]
    )

    assert text.count("| heals") == CELLS - 1
    assert text.count("| left alone [1] / heals |") == 1


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "a cell has no result"),
        (everything(Outcome.HEALS, "")[1:], "a cell has no result"),
        (everything(Outcome.HEALS, "")[:-1], "a cell has no result"),
        (everything(Outcome.FAILS, "oh"), "20.3.4@3.9, .* environment, fails: oh"),
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
    assert capsys.readouterr().out.count("| heals") == CELLS


def test_those_of_a_part_can_stand_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new ones count; a failure among them leaves all as it was."""
    monkeypatch.setattr(table, "KEPT", tmp_path / "kept")
    former = everything(Outcome.HEALS, "")
    for outcome, name in ((Outcome.LEFT_ALONE, "good"), (Outcome.FAILS, "bad")):
        results.add(tmp_path / name, some(outcome, "odd"))

    table.keep(tmp_path / "good", former)
    with pytest.raises(ValueError, match="fails: odd"):
        table.keep(tmp_path / "bad", former)

    found = results.read(table.KEPT)
    assert len(found) == len(former)
    assert set(found) - set(former) == {some(Outcome.LEFT_ALONE, "odd")}


@pytest.mark.parametrize("only", [None, *table.PARTS])
def test_a_run_finds_its_trials(only: str | None) -> None:
    """All that the tables need, by the names of the tests; and nothing else."""
    wanted = everything(Outcome.HEALS, "")
    if only is not None:
        wanted = [one for one in wanted if only in {one.table, one.where.value}]

    asked = [*table.command(only, "folder"), "--collect-only"]
    done = subprocess.run(
        asked, cwd=table.CHECKOUT, capture_output=True, text=True, check=False
    )

    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(collected) == len(wanted), done.stdout + done.stderr
