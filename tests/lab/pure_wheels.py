"""Wheels of pipmend and its dependencies that no Python needs a compiler for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.wheels import pipmend_wheel

MSGPACK = "msgpack==1.1.2"
"""The last one for Python 3.9; its sdist builds without C when asked to."""

PURE = ("wrapt==1.17.3", "platformdirs==4.4.0")
"""Releases with a wheel for every Python from 3.9."""

_ANY = ("--python-version=3.9", "--implementation=py", "--abi=none", "--platform=any")
_TIMEOUT = 300
"""Seconds for one download or build."""


def pure_wheels(store: Path) -> Path:
    """A folder with such wheels; pipmend is built from the checkout as it is now."""
    own = pipmend_wheel(store)
    key = hashlib.sha256("\n".join([own.parent.name, MSGPACK, *PURE]).encode())
    target = store / "wheelhouses" / f"pure-{key.hexdigest()[:12]}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as scratch:
        whole = Path(scratch, target.name)
        whole.mkdir()
        _pip("download", f"--dest={whole}", "--only-binary=:all:", *_ANY, *PURE)
        _pip("wheel", f"--wheel-dir={whole}", "--no-binary=msgpack", MSGPACK)
        (whole / own.name).write_bytes(own.read_bytes())
        try:
            whole.replace(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, *arguments[1:]],
        env={**os.environ, "MSGPACK_PUREPYTHON": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(done.args)}\n{done.stdout}{done.stderr}")
