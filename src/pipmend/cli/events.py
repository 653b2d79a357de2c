"""``pipmend events``: what happened, oldest first."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pipmend import config, events

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

HELP = "show what was found and healed, newest last"


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
            print(json.dumps(event) if arguments.json else sentence(event))
    except OSError as error:
        print(f"pipmend: cannot read {log.path}: {error.strerror}", file=sys.stderr)
        return 3
    if unreadable:
        print(f"pipmend: {unreadable} unreadable lines skipped", file=sys.stderr)
    if not shown and not arguments.json:
        print(f"Nothing has happened yet. Events go to {log.path}")
    return 0


def sentence(event: dict[str, object]) -> str:
    """One event as a line for a person."""
    name = str(event.get("event", "")).rpartition(".")[2]
    words = _WORDS.get(name, str)
    text = f"{str(event.get('at', ''))[:19].replace('T', ' ')}Z  {words(event)}"
    return "".join(char if char.isprintable() else "?" for char in text)


def _corrupt(event: dict[str, object]) -> str:
    found, expected = event.get("found"), event.get("expected")
    detail = f"found {found}" + ("" if expected is None else f", expected {expected}")
    what = f"{event.get('action')} {event.get('subject')}: {event.get('reason')}"
    where = event.get("evidence") or event.get("stayed")
    return f"{what} ({detail})" + (f"; {where}" if where else "")


_WORDS: dict[str, Callable[[dict[str, object]], str]] = {
    "entry_corrupt": _corrupt,
    "entry_healed": lambda event: f"healed {event.get('subject')}",
    "seam_unfit": lambda event: (
        f"left pip {event.get('pip')} alone: {event.get('problem')}"
    ),
    "guard_tripped": lambda event: (
        f"a failure of pipmend's own, pip went on without it: "
        f"{event.get('error')} in {event.get('step')}"
    ),
}
