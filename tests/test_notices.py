"""What a person sees of pipmend: one line on stderr, whatever the program logs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pipmend

SOURCES = Path(pipmend.__file__).parent.parent
MESSAGE = "100%s moved"
LINE = f"pipmend: {MESSAGE}"

SAY = f"""
import logging, sys
root = logging.getLogger()
{{setup}}
from pipmend import notices
notices.say({MESSAGE!r})
"""

OWN_RECORDS_ONLY = """
class Own(logging.Filter):
    def filter(self, record):
        return record.name.startswith("program")
logging.basicConfig()
root.handlers[0].addFilter(Own())
"""

# Of a class that lies in a module below pip, as all of pip's handlers do.
CONSOLES = """
class Console(logging.StreamHandler):
    pass
Console.__module__ = "pip._internal.utils.logging"
root.setLevel(logging.DEBUG)
for level in ({levels}):
    console = Console()
    console.setLevel(level)
    console.addFilter(lambda record, level=level: (record.levelno < 30) == (level < 30))
    root.addHandler(console)
root.addHandler(logging.FileHandler(sys.argv[1]))
"""


def said(setup: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Say the line in a program that logs in a certain way."""
    return subprocess.run(
        [sys.executable, "-c", SAY.format(setup=setup), *args],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("", id="no-handler"),
        pytest.param("logging.basicConfig()", id="basic"),
        pytest.param("logging.basicConfig(level=logging.WARNING)", id="warnings"),
        pytest.param(
            "logging.basicConfig(); root.handlers[0].setLevel(logging.WARNING)",
            id="console-of-warnings",
        ),
        pytest.param(
            "logging.basicConfig(); root.handlers[0].setLevel(logging.ERROR)",
            id="console-of-errors",
        ),
        pytest.param(OWN_RECORDS_ONLY, id="own-records-only"),
        pytest.param(
            "logging.getLogger('pipmend').addHandler(logging.StreamHandler())",
            id="handler-for-pipmend",
        ),
    ],
)
def test_one_line_on_stderr(setup: str) -> None:
    """Not twice, and nothing on stdout."""
    done = said(setup)

    (line,) = done.stderr.splitlines()
    assert line.endswith(LINE)
    assert done.stdout == ""


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("root.addHandler(logging.NullHandler())", id="null-handler"),
        pytest.param("root.setLevel(logging.ERROR)", id="level"),
        pytest.param("logging.disable(logging.CRITICAL)", id="disabled"),
        pytest.param("logging.lastResort = None", id="no-last-resort"),
        pytest.param("sys.stderr = None", id="no-stderr"),
    ],
)
def test_who_wants_silence_has_it(setup: str) -> None:
    """A program may switch its logging off."""
    done = said(setup)

    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("levels", "is_shown"),
    [("20, 30", True), ("10, 30", True), ("30, 30", False), ("50, 50", False)],
    ids=["usual", "verbose", "quiet", "quieter"],
)
def test_the_consoles_of_pip_tell_how_quiet_it_is(
    levels: str, is_shown: bool, tmp_path: Path
) -> None:
    """``-q`` silences the line, though it is a warning; ``--log`` has it always."""
    log = tmp_path / "log"

    done = said(CONSOLES.format(levels=levels), str(log))

    assert done.stderr.splitlines().count(LINE) == (1 if is_shown else 0)
    assert LINE in log.read_text()


def test_a_program_that_logs_to_a_file_alone_has_it_there(tmp_path: Path) -> None:
    """It has no console."""
    log = tmp_path / "log"

    done = said("logging.basicConfig(filename=sys.argv[1])", str(log))

    assert done.stdout + done.stderr == ""
    assert log.read_text().count(LINE) == 1
