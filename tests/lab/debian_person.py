"""Somebody at work in a root of its own: types commands, and keeps a cache."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.broken_pages import empty_page
from lab.debian_root import AUTHORITY

if TYPE_CHECKING:
    from lab.debian_root import DebianRoot
    from lab.index_server import LocalIndex
    from lab.pips import Run


@dataclass(frozen=True)
class Person:
    """A user of a root, with a home folder inside of it; ``user`` is None for root."""

    root: DebianRoot
    index: LocalIndex
    user: str | None
    home: str

    @property
    def cache(self) -> str:
        """Where pip keeps its cache by itself."""
        return f"{self.home}/.cache/pip"

    @property
    def quarantine(self) -> str:
        """What of ours is in that cache."""
        return f"{self.cache}/pipmend"

    @property
    def log(self) -> str:
        """Where the log of events is."""
        return f"{self.home}/.local/state/pipmend"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the person's log; none without a log."""
        log = self.root.path(f"{self.log}/log/events.jsonl")
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    def move_in(self) -> None:
        """Make the home folder."""
        folder = self.root.path(self.home)
        folder.mkdir()
        name = self.user or "root"
        self.root.checked("chown", f"{name}:{name}", self.home)

    def run(self, *command: str, **env: str) -> Run:
        """Run a program as this user."""
        # uv reads no settings of pip's.
        other = {"SSL_CERT_FILE": AUTHORITY, "UV_DEFAULT_INDEX": self.index.url}
        environment = {"HOME": self.home, **other, **env}
        return self.root.run(*command, user=self.user, env=environment)

    def type(self, line: str, *, at: str = "~", **env: str) -> Run:
        """Have a shell run a line, in a folder."""
        return self.run("sh", "-c", f"cd {at} && {line}", **env)

    def damage(self, project: str, cache: str | None = None) -> None:
        """Empty the cached page of a project.

        Raises:
            LookupError: there is no such page.
        """
        folder = self.root.path(cache or self.cache)
        empty_page(folder, f"{self.index.url}{project}/")
