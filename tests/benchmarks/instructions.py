"""Instructions that a process executes, counted by valgrind's callgrind.

Only the process itself counts, in user space, without those that it starts. With a
fixed hash seed the same run gives the same number, to some parts in a million.

valgrind has no SHA instructions: OpenSSL falls back on code that takes eleven times as
many for a byte. So what is executed inside of OpenSSL is told apart, and put back to
what a processor with these instructions does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

CAN_COUNT = shutil.which("valgrind") is not None
"""Whether instructions can be counted here."""

SOFTWARE_SHA256, HARDWARE_SHA256 = 28.9, 2.66
"""Instructions a byte in OpenSSL 3.0: as callgrind counts them, and with the SHA
instructions of x86-64, counted by stepping through one by one."""

MARK = "getppid"
"""A function of the C library that nothing else calls: where a phase ends."""

_TIMEOUT = 3600
"""Seconds; a process runs some fifty times slower."""

_NAME = re.compile(r"\((\d+)\)(?: (.*))?")
"""Of an object or function: its number, and where it is met first its name."""

_COLLECTOR = re.compile(r"(gc_)?collect(_main)?(\.|'|$)")
"""The function of CPython that looks for garbage, in one of its forms."""


class CountError(Exception):
    """A counted command has failed; the message shows what it said."""


@dataclass(frozen=True)
class Counted:
    """Instructions of one process, or of a phase of it."""

    outside: int
    """Everywhere but in OpenSSL."""
    in_crypto: int
    """In OpenSSL: hashing, and TLS where there is any."""
    in_collector: int = 0
    """Of those outside, what the collections of garbage take. When one comes is chance:
    a few objects more may bring another one forward, which looks at all there is."""

    @property
    def counted(self) -> int:
        """All, as callgrind sees them."""
        return self.outside + self.in_crypto

    @property
    def total(self) -> float:
        """All, as a processor with SHA instructions executes them."""
        return self.outside + self.in_crypto * HARDWARE_SHA256 / SOFTWARE_SHA256

    @property
    def without_collector(self) -> float:
        """The same, but for the collections of garbage."""
        return self.total - self.in_collector


@dataclass(frozen=True)
class Counter:
    """Counts, with a scratch folder for what valgrind writes."""

    scratch: Path
    environment: Mapping[str, str]

    def count(self, command: Sequence[str | Path]) -> Counted:
        """Run a command and count.

        Raises:
            CountError: it has failed.
        """
        return self._run(command)[-1]

    def phases(self, command: Sequence[str | Path]) -> list[Counted]:
        """Count what lies between the calls of ``os.getppid`` in a Python program.

        The first phase begins with the process; what comes after the last call is
        left out.

        Raises:
            CountError: it has failed.
        """
        return self._run(command, f"--dump-before={MARK}")[:-1]

    def _run(self, command: Sequence[str | Path], *options: str) -> list[Counted]:
        folder = self.scratch / "callgrind"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", *options]
        done = subprocess.run(
            [*valgrind, f"--callgrind-out-file={folder / 'out'}", *map(str, command)],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            words = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise CountError(f"{' '.join(map(str, command))}\n{words}")
        numbered = {path.suffix: path for path in folder.glob("out.*")}
        paths = [numbered[f".{number + 1}"] for number in range(len(numbered))]
        return [_read(path) for path in [*paths, folder / "out"]]


def _read(path: Path) -> Counted:
    with path.open(encoding="utf-8", errors="replace") as lines:
        costs = costs_in(lines)
    crypto = sum(cost for name, cost in costs.own.items() if "libcrypto" in name)
    return Counted(sum(costs.own.values()) - crypto, crypto, costs.of_collector)


class Costs(NamedTuple):
    """What callgrind has written."""

    own: dict[str, int]
    """Instructions by the name of the program or library that they are in."""
    of_collector: int
    """Of the collections of garbage, with all that they call."""


def costs_in(lines: Iterable[str]) -> Costs:
    """Read callgrind's output."""
    paths: dict[str, str] = {}
    functions: dict[str, str] = {}
    own: dict[str, int] = {}
    current = callee = ""
    is_of_callee = False
    of_collector = 0
    for line in lines:
        field, _, value = line.partition("=")
        if field in {"ob", "cob"}:
            name = _name(value, paths)
            current = name if field == "ob" else current
        elif field in {"fn", "cfn"}:
            callee = _name(value, functions)
        elif field == "calls":
            is_of_callee = True  # the cost in the next line
        elif line[:1].isdigit() or line[:1] in {"+", "-", "*"}:
            cost = int(line.split()[1])
            if not is_of_callee:
                own[current] = own.get(current, 0) + cost
            elif _COLLECTOR.match(callee):
                of_collector += cost
            is_of_callee = False
    return Costs(own, of_collector)


def _name(value: str, names: dict[str, str]) -> str:
    match = _NAME.match(value.rstrip("\n"))
    assert match is not None, value
    number, name = match.groups()
    if name is not None:
        names[number] = name.rpartition("/")[2]
    return names[number]
