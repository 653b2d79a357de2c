"""`pipmend status` says what makes Python run stage 0, and until which Python."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import schemas
from lab.command import Command
from lab.debian import OutOfReachError
from lab.machines import machine
from lab.pips import scratch_environment
from lab.variant_venv import variant_venv
from lab.wheels import CHECKOUT
from pipmend import config
from pipmend.cli.status_conclusion import conclude
from pipmend.cli.status_experiment import Experiment
from pipmend.cli.status_findings import Findings
from pipmend.cli.status_mechanisms import Loader, Mechanism, loaders_among
from pipmend.startup_files import startup_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.laboratory import Laboratory
    from lab.machines import Machine
    from lab.pips import Run, Venv

MAIN = CHECKOUT / "src" / "pipmend" / "__main__.py"
"""Looks at a Python that has no pipmend of its own."""

PTH, START = Path("/site/pipmend_hook.pth"), Path("/site/pipmend_hook.start")


# The rule.


@pytest.mark.parametrize(
    ("mechanism", "pythons"),
    [
        (Mechanism.IMPORT_LINE, [(3, 9), (3, 14), (3, 15), (3, 17)]),
        (Mechanism.ENTRY_POINT, [(3, 15), (3, 17), (3, 18), (3, 20), (4, 0)]),
    ],
)
def test_which_pythons_have_what_pep_829_is_about(
    mechanism: Mechanism, pythons: Sequence[tuple[int, int]]
) -> None:
    """Both have 3.15 to 3.17."""
    tried = [*((3, minor) for minor in (9, 14, 15, 17, 18, 20)), (4, 0)]

    assert [version for version in tried if mechanism.is_in(version)] == pythons


@pytest.mark.parametrize(
    "mechanism", [Mechanism.RUN, Mechanism.SITECUSTOMIZE, Mechanism.USERCUSTOMIZE]
)
def test_every_python_has_the_others(mechanism: Mechanism) -> None:
    assert (mechanism.first, mechanism.last) == (None, None)
    assert mechanism.is_in((3, 9))
    assert mechanism.is_in((3, 30))


@pytest.mark.parametrize(
    ("version", "working"),
    [
        ((3, 14), [Mechanism.IMPORT_LINE]),
        ((3, 15), [Mechanism.ENTRY_POINT]),
        ((3, 18), [Mechanism.ENTRY_POINT]),
    ],
)
def test_a_start_file_stands_for_the_pth(
    version: tuple[int, int], working: list[Mechanism], tmp_path: Path
) -> None:
    """As soon as Python reads it, even if it is empty."""
    (tmp_path / "pipmend_hook.pth").write_text("import pipmend_hook\n")
    (tmp_path / "pipmend_hook.start").touch()

    found = loaders_among(startup_files([tmp_path], tmp_path / "none"))

    assert [one.mechanism for one in found if one.hindrance(version) is None] == working


# What follows from it.


def findings(
    version: tuple[int, int], *loaders: Loader, hook: str | None = None
) -> Findings:
    """What would be found in such a Python, which has a pip."""
    settings = config.load({"XDG_CONFIG_HOME": "/no", "XDG_CONFIG_DIRS": "/no"})
    experiment = Experiment(hook_path=hook, pip_version="26.3")
    return Findings(version, (), loaders, experiment, settings, None, None)


@pytest.mark.parametrize(
    ("version", "loader", "words"),
    [
        ((3, 18), Loader(Mechanism.IMPORT_LINE, PTH), ["3.18", "wheel", "enable"]),
        ((3, 20), Loader(Mechanism.IMPORT_LINE, PTH), ["3.20", "wheel", "enable"]),
        ((3, 14), Loader(Mechanism.ENTRY_POINT, START), ["3.14", "wheel"]),
        (
            (3, 18),
            Loader(Mechanism.SITECUSTOMIZE, Path("/lib/s.py"), Path("/first.py")),
            ["/first.py comes first", "PYTHONPATH"],
        ),
    ],
    ids=["pth-3.18", "pth-3.20", "start-3.14", "shadowed"],
)
def test_what_does_not_count_is_named_with_what_to_do(
    version: tuple[int, int], loader: Loader, words: list[str]
) -> None:
    """Above all a lone import line from 3.18 on: Python says nothing of it."""
    conclusion = conclude(findings(version, loader))

    assert not conclusion.active
    sentence, _, advice = conclusion.sentence.partition("; do: ")
    assert sentence.startswith(f"not active: {loader.path} does not count: ")
    assert advice
    assert all(word in conclusion.sentence for word in words)


def test_another_loader_is_enough() -> None:
    """The interpreter's sitecustomize goes on where the import line has ended."""
    line = Loader(Mechanism.IMPORT_LINE, PTH)
    chain = Loader(Mechanism.SITECUSTOMIZE, Path("/lib/sitecustomize.py"))

    assert findings((3, 17), line, chain, hook="/hook.py").loader == line
    assert findings((3, 18), line, chain, hook="/hook.py").loader == chain
    assert findings((3, 18), line, chain).loader is None


