"""Other projects' own tests with pipmend and without, and the comparison itself."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from lab.debian import OutOfReachError
from upstream import compare, endings, sources, told, trials, witness
from upstream.endings import MISSING, Difference, Ending
from upstream.projects import CACHECONTROL, PIP, Project
from upstream.trials import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from lab.laboratory import Laboratory
    from upstream.trials import Compared
    from upstream.witness import Witnessed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="paths and modes of POSIX")

PASSED, SKIPPED = Ending("passed"), Ending("skipped")


def failed(reason: str) -> Ending:
    return Ending("failed", reason)


# -- How tests ended -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "hooked", "is_different"),
    [
        pytest.param(PASSED, PASSED, False, id="both-pass"),
        pytest.param(PASSED, failed("AssertionError"), True, id="one-fails"),
        pytest.param(PASSED, SKIPPED, True, id="one-skips"),
        pytest.param(
            failed("OSError: /a"), failed("OSError: /b"), False, id="other-words"
        ),
        pytest.param(
            failed("OSError: /a"), failed("KeyError: /a"), True, id="other-exception"
        ),
        pytest.param(failed("a: b"), Ending("error", "a: b"), True, id="other-phase"),
    ],
)
def test_a_difference_is_another_outcome_or_another_exception(
    plain: Ending,
    hooked: Ending,
    is_different: bool,
) -> None:
    found = endings.differences({"t": plain}, {"t": hooked})

    assert found == ([Difference("t", plain, hooked)] if is_different else [])


def test_a_test_that_is_in_one_run_only_is_a_difference() -> None:
    found = endings.differences({"gone": PASSED}, {"new": SKIPPED})

    gone, new = Difference("gone", PASSED, MISSING), Difference("new", MISSING, SKIPPED)
    assert found == [gone, new]


# -- Where tests come from -----------------------------------------------------------


def unpack(project: Project, folder: Path, given: Path) -> Path:
    return sources.unpacked(project, "1", folder / "store", folder / "source", given)


def archive(folder: Path, *names: str) -> Path:
    """A source release with such files."""
    for name in names:
        path = folder / "whole-1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    made = folder / "whole-1.tar.gz"
    with tarfile.open(made, "w:gz") as tar:
        tar.add(folder / "whole-1", "whole-1")
    return made


def test_sources_come_from_an_archive_or_a_folder(tmp_path: Path) -> None:
    given = archive(tmp_path, "cachecontrol/cache.py", "tests/test_a.py")

    source = unpack(CACHECONTROL, tmp_path, given)
    other = tmp_path / "other"
    other.mkdir()
    copied = unpack(CACHECONTROL, other, tmp_path / "whole-1")

    assert sources.files(CACHECONTROL, source) == ["tests/test_a.py"]
    assert sources.files(CACHECONTROL, copied) == ["tests/test_a.py"]
    sources.strip(source)
    assert [path.name for path in source.iterdir()] == ["tests"]


def test_sources_without_tests_are_refused(tmp_path: Path) -> None:
    given = archive(tmp_path, "src/pip/__init__.py", "tests/other.py")

    with pytest.raises(OutOfReachError, match=r"whole-1\.tar\.gz has none"):
        unpack(PIP, tmp_path, given)


def test_the_command_says_what_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = compare.main(["pip", "1.0", "--source", str(tmp_path)])

    assert code == 3
    assert capsys.readouterr().err.startswith(f"pip 1.0: {tmp_path.name} has none of")


def test_the_command_asks_for_a_version_of_pip(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as raised:
        compare.main(["pip"])

    assert raised.value.code == 2
    assert "name a version of pip" in capsys.readouterr().err


# -- Was pipmend in force? -----------------------------------------------------------


def gates(**changed: object) -> dict[str, object]:
    """What a process with pipmend says of itself when pip was used in it."""
    library = {"armed": False, "layout": None, "unfit": None}
    pip = {"armed": True, "layout": "http-v2", "unfit": None, "mode": "heal"}
    return {**pip, "library": library, **changed}


def heard(folder: Path, found: dict[str, object] | None, *, name: str) -> Witnessed:
    records = folder / "records"
    record = {"loaded": [f"{name}.controller"], "pip": "26.3", "gates": found}
    records.write_text(f"{record!r}\n")
    return witness.heard(records)


@pytest.mark.parametrize(
    ("found", "name", "counts"),
    [
        pytest.param(None, "pip._vendor.cachecontrol", (1, 0, 0), id="without"),
        pytest.param(gates(), "pip._vendor.cachecontrol", (0, 1, 1), id="armed"),
        pytest.param(
            gates(layout=None), "pip._vendor.cachecontrol", (0, 1, 0), id="no-cache-yet"
        ),
        pytest.param(
            gates(armed=False), "pip._vendor.cachecontrol", (0, 0, 1), id="not-armed"
        ),
        pytest.param(
            gates(mode="observe"), "pip._vendor.cachecontrol", (0, 0, 1), id="observes"
        ),
        pytest.param(gates(), "cachecontrol", (0, 0, 1), id="armed-for-pip-only"),
    ],
)
def test_only_a_process_that_waits_for_what_was_loaded_is_armed(
    tmp_path: Path,
    found: dict[str, object] | None,
    name: str,
    counts: tuple[int, int, int],
) -> None:
    said = heard(tmp_path, found, name=name)

    assert said.processes == 1
    assert (said.untouched, said.armed, said.fitted) == counts


# -- Whole comparisons ---------------------------------------------------------------

UNLIKE = """\
import pathlib, subprocess, sys
import pytest
from pip._internal.network.session import PipSession

