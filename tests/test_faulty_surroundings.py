"""In surroundings that fail, pip with pipmend is never worse than pip without it.

Each row of ``lab.faulty`` is tried with a healthy cache, where nothing but the name of
the environment may tell the two pips apart, and with a broken page, on which plain pip
ends in every run.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import faulty_run
from lab.damages import damage
from lab.faulty import ROWS, Row

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from lab.faulty_run import Ended
    from lab.workbench import Warmed

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="a shell and name spaces of Linux"
)

USUAL = "26.3"
OLDER = ("20.3.4", "23.2.1")

ESSENTIAL = (
    "wrapt-missing",
    "msgpack-too-old",
    "log-folder-is-a-file",
    "quarantine-is-a-file",
    "cache-on-a-full-disk",
    "cache-read-only",
    "cache-path-very-long",
    "cache-path-of-other-bytes",
    "nobody-with-folders-for-pip",
    "folder-is-gone",
    "locale-c",
    "stderr-closed",
    "stderr-full",
    "not-active-stderr-full",
    "warnings-are-errors",
)
"""Of the default run."""


ACTIONS = {"healed": ["quarantined"], "bypassed": ["bypassed"], "untold": []}
"""What the events say by the result of a row."""


@dataclass(frozen=True)
class Stage:
    """Runs the pips of one version in the same folder, one after the other."""

    warmed: Warmed
    version: str
    folder: Path
    row: Row

    def run(self, *, hooked: bool, broken: bool) -> tuple[Ended, list[dict[str, Any]]]:
        """One run in a new folder, and the events about corrupt entries."""
        shutil.rmtree(self.folder, ignore_errors=True)
        bench = self.warmed.bench(self.version, self.folder, "alpha", hooked=hooked)
        if broken:
            damage("body-empty").apply(bench.entry("/simple/alpha/"))
            bench.age()
        ended = faulty_run.run(bench, self.row, "alpha")
        readable = bench.log.is_file()
        return ended, bench.findings() if readable else []


def cases() -> list[object]:
    """Each row with each pip."""
    return [
        pytest.param(
            (version, name),
            id=f"{version}-{name}",
            marks=[]
            if version == USUAL and name in ESSENTIAL
            else [pytest.mark.matrix],
        )
        for version in (USUAL, *OLDER)
        for name in ROWS
    ]


@pytest.fixture
def stage(request: pytest.FixtureRequest, warmed: Warmed, tmp_path: Path) -> Stage:
    """The surroundings that the test names."""
    version, name = request.param
    row = ROWS[name]
    if not faulty_run.can_isolate(row.within):
        pytest.skip("such surroundings cannot be made here")
    if name.startswith("platformdirs") and version == USUAL:
        row = row._replace(result="healed")  # pip's own serves
    elif name == "platformdirs-runtime-error":
        row = row._replace(result="untold")  # so it says that there is no home
    return Stage(warmed, version, tmp_path / "work", row)


@pytest.mark.parametrize("stage", cases(), indirect=True)
def test_never_worse(stage: Stage) -> None:
    """A healthy cache is as without pipmend, a broken page too, or as a healthy one."""
    row = stage.row
    healthy, _ = stage.run(hooked=False, broken=False)
    hooked, _ = stage.run(hooked=True, broken=False)
    assert_equal(hooked, healthy, row)
    assert len(hooked.own_lines) <= may_say(row), str(hooked.run)
    assert hooked.litter - healthy.litter <= may_leave(row)

    hooked, events = stage.run(hooked=True, broken=True)
    fails = healthy.run.returncode != 0  # in these surroundings, whatever is cached
    is_healed = row.result != "as plain"
    expected = healthy
    if not is_healed or (fails and hooked.outcome != healthy.outcome):
        expected, _ = stage.run(hooked=False, broken=True)
    assert_equal(hooked, expected, row)
    assert hooked.litter - expected.litter <= {"home/state"}
    if is_healed and not fails:
        assert [event["action"] for event in events] == ACTIONS[row.result]
        assert len(hooked.own_lines) == row.is_seen, str(hooked.run)


def assert_equal(hooked: Ended, plain: Ended, row: Row) -> None:
    """Nothing that pip says or does tells the two apart."""
    assert hooked.outcome == plain.outcome, f"{hooked.run}\n{plain.run}"
    if row.same_stderr:
        assert hooked.lines == plain.lines


def may_say(row: Row) -> int:
    """The lines that pipmend may print where nothing is broken."""
    return 1 if row.result == "as plain" else 0


def may_leave(row: Row) -> set[str]:
    """What pipmend may leave in the home where nothing is broken."""
    return {"home/state"} if row.result == "as plain" else set()


def test_the_page_breaks_plain_pip(warmed: Warmed, tmp_path: Path) -> None:
    """The tests above can fail, and where nothing is wrong they have one result."""
    stage = Stage(warmed, USUAL, tmp_path / "work", Row())

    healthy, _ = stage.run(hooked=False, broken=False)
    plain, _ = stage.run(hooked=False, broken=True)
    hooked, events = stage.run(hooked=True, broken=True)

    assert plain.run.returncode == 1
    assert not plain.files
    assert hooked.outcome == healthy.outcome
    assert len(hooked.own_lines) == len(events) == 1
