"""What a log of events holds: an event to start from, and lines of any kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipmend.events import EntryCorrupt

if TYPE_CHECKING:
    from pipmend.events import EventLog

CORRUPT = EntryCorrupt(
    id="20261120T120000Z-01234567",
    action="quarantined",
    subject="the cached page of 'alpha'",
    url="https://index.example/simple/alpha/",
    entry="/cache/http-v2/a/b/c/d/e/abcde",
    cache="/cache",
    bytes=2417,
    reason="body-size",
    found=0,
    expected=294,
    evidence="/cache/pipmend/quarantine/20261120T120000Z-01234567",
    stayed=None,
    pip_error=None,
    free_bytes=1024,
)
"""A page that was found empty, and is in quarantine now."""


def append(log: EventLog, *lines: object) -> None:
    """Append lines to a log; bytes as they are."""
    log.path.parent.mkdir(parents=True, exist_ok=True)
    with log.path.open("ab") as file:
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode()
            file.write(data + b"\n")
