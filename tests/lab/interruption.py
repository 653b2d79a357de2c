"""Makes a Python signal itself at the n-th call in some part of its code.

This file is copied into a folder of PYTHONPATH as ``sitecustomize``, so it runs inside
pip: Python 3.9, standard library only. It does nothing without its variables:

``LAB_SIGNAL_AT``: the number of the call, counted from 1. ``LAB_SIGNAL``: the number of
the signal. ``LAB_SIGNAL_IN``: what the path of the calling code contains.
``LAB_SIGNAL_COUNT``: a file that is told the number of calls, at the end.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class _Switch:
    """Counts the calls."""

    def __init__(self, at: int, number: int, where: str) -> None:
        self.calls = 0
        self._at, self._number, self._where = at, number, where

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Called by the interpreter."""
        if event == "call" and self._where in frame.f_code.co_filename:
            self.calls += 1
            if self.calls == self._at:
                os.kill(os.getpid(), self._number)

    def tell(self, path: str) -> None:
        """Write down how many calls there were."""
        with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(str(self.calls))


if "LAB_SIGNAL_AT" in os.environ:
    _switch = _Switch(
        int(os.environ["LAB_SIGNAL_AT"]),
        int(os.environ["LAB_SIGNAL"]),
        os.environ["LAB_SIGNAL_IN"],
    )
    atexit.register(_switch.tell, os.environ["LAB_SIGNAL_COUNT"])
    sys.setprofile(_switch.profile)
