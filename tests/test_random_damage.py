"""Random damage to random files of a cache: pip installs what a cold run installs."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, swaps
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import catalogue
from lab.pips import Pip, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from lab.laboratory import Laboratory
    from lab.pips import Venv

PIPS = ("22.0.4", "25.3", "26.3")
SEEDS = range(5)
"""Of the default run."""
MORE_SEEDS = range(5, 30)

KINDS = ("flip", "cut", "nul", "delete", "append", "truncate", "swap")
STYLE = IndexStyle(core_metadata=True)


@dataclass(frozen=True)
class Warm:
    """A cache that a hooked pip has filled, and what it has installed."""

    index: LocalIndex
    venv: Venv
    cache: Path
    installed: dict[str, str]


@pytest.fixture(scope="module")
def warm_caches() -> Iterator[dict[str, Warm]]:
    """The warm cache of each pip, made when it is first asked for."""
    made: dict[str, Warm] = {}
    yield made
    for warm in made.values():
        warm.index.__exit__(None, None, None)


@pytest.fixture
def warm(
    request: pytest.FixtureRequest,
    warm_caches: dict[str, Warm],
    lab: Laboratory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Warm:
    """The warm cache of the pip that the test names."""
    version: str = request.param
    if version not in warm_caches:
        folder = tmp_path_factory.mktemp("warm")
        index = LocalIndex(catalogue(), STYLE).__enter__()
        venv = lab.venv(version, hooked=True)
        pip = lab.pip(venv, index, folder / "home")
        target, cache = folder / "target", folder / "cache"
        pip.install("alpha", target=target, cache=cache, check=True)
        warm_caches[version] = Warm(index, venv, cache, tree(target))
    return warm_caches[version]


class Vandal:
    """Damages files; the same seed does the same."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311
        self.done: list[str] = []

    def damage(self, files: list[Path]) -> set[Path]:
        """Damage one to three files; which ones."""
        count = min(self._chance.randint(1, 3), len(files))
        chosen = self._chance.sample(files, count)
        hurt: set[Path] = set()
        for path in chosen:
            if path in hurt:
                continue
            kind = self._chance.choice(KINDS)
            self.done.append(f"{kind} {path.name}")
            if kind == "swap":
                hurt |= self._swap(path, files)
            else:
                self._change(path, kind)
                hurt.add(path)
        return hurt

    def _swap(self, path: Path, files: list[Path]) -> set[Path]:
        others = [
            other
            for other in files
            if other.exists() and other.suffix == path.suffix and other != path
        ]
        other = self._chance.choice(others)
        self.done[-1] += f" with {other.name}"
        own, foreign = path.read_bytes(), other.read_bytes()
        path.write_bytes(foreign)
        other.write_bytes(own)
        return {path, other}

    def _change(self, path: Path, kind: str) -> None:
        data = path.read_bytes()
        at = self._chance.randrange(len(data))
        if kind == "delete":
            path.unlink()
        elif kind == "flip":
            byte = data[at] ^ 1 << self._chance.randrange(8)
            path.write_bytes(data[:at] + bytes([byte]) + data[at + 1 :])
        elif kind == "cut":
            path.write_bytes(data[:at] + data[at + self._chance.randint(1, 500) :])
        elif kind == "nul":
            path.write_bytes(data[:at].ljust(len(data), b"\0"))
        elif kind == "append":
            path.write_bytes(data + self._chance.randbytes(at % 64 + 1))
        else:
            path.write_bytes(data[:at])


def params() -> list[object]:
    """Each pip with each seed."""
    return [
        pytest.param(version, seed, marks=[] if seed in SEEDS else marks)
        for marks in [[pytest.mark.matrix]]
        for version in PIPS
        for seed in (*SEEDS, *MORE_SEEDS)
    ]


@pytest.mark.parametrize(("warm", "seed"), params(), indirect=["warm"])
def test_a_sealed_cache_survives_any_damage(
    warm: Warm, seed: int, tmp_path: Path
) -> None:
    """Whatever happens to one to three of its files, no matter which."""
    cache = tmp_path / "cache"
    shutil.copytree(warm.cache, cache)
    files = [path for entry in cache_files.entries(cache) for path in entry.files]

    assert_survives(warm, cache, files, Vandal(seed), tmp_path)


@pytest.mark.parametrize(("warm", "seed"), params(), indirect=["warm"])
def test_an_unsealed_file_with_a_link_hash_survives_any_damage(
    warm: Warm, seed: int, tmp_path: Path
) -> None:
    """Whatever happens to files that pip alone has stored, of which a hash is told.

    Pages are left alone: nothing tells one page from another of the same form.
    """
    cache = tmp_path / "cache"
    shutil.copytree(warm.cache, cache)
    for entry in cache_files.entries(cache):
        swaps.take_off_seal(entry)
    layout = cache_files.entries(cache)[0].layout
    files = [
        path
        for url in warm.index.urls
        if "/packages/" in url
        for path in cache_files.entry_path(cache, layout, url).files
    ]

    assert_survives(warm, cache, files, Vandal(seed), tmp_path)


def assert_survives(
    warm: Warm, cache: Path, files: list[Path], vandal: Vandal, folder: Path
) -> None:
    """Damage files and install: what a cold run gives, and nothing else is lost."""
    files = [path for path in files if path.exists()]
    before = cache_files.entries(cache)
    sound = {entry.metadata: cache_files.read_body(entry) for entry in before}
    hurt = vandal.damage(files)
    spared = [entry for entry in before if hurt.isdisjoint(entry.files)]
    cache_files.age(cache)
    pip = Pip(warm.venv, warm.index.url, warm.index.ca_file, folder / "home")
    warm.index.clear()

    done = pip.install("alpha", target=folder / "target", cache=cache)

    about = f"{vandal.done}\n{done}\n{log_of(folder)}"
    assert done.returncode == 0, about
    assert tree(folder / "target") == warm.installed, about
    assert {entry.metadata for entry in spared} <= {
        entry.metadata for entry in cache_files.entries(cache)
    }, about
    for entry in spared:
        assert cache_files.read_body(entry) == sound[entry.metadata], about
    fetched = {one.path for one in warm.index.served if one.body_bytes}
    assert len(fetched) <= len(before) - len(spared), about
    assert_whole(before, sound, about)


def assert_whole(before: list[HttpEntry], sound: dict[Path, bytes], about: str) -> None:
    """What pip does not miss is as it was before the damage."""
    for entry in before:
        if all(path.exists() for path in entry.files):
            assert cache_files.read_body(entry) == sound[entry.metadata], about


def log_of(folder: Path) -> str:
    """The events, shortened."""
    log = folder / "home" / "state" / "pipmend" / "log" / "events.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    told = [json.loads(line) for line in lines]
    return "\n".join(f"{one['event']} {one.get('reason')}" for one in told)
