"""A pip with a cache of its own, and what pipmend has left behind."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import cache_files
from lab.pips import Run, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.index_server import LocalIndex
    from lab.laboratory import Laboratory
    from lab.pips import Pip, Venv


@dataclass(frozen=True)
class Workbench:
    """A pip bound to an index, with a cache and a home below ``folder``."""

    pip: Pip
    index: LocalIndex
    folder: Path

    @property
    def cache(self) -> Path:
        """The root of the cache."""
        return self.folder / "cache"

    @property
    def target(self) -> Path:
        """Where installs go."""
        return self.folder / "target"

    @property
    def files(self) -> dict[str, str]:
        """What the last install has left, as ``lab.pips.tree`` sees it."""
        return tree(self.target) if self.target.exists() else {}

    def install(
        self,
        *requirements: str,
        options: Sequence[str] = (),
        env: dict[str, str] | None = None,
        check: bool = False,
    ) -> Run:
        """Install into an empty target; the index forgets what it served before."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.index.clear()
        return self.pip.install(
            *requirements,
            target=self.target,
            cache=self.cache,
            options=options,
            env=env,
            check=check,
        )

    def python(self, code: str, *args: str, env: dict[str, str] | None = None) -> Run:
        """Run Python code in the environment of the pip."""
        command = (str(self.pip.venv.python), "-c", code, *args)
        done = subprocess.run(
            command,
            env={**self.pip.environment(self.cache), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Run(command, done.returncode, done.stdout, done.stderr)

    @property
    def log(self) -> Path:
        """The event log."""
        return self.pip.home / "state" / "pipmend" / "log" / "events.jsonl"

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def findings(self) -> list[dict[str, Any]]:
        """The events about corrupt entries."""
        return [e for e in self.events if e["event"] == "pipmend.entry_corrupt"]

    @property
    def quarantine(self) -> list[Path]:
        """The quarantined items."""
        return sorted(self.cache.glob("pipmend/quarantine/*"))

    def entry(self, fragment: str) -> cache_files.HttpEntry:
        """The one entry of the HTTP cache whose URL contains the fragment."""
        return cache_files.find(self.cache, self.index, fragment)

    def age(self) -> None:
        """Let an hour pass for all files of the cache."""
        cache_files.age(self.cache)


def lines_of(run: Run) -> list[str]:
    """The lines on stderr in which pipmend speaks; on stdout there are none."""
    assert "pipmend: " not in run.stdout, str(run)
    return [line for line in run.stderr.splitlines() if "pipmend: " in line]


def workbench(
    lab: Laboratory, venv: Venv, index: LocalIndex, folder: Path
) -> Workbench:
    """A workbench with an empty cache."""
    return Workbench(lab.pip(venv, index, folder / "home"), index, folder)


@dataclass
class Warmed:
    """Caches that a plain pip has filled, made once for each pip and requirement."""

    lab: Laboratory
    index: LocalIndex
    scratch: Path

    def bench(
        self, version: str, folder: Path, requirement: str, *, hooked: bool = True
    ) -> Workbench:
        """A workbench on an aged copy of a warm cache."""
        warm = self.scratch / f"{version}-{requirement}"
        if not warm.exists():
            plain = self.lab.venv(version, hooked=False)
            first = workbench(self.lab, plain, self.index, warm)
            first.install(requirement, check=True)
        venv = self.lab.venv(version, hooked=hooked)
        bench = workbench(self.lab, venv, self.index, folder)
        shutil.copytree(warm / "cache", bench.cache, symlinks=True)
        bench.age()
        return bench

    def installed(self, version: str, requirement: str) -> dict[str, str]:
        """What the plain pip has installed."""
        return tree(self.scratch / f"{version}-{requirement}" / "target")


def unhealthy(entries: Iterable[cache_files.HttpEntry]) -> list[cache_files.HttpEntry]:
    """The entries without a whole body, as far as their own metadata tells."""
    return [entry for entry in entries if not _is_whole(entry)]


def _is_whole(entry: cache_files.HttpEntry) -> bool:
    if not all(path.is_file() for path in entry.files):
        return False
    declared = cache_files.headers(entry).get("content-length")
    return declared is None or int(declared) == len(cache_files.read_body(entry))
