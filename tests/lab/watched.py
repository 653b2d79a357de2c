"""Programs with a watchdog beside them, and a scale under them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A small process of its own: what is forked from the tests is as large as they are.
_SCALE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], "w") as file:
    json.dump([code, peak], file)
"""


class Watched(NamedTuple):
    """A program that has ended."""

    returncode: int
    stdout: bytes
    stderr: bytes
    peak: int
    """Bytes of memory that its largest process has used at once."""

    @property
    def output(self) -> str:
        """Both streams as text, whatever is in them."""
        return (self.stdout + self.stderr).decode("utf-8", "backslashreplace")


def watched(
    command: Sequence[object],
    environment: Mapping[str, str],
    folder: Path,
    *,
    patience: float = 60,
) -> Watched:
    """Run a program to its end; `patience` is in seconds.

    Raises:
        subprocess.TimeoutExpired: it hangs; it and all that it started is ended.
    """
    told = folder / "scale.json"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", _SCALE, str(told), *map(str, command)],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    code, peak = json.loads(told.read_text())
    # In bytes on macOS, in KiB elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return Watched(code, stdout, stderr, peak * unit)
