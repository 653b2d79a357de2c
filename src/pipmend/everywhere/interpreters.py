"""What an interpreter says of itself, asked once and with every hook switched off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import processes
from pipmend.everywhere.refusals import UnfitPythonError

if TYPE_CHECKING:
    import subprocess

OLDEST_PYTHON = (3, 9)

_PATIENCE = 60
"""Seconds that an interpreter may take for one answer."""

_LONGEST_COMPLAINT = 100

_QUESTION = """\
import json, os, sys
answer = {"version": list(sys.version_info[:3])}
if sys.version_info >= (3, 9):
    import importlib.machinery, site
    answer.update(
        executable=getattr(sys, "_base_executable", None) or sys.executable,
        stdlib=os.path.realpath(os.path.dirname(os.__file__)),
        user_site=site.getusersitepackages(),
        tag=sys.implementation.cache_tag,
        suffixes=importlib.machinery.all_suffixes(),
    )
print()
print(json.dumps(answer))
"""
# Python 2 has to understand it as well, to be told from what is no Python.


class Interpreter(NamedTuple):
    """A base interpreter; a venv counts as the one that it was made with."""

    executable: str
    version: tuple[int, ...]
    stdlib: Path
    """The folder of its standard library, links resolved."""
    user_site: Path
    """The folder for what this user installs; may not exist."""
    tag: str
    """The part of the names of byte code files, such as ``cpython-312``."""
    suffixes: tuple[str, ...]
    """What the file of a module can end with."""

    @property
    def version_text(self) -> str:
        """The version, such as ``3.12.1``."""
        return ".".join(map(str, self.version))


def ask(executable: Path) -> Interpreter:
    """Start an interpreter and ask it what it is; writes nothing.

    Raises:
        UnfitPythonError: it gives no answer, or is older than 3.9.
    """
    done = run(str(executable), "-S", "-c", _QUESTION)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        version = tuple(answer["version"])
        if version < OLDEST_PYTHON:
            text = ".".join(map(str, version))
            raise UnfitPythonError(f"is Python {text}; 3.9 is needed")
        return Interpreter(
            # That of a venv may go away; the one that it leads to stays.
            executable=os.path.realpath(answer["executable"]),
            version=version,
            stdlib=Path(answer["stdlib"]),
            user_site=Path(answer["user_site"]),
            tag=answer["tag"],
            suffixes=tuple(answer["suffixes"]),
        )
    except (IndexError, ValueError, KeyError, TypeError):
        complaint = "".join(done.stderr.splitlines()[:1])[:_LONGEST_COMPLAINT]
        raise UnfitPythonError(f"is no Python that answers: {complaint}") from None


def run(
    executable: str, *arguments: str, isolated: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run an interpreter that writes no byte code; never raises OSError.

    Args:
        executable: its path.
        arguments: what it gets besides.
        isolated: with ``-I``, that is without the user's folders as well.
    """
    # The last one, on macOS, makes an interpreter take itself for another.
    unwanted = ("PYTHON", "__PYVENV_LAUNCHER__")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted)
    }
    command = [executable, *(("-I",) if isolated else ()), "-B", *arguments]
    root = Path(os.sep).absolute()
    return processes.run(
        command, folder=root, environment=environment, patience=_PATIENCE
    )
