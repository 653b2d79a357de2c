"""A root file system of its own: Debian with Python, entered by chroot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.pips import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE = "bookworm"
PACKAGES = ("python3", "python3-venv", "python3-pip", "ca-certificates")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_SOURCES = (
    Path("/etc/apt/sources.list.d/debian.sources"),
    Path("/etc/apt/sources.list"),
)
_MIRROR = re.compile(r"https?://\S+/debian/?(?=\s|$)")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> str | None:
    """Why no root can be made here; None if one can."""
    if os.name == "nt" or os.geteuid() != 0:
        return "chroot is for root"
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed"
    return None if _mirror() else "no Debian mirror is configured"


@dataclass(frozen=True)
class DebianRoot:
    """The folder of a root; ``user`` is an ordinary user in it."""

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

    def path(self, inside: str) -> Path:
        """A path of the root as it is seen from outside."""
        return self.folder / inside.lstrip("/")


def make_root(folder: Path) -> DebianRoot:
    """Bootstrap a root with one ordinary user; takes half a minute.

    Raises:
        RuntimeError: It did not work.
    """
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        f"--keyring={KEYRING}",
        SUITE,
        str(folder),
        str(_mirror()),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    root = DebianRoot(folder)
    root.path("/etc/hosts").write_text("127.0.0.1 localhost\n")
    made = root.run("useradd", "--create-home", root.user)
    if made.returncode != 0:
        raise RuntimeError(str(made))
    return root


def copy_of(root: DebianRoot, folder: Path) -> DebianRoot:
    """The same root again, with files of its own."""
    command = ["cp", "-a", str(root.folder), str(folder)]
    subprocess.run(command, check=True)
    return DebianRoot(folder, root.user)


def _mirror() -> str | None:
    for path in _SOURCES:
        if path.exists():
            found = _MIRROR.search(path.read_text())
            if found is not None:
                return found[0]
    return None
