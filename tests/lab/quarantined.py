"""Real items of a quarantine: made entries, broken, judged and enforced."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from judging import verdict_on
from lab import cache_files
from lab.made_cache import HOST, MadeCache
from pipmend import enforce, entries, events, evidence, wheels
from pipmend._compat import layouts
from pipmend.entries import Stamp
from pipmend.verdicts import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from pipmend._compat.layouts import Place
    from pipmend.evidence import Evidence
    from pipmend.verdicts import Verdict

SECRET = "hunter2-secret"  # noqa: S105
"""Part of each URL; it must never be seen again."""


@dataclass(frozen=True)
class Quarantined:
    """A broken entry that was moved, and what it was before it broke."""

    place: Place
    item_id: str
    healthy: Path
    """A folder with the files of the entry as they were, under the item's names."""

    @property
    def cache_root(self) -> Path:
        """The folder of the cache."""
        return self.place.cache_root

    @property
    def item(self) -> Evidence:
        """The item as it is now."""
        return evidence.find([self.cache_root], self.item_id)

    def mend(self) -> None:
        """Have the item's files as they were before the entry broke."""
        for file in self.healthy.iterdir():
            shutil.copy2(file, self.item.folder / file.name)
        cache_files.age(self.item.folder)


def halve(path: Path) -> None:
    """Cut a file to its first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def quarantined(
    cache: MadeCache,
    path: str,
    body: bytes,
    *,
    break_it: Callable[[HttpEntry], None] | None = None,
    headers: dict[str, str] | None = None,
) -> Quarantined:
    """Store a response, break it, and have it moved by the ordinary road.

    Args:
        cache: where.
        path: of the URL.
        body: of the response.
        break_it: how; the last file of the entry loses its second half if not given.
        headers: more fields of the response.
    """
    entry = cache.add(path, body, headers=headers)
    place = _place_of(entry, cache)
    kept = _kept(place, cache.root)
    (break_it or (lambda broken: halve(broken.files[-1])))(entry)
    cache_files.age(entry)
    return _enforced(place, verdict_on(place), f"{HOST}{path}?token={SECRET}", kept)


def quarantined_wheel(
    cache_root: Path, name: str, content: bytes, broken: bytes
) -> Quarantined:
    """The same for a file of the wheel cache."""
    folder = cache_root / "wheels" / "0a" / "1b" / "2c" / ("3d" * 25)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    place = wheels.place_of(cache_root, path)
    kept = _kept(place, cache_root)
    path.write_bytes(broken)
    is_origin = name == wheels.ORIGIN_NAME
    judge = wheels.judge_origin if is_origin else wheels.judge_wheel
    return _enforced(place, judge(path), path.as_uri(), kept)


def _place_of(entry: HttpEntry, cache: MadeCache) -> Place:
    layout = layouts.Layout(cache.layout)
    return layouts.place_in(layout, cache.root, entry.metadata.name)


def _kept(place: Place, cache_root: Path) -> Path:
    folder = cache_root.with_name(f"{cache_root.name}-healthy") / place.name
    folder.mkdir(parents=True)
    shutil.copy2(place.metadata, folder / "metadata")
    if place.body is not None:
        shutil.copy2(place.body, folder / "body")
    return folder


def _enforced(place: Place, verdict: Verdict, url: str, kept: Path) -> Quarantined:
    assert verdict.outcome is Outcome.CORRUPT, verdict
    stamp = entries.stamp_of(place)
    if place.body is None:
        stamp = Stamp(stamp.metadata, None)
    log = events.EventLog(place.cache_root.with_name("log"))
    done = enforce.enforce(enforce.Finding(place, stamp, verdict, url), log, move=True)
    assert done is not None
    assert done.action is enforce.Action.QUARANTINED, done
    return Quarantined(place, done.id, kept)
