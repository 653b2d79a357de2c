"""What ``pipmend quarantine`` prints: items in words, and as records."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, NamedTuple

from pipmend import evidence, explanations
from pipmend.cli import output
from pipmend.evidence import EvidenceError
from pipmend.quarantine import Kind
from pipmend.units import counted
from pipmend.verdicts import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipmend.evidence import Evidence, Purged, Restored
    from pipmend.explanations import Explanation
    from pipmend.verdicts import Measure, Verdict

_MOST_SHOWN = 20
"""Files that are listed for a person; JSON has more, up to the next bound."""
_MOST_RECORDED = 1000


class Told(NamedTuple):
    """What can be said about an item beyond what it says itself."""

    verdict: Verdict | None
    """On it as it lies there now."""
    unjudged: str | None
    """Why there is no verdict."""
    explanation: Explanation | None
    """Of the reason for which it was moved."""


def say_table(root: Path, found: list[Evidence], *, is_only: bool) -> None:
    """Print the items of one cache, named unless it is the only one."""
    if not is_only:
        output.say(f"In {root}")
    for line in output.table(_rows(found), right=frozenset({1, 2})):
        output.say(line)
    output.say()


def _rows(found: Iterable[Evidence]) -> Iterator[tuple[str, ...]]:
    yield ("id", "age", "size", "reason", "subject")
    for item in found:
        reason = item.reason or item.kind.value
        yield (
            item.id,
            _age(item),
            output.size_text(item.bytes),
            reason,
            subject_of(item),
        )


def told_of(item: Evidence) -> Told:
    """Judge an item as it lies there, and explain why it was moved."""
    reason = _reason(item.reason)
    explanation = None if reason is None else explanations.EXPLANATIONS[reason]
    try:
        return Told(evidence.judge(item), None, explanation)
    except (EvidenceError, OSError) as error:
        return Told(None, str(error), explanation)


def say_details(item: Evidence, told: Told) -> None:
    """Print everything that is known of an item, and what to do with it."""
    output.say(subject_of(item))
    for label, value in _facts(item, told):
        output.say(f"  {label:<13} {value}")
    output.say("  files")
    for line in _file_lines(item):
        output.say(f"    {line}")
    output.say(_advice(item, told))


def _facts(item: Evidence, told: Told) -> Iterator[tuple[str, str]]:
    yield "id", item.id
    if item.quarantined_at is not None:
        moment = output.moment_text(item.quarantined_at)
        yield "quarantined", f"{moment}, {_age(item)} ago"
    if item.url is not None:
        yield "url", item.url
    if item.entry is not None:
        yield "was at", item.entry
    if item.problem is not None:
        yield "unreadable", item.problem
    yield from _why(item, told)
    if item.is_cut:
        size = "an unknown size" if item.body_size is None else f"{item.body_size:,} B"
        yield "body", f"too large to keep: only head and tail of {size} are here"
        yield "body sha256", item.body_sha256 or "not recorded"
    if told.verdict is not None:
        yield "judged now", f"{told.verdict.outcome.value}{_summary(told.verdict)}"
    elif item.kind is Kind.ENTRY:
        yield "judged now", f"not: {told.unjudged}"
    yield "folder", str(item.folder)


def _why(item: Evidence, told: Told) -> Iterator[tuple[str, str]]:
    if item.reason is not None:
        sentence = f": {told.explanation.sentence}" if told.explanation else ""
        yield "reason", f"{item.reason}{sentence}"
    if item.found is not None:
        yield "found", _measure(item.found)
    if item.expected is not None:
        yield "expected", _measure(item.expected)
    if told.explanation is not None:
        yield "likely cause", told.explanation.cause
        yield "what to do", told.explanation.next_step


def _file_lines(item: Evidence) -> Iterator[str]:
    files = evidence.files_of(item)
    shown = list(itertools.islice(files, _MOST_SHOWN))
    rows = [
        (kept.path, "no file" if kept.size is None else output.size_text(kept.size))
        for kept in shown
    ]
    yield from output.table(rows, right=frozenset({1}))
    more = sum(1 for _ in files)
    if more:
        yield f"and {counted(more, 'more file')}"


def _advice(item: Evidence, told: Told) -> str:
    name = f"pipmend quarantine restore {item.id}"
    if told.verdict is not None and told.verdict.outcome is Outcome.INTACT:
        return f"It judges intact: put it back with: {name} --into-cache"
    if item.kind is Kind.LEFTOVERS:
        return f"Put them back with: {name} --into-cache"
    return f"Look at its files with: {name}"


def details(item: Evidence, told: Told) -> dict[str, object]:
    """Everything that is known of an item, for JSON."""
    files = evidence.files_of(item)
    shown = [
        {"path": kept.path, "bytes": kept.size}
        for kept in itertools.islice(files, _MOST_RECORDED)
    ]
    verdict = told.verdict
    return {
        **item.as_record(),
        "contents": shown,
        "contents_left_out": sum(1 for _ in files),
        "judged": verdict
        and {
            "outcome": verdict.outcome.value,
            "reason": verdict.reason and verdict.reason.value,
            "summary": verdict.summary,
        },
        "unjudged": told.unjudged,
        "explanation": told.explanation and told.explanation._asdict(),
    }


def restored_record(
    item: Evidence, folder: Path, restored: Restored, *, into_cache: bool
) -> dict[str, object]:
    """What was restored, for JSON."""
    return {
        "id": item.id,
        "cache": str(item.cache_root),
        "into_cache": into_cache,
        "folder": str(folder.absolute()),
        "files": [str(path.absolute()) for path in restored.files],
        "skipped": list(restored.skipped),
    }


def say_put_back(item: Evidence, restored: Restored) -> None:
    """Print what is in the cache again."""
    if restored.files:
        output.say(f"Put back {subject_of(item)}:")
        say_some(str(path) for path in restored.files)
    if restored.skipped:
        output.say("These stayed in quarantine; restore them to a folder, or purge it:")
        say_some(restored.skipped)
    elif item.kind is Kind.ENTRY:
        output.say("It is no longer in quarantine; pip will find it in its cache.")
        output.say("A pip with pipmend judges it again before it is used.")
    else:
        output.say("They are no longer in quarantine.")


def say_copied(item: Evidence, folder: Path, restored: Restored) -> None:
    """Print what is in a folder now."""
    output.say(f"Copied {subject_of(item)} to {folder}:")
    say_some(path.relative_to(folder).as_posix() for path in restored.files)
    if restored.skipped:
        output.say(f"Not copied, look at them in {item.folder}:")
        say_some(restored.skipped)
    output.say("Quarantine and cache are as before. To delete the item:")
    output.say(f"  pipmend quarantine purge {item.id}")


def say_purged(purged: Purged, *, dry_run: bool) -> None:
    """Print what was deleted, or would be."""
    what = counted(len(purged.items), "item")
    size = output.size_text(purged.bytes)
    if not purged.items and not purged.stayed:
        output.say("There is nothing of that kind in quarantine.")
    elif dry_run:
        output.say(f"Would delete {what}, {size}; nothing was deleted:")
        say_some(f"{item.id}  {subject_of(item)}" for item in purged.items)
    else:
        output.say(f"Deleted {what}, {size}.")
    for problem in purged.stayed:
        output.warn(f"could not delete {problem}; do: close what uses it, and repeat")


def subject_of(item: Evidence) -> str:
    """An item in words."""
    if item.kind is Kind.LEFTOVERS:
        return item.subject or f"leftovers: {counted(item.files, 'file')}"
    return item.subject or item.problem or "an entry that does not say its name"


def _age(item: Evidence) -> str:
    if item.quarantined_at is None:
        return "?"
    return output.age_text(time.time() - item.quarantined_at)


def _summary(verdict: Verdict) -> str:
    return "" if verdict.reason is None else f", {verdict.summary}"


def _measure(value: Measure) -> str:
    return f"{value:,} bytes" if isinstance(value, int) else str(value)


def say_some(lines: Iterable[str]) -> None:
    """Print the first of many lines, indented, and how many more there are."""
    rest = iter(lines)
    for line in itertools.islice(rest, _MOST_SHOWN):
        output.say(f"  {line}")
    more = sum(1 for _ in rest)
    if more:
        output.say(f"  and {more:,} more")


def _reason(code: str | None) -> Reason | None:
    try:
        return Reason(code)
    except ValueError:
        return None  # of a later pipmend, or none at all
