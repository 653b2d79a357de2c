"""What people type in a root to come to an environment, after pipmend was set up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from lab.environments import PROJECT
from lab.preparation import checked, made_once

if TYPE_CHECKING:
    from pathlib import Path

    from lab.debian_root import DebianRoot

TOOLS = ("virtualenv", "uv", "pipx")
"""Newer than what Debian has of them, each in an environment of its own.

pipx would not use pip if it found uv beside itself.
"""

PYTHON = "3.11"
"""Debian's, which the tools run on."""

_SEEDS = ("pip", "setuptools", "wheel")
"""What uv and pipx put into environments."""

_WHEELS = "/opt/wheels-of-tools"

_INSTALL = f"~/env/bin/pip install --force-reinstall {PROJECT}"


class Way(NamedTuple):
    """One way to an environment, and to a package in it."""

    name: str
    make: str
    """Typed once."""
    install: str
    """Typed again and again."""
    program: str = f"~/env/bin/{PROJECT}"
    """What is there afterwards."""


def _pipx(name: str, program: str) -> Way:
    # Its --force is not that of pip: what is there may stay.
    again = f"{program} uninstall {PROJECT}; {program} install {PROJECT}"
    return Way(name, "true", again, f"~/.local/bin/{PROJECT}")


WAYS = (
    Way("venv", "python3 -m venv ~/env", _INSTALL),
    Way("virtualenv", "/opt/virtualenv/bin/virtualenv ~/env", _INSTALL),
    Way("debian-virtualenv", "virtualenv ~/env", _INSTALL),
    Way("uv", "/opt/uv/bin/uv venv --seed ~/env", _INSTALL),
    _pipx("pipx", "/opt/pipx/bin/pipx"),
    _pipx("debian-pipx", "pipx"),
)


def put_tools(root: DebianRoot, wheels: Path) -> None:
    """Install the tools in a root, from their wheels."""
    root.bring(wheels.glob("*.whl"), _WHEELS)
    for tool in TOOLS:
        root.checked("python3", "-m", "venv", f"/opt/{tool}")
        install = (f"/opt/{tool}/bin/pip", "install", "--quiet", "--no-index")
        root.checked(*install, f"--find-links={_WHEELS}", tool)


def tool_wheels(store: Path) -> Path:
    """A folder with the wheels of the tools, of what they need and what they seed."""
    target = store / "wheels-of-tools"
    form = ("--only-binary=:all:", f"--python-version={PYTHON}")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", *form)
    return made_once(
        target, lambda folder: checked(*pip, f"--dest={folder}", *TOOLS, *_SEEDS)
    )
