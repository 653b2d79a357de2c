"""The sources of another project, with its tests; fetched, and never kept here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.debian import OutOfReachError
from lab.preparation import made_once

if TYPE_CHECKING:
    from upstream.projects import Project

_TIMEOUT = 300
"""Seconds for one download."""


def unpacked(
    project: Project, version: str, store: Path, folder: Path, given: Path | None
) -> Path:
    """The sources of a release in a folder of that name, which is made.

    Args:
        project: whose they are.
        version: of the release.
        store: keeps what was downloaded.
        folder: does not exist yet.
        given: a folder with sources, or an archive, to be taken instead.

    Raises:
        OutOfReachError: there are none, or none with tests.
    """
    whole = given or _sdist(project.name, version, store)
    try:
        _copy(whole, folder) if whole.is_dir() else _unpack(whole, folder)
    except (OSError, tarfile.TarError) as error:
        raise OutOfReachError(f"{whole.name} cannot be unpacked: {error}") from error
    if not files(project, folder):
        raise OutOfReachError(f"{whole.name} has none of the tests")
    return folder


def files(project: Project, folder: Path) -> list[str]:
    """The files with the tests that are run, relative to the sources."""
    found = {path for pattern in project.tests for path in folder.glob(pattern)}
    return [path.relative_to(folder).as_posix() for path in sorted(found)]


def strip(folder: Path) -> None:
    """Leave the tests alone, so that what they import is what was installed."""
    for path in folder.iterdir():
        if path.name == "tests":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _sdist(name: str, version: str, store: Path) -> Path:
    target = made_once(
        store / "sdists" / f"{name}-{version}",
        lambda folder: _download(f"{name}=={version}", name, folder),
    )
    return next(path for path in target.iterdir() if path.suffix == ".gz")


def _download(requirement: str, name: str, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command = [*pip, f"--no-binary={name}", f"--dest={folder}", requirement]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutOfReachError(f"{requirement} comes too slowly") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise OutOfReachError(f"the sdist of {requirement} is not to be had: {reason}")


def _copy(tree: Path, folder: Path) -> None:
    ignored = shutil.ignore_patterns(".git", "__pycache__", ".nox", ".tox")
    shutil.copytree(tree, folder, symlinks=True, ignore=ignored)


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack what lies in the one folder of an archive."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(scratch, filter="data")
            else:
                tar.extractall(scratch)  # noqa: S202 - as pip does on such a Python
        found = [Path(scratch, name) for name in os.listdir(scratch)]  # noqa: PTH208
        if len(found) != 1:
            raise OutOfReachError(f"{archive.name} is no archive of sources")
        found[0].rename(folder)
