"""Healthy entries that look odd: nothing quarantined, nothing printed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.index_style import IndexStyle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Bench, Benches

PIPS = ("22.0.4", "23.0.1", "23.3.2", "25.3", "26.3")
MARKS = {
    version: [] if version in {"22.0.4", "26.3"} else [pytest.mark.matrix]
    for version in PIPS
}
"""One pip of each storage belongs to the default run."""
WARNING = "Cache entry deserialization failed"


def vary(bench: Bench) -> None:
    """Each entry was stored for a client that sends another User-Agent."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        document["vary"] = {"User-Agent": "another client"}
        cache_files.encode(entry, document)


def vary_on_anything(bench: Bench) -> None:
    """``Vary: *`` never matches."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        document["vary"] = {"*": None}
        cache_files.encode(entry, document)


def other_generation(bench: Bench) -> None:
    """Entries of another generation, in the folder of that generation."""
    for name in ("http", "http-v2", "http-v3"):
        folder = bench.cache / name / "a" / "b"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "entry").write_bytes(b"cc=9,unheard of")


def stale(bench: Bench) -> None:
    """Everything is past its max-age."""
    set_header(bench, "Date", "Thu, 01 Jan 2015 00:00:00 GMT")


def without_date(bench: Bench) -> None:
    """No entry has a Date."""
    set_header(bench, "Date", None)


def linked(bench: Bench) -> None:
    """Every file is a link to a sound file elsewhere."""
    elsewhere = bench.folder / "elsewhere"
    elsewhere.mkdir()
    for entry in cache_files.entries(bench.cache):
        for path in entry.files:
            path.rename(elsewhere / path.name)
            path.symlink_to(elsewhere / path.name)


def unknown_key(bench: Bench) -> None:
    """A later pip wrote one more key beside the response."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        cache_files.encode(entry, {**document, "later": {"x": 1}})


def leftovers(bench: Bench) -> None:
    """What failed writes leave behind: temporary files and lone bodies."""
    for entry in cache_files.entries(bench.cache):
        temporary = entry.metadata.with_name(f"{entry.metadata.name}.bodyabcdefgh.tmp")
        temporary.write_bytes(b"cut")
        cache_files.age(bench.cache)


def set_header(bench: Bench, name: str, value: str | None) -> None:
    """Set or remove a header field of every entry."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        headers = document["response"]["headers"]
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
        cache_files.encode(entry, document)


CHANGES = (
    vary,
    vary_on_anything,
    other_generation,
    stale,
    without_date,
    linked,
    unknown_key,
    leftovers,
)
STYLES = {
    "plain": IndexStyle(),
    "html": IndexStyle(pages="html"),
    "gzip-vary": IndexStyle(content_encoding="gzip", vary="Accept-Encoding"),
    "deflate": IndexStyle(content_encoding="deflate"),
    "chunked": IndexStyle(chunked=True),
    "chunked-html": IndexStyle(chunked=True, pages="html"),
    "no-etag": IndexStyle(etag=False),
    "no-max-age": IndexStyle(max_age=None, file_max_age=None),
    "redirect-301": IndexStyle(redirect_pages=301),
    "redirect-308-no-etag": IndexStyle(redirect_pages=308, etag=False),
    "core-metadata": IndexStyle(core_metadata=True),
}


@pytest.mark.parametrize(
    "version", [pytest.param(one, marks=marks) for one, marks in MARKS.items()]
)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_an_odd_but_healthy_entry_is_left_alone(
    change: Callable[[Bench], None], version: str, benches: Benches, tmp_path: Path
) -> None:
    """Same files, same requests as plain pip; no warning, no event, no quarantine."""
    hooked, plain = (
        benches.bench(tmp_path / name, version, STYLES["plain"], hooked=is_hooked)
        for name, is_hooked in (("hooked", True), ("plain", False))
    )
    change(hooked)
    change(plain)

    expected, got = plain.install(), hooked.install()

    assert got.run.returncode == 0, str(got.run)
    assert got.files == expected.files
    assert got.requests == expected.requests
    assert WARNING not in got.run.output
    assert_silent(hooked, got.run.output)


def test_plain_pip_warns_of_a_vary_mismatch(benches: Benches, tmp_path: Path) -> None:
    """The misleading warning is pip's (pypa/pip#13979): the test above can fail."""
    bench = benches.bench(tmp_path, "26.3", STYLES["plain"], hooked=False)
    vary(bench)

    assert WARNING in bench.install().run.output


def test_the_reason_for_a_vary_mismatch_is_told_at_debug_level(
    benches: Benches, tmp_path: Path
) -> None:
    """``pip -vv`` says why an entry was not used."""
    bench = benches.bench(tmp_path, "26.3", STYLES["plain"])
    vary(bench)

    output = bench.install(env={"PIP_VERBOSE": "2"}).run.output

    assert "the cached page of 'alpha' is not for this request" in output
    assert "Vary: User-Agent" in output


@pytest.mark.parametrize(
    ("version", "style"),
    [
        pytest.param(version, style, marks=marks)
        for version in PIPS
        for style in STYLES
        for marks in [[] if version == "26.3" else [pytest.mark.matrix]]
        # That pip ends by itself on a JSON page with core metadata.
        if (version, style) != ("23.0.1", "core-metadata")
    ],
)
def test_what_an_index_sends_is_healthy(
    version: str, style: str, benches: Benches, tmp_path: Path
) -> None:
    """A second run on what pip itself stored from such an index is silent."""
    bench = benches.bench(tmp_path, version, STYLES[style])

    got = bench.install()

    assert got.run.returncode == 0, str(got.run)
    assert got.files == bench.warm.installed
    assert got.requests == bench.warm.healthy
    assert_silent(bench, got.run.output)


def assert_silent(bench: Bench, output: str) -> None:
    """Nothing printed, nothing recorded, nothing moved."""
    assert "pipmend" not in output
    assert not bench.events
    assert not os.path.lexists(bench.cache / "pipmend")
