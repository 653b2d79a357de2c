"""`pipmend enable` and `pipmend disable`, run by interpreters that are copies."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from lab import schemas
from lab.machines import machine
from lab.wheels import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.bases import Base
    from lab.laboratory import Laboratory
    from lab.machines import Machine
    from lab.pips import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")

DRIVER = """\
import argparse, importlib, sys
source, name, below, *words = sys.argv[1:]
sys.path.insert(0, source)
from pipmend.everywhere import search
search.SYSTEM_FOLDERS = ()
assert all(str(path).startswith(below) for path in search.candidates())
command = importlib.import_module("pipmend.cli." + name)
parser = argparse.ArgumentParser()
command.add_arguments(parser)
sys.exit(command.run(parser.parse_args(words)))
"""
"""Runs a command such that it cannot find the interpreters of this machine."""


@dataclass(frozen=True)
class Place:
    """A machine on which a person types commands."""

    machine: Machine

    def run(
        self,
        name: str,
        *arguments: str | Path,
        base: Base | None = None,
        source: Path = CHECKOUT / "src",
    ) -> Run:
        """Run a command by an interpreter, with an empty PATH."""
        base = base or self.machine.base
        below = self.machine.base.prefix.parent
        words = (str(source), name, str(below), *arguments)
        env = {"PATH": str(below / "empty"), "PYTHONDONTWRITEBYTECODE": "1"}
        # The home folder is that of the machine, whose interpreter it may be not.
        base = replace(base, home=self.machine.base.home)
        return base.run("-c", DRIVER, *words, env=env)

    def records(
        self, name: str, *arguments: str | Path, code: int = 0
    ) -> list[dict[str, Any]]:
        """Run a command with ``--json``, check what it prints by the schema."""
        done = self.run(name, *arguments, "--json")
        assert done.returncode == code, str(done)
        return schemas.check(name, map(json.loads, done.stdout.splitlines()))

    @property
    def prefix(self) -> tuple[str | Path, ...]:
        """The arguments that name the private folder."""
        return ("--prefix", self.machine.root)

    def enable(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Enable by what lies in a folder, without an index."""
        wheels = ("--wheels", self.machine.wheels)
        return self.records("enable", *self.prefix, *wheels, *arguments)


@pytest.fixture
def place(lab: Laboratory, tmp_path: Path) -> Iterator[Place]:
    """A machine of its own for one test."""
    made = machine(lab, tmp_path)
    if made is None:
        pytest.skip("an interpreter here does not run where it was not built for")
    yield Place(made)
    made.base.remove()


def results(records: list[dict[str, Any]]) -> dict[str, str]:
    """What has become of each interpreter."""
    return {one["python"]: one["result"] for one in records if "python" in one}


def test_all_covers_what_came_later(place: Place, tmp_path: Path) -> None:
    """And leaves alone what is as it should be."""
    first = place.machine.base
    versions = first.home / ".pyenv" / "versions"
    later = first.clone(tmp_path / "later")
    state = place.machine.state()
    (copy,) = [one for one in place.enable("--all") if one["type"] == "copy"]
    assert copy["built"]
    assert copy["folder"] == str(place.machine.home)

    versions.mkdir(parents=True)
    shutil.move(later.prefix, versions / "3.11.99")
    found = versions / "3.11.99" / later.python.relative_to(later.prefix)
    records = place.enable("--all")

    assert results(records) == {str(first.python): "unchanged", str(found): "enabled"}
    assert not records[-1]["built"]
    (one,) = place.records("disable", *place.prefix)
    assert (one["python"], one["result"]) == (str(first.python), "disabled")
    assert not (first.stdlib / "sitecustomize.py").exists()
    assert results(place.records("disable", "--all", *place.prefix)) == {
        str(found): "disabled"
    }
    assert place.records("disable", "--all", *place.prefix) == []
    assert place.machine.home.is_dir()
    place.machine.uninstall()
    shutil.rmtree(first.home / ".pyenv")
    assert place.machine.state() == state


def test_one_that_has_gone_is_forgotten(place: Place, tmp_path: Path) -> None:
    later = place.machine.base.clone(tmp_path / "later")
    place.enable("--python", later.python, "--python", place.machine.base.python)
    later.remove()

    assert list(results(place.enable("--all"))) == [str(place.machine.base.python)]


def test_it_speaks_to_a_person(place: Place) -> None:
    """Of a venv, its base interpreter is enabled; nothing happens in a dry run."""
    base = place.machine.base
    venv = base.home / "venv"
    base.run("-m", "venv", "--without-pip", venv)
    arguments = (*place.prefix, "--wheels", place.machine.wheels)
    python = ("--python", venv / "bin" / "python")
    state = place.machine.state()

    done = place.run("enable", *arguments, *python, "--dry-run")
    assert "would be enabled: Python" in done.stdout
    assert place.machine.state() == state
    done = place.run("enable", *arguments, *python)

    assert done.returncode == 0, str(done)
    assert str(base.python) in done.stdout
    assert f"its command: {place.machine.home}/bin/pipmend" in done.stdout
    done = place.run("disable", *place.prefix)
    assert "disabled: Python" in done.stdout
    done = place.run("disable", *place.prefix)
    assert "nothing of that is enabled" in done.stdout


def test_the_copy_enables_others_and_itself(place: Place) -> None:
    """Without a folder to be named; but it does not repair itself."""
    place.enable("--opt-in")
    copy = place.machine.home
    assert place.run("disable", source=copy).returncode == 0

    done = place.run("enable", "--no-opt-in", source=copy)

    assert done.returncode == 0, str(done)
    assert "dormant" not in done.stdout
    (copy / "wrapt" / "patches.py").unlink()
    done = place.run("enable", source=copy)
    assert done.returncode == 3
    assert "cannot repair itself" in done.stderr


def test_what_is_refused_is_said(place: Place, tmp_path: Path) -> None:
    """Without root, without a Python, without the right wheels: and nothing is left."""
    state = place.machine.state()
    missing = tmp_path / "missing"

    done = place.run("enable", *place.prefix, "--python", missing)
    assert done.returncode == 3
    assert f"pipmend: {missing} is no Python that answers" in done.stderr
    (tmp_path / "empty").mkdir()
    done = place.run("enable", *place.prefix, "--wheels", tmp_path / "empty")
    assert done.returncode == 3
    assert "there is no wheel of msgpack" in done.stderr
    done = place.run("disable", *place.prefix, "--python", missing)
    assert done.returncode == 0

    assert place.machine.state() == state
