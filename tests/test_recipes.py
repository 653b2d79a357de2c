"""The recipes of the README, run as they stand there, over caches that are broken.

Real are the text, the shells, the pips, tox and nox, the index and the damage. Imitated
is what surrounds them. There is no container engine: the instructions of the Dockerfile
are done in a Debian root with a Python in ``/usr/local``, without layers, and the
mounted cache is a folder that is moved in and out. Nothing of GitHub or GitLab takes
part: ``lab.ci_machines`` says what is assumed about them. ``actions/setup-python`` and
``image`` are a new environment of the Python that runs the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from lab import ci_machines, debian_root, dockerfiles, machines, recipes, toolbox
from lab.broken_pages import empty_pages
from lab.ci_machines import Store, environment_of
from lab.debian import OutOfReachError
from lab.environments import PROJECT, app
from lab.index_server import LocalIndex
from lab.packages import catalogue
from lab.pips import Run, pip_wheel, pipmend_wheels
from lab.published import published
from lab.recipes import recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.ci_machines import Finished
    from lab.debian_root import DebianRoot
    from lab.dockerfiles import Context
    from lab.laboratory import Laboratory

PIP = "26.3"
"""The pip that fills caches, and that tries whether they are broken."""

QUARANTINED = "pipmend: quarantined the cached page of"
FILES = {"requirements.txt": f"alpha\n{PROJECT}\n"}
PROGRAM = ("python", "-c", f"import alpha, {PROJECT}; print(alpha.VERSION)")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="recipes for POSIX shells")


def test_every_recipe_is_tried_here() -> None:
    languages = [one.language for one in recipes.recipes()]
    assert languages == ["dockerfile", "yaml", "yaml", "ini", "python"]


def test_what_is_not_known_of_yaml_is_an_error() -> None:
    known = 'a:\n  - { b: "c, d", e: [f, g] }\n  - h: |\n      i\n      j\n    k: l m\n'
    expected = {"a": [{"b": "c, d", "e": ["f", "g"]}, {"h": "i\nj\n", "k": "l m"}]}
    assert recipes.parsed(known) == expected
    for unknown in ("a: b\n  c: d\n", "a b\n", "- a\nb: c\n"):
        with pytest.raises(ValueError, match="not understood"):
            recipes.parsed(unknown)


@dataclass(frozen=True)
class Bench:
    """An index with all that is asked for, and a plain pip."""

    lab: Laboratory
    index: LocalIndex

    @property
    def settings(self) -> dict[str, str]:
        """What tells a pip where the index is."""
        return {
            "PIP_INDEX_URL": self.index.url,
            "PIP_CERT": str(self.index.ca_file),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def plain(self, cache: Path, folder: Path, *requirements: str) -> Run:
        """Install with a pip that knows nothing of pipmend."""
        pip = self.lab.pip(
            self.lab.venv(PIP, hooked=False), self.index, folder / "home"
        )
        return pip.install(*requirements, target=folder / "target", cache=cache)

    def spoil(self, cache: Path, folder: Path) -> None:
        """Break each page in a cache, also those that pipmend is fetched by."""
        both = (*FILES["requirements.txt"].split(), "pipmend")
        filled = self.plain(cache, folder / "filled", *both)
        assert filled.returncode == 0, str(filled)
        assert empty_pages(cache, self.index) > len(both)
        copy = shutil.copytree(cache, folder / "copy")
        for requirement in both:
            failed = self.plain(copy, folder / "failed", requirement)
            assert failed.returncode != 0, str(failed)


@pytest.fixture(scope="module")
def bench(lab: Laboratory) -> Iterator[Bench]:
    """The index has pipmend as it is now, and what it needs on any of the Pythons."""
    own = pipmend_wheels(lab.store, python=lab.default_python)
    wheels = published(
        own, machines.wheels(lab.store), pip_wheel(PIP, lab.store).parent
    )
    with LocalIndex([*catalogue(), app(), *wheels]) as running:
        yield Bench(lab, running)


# -- Dockerfile ----------------------------------------------------------------------


@pytest.fixture
def image(lab: Laboratory, tmp_path: Path) -> Iterator[DebianRoot]:
    """What the Dockerfile begins with; of each build there is a copy."""
    python = dockerfiles.python_of(recipe("dockerfile"))
    if python not in lab.pythons:
        pytest.skip(f"there is no Python {python} here")
    try:
        pristine = debian_root.pristine(lab.store)
        made = debian_root.copy_of(pristine, tmp_path / "image")
        dockerfiles.put_python(made, lab.pythons[python])
    except OutOfReachError as reason:
        pytest.skip(str(reason))
    yield made
    made.remove()


def built(image: DebianRoot, bench: Bench, context: Context) -> list[Run]:
    """Build a new image; what was run for it, and at the end the program in it."""
    root = debian_root.copy_of(image, context.folder / "build")
    root.use(bench.index)
    runs = dockerfiles.build(recipe("dockerfile"), root, context)
    if runs[-1].returncode == 0:
        runs.append(root.run(*PROGRAM))
    root.remove()
    return runs


@pytest.mark.matrix
def test_dockerfile(image: DebianRoot, bench: Bench, tmp_path: Path) -> None:
    """A cache that a first build has filled is broken; the next build heals it."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "requirements.txt").write_text(FILES["requirements.txt"])
    context = dockerfiles.Context(tmp_path / "project", tmp_path / "mounts")
    cache = context.mounted("/root/.cache/pip")

    first = built(image, bench, context)
    assert first[-1].stdout == "2.0\n", first
    assert empty_pages(cache, bench.index) > 1
    plain = built(image, bench, context._replace(env={"PIPMEND": "off"}))
    assert plain[-1].returncode != 0
    assert plain[-1].args[-1].startswith("pip install")

    healed = built(image, bench, context)
    assert healed[-1].stdout == "2.0\n", healed
    assert QUARANTINED in healed[-2].stderr
    again = built(image, bench, context)
    assert again[-1].stdout == "2.0\n", again
    assert "pipmend" not in again[-2].output


