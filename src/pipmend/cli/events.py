"""``pipmend events``: what happened, oldest first."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pipmend import config, events, explanations
from pipmend.verdicts import Reason

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, as recorded"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the events; 0 when they could be read, 3 when not."""
    log = events.EventLog(config.load().log_folder)
    unreadable = shown = 0
    try:
        for event in log.read():
            if event is None:
                unreadable += 1
                continue
            shown += 1
            print(json.dumps(event) if arguments.json else paragraph(event))
    except OSError as error:
        print(f"pipmend: cannot read {log.path}: {error.strerror}", file=sys.stderr)
        return 3
    if unreadable:
        print(f"pipmend: {unreadable} unreadable lines skipped", file=sys.stderr)
    if not shown and not arguments.json:
        print(f"Nothing has happened yet. Events go to {log.path}")
    return 0


def paragraph(event: dict[str, object]) -> str:
    """One event as a line for a person, and what it means indented below."""
    name = str(event.get("event", "")).rpartition(".")[2]
    when = str(event.get("at", ""))[:19].replace("T", " ")
    first, *rest = _WORDS.get(name, _unknown)(event)
    lines = [f"{when}Z  {first}", *(f"    {line}" for line in rest)]
    return "\n".join(_printable(line) for line in lines)


def _corrupt(event: dict[str, object]) -> list[str]:
    found, expected = event.get("found"), event.get("expected")
    detail = f"found {found}" + ("" if expected is None else f", expected {expected}")
    lines = [f"{event.get('action')} {event.get('subject')}", f"why: {detail}"]
    reason = _reason(event.get("reason"))
    if reason is not None:
        told = explanations.EXPLANATIONS[reason]
        lines[1] = f"why: {reason.value}: {told.sentence} ({detail})"
        lines += [f"likely cause: {told.cause}", f"what to do: {told.next_step}"]
    for name in ("evidence", "stayed", "pip_error"):
        if event.get(name):
            lines.append(f"{name.replace('_', ' ')}: {event[name]}")
    return lines


def _unknown(event: dict[str, object]) -> list[str]:
    return [json.dumps(event)]


def _reason(code: object) -> Reason | None:
    try:
        return Reason(code)
    except ValueError:
        return None  # written by a later pipmend


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


_WORDS: dict[str, Callable[[dict[str, object]], list[str]]] = {
    "entry_corrupt": _corrupt,
    "entry_healed": lambda event: [f"healed {event.get('subject')}"],
    "repeat_offender": lambda event: [str(event.get("words"))],
    "seam_unfit": lambda event: [
        f"left pip {event.get('pip')} alone: {event.get('problem')}"
    ],
    "guard_tripped": lambda event: [
        f"pipmend failed, pip went on: {event.get('error')} in {event.get('step')}"
    ],
}
