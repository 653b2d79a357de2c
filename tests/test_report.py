"""The page from its values: what it says, and that nothing untrusted gets into it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html.parser
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.logged import CORRUPT
from pipmend import events, explanations, units
from pipmend.events import EntryHealed, EventLog, GuardTripped, SeamUnfit
from pipmend.report import charts, incidents, page, words
from pipmend.report.headline import headline_of
from pipmend.report.values import (
    Broken,
    Cache,
    Check,
    Checkup,
    Day,
    Fate,
    Healing,
    Incident,
    Item,
    Making,
    Package,
    Quarantine,
    Report,
    Standing,
    State,
)
from pipmend.scan import Count, Group
from pipmend.subjects import Kind
from pipmend.verdicts import Reason
from pipmend.walk import LeftoverKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.timezone.utc)
STAMP = NOW.timestamp()

HOSTILE = (
    "</style></title><script>alert(1)</script>",
    "\" onload='alert(1)' x=\"",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#60;",
    "a\x00b\x1b[31mc\x07\r\n\u2028d",
    "\u202egnp.exe \u2066\u200f\u061c",
    "\ud800 \udcff",
    "]]> --> <!-- ",
    "\u05d0\u05d1\u05d2 \u0645 \u4e2d\u6587 e\u0301",
)
"""What somebody may have written into a cache, a log or a quarantine."""

VOID = {"meta", "br"}


@dataclasses.dataclass
class Element:
    """One element of the page."""

    name: str
    attributes: dict[str, str | None]
    path: tuple[str, ...]
    """The elements around it."""
    text: str = ""
    """All text within it."""


class Document(html.parser.HTMLParser):
    """The page as a browser takes it apart; every element must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        path = tuple(one.name for one in self._open)
        self.elements.append(Element(tag, dict(attrs), path))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        """Some text."""
        for element in self._open:
            element.text += data

    def all(self, name: str) -> list[Element]:
        """All elements with a name."""
        return [one for one in self.elements if one.name == name]

    def the(self, name: str) -> Element:
        """The only one."""
        (found,) = self.all(name)
        return found

    def of_class(self, name: str) -> list[Element]:
        """All elements of a class."""
        return [
            one
            for one in self.elements
            if name in (one.attributes.get("class") or "").split()
        ]

    def section(self, name: str) -> str:
        """The text of a section."""
        (found,) = [
            one
            for one in self.elements
            if one.name == "section" and one.attributes["id"] == name
        ]
        return found.text.replace("\u00a0", " ")


STATE = State(
    groups={
        Group.INTACT: Count(1190, 3_000_000),
        Group.CORRUPT: Count(3, 2000),
        Group.NOT_JUDGED: Count(11, 500_000),
    },
    reasons={Reason.BODY_SIZE: 2, Reason.METADATA_UNDECODABLE: 1},
    leftovers={LeftoverKind.ORPHAN_BODY: Count(2, 1000)},
    broken=(
        Broken("the cached page of 'idna'", Reason.BODY_SIZE, "0 B", 0, STAMP, "ab12"),
    ),
    repair="pipmend scan --fix",
    sweep="pipmend scan --sweep",
    unchanged=0,
    is_complete=True,
)
INTACT = STATE._replace(
    groups={Group.INTACT: Count(1193, 3_000_000), Group.NOT_JUDGED: Count(11, 1)},
    reasons={},
    broken=(),
)
PACKAGES = (
    Package("alpha", 3, STAMP, {Kind.WHEEL: 3_000_000, Kind.PAGE: 10}, 1),
    Package("beta", 1, STAMP, {Kind.SDIST: 400_000}, 0),
    Package(None, 1, STAMP, {Kind.OTHER: 100_000}, 0),
)
DAYS = tuple(
    Day(NOW.date() - dt.timedelta(days=ago), int(ago == 3), int(ago == 3))
    for ago in reversed(range(30))
)
HEALING = Healing(
    span=30,
    found=1,
    healed=1,
    fetched=4096,
    saved=10**9,
    days=DAYS,
    reasons=(("body-size", 1, 1),),
    incidents=(
        Incident(NOW, Fate.HEALED, "the cached page of 'idna'", "body-size", "0 of 9"),
    ),
)
NOTHING_HEALED = Healing(30, 0, 0, 0, 0, DAYS, (), ())
ITEM = Item(
    "20261120T110000Z-0a1b2c3d", "an entry", "body-size", 2048, STAMP - 3600, "restore"
)
MAKING = Making(
    version="1.2.3",
    python="3.11.7",
    at=NOW,
    seconds=1.25,
    command="pipmend report --html x.html",
    scan="pipmend scan /cache",
    log="/log/events.jsonl",
    caches=(Cache("/cache", "default", 1204, 3_502_000, 3),),
)
REPORT = Report(
    state=STATE,
    packages=PACKAGES,
    healing=HEALING,
    quarantine=Quarantine(1, 2048, (ITEM,)),
    checkups=(
        Checkup(
            "/cache",
            (
                Check(
                    Standing.WARNING, "disk-full", "only 5 MiB are free", "free some"
                ),
                Check(Standing.FINE, "clocks", "agree"),
            ),
        ),
    ),
    making=MAKING,
)


