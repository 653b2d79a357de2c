"""What ``pipmend scan`` prints: text for people, JSON Lines for programs."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING, Protocol

from pipmend._compat import caches
from pipmend.cli import cache_option, output
from pipmend.enforce import Action
from pipmend.scan import Count, Group
from pipmend.walk import LeftoverKind

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipmend._compat.caches import CacheFolder
    from pipmend.scan import Judged
    from pipmend.survey import Repaired, Survey, Swept
    from pipmend.walk import Leftover

_MOST_LEFTOVERS = 20
"""Leftovers that people are shown one by one."""

_LEFTOVER_WORDS = {
    LeftoverKind.ORPHAN_BODY: "bodies without metadata",
    LeftoverKind.TEMPORARY_FILE: "files of failed writes",
    LeftoverKind.EMPTY_FOLDER: "empty folders",
    LeftoverKind.OLD_GENERATION: "entries that no pip here reads",
}


class Output(Protocol):
    """What is told of a scan, in this order."""

    def begin(self, folder: CacheFolder) -> None:
        """The scan of a cache begins."""

    def finding(self, judged: Judged, *, would_move: bool) -> None:
        """A corrupt entry that stays where it is."""

    def repaired(self, repaired: Repaired) -> None:
        """A corrupt entry that was acted on."""

    def leftover(self, leftover: Leftover, *, would_move: bool) -> None:
        """A file or folder that nothing needs."""

    def swept(self, swept: Swept) -> None:
        """Leftovers were moved."""

    def end(self, survey: Survey, arguments: argparse.Namespace) -> None:
        """The summary, also of a scan that was cut off."""


class JsonOutput:
    """JSON Lines, as ``schemas/scan.json`` describes them."""

    def begin(self, folder: CacheFolder) -> None:
        """Take note of the cache."""
        self._cache = str(folder.path)
        self._swept: Swept | None = None
        self._actions = dict.fromkeys((action.value for action in Action), 0)

    def finding(self, judged: Judged, *, would_move: bool) -> None:
        """A corrupt entry that stays where it is."""
        self._finding(judged, {"action": "would-quarantine" if would_move else None})

    def repaired(self, repaired: Repaired) -> None:
        """A corrupt entry that was acted on."""
        done = repaired.done
        if done is None:
            self._finding(repaired.judged, {"action": "gone"})
            return
        self._actions[done.action.value] += 1
        fields = {
            "action": done.action.value,
            "id": done.id,
            "evidence": str(done.evidence) if done.evidence else None,
            "stayed": done.stayed,
            "unlogged": done.unlogged,
        }
        self._finding(repaired.judged, fields)

    def leftover(self, leftover: Leftover, *, would_move: bool) -> None:
        """A file or folder that nothing needs."""
        fields = {
            "cache": self._cache,
            "kind": leftover.kind.value,
            "path": str(leftover.path),
            "bytes": leftover.size,
            "modified": output.moment_text(leftover.identity.modified_ns / 1e9),
            "action": "would-quarantine" if would_move else None,
        }
        output.record("leftover", fields)

    def swept(self, swept: Swept) -> None:
        """Leftovers were moved."""
        self._swept = swept

    def end(self, survey: Survey, arguments: argparse.Namespace) -> None:
        """The summary."""
        del arguments
        for trouble in survey.troubles:
            fields = {"cache": self._cache, **trouble._asdict()}
            output.record("trouble", fields)
        output.record("summary", {"cache": self._cache, **self._summary(survey)})

    def _finding(self, judged: Judged, fields: Mapping[str, object]) -> None:
        verdict = judged.verdict
        about = {
            "cache": self._cache,
            "entry": str(judged.place.metadata),
            "reason": verdict.reason.value if verdict.reason else None,
            "found": verdict.found,
            "expected": verdict.expected,
            "words": verdict.summary,
            "subject": judged.subject.as_record(),
            "bytes": judged.stamp.size,
            "modified": output.moment_text(judged.stamp.modified),
        }
        output.record("finding", {**about, **fields})

    def _summary(self, survey: Survey) -> dict[str, object]:
        tally, swept = survey.tally, self._swept
        return {
            "complete": survey.is_complete,
            **{
                group.value: _count(tally.groups.get(group, Count())) for group in Group
            },
            "reasons": {
                reason.value: number
                for reason, number in sorted(
                    tally.reasons.items(), key=lambda item: item[0].value
                )
            },
            "leftovers": {
                kind.value: _count(tally.leftovers.get(kind, Count()))
                for kind in LeftoverKind
            },
            "unchanged": tally.unchanged,
            "passed_over": tally.passed_over,
            "foreign": tally.foreign,
            "read_bytes": tally.read_bytes,
            "seconds": round(survey.seconds, 3),
            "actions": self._actions,
            "swept": None if swept is None else swept._asdict(),
        }


class TextOutput:
    """Lines for people."""

    def begin(self, folder: CacheFolder) -> None:
        """Take note of the cache."""
        output.say(f"{folder.path}  ({folder.source})")
        if not caches.is_cache(folder.path):
            output.say(f"  nothing of pip's is here: no {', '.join(caches.PARTS)}")
        if caches.is_of_library(folder.path):
            output.say(
                "  a cache of another program, which is judged while that loads it"
            )
            output.say("  (PIPMEND_TARGETS=pip,cachecontrol)")
        self._root = folder.path
        self._quarantined = self._leftovers = 0

    def finding(self, judged: Judged, *, would_move: bool) -> None:
        """A corrupt entry that stays where it is."""
        word = "would move" if would_move else "corrupt"
        self._line(word, judged, _below(judged.place.metadata, self._root))

    def repaired(self, repaired: Repaired) -> None:
        """A corrupt entry that was acted on."""
        done = repaired.done
        if done is None:
            self._line("gone", repaired.judged, "another process was faster")
        elif done.stayed is not None:
            self._line("not moved", repaired.judged, done.stayed)
        else:
            self._quarantined += 1
            self._line("quarantined", repaired.judged, done.id)
        if done is not None and done.unlogged is not None:
            output.warn(f"the event was not recorded: {done.unlogged}")

    def leftover(self, leftover: Leftover, *, would_move: bool) -> None:
        """A file or folder that nothing needs."""
        self._leftovers += 1
        if self._leftovers <= _MOST_LEFTOVERS:
            word = "would move" if would_move else "leftover"
            path = _below(leftover.path, self._root)
            output.say(f"  {word:<11}  {leftover.kind.value}: {path}")
        elif self._leftovers == _MOST_LEFTOVERS + 1:
            output.say("  ...          more of these; --json names all")

    def swept(self, swept: Swept) -> None:
        """Leftovers were moved."""
        size = output.size_text(swept.size)
        where = f" to quarantine, as {swept.id}" if swept.id else ""
        line = f"moved {swept.files:,} files ({size}){where}"
        line += f"; removed {swept.folders:,} empty folders"
        line += f"; {swept.stayed:,} stayed" if swept.stayed else ""
        output.say(f"  swept        {line}")

    def end(self, survey: Survey, arguments: argparse.Namespace) -> None:
        """The summary."""
        for trouble in survey.troubles:
            output.warn(f"{trouble.path}: {trouble.problem}")
        for line in output.table(_rows(survey), right=frozenset({1, 3})):
            print(f"  {line}")
        output.say(f"  {_footer(survey)}")
        for line in self._advice(survey, arguments):
            output.say(line)

    def _line(self, word: str, judged: Judged, detail: str) -> None:
        age = output.age_text(time.time() - judged.stamp.modified)
        size = output.size_text(judged.stamp.size)
        output.say(
            f"  {word:<11}  {judged.subject.words}: {judged.verdict.summary}"
            f"  ({size}, {age} old)  {detail}"
        )

    def _advice(self, survey: Survey, arguments: argparse.Namespace) -> Iterator[str]:
        corrupt, same = len(survey.corrupt), cache_option.repeated(arguments)
        root = f" {shlex.quote(str(survey.cache_root))}" if same else ""
        if corrupt and not arguments.fix:
            these = "this entry" if corrupt == 1 else f"these {corrupt:,} entries"
            yield f"To move {these} to quarantine: pipmend scan --fix{root}"
        if self._quarantined:
            yield (
                "pip fetches what was moved when it needs it. To look at it, or to"
                f" put it back: pipmend quarantine list{same}"
            )
        if corrupt and not self._quarantined:
            yield f"To see what is wrong with one: pipmend explain ENTRY{same}"
        if survey.tally.leftovers and not arguments.sweep:
            yield f"To move the leftovers, too: pipmend scan --sweep{root}"


def _rows(survey: Survey) -> Iterator[tuple[str, ...]]:
    tally = survey.tally
    for group in Group:
        count = tally.groups.get(group, Count())
        if count.items or group in {Group.INTACT, Group.CORRUPT}:
            label = group.value.replace("_", " ")
            yield _row(label, count, "entries", _remark(group, survey))
    if tally.leftovers:
        total = Count()
        for count in tally.leftovers.values():
            total = total.plus(*count)
        kinds = (
            f"{_LEFTOVER_WORDS[kind]} {count.items:,}"
            for kind, count in tally.leftovers.items()
        )
        yield _row("leftovers", total, "items", ", ".join(kinds))


def _row(label: str, count: Count, unit: str, remark: str) -> tuple[str, ...]:
    return label, f"{count.items:,}", unit, output.size_text(count.size), remark


def _remark(group: Group, survey: Survey) -> str:
    if group is Group.CORRUPT:
        reasons = survey.tally.reasons.items()
        ordered = sorted(reasons, key=lambda item: -item[1])
        return ", ".join(f"{reason.value} {number:,}" for reason, number in ordered)
    if group is Group.NOT_JUDGED:
        return "nothing vouches for their bytes"
    return ""


def _footer(survey: Survey) -> str:
    tally = survey.tally
    words = f"{tally.entries:,} entries in {survey.seconds:.1f} s"
    if tally.unchanged:
        words += f"; {tally.unchanged:,} unchanged since they were verified"
    if tally.passed_over:
        words += f"; {tally.passed_over:,} older ones passed over"
    if tally.foreign:
        words += f"; {tally.foreign:,} files that are not pip's left alone"
    if not survey.is_complete:
        words += "; NOT COMPLETE"
    return words


def _below(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)


def _count(count: Count) -> dict[str, int]:
    return {"items": count.items, "bytes": count.size}
