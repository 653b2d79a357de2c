"""Packages of the Debian mirror that this machine is set up for, unpacked in a folder.

Nothing is installed: apt works on a state of its own, and ``dpkg -x`` only unpacks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SOURCES = ("sources.list.d/debian.sources", "sources.list")
_MIRROR = re.compile(r"https?://\S+/debian/?(?=\s|$)")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""The keys of Debian's archive."""

_TIMEOUT = 300
"""Seconds for one program."""

_CONFIGURATION = """\
Dir::State "{home}/state";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
Dir::Etc "{home}/etc";
Dir::Etc::sourcelist "{home}/etc/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Debug::NoLocking "true";
"""
# A mirror may be a copy of some weeks ago; its signatures are checked all the same.


class OutOfReachError(Exception):
    """Why something cannot be had on this machine, in one line."""


def store() -> Path:
    """Where unpacked packages are kept between test runs; may be deleted at any time.

    ``PIPMEND_TEST_CACHE`` names another place.
    """
    named = os.environ.get("PIPMEND_TEST_CACHE")
    return Path(named or platformdirs.user_cache_dir("pipmend-tests")).resolve()


def mirror() -> str:
    """The address of the mirror that apt is set up for.

    Raises:
        OutOfReachError: there is none.
    """
    for name in _SOURCES:
        path = Path("/etc/apt", name)
        found = _MIRROR.search(path.read_text()) if path.is_file() else None
        if found is not None:
            return found[0]
    raise OutOfReachError("apt is not set up for a Debian mirror")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder: test workers want the same at the same moment."""
    import fcntl  # noqa: PLC0415 - not on Windows

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unpacked(
    package: str,
    suite: str,
    *,
    alone: bool = False,
    finish: Callable[[Path, Path], None] | None = None,
) -> Path:
    """The folder that holds a package of a suite and all that it needs, unpacked.

    Args:
        package: its name.
        suite: such as ``sid``.
        alone: without what it needs.
        finish: changes what was unpacked; called once, with the folder where it is
            now and the folder where it will be.

    Raises:
        OutOfReachError: there is no such package, no mirror, or no apt.
    """
    _look_around()
    root = store() / suite / package
    with locked(store()):
        if not root.is_dir():
            with tempfile.TemporaryDirectory(dir=store(), prefix=".new-") as scratch:
                fresh = Path(scratch, "root")
                _fetch(package, suite, Path(scratch), fresh, alone=alone)
                if finish is not None:
                    finish(fresh, root)
                root.parent.mkdir(exist_ok=True)
                fresh.rename(root)
    return root


def _look_around() -> None:
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise OutOfReachError(f"there is no {tool} here")
    if not KEYRING.is_file():
        raise OutOfReachError("the keys of Debian's archive are not here")


def _fetch(
    package: str, suite: str, scratch: Path, target: Path, *, alone: bool
) -> None:
    home = scratch / "apt"
    environment = _apt(home, suite)
    _run(["apt-get", "-qq", "update"], home, environment)
    if alone:
        _run(["apt-get", "-qq", "download", package], home, environment)
    else:
        install = ["apt-get", "-qq", "-y", "-d", "--no-install-recommends", "install"]
        _run([*install, package], home, environment)
    target.mkdir()
    for archive in sorted([*home.glob("*.deb"), *home.glob("cache/archives/*.deb")]):
        _run(["dpkg", "-x", str(archive), str(target)], home, environment)


def _apt(home: Path, suite: str) -> dict[str, str]:
    """Lay out a state for apt that knows one suite and no installed package."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (home / name).mkdir(parents=True)
    for name in ("apt.conf.d", "preferences.d", "trusted.gpg.d"):
        (home / "etc" / name).mkdir()
    # An empty status file makes apt fetch everything, libc included.
    (home / "status").touch()
    source = f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n"
    (home / "etc" / "sources.list").write_text(source)
    (home / "apt.conf").write_text(_CONFIGURATION.format(home=home))
    return {**os.environ, "APT_CONFIG": str(home / "apt.conf"), "LC_ALL": "C"}


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutOfReachError(f"{command[0]} took too long") from error
    complaints = re.findall(r"^(?:E|Err|W): (.*)$", done.stdout, re.MULTILINE)
    # `apt-get update` succeeds without a mirror, and only warns.
    if done.returncode or (complaints and "update" in command):
        reason = (complaints or done.stdout.splitlines() or ["no reason given"])[0]
        raise OutOfReachError(f"{' '.join(command[:2])}: {reason}")