def parsed(report: Report) -> Document:
    """The page of a report, taken apart."""
    return Document(page.document(report))


# What it says.


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "3 of 1,204 entries are broken."),
        ({"state": INTACT}, "Everything that can be checked is intact."),
        ({"state": None}, "This page shows what is there; nothing was judged."),
        (
            {"state": STATE._replace(is_complete=False)},
            "3 of 1,204 entries are broken, and not everything could be looked at.",
        ),
        (
            {"state": INTACT._replace(is_complete=False)},
            "Nothing is known to be broken, but not everything could be looked at.",
        ),
        ({"state": INTACT._replace(groups={})}, "The cache is empty."),
        (
            {"state": STATE._replace(groups={Group.CORRUPT: Count(1, 1)})},
            "1 of 1 entry is broken.",
        ),
    ],
)
def test_the_first_sentence_is_the_answer(
    changes: dict[str, Any], sentence: str
) -> None:
    """And the title of the window."""
    document = parsed(REPORT._replace(**changes))

    assert document.the("h1").text == sentence
    assert document.all("title")[0].text.endswith(sentence)


def test_what_is_broken_can_be_repaired() -> None:
    """The command stands at the top."""
    document = parsed(REPORT)

    (command,) = document.of_class("command")
    assert command.text == "To repair: pipmend scan --fix"
    assert not parsed(REPORT._replace(state=INTACT)).of_class("command")


def test_the_four_figures() -> None:
    """Entries, bytes, corrupt, healed."""
    (figures,) = parsed(REPORT).of_class("figures")
    values = [
        one.text.replace("\u00a0", " ")
        for one in parsed(REPORT).all("dd")
        if "header" in one.path
    ]

    assert values == ["1,204", "3.3 MiB", "3", "1"]
    assert "healed in 30 days" in figures.text


def test_without_a_scan_it_says_so() -> None:
    """And counts what was listed."""
    unjudged = tuple(one._replace(broken=None) for one in PACKAGES)
    document = parsed(REPORT._replace(state=None, packages=unjudged))

    (command,) = document.of_class("command")
    assert command.text.endswith("pipmend scan /cache")
    assert "corrupt" not in document.section("bytes")
    values = [one.text for one in document.all("dd") if "header" in one.path]
    assert values[0] == "5"
    assert values[2] == "not judged"
    assert "Nothing was judged" in document.section("state")


def test_what_was_not_read_again_is_told() -> None:
    """A verdict of today may rest on what was read earlier."""
    told = parsed(REPORT._replace(state=STATE._replace(unchanged=1100)))

    assert "1,100 entries were known from an earlier scan" in told.section("state")


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_explained(reason: Reason) -> None:
    """Where it is counted, where it was met, and where it lies."""
    told = explanations.EXPLANATIONS[reason]
    code = reason.value

    document = parsed(
        REPORT._replace(
            state=STATE._replace(reasons={reason: 1}),
            healing=HEALING._replace(reasons=((code, 1, 0),)),
            quarantine=Quarantine(1, 1, (ITEM._replace(reason=code),)),
        )
    )

    for name in ("state", "healed", "quarantine"):
        assert told.sentence in document.section(name)
    assert told.next_step in document.section("state")
    assert told.cause in document.section("healed")


