"""A root file system of its own: Debian with Python, entered by chroot."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import debian
from lab.debian import OutOfReachError
from lab.pips import Run
from lab.wheels import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lab.index_server import LocalIndex

SUITE = "bookworm"
PACKAGES = (
    *("python3", "python3-venv", "python3-pip", "ca-certificates"),
    *("pipx", "sudo", "virtualenv"),
)
SOURCES = "/opt/checkout"
"""Where the checkout is, inside a root."""

AUTHORITY = "/opt/ca.pem"
"""The certificate of the index, inside a root."""

_LEFT_OUT = (
    *("usr/share/doc", "usr/share/locale", "usr/share/man"),
    *("var/cache/apt", "var/lib/apt/lists"),
)
"""Half of the files; slim images do without them as well."""

_SHIPPED = ("src", "install_hook.py", "pyproject.toml", "README.md", "LICENSE")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NO_MIRROR = re.compile(r"^E: (Failed getting release file .*)$", re.MULTILINE)


@dataclass(frozen=True)
class DebianRoot:
    """The folder of a root; ``user`` is an ordinary user in it, who may use sudo."""

    folder: Path
    user: str = "dev"

    def run(
        self,
        *command: str,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Run:
        """Run a command in it, as root or as a user; ``timeout`` is in seconds."""
        home = f"/home/{user}" if user else "/root"
        environment = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": home, **(env or {})}
        # coreutils' own chroot changes the user without a login.
        switch = [f"--userspec={user}:{user}"] if user else []
        done = subprocess.run(
            ["chroot", *switch, str(self.folder), *command],  # noqa: S607
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
        return Run(tuple(command), done.returncode, done.stdout, done.stderr)

    def checked(self, *command: str, user: str | None = None) -> Run:
        """Run a command that has to succeed.

        Raises:
            RuntimeError: it does not.
        """
        done = self.run(*command, user=user)
        if done.returncode != 0:
            raise RuntimeError(str(done))
        return done

    def path(self, inside: str) -> Path:
        """A path of the root as it is seen from outside."""
        return self.folder / inside.lstrip("/")

    def paths(self, *options: str) -> set[str]:
        """What ``find /`` prints, asked inside; ``options`` choose from it."""
        return set(self.checked("find", "/", *options).stdout.splitlines())

    def bring(self, files: Iterable[Path], to: str) -> None:
        """Copy files into a folder of it."""
        target = self.path(to)
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy2(file, target)

    def use(self, index: LocalIndex) -> None:
        """Make an index that of the whole system, which sudo does not take away."""
        shutil.copy2(index.ca_file, self.path(AUTHORITY))
        self.path("/etc/pip.conf").write_text(
            f"[global]\nindex-url = {index.url}\ncert = {AUTHORITY}\n"
            "disable-pip-version-check = true\n"
        )

    def remove(self) -> None:
        """Take it away; it has many files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def pristine(store: Path) -> DebianRoot:
    """A root as it comes from the distribution; made once in ``store``, for copies.

    Raises:
        OutOfReachError: none can be made here.
        RuntimeError: it did not work.
    """
    _look_around()
    target = store / "debian" / SUITE
    with debian.locked(target.parent):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=store, prefix=".new-") as scratch:
                made = _made(Path(scratch, "root"))
                made.folder.rename(target)
    return DebianRoot(target)


def copy_of(root: DebianRoot, folder: Path) -> DebianRoot:
    """The same root again, with files of its own."""
    command = ["cp", "-a", str(root.folder), str(folder)]
    subprocess.run(command, check=True)
    return DebianRoot(folder, root.user)


def put_checkout(root: DebianRoot, to: str = SOURCES) -> None:
    """Copy the files of this project into a root."""
    target = root.path(to)
    target.mkdir(parents=True)
    for name in _SHIPPED:
        source = CHECKOUT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy2(source, target / name)


def _look_around() -> None:
    if os.name == "nt" or os.geteuid() != 0:
        raise OutOfReachError("chroot is for root")
    if shutil.which("debootstrap") is None:
        raise OutOfReachError("debootstrap is not installed")
    debian.mirror()


def _made(folder: Path) -> DebianRoot:
    """Bootstrap a root with one ordinary user; takes a minute or two."""
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        f"--keyring={debian.KEYRING}",
        SUITE,
        str(folder),
        debian.mirror(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False
    )
    unreachable = _NO_MIRROR.search(done.stdout + done.stderr)
    if unreachable is not None:
        raise OutOfReachError(unreachable[1])
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    for name in _LEFT_OUT:
        shutil.rmtree(folder / name)
    root = DebianRoot(folder)
    # sudo asks for the name of the machine.
    names = f"127.0.0.1 localhost {socket.gethostname()}\n"
    root.path("/etc/hosts").write_text(names)
    root.checked("useradd", "--create-home", root.user)
    root.path("/etc/sudoers.d/dev").write_text(f"{root.user} ALL=(ALL) NOPASSWD: ALL\n")
    return root
