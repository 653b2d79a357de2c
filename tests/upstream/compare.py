"""Do another project's own tests end with pipmend as they end without?

With ``tests`` in PYTHONPATH, where the tests run:

  python -m upstream.compare cachecontrol                 each version that has tests
  python -m upstream.compare cachecontrol 0.14.3          one of them
  python -m upstream.compare pip 26.3 --source FOLDER     pip: sources with its tests
  python -m upstream.compare pip-tools --with pip==24.0   beside another pip

Each is run twice in the same venv of a scratch interpreter: as it is, then with
``install_hook.py --global``. The exit code is 0 if all is the same and pipmend is known
to have been in force, 1 if not, 3 if the tests cannot be had.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import debian
from lab.debian import OutOfReachError
from lab.laboratory import Laboratory
from upstream import told, trials
from upstream.projects import PROJECTS
from upstream.trials import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SAME, _DIFFERENT, _NOT_TO_BE_HAD = 0, 1, 3

_PREFERRED = "3.11"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what is asked for, and tell about it."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.version and not PROJECTS[given.project].versions:
        parser.error(f"name a version of {given.project}")
    codes = [_one(asked, given.report) for asked in _asked(given)]
    return max(codes)


def _asked(given: argparse.Namespace) -> Iterator[Asked]:
    project = PROJECTS[given.project]
    for version in [given.version] if given.version else project.versions:
        yield Asked(
            project,
            version,
            given.python,
            given.source and given.source.resolve(),
            tuple(given.beside),
            tuple(shlex.split(given.pytest)),
        )


def _one(asked: Asked, report: Path | None) -> int:
    store = debian.store() / "upstream"
    with tempfile.TemporaryDirectory(prefix="pipmend-upstream-") as scratch:
        folder = Path(scratch).resolve()
        lab = Laboratory(store, folder / "lab")
        try:
            compared = trials.compare(asked, lab, folder / "ground")
        except OutOfReachError as error:
            print(f"{asked.project.name} {asked.version}: {error}", file=sys.stderr)
            return _NOT_TO_BE_HAD
    print(told.summary(compared), flush=True)
    if report is not None:
        with report.open("a", encoding="utf-8") as file:
            file.write(told.summary(compared) + "\n" + told.tests(compared) + "\n")
    return _SAME if compared.is_same else _DIFFERENT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("version", nargs="?", help="all that are known without one")
    parser.add_argument(
        "--source", type=Path, metavar="PATH", help="a folder or a tar archive"
    )
    parser.add_argument(
        "--with",
        dest="beside",
        action="append",
        default=[],
        metavar="REQUIREMENT",
        help="install this last",
    )
    parser.add_argument("--python", default=_PREFERRED, metavar="X.Y")
    parser.add_argument(
        "--pytest",
        default="",
        metavar="ARGUMENTS",
        help="such as --pytest='-n2 -k auth'",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="add it, with the list of tests"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