@pytest.mark.parametrize("kind", LeftoverKind)
def test_each_kind_of_leftover_is_explained(kind: LeftoverKind) -> None:
    """With the command that sweeps them."""
    document = parsed(REPORT._replace(state=STATE._replace(leftovers={kind: Count(7)})))

    assert "pipmend scan --sweep" in document.section("state")


def test_what_is_healed_is_told_with_its_cause() -> None:
    """When, what, why, and what that cost."""
    told = parsed(REPORT).section("healed")

    assert "1 corrupt entry was found and 1 healed" in told
    assert "4.0 KiB were fetched again" in told
    assert "2026-11-20 12:00" in told
    assert explanations.EXPLANATIONS[Reason.BODY_SIZE].cause in told


def test_an_item_is_told_with_its_age_and_command() -> None:
    """And with its id."""
    told = parsed(REPORT).section("quarantine")

    assert ITEM.id in told
    assert "1 h" in told
    assert "restore" in told


def test_findings_come_with_a_step_and_the_rest_is_folded() -> None:
    """The worst first, of all caches."""
    problem = Check(Standing.PROBLEM, "read-only", "it is read-only", "mend it")
    report = REPORT._replace(checkups=(*REPORT.checkups, Checkup(None, (problem,))))

    document = parsed(report)

    found = [
        one
        for one in document.all("li")
        if "main" in one.path and "figure" not in one.path
    ]
    assert [one.attributes["class"] for one in found] == ["bad", "warning"]
    assert "To do: mend it" in found[0].text
    assert "Only 5 MiB are free." in found[1].text
    assert "clocks" not in "".join(one.text for one in found)
    assert "clocks" in document.section("doctor")


def test_what_could_not_be_looked_at_is_at_the_top() -> None:
    """The first ten; all are counted."""
    report = REPORT._replace(troubles=tuple(f"cannot read {n}" for n in range(12)))

    (notice,) = parsed(report).of_class("troubles")
    assert "cannot read 9" in notice.text
    assert "and 2 more" in notice.text


def test_a_page_about_nothing_is_a_page() -> None:
    """An empty cache, an empty log."""
    empty = REPORT._replace(
        state=STATE._replace(groups={}, reasons={}, leftovers={}, broken=()),
        packages=(),
        healing=NOTHING_HEALED,
        quarantine=Quarantine(0, 0, ()),
        checkups=(),
    )

    document = parsed(empty)

    assert document.the("h1").text == "The cache is empty."
    assert "Nothing broke in the last 30 days" in document.section("healed")
    assert "Nothing is in quarantine" in document.section("quarantine")
    assert not document.all("svg")


def test_it_tells_how_it_was_made() -> None:
    """When, by what, of which folders, by which command."""
    told = parsed(REPORT).section("made")

    for text in (
        "2026-11-20 12:00:00 UTC",
        "pipmend 1.2.3",
        "3.11.7",
        "/cache",
        "1.2 s",
    ):
        assert text in told
    assert MAKING.command in told
    assert MAKING.log in told


def test_what_could_not_be_read_is_not_called_nothing() -> None:
    """Neither healed nor quarantined is none."""
    document = parsed(REPORT._replace(healing=None, quarantine=None))

    values = [one.text for one in document.all("dd") if "header" in one.path]
    assert values[3] == "not known"
    assert "could not be read" in document.section("healed")
    assert "could not be looked into" in document.section("quarantine")


# The treemap.


def test_small_packages_share_a_tile() -> None:
    """So that there are few enough to be told apart."""
    many = [
        Package(f"p{number}", 1, STAMP, {Kind.WHEEL: 1000 - number}, 0)
        for number in range(200)
    ]

    tiles = charts.tiles_of(many)

    assert len(tiles) == charts.MOST_TILES + 1
    assert tiles[-1].label == "140 others"
    assert sum(tile.size for tile in tiles) == sum(package.size for package in many)


