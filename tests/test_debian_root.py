"""A whole machine: a new Debian root, from the typed command to nothing left.

Everything is typed as the README has it, by root and by an ordinary user with sudo. The
pips, the tools and the damage are real, and so is the index, which lies outside of the
root on the loopback interface. What is missing for a machine that has been booted:
``/proc`` and other users' processes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lab import debian_root, debian_ways, machines
from lab.debian import OutOfReachError
from lab.debian_person import Person
from lab.debian_ways import WAYS
from lab.environments import PROJECT, app
from lab.index_server import LocalIndex
from lab.packages import catalogue
from lab.published import published
from lab.wheels import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.debian_root import DebianRoot
    from lab.debian_ways import Way
    from lab.laboratory import Laboratory
    from lab.pips import Run

INSTALL = "sudo python3 install_hook.py --global"
UNINSTALL = "sudo python3 install_hook.py --global --uninstall"
FOR_ONE = "python3 install_hook.py --global --user"
UNINSTALL_FOR_ONE = f"{FOR_ONE} --uninstall"

OPTIONS = pytest.mark.parametrize("option", ["", " --opt-in"], ids=["global", "opt-in"])

REFERENCE = "/opt/reference"
NEWER = ("-newer", REFERENCE)
FOLDERS = ("-type", "d", "-printf", "%p %m %U %G %T@\\n")
"""The size of a folder tells how much was in it once."""

OTHERS = ("!", "-type", "d", "-printf", "%p %y %m %U %G %s %T@ %l\\n")
DIVERSIONS = {
    "/var/lib/dpkg",
    "/var/lib/dpkg/diversions",
    "/var/lib/dpkg/diversions-old",
}
"""What dpkg-divert writes anew, with the content that was there."""

TEMPORARY = "/tmp"  # noqa: S108 - as a name in a list
"""Any pip makes files there and removes them, which shows in the time of the folder."""

MODES = {
    "": ({"PIPMEND": "off"}, {}),
    " --opt-in": ({}, {"PIPMEND": "heal"}),
}
"""For each option an environment in which it is asleep, and one in which it heals."""

QUARANTINED = f"pipmend: quarantined the cached page of '{PROJECT}'"


def pristine(lab: Laboratory) -> DebianRoot:
    """A root as it comes from the distribution; skips where there is none."""
    try:
        return debian_root.pristine(lab.store)
    except OutOfReachError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def index(lab: Laboratory) -> Iterator[LocalIndex]:
    """An index with what pipmend needs, what the tools seed, and something to install.

    The root reaches it, too: it shares the loopback interface.
    """
    pristine(lab)  # or else nothing has to be fetched
    wheels = (machines.wheels(lab.store), debian_ways.tool_wheels(lab.store))
    with LocalIndex([*catalogue(), app(), *published(*wheels)]) as running:
        yield running


@pytest.fixture(scope="module")
def furnished(
    lab: Laboratory, index: LocalIndex, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DebianRoot]:
    """A new root with tools that make environments, with the checkout and an index."""
    folder = tmp_path_factory.mktemp("furnished") / "root"
    made = debian_root.copy_of(pristine(lab), folder)
    debian_root.put_checkout(made)
    debian_ways.put_tools(made, debian_ways.tool_wheels(lab.store))
    made.use(index)
    yield made
    made.remove()


@pytest.fixture
def root(furnished: DebianRoot, tmp_path: Path) -> Iterator[DebianRoot]:
    """A copy of it for one test."""
    made = debian_root.copy_of(furnished, tmp_path / "root")
    yield made
    made.remove()


# -- What is typed -------------------------------------------------------------------


def readme() -> str:
    """The README."""
    return (CHECKOUT / "README.md").read_text("utf-8")


def told(command: str) -> list[str]:
    """What the README shows below a command."""
    _, _, after = readme().partition(f"\n$ {command}\n")
    return re.split(r"(?m)^(?:\$ .*|```)$", after, maxsplit=1)[0].splitlines()


def test_what_is_typed_here_is_in_the_readme() -> None:
    assert told(INSTALL)
    for command in (INSTALL, FOR_ONE):
        assert f"`{command}`" in readme()
    assert "`--global --uninstall`" in readme()
    assert "`--opt-in` with any of these" in readme()


# -- One life of a machine -----------------------------------------------------------


def people(root: DebianRoot, index: LocalIndex, user: str | None) -> dict[Way, Person]:
    """One and the same user with a new home folder for each way."""
    above = f"/home/{user}" if user else "/root"
    made = {way: Person(root, index, user, f"{above}/{way.name}") for way in WAYS}
    for person in made.values():
        person.move_in()
    return made


def step(done: Run) -> Run:
    """A command that has to succeed."""
    assert done.returncode == 0, str(done)
    return done


def tried(
    way: Way, person: Person, asleep: dict[str, str], awake: dict[str, str]
) -> str:
    """Make an environment, break what its pip has cached; ``healed``, or what was not.

    Args:
        way: how the environment is made.
        person: who makes it.
        asleep: an environment in which nothing is to be seen of pipmend.
        awake: one in which it heals.
    """
    step(person.type(way.make, **asleep))
    step(person.type(way.install, **asleep))
    person.damage(PROJECT)
    plain = person.type(way.install, **asleep)
    if plain.returncode == 0 or "pipmend" in plain.output or person.events:
        return f"not as in plain pip: {plain}"
    healed = person.type(way.install, **awake)
    events = [event["event"] for event in person.events]
    if events != ["pipmend.entry_corrupt", "pipmend.entry_healed"]:
        return f"{events}: {healed}"
    if healed.returncode != 0 or person.type(way.program).returncode != 0:
        return f"not installed: {healed}"
    again = person.type(way.install, **asleep)
    return "healed" if again.returncode == 0 else f"broken again: {again}"


@pytest.mark.matrix
@pytest.mark.parametrize("user", [None, "dev"], ids=["root", "user"])
@OPTIONS
def test_environments_made_later_heal_and_nothing_stays(
    root: DebianRoot, index: LocalIndex, user: str | None, option: str
) -> None:
    """Installed, used in every way, uninstalled: each file that is new is named."""
    asleep, awake = MODES[option]
    persons = people(root, index, user)
    anybody = next(iter(persons.values()))
    homes = tuple(one.home for one in persons.values())
    root.path(REFERENCE).touch()
    before = outside(homes, root.paths())

    step(anybody.type(INSTALL + option, at=debian_root.SOURCES))
    found = {way.name: tried(way, one, asleep, awake) for way, one in persons.items()}
    assert found == {way.name: "healed" for way in WAYS}
    step(anybody.type(UNINSTALL, at=debian_root.SOURCES))

    assert outside(homes, root.paths(*NEWER)) == DIVERSIONS | {TEMPORARY}
    assert outside(homes, root.paths()) == before
    for one in persons.values():
        assert traces(one) == {one.quarantine, one.log}
    way, person = next(iter(persons.items()))
    person.damage(PROJECT)
    gone = person.type(way.install, **awake)
    assert gone.returncode != 0
    assert "pipmend" not in gone.output


def outside(folders: tuple[str, ...], paths: set[str]) -> set[str]:
    """Those paths that are not in these folders."""
    inside = tuple(f"{folder}/" for folder in folders)
    return {path for path in paths if not f"{path}/".startswith(inside)}


def traces(person: Person) -> set[str]:
    """What has a name of pipmend's in a home folder; of a folder, only itself."""
    named = person.run("find", person.home, "-name", "*pipmend*", "-prune")
    return set(named.stdout.splitlines())


