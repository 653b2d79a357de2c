"""Healthy entries that look odd, several oddities in one cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import cache_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.workbench import Workbench

_PAGES = ("/simple/alpha/", "/simple/beta/")
_FILES = ("alpha-2.0-py3-none-any.whl", "beta-1.5-py3-none-any.whl")


def for_others(bench: Workbench) -> None:
    """Pages for other clients, files with a key of a later pip, and leftovers."""
    page, other_page = (bench.entry(fragment) for fragment in _PAGES)
    document = cache_files.decode(page)
    cache_files.encode(page, {**document, "vary": {"User-Agent": "another client"}})
    document = cache_files.decode(other_page)
    cache_files.encode(other_page, {**document, "vary": {"*": None}})
    for fragment in _FILES:
        entry = bench.entry(fragment)
        document = cache_files.decode(entry)
        cache_files.encode(entry, {**document, "later": {"x": 1}})
        name = f"{entry.metadata.name}abcdefgh.tmp"
        entry.metadata.with_name(name).write_bytes(b"cut")
    for name in ("http", "http-v2", "http-v3"):
        folder = bench.cache / name / "a" / "b"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "entry").write_bytes(b"cc=9,unheard of")
    bench.age()


def old_and_linked(bench: Workbench) -> None:
    """Pages past their time, files without a date, and every file a link elsewhere."""
    for fragment in _PAGES:
        _set_date(bench.entry(fragment), "Thu, 01 Jan 2015 00:00:00 GMT")
    for fragment in _FILES:
        _set_date(bench.entry(fragment), None)
    elsewhere = bench.folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for entry in cache_files.entries(bench.cache):
        for path in entry.files:
            path.replace(elsewhere / path.name)
            path.symlink_to(elsewhere / path.name)
    bench.age()


def _set_date(entry: cache_files.HttpEntry, value: str | None) -> None:
    document = cache_files.decode(entry)
    headers = document["response"]["headers"]
    headers.pop("Date", None)
    if value is not None:
        headers["Date"] = value
    cache_files.encode(entry, document)


SERIES: Mapping[str, Callable[[Workbench], None]] = {
    "entries for others": for_others,
    "old and linked entries": old_and_linked,
}
"""What is done to a sound cache, by name."""
