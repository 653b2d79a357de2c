"""What is in a cache by name: each entry with its subject, size and age."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, NamedTuple

from pipmend import codings, crew, entries, examine, scan, subjects, walk
from pipmend._compat.layouts import WHEELS, Layout, Place, name_of, place_in
from pipmend.addresses import Addresses
from pipmend.observation import LARGEST_PAGE
from pipmend.subjects import Kind
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipmend.entries import Stamp
    from pipmend.scan import Judged
    from pipmend.subjects import Subject
    from pipmend.walk import Shard


class Listed(NamedTuple):
    """An entry or built wheel and what it is; it was not judged."""

    place: Place
    stamp: Stamp
    subject: Subject


def list_shard(shard: Shard) -> list[Listed]:
    """Name everything in a shard; what cannot be read is left out."""
    found = (_listed(met) for met in walk.walk(shard) if isinstance(met, Place))
    return [listed for listed in found if listed is not None]


def urls_of(
    cache_root: Path, named: Sequence[Judged], index_urls: Sequence[str], jobs: int
) -> dict[str, str]:
    """Find the URLs of entries, as far as the rest of the cache gives them away.

    First where their own content points to; then, for those that could not say what
    they are, everywhere.

    Returns:
        URLs without credentials by name on disk. Each one is certain, since the name
        on disk is a digest of the URL.
    """
    addresses = Addresses(judged.place.name for judged in named)
    for judged in named:
        project = judged.subject.project
        if project is not None:
            addresses.offer_project(project, index_urls)
            _offer_pages_of(project, cache_root, addresses, index_urls)
    nameless = frozenset(
        judged.place.name
        for judged in named
        if judged.subject.project is None and judged.place.name not in addresses.found
        if judged.place.directory.name != WHEELS
    )
    found = dict(addresses.found)
    if nameless:
        work = functools.partial(
            resolve_shard, wanted=nameless, index_urls=tuple(index_urls)
        )
        for more in crew.each(work, walk.shards(cache_root), jobs):
            found.update(more)
    return found


def resolve_shard(
    shard: Shard, wanted: frozenset[str], index_urls: tuple[str, ...]
) -> dict[str, str]:
    """Find URLs of entries among the links and projects that a shard's entries name.

    Args:
        shard: where to look.
        wanted: names on disk of the entries whose URLs are sought.
        index_urls: the indexes that pages may have come from.

    Returns:
        URLs without credentials by name on disk; each one is certain, since the
        name on disk is a digest of the URL.
    """
    addresses = Addresses(wanted)
    for met in walk.walk(shard):
        if isinstance(met, Place):
            _offer(met, addresses, index_urls)
    return addresses.found


def _listed(place: Place) -> Listed | None:
    try:
        return _named(place)
    except OSError:
        return None


def _named(place: Place) -> Listed | None:
    if place.directory.name == WHEELS:
        stamp = entries.stamp_of(place)
        return Listed(place, stamp, subjects.of_built(place.metadata))
    entry = entries.open_entry(place)
    if entry is None:
        return None
    try:
        stored = examine.read_metadata(entry)
        return Listed(place, entry.stamp, scan.subject_of(entry, stored))
    except OSError:
        return Listed(place, entry.stamp, scan.UNNAMED)
    finally:
        entry.close()


def _offer_pages_of(
    project: str, cache_root: Path, addresses: Addresses, index_urls: Iterable[str]
) -> None:
    """Offer the links of a project's cached pages."""
    for url in index_urls:
        page = f"{url}{project}/"
        name = name_of(page)
        for layout in Layout:
            with contextlib.suppress(OSError, codings.CodingError):
                _offer_links(place_in(layout, cache_root, name), addresses, page)


def _offer(place: Place, addresses: Addresses, index_urls: Iterable[str]) -> None:
    listed = _listed(place)
    if listed is None:
        return
    project = listed.subject.project
    if project is not None:
        addresses.offer_project(project, index_urls)
    if listed.subject.kind is Kind.PAGE:
        # Links may be relative: to the page itself, if that can be told.
        pages = (f"{url}{project}/" for url in index_urls)
        base = next((url for url in pages if name_of(url) == place.name), None)
        with contextlib.suppress(OSError, codings.CodingError):
            _offer_links(place, addresses, base)


def _offer_links(place: Place, addresses: Addresses, base: str | None) -> None:
    entry = entries.open_entry(place)
    if entry is None:
        return
    try:
        stored = examine.read_metadata(entry)
        if not isinstance(stored, Verdict):
            coding = stored.field("content-encoding").strip().lower()
            body = examine.body_file(entry, stored)
            content = codings.whole(body, coding, LARGEST_PAGE) or b""
            addresses.offer_page(content, stored.field("content-type"), base)
    finally:
        entry.close()
