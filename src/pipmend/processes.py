"""Other programs, run for what they answer: without input, and not for ever."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    patience: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program and keep what it prints; never raises OSError.

    Args:
        command: the program and its arguments.
        folder: where it runs; None for the current folder.
        environment: the variables that it sees; None for those of this process.
        patience: seconds that it may take; None for as long as it takes.

    Returns:
        What came of it. Where it gave no answer that is exit code 1, with the reason
        in the place of its errors.
    """
    try:
        return subprocess.run(  # noqa: S603
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"no answer within {patience} seconds"
    except OSError as error:
        reason = str(error)
    return subprocess.CompletedProcess(command, 1, "", reason)