# -- CI systems ----------------------------------------------------------------------


def job_of_gitlab(bench: Bench, folder: Path, store: Store) -> Finished:
    """Run the job on a new machine."""
    machine = ci_machines.new_machine(folder, FILES, bench.settings)
    jobs = cast("dict[str, Any]", recipes.parsed(recipe("yaml", "script:")))
    (job,) = jobs.values()
    return ci_machines.gitlab(job, machine, store)


@pytest.mark.matrix
def test_gitlab(bench: Bench, tmp_path: Path) -> None:
    """The cache is stored by itself, and heals in the job that finds it broken."""
    store = Store(tmp_path / "store")
    first = job_of_gitlab(bench, tmp_path / "1", store)
    assert first.ok, first.output
    (key,) = store.keys
    bench.spoil(store.content(key), tmp_path / "spoilt")

    healed = job_of_gitlab(bench, tmp_path / "2", store)
    assert healed.ok, healed.output
    assert QUARANTINED in healed.output
    again = job_of_gitlab(bench, tmp_path / "3", store)
    assert again.ok, again.output
    assert "pipmend: " not in again.output


def run_of_github(bench: Bench, folder: Path, store: Store, run_id: str) -> Finished:
    """Run the steps on a new machine."""
    machine = ci_machines.new_machine(folder, FILES, bench.settings)
    steps = cast("list[dict[str, Any]]", recipes.parsed(recipe("yaml", "uses:")))
    return ci_machines.github(steps, machine, store, run_id)


@pytest.mark.matrix
def test_github(bench: Bench, tmp_path: Path) -> None:
    """Stored once, not again while it is whole, and anew when it was broken."""
    store = Store(tmp_path / "store")
    first = run_of_github(bench, tmp_path / "1", store, "1001")
    assert first.ok, first.output
    assert len(store.keys) == 1
    whole = run_of_github(bench, tmp_path / "2", store, "1002")
    assert whole.ok, whole.output
    assert len(store.keys) == 1
    assert "Downloading" not in whole.runs[-1].stdout
    bench.spoil(store.content(store.keys[0]), tmp_path / "spoilt")

    broken = run_of_github(bench, tmp_path / "3", store, "1003")
    assert broken.ok, broken.output
    assert re.search(r"^ +quarantined .*cached page", broken.output, re.MULTILINE)
    assert len(store.keys) == 2
    healed = run_of_github(bench, tmp_path / "4", store, "1004")
    assert healed.ok, healed.output
    assert re.search(r"^ +corrupt +0 ", healed.output, re.MULTILINE)
    assert len(store.keys) == 2


# -- tox and nox ---------------------------------------------------------------------

PYPROJECT = f"""\
[project]
name = "tried"
version = "1.0"

[dependency-groups]
test = ["alpha", "{PROJECT}"]
"""
TOX_BEFORE = "[tox]\nno_package = true\n\n"
TOX_AFTER = f"commands = {' '.join(PROGRAM[:2])} '{PROGRAM[2]}'\n"
NOX_BEFORE = "import nox\n\n"
NOX_AFTER = f"    session.run{PROGRAM}\n"


def run_program(bench: Bench, folder: Path, name: str, *options: str) -> Run:
    """Run tox or nox in a project, with a home folder beside it."""
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "requirements.txt").write_text(FILES["requirements.txt"])
    (folder / "tox.ini").write_text(TOX_BEFORE + recipe("ini", "[testenv]") + TOX_AFTER)
    (folder / "noxfile.py").write_text(NOX_BEFORE + recipe("python", "nox") + NOX_AFTER)
    python = toolbox.python_with(bench.lab.store, "tox", "nox")
    command = (str(python), "-m", name, *options)
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment_of(folder / "home"), **bench.settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Run(command, done.returncode, done.stdout, done.stderr)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("program", "anew"), [("tox", ("run", "--recreate")), ("nox", ("-v",))]
)
def test_tox_and_nox(
    program: str, anew: tuple[str, ...], bench: Bench, tmp_path: Path
) -> None:
    """What pips of a new environment fetch after pipmend heals."""
    first = run_program(bench, tmp_path, program, *anew)
    assert first.returncode == 0, str(first)
    cache = tmp_path / "home" / ".cache" / "pip"
    for project in ("alpha", "beta", PROJECT):
        assert empty_pages(cache, bench.index, project)
    plain = bench.plain(shutil.copytree(cache, tmp_path / "copy"), tmp_path, "alpha")
    assert plain.returncode != 0

    healed = run_program(bench, tmp_path, program, *anew)
    assert healed.returncode == 0, str(healed)
    assert len(list(cache.glob("pipmend/quarantine/*"))) == 3
    again = run_program(bench, tmp_path, program, *anew)
    assert again.returncode == 0, str(again)
    assert len(list(cache.glob("pipmend/quarantine/*"))) == 3
