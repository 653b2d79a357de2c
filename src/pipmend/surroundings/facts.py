"""What was found out, value by value, for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipmend.surroundings.cache import Surroundings
    from pipmend.surroundings.environments import Pip
    from pipmend.surroundings.mounts import FileSystem
    from pipmend.surroundings.samples import Moment, Seen


class Fact(NamedTuple):
    """One value, for other programs."""

    name: str
    value: str | float | bool | None
    """None if this system does not tell, or there is none."""
    unit: str | None = None
    """``bytes``, ``inodes``, ``files``, ``folders``, or ``seconds`` since 1970."""
    where: Path | None = None
    """The file, folder or environment that it is about, if not the cache folder."""


def facts_of(around: Surroundings) -> list[Fact]:
    """What was found out about a cache folder, value by value."""
    sample = around.sample
    newest = max(sample.newest.values(), default=None)
    return [
        Fact("real-path", str(around.real)),
        *_facts_of_system(around.file_system),
        Fact("linked", around.is_linked),
        Fact("owner", around.owner),
        Fact("user", around.me),
        Fact("used-by-pip", around.used_by_pip),
        Fact("writable", around.writable),
        Fact("looked-at", sample.looked_at, "files"),
        _fact_of("owned-by-others", sample.of_others, "files"),
        _fact_of("not-writable", sample.not_writable, "folders"),
        _fact_of("writable-by-all", sample.open_to_all, "folders"),
        _fact_of("newest-file", newest, "seconds"),
        _fact_of("newest-answer", sample.newest_date, "seconds"),
    ]


def facts_of_pips(pips: Iterable[Pip]) -> list[Fact]:
    """Each pip, and whether pipmend is loaded with it."""
    return [
        fact
        for pip in pips
        for fact in (
            Fact("pip", pip.version, None, pip.prefix),
            Fact("hook", pip.has_hook, None, pip.prefix),
        )
    ]


def _facts_of_system(system: FileSystem) -> list[Fact]:
    mount = system.mount
    return [
        Fact("free-bytes", system.free_bytes, "bytes"),
        Fact("total-bytes", system.total_bytes, "bytes"),
        Fact("free-inodes", system.free_inodes, "inodes"),
        Fact("total-inodes", system.total_inodes, "inodes"),
        Fact("read-only", system.read_only),
        Fact("mount-type", mount and mount.type),
        Fact("mount-point", str(mount.point) if mount else None),
        Fact("mount-source", mount and mount.source),
        Fact("mount-options", ",".join(mount.options) if mount else None),
    ]


def _fact_of(name: str, found: Seen | Moment | None, unit: str) -> Fact:
    return Fact(name, found and found[0], unit, found and found[1])
