"""What an answer to a question is made of."""

from __future__ import annotations

import enum
from typing import NamedTuple, Union


class Severity(enum.Enum):
    """How bad a finding is."""

    PROBLEM = "problem"
    """pip cannot work with the cache as it should."""
    WARNING = "warning"
    """Entries may break, stay broken, or be changed by somebody else."""
    NOTE = "note"
    """Healthy, and good to know."""


class Code(enum.Enum):
    """What a finding is about. Stable codes for scripts."""

    DISK_FULL = "disk-full"
    INODES_LOW = "inodes-low"
    NETWORK_FILE_SYSTEM = "network-file-system"
    OVERLAY = "overlay"
    TMPFS = "tmpfs"
    READ_ONLY = "read-only"
    OWNER_MISMATCH = "owner-mismatch"
    NOT_WRITABLE = "not-writable"
    WRITABLE_BY_OTHERS = "writable-by-others"
    MIXED_GENERATIONS = "mixed-generations"
    HOOK_MISSING = "hook-missing"
    CLOCK_SKEW = "clock-skew"
    REPEAT_OFFENDER = "repeat-offender"
    OWN_FAILURE = "own-failure"
    UNFIT_PIP = "unfit-pip"
    CI_RESTORED = "ci-restored"
    CACHE_IS_LINK = "cache-is-link"
    SWITCHED_OFF = "switched-off"


class Finding(NamedTuple):
    """Something that a person should know or change."""

    code: Code
    severity: Severity
    what: str
    """One sentence without its full stop; not yet safe for a terminal."""
    next_step: str


class Fine(NamedTuple):
    """What was looked at and is as it should be."""

    name: str
    what: str


class Unknown(NamedTuple):
    """What could not be looked at."""

    name: str
    why: str


Answer = Union[Finding, Fine, Unknown]
