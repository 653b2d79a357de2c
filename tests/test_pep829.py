"""The wheel with a ``.start`` file, and which Python gets it.

The one for 3.18 is shown on 3.15, the first Python that reads such files, by giving it
another tag. Python 3.14 and 3.15 come as in ``lab.newer_pythons``.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from breadth import pairs, readme, startup_files
from lab.damages import damage
from lab.debian import OutOfReachError
from lab.index_server import LocalIndex
from lab.packages import catalogue
from lab.pips import Pip, pip_wheel, scratch_environment
from lab.variant import variant_wheel
from lab.variant_venv import variant_venv
from lab.wheels import CHECKOUT, pipmend_wheel
from lab.workbench import Workbench, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.laboratory import Laboratory
    from lab.pips import Venv

START, PTH = "pipmend_hook.start", "pipmend_hook.pth"
SOURCE = CHECKOUT / "src"


def python_or_skip(name: str) -> Path:
    """An interpreter; without it the test is skipped, and says why."""
    try:
        return pairs.interpreter(name)
    except OutOfReachError as error:
        pytest.skip(f"Python {name}: {error}")


def content(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel but those that list or describe it."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith((".dist-info/RECORD", ".dist-info/WHEEL"))
        }


def test_the_variant_differs_in_one_file_and_the_tag(lab: Laboratory) -> None:
    """A ``.start`` for the ``.pth``; the build hook itself is in neither wheel."""
    variant = variant_wheel(lab.store, "py318")
    usual, other = content(pipmend_wheel(lab.store)), content(variant)

    assert variant.name.endswith("-py318-none-any.whl")
    assert other.pop(START) == (SOURCE / START).read_bytes()
    assert usual.pop(PTH) == (SOURCE / PTH).read_bytes()
    assert other == usual
    assert not [name for name in usual if "variant" in name]


def test_the_wheel_says_the_tag_and_lists_the_file(lab: Laboratory) -> None:
    """In WHEEL and RECORD, which ``pipmend status`` compares with."""
    with zipfile.ZipFile(variant_wheel(lab.store, "py318")) as archive:
        texts = {Path(name).name: archive.read(name) for name in archive.namelist()}

    assert b"\nTag: py318-none-any\n" in texts["WHEEL"]
    assert f"{START},sha256=".encode() in texts["RECORD"]
    assert PTH.encode() not in texts["RECORD"]


@pytest.mark.parametrize("tag", ["py", "py2", "cp318", "py318-none", "3.18"])
def test_a_tag_that_is_none_ends_the_build(tag: str, tmp_path: Path) -> None:
    """Rather than a wheel that no Python takes."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]

    done = subprocess.run(
        [*build, "-d", str(tmp_path)],
        cwd=CHECKOUT,
        env={**scratch_environment(tmp_path / "home"), "PIPMEND_WHEEL_TAG": tag},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert f"PIPMEND_WHEEL_TAG={tag!r} is no tag of a Python" in done.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_the_entry_has_the_strict_form_and_can_be_called() -> None:
    """One line ``module:callable``: for anything else Python prints a traceback."""
    (line,) = (SOURCE / START).read_text(encoding="ascii").splitlines()
    found = re.fullmatch(r"(pipmend_hook):(\w+)", line)
    assert found is not None
    code = f"import {found[1]} as stage_0; stage_0.{found[2]}()"

    subprocess.run([sys.executable, "-c", code], cwd=SOURCE, check=True)


@pytest.fixture(scope="module")
def venv(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """A venv of Python 3.15 with the variant for it."""
    try:
        return variant_venv(tmp_path_factory.mktemp("pep829") / "venv", lab.store)
    except OutOfReachError as error:
        pytest.skip(f"Python 3.15: {error}")


@pytest.fixture
def bench(venv: Venv, tmp_path: Path) -> Iterator[Workbench]:
    """That venv, with a cache and an index."""
    with LocalIndex(catalogue()) as index:
        pip = Pip(venv, index.url, index.ca_file, tmp_path / "home")
        yield Workbench(pip, index, tmp_path)


def test_a_start_file_arms_the_gate(bench: Workbench) -> None:
    """Without any ``.pth`` of ours; a broken page is healed."""
    site = bench.pip.venv.site_packages
    assert (site / START).read_bytes() == (SOURCE / START).read_bytes()
    assert not (site / PTH).exists()
    bench.install("alpha", check=True)
    installed = bench.files
    damage("body-empty").apply(bench.entry("/simple/alpha/"))
    bench.age()

    run = bench.install("alpha")

    assert run.returncode == 0, str(run)
    assert bench.files == installed
    assert len(lines_of(run)) == 1
    assert [one["event"] for one in bench.events] == [
        "pipmend.entry_corrupt",
        "pipmend.entry_healed",
    ]


@pytest.mark.parametrize(
    ("flag", "loaded"), [("-B", True), ("-I", True), ("-E", True), ("-S", False)]
)
def test_python_runs_it_at_each_start_and_says_nothing(
    flag: str, *, loaded: bool, bench: Workbench
) -> None:
    """As with a ``.pth``, only ``-S`` keeps it away; stage 1 is not loaded."""
    code = "import sys; print('pipmend_hook' in sys.modules, 'pipmend' in sys.modules)"
    command = [str(bench.pip.venv.python), flag, "-c", code]

    done = subprocess.run(
        command,
        env=scratch_environment(bench.folder / "home"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{loaded} False\n"
    assert not done.stderr


def test_status_sees_it(bench: Workbench) -> None:
    """Active, the file by its kind and digest, and as the wheel has brought it."""
    command = [str(bench.pip.venv.python), "-m", "pipmend", "status", "--json"]

    done = subprocess.run(
        command,
        env=bench.pip.environment(bench.cache),
        capture_output=True,
        text=True,
        check=True,
    )

    report = json.loads(done.stdout)
    (file,) = (one for one in report["startup_files"] if one["path"].endswith(START))
    assert report["active"] is True
    assert (file["kind"], file["record"]) == ("start", "matches")
    assert file["sha256"] == hashlib.sha256((SOURCE / START).read_bytes()).hexdigest()


def test_an_upgrade_exchanges_the_files(
    bench: Workbench, lab: Laboratory, tmp_path: Path
) -> None:
    """One of the two is there at any time: an empty ``.start`` would silence both."""
    site = bench.pip.venv.site_packages
    install = ("install", "--no-index", "--no-deps", "--force-reinstall")
    cache = tmp_path / "unused"
    usual, variant = pipmend_wheel(lab.store), variant_wheel(lab.store, "py315")

    bench.pip.run(*install, str(usual), cache=cache, check=True)
    assert ((site / PTH).exists(), (site / START).exists()) == (True, False)

    bench.pip.run(*install, str(variant), cache=cache, check=True)
    assert ((site / PTH).exists(), (site / START).exists()) == (False, True)


@pytest.mark.parametrize(
    ("python", "tag", "chosen"),
    [
        ("3.15", "py315", "py315-none-any"),
        ("3.15", "py318", "py3-none-any"),
        ("3.14", "py315", "py3-none-any"),
        ("3.13", "py318", "py3-none-any"),
    ],
)
def test_pip_chooses_by_the_tag(
    python: str, tag: str, chosen: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Of two wheels of one version, the later Python gets the variant."""
    links = tmp_path / "links"
    links.mkdir()
    for wheel in (pipmend_wheel(lab.store), variant_wheel(lab.store, tag)):
        shutil.copy(wheel, links)
    pip = f"{pip_wheel('26.3', lab.store)}/pip"
    command = [str(python_or_skip(python)), pip, "download", "--no-index", "--no-deps"]
    where = [f"--find-links={links}", f"--dest={tmp_path / 'got'}", "pipmend"]

    subprocess.run(
        [*command, *where],
        env=scratch_environment(tmp_path / "home"),
        capture_output=True,
        check=True,
    )

    (got,) = (tmp_path / "got").iterdir()
    assert got.name.endswith(f"-{chosen}.whl")


def test_the_table_tells_the_bytes_of_the_wheels(lab: Laboratory) -> None:
    """What the README shows of each start-up file is what the wheels hold."""
    shipped = {
        **content(variant_wheel(lab.store, "py318")),
        **content(pipmend_wheel(lab.store)),
    }
    text = startup_files.rendered()

    for name in (PTH, START, "pipmend_hook.py"):
        digest = hashlib.sha256(shipped[name]).hexdigest()
        assert f"| `{name}` |" in text
        assert f"| {len(shipped[name])} |" in text
        assert f"| `{digest}` |" in text


def test_the_table_of_the_readme_is_generated() -> None:
    """It changes with the files."""
    text = readme.README.read_text(encoding="utf-8")
    shown = readme.part(text, startup_files.MARK)
    if shown is None:
        pytest.skip("the README has no such table")

    assert shown == startup_files.rendered()
