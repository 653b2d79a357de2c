"""The whole page: one HTML document that needs nothing but itself."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

from pipmend import units
from pipmend.report import (
    checkups,
    healing,
    incidents,
    making,
    packages,
    quarantined,
    state,
    words,
)
from pipmend.report.headline import Mood, headline_of
from pipmend.report.markup import Html, code, element, joined, time_of, untrusted
from pipmend.scan import Count, Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipmend.report.headline import Headline
    from pipmend.report.parts import Section
    from pipmend.report.values import Report

LONGEST_HEAD = 1024
"""Bytes within which a page says what made it."""

_MOST_TROUBLES = 10

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_START = "<!DOCTYPE html>"
_GENERATOR = '<meta name="generator" content="pipmend '


def document(report: Report) -> str:
    """The page, in ASCII alone: it is the same in every encoding."""
    headline = headline_of(report)
    parts = (
        state.section(report.state),
        packages.section(report.packages),
        healing.section(report.healing),
        quarantined.section(report.quarantine, report.making.at),
        checkups.section(report.checkups),
        making.section(report.making),
    )
    body = element(
        "body",
        element(
            "header",
            _origin(report),
            _answer(headline),
            _figures(report),
            _troubles(report.troubles),
            _contents(parts),
        ),
        element("main", *map(_section, parts)),
    )
    page = joined(_head(report, headline), body)
    whole = f'{_START}\n<html lang="en">{page}</html>\n'
    return whole.encode("ascii", "xmlcharrefreplace").decode("ascii")


def is_report(head: bytes) -> bool:
    """Whether a file is such a page, by its first `LONGEST_HEAD` bytes."""
    return head.startswith(_START.encode()) and _GENERATOR.encode() in head


def _head(report: Report, headline: Headline) -> Html:
    # What the file is comes first: who may replace it looks no further.
    return element(
        "head",
        element("meta", charset="utf-8"),
        Html(f'{_GENERATOR}{report.making.version}">'),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"pipmend: {headline.sentence}"),
        element("style", Html(_style())),
    )


def _style() -> str:
    file = importlib.resources.files("pipmend.report") / "style.css"
    return file.read_text(encoding="ascii")


def _origin(report: Report) -> Html:
    caches = report.making.caches
    where = (
        code(caches[0].path)
        if len(caches) == 1
        else units.counted(len(caches), "cache folder")
    )
    when = time_of(report.making.at, "%Y-%m-%d %H:%M UTC")
    return element("p", "pip cache report, ", when, ", ", where, class_="origin")


def _answer(headline: Headline) -> Html:
    told = [element("h1", headline.sentence)]
    if headline.command is not None:
        command = code(headline.command)
        told.append(element("p", headline.label or "", " ", command, class_="command"))
    told.append(element("p", headline.detail))
    return element("div", *told, class_=f"answer {headline.mood.value}")


def _figures(report: Report) -> Html:
    judged = report.state
    if judged is None:
        entries = sum(package.entries for package in report.packages)
        size = sum(package.size for package in report.packages)
        corrupt = "not judged"
    else:
        entries, size = judged.entries, judged.size
        corrupt = f"{judged.groups.get(Group.CORRUPT, Count()).items:,}"
    healed = "not known" if report.healing is None else f"{report.healing.healed:,}"
    is_bad = headline_of(report).mood is Mood.BAD
    figures = (
        ("entries", f"{entries:,}"),
        ("all together", words.size(size)),
        ("corrupt", corrupt),
        (f"healed in {incidents.SPAN} days", healed),
    )
    return element(
        "dl",
        *(
            element(
                "div",
                element("dt", name),
                element("dd", value),
                class_="bad" if name == "corrupt" and is_bad else None,
            )
            for name, value in figures
        ),
        class_="figures",
    )


def _troubles(troubles: Sequence[str]) -> Html:
    if not troubles:
        return Html()
    shown = [element("li", untrusted(one)) for one in troubles[:_MOST_TROUBLES]]
    more = len(troubles) - len(shown)
    if more:
        shown.append(element("li", f"and {more:,} more"))
    return element(
        "div",
        element("p", "This page is not complete. What could not be looked at:"),
        element("ul", *shown),
        class_="troubles",
    )


def _contents(parts: Sequence[Section]) -> Html:
    links = [
        element("li", element("a", part.title, href=f"#{part.name}")) for part in parts
    ]
    return element("nav", element("ul", *links), aria_label="Sections")


def _section(part: Section) -> Html:
    heading = element("h2", part.title, id=f"{part.name}-title")
    labelled = f"{part.name}-title"
    return element(
        "section", heading, part.content, id=part.name, aria_labelledby=labelled
    )
