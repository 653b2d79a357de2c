"""Fixtures of all tests: the laboratory, warm caches, the indexes behind them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.command import Command
from lab.index_server import LocalIndex
from lab.laboratory import Laboratory
from lab.outside import Outside
from lab.packages import catalogue
from lab.pips import tree
from lab.workbench import Warmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from lab.index_server import Served
    from lab.index_style import IndexStyle
    from lab.pips import Pip, Run

REQUIREMENT = "alpha"
"""What the tests install: alpha 2.0, which needs beta 1.5."""


@dataclass(frozen=True)
class Warm:
    """A cache that one install has filled, with the index that filled it."""

    index: LocalIndex
    cache: Path
    installed: dict[str, str]
    """What a healthy run installs, as ``lab.pips.tree`` sees it."""
    urls: tuple[str, ...]
    """What the install has asked for."""
    healthy: tuple[str, ...]
    """``METHOD path status`` of each request of a healthy second run."""


@dataclass(frozen=True)
class Bench:
    """A copy of a warm cache, and a pip to run on it."""

    pip: Pip
    warm: Warm
    cache: Path
    folder: Path

    def entry(self, fragment: str) -> HttpEntry:
        """The one entry whose URL contains the fragment."""
        return cache_files.find(self.cache, self.warm.index, fragment)

    def entry_name(self, fragment: str) -> str:
        """The name on disk of the entry whose URL contains the fragment."""
        urls = [url for url in self.warm.urls if fragment in url]
        assert len(urls) == 1, urls
        return cache_files.entry_path(self.cache, "http", urls[0]).metadata.name

    def install(self, *, env: dict[str, str] | None = None) -> Installed:
        """Install what the cache was warmed with into a fresh folder."""
        target = self.folder / "target"
        shutil.rmtree(target, ignore_errors=True)
        self.warm.index.clear()
        run = self.pip.install(REQUIREMENT, target=target, cache=self.cache, env=env)
        served = tuple(self.warm.index.served)
        return Installed(run, served, tree(target) if target.exists() else {})

    @property
    def events(self) -> str:
        """The event log as text, empty when there is none."""
        log = self.pip.home / "state" / "pipmend" / "log" / "events.jsonl"
        return log.read_text() if log.exists() else ""

    @property
    def quarantine(self) -> list[Path]:
        """The quarantined items."""
        return sorted(self.cache.glob("pipmend/quarantine/*"))


@dataclass(frozen=True)
class Installed:
    """One finished install: what pip said, what it asked for, what it installed."""

    run: Run
    served: tuple[Served, ...]
    files: dict[str, str]

    @property
    def requests(self) -> tuple[str, ...]:
        """``METHOD path status`` of each request."""
        return tuple(f"{one.method} {one.path} {one.status}" for one in self.served)

    @property
    def fetched(self) -> list[str]:
        """The paths whose bodies were sent."""
        return [one.path for one in self.served if one.body_bytes]


@dataclass
class Benches:
    """Makes benches; warms each kind of cache once."""

    lab: Laboratory
    scratch: Path
    _warm: dict[tuple[str, IndexStyle], Warm] = field(default_factory=dict)

    def bench(
        self, folder: Path, version: str, style: IndexStyle, *, hooked: bool = True
    ) -> Bench:
        """A bench of its own for one test: an aged copy of a warm cache."""
        warm = self.warm(version, style)
        cache = folder / "cache"
        shutil.copytree(warm.cache, cache, symlinks=True)
        cache_files.age(cache)
        venv = self.lab.venv(version, hooked=hooked)
        return Bench(
            self.lab.pip(venv, warm.index, folder / "home"), warm, cache, folder
        )

    def warm(self, version: str, style: IndexStyle) -> Warm:
        """The cache that a plain pip of a version has filled from such an index."""
        key = (version, style)
        if key not in self._warm:
            self._warm[key] = self._made(version, style)
        return self._warm[key]

    def close(self) -> None:
        """Stop the indexes."""
        for warm in self._warm.values():
            warm.index.__exit__(None, None, None)

    def _made(self, version: str, style: IndexStyle) -> Warm:
        folder = self.scratch / f"warm{len(self._warm)}"
        index = LocalIndex(catalogue(), style).__enter__()
        pip = self.lab.pip(self.lab.venv(version, hooked=False), index, folder / "home")
        cache = folder / "cache"
        pip.install(REQUIREMENT, target=folder / "first", cache=cache, check=True)
        urls = tuple(dict.fromkeys(index.urls))
        index.clear()
        pip.install(REQUIREMENT, target=folder / "second", cache=cache, check=True)
        healthy = tuple(f"{one.method} {one.path} {one.status}" for one in index.served)
        return Warm(index, cache, tree(folder / "second"), urls, healthy)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """The laboratory of this worker; downloaded wheels are shared by all workers."""
    scratch = tmp_path_factory.getbasetemp()
    shared = scratch.parent if scratch.name.startswith("popen-") else scratch
    return Laboratory(shared / "store", scratch / "venvs")


@pytest.fixture(scope="session")
def benches(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Benches]:
    """All benches of this worker."""
    made = Benches(lab, tmp_path_factory.mktemp("benches"))
    yield made
    made.close()


@pytest.fixture
def command(lab: Laboratory, tmp_path: Path) -> Command:
    """The installed command line, with user folders of its own."""
    return Command(lab.venv("26.3", hooked=True), tmp_path / "home")


@pytest.fixture(scope="module")
def warmed(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warmed]:
    """Caches that plain pips have filled, and the index behind them."""
    with LocalIndex(catalogue()) as index:
        yield Warmed(lab, index, tmp_path_factory.mktemp("warmed"))


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """What lies beside a cache, and must stay as it is."""
    return Outside(tmp_path / "outside")
