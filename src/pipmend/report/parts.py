"""What the sections of the page are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipmend import explanations
from pipmend.report.markup import Html, element
from pipmend.verdicts import Reason

if TYPE_CHECKING:
    from pipmend.explanations import Explanation


class Section(NamedTuple):
    """A section of the page."""

    name: str
    """For links within the page."""
    title: str
    content: Html


def explained(name: str | None) -> Explanation | None:
    """What a person should know of a reason, by its code; None if it is not known."""
    try:
        return explanations.EXPLANATIONS.get(Reason(name))
    except ValueError:
        return None  # of a later pipmend, or no reason at all


def badge(text: str, name: str) -> Html:
    """A word that is set off, in a colour by its name in the style sheet."""
    return element("span", text, class_=f"badge {name}")


def below(content: str) -> Html:
    """A second line in small letters."""
    return element("div", content, class_="below")


def folded(summary: str, *content: str) -> Html:
    """Content that is shown when somebody asks for it."""
    return element("details", element("summary", summary), *content)


def quiet(text: str) -> Html:
    """A paragraph that says that there is nothing to say."""
    return element("p", text, class_="quiet")


def capital(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]
