"""The parts of one copy for all: who is trusted, who is found, what is taken along."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.machines import machine, wheels
from pipmend.everywhere import (
    compiled,
    dependencies,
    interpreters,
    places,
    receipt,
    search,
    trust,
    venvs,
)
from pipmend.everywhere.interpreters import Interpreter
from pipmend.everywhere.receipt import Activation, Kept, Receipt, Scope
from pipmend.everywhere.refusals import (
    ReceiptError,
    RefusedError,
    UnfitPythonError,
)

if TYPE_CHECKING:
    from lab.laboratory import Laboratory

posix = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")
as_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can give files away"
)
NOBODY = 65534

WHICH_ARE_LOADED = """\
import sys
sys.path.insert(0, sys.argv[1])
import msgpack, wrapt
print(msgpack.Unpacker.__module__, type(wrapt.FunctionWrapper.__init__).__name__)
"""


# -- Trust ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that only its owner may change."""
    made = tmp_path / "folder"
    made.mkdir()
    made.chmod(0o755)
    return made


@posix
def test_nothing_speaks_against_an_own_folder(folder: Path) -> None:
    """Nor against what is not there yet."""
    assert trust.objections(folder / "new" / "file") == []


@posix
def test_a_folder_of_everybody_is_named(folder: Path) -> None:
    """Wherever it is on the way, whatever is accepted; a sticky one is fine."""
    folder.chmod(0o777)
    expected = [f"everybody may write to {folder} (mode 0777)"]

    assert trust.objections(folder / "file") == expected
    assert trust.objections(folder, allow_group=True, any_owner=True) == expected
    folder.chmod(0o1777)
    assert trust.objections(folder) == []


@posix
def test_links_are_followed_and_their_folders_looked_at(folder: Path) -> None:
    """Both where the link is and where it leads to."""
    loose = folder / "loose"
    loose.mkdir()
    (loose / "target").touch(mode=0o644)
    (folder / "link").symlink_to("loose/../loose/target")
    assert trust.objections(folder / "link") == []

    loose.chmod(0o777)

    reason = f"everybody may write to {loose} (mode 0777)"
    assert reason in trust.objections(folder / "link")


