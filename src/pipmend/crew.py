"""Work on shards shared by several processes, since decoding holds Python's lock.

Results come as they are ready. Only a few are under way at a time, so that memory
does not grow with the number of shards.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from concurrent import futures
from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipmend.walk import Shard

Result = TypeVar("Result")

_READERS = 4
"""At least: a disk serves several readers faster than one."""
_MOST = 16
_FEW = 8
"""Shards for which no process is worth its start."""
_QUEUED = 4
"""Shards under way for each process."""


def default_jobs() -> int:
    """How many processes share the work unless a person says otherwise."""
    return min(max(_usable_cores(), _READERS), _MOST)


def each(
    work: Callable[[Shard], Result], shards: Sequence[Shard], jobs: int
) -> Iterator[Result]:
    """Yield the result of each shard, in any order.

    Args:
        work: a function of a module's, or a `functools.partial` of one.
        shards: what to work on.
        jobs: processes; 1 to do it all in this one.

    Raises:
        futures.process.BrokenProcessPool: a process was killed.
    """
    if jobs <= 1 or len(shards) <= _FEW:
        yield from map(work, shards)
        return
    crew = futures.ProcessPoolExecutor(
        min(jobs, len(shards)), mp_context=_context(), initializer=_leave_signals
    )
    try:
        yield from _as_ready(crew, work, shards, jobs * _QUEUED)
    except BaseException:
        _stop(crew)
        raise
    crew.shutdown()


def _as_ready(
    crew: futures.Executor,
    work: Callable[[Shard], Result],
    shards: Iterable[Shard],
    most: int,
) -> Iterator[Result]:
    waiting = iter(shards)
    running: set[futures.Future[Result]] = set()
    while True:
        for shard in waiting:
            running.add(crew.submit(work, shard))
            if len(running) >= most:
                break
        if not running:
            return
        done, running = futures.wait(running, return_when=futures.FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _stop(crew: futures.Executor) -> None:
    """Stop at once, also what is in the middle of a large file."""
    crew.shutdown(wait=False, cancel_futures=True)
    for process in multiprocessing.active_children():
        process.terminate()


def _leave_signals() -> None:
    """Ctrl-C reaches all processes of a terminal; the first one decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _context() -> multiprocessing.context.BaseContext:
    # Copies of this process start at once. macOS' own libraries do not survive that.
    can_fork = sys.platform not in {"darwin", "win32"}
    return multiprocessing.get_context("fork" if can_fork else "spawn")


def _usable_cores() -> int:
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
