"""Pips with and without pipmend, and other programs, share one cache in peace."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab import cache_files, swaps, tools
from lab.index_pages import JSON_TYPE
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import catalogue, wheel
from lab.pips import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.laboratory import Laboratory
    from lab.pips import Run

OLDEST_PYTHON = "3.9"
PYTHONS = {"20.3.4": OLDEST_PYTHON}
"""The Python of pips that are too old for the usual one."""

STYLES = {
    "json": IndexStyle(),
    "stale": IndexStyle(max_age=0),
    "stale-gzip-vary": IndexStyle(
        max_age=0, content_encoding="gzip", vary="Accept-Encoding"
    ),
    "stale-chunked-metadata": IndexStyle(max_age=0, chunked=True, core_metadata=True),
    "redirect": IndexStyle(max_age=0, redirect_pages=301),
}


@dataclass
class Table:
    """One cache and one index, at which several pips sit."""

    lab: Laboratory
    index: LocalIndex
    folder: Path
    count: int = 0

    @property
    def cache(self) -> Path:
        """The root of the cache."""
        return self.folder / "cache"

    @property
    def home(self) -> Path:
        """The home folder of all pips."""
        return self.folder / "home"

    @property
    def body_bytes(self) -> int:
        """Bytes that the last install has downloaded."""
        return sum(one.body_bytes for one in self.index.served if one.status == 200)

    @property
    def entries(self) -> list[cache_files.HttpEntry]:
        """All entries of the cache."""
        return cache_files.entries(self.cache)

    def install(self, version: str, *, hooked: bool) -> tuple[Run, dict[str, str]]:
        """Install alpha with a pip; what it said, and what it installed."""
        python = PYTHONS.get(version)
        venv = self.lab.venv(version, hooked=hooked, python=python)
        pip = self.lab.pip(venv, self.index, self.home)
        self.index.clear()
        if self.cache.exists():
            cache_files.age(self.cache)
        self.count += 1
        target = self.folder / f"target{self.count}"
        done = pip.install("alpha", target=target, cache=self.cache, check=True)
        return done, tree(target)

    def assert_untroubled(self, done: Run) -> None:
        """Nothing was found, said, or put aside."""
        assert "pipmend" not in done.output
        assert not (self.home / "state").exists()
        assert not (self.cache / "pipmend").exists()


@pytest.fixture
def table(
    request: pytest.FixtureRequest, lab: Laboratory, tmp_path: Path
) -> Iterator[Table]:
    """A table with an index of the style that the test names, or of the usual one."""
    style = STYLES[getattr(request, "param", "json")]
    with LocalIndex(catalogue(), style) as index:
        yield Table(lab, index, tmp_path)


def skip_without_python(lab: Laboratory, *versions: str) -> None:
    """Skip where the Python of an old pip is not at hand."""
    for version in versions:
        if PYTHONS.get(version, lab.default_python) not in lab.pythons:
            pytest.skip(f"pip {version} needs Python {PYTHONS[version]}")


NEIGHBOURS = [
    ("22.0.4", "20.3.4"),
    ("22.0.4", "22.0.4"),
    ("22.0.4", "23.0.1"),
    ("26.3", "26.3"),
    ("26.3", "23.3.2"),
    ("23.3.2", "26.3"),
]
"""A pip with pipmend and one without, of the same storage."""

IN_DEFAULT = {("22.0.4", "20.3.4"), ("26.3", "26.3")}


@pytest.mark.parametrize(
    ("hooked", "plain"),
    [
        pytest.param(
            *pair,
            id=f"{pair[0]}-by-{pair[1]}",
            marks=[] if pair in IN_DEFAULT else [pytest.mark.matrix],
        )
        for pair in NEIGHBOURS
    ],
)
def test_either_reads_what_the_other_has_stored(
    hooked: str, plain: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Sealed entries and unsealed ones: identical installs, nothing downloaded."""
    skip_without_python(lab, hooked, plain)
    # Only the newer ones of the older storage would ask for JSON.
    style = IndexStyle(pages="html" if hooked == "22.0.4" else "json")
    for writer, reader, is_hooked in ((hooked, plain, True), (plain, hooked, False)):
        with LocalIndex(catalogue(), style) as index:
            table = Table(lab, index, tmp_path / str(is_hooked))
            _, first = table.install(writer, hooked=is_hooked)
            sealed = [swaps.is_sealed(entry) for entry in table.entries]
            assert set(sealed) == {is_hooked}

            done, second = table.install(reader, hooked=not is_hooked)

            assert second == first
            assert table.body_bytes == 0
            table.assert_untroubled(done)


@pytest.mark.parametrize("table", ["stale"], indirect=True)
@pytest.mark.parametrize("version", ["22.0.4", "26.3"])
def test_a_plain_pip_drops_the_seals_of_what_it_rewrites(
    version: str, table: Table
) -> None:
    """A 304 leaves pip's own entry, which is no damage; the next 304 seals it again."""
    table.install(version, hooked=True)
    pages = [find(table, name) for name in ("alpha", "beta")]
    assert all(swaps.is_sealed(page) for page in pages)

    table.install(version, hooked=False)

    assert [one.status for one in table.index.requests_to("/simple/")] == [304, 304]
    assert not any(swaps.is_sealed(page) for page in pages)

    done, _ = table.install(version, hooked=True)

    assert [one.status for one in table.index.requests_to("/simple/")] == [304, 304]
    assert table.body_bytes == 0
    assert all(swaps.is_sealed(page) for page in pages)
    table.assert_untroubled(done)


def find(table: Table, name: str) -> cache_files.HttpEntry:
    """The entry of a page."""
    return cache_files.find(table.cache, table.index, f"/simple/{name}/")


