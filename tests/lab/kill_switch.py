"""Makes a Python kill itself at the n-th step of its work on a cache.

This file is copied into an environment as its ``sitecustomize``, so it runs inside
pip: Python 3.9, standard library only. It does nothing without its variables:

``LAB_KILL_AT``: the number of the step, counted from 1. ``LAB_KILL_BELOW``: the folder
whose changes are steps. ``LAB_KILL_STEPS``: names of the steps that count. At a
``sync`` half of what was written is taken away first, as if in the middle of it.
"""

from __future__ import annotations

import os
import signal
import sys

_WRITING = os.O_WRONLY | os.O_RDWR


class _Switch:
    """Counts the steps."""

    def __init__(self, at: int, below: str, steps: frozenset[str]) -> None:
        self._left, self._below, self._steps = at, below, steps

    def audit(self, event: str, args: tuple[object, ...]) -> None:
        """Called before each audited operation."""
        if event in {"os.rename", "os.mkdir", "os.link"}:
            self.step(event.partition(".")[2], args[0])
        elif event == "open" and isinstance(args[2], int) and args[2] & _WRITING:
            self.step("open", args[0])

    def sync(self, descriptor: int) -> None:
        """Called in the place of ``os.fsync``."""
        name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        if self.step("sync", name, dry=True):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        self.step("sync", name)
        _fsync(descriptor)

    def step(self, name: str, path: object, *, dry: bool = False) -> bool:
        """Count a step below the folder; the last one is never taken."""
        if name not in self._steps or not isinstance(path, (str, bytes)):
            return False
        if not os.fsdecode(path).startswith(self._below):
            return False
        if dry:
            return self._left == 1
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return True


_fsync = os.fsync

if "LAB_KILL_AT" in os.environ:
    _switch = _Switch(
        int(os.environ["LAB_KILL_AT"]),
        os.environ["LAB_KILL_BELOW"],
        frozenset(os.environ["LAB_KILL_STEPS"].split()),
    )
    os.fsync = _switch.sync  # type: ignore[assignment]
    sys.addaudithook(_switch.audit)
