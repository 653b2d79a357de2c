"""Work shared by processes: everything is done once, and a failure ends it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from pipmend import crew
from pipmend.walk import Shard

SHARDS = [Shard(Path(), "wheels", Path(f"{number:02}")) for number in range(40)]


def name_and_process(shard: Shard) -> tuple[str, int]:
    """What was worked on, and by whom."""
    time.sleep(0.01)
    return shard.folder.name, os.getpid()


def fail(shard: Shard) -> None:
    """Fail with one shard; the others take long."""
    if shard.folder.name == "07":
        raise ValueError("the seventh")
    time.sleep(0.05)


def die(shard: Shard) -> None:
    """Be killed, as when memory is short."""
    if shard.folder.name == "07":
        os.kill(os.getpid(), signal.SIGKILL)


def sleep_long(shard: Shard) -> None:
    """Be in the middle of a large file."""
    del shard
    time.sleep(60)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_everything_is_done_once(jobs: int) -> None:
    done = list(crew.each(name_and_process, SHARDS, jobs))
    assert sorted(name for name, _ in done) == [shard.folder.name for shard in SHARDS]
    processes = {process for _, process in done}
    assert (processes == {os.getpid()}) is (jobs == 1)
    assert not multiprocessing.active_children()


def test_a_few_shards_are_worth_no_process() -> None:
    (done,) = crew.each(name_and_process, SHARDS[:1], 4)
    assert done[1] == os.getpid()


def test_a_failure_is_raised_and_nobody_stays() -> None:
    with pytest.raises(ValueError, match="the seventh"):
        list(crew.each(fail, SHARDS, 3))
    wait_until_nobody_is_left()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_process_that_dies_is_noticed() -> None:
    with pytest.raises(BrokenProcessPool):
        list(crew.each(die, SHARDS, 3))
    wait_until_nobody_is_left()


def test_who_stops_listening_does_not_wait() -> None:
    began = time.monotonic()
    results = crew.each(sleep_long, SHARDS, 2)
    with pytest.raises(KeyboardInterrupt):
        interrupted_soon(results)
    wait_until_nobody_is_left()
    assert time.monotonic() - began < 20


def interrupted_soon(results: object) -> None:
    """Wait for a first result, and be interrupted by Ctrl-C meanwhile."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1)
    next(results)  # type: ignore[call-overload]


def wait_until_nobody_is_left() -> None:
    """Fail if a process is still at work."""
    deadline = time.monotonic() + 10
    while multiprocessing.active_children():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_there_are_readers_enough_for_a_disk() -> None:
    assert 4 <= crew.default_jobs() <= 16
