"""``pipmend events``: what happened, oldest first."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pipmend import config, events, explanations, history
from pipmend.cli import moments, output
from pipmend.errors import PipmendError
from pipmend.verdicts import Reason

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from pipmend.events import Line

_SHOWN, _UNREADABLE = 0, 3
_PAUSE = 0.3
"""Seconds between two looks at a log that is followed."""
_LONGEST_TEXT = 1000

_DESCRIPTION = """\
Show what pipmend has found and done, oldest first: corrupt entries, what was wrong
with each, where the evidence is, and when a fresh one took its place. The log keeps
the last 8 to 16 MiB of events; `pipmend status` names its folder.
"""

_EXAMPLES = """\
With --json each line is an event as it was recorded; schemas/events.json in the
package says what its fields mean.

exit code: 0 shown, 2 usage, 3 the log cannot be read, 130 ended with Ctrl-C

examples:
  pipmend events --since 7d
  pipmend events --follow
  pipmend events --json | grep entry_corrupt
"""


class _LogError(PipmendError):
    """The log cannot be read; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--since",
        type=moments.since,
        metavar="MOMENT",
        help=f"only what was recorded from then on: {moments.HELP}",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="go on and show each event as it comes, until Ctrl-C",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, as recorded"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the events; 0 when they could be read, 3 when not."""
    log = events.EventLog(config.load().log_folder)
    since, follows = arguments.since, arguments.follow
    lines = log.follow(_wait, since) if follows else log.read(since)
    show = document if arguments.json else paragraph
    shown = unreadable = 0
    try:
        for line in _read(lines):
            text = None if line is None else show(line)
            if text is None:
                unreadable += 1
                if follows and unreadable == 1:
                    output.warn("unreadable lines are skipped")
                continue
            shown += 1
            print(text, flush=follows)
    except _LogError as error:
        output.warn(f"cannot read {log.path}: {error}")
        return _UNREADABLE
    if unreadable:
        output.warn(f"{unreadable} unreadable lines skipped")
    if not shown and not arguments.json:
        when = "in this time" if since else "yet"
        output.say(f"Nothing has happened {when}. Events go to {log.path}")
    return _SHOWN


def document(event: dict[str, object]) -> str | None:
    """One event as JSON; None if it has what JSON does not have."""
    try:
        return json.dumps(event, allow_nan=False)
    except (ValueError, RecursionError):
        return None


def paragraph(event: dict[str, object]) -> str:
    """One event as a line for a person, and what it means indented below."""
    name = _word(event.get("event")).rpartition(".")[2]
    moment = events.moment_of(event)
    when = f"{moment.isoformat(' ')[:19]}Z" if moment else "at an unknown time"
    first, *rest = _WORDS.get(name, _unknown)(event)
    lines = [f"{when}  {first}", *(f"    {line}" for line in rest)]
    return "\n".join(output.plain(line) for line in lines)


def _wait() -> None:
    time.sleep(_PAUSE)


def _read(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines; only what fails in here is the fault of the log."""
    try:
        yield from lines
    except OSError as error:
        raise _LogError(error.strerror or str(error)) from error


def _corrupt(event: dict[str, object]) -> list[str]:
    detail = f"found {_word(event.get('found'))}"
    if event.get("expected") is not None:
        detail += f", expected {_word(event['expected'])}"
    lines = [
        f"{_word(event.get('action'))} {_word(event.get('subject'))}",
        f"why: {detail}",
    ]
    reason = _reason(event.get("reason"))
    if reason is not None:
        told = explanations.EXPLANATIONS[reason]
        lines[1] = f"why: {reason.value}: {told.sentence} ({detail})"
        lines += [f"likely cause: {told.cause}", f"what to do: {told.next_step}"]
    size = history.whole(event.get("bytes"))
    if size is not None:
        lines.append(f"size: {output.size_text(size)}")
    for name in ("cache", "evidence", "stayed", "pip_error"):
        if event.get(name):
            lines.append(f"{name.replace('_', ' ')}: {_word(event[name])}")
    return lines


def _healed(event: dict[str, object]) -> list[str]:
    size = history.whole(event.get("bytes"))
    told = "" if size is None else f" ({output.size_text(size)})"
    return [f"healed {_word(event.get('subject'))}{told}"]


def _unknown(event: dict[str, object]) -> list[str]:
    return [(document(event) or "an event that cannot be shown")[:_LONGEST_TEXT]]


def _reason(code: object) -> Reason | None:
    try:
        return Reason(code) if isinstance(code, str) else None
    except ValueError:
        return None  # written by a later pipmend


def _word(value: object) -> str:
    """A value of an event in words; the log may hold anything in any place."""
    if value is None:
        return "unknown"
    if isinstance(value, (str, int, float)):
        return str(value)[:_LONGEST_TEXT]
    return f"({type(value).__name__})"


_WORDS: dict[str, Callable[[dict[str, object]], list[str]]] = {
    "entry_corrupt": _corrupt,
    "entry_healed": _healed,
    "repeat_offender": lambda event: [_word(event.get("words"))],
    "seam_unfit": lambda event: [
        f"left pip {_word(event.get('pip'))} alone: {_word(event.get('problem'))}"
    ],
    "guard_tripped": lambda event: [
        "pipmend failed, pip went on: {} in {}".format(
            _word(event.get("error")), _word(event.get("step"))
        )
    ],
}