def test_a_package_that_is_nearly_nothing_has_no_tile() -> None:
    """Nobody could point at it; one of no bytes has no area at all."""
    found = [
        Package("large", 1, STAMP, {Kind.WHEEL: 10**9}, 0),
        Package("small", 1, STAMP, {Kind.WHEEL: 10}, 2),
        Package("empty", 1, STAMP, {Kind.WHEEL: 0}, 0),
    ]

    tiles = charts.tiles_of(found)

    assert [tile.label for tile in tiles] == ["large", "2 others"]
    assert tiles[1].broken == 2


def test_each_tile_has_a_title_and_a_label_where_it_fits() -> None:
    """Both in the wide and in the narrow drawing."""
    document = parsed(REPORT)
    titles = [one.text.replace("\u00a0", " ") for one in document.all("title")]

    expected = "alpha: 2.9 MiB, 85.7 % of all; 1 broken; 3 entries, mostly wheels"
    assert titles.count(expected) == 2
    labels = [one.text for one in document.all("text")]
    assert labels.count("alpha") == 2


def test_the_largest_packages_are_in_a_table_too() -> None:
    """For those who do not see the map."""
    told = parsed(REPORT).section("bytes")

    assert re.search(r"alpha\s*2\.9 MiB85\.7 %3wheels2026-11-201", told)


# That it is one page, and a good one.


