"""Other programs: what they answer, and what there is where they give no answer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipmend import processes

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_program_answers(tmp_path: Path) -> None:
    """In its folder and with its variables; what is no text does not matter."""
    code = (
        "import os, sys; print(os.getcwd(), os.environ['A']);"
        "sys.stderr.buffer.write(b'\\xff'); sys.exit(5)"
    )
    environment = {**os.environ, "A": "b"}

    done = processes.run(
        [sys.executable, "-c", code], folder=tmp_path, environment=environment
    )

    assert done.stdout == f"{tmp_path.resolve()} b\n"
    assert (done.stderr, done.returncode) == ("\ufffd", 5)


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    """The reason is in the place of its errors."""
    done = processes.run([str(tmp_path / "missing")])

    assert (done.returncode, done.stdout) == (1, "")
    assert "missing" in done.stderr


def test_a_program_that_does_not_answer() -> None:
    """It is ended, and the reason does not repeat the command."""
    wait = "import time; time.sleep(600)"

    done = processes.run([sys.executable, "-c", wait], patience=0.2)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no answer within 0.2 seconds"
