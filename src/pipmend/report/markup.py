"""HTML that is safe by construction: whatever is not `Html` is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from pipmend.report import words

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

_VOID = frozenset({"meta", "br"})


class Html(str):
    """Markup; all other text is escaped on its way into the page."""

    __slots__ = ()


def escaped(content: str) -> Html:
    """Content as markup: text becomes visible and escaped, markup stays."""
    if isinstance(content, Html):
        return content
    return Html(html.escape(words.visible(content), quote=True))


def joined(*parts: str) -> Html:
    """Parts one after the other."""
    return Html("".join(map(escaped, parts)))


def element(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element.

    Args:
        name: of the element, a constant.
        children: text or markup.
        attributes: by name, with ``_`` for ``-`` and at the end of Python's own
            words; those that are None are left out.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(*children)}</{name}>")


def untrusted(text: str, longest: int = words.LONGEST) -> Html:
    """A text from a cache, a log or a quarantine.

    It is set apart, so that its direction of writing does not reach beyond it.
    """
    return element("bdi", words.cut(text, longest))


def code(text: str) -> Html:
    """A command, a path or an id."""
    # A path or command that is cut is of no use.
    return element("code", untrusted(text, 10 * words.LONGEST))


def word(text: str) -> Html:
    """A code that is not broken over lines, such as that of a reason."""
    return element("code", untrusted(text, words.LONGEST_WORD), class_="word")


def time_of(moment: dt.datetime, form: str = "%Y-%m-%d %H:%M") -> Html:
    """A moment in UTC."""
    exact = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return element("time", moment.strftime(form), datetime=exact, title=exact)


class Column(NamedTuple):
    """A column of a table."""

    head: str
    is_number: bool = False
    is_minor: bool = False
    """Whether a narrow screen does without it, in a table that is compact."""

    @property
    def style(self) -> str | None:
        """Its classes in the style sheet."""
        names = ["number"] * self.is_number + ["minor"] * self.is_minor
        return " ".join(names) or None


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    is_compact: bool = False,
) -> Html:
    """A table whose first column names its rows.

    The roles repeat what the elements say, since on a narrow screen, where each
    row is shown as a block, browsers forget it. A compact one stays a table there.
    """
    heads = [
        element(
            "th",
            column.head,
            scope="col",
            role="columnheader",
            class_=column.style,
        )
        for column in columns
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *(_row(columns, row) for row in rows), role="rowgroup"),
        role="table",
        class_="compact" if is_compact else None,
    )


def _row(columns: Sequence[Column], row: Sequence[str]) -> Html:
    (name, *cells), (_, *others) = row, columns
    return element(
        "tr",
        element("th", name, scope="row", role="rowheader"),
        *(
            element(
                "td",
                cell,
                role="cell",
                class_=column.style,
                data_label=column.head,
            )
            for cell, column in zip(cells, others)
        ),
        role="row",
    )


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".")