# -- In and out ----------------------------------------------------------------------


@pytest.mark.matrix
@OPTIONS
def test_in_and_out_leaves_every_file_as_it_was(
    root: DebianRoot, index: LocalIndex, option: str
) -> None:
    """What is told is what the README shows; kinds, modes, owners, sizes and times."""
    person = Person(root, index, root.user, f"/home/{root.user}")
    root.path(REFERENCE).touch()
    before = root.paths(*FOLDERS) | root.paths(*OTHERS)
    diversions = root.path("/var/lib/dpkg/diversions").read_bytes()

    said = step(person.type(INSTALL + option, at=debian_root.SOURCES)).stdout
    if not option:
        assert said.splitlines() == told(INSTALL)
    step(person.type(UNINSTALL, at=debian_root.SOURCES))

    assert root.paths(*NEWER) == DIVERSIONS
    changed = before ^ (root.paths(*FOLDERS) | root.paths(*OTHERS))
    assert {line.split()[0] for line in changed} == DIVERSIONS
    assert root.path("/var/lib/dpkg/diversions").read_bytes() == diversions


@pytest.mark.matrix
def test_one_user_heals_and_leaves_nothing(root: DebianRoot, index: LocalIndex) -> None:
    """Without root: the pip of Debian's Python, which reads the user's folders."""
    person = Person(root, index, root.user, f"/home/{root.user}/one")
    person.move_in()
    root.path(REFERENCE).touch()
    step(person.type(FOR_ONE, at=debian_root.SOURCES))
    pip = f"python3 -m pip install --upgrade --target ~/target {PROJECT}"
    step(person.type(pip))
    person.damage(PROJECT)

    healed = step(person.type(pip))
    assert QUARANTINED in healed.stderr
    step(person.type(UNINSTALL_FOR_ONE, at=debian_root.SOURCES))

    new = outside((person.cache, f"{person.home}/target"), root.paths(*NEWER))
    assert new - {TEMPORARY} == {
        *(person.home, f"{person.home}/.cache"),
        *(f"{person.home}/.local", f"{person.home}/.local/state"),
        *(person.log, f"{person.log}/log", f"{person.log}/log/events.jsonl"),
    }
