"""What pipmend costs: every start of Python, every pip, a broken entry.

Run by hand, with ``src`` and ``tests`` in PYTHONPATH. Needs valgrind for counts of
instructions, without which only times are taken, and a package index, as the tests do.
Prints tables in Markdown; says on stderr what is going on. What it makes lies in a
scratch folder below TMPDIR that is removed at the end, also on Ctrl-C; the part large
needs 2 GB there and in memory. All parts take an hour and a half on an idle machine.

Counts are exact and may be compared between runs; times may not, and are medians of
rounds in which all take turns.

parts:
  starts   `python -c pass` with pipmend's startup files, and with those of others
  quiet    pip commands that touch no network
  warm     healthy installs from a warm cache (--case: install, resolve, revalidate)
  large    the verification of one large wheel, beside `openssl dgst -sha256`
  heal     one broken entry of 200: bytes and requests, beside `pip cache purge`
  imports  what pipmend imports inside of pip, module by module

--quick takes one Python, fewer variants, and times nothing.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import healing
import import_bill
import large
import quiet
import starts
import warm
from instructions import CAN_COUNT, CountError
from measured import FailedError
from trials import Scene, WrongWorkError, say

from lab.debian import OutOfReachError
from lab.newer_pythons import BUILDS, newer_python
from lab.pips import interpreters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tables import Table

PARTS: dict[str, Callable[[Scene, argparse.Namespace], Iterator[Table]]] = {
    starts.PART: lambda scene, chosen: starts.measure(
        scene, also_newer=not (chosen.python or chosen.quick)
    ),
    quiet.PART: lambda scene, _: quiet.measure(scene),
    warm.PART: lambda scene, chosen: warm.measure(scene, chosen.case),
    large.PART: lambda scene, _: large.measure(scene),
    import_bill.PART: lambda scene, _: import_bill.measure(scene),
    healing.PART: lambda scene, _: healing.measure(scene),
}


def main() -> None:
    """Measure, print."""
    arguments = _parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not CAN_COUNT:
        say("valgrind is not installed here: no instructions are counted")
    records: dict[str, list[object]] = {}
    with tempfile.TemporaryDirectory(prefix="pipmend-overhead-") as scratch:
        scene = Scene(
            Path(scratch),
            arguments.store or Path(scratch, "store"),
            _pythons(arguments),
            arguments.pip,
            0 if arguments.quick else arguments.rounds,
            arguments.quick,
        )
        for part in arguments.parts or PARTS:
            for table in PARTS[part](scene, arguments):
                print(f"\n{table}", flush=True)
                records.setdefault(part, []).extend(table.records)
        say("removing the scratch folder")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(records, indent=1) + "\n")


def _pythons(arguments: argparse.Namespace) -> dict[str, Path]:
    found = interpreters()
    if arguments.python:
        wanted: list[str] = arguments.python
        return {name: found.get(name) or newer_python(name) for name in wanted}
    if arguments.quick and "3.11" in found:
        return {"3.11": found["3.11"]}
    return found


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help="which ones (default: all)")
    add("--quick", action="store_true")
    add("--rounds", type=int, default=15, help="of what is timed (0: none)")
    add("--python", type=_words, default=[], metavar="3.N,3.N")
    add("--pip", default="26.3", metavar="VERSION")
    add("--case", action="append", default=[], help="of the part warm")
    add("--store", type=Path, metavar="DIR", help="keep what comes from the index")
    add("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    arguments = parser.parse_args()
    known = {*interpreters(), *BUILDS}
    unknown = (set(arguments.parts) - set(PARTS)) | (set(arguments.python) - known)
    if unknown:
        parser.error(f"not known here: {', '.join(sorted(unknown))}")
    return arguments


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    try:
        main()
    except (CountError, FailedError, OutOfReachError, WrongWorkError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