# In real Pythons.


def document(done: Run | subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What it says as JSON, which is as the schema has it."""
    (told,) = schemas.check("status", [json.loads(done.stdout)])
    assert done.returncode == (0 if told["active"] else 1), done.stderr
    return told


def status(
    python: Path, home: Path, *flags: str, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the checkout's code finds in a Python."""
    done = subprocess.run(
        [str(python), *flags, str(MAIN), "status", "--json"],
        env={**scratch_environment(home), **(env or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return document(done)


def names(told: Mapping[str, Any]) -> list[str]:
    """The start-up files of pipmend's, by name."""
    files = [Path(one["path"]).name for one in told["startup_files"]]
    return [name for name in files if "pipmend" in name]


@pytest.mark.parametrize(
    "python",
    [
        "3.11",
        *(
            pytest.param(one, marks=pytest.mark.matrix)
            for one in ("3.9", "3.10", "3.12", "3.13")
        ),
    ],
)
def test_an_import_line(python: str, lab: Laboratory, tmp_path: Path) -> None:
    """Named, with its end."""
    if python not in lab.pythons:
        pytest.skip(f"no Python {python} here")
    command = Command(lab.venv("26.0", hooked=True, python=python), tmp_path)
    told = document(command.run("status", "--json"))["pipmend"]
    text = command.run("status").stdout

    (loader,) = told["loaders"]
    assert told["gates"]["layout"] == "http-v2"
    path = str(command.venv.site_packages / "pipmend_hook.pth")
    assert told["mechanism"] == loader["mechanism"] == "pth-import-line"
    assert (loader["path"], loader["hindrance"]) == (path, None)
    assert (loader["first_python"], loader["last_python"]) == (None, "3.17")
    assert f"  loaded by    the import line in {path}\n" in text
    assert "  until        Python 3.17; later ones ignore it (PEP 829)\n" in text


def test_one_command(command: Command, lab: Laboratory) -> None:
    """In a Python without anything of pipmend's."""
    plain = lab.venv("26.3", hooked=False).python

    run = command.run("run", "--", plain, MAIN, "status", "--json")
    without = status(plain, command.home)

    told = document(run)
    assert told["active"] is True
    assert told["warnings"] == []
    assert told["pipmend"]["mechanism"] == "run"
    assert names(told)[-1] == "pipmend_hook.py"
    assert without["pipmend"]["mechanism"] is None
    assert without["pipmend"]["loaders"] == []
    assert names(without) == []


@pytest.fixture(scope="module")
def served(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """An interpreter that loads a copy, and had a sitecustomize of its own."""
    made = machine(lab, tmp_path_factory.mktemp("mechanisms"))
    if made is None:
        pytest.skip("an interpreter here does not run where it was not built for")
    made.file.write_text("mark = 'there before'\n")
    made.install()
    yield made
    made.base.remove()


posix_only = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")


@posix_only
@pytest.mark.parametrize("flags", [(), ("-I",)], ids=["usual", "isolated"])
def test_the_sitecustomize_of_an_interpreter(
    flags: tuple[str, ...], served: Machine
) -> None:
    """And all that it runs in turn, which are start-up files as well."""
    told = status(served.base.python, served.base.home, *flags)

    (loader,) = told["pipmend"]["loaders"]
    assert told["active"] is True
    assert told["pipmend"]["mechanism"] == loader["mechanism"] == "sitecustomize"
    assert loader["path"] == str(served.file)
    paths = [one["path"] for one in told["startup_files"]]
    assert paths[:2] == [
        str(served.file),
        str(served.base.stdlib / "pipmend-original" / "sitecustomize.py"),
    ]
    assert told["pipmend"]["hook_path"] in paths
    assert told["warnings"] == []


@posix_only
def test_what_does_not_run_and_what_does(served: Machine, tmp_path: Path) -> None:
    """Ours hands on to one more; somebody else's does not, and is in the way."""
    other = tmp_path / "sitecustomize.py"
    other.touch()
    original = served.base.stdlib / "pipmend-original" / "sitecustomize.py"
    shadowed = served.base.stdlib / "site-packages" / "sitecustomize.py"
    shadowed.touch()
    try:
        usual = status(served.base.python, served.base.home)
        hidden = status(
            served.base.python, served.base.home, env={"PYTHONPATH": str(tmp_path)}
        )
    finally:
        shadowed.unlink()

    assert usual["warnings"] == [f"{shadowed} does not run: {original} comes first"]
    assert f"{served.file} does not run: {other} comes first" in hidden["warnings"]
    assert hidden["pipmend"]["mechanism"] is None
    assert f"{served.file} does not count: {other}" in hidden["conclusion"]


@posix_only
def test_a_copy_that_is_gone_is_told(served: Machine) -> None:
    """By what a pip says of it, with what brings it back."""
    aside = served.root.with_name("aside")
    served.root.rename(aside)
    try:
        told = status(served.base.python, served.base.home)
    finally:
        aside.rename(served.root)

    assert not told["active"]
    assert told["conclusion"].startswith("not active: pipmend: not active")
    assert told["conclusion"].endswith("; do: pipmend enable")


@pytest.fixture(scope="module")
def newer(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """A venv of Python 3.15 with the wheel that has a ``.start`` file."""
    folder = tmp_path_factory.mktemp("newer") / "venv"
    try:
        return variant_venv(folder, lab.store)
    except OutOfReachError as error:
        pytest.skip(f"Python 3.15: {error}")


def test_an_entry_point(newer: Venv, tmp_path: Path) -> None:
    """Python 3.15 reads the file; no end is known, and its module is shown."""
    command = Command(newer, tmp_path)

    told = document(command.run("status", "--json"))
    text = command.run("status").stdout

    (loader,) = told["pipmend"]["loaders"]
    path = str(newer.site_packages / "pipmend_hook.start")
    assert told["pipmend"]["mechanism"] == loader["mechanism"] == "start-entry-point"
    assert (loader["path"], loader["hindrance"]) == (path, None)
    assert (loader["first_python"], loader["last_python"]) == ("3.15", None)
    assert names(told) == ["pipmend_hook.start", "pipmend_hook.py"]
    assert f"  loaded by    the entry point in {path}\n" in text
    assert "until        no end is set; works from Python 3.15 on (PEP 829)" in text


def test_an_import_line_that_is_silenced(newer: Venv, tmp_path: Path) -> None:
    """In Python 3.15 it works, unless even an empty file of the other kind is there."""
    command = Command(newer, tmp_path)
    start = newer.site_packages / "pipmend_hook.start"
    line = start.with_suffix(".pth")
    entry = start.read_bytes()
    line.write_text("import pipmend_hook\n")
    try:
        start.write_bytes(b"")
        silenced = command.run("status").stdout
        start.unlink()
        alone = document(command.run("status", "--json"))
    finally:
        line.unlink()
        start.write_bytes(entry)

    assert "  loaded by    nothing\n" in silenced
    assert f"{line}: {start} stands for it\n" in silenced
    assert f"not active: Python did not run {start}; do: " in silenced
    assert alone["active"] is True
    assert alone["pipmend"]["mechanism"] == "pth-import-line"
