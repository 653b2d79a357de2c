"""The exact bytes of what pipmend has Python run at its start, for the README.

With ``tests`` in PYTHONPATH:

  python -m breadth.startup_files                       print the table
  python -m breadth.startup_files --readme README.md    put it into a file
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from breadth import readme
from pipmend.everywhere import activation

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "startup-files"
"""The name of the comments around the table."""

SOURCE = Path(__file__).resolve().parents[2] / "src"

_COPY = Path("/usr/local/lib/pipmend/lib")
"""Where a whole machine has its copy unless somebody chooses another place."""
_SUFFIXES = (".py", ".pyc", ".cpython-311-x86_64-linux-gnu.so", ".abi3.so", ".so")
"""How the names of modules end for the interpreter that is shown."""


@dataclass(frozen=True)
class StartupFile:
    """A file that Python runs at its start."""

    name: str
    home: str
    """What it is part of."""
    content: bytes


def startup_files() -> list[StartupFile]:
    """Those of the wheels, and what an interpreter gets that is enabled."""
    homes = {
        "pipmend_hook.pth": "the wheel for Python before 3.18",
        "pipmend_hook.start": "the wheel for Python 3.18 and later",
        "pipmend_hook.py": "both",
    }
    enabled = activation.source(_COPY, _SUFFIXES).encode()
    return [
        *(
            StartupFile(name, homes[name], (SOURCE / name).read_bytes())
            for name in homes
        ),
        StartupFile("sitecustomize.py", "Python 3.11 on Linux, enabled", enabled),
    ]


_LONGEST_SHOWN = 60
"""Bytes of a file that are shown as they are."""


def rendered() -> str:
    """The table, as Markdown."""
    lines = ["| file | part of | bytes | content | SHA-256 |", "|---|---|---|---|---|"]
    for file in startup_files():
        size, digest = len(file.content), hashlib.sha256(file.content).hexdigest()
        text = f"`{repr(file.content)[2:-1]}`" if size <= _LONGEST_SHOWN else "read it"
        lines.append(f"| `{file.name}` | {file.home} | {size} | {text} | `{digest}` |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or put it into a file; 1 if that is not possible."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readme", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    if given.readme is None:
        print(rendered())
        return 0
    try:
        readme.write(given.readme, MARK, rendered())
    except (OSError, ValueError) as error:
        print(f"startup files: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
