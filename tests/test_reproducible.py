"""Whoever builds pipmend gets the same bytes: what is installed can be checked."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from lab.wheels import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

BUILT_FROM = (
    *("src", "tests"),
    *("CHANGELOG.md", "LICENSE", "README.md", "install_hook.py", "pyproject.toml"),
)
"""What goes into a source distribution."""

BUILDERS = {
    "one": {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    "another": {"TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
}
MASKS = {"one": 0o022, "another": 0o077}
DATES = {"one": 1_000_000_000, "another": 1_700_000_000}
"""Seconds since 1970."""


def checkout(folder: Path, name: str) -> Path:
    """A checkout as some other person has it."""
    target = folder / name
    target.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for part in BUILT_FROM:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=ignore)
        else:
            shutil.copy(source, target / part)
    for path in [target, *target.rglob("*")]:
        mode = 0o777 if path.is_dir() else 0o666
        path.chmod(mode & ~MASKS[name])
        os.utime(path, (DATES[name], DATES[name]))
    return target


def build(folder: Path, kind: str, name: str, **settings: str) -> Path:
    """Build a distribution as some person does."""
    out = folder / "dist"
    for old in out.glob("*"):
        old.unlink()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
        cwd=folder,
        env={**os.environ, **BUILDERS[name], **settings},
        preexec_fn=lambda: os.umask(MASKS[name]),
        capture_output=True,
        check=True,
    )
    (made,) = out.iterdir()
    return made


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param("wheel", {}, id="wheel"),
        pytest.param("wheel", {"PIPMEND_WHEEL_TAG": "py318"}, id="py318"),
        pytest.param("sdist", {}, id="sdist"),
    ],
)
def test_two_builds_have_the_same_bytes(
    kind: str, settings: dict[str, str], tmp_path: Path
) -> None:
    """Whatever the folder, the modes, the times, the time zone and the locale."""
    made = [
        build(checkout(tmp_path / "a", "one"), kind, "one", **settings),
        build(checkout(tmp_path / "other", "another"), kind, "another", **settings),
    ]

    assert digest(made[0]) == digest(made[1])
    assert made[0].name == made[1].name


def test_the_wheel_of_the_source_distribution_is_the_wheel(tmp_path: Path) -> None:
    """What a distribution builds from the source file is what others install."""
    folder = checkout(tmp_path, "one")
    wheel = digest(build(folder, "wheel", "one"))
    with tarfile.open(build(folder, "sdist", "one")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()

    assert digest(build(unpacked, "wheel", "another")) == wheel