def test_uses_a_cache(tmp_path):
    PipSession(cache=str(tmp_path / "cache"))

def test_starts_a_pip(tmp_path):
    cache = f"--cache-dir={tmp_path / 'cache'}"
    command = [sys.executable, "-m", "pip", "download", cache, "--no-index", "absent"]
    assert subprocess.run(command, cwd=tmp_path).returncode == 1

def test_sees_pipmend():
    assert "pipmend_hook" not in sys.modules

def test_ends_now_so_now_so():
    mark = pathlib.Path(sys.prefix, "mark")
    if mark.exists():
        mark.unlink()
        pytest.fail()
    mark.touch()

def test_fails():
    raise OSError("in both ways")

@pytest.fixture
def broken():
    raise KeyError(1)

def test_is_not_set_up(broken):
    pass

@pytest.mark.skip("no reason")
def test_is_skipped():
    pass

@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""

HARMLESS = "def test_does_nothing():\n    pass\n"


def of(name: str, *, by_design: bool = False) -> Project:
    """A project with one file of tests."""
    steps = (("install", "pytest"),)
    test = f"tests/{name}.py::test_sees_pipmend"
    design = {test: "it looks for pipmend"} if by_design else {}
    return Project(
        "small", (), lambda *_: steps, (f"tests/{name}.py",), by_design=design
    )


def run(lab: Laboratory, folder: Path, project: Project, content: str = "") -> Compared:
    """Compare a project with this content, or with what the index has."""
    given = None
    if content:
        given = folder / "given"
        path = given / project.tests[0]
        path.parent.mkdir(parents=True)
        path.write_text(content)
    version = project.versions[-1] if project.versions else "1"
    asked = Asked(project, version, lab.default_python, given)
    try:
        return trials.compare(asked, lab, folder / "ground")
    except OutOfReachError as error:
        pytest.skip(str(error))


def short(found: list[Difference]) -> list[str]:
    return [one.test.rpartition("::")[2] for one in found]


@pytest.mark.matrix
@pytest.mark.parametrize("by_design", [False, True], ids=["unwanted", "by-design"])
def test_a_difference_is_found_and_told_from_what_varies_anyway(
    lab: Laboratory,
    tmp_path: Path,
    by_design: bool,
) -> None:
    project = of("test_unlike", by_design=by_design)

    compared = run(lab, tmp_path, project, UNLIKE)

    assert not compared.doubts, compared.hooked.output
    assert compared.is_same is by_design
    found = compared.designed if by_design else compared.unwanted
    assert short(found) == ["test_sees_pipmend"]
    assert short(list(compared.unsteady)) == ["test_ends_now_so_now_so"]
    kinds = {"passed": 4, "failed": 1, "error": 1, "skipped": 1, "xfailed": 1}
    assert endings.counts(compared.plain.endings) == kinds
    # Pytest itself, and the pip that a test has started.
    assert compared.plain.witnessed.processes == 2
    assert compared.plain.witnessed.untouched == 2
    assert compared.hooked.witnessed.processes == 2
    assert compared.hooked.witnessed.armed == 2
    summary = told.summary(compared)
    assert ("NOT THE SAME" in summary) is not by_design
    assert "test_fails`: failed: OSError: in both ways" in summary


@pytest.mark.matrix
def test_runs_that_never_meet_a_cache_prove_nothing(
    lab: Laboratory, tmp_path: Path
) -> None:
    compared = run(lab, tmp_path, of("test_harmless"), HARMLESS)

    assert not compared.steady
    assert "no cache has got the gates" in compared.doubts
    assert not compared.is_same


@pytest.mark.matrix
@pytest.mark.parametrize("version", CACHECONTROL.versions)
def test_the_own_tests_of_cachecontrol_end_as_without_pipmend(
    lab: Laboratory, tmp_path: Path, version: str
) -> None:
    project = CACHECONTROL._replace(versions=(version,))

    compared = run(lab, tmp_path, project)

    assert compared.is_same, told.summary(compared)
    assert len(compared.designed) == len(project.by_design)
    assert not [event for event in compared.hooked.events if "guard" in event]
