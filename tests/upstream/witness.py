"""Was pipmend in force? What each interpreter says of itself when it ends.

The witness is a ``sitecustomize`` of the base interpreter. It stands there before
pipmend is installed and is run by pipmend's own afterwards, so it tells of the runs
with pipmend and of those without in the same way, whatever the tests start.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# Nothing is imported at the end of a process: pip 26.3 forbids it.
_SOURCE = """\
import atexit, os, sys

def _tell():
    names = ("pip._vendor.cachecontrol.controller", "cachecontrol.controller")
    loaded = [name for name in names if name in sys.modules]
    if not loaded:
        return
    gates = sys.modules.get("pipmend._patches")
    line = repr({{
        "loaded": loaded,
        "pip": getattr(sys.modules.get("pip"), "__version__", None),
        "gates": gates and gates.describe(),
    }})
    file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode() + b"\\n")
    os.close(file)

atexit.register(_tell)
"""

_PIPS = "pip._vendor.cachecontrol.controller"


class Witnessed(NamedTuple):
    """What the interpreters of one run have told."""

    processes: int
    """Those that have loaded a CacheControl."""
    untouched: int
    """Those of them in which there is nothing of pipmend."""
    armed: int
    """Those in which every CacheControl that was loaded was waited for."""
    fitted: int
    """Those in which the gates are on a cache, since one was made."""
    pips: tuple[str, ...]
    """The versions of pip among them."""
    unfit: tuple[str, ...]
    """Why caches were left alone."""

    def __str__(self) -> str:
        """One line for people."""
        pips = f" (pip {', '.join(self.pips)})" if self.pips else ""
        unfit = "".join(f"; left alone: {reason}" for reason in self.unfit)
        return (
            f"{self.processes} processes loaded a CacheControl{pips}: "
            f"{self.armed} armed, {self.fitted} with gates on a cache, "
            f"{self.untouched} without pipmend{unfit}"
        )


def source(records: Path) -> str:
    """The ``sitecustomize`` that adds to a file."""
    return _SOURCE.format(path=str(records))


def heard(records: Path) -> Witnessed:
    """What a file of records says."""
    lines = records.read_text().splitlines() if records.exists() else []
    found: list[dict[str, Any]] = [ast.literal_eval(line) for line in lines]
    pips = Counter(one["pip"] for one in found if one["pip"])
    unfit = Counter(gates["unfit"] for one in found for gates in _gates(one))
    return Witnessed(
        processes=len(found),
        untouched=sum(one["gates"] is None for one in found),
        armed=sum(_is_armed(one) for one in found),
        fitted=sum(any(gates["layout"] for gates in _gates(one)) for one in found),
        pips=tuple(sorted(pips)),
        unfit=tuple(sorted(reason for reason in unfit if reason)),
    )


def _gates(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Of pip and of the library, as far as there are any."""
    gates = record["gates"]
    return [] if gates is None else [gates, gates["library"]]


def _is_armed(record: dict[str, Any]) -> bool:
    gates = record["gates"]
    if gates is None or gates["mode"] != "heal":
        return False
    return all(
        (gates if name == _PIPS else gates["library"])["armed"]
        for name in record["loaded"]
    )
