"""A command run once: its time, its memory, and the page cache before it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SAMPLE_SECONDS = 0.02
"""Between two looks at the memory of a process tree."""

CAN_EVICT = hasattr(os, "posix_fadvise")
"""Whether files can be evicted from the page cache here; macOS and Windows cannot."""

_KIBI = 1024

# A process of its own, as small as can be: a command starts with the peak memory of
# the process that started it.
_WRAPPER = """
import json, os, sys, time
given, out, err, *command = sys.argv[1:]
flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
actions = [(os.POSIX_SPAWN_OPEN, 0, given, os.O_RDONLY, 0)]
actions += [(os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600)]
actions += [(os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600)]
start = time.perf_counter()
child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - start
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({
    "seconds": seconds,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "largest": usage.ru_maxrss * unit,
    "code": os.waitstatus_to_exitcode(status),
}))
"""
"""Arguments: files for stdin, stdout and stderr, then the command."""


class FailedError(Exception):
    """A measured command has failed; the message shows what it said."""


class Ran(NamedTuple):
    """What one run took."""

    seconds: float
    """From start to exit."""
    cpu_seconds: float
    """Of all its processes, user and system."""
    largest: int
    """Bytes: peak resident memory of its largest process, as the kernel counts it."""
    tree: int | None
    """Bytes: the largest sum seen of the peaks of all processes that ran at a time.
    Shared pages count in each; None where there is no /proc, or nothing was seen."""
    said: str
    """The end of its output, if that was kept."""


@dataclass(frozen=True)
class Runner:
    """Runs commands, with scratch folders for whatever they write."""

    scratch: Path
    environment: Mapping[str, str]

    def run(
        self,
        command: Sequence[str],
        *,
        given: str = os.devnull,
        keeps_output: bool = False,
    ) -> Ran:
        """Run a command with a file as its stdin; its output goes nowhere, or is kept.

        Raises:
            FailedError: it has not returned 0.
        """
        said = self.scratch / "stdout" if keeps_output else Path(os.devnull)
        complained = self.scratch / "stderr"
        files = (given, str(said), str(complained))
        wrapper = [sys.executable, "-I", "-S", "-c", _WRAPPER]
        with subprocess.Popen(
            [*wrapper, *files, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                tree = _watched(process)
                assert process.stdout is not None
                result = json.load(process.stdout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if result.pop("code") != 0:
            words = _end_of(said) + _end_of(complained)
            raise FailedError(f"{' '.join(command)}\n{words}")
        return Ran(**result, tree=tree, said=_end_of(said))


def evict(folder: Path) -> None:
    """Have the next reader of any file below a folder wait for the disk.

    The contents leave the page cache, names and inodes stay; nothing happens in
    tmpfs. The files must be on disk already: ``os.sync`` first.
    """
    for root, _, names in os.walk(folder):
        for name in names:
            file = os.open(Path(root, name), os.O_RDONLY)
            try:
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)


def _watched(process: subprocess.Popen[bytes]) -> int | None:
    """The peak of the tree below a process that is waited for; see ``Ran.tree``."""
    largest = 0
    while process.poll() is None:
        largest = max(largest, sum(map(_peak, _descendants(process.pid))))
        time.sleep(SAMPLE_SECONDS)
    return largest or None


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> list[int]:
    """The processes that a process has started; none if it has ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        words = [(task / "children").read_text().split() for task in tasks]
    except OSError:
        return []
    return [int(word) for line in words for word in line]


def _peak(pid: int) -> int:
    """Bytes: the peak resident memory of a process so far; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) * _KIBI if peaks else 0


def _end_of(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - 4096))
        return opened.read().decode(errors="replace")
