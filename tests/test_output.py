"""How values are shown, and what is understood of what a person types."""

from __future__ import annotations

import argparse
import datetime as dt

import pytest

from pipmend.cli import moments, output


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (3000 * 1024**4, "3,000.0 TiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert output.size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7200, "2 h"),
        (3 * 86400, "3 d"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert output.age_text(seconds) == text


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "\u202eevil", "\x07", "\x9b1m"])
def test_what_a_terminal_would_obey_is_made_harmless(text: str) -> None:
    shown = output.plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)


def test_letters_of_all_languages_are_shown() -> None:
    assert output.plain("Grüße 世界") == "Grüße 世界"


def test_a_table_is_aligned_and_harmless() -> None:
    rows = [("a", "1", "x\x1b"), ("long", "1,000", "y")]
    assert output.table(rows, right=frozenset({1})) == [
        "a         1  x?",
        "long  1,000  y",
    ]
    assert output.table([], right=frozenset()) == []


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90min", dt.timedelta(minutes=90)),
        ("5m", dt.timedelta(minutes=5)),
        ("12h", dt.timedelta(hours=12)),
        ("7d", dt.timedelta(days=7)),
        (" 2W ", dt.timedelta(weeks=2)),
    ],
)
def test_a_span_is_counted_from_now(text: str, span: dt.timedelta) -> None:
    now = dt.datetime.now(tz=dt.timezone.utc)
    assert abs(now - span - moments.since(text)) < dt.timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T12:30:00Z", "2026-11-20T12:30:00+00:00"),
        ("2026-11-20T12:30:00+02:00", "2026-11-20T10:30:00+00:00"),
    ],
)
def test_a_date_is_taken_as_utc(text: str, moment: str) -> None:
    assert moments.since(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "7",
        "7y",
        "-7d",
        "999999w",
        "2026-13-01",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_anything_else_is_explained(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a span such as"):
        moments.since(text)
