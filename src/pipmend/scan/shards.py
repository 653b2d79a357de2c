"""One shard of a cache: every entry judged or remembered, everything else counted."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pipmend import entries
from pipmend._compat.layouts import Place
from pipmend.archives import Depth
from pipmend.scan.judging import judge
from pipmend.scan.values import Group, Judged, Scanned, Tally
from pipmend.verified import Memory, Standing, Store, fingerprint
from pipmend.walk import Leftover, LeftoverKind, Shard, Trouble, walk

if TYPE_CHECKING:
    from pipmend.entries import Stamp
    from pipmend.scan.values import Options

_STANDINGS: dict[Group, Standing] = {
    Group.INTACT: Standing.INTACT,
    Group.NOT_JUDGED: Standing.NOT_JUDGED,
}
_GROUP_OF = {standing: group for group, standing in _STANDINGS.items()}


def scan_shard(shard: Shard, options: Options) -> Scanned:
    """Judge every entry of a shard, and count what is left over."""
    return _ShardScan(shard, options).run()


class _ShardScan:
    """One scan of one shard."""

    def __init__(self, shard: Shard, options: Options) -> None:
        self._shard = shard
        self._options = options
        self._tally = Tally()
        self._judged: list[Judged] = []
        self._leftovers: list[Leftover] = []
        self._troubles: list[Trouble] = []
        self._store: Store | None = None
        self._known: Memory = {}
        self._met: Memory = {}
        if options.memory_folder is not None:
            is_deep = options.depth is not Depth.QUICK
            self._store = Store(options.memory_folder, shard.cache_root, deep=is_deep)
            if not options.reads_all:
                self._known = self._store.load(shard.name)

    def run(self) -> Scanned:
        for met in walk(self._shard):
            if isinstance(met, Place):
                self._meet(met)
            elif isinstance(met, Leftover):
                self._leftovers.append(met)
                self._tally.count_leftover(met.kind, met.size)
            elif isinstance(met, Trouble):
                self._troubles.append(met)
            else:
                self._tally.foreign += 1
        self._keep_memory()
        return Scanned(
            self._tally,
            tuple(self._judged),
            tuple(self._leftovers),
            tuple(self._troubles),
        )

    def _meet(self, place: Place) -> None:
        try:
            stamp = entries.stamp_of(place)
            if stamp.metadata is None:
                return  # moved by somebody else meanwhile
            if self._shard.layout in self._options.unread:
                self._tally.count_leftover(LeftoverKind.OLD_GENERATION, stamp.size)
            if stamp.modified < self._options.modified_since:
                self._tally.passed_over += 1
            elif not self._known or not self._remembers(place, stamp):
                self._judge(place, stamp)
        except OSError as error:
            self._troubles.append(Trouble.of(place.metadata, error))

    def _remembers(self, place: Place, stamp: Stamp) -> bool:
        key = fingerprint(place, stamp)
        standing = self._known.get(key)
        if standing is None:
            return False
        self._met[key] = standing
        self._tally.unchanged += 1
        self._tally.count(_GROUP_OF[standing], stamp.size)
        return True

    def _judge(self, place: Place, stamp: Stamp) -> None:
        judged = judge(place, self._options.depth, stamp)
        if judged is None:
            return
        self._tally.count(judged.group, judged.stamp.size)
        self._tally.read_bytes += judged.stamp.size
        standing = _STANDINGS.get(judged.group)
        if standing is None:
            self._judged.append(judged)
            self._tally.count_reason(judged)
        elif not judged.stamp.is_fresh:
            self._met[fingerprint(place, judged.stamp)] = standing

    def _keep_memory(self) -> None:
        # What was passed over, or could not be looked at, stays known.
        is_partial = bool(self._options.modified_since or self._troubles)
        memory = {**self._known, **self._met} if is_partial else self._met
        if self._store is not None and memory != self._known:
            # A scan that cannot remember is a whole scan all the same.
            with contextlib.suppress(OSError):
                self._store.save(self._shard.name, memory)
