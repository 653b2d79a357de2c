"""What lies around a cache: its file system, its owners, its clocks. Facts only.

Looking is bounded, writes nothing, and follows no link inside of a cache. What this
system does not tell is None.
"""

from __future__ import annotations

from pipmend.surroundings.cache import Part, Surroundings, look
from pipmend.surroundings.ci import ci_service
from pipmend.surroundings.environments import Pip, interpreter_of, pips
from pipmend.surroundings.facts import Fact, facts_of, facts_of_pips
from pipmend.surroundings.mounts import FileSystem, Mount, file_system_of, mount_of
from pipmend.surroundings.ownership import is_used_by_pip
from pipmend.surroundings.samples import (
    MOST_LOOKED_AT,
    Moment,
    Sample,
    Seen,
    sample_of,
)

__all__ = [
    "MOST_LOOKED_AT",
    "Fact",
    "FileSystem",
    "Moment",
    "Mount",
    "Part",
    "Pip",
    "Sample",
    "Seen",
    "Surroundings",
    "ci_service",
    "facts_of",
    "facts_of_pips",
    "file_system_of",
    "interpreter_of",
    "is_used_by_pip",
    "look",
    "mount_of",
    "pips",
    "sample_of",
]
