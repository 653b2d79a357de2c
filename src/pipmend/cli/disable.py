"""``pipmend disable``: have a Python not load the copy for all any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend.cli import enable, output
from pipmend.everywhere import front, installation, telling
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
Take back what `pipmend enable` did to a Python: its sitecustomize.py is again what it
was. The copy stays, for the others; `install_hook.py --global --uninstall` removes
that as well. Files that others have changed since are left alone, and named.

Without --all, it is about the Python that runs this command (of a venv: the one that
the venv was made with).
"""

_EXAMPLES = """\
exit code: 0 done, 1 something is left, 2 usage, 3 refused: nothing was done

examples:
  sudo pipmend disable
  sudo pipmend disable --python /usr/bin/python3.11
  sudo pipmend disable --all --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend disable``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    enable.add_common_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Disable; 0 done, 1 something is left, 3 refused.

    Raises:
        PipmendError: the receipt is damaged.
        OSError: the folder of the copy cannot be written.
    """
    wish = front.wish_of(arguments, enable.choice(arguments))
    try:
        done = installation.disable(wish)
    except RefusedError as error:
        return enable.refused(error)
    if arguments.json:
        enable.print_records(done)
    else:
        for line in telling.disabled_lines(done, wish):
            output.say(line)
    return telling.code(done)
