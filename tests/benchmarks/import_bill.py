"""What pipmend imports inside of pip, and what each module costs there.

pip has most of the standard library in memory when it comes to its cache. Counted is
what is left to import then, in one process for each release of wrapt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from instructions import CAN_COUNT, Counter
from tables import Table, millions
from trials import Trial, clean, say, warm_up

from lab.pips import make_venv, pip_wheel, pipmend_wheels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from instructions import Counted
    from trials import Scene

PART = "imports"

WRAPTS = ("wrapt==1.17.3", "wrapt==2.1.2", "wrapt")
"""The one of the tests, the one of copies for a whole machine, the newest."""

_STEPS = ("pipmend._startup", "pipmend._patches")
_OTHERS = ("msgpack", "platformdirs", "pip._vendor.msgpack", "pip._vendor.platformdirs")
"""What it imports or might import, afterwards if it has not."""

_ARMING = "arming"
_SMALLEST = 300_000
"""Instructions of the modules that are listed one by one."""

_PROGRAM = """
import importlib, os, sys
import pip._internal.cli.main, pip._internal.commands.install
import pip._internal.network.session, pip._internal.operations.prepare
import importlib._bootstrap as bootstrap
load = bootstrap._find_and_load_unlocked
marks = []
def mark(sign, name):
    marks.append(sign + name)
    os.getppid()
def marked(name, import_):
    mark("+", name)
    try:
        return load(name, import_)
    finally:
        mark("-", name)
bootstrap._find_and_load_unlocked = marked
def load_all(names):
    for name in names.split():
        importlib.import_module(name)
load_all(sys.argv[2])
mark("+", "arming")
from pipmend import config, _patches
_patches.arm(config.load(), config.Target.PIP)
mark("-", "arming")
load_all(sys.argv[3])
bootstrap._find_and_load_unlocked = load
with open(sys.argv[1], "w") as file:
    file.write("\\n".join(marks))
"""
"""Arguments: where to tell the marks, what to import first, and in the end."""


@dataclass
class Bill:
    """Instructions by the module whose import was going on."""

    own: dict[str, int] = field(default_factory=dict)
    """Without what it imports in turn."""
    whole: dict[str, int] = field(default_factory=dict)
    by_pipmend: set[str] = field(default_factory=set)
    """What was imported because pipmend needs it."""

    def group(self, package: str) -> int:
        """All modules of a package."""
        return sum(self.own[name] for name in self.own if _is_in(name, package))


def measure(scene: Scene) -> Iterator[Table]:
    """Measure with each release of wrapt; module by module with the first."""
    if not CAN_COUNT:
        return
    wrapts = WRAPTS[:1] if scene.is_quick else WRAPTS
    bills = {}
    for number, wrapt in enumerate(wrapts):
        say(f"counting with {wrapt}")
        title, bill = _bill(scene, wrapt, f"env-{number}")
        bills[title] = bill
    yield _groups(bills)
    yield _modules(next(iter(bills.values())))


def _bill(scene: Scene, wrapt: str, name: str) -> tuple[str, Bill]:
    folder = scene.folder(PART)
    needs = (wrapt, "msgpack", "platformdirs")
    wheels = pipmend_wheels(scene.store, python=scene.python, dependencies=needs)
    venv = make_venv(
        folder / name,
        base_python=scene.pythons[scene.python],
        pip_wheel=pip_wheel(scene.pip, scene.store),
        wheels=sorted(wheels.glob("*.whl")),
    )
    (venv.site_packages / "pipmend_hook.pth").unlink()
    (found,) = venv.site_packages.glob("wrapt-*.dist-info")
    marks = folder / "marks"
    steps = [" ".join(names) for names in (_STEPS, _OTHERS)]
    command = [str(venv.python), "-c", _PROGRAM, str(marks), *steps]
    trial = Trial(name, command, clean(folder / "home"))
    warm_up(trial)
    phases = Counter(folder, trial.environment).phases(command)
    title = found.name.partition(".dist-info")[0].replace("-", " ")
    return title, _attributed(marks.read_text().splitlines(), phases)


def _attributed(marks: Sequence[str], phases: Sequence[Counted]) -> Bill:
    """Give each phase to the import that was going on, and to those around it."""
    assert len(marks) == len(phases), (len(marks), len(phases))
    bill, going_on = Bill(), [""]
    for mark, phase in zip(marks, phases):
        count = phase.counted
        bill.own[going_on[-1]] = bill.own.get(going_on[-1], 0) + count
        for name in set(going_on):
            bill.whole[name] = bill.whole.get(name, 0) + count
        if mark.startswith("+"):
            going_on.append(mark[1:])
            if any(_is_in(name, "pipmend") or name == _ARMING for name in going_on):
                bill.by_pipmend.add(mark[1:])
        else:
            going_on.pop()
    return bill


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _groups(bills: Mapping[str, Bill]) -> Table:
    packages = ("wrapt", *_OTHERS, "pipmend", _ARMING)
    rows = []
    for package in packages:
        cells = [f"`{package}`" if package != _ARMING else "putting the gates"]
        for bill in bills.values():
            is_needed = package in bill.by_pipmend or not bill.group(package)
            count = millions(bill.group(package))
            cells.append(count if is_needed else f"({count})")
        rows.append(cells)
    others, sums = ["the standard library"], ["all that pipmend needs"]
    for bill in bills.values():
        needed = {name: bill.own[name] for name in bill.by_pipmend}
        library = [
            name for name in needed if not any(_is_in(name, one) for one in packages)
        ]
        others.append(millions(sum(needed[name] for name in library)))
        sums.append(millions(sum(needed.values())))
    note = (
        "M instructions, in a process that has imported what `pip install` needs. In"
        " brackets: not imported by pipmend there."
    )
    records = [{"wrapt": title, "own": bill.own} for title, bill in bills.items()]
    title = "Import bill inside of pip"
    return Table(title, ["", *bills], [*rows, others, sums], [note], records)


def _modules(bill: Bill) -> Table:
    listed = sorted(
        (name for name in bill.by_pipmend if bill.own[name] >= _SMALLEST),
        key=lambda name: -bill.own[name],
    )
    rows = [
        [f"`{name}`", millions(bill.own[name]), millions(bill.whole[name])]
        for name in listed
    ]
    columns = ["module", "M instructions", "with what it imports first"]
    note = f"Modules of at least {millions(_SMALLEST)} M."
    return Table("Import bill, module by module", columns, rows, [note])
