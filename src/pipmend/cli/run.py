"""``pipmend run -- COMMAND``: look after one command, without any startup file.

The command takes the place of this process, so that its exit code, its streams and
its signals are its own. Only its environment differs: PYTHONPATH begins with a folder
of this package whose ``sitecustomize`` arms stage 0 in each Python that starts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pipmend
from pipmend import config
from pipmend.cli.output import warn
from pipmend.errors import PipmendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CANNOT_RUN, _NOT_FOUND = 126, 127
"""What a shell reports."""

_ARMED = Path(pipmend.__file__).absolute().with_name("armed")
"""The folder that holds nothing but a ``sitecustomize``."""

_PATH_VARIABLE = "PYTHONPATH"

_DESCRIPTION = """\
Run one command whose pip caches heal themselves, without installing a startup file
anywhere. The command is looked up on PATH, as a shell does it, and takes the place of
pipmend: exit code, input, output and signals are its own.

It reaches every Python from 3.9 on that the command starts, of any environment, and
what those start: pip, the pips of isolated builds, pip-tools, nox, scripts. It heals
unless PIPMEND or a configuration file says "observe"; PIPMEND=off is obeyed.

It does not reach
  - Pythons that ignore PYTHONPATH: python -I, -E or -S, and so pip in tox and pipx,
    scripts whose first line has such an option, python -m venv's own pip;
  - commands that clear or replace PYTHONPATH: sudo, env -i, pip's venv-isolation;
  - programs that bring their own installer, such as uv.
A startup file in the environment, or in the interpreter, reaches more of these.
"""

_EXAMPLES = """\
exit code: that of COMMAND; 126 it cannot be run, 127 it is not found, 2 usage

examples:
  pipmend run -- pip install alpha
  python -m pipmend run -- python -m pip download -d wheels alpha
  PIPMEND=observe pipmend run -- nox
  PIPMEND_TARGETS=pip,cachecontrol pipmend run -- poetry install
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend run``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.usage = "pipmend run [-h] [--] COMMAND [ARGUMENT ...]"
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="what to run, with its arguments, behind `--`",
    )


def run(arguments: argparse.Namespace) -> int:
    """Become the command; returns only where that is not possible.

    Raises:
        UsageError: there is no command.
        PipmendError: no environment can be made that reaches the command.
    """
    words: list[str] = arguments.words
    if words[:1] == ["--"]:
        del words[0]
    if not words:
        raise UsageError("no command; say for example: pipmend run -- pip install X")
    environment = armed(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.name == "nt":
            return wait_for(words, environment)
        _restore_signals()
        os.execvpe(words[0], words, environment)  # noqa: S606 - no shell
    except FileNotFoundError:
        warn(f"there is no command {words[0]}")
        return _NOT_FOUND
    except OSError as error:
        warn(f"{words[0]} cannot be run: {error.strerror or error}")
        return _CANNOT_RUN


def armed(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which each Python arms stage 0 at its start.

    Raises:
        PipmendError: this package lies in a folder that PYTHONPATH cannot name.
    """
    folder = str(_ARMED)
    if os.pathsep in folder:
        raise PipmendError(f"{_PATH_VARIABLE} cannot name {folder}")
    # An empty piece would put the current folder on the path of every program.
    before = environment.get(_PATH_VARIABLE)
    path = f"{folder}{os.pathsep}{before}" if before else folder
    mode = {}
    if not environment.get(config.MODE_VARIABLE):
        is_off = config.load(environment).mode is config.Mode.OFF
        # Whoever types this wants it: dormant is meant for all other commands.
        mode = {config.MODE_VARIABLE: config.Mode.HEAL.value} if is_off else {}
    return {**environment, **mode, _PATH_VARIABLE: path}


def wait_for(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit code, where no process can become another.

    Ctrl-C is for the command, which gets it as well: it decides what comes of it.

    Raises:
        OSError: it cannot be started.
    """
    program = shutil.which(words[0], path=environment.get("PATH")) or words[0]
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        done = subprocess.run([program, *words[1:]], env=environment, check=False)  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)
    return done.returncode


def _restore_signals() -> None:
    """Hand on the signals that Python ignores by itself as they are in a shell."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
