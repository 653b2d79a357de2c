"""Is the cause outside the cache? Facts in, findings out; nothing is looked at here.

Each question is answered with a finding, or with what was found to be fine, or with
why it cannot be known. A finding has one next step that a person can type or do.
"""

from __future__ import annotations

from pipmend.doctor.cache import of_cache
from pipmend.doctor.clocks import LARGEST_SKEW
from pipmend.doctor.file_system import (
    LEAST_BYTES,
    LEAST_INODES,
    LITTLE_BYTES,
    LITTLE_INODES,
)
from pipmend.doctor.machine import of_machine
from pipmend.doctor.past import RECENT, Failure, Past, UnfitPip, recall
from pipmend.doctor.use import users_of
from pipmend.doctor.values import Answer, Code, Finding, Fine, Severity, Unknown

__all__ = [
    "LARGEST_SKEW",
    "LEAST_BYTES",
    "LEAST_INODES",
    "LITTLE_BYTES",
    "LITTLE_INODES",
    "RECENT",
    "Answer",
    "Code",
    "Failure",
    "Finding",
    "Fine",
    "Past",
    "Severity",
    "UnfitPip",
    "Unknown",
    "of_cache",
    "of_machine",
    "recall",
    "users_of",
]
