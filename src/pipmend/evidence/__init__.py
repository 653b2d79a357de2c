"""Evidence: the items of a quarantine, read, judged and deleted.

Nothing here trusts what lies in a quarantine: descriptions are bounded and may say
anything, links are never followed, and an entry was only ever below the very root in
which its item lies, at a path of the form that pip gives it.
"""

from __future__ import annotations

from pipmend.evidence.contents import files_of, find, items, older_than
from pipmend.evidence.descriptions import LARGEST_DESCRIPTION
from pipmend.evidence.homes import form_of, home_of, is_of_wheels
from pipmend.evidence.judging import judge
from pipmend.evidence.purging import delete, discard_remains, purge
from pipmend.evidence.values import (
    Evidence,
    EvidenceError,
    KeptFile,
    Purged,
    Restored,
)

__all__ = [
    "LARGEST_DESCRIPTION",
    "Evidence",
    "EvidenceError",
    "KeptFile",
    "Purged",
    "Restored",
    "delete",
    "discard_remains",
    "files_of",
    "find",
    "form_of",
    "home_of",
    "is_of_wheels",
    "items",
    "judge",
    "older_than",
    "purge",
]