@posix
def test_links_in_circles_end(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")

    assert trust.objections(folder / "a") == []


@as_root
def test_groups_and_owners(folder: Path) -> None:
    """The group of root is no objection, another one is, unless it is accepted."""
    folder.chmod(0o775)
    assert trust.objections(folder) == []
    os.chown(folder, 0, NOBODY)
    (group,) = trust.objections(folder)
    assert group.startswith("the group ")
    assert trust.objections(folder, allow_group=True) == []
    os.chown(folder, NOBODY, 0)
    (owner,) = trust.objections(folder)
    assert owner.startswith(f"{folder} belongs to ")
    assert trust.objections(folder, any_owner=True) == []


# -- Search --------------------------------------------------------------------------


@posix
def test_candidates_are_programs_with_the_names_of_interpreters(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one once; no scripts, no shims, no relative folders of the PATH."""
    monkeypatch.setattr(search, "SYSTEM_FOLDERS", (f"{folder}/opt/*/bin",))
    monkeypatch.setenv("HOME", str(folder))
    found = {
        program(folder / "opt" / "a" / "bin" / "python3.12"),
        program(folder / ".pyenv" / "versions" / "3.9.1" / "bin" / "python3"),
        program(folder / "path" / "pypy3.11"),
        program(folder / "env" / "bin" / "python3.13t"),
    }
    (folder / "opt" / "a" / "bin" / "python3").symlink_to("python3.12")
    program(folder / "path" / "python3-config")
    program(folder / "path" / "pythonic")
    program(folder / "path" / "python3", content="#!/bin/sh\n")
    program(folder / ".pyenv" / "shims" / "python3.10")
    (folder / ".conda").mkdir()
    (folder / ".conda" / "environments.txt").write_text(f"{folder}/env\nrelative\n")
    path = os.pathsep.join((f"{folder}/.pyenv/shims", f"{folder}/path", "relative", ""))

    candidates = set(search.candidates({"PATH": path}))

    assert {one for one in candidates if folder in one.parents} == found


def program(path: Path, content: str = "\x7fELF") -> Path:
    """Something that can be run, as far as one can see."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path.resolve()


@as_root
def test_programs_of_other_users_are_not_run(lab: Laboratory, tmp_path: Path) -> None:
    """Root would run what they like; who names one answers for it."""
    made = machine(lab, tmp_path)
    assert made is not None
    spy = tmp_path / "python3"
    trace = tmp_path / "trace"
    spy.write_text(f"#!/bin/sh\ntouch {trace}\n")
    spy.chmod(0o755)
    os.chown(spy, NOBODY, 0)

    found = search.ask_all([spy, made.base.python], allow_group=False)

    assert [one.executable for one in found.interpreters] == [str(made.base.python)]
    assert list(found.left) == [str(spy)]
    assert not trace.exists()


@posix
def test_what_is_no_python_says_so(folder: Path) -> None:
    for content in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho '{}'\n", "\x7fELF"):
        path = program(folder / "python3", content)
        with pytest.raises(UnfitPythonError, match="is no Python that answers"):
            interpreters.ask(path)
    path = program(folder / "python3", "#!/bin/sh\necho '{\"version\": [3, 8, 1]}'\n")
    with pytest.raises(UnfitPythonError, match=r"is Python 3\.8\.1; 3\.9 is needed"):
        interpreters.ask(path)
    with pytest.raises(UnfitPythonError):
        interpreters.ask(folder / "missing")


def test_a_venv_is_resolved_to_its_base() -> None:
    """This one runs in a venv."""
    asked = interpreters.ask(Path(sys.executable))

    assert asked.stdlib == Path(os.__file__).parent.resolve()
    assert asked.version == sys.version_info[:3]
    assert asked.tag == sys.implementation.cache_tag


# -- Dependencies --------------------------------------------------------------------


def test_only_modules_and_licences_are_taken(lab: Laboratory, tmp_path: Path) -> None:
    """Nothing compiled, so that one folder serves every Python."""
    for wheel in dependencies.take(wheels(lab.store)):
        dependencies.unpack(wheel, tmp_path)

    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    assert {"wrapt/wrappers.py", "msgpack/fallback.py", "platformdirs/api.py"} <= {
        *names
    }
    assert not [name for name in names if name.endswith((".so", ".pyd", ".c"))]
    licences = [name for name in names if "LICENSE" in name or "COPYING" in name]
    assert {name.split("-")[0] for name in licences} == {
        "msgpack",
        "platformdirs",
        "wrapt",
    }


def test_the_fetched_wheels_are_the_known_ones(lab: Laboratory) -> None:
    found = {path.name.split("-")[0] for path in wheels(lab.store).iterdir()}

    assert found == {one.name for one in dependencies.DEPENDENCIES}


@pytest.mark.parametrize(
    "name", ["wrapt/../../evil.py", "wrapt//evil.py", "wrapt/a\\b.py", "wrapt/.py"]
)
def test_strange_names_in_a_wheel_are_refused(name: str, tmp_path: Path) -> None:
    wheel = tmp_path / "wrapt-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(name, "")

    with pytest.raises(RefusedError, match="a file that no wheel has"):
        dependencies.unpack(wheel, tmp_path / "target")

    assert [path.name for path in tmp_path.rglob("*.py")] == []


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "wrapt-1-py3-none-any.whl"
    wheel.write_bytes(b"PK")

    with pytest.raises(RefusedError, match="is no wheel"):
        dependencies.unpack(wheel, tmp_path)


def test_the_fixed_version_is_preferred(tmp_path: Path) -> None:
    """Of any platform, since the modules are the same; else there must be one only."""
    for name in ("msgpack-1.1.2-cp311-a.whl", "msgpack-1.1.2-cp312-a.whl"):
        (tmp_path / name).touch()
    for name in ("msgpack-9-cp3.whl", "platformdirs-9.whl", "wrapt-8.whl"):
        (tmp_path / name).touch()

    taken = [path.name for path in dependencies.take(tmp_path)]

    assert taken == ["msgpack-1.1.2-cp311-a.whl", "platformdirs-9.whl", "wrapt-8.whl"]
    (tmp_path / "wrapt-9.whl").touch()
    with pytest.raises(RefusedError, match="there are several wheels of wrapt"):
        dependencies.take(tmp_path)
    (tmp_path / "platformdirs-9.whl").unlink()
    with pytest.raises(RefusedError, match="there is no wheel of platformdirs"):
        dependencies.take(tmp_path)


def test_without_pip_or_index_it_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="--wheels") as without_pip:
        dependencies.with_pip(["/nonexistent/python"], tmp_path)
    assert "wrapt==2.1.2" in str(without_pip.value)


# -- Compiled parts of the dependencies ----------------------------------------------


def with_suffixes(*suffixes: str) -> Interpreter:
    """An interpreter that can load modules with these endings."""
    return Interpreter("", (3, 11), Path(), Path(), "", suffixes)


def test_builds_are_told_by_the_endings_of_modules() -> None:
    """CPython on Linux, as far as there are wheels; others do without."""
    known = [
        with_suffixes(".py", ".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so"),
        with_suffixes(".cpython-314-aarch64-linux-musl.so"),
        with_suffixes(".cpython-39-x86_64-linux-gnu.so"),
    ]
    unknown = [
        with_suffixes(".cpython-313t-x86_64-linux-gnu.so"),
        with_suffixes(".cpython-311d-x86_64-linux-gnu.so"),
        with_suffixes(".cpython-315-x86_64-linux-gnu.so"),
        with_suffixes(".cpython-310-x86_64-linux-musl.so"),
        with_suffixes(".cpython-311-i386-linux-gnu.so"),
        with_suffixes(".cpython-311-darwin.so"),
        with_suffixes(".pypy311-pp73-x86_64-linux-gnu.so"),
        with_suffixes(".cp311-win_amd64.pyd"),
    ]

    assert [compiled.Build.of(one) for one in unknown] == [None] * len(unknown)
    assert compiled.builds_of([*known, *known, *unknown]) == [
        ("11", "x86_64", "gnu"),
        ("14", "aarch64", "musl"),
        ("9", "x86_64", "gnu"),
    ]
    for interpreter in known:
        build = compiled.Build.of(interpreter)
        assert build is not None
        assert build.suffix in interpreter.suffixes


@pytest.fixture
def build() -> compiled.Build:
    """That of the interpreter of the tests."""
    build = compiled.Build.of(interpreters.ask(Path(sys.executable)))
    if build is None:
        pytest.skip("no compiled parts are known for this interpreter")
    return build


def test_compiled_parts_lie_beside_the_modules(
    build: compiled.Build, lab: Laboratory, tmp_path: Path
) -> None:
    """For one interpreter and nothing else; it loads them, others the modules."""
    house = wheels(lab.store)
    for wheel in dependencies.take(house):
        dependencies.unpack(wheel, tmp_path)
    before = set(tmp_path.rglob("*"))

    for part in compiled.take([build], house):
        compiled.unpack(part, tmp_path)

    added = set(tmp_path.rglob("*")) - before
    assert {path.relative_to(tmp_path).as_posix() for path in added} == {
        f"msgpack/_cmsgpack{build.suffix}",
        f"wrapt/_wrappers{build.suffix}",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", WHICH_ARE_LOADED, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["msgpack._cmsgpack", "wrapper_descriptor"]


def test_other_wheels_are_no_compiled_parts(
    build: compiled.Build, lab: Laboratory, tmp_path: Path
) -> None:
    """A wheel with a byte more than the known one is left alone."""
    for wheel in wheels(lab.store).iterdir():
        tmp_path.joinpath(wheel.name).write_bytes(wheel.read_bytes() + b" ")

    assert compiled.take([build], tmp_path) == []


def test_a_wheel_with_another_digest_is_not_downloaded(
    build: compiled.Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pip refuses it."""
    name = "-".join(build)
    wrong = {name: ("0" * 64, compiled._DIGESTS[name][1])}  # noqa: SLF001
    monkeypatch.setattr(compiled, "_DIGESTS", wrong)

    with pytest.raises(RefusedError, match=r"pip could not get msgpack==1\.1\.2 and"):
        compiled.fetch(sys.executable, [build], tmp_path)

    assert list(tmp_path.glob("msgpack-*.whl")) == []


# -- Receipt, places, venvs ----------------------------------------------------------


def test_a_receipt_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = Kept("sitecustomize.py", "aside/sitecustomize.py", None, "aside/b", True)
    one = Activation(
        executable="/usr/bin/python3",
        version="3.12.1",
        folder="/usr/lib/python3.12",
        module="sitecustomize",
        created={"sitecustomize.py": "0" * 64},
        kept=(kept,),
        made=("/usr/lib/python3.12/__pycache__",),
        times={".": (1, 2)},
        complete=True,
    )
    whole = Receipt(Scope.USER, ("/opt", "/opt/pipmend"), (3, 4), (one,))
    assert receipt.read(tmp_path) is None

    receipt.write(tmp_path, whole)

    assert receipt.read(tmp_path) == whole
    assert whole.of(Path("/usr/lib/python3.12")) == one
    assert whole.without(one.folder).activations == ()
    assert whole.with_(one) == whole


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"schema": 2}',
        '{"schema": 1, "scope": "all"}',
        '{"schema": 1, "scope": "user", "made": [], "times": [1], "activations": []}',
        '{"schema": 1, "scope": "user", "made": [], "activations": [{}]}',
    ],
)
def test_a_damaged_receipt_is_an_error(content: str, tmp_path: Path) -> None:
    (tmp_path / receipt.NAME).write_text(content)

    with pytest.raises(ReceiptError):
        receipt.read(tmp_path)


@posix
def test_private_folders() -> None:
    """That of all, and that of one user."""
    assert str(places.private_folder(Scope.GLOBAL, {})) == "/usr/local/lib/pipmend"
    if sys.platform == "linux":
        found = places.private_folder(Scope.USER, {"XDG_DATA_HOME": "/d"})
        assert found == Path("/d/pipmend")


def test_venvs_below_a_folder(tmp_path: Path) -> None:
    """In any depth, hidden ones too; none within another one."""
    for name in ("a/.venv", "b/c/env", "b/c/env/inner"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pyvenv.cfg").touch()

    assert list(venvs.below(tmp_path)) == [tmp_path / "a/.venv", tmp_path / "b/c/env"]
