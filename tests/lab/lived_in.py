"""A cache that somebody has lived with: packages, damage, heals, and a past."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import packages
from lab.furnished import age, flip, rewrite
from lab.index_pages import json_page
from lab.index_style import IndexStyle
from lab.made_cache import HOST, PAGE_TYPE, MadeCache
from pipmend import events, survey
from pipmend.scan import Options
from pipmend.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lab.cache_files import HttpEntry
    from pipmend.events import EventLog

FIRST = ("amber", "basalt", "cedar", "drift", "ember", "flint", "grove", "heron")
SECOND = ("works", "kit", "lab", "store", "stream", "mesh", "types", "", "client")
NAMES = tuple(f"{first}-{second}".strip("-") for second in SECOND for first in FIRST)
"""Names of 72 projects, most bytes first."""

BROKEN = (0, 3, 30)
"""Which of their wheels are broken now."""
HEALED = (1, 5, 8)
"""Which broke earlier and have been fetched again."""

SECRET = "hunter2-secret"  # noqa: S105
HOSTILE = "<script>alert('owned')</script> \"&amp; \x1b[31m\u202egnp.exe\u2066\x00"
"""Whatever may not reach a page as it is."""

_LARGEST = 1_500_000
_DAYS_AGO = (26, 24, 17, 17, 10, 9, 9, 9, 9, 3, 2, 2)
"""When entries broke in the past that the log tells of."""
_REASONS = ("body-size", "metadata-undecodable", "page-incomplete", "body-digest")


@dataclass(frozen=True)
class LivedIn:
    """Such a cache, and the log beside it."""

    root: Path
    log: EventLog
    wheels: tuple[HttpEntry, ...]
    """One for each project, in order."""


def live(root: Path, log: EventLog) -> LivedIn:
    """Fill a cache folder and a log."""
    sealed, unsealed = MadeCache(root), MadeCache(root, sealed=False)
    wheels = [_stored(sealed, number, name) for number, name in enumerate(NAMES)]
    for number in range(4, 40, 5):
        source = packages.sdist(NAMES[number], "1.0", size=_size(number) * 3)
        sealed.add(f"/packages/{source.filename}", source.content)
    for number in range(6):
        unsealed.add(f"/blob/{number}", b"whatever " * 1000 * (number + 1))
    _build(root, NAMES[2], 900_000)
    _build(root, NAMES[20], 150_000)
    _litter(root)
    _remember(log, root)
    made = LivedIn(root, log, tuple(wheels))
    _break_and_heal(made, sealed)
    for number in BROKEN:
        _damage(wheels[number], number)
    return made


def _stored(cache: MadeCache, number: int, name: str) -> HttpEntry:
    """A project's page, and its wheel with its metadata."""
    wheel = packages.wheel(name.replace("-", "_"), "2.1", size=_size(number))
    page = json_page(name, [wheel], IndexStyle())
    cached = (
        cache.add(f"/simple/{name}/", page, media_type=PAGE_TYPE),
        cache.add(f"/packages/{wheel.filename}.metadata", wheel.metadata or b""),
        cache.add(f"/packages/{wheel.filename}", wheel.content),
    )
    for entry in cached:
        age(*entry.files, seconds=7200 + 86400 * (number * 7 % 90))
    return cached[-1]


def _size(number: int) -> int:
    return int(_LARGEST / (number + 1) ** 1.3) + 800


def _build(root: Path, name: str, size: int) -> None:
    """Put a wheel into the wheel cache."""
    stem = name.replace("-", "_")
    wheel = packages.wheel(stem, "3.0", size=size)
    folder = root.joinpath("wheels", "ab", "cd", "ef", f"{len(stem):050x}")
    folder.mkdir(parents=True)
    path = folder / wheel.filename
    path.write_bytes(wheel.content)
    age(path)


