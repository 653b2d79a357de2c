"""Built wheels that nobody built are judged in time, in memory, and in few words."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack
import pytest

from lab import built_wheels
from lab.under_attack import (
    MEMORY,
    WHEELS,
    assert_harmless,
    assert_log_harmless,
    put_wheel,
)
from lab.watched import Watched, watched
from pipmend import names, wheels

if TYPE_CHECKING:
    from lab.outside import Outside
    from lab.workbench import Warmed, Workbench

pytestmark = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="links, FIFOs and sockets are POSIX"
)

DEFAULT_PIP = "26.3"


@pytest.mark.parametrize("name", WHEELS)
def test_a_built_wheel_is_judged_within_bounds(name: str, tmp_path: Path) -> None:
    """In time, in memory, and in few words."""
    path = put_wheel(tmp_path, 0)
    WHEELS[name](path)
    code = (
        "import sys, pathlib; from pipmend import wheels\n"
        "print(wheels.judge_wheel(pathlib.Path(sys.argv[1])).summary)"
    )

    done = run_python(code, path, folder=tmp_path)

    assert done.returncode == 0, done.output
    assert_harmless(done.output)
    assert len(done.output) < 300
    assert done.peak < MEMORY


@pytest.mark.parametrize("name", ["bzip2", "many-members", "far-member", "a-hole"])
def test_a_file_is_judged_within_bounds(name: str, tmp_path: Path) -> None:
    """An entry of the HTTP cache that says that it is a zip file."""
    path = tmp_path / "file"
    WHEELS[name](path)
    code = (
        "import sys; from pipmend import archives, subjects, metadata\n"
        "file = open(sys.argv[1], 'rb'); size = file.seek(0, 2)\n"
        "for depth in archives.Depth: print(archives.look(file, size, '', depth))\n"
        "stored = metadata.StoredResponse(200, {}, {}, b'')\n"
        "print(subjects.of_entry(stored, file).words)"
    )

    done = run_python(code, path, folder=tmp_path)

    assert done.returncode == 0, done.output
    assert done.peak < MEMORY


def run_python(code: str, *args: object, folder: Path) -> Watched:
    """Run code on the source tree."""
    source = Path(wheels.__file__).parent.parent
    python = shutil.which("python3") or "python3"
    environment = {"PYTHONPATH": os.pathsep.join([str(source), *_dependencies()])}
    return watched((python, "-c", code, *args), environment, folder)


def _dependencies() -> list[str]:
    """Where msgpack and the others of the tests are."""
    return [str(Path(msgpack.__file__).parent.parent)]


def install(bench: Workbench, folder: Path) -> Watched:
    """Install gamma, for which there is a built wheel."""
    command = (bench.pip.venv.python, "-m", "pip", "install", "--no-compile")
    return watched(
        (*command, f"--target={bench.target}", "gamma"),
        bench.pip.environment(bench.cache),
        folder,
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "evil-record" else pytest.mark.matrix)
        for name in WHEELS
        # What is not read is left to pip, as without pipmend.
        if name not in {"overlapping", "a-hole", "many-members", "bzip2"}
    ],
)
def test_a_hostile_wheel_is_built_again(
    name: str, warmed: Warmed, tmp_path: Path
) -> None:
    """As if it had not been there."""
    bench = warmed.bench(DEFAULT_PIP, tmp_path / "bench", "gamma")
    (path,) = bench.cache.glob("wheels/**/*.whl")
    WHEELS[name](path)
    bench.age()

    done = install(bench, tmp_path)

    assert done.returncode == 0, done.output
    assert bench.files == warmed.installed(DEFAULT_PIP, "gamma")
    assert_harmless(done.output)
    assert_log_harmless(bench.pip.home)
    assert done.peak < MEMORY


def test_no_item_of_the_quarantine_makes_pip_wait(
    warmed: Warmed, outside: Outside, tmp_path: Path
) -> None:
    """It looks there when a wheel may be as its project builds it."""
    bench = warmed.bench(DEFAULT_PIP, tmp_path / "bench", "gamma")
    (path,) = bench.cache.glob("wheels/**/*.whl")
    built_wheels.WHEEL_DAMAGES["record-digest"](path)
    quarantine = bench.cache / "pipmend" / "quarantine"
    (quarantine / "fifo").mkdir(parents=True)
    os.mkfifo(quarantine / "fifo" / "verdict.json")
    (quarantine / "link").mkdir()
    (quarantine / "link" / "verdict.json").symlink_to(outside.fifo)
    (quarantine / "deep").mkdir()
    (quarantine / "deep" / "verdict.json").write_bytes(b"[" * 200_000)
    bench.age()

    done = install(bench, tmp_path)

    assert done.returncode == 0, done.output
    assert bench.files == warmed.installed(DEFAULT_PIP, "gamma")


def test_many_tags_take_no_memory() -> None:
    """A hundred lines, of which each may go with each."""
    tags = [f"py{number}-abi{number}-any{number}" for number in range(100)]
    tracemalloc.start()

    name = names.wheel_name("bomb-1.0", tags)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert name is None
    assert peak < 1024 * 1024
