"""What pipmend needs, in the form that every Python can load.

Of each dependency the modules written in Python are taken, so that one folder serves
all versions and machines; :mod:`pipmend.everywhere.compiled` adds to them. The versions
are fixed, and so are the digests of the wheels that they are taken from.
"""

from __future__ import annotations

import os
import re
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from pipmend import processes, urls
from pipmend.everywhere import files
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_PATIENCE = 600
"""Seconds for one download."""
_LARGEST_FILE = 4 << 20
"""Bytes of one file in a wheel; the largest that is taken has 35 KB."""
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+-]*(/[A-Za-z0-9_-][A-Za-z0-9_.+-]*)*")
_PURE = ("--platform=any", "--implementation=py", "--abi=none")
_ONE_BUILD = (
    "--platform=manylinux2014_x86_64",
    "--implementation=cp",
    "--abi=cp39",
)
# There is no pure wheel of msgpack; what is taken is the same in all of them.


class Dependency(NamedTuple):
    """One distribution, and the wheel that it is taken from."""

    name: str
    version: str
    sha256: str
    kind: tuple[str, ...]
    """What pip has to be told to choose this very wheel, on every machine."""


DEPENDENCIES = (
    Dependency(
        "msgpack",
        "1.1.2",
        "94fd7dc7d8cb0a54432f296f2246bc39474e017204ca6f4ff345941d4ed285a7",
        _ONE_BUILD,
    ),
    Dependency(
        "platformdirs",
        "4.4.0",
        "abd01743f24e5287cd7a5db3752faf1a2d65353f38ec26d98e25a6db65958c85",
        _PURE,
    ),
    # From 2.2 on, importing wrapt imports asyncio.
    Dependency(
        "wrapt",
        "2.1.2",
        "b8fd6fa2b2c4e7621808f8c62e8317f4aae56e59721ad933bac5239d913cf0e8",
        _PURE,
    ),
)


def fetch(python: str, folder: Path) -> list[Path]:
    """Download the wheels.

    Args:
        python: an interpreter with a pip.
        folder: where the wheels go; temporary files too.

    Raises:
        RefusedError: no index, or a wheel with another digest.
    """
    for one in DEPENDENCIES:
        wanted = {f"{one.name}=={one.version}": one.sha256}
        download(python, wanted, ("--python-version=3.9", *one.kind), folder)
    return take(folder)


def take(folder: Path) -> list[Path]:
    """Choose the wheels of the dependencies in a folder, one for each.

    The fixed wheels are preferred, then others of the fixed versions, then any: who
    names a folder answers for what is in it.

    Raises:
        RefusedError: one is missing, or not to be told from others.
    """
    return [_chosen(dependency, folder) for dependency in DEPENDENCIES]


def unpack(wheel: Path, folder: Path) -> None:
    """Put the Python modules and the metadata of a wheel into a folder.

    Raises:
        RefusedError: it is no wheel, or one with strange names in it.
    """
    name, version = wheel.name.split("-")[:2]
    about = f"{name}-{version}.dist-info/"

    def is_taken(member: str) -> bool:
        if member.startswith(f"{name}/"):
            return member.endswith((".py", ".typed"))
        # RECORD lists what is not taken.
        return member.startswith(about) and not member.endswith("/RECORD")

    extract(wheel, is_taken, folder)


def extract(wheel: Path, is_taken: Callable[[str], bool], folder: Path) -> None:
    """Put the files of a wheel into a folder that are taken, by their names.

    Raises:
        RefusedError: it is no wheel, or one with strange names in it.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if is_taken(member.filename):
                    _extract(archive, member, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise RefusedError(f"{wheel} is no wheel: {error}") from None


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    if member.is_dir():
        return
    if not _SAFE.fullmatch(member.filename) or member.file_size > _LARGEST_FILE:
        raise RefusedError(
            f"{archive.filename} has a file that no wheel has: {member.filename!a}"
        )
    path = folder / member.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.read(member))


def with_pip(pythons: Iterable[str], folder: Path) -> str:
    """An interpreter with a pip, that which comes with Python at the worst.

    Raises:
        RefusedError: there is none.
    """
    pythons = list(dict.fromkeys(pythons))
    for python in pythons:
        if _run(folder, python, "-m", "pip", "--version").returncode == 0:
            return python
    for python in pythons:
        scratch = folder / "venv"
        if _run(folder, python, "-m", "venv", str(scratch)).returncode == 0:
            return str(scratch / "bin" / "python")
    raise RefusedError(f"there is no pip to download with; {_by_hand()}")


def download(
    python: str, wanted: Mapping[str, str], kind: Sequence[str], folder: Path
) -> None:
    """Download wheels into a folder.

    Args:
        python: an interpreter with a pip.
        wanted: SHA-256 of each wheel, by its requirement.
        kind: what pip has to be told to choose these very wheels.
        folder: where they go; temporary files too.

    Raises:
        RefusedError: pip does not get one of them.
    """
    lines = [f"{one} --hash=sha256:{digest}\n" for one, digest in wanted.items()]
    listed = folder / "requirements.txt"
    listed.write_text("".join(lines), "utf-8")
    quiet = ("--quiet", "--no-input", "--no-cache-dir", "--no-deps", "--require-hashes")
    where = (f"--dest={folder}", f"--requirement={listed}")
    form = ("--only-binary=:all:", *kind)
    done = _run(folder, python, "-m", "pip", "download", *quiet, *form, *where)
    if done.returncode:
        complaint = urls.without_credentials("; ".join(done.stderr.splitlines()[-2:]))
        names = " and ".join(wanted)
        raise RefusedError(f"pip could not get {names}: {complaint}\n{_by_hand()}")


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        # What a killed pip leaves behind goes away with the folder.
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # Nothing is installed, so nothing speaks against a base interpreter.
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    return processes.run(
        command, folder=folder, environment=environment, patience=_PATIENCE
    )


def _chosen(dependency: Dependency, folder: Path) -> Path:
    wheels = sorted(folder.glob(f"{dependency.name}-*.whl"))
    fixed = [one for one in wheels if one.name.split("-")[1] == dependency.version]
    exact = [one for one in fixed if files.digest_of(one) == dependency.sha256]
    # The modules in all wheels of one version are the same.
    preferred = [*exact, *fixed] or wheels
    if preferred and (fixed or len(wheels) == 1):
        return preferred[0]
    problem = "there are several wheels" if wheels else "there is no wheel"
    raise RefusedError(f"{problem} of {dependency.name} in {folder}; {_by_hand()}")


def _by_hand() -> str:
    return "\n".join(_advice())


def _advice() -> Iterator[str]:
    yield "get them elsewhere, and name their folder with --wheels:"
    for one in DEPENDENCIES:
        options: Sequence[str] = ("--python-version=3.9", *one.kind)
        yield (
            f"  pip download --no-deps --only-binary=:all: {' '.join(options)}"
            f" {one.name}=={one.version}"
        )
