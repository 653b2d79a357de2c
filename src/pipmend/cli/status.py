"""``pipmend status``: is it active here, and what else runs at start-up?

Whether the gates are in place is found out by experiment: a fresh process of the
same interpreter loads pip's network session, as ``pip install`` does, and the library
CacheControl where that is looked after, and tells what it sees. Works with the
standard library alone, so that it can also tell why pipmend is *not* active.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pipmend
from pipmend.cli import output, status_findings, status_output
from pipmend.cli.status_conclusion import conclude
from pipmend.cli.status_experiment import ask

if TYPE_CHECKING:
    import argparse

_ACTIVE, _NOT_ACTIVE, _USAGE = 0, 1, 2

_DESCRIPTION = """\
Show this Python and its pip, every file that runs at start-up with its SHA-256,
whether the gates of pipmend are in place, where it keeps things, and where each
setting comes from. To find out about the gates, a fresh process loads pip's network
session, as pip install does.

Settings come from the environment (PIPMEND, PIPMEND_TARGETS), then the configuration
file of the user, then that of the machine; both paths are shown. All keys of a file:

  mode = "heal"                        or "observe", "off"
  targets = ["pip", "cachecontrol"]    cachecontrol: other programs that use it
  [quarantine]
  max_age_days = 30
  max_bytes = 1073741824
  [events]
  folder = "/var/log/pipmend"          an absolute path, or one that begins with ~
"""

_EXAMPLES = """\
exit code: 0 active, 1 not active, 2 usage

examples:
  pipmend status
  pipmend status --json | python -m json.tool
  pipmend status --python .venv
  PIPMEND=observe pipmend status
  PIPMEND_TARGETS=pip,cachecontrol pipmend status
"""

_FIND_PIPMEND = """\
import importlib.util, sys
sys.exit(importlib.util.find_spec("pipmend.__main__") is None)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend status``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="another interpreter, or the folder of a venv",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 0 if pipmend is active, 1 if not, 2 for a wrong path.

    Raises:
        OSError: the other interpreter cannot be started.
    """
    if arguments.python is not None:
        return _run_elsewhere(arguments.python, as_json=arguments.json)
    findings = status_findings.look()
    conclusion = conclude(findings)
    if arguments.json:
        print(json.dumps(status_output.document(findings, conclusion), indent=2))
    else:
        for line in status_output.lines(findings):
            print(line)
        output.say()
        output.say(conclusion.sentence)
    return _ACTIVE if conclusion.active else _NOT_ACTIVE


def _run_elsewhere(python: Path, *, as_json: bool) -> int:
    if python.is_dir():
        scripts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        python = python.joinpath(*scripts)
    # A path through ".." makes Python 3.14 doubt its own prefix.
    interpreter = os.path.abspath(python)  # noqa: PTH100 - keeps the venv's link
    if not Path(interpreter).is_file():
        output.warn(f"there is no Python at {python}")
        return _USAGE
    has_pipmend = not ask(interpreter, "-c", _FIND_PIPMEND).returncode
    own = Path(pipmend.__file__).with_name("__main__.py")
    command = [interpreter, *(("-m", "pipmend") if has_pipmend else (str(own),))]
    command += ["status", *(("--json",) if as_json else ())]
    return subprocess.run(command, check=False).returncode  # noqa: S603
