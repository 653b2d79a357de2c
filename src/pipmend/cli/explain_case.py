"""What ``pipmend explain`` finds out: everything that is known of one entry."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import (
    config,
    damage,
    entries,
    events,
    evidence,
    examine,
    quarantine,
    scan,
    survey,
    urls,
)
from pipmend._compat import caches
from pipmend._compat.layouts import WHEELS, Layout, Place, name_of, place_at, place_in
from pipmend.archives import Depth
from pipmend.cli import cache_option, output
from pipmend.cli.events import document
from pipmend.errors import UsageError
from pipmend.scan import Group
from pipmend.verdicts import Reason, Verdict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import BinaryIO

    from pipmend.damage import Spot
    from pipmend.entries import OpenEntry
    from pipmend.evidence import Evidence
    from pipmend.metadata import StoredResponse
    from pipmend.seals import Seal

_NAME = re.compile(r"[0-9a-f]{56}")
_SHOWN_FIELDS = (
    "content-type",
    "content-length",
    "content-encoding",
    "etag",
    "date",
    "last-modified",
    "cache-control",
)


@dataclass
class Case:
    """Everything that is known of one entry."""

    subject: str
    facts: dict[str, object] = field(default_factory=dict)
    """In the order in which they are shown."""
    verdict: str = "unknown"
    reason: Reason | None = None
    found: object = None
    expected: object = None
    spot: Spot | None = None
    part: str | None = None
    """The file of the spot: metadata or body."""
    dump: list[str] = field(default_factory=list)
    done: str | None = None
    events: list[dict[str, object]] = field(default_factory=list)

    @property
    def is_corrupt(self) -> bool:
        """Whether it is broken where it lies, in its cache or in quarantine."""
        return self.verdict == Group.CORRUPT.value


def case_of(text: str, arguments: argparse.Namespace) -> Case:
    """What is known of an entry.

    Args:
        text: the entry, in one of the ways of `pipmend explain --help`.
        arguments: with the caches, as ``cache_option`` declares them.

    Raises:
        UsageError: there is no such entry, event or item.
        OSError: a file cannot be read.
    """
    path = Path(text).expanduser()
    if path.is_absolute() or path.exists():
        place = place_at(path.absolute())
        if place is None:
            raise UsageError(f"{path} is no file of a pip cache")
        return _case_of_places([place], text)
    roots = cache_option.roots_with_quarantines(arguments)
    for root in roots:
        # As `scan` shows it.
        if path.parts[0] in caches.PARTS and (root / path).exists():
            return case_of(str(root / path), arguments)
    name = name_of(text.partition("#")[0]) if "://" in text else text
    if _NAME.fullmatch(name):
        places = [place_in(layout, root, name) for root in roots for layout in Layout]
        return _case_of_places(places, text)
    return _case_of_id(text, roots)


def _case_of_places(places: Sequence[Place], text: str) -> Case:
    for place in places:
        case = _case_of_place(place)
        if case is not None:
            case.events = _events_about(str(place.metadata))
            return case
    raise UsageError(
        f"nothing is stored for {urls.without_credentials(text)!a}; "
        f"to see what there is: pipmend list --entries"
    )


def _case_of_place(place: Place) -> Case | None:
    judged = scan.judge_and_name(place, Depth.FULL)
    if judged is None:
        return None
    (judged,) = survey.named(place.cache_root, [judged], caches.index_urls(), 1)
    facts: dict[str, object] = {
        "entry": str(place.metadata),
        "url": judged.subject.url,
        "bytes": judged.stamp.size,
        "modified": output.moment_text(judged.stamp.modified),
    }
    case = Case(judged.subject.words, facts)
    _take_verdict(case, judged.verdict, judged.group)
    if scan.is_left_alone(place, judged.stamp):
        facts["left alone"] = "a link out of the cache, or larger than anything is"
        return case
    if place.directory.name == WHEELS:
        with entries.open_regular(place.metadata) as file:
            _locate_in_file(case, file)
        return case
    entry = entries.open_entry(place)
    if entry is not None:
        with contextlib.closing(entry):
            _look_into(case, entry)
    return case


def _case_of_id(text: str, roots: Sequence[Path]) -> Case:
    told = [event for event in _all_events() if _is_called(event, text)]
    try:
        item = evidence.find(roots, text)
    except evidence.EvidenceError as error:
        if not told:
            message = f"there is no entry, event or item {text!a}: {error}"
            raise UsageError(message) from error
        return _case_of_events(told)
    case = _case_of_item(item)
    case.events = told
    return case


def _case_of_events(told: list[dict[str, object]]) -> Case:
    event = told[0]
    case = Case(str(event.get("subject")), {"entry": str(event.get("entry"))})
    case.reason = _reason(event.get("reason"))
    case.found, case.expected = (
        value if isinstance(value, (int, str)) else None
        for value in (event.get("found"), event.get("expected"))
    )
    case.events = told
    case.done = "its files are in no quarantine any more"
    return case


def _case_of_item(item: Evidence) -> Case:
    facts: dict[str, object] = {
        "entry": item.entry,
        "url": item.url,
        "bytes": item.bytes,
        "quarantine": str(item.folder),
    }
    case = Case(item.subject or f"item {item.id}", facts)
    case.reason, case.found, case.expected = (
        _reason(item.reason),
        item.found,
        item.expected,
    )
    case.done = f"moved to quarantine as {item.id}"
    if item.kind is not quarantine.Kind.ENTRY:
        return case
    reason = case.reason
    try:
        verdict = evidence.judge(item)
        _take_verdict(case, verdict, scan.group_of(verdict))
    except evidence.EvidenceError:
        case.verdict = Group.CORRUPT.value  # when it was in the cache of its program
    # What was judged then counts; a body that was cut since judges otherwise.
    case.reason = reason or case.reason
    files = Place(
        item.folder,
        str(item.folder / quarantine.METADATA_NAME),
        str(item.folder / quarantine.BODY_NAME),
    )
    has_body = entries.identity_of(item.folder / quarantine.BODY_NAME) is not None
    entry = entries.open_entry(files if has_body else files._replace(body_path=None))
    if entry is not None:
        with contextlib.closing(entry):
            _look_into(case, entry)
    return case


def _take_verdict(case: Case, verdict: Verdict, group: Group) -> None:
    case.verdict = group.value
    if group is not Group.INTACT:
        case.reason, case.found, case.expected = (
            verdict.reason,
            verdict.found,
            verdict.expected,
        )


def _look_into(case: Case, entry: OpenEntry) -> None:
    """Add what the metadata says, and where the damage is."""
    stored = examine.read_metadata(entry)
    if isinstance(stored, Verdict):
        if isinstance(entry.metadata, bytes):
            case.spot, case.part = damage.in_metadata(entry.metadata), "metadata"
            _dump(case, io.BytesIO(entry.metadata))
        return
    seal = examine.read_seal(entry)
    case.facts["sealed"] = _seal_words(seal)
    case.facts["status"] = stored.status
    for name in _SHOWN_FIELDS:
        if stored.field(name):
            case.facts[name] = stored.field(name)
    if case.is_corrupt and not isinstance(entry.body, Verdict):
        size = _size_to_be(stored, seal)
        coding = stored.field("content-encoding").strip().lower()
        body = examine.body_file(entry, stored)
        case.spot, case.part = damage.in_body(body, size, coding), "body"
        _dump(case, body)


def _locate_in_file(case: Case, file: BinaryIO) -> None:
    if case.is_corrupt:
        case.spot, case.part = damage.in_body(file, None, ""), "body"
        _dump(case, file)


def _size_to_be(stored: StoredResponse, seal: Seal | Verdict | None) -> int | None:
    if seal is None or isinstance(seal, Verdict):
        return stored.declared_length
    return seal.body.size


def _seal_words(seal: Seal | Verdict | None) -> str:
    if seal is None:
        return "no"
    return "yes, but it does not hold" if isinstance(seal, Verdict) else "yes"


def _dump(case: Case, file: BinaryIO) -> None:
    if case.spot is not None:
        case.dump = list(damage.window(file, case.spot.position))


def _events_about(entry: str) -> list[dict[str, object]]:
    return [event for event in _all_events() if event.get("entry") == entry]


def _all_events() -> list[dict[str, object]]:
    log = events.EventLog(config.load().log_folder)
    return [event for event in log.read() if event is not None and document(event)]


def _is_called(event: dict[str, object], text: str) -> bool:
    return any(str(event.get(key, "")).startswith(text) for key in ("id", "heals"))


def _reason(code: object) -> Reason | None:
    try:
        return Reason(code)
    except ValueError:
        return None
