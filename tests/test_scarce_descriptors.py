"""Where there are just enough descriptors for plain pip, they are enough with pipmend.

The limit of open files is lowered until plain pip cannot install any more; from there
on upward pip with pipmend must do what plain pip does.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, faulty_run
from lab.damages import damage
from lab.faulty import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.faulty_run import Ended
    from lab.workbench import Warmed, Workbench

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="sets limits in a shell"
)

ENOUGH = 64
"""Every pip is content with so many."""
BEYOND, FAR_BEYOND = 3, 12
"""So many limits are tried from the least that plain pip can do with."""


def fresh(_: Workbench) -> None:
    """All is answered from the cache."""


def stale(bench: Workbench) -> None:
    """Everything is asked for again, and is as it was."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
        cache_files.encode(entry, document)


def silently_broken(bench: Workbench) -> None:
    """Broken in a way that plain pip takes for a miss."""
    stale(bench)
    for fragment in ("/simple/alpha/", "beta-1.5-py3"):
        damage("metadata-half").apply(bench.entry(fragment))


CACHES = (fresh, stale, silently_broken)


@dataclass(frozen=True)
class Stage:
    """Runs the pips of one version under a limit."""

    warmed: Warmed
    version: str
    folder: Path
    prepare: Callable[[Workbench], None]

    def run(self, limit: int, *, hooked: bool) -> Ended:
        """Install with so many descriptors."""
        shutil.rmtree(self.folder, ignore_errors=True)
        bench = self.warmed.bench(self.version, self.folder, "alpha", hooked=hooked)
        self.prepare(bench)
        bench.age()
        return faulty_run.run(bench, Row(before=f"ulimit -n {limit}"), "alpha")

    def least(self) -> int:
        """The lowest limit that lets plain pip install."""
        low, high = 3, ENOUGH
        assert self.run(high, hooked=False).run.returncode == 0
        while high - low > 1:
            middle = (low + high) // 2
            if self.run(middle, hooked=False).run.returncode == 0:
                high = middle
            else:
                low = middle
        return high


def cases() -> list[object]:
    """Each pip with each cache."""
    return [
        pytest.param("26.3", stale, BEYOND, id="26.3-stale", marks=pytest.mark.matrix),
        *(
            pytest.param(
                version,
                prepare,
                FAR_BEYOND,
                id=f"{version}-{prepare.__name__}-all",
                marks=pytest.mark.matrix,
            )
            for version in ("26.3", "23.2.1", "20.3.4")
            for prepare in CACHES
        ),
    ]


@pytest.mark.parametrize(("version", "prepare", "beyond"), cases())
def test_what_is_enough_for_plain_pip_is_enough(
    version: str,
    prepare: Callable[[Workbench], None],
    beyond: int,
    warmed: Warmed,
    tmp_path: Path,
) -> None:
    stage = Stage(warmed, version, tmp_path / "work", prepare)
    least = stage.least()
    expected = stage.run(ENOUGH, hooked=False)
    assert expected.files

    for limit in range(least, least + beyond):
        ended = stage.run(limit, hooked=True)
        assert ended.outcome == expected.outcome, f"{limit}\n{ended.run}"