def _litter(root: Path) -> None:
    """Orphan bodies, what a failed write has left, and an empty folder."""
    folder = root / "http-v2" / "0" / "1" / "2" / "3" / "4"
    folder.mkdir(parents=True)
    for suffix in (".body", ".bodyabc.tmp"):
        path = folder / f"01234{'0' * 51}{suffix}"
        path.write_bytes(b"x" * 40_000)
        age(path)
    empty = root / "http-v2" / "0" / "9" / "9"
    empty.mkdir(parents=True)
    age(empty)


def _damage(entry: HttpEntry, number: int) -> None:
    assert entry.body is not None
    if number % 2:
        rewrite(entry.body, entry.body.read_bytes()[:1000])
    else:
        flip(entry.body)


def _break_and_heal(made: LivedIn, cache: MadeCache) -> None:
    """Break entries, have them quarantined for real, and store fresh ones."""
    whole = {}
    for number in HEALED:
        entry = made.wheels[number]
        assert entry.body is not None
        whole[number] = entry.body.read_bytes()
        _damage(entry, number)
    found = Survey(made.root, Options())
    list(found.run(found.shards, 1))
    repaired = [survey.repair(judged, made.log) for judged in found.corrupt]
    assert len(repaired) == len(HEALED)
    ids = {one.judged.place.metadata.name: one.done.id for one in repaired if one.done}
    for number, body in whole.items():
        path = f"/packages/{NAMES[number].replace('-', '_')}-2.1-py3-none-any.whl"
        entry = cache.add(path, body)
        event = events.EntryHealed(
            heals=ids[entry.metadata.name],
            subject=f"the cached file {path.rpartition('/')[2]}",
            url=HOST + path,
            entry=str(entry.metadata),
            bytes=len(body),
        )
        made.log.emit(event)
    survey.sweep(_only_temporary(found))


def _only_temporary(found: Survey) -> Survey:
    found.leftovers = [one for one in found.leftovers if one.path.suffix == ".tmp"]
    return found


def _remember(log: EventLog, root: Path) -> None:
    """Events of the last weeks, some of them hostile."""
    for number, days in enumerate(_DAYS_AGO):
        name = NAMES[number * 3]
        found = events.EntryCorrupt(
            id=f"20261101T000000Z-{number:08x}",
            action="quarantined",
            subject=f"the cached page of '{name}'",
            url=f"{HOST}/simple/{name}/",
            entry=str(root / "http-v2" / "a" / "b" / "c" / "d" / "e" / name),
            cache=str(root),
            bytes=4096,
            reason=_REASONS[number % len(_REASONS)],
            found=1024,
            expected=4096,
            evidence=None,
            stayed=None,
            pip_error=None,
            free_bytes=10**10,
        )
        if number == len(_DAYS_AGO) - 1:
            found = found._replace(
                subject=HOSTILE,
                url=f"https://user:{SECRET}@index.example/x?token={SECRET}",
                found=HOSTILE,
                expected=f"https://user:{SECRET}@index.example/",
                reason="a-reason-of-tomorrow",
            )
        healed = events.EntryHealed(
            found.id, found.subject, found.url, found.entry, 4200
        )
        is_healed = number % 4 != 1
        append(log, [found, healed] if is_healed else [found], days)
    log.emit(events.RepeatOffender(str(root), "5 entries of this cache broke"))
    with log.path.open("ab") as file:
        file.write(b"torn\n")


def append(
    log: EventLog, told: Iterable[events.EntryCorrupt | events.EntryHealed], days: float
) -> None:
    """Record events as of some days ago."""
    log.path.parent.mkdir(parents=True, exist_ok=True)
    before = log.path.read_bytes() if log.path.exists() else b""
    for event in told:
        log.emit(event)
    lines = log.path.read_bytes()[len(before) :].splitlines()
    for number, line in enumerate(lines):
        event = json.loads(line)
        moment = dt.datetime.fromisoformat(event["at"]) - dt.timedelta(days=days)
        event["at"] = (moment + dt.timedelta(seconds=number)).isoformat()
        before += json.dumps(event).encode() + b"\n"
    log.path.write_bytes(before)