def test_a_seal_taken_off_leaves_the_bytes_that_pip_writes(
    lab: Laboratory, tmp_path: Path
) -> None:
    """But for the clock, a sealed entry is the plain one and one more key."""
    stored = {}
    with LocalIndex(catalogue(), IndexStyle(date=False)) as index:
        for is_hooked in (True, False):
            table = Table(lab, index, tmp_path / str(is_hooked))
            table.install("26.3", hooked=is_hooked)
            for entry in table.entries:
                swaps.take_off_seal(entry)
            stored[is_hooked] = cache_files.snapshot(table.cache / "http-v2")

    assert stored[True] == stored[False]


TURNS = [
    ("26.3", "json", True),
    ("26.3", "stale-gzip-vary", True),
    ("26.3", "stale-chunked-metadata", False),
    ("25.3", "stale", False),
    ("26.3", "redirect", False),
    ("22.0.4", "stale", True),
    ("23.3.2", "stale-gzip-vary", False),
]


@pytest.mark.parametrize(
    ("version", "table"),
    [
        pytest.param(
            version, style, id=f"{version}-{style}", marks=[] if is_default else marks
        )
        for marks in [[pytest.mark.matrix]]
        for version, style, is_default in TURNS
    ],
    indirect=["table"],
)
def test_a_hooked_and_a_plain_pip_take_turns(version: str, table: Table) -> None:
    """Six turns, two releases in between: each time the right files, and no event."""
    releases = {2: wheel("beta", "1.6"), 4: wheel("alpha", "2.1", requires=["beta"])}
    wanted = {"alpha": "2.0", "beta": "1.5"}
    for turn in range(6):
        changed = set(wanted) if turn == 0 else set()
        # A page that is fresh hides releases, as it may.
        if turn in releases and table.index.style.max_age == 0:
            release = releases[turn]
            table.index.publish(release)
            wanted[release.name] = release.version
            changed = {release.name}

        done, files = table.install(version, hooked=turn % 2 == 0)

        folders = {name.partition("/")[0] for name in files if ".dist-info/" in name}
        assert folders == {f"{one}-{wanted[one]}.dist-info" for one in wanted}
        fetched = {
            one.path.rpartition("/packages/")[2].partition("-")[0]
            for one in table.index.requests_to("/packages/")
            if one.status == 200
        }
        assert fetched == changed
        table.assert_untroubled(done)


PIP_AUDIT = """
import json, sys
import pip_audit._service.interface
from pathlib import Path
from pip_audit._cache import caching_session
folder, authority, *urls = sys.argv[1:]
session = caching_session(Path(folder))
"""
CACHECONTROL = """
import json, sys
import requests
from cachecontrol import CacheControl
from cachecontrol.caches import SeparateBodyFileCache
folder, authority, *urls = sys.argv[1:]
session = CacheControl(requests.Session(), cache=SeparateBodyFileCache(folder))
"""
GET = """
import hashlib
found = []
for url in urls:
    answer = session.get(url, verify=authority, headers=HEADERS)
    digest = hashlib.sha256(answer.content).hexdigest()
    found.append([answer.status_code, answer.from_cache, digest])
print(json.dumps(found))
"""
READERS = {
    "22.0.4": (PIP_AUDIT, {"Accept": "text/html"}),
    "26.3": (CACHECONTROL, {"Accept": JSON_TYPE}),
}
"""Who else reads each storage, asking for pages as that pip does: pip-audit the older,
its own library the newer."""


@pytest.mark.parametrize("version", list(READERS))
def test_other_programs_read_and_rewrite_sealed_entries(
    version: str, table: Table
) -> None:
    """pip-audit's cache serves them, unasked; what it rewrites is no damage to us."""
    _, first = table.install(version, hooked=True)
    entries = table.entries
    assert entries
    assert all(swaps.is_sealed(entry) for entry in entries)
    urls = [
        url
        for url in table.index.urls
        if cache_files.entry_path(table.cache, entries[0].layout, url) in entries
    ]
    sealed = cache_files.snapshot(table.cache)
    table.index.clear()

    found = ask(table, version, urls, {})

    assert len(found) == len(entries)
    assert found == [(200, True, digest) for digest in digests(table, urls)]
    assert table.index.served == []
    assert cache_files.snapshot(table.cache) == sealed

    found = ask(table, version, urls, {"Cache-Control": "max-age=0"})

    assert found == [(200, True, digest) for digest in digests(table, urls)]
    assert {one.status for one in table.index.served} == {304}
    assert not any(swaps.is_sealed(entry) for entry in table.entries)

    done, second = table.install(version, hooked=True)

    assert second == first
    assert table.body_bytes == 0
    table.assert_untroubled(done)


def ask(
    table: Table, version: str, urls: list[str], headers: dict[str, str]
) -> list[tuple[int, bool, str]]:
    """Have the other program get URLs: status, whether from the cache, SHA-256."""
    path = tools.installed(table.lab.store, "pip-audit")
    layout = table.entries[0].layout
    arguments = (str(table.cache / layout), str(table.index.ca_file), *urls)
    code, accept = READERS[version]
    sent = {**accept, **headers}
    code += f"HEADERS = {sent!r}\n{GET}"
    output = tools.run_code(code, *arguments, path=path, home=table.home)
    return [(status, cached, sha256) for status, cached, sha256 in json.loads(output)]


def digests(table: Table, urls: list[str]) -> list[str]:
    """SHA-256 of the stored bodies of URLs, none of which is compressed."""
    layout = table.entries[0].layout
    paths = [cache_files.entry_path(table.cache, layout, url) for url in urls]
    bodies = [cache_files.read_body(path) for path in paths]
    return [hashlib.sha256(body).hexdigest() for body in bodies]