def test_nothing_is_loaded_from_anywhere() -> None:
    """No URL in any place where a browser would follow one; no script at all."""
    document = parsed(REPORT)

    assert not {"script", "link", "img", "iframe", "base", "form"} & {
        one.name for one in document.elements
    }
    for one in document.elements:
        assert not [name for name in one.attributes if name.startswith("on")]
        assert "src" not in one.attributes
        assert "style" not in one.attributes
        assert (one.attributes.get("href") or "#").startswith("#")
    style = document.the("style").text
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [
        one.attributes["content"]
        for one in document.all("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_it_is_well_made() -> None:
    """A language, one heading, ids that are there once, tables with heads."""
    document = parsed(REPORT)

    assert document.the("html").attributes == {"lang": "en"}
    assert len(document.all("h1")) == 1
    ids = [one.attributes["id"] for one in document.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in document.elements:
        for name in ("aria-labelledby", "href"):
            assert (one.attributes.get(name) or ids[0] or "").lstrip("#") in ids
    tables = document.all("table")
    assert len(tables) == len(document.all("caption")) > 5
    assert all(
        one.attributes.get("scope") in {"col", "row"} for one in document.all("th")
    )
    assert all(one.attributes["aria-label"] for one in document.all("svg"))
    assert len(document.all("figure")) == len(document.all("figcaption")) == 3


def test_it_is_the_same_in_every_encoding() -> None:
    """ASCII, whatever is in it."""
    report = REPORT._replace(troubles=HOSTILE)

    assert page.document(report).isascii()


def test_a_page_knows_a_page() -> None:
    """By its first bytes, and nothing else passes for one."""
    made = page.document(REPORT).encode()

    assert page.is_report(made[: page.LONGEST_HEAD])
    assert not page.is_report(b"")
    assert not page.is_report(b"<!DOCTYPE html>\n<html><head></head></html>")
    assert not page.is_report(b"<p>" + made[: page.LONGEST_HEAD])


# What is not to be trusted.


def poisoned(text: str) -> Report:
    """A report with a text in each place that others have a hand in."""
    check = Check(Standing.PROBLEM, text, text, text)
    return Report(
        state=STATE._replace(
            broken=(Broken(text, None, text, 1, STAMP, text),), repair=text, sweep=text
        ),
        packages=(
            Package(text, 1, STAMP, {Kind.WHEEL: 10**6}, 1),
            *PACKAGES,
        ),
        healing=HEALING._replace(
            reasons=((text, 1, 1),),
            incidents=(Incident(None, Fate.FAILED, text, text, text, text),),
        ),
        quarantine=Quarantine(1, 1, (Item(text, text, text, 1, None, text),)),
        checkups=(
            Checkup(text, (check, check._replace(standing=Standing.FINE))),
            Checkup("/other", (check,)),
        ),
        making=MAKING._replace(
            command=text, scan=text, log=text, caches=(Cache(text, text, 1, 1, None),)
        ),
        troubles=(text,),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str) -> None:
    """The page has the same elements, and nobody sees what cannot be seen."""
    harmless = [(one.name, one.path) for one in parsed(poisoned("harmless")).elements]

    document = parsed(poisoned(text))

    ours = [(one.name, one.path) for one in document.elements]
    labels = {"text"}  # a label may not fit
    assert [one for one in ours if one[0] not in labels] == [
        one for one in harmless if one[0] not in labels
    ]
    told = document.the("body").text
    strange = {one for one in told if not one.isprintable()} - {"\u00a0"}
    assert not strange
    assert words.visible(text) in told


@given(st.text(max_size=50))
@settings(derandomize=True, deadline=None, max_examples=30)
def test_any_text_is_only_text(text: str) -> None:
    """Whatever it is made of."""
    document = parsed(REPORT._replace(troubles=(text,)))

    (notice,) = document.of_class("troubles")
    assert notice.text.endswith(words.visible(text))


def test_long_texts_are_cut() -> None:
    """But not the commands that people copy."""
    long, command = "x" * 10_000, "pipmend " + "y" * 1000
    report = poisoned(long)._replace(
        quarantine=Quarantine(1, 1, (ITEM._replace(restore=command),))
    )

    told = page.document(report)

    assert command in told
    assert len(told) < 100_000


# Events.


FINDING = CORRUPT._replace(id="20261120T115900Z-01234567", evidence=None)


def finding(**changes: Any) -> dict[str, object]:  # noqa: ANN401
    """The event of a corrupt entry, as the log has it."""
    return line(FINDING, **changes)


def line(event: events.Event, **changes: object) -> dict[str, object]:
    """An event as the log has it."""
    origin = {"at": NOW.isoformat(), "event": events.NAMES[type(event)]}
    return {**origin, **event._asdict(), **changes}


HEALED = line(
    EntryHealed(
        heals="20261120T115900Z-01234567",
        subject="the cached page of 'alpha'",
        url=None,
        entry="/cache/http-v2/a/b/c/d/e/abcde",
        bytes=3 * 1024 * 1024,
    ),
    at=(NOW + dt.timedelta(seconds=2)).isoformat(),
)


def test_a_finding_and_its_heal_are_one_incident() -> None:
    """With what was fetched, and how long that took."""
    (found,) = incidents.last_incidents([finding(), None, HEALED])

    assert found.fate is Fate.HEALED
    assert found.at == NOW
    assert found.reason == "body-size"
    assert found.detail == "0 of 294 bytes"
    assert found.done == "3.0\u00a0MiB fetched again 2\u00a0s later"


@pytest.mark.parametrize(
    ("event", "fate", "told"),
    [
        (finding(), Fate.QUARANTINED, "0 of 294 bytes"),
        (finding(action="observed", expected=None), Fate.OBSERVED, "found 0 bytes"),
        (
            finding(action="of tomorrow", found="x"),
            Fate.UNKNOWN,
            "found x, expected 294 bytes",
        ),
        (
            finding(action="bypassed", stayed="read-only"),
            Fate.BYPASSED,
            "not moved: read-only",
        ),
        (HEALED, Fate.HEALED, "3.0\u00a0MiB fetched again"),
        (line(events.RepeatOffender("/cache", "5 broke")), Fate.REPEATED, "5 broke"),
        (line(SeamUnfit("no folder"), pip="99.0"), Fate.UNFIT, "no folder"),
        (line(GuardTripped("load", "ValueError")), Fate.FAILED, "ValueError"),
    ],
)
def test_each_kind_of_event_is_an_incident(
    event: dict[str, object], fate: Fate, told: str
) -> None:
    """Also one of a later pipmend, as far as it goes."""
    (found,) = incidents.last_incidents([event])

    assert found.fate is fate
    assert told in {found.detail, found.done}


def test_only_the_last_incidents_are_kept() -> None:
    """The newest first, however long the log is."""
    many = (finding(id=f"id {n}", subject=f"entry {n}") for n in range(1000))

    found = incidents.last_incidents(many)

    assert len(found) == incidents.MOST
    assert found[0].subject == "entry 999"


def test_no_credentials_are_told() -> None:
    """Whoever has written them into the log."""
    url = "https://user:hunter2@index.example/x?token=hunter2"
    event = finding(subject=url, found=url, stayed=f"cannot: {url}", pip_error=url)
    offence = line(events.RepeatOffender(url, url))

    found = incidents.last_incidents([event, offence])
    told = page.document(REPORT._replace(healing=HEALING._replace(incidents=found)))

    assert "index.example" in told
    assert "hunter2" not in told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.sampled_from(sorted({*finding(), *HEALED, "where", "words", "pip"}))
kinds = st.sampled_from([*events.NAMES.values(), "of tomorrow"])


@given(st.lists(st.dictionaries(names, json_values), max_size=5), kinds)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_log_is_told(lines: list[Mapping[str, object]], kind: str) -> None:
    """Every value of every event may be of any kind."""
    broken = [{**one, "event": kind} for one in lines]

    found = incidents.last_incidents(broken)

    parsed(REPORT._replace(healing=HEALING._replace(incidents=found)))


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """A log with a heal in each of two caches, and one of long ago."""
    made = EventLog(tmp_path)
    for number, root in enumerate(("/one", "/two")):
        entry = f"{root}/http-v2/a/b/c/d/e/abcde"
        event = FINDING._replace(id=f"id {number}", cache=root, entry=entry)
        made.emit(event)
        made.emit(EntryHealed(event.id, event.subject, event.url, event.entry, 1000))
    return made


def healing(log: EventLog, **options: Any) -> Healing:  # noqa: ANN401
    """What the log tells now."""
    now = dt.datetime.now(tz=dt.timezone.utc)
    return incidents.healing_of(log, now, {"/one": 50_000, "/two": 7_000}, **options)


def test_the_last_days_are_summed_up(log: EventLog) -> None:
    """Each day has its bar, also one without anything."""
    found = healing(log)

    assert (found.found, found.healed, found.fetched) == (2, 2, 2000)
    assert found.saved == 50_000 - 1000 + 7_000 - 1000
    assert len(found.days) == 30
    assert (found.days[-1].found, found.days[0].found) == (2, 0)
    assert found.reasons == (("body-size", 2, 2),)
    assert len(found.incidents) == 2


def test_only_the_events_of_the_named_caches_count(log: EventLog) -> None:
    """And those that concern none in particular."""
    log.emit(GuardTripped("load", "ValueError"))
    log.emit(events.RepeatOffender("/two", "5 entries"))
    log.emit(events.RepeatOffender("/one/http-v2/x", "3 times"))

    found = healing(log, only=["/one"])

    assert (found.found, found.healed) == (1, 1)
    assert [one.fate for one in found.incidents] == [
        Fate.REPEATED,
        Fate.FAILED,
        Fate.HEALED,
    ]


# Words.


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 10, "0.0 %"),
        (1, 10**6, "< 0.1 %"),
        (999_999, 10**6, "99.9 %"),
        (10**6, 10**6, "100.0 %"),
        (1, 3, "33.3 %"),
        (0, 0, "0.0 %"),
    ],
)
def test_shares(part: int, whole: int, told: str) -> None:
    """What is there is never nothing, and what is not all is never all."""
    assert words.share(part, whole).replace("\u00a0", " ") == told


def test_absurd_moments() -> None:
    """A broken clock breaks nothing."""
    assert units.moment(1e300).year == 9999
    assert units.moment(-1e300).year == 1970
    assert headline_of(REPORT).sentence
