"""Wheels of pipmend and its dependencies that no Python needs a compiler for."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

from lab.preparation import checked, made_once
from lab.wheels import pipmend_wheel

if TYPE_CHECKING:
    from pathlib import Path

MSGPACK = "msgpack==1.1.2"
"""The last one for Python 3.9; its sdist builds without C when asked to."""

PURE = ("wrapt==1.17.3", "platformdirs==4.4.0")
"""Releases with a wheel for every Python from 3.9."""

_ANY = ("--python-version=3.9", "--implementation=py", "--abi=none", "--platform=any")


def pure_wheels(store: Path) -> Path:
    """A folder with such wheels; pipmend is built from the checkout as it is now."""
    own = pipmend_wheel(store)
    key = hashlib.sha256("\n".join([own.parent.name, MSGPACK, *PURE]).encode())
    target = store / "wheelhouses" / f"pure-{key.hexdigest()[:12]}"

    def fill(folder: Path) -> None:
        _pip("download", f"--dest={folder}", "--only-binary=:all:", *_ANY, *PURE)
        _pip("wheel", f"--wheel-dir={folder}", "--no-binary=msgpack", MSGPACK)
        (folder / own.name).write_bytes(own.read_bytes())

    return made_once(target, fill)


def _pip(command: str, *arguments: str) -> None:
    pip = (sys.executable, "-m", "pip", command, "--quiet", "--no-deps")
    checked(*pip, *arguments, env={**os.environ, "MSGPACK_PUREPYTHON": "1"})
