"""The same tests without pipmend and with it: do they end in the same way?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from upstream import endings, sources
from upstream import ground as grounds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.laboratory import Laboratory
    from upstream.endings import Difference, Endings
    from upstream.ground import Ground, Ran
    from upstream.projects import Project

ATTEMPTS = 3
"""How often a test is run in each way before a difference counts."""


class Asked(NamedTuple):
    """What is to be compared."""

    project: Project
    version: str
    python: str
    """Such as ``3.11``."""
    given: Path | None = None
    """A folder or an archive with the sources; None takes the sdist."""
    beside: tuple[str, ...] = ()
    """Requirements that are installed last, such as another version of pip."""
    arguments: tuple[str, ...] = ()
    """For pytest, behind those of the project."""


class Compared(NamedTuple):
    """The result of a comparison."""

    asked: Asked
    interpreter: str
    """Its whole version."""
    plain: Ran
    hooked: Ran
    steady: tuple[Difference, ...]
    """What is different with pipmend every time."""
    unsteady: tuple[Difference, ...]
    """What was different once, and ends now so, now so in one of both ways."""

    @property
    def unwanted(self) -> list[Difference]:
        """The differences of every time that are not by design."""
        design = self.asked.project.by_design
        return [one for one in self.steady if one.test not in design]

    @property
    def designed(self) -> list[Difference]:
        """The other ones."""
        design = self.asked.project.by_design
        return [one for one in self.steady if one.test in design]

    @property
    def doubts(self) -> list[str]:
        """Why the comparison proves nothing."""
        plain, hooked = self.plain.witnessed, self.hooked.witnessed
        passed = {test for test, one in self.plain.endings.items() if one.is_pass}
        different = {one.test for one in self.steady}
        due = passed & {*self.asked.project.by_design}
        found = {
            "no test passes without pipmend": not passed,
            "what pipmend has to prevent was not prevented": not due <= different,
            "no process without pipmend has loaded a CacheControl": not plain.processes,
            "there is pipmend in the runs without it": plain.untouched
            != plain.processes,
            "no process with pipmend has loaded a CacheControl": not hooked.processes,
            "a process with pipmend was not armed": hooked.armed != hooked.processes,
            "no cache has got the gates": not hooked.fitted,
        }
        return [doubt for doubt, holds in found.items() if holds]

    @property
    def is_same(self) -> bool:
        """Whether it is shown that pipmend makes no difference but by design."""
        return not self.unwanted and not self.doubts


def compare(asked: Asked, lab: Laboratory, folder: Path) -> Compared:
    """Run the tests without pipmend, with it, and again what differs.

    Args:
        asked: what is compared.
        lab: where Pythons and downloads are.
        folder: is made.

    Raises:
        OutOfReachError: the tests cannot be had, or what they need.
    """
    project, version = asked.project, asked.version
    folder.mkdir()
    source = grounds.source_in(folder)
    sources.unpacked(project, version, lab.store, source, asked.given)
    steps = project.steps(version, source)
    ground = grounds.made(lab, folder, asked.python, project.variables)
    ground.prepare(steps)
    if asked.beside:
        ground.prepare((("install", *asked.beside),))
    if project.only_tests:
        sources.strip(ground.source)
    chosen = (*project.options, *asked.arguments)
    files = sources.files(project, ground.source)
    plain = ground.run(*chosen, *files)
    ground.hook()
    hooked = ground.run(*chosen, *files)
    found = endings.differences(plain.endings, hooked.endings)
    steady = set(_steady(ground, [one.test for one in found])) if found else set()
    return Compared(
        asked,
        ground.machine.base.version,
        plain,
        hooked,
        tuple(one for one in found if one.test in steady),
        tuple(one for one in found if one.test not in steady),
    )


def _steady(ground: Ground, tests: Sequence[str]) -> list[str]:
    """Those of the tests that end in one way with pipmend, in another without."""
    having = [ground.run(*tests).endings for _ in range(ATTEMPTS - 1)]
    ground.unhook()
    without = [ground.run(*tests).endings for _ in range(ATTEMPTS - 1)]
    return [
        test
        for test in tests
        if _agree(test, having)
        and _agree(test, without)
        and not _of(having[0], test).is_like(_of(without[0], test))
    ]


def _agree(test: str, runs: Sequence[Endings]) -> bool:
    return all(_of(run, test).is_like(_of(runs[0], test)) for run in runs)


def _of(run: Endings, test: str) -> endings.Ending:
    return run.get(test, endings.MISSING)
