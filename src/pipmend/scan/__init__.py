"""The walk that judges: what is intact, what is corrupt, what is left over.

A shard is scanned by :func:`scan_shard`, which changes nothing in the cache and may
run in another process. What it finds is acted on elsewhere, with the state of the
files as they were judged, so that an entry that pip has replaced since is left alone.
"""

from __future__ import annotations

from pipmend.scan.judging import (
    group_of,
    is_left_alone,
    judge,
    judge_and_name,
    subject_of,
)
from pipmend.scan.shards import scan_shard
from pipmend.scan.values import (
    UNNAMED,
    Count,
    Group,
    Judged,
    Options,
    Scanned,
    Tally,
)

__all__ = [
    "UNNAMED",
    "Count",
    "Group",
    "Judged",
    "Options",
    "Scanned",
    "Tally",
    "group_of",
    "is_left_alone",
    "judge",
    "judge_and_name",
    "scan_shard",
    "subject_of",
]
