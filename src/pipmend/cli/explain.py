"""``pipmend explain``: what an entry is, what is wrong with it, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import explanations
from pipmend.cli import cache_option, output
from pipmend.cli.events import paragraph
from pipmend.cli.explain_case import case_of

if TYPE_CHECKING:
    import argparse

    from pipmend.cli.explain_case import Case

_DESCRIPTION = """\
Say what one entry is, whether it is intact, what is wrong and where, the likely cause,
what was done about it, and what to do. ENTRY is one of

  a file in the cache      as `pipmend scan` names it
  a URL                    its entry is looked up in the caches
  a name on disk           56 letters and digits
  the id of an event or of an item in quarantine; the first letters are enough
"""

_EXAMPLES = """\
exit code: 0 explained and intact or healed, 1 explained and corrupt, 2 usage

examples:
  pipmend explain ~/.cache/pip/http-v2/a/b/c/d/e/abcde...
  pipmend explain https://index.example/simple/idna/
  pipmend explain 20261120T220725Z-96340cfd
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``pipmend explain``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("entry", metavar="ENTRY", help="what to explain, see above")
    cache_option.add(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Explain; 0 if the entry is intact or was healed, 1 if it is corrupt.

    Raises:
        UsageError: there is no such entry, event or item.
        OSError: a file cannot be read.
    """
    case = case_of(arguments.entry, arguments)
    if arguments.json:
        output.record("explanation", _as_record(case))
    else:
        _show(case)
    return 1 if case.is_corrupt else 0


def _show(case: Case) -> None:
    output.say(case.subject)
    for name, value in case.facts.items():
        if value is not None:
            output.say(f"  {name:<14}  {value}")
    output.say(f"  {'verdict':<14}  {case.verdict.replace('_', ' ')}")
    if case.reason is not None:
        told = explanations.EXPLANATIONS[case.reason]
        output.say(f"  {'what is wrong':<14}  {case.reason.value}: {told.sentence}")
        if case.expected is not None:
            output.say(f"  {'expected':<14}  {case.expected}")
        output.say(f"  {'found':<14}  {case.found}")
    _show_spot(case)
    if case.reason is not None:
        told = explanations.EXPLANATIONS[case.reason]
        output.say(f"  {'likely cause':<14}  {told.cause}")
        output.say(f"  {'what to do':<14}  {_advice(case)}")
    if case.done is not None:
        output.say(f"  {'what was done':<14}  {case.done}")
    for event in case.events:
        print(paragraph(event))


def _show_spot(case: Case) -> None:
    if case.spot is None:
        return
    where = f"byte {case.spot.position:,} of the {case.part}"
    output.say(f"  {'where':<14}  {where}: {case.spot.words}")
    for line in case.dump:
        output.say(f"    {line}")


def _advice(case: Case) -> str:
    if case.done is not None and case.reason is not None:
        return explanations.EXPLANATIONS[case.reason].next_step
    if case.is_corrupt:
        return "pipmend scan --fix moves it to quarantine, and pip fetches it again"
    return "nothing"


def _as_record(case: Case) -> dict[str, object]:
    told = None if case.reason is None else explanations.EXPLANATIONS[case.reason]
    spot = case.spot
    return {
        "subject": case.subject,
        "facts": case.facts,
        "verdict": case.verdict,
        "reason": None if case.reason is None else case.reason.value,
        "sentence": told and told.sentence,
        "cause": told and told.cause,
        "next_step": _advice(case),
        "found": case.found,
        "expected": case.expected,
        "part": case.part if spot is not None else None,
        "position": None if spot is None else spot.position,
        "words": None if spot is None else spot.words,
        "dump": case.dump,
        "done": case.done,
        "events": case.events,
    }
