"""Each reason is explained to a person, in the file and on the command line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from lab.index_server import LocalIndex
from lab.workbench import Workbench, workbench
from pipmend.explanations import EXPLANATIONS
from pipmend.verdicts import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.laboratory import Laboratory

SENTENCE = re.compile(r"[A-Zp][^\n]*[^\s.]\.")
"""A capital letter or the name of pip at its start, one full stop at its end."""


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.value)
def test_each_reason_is_explained(reason: Reason) -> None:
    """A sentence, a likely cause that goes on after a colon, a next step."""
    told = EXPLANATIONS[reason]

    assert SENTENCE.fullmatch(told.sentence)
    assert SENTENCE.fullmatch(told.next_step)
    assert told.cause == told.cause.strip()
    assert told.cause[-1].isalpha()
    for text in (told.sentence, told.cause, told.next_step):
        assert "  " not in text
        assert text.isascii()
        assert len(text) < 160


def test_nothing_else_is_explained() -> None:
    """No explanation is left over from a reason that is gone."""
    assert list(EXPLANATIONS) == [one for one in Reason if one in EXPLANATIONS]


@pytest.fixture
def bench(lab: Laboratory, tmp_path: Path) -> Iterator[Workbench]:
    """An environment with the command."""
    with LocalIndex([]) as index:
        yield workbench(lab, lab.venv("26.3", hooked=True), index, tmp_path)


def line(reason: str, **more: object) -> str:
    """A line of the log."""
    event = {
        "schema": 1,
        "at": "2026-01-02T03:04:05.678+00:00",
        "event": "pipmend.entry_corrupt",
        "id": "20260102T030405Z-00000000",
        "action": "quarantined",
        "subject": f"the entry with {reason}",
        "reason": reason,
        "found": "one thing",
        "expected": "another",
        "evidence": "/somewhere",
        "stayed": None,
        "pip_error": None,
        **more,
    }
    return json.dumps(event)


def shown(bench: Workbench, *lines: str) -> str:
    """What ``pipmend events`` prints for a log with these lines."""
    bench.log.parent.mkdir(parents=True)
    bench.log.write_text("\n".join([*lines, ""]))
    command = bench.pip.venv.python.with_name("pipmend")
    code = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    run = bench.python(code, str(command), "events")
    assert (run.returncode, run.stderr) == (0, ""), str(run)
    return run.stdout


def test_the_command_explains_every_event(bench: Workbench) -> None:
    """What, why, the likely cause and what to do, for each reason."""
    reasons = [reason for reason in Reason if reason in EXPLANATIONS]

    text = shown(bench, *(line(reason.value) for reason in reasons))

    paragraphs = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(paragraphs) == len(reasons)
    for reason, paragraph in zip(reasons, paragraphs):
        told = EXPLANATIONS[reason]
        start = f"2026-01-02 03:04:05Z  quarantined the entry with {reason.value}\n"
        assert paragraph.startswith(start)
        for words in (told.sentence, told.cause, told.next_step, "/somewhere"):
            assert words in paragraph
        assert "one thing" in paragraph
        assert "another" in paragraph
        assert "None" not in paragraph
        assert "{" not in paragraph


def test_the_command_shows_other_events_readably(bench: Workbench) -> None:
    """No event is shown as a bare structure, and nothing reaches the terminal raw."""
    words = "this entry was broken 3 times within a week"
    text = shown(
        bench,
        line("unheard-of"),
        line("body-size", found=0, expected=2417, pip_error="Oh\u001b[31m: no"),
        line("", event="pipmend.repeat_offender", where="/x", words=words),
        line("", event="pipmend.entry_healed"),
        line("", event="pipmend.seam_unfit", problem="an unknown shape"),
        line("", event="pipmend.guard_tripped", step="S", error="ValueError"),
    )

    assert "\x1b" not in text
    assert words in text
    assert "{" not in text
    for part in ("unheard-of", "healed", "unknown shape", "ValueError", "2417"):
        assert part in text
