"""pip commands that touch no network, with and without pipmend.

Installing pipmend into an environment also adds four distributions, which `pip list`
has to read like any others. So there is a third environment with these and without the
startup file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from instructions import CAN_COUNT
from tables import Table, middle, millions, more, paired
from trials import Trial, clean, count, say, timed, warm_up

from lab.machines import machine
from lab.pips import pip_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from instructions import Counted
    from trials import Scene

PART = "quiet"

COMMANDS = ("--version", "list", "freeze", "config list")

PLAIN, BESIDE, HOOKED = "plain pip", "same packages, no startup file", "with pipmend"
COPY, GLOBAL = "plain pip, copied Python", "whole machine"


class Place(NamedTuple):
    """An environment with a pip."""

    name: str
    python: Path
    references: Sequence[str] = ()
    """Places that it is compared with."""


def measure(scene: Scene) -> Iterator[Table]:
    """Measure each command in each place."""
    say("making environments")
    places = [*_environments(scene), *_machines(scene)]
    folder = scene.folder(PART)
    trials = {
        command: [_trial(place, command, folder) for place in places]
        for command in COMMANDS
    }
    for of_command in trials.values():
        for trial in of_command:
            warm_up(trial)
    if CAN_COUNT:
        yield _counted(
            places,
            {
                command: {trial.name: count(trial, folder) for trial in trials[command]}
                for command in COMMANDS
            },
        )
    if scene.rounds:
        yield _timed(places, trials, scene)


def _environments(scene: Scene) -> list[Place]:
    lab = scene.lab(PART)
    made = [
        lab.fresh_venv(name, scene.pip, hooked=hooked, python=scene.python)
        for name, hooked in (("env-a", False), ("env-b", True), ("env-c", True))
    ]
    (made[1].site_packages / "pipmend_hook.pth").unlink()
    return [
        Place(PLAIN, made[0].python),
        Place(BESIDE, made[1].python, [PLAIN]),
        Place(HOOKED, made[2].python, [PLAIN, BESIDE]),
    ]


def _machines(scene: Scene) -> list[Place]:
    places: list[Place] = []
    wheel = pip_wheel(scene.pip, scene.store)
    for name, references in ((COPY, ()), (GLOBAL, (COPY,))):
        folder = scene.folder(PART) / f"base-{len(places)}"
        made = machine(scene.lab(PART), folder, scene.python)
        if made is None:
            return []
        places.append(Place(name, made.base.venv("env", wheel).python, references))
        if name == GLOBAL:
            made.install()
    return places


def _trial(place: Place, command: str, folder: Path) -> Trial:
    arguments = [str(place.python), "-m", "pip", *command.split()]
    return Trial(place.name, arguments, clean(folder / "home"))


def _columns(places: Sequence[Place]) -> list[str]:
    columns = ["pip ..."]
    for place in places:
        columns += [f"{place.name}, more than {name}" for name in place.references]
        if not place.references:
            columns.append(place.name)
    return columns


def _counted(
    places: Sequence[Place], counts: Mapping[str, Mapping[str, Counted]]
) -> Table:
    rows, records = [], []
    for command, of_command in counts.items():
        cells = [f"`{command}`"]
        for place in places:
            own = of_command[place.name].total
            of_others = {name: of_command[name].total for name in place.references}
            cells += [more(own, other) for other in of_others.values()]
            if not of_others:
                cells.append(millions(own))
            records.append(
                {
                    "command": command,
                    "place": place.name,
                    "total": own,
                    "references": of_others,
                }
            )
        rows.append(cells)
    title = "pip without network: M instructions"
    return Table(title, _columns(places), rows, records=records)


def _timed(
    places: Sequence[Place], trials: Mapping[str, Sequence[Trial]], scene: Scene
) -> Table:
    rows = []
    for command, of_command in trials.items():
        runs = timed(of_command, scene.rounds, scene.folder(PART))
        cells = [f"`{command}`"]
        for place in places:
            own = runs[place.name]
            others = [runs[name] for name in place.references]
            cells += [paired(own, other, "cpu_seconds") for other in others]
            if not place.references:
                cells.append(f"{1000 * middle(own, 'cpu_seconds'):.1f}")
        rows.append(cells)
    note = f"Medians of {scene.rounds} rounds in turn; more: of differences in a round."
    return Table("pip without network: CPU ms", _columns(places), rows, [note])
