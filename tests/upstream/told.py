"""What came of a comparison, in Markdown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from upstream import endings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upstream.endings import Difference
    from upstream.trials import Compared


def summary(compared: Compared) -> str:
    """What was run, how it ended in both ways, and what is different."""
    return "\n".join(_summary(compared))


def tests(compared: Compared) -> str:
    """Each test that was run, and how it ended."""
    lines = [f"Tests of {_title(compared)}:", ""]
    for test in endings.ran(compared.plain.endings):
        ending = compared.plain.endings[test]
        lines.append(f"- `{test}`" + ("" if ending.is_pass else f": {ending}"))
    return "\n".join([*lines, ""])


def _title(compared: Compared) -> str:
    asked = compared.asked
    beside = "".join(f" with {one}" for one in asked.beside)
    return f"{asked.project.name} {asked.version}{beside}"


def _summary(compared: Compared) -> Iterator[str]:
    plain, hooked = compared.plain, compared.hooked
    yield f"## {_title(compared)}, Python {compared.interpreter}"
    yield ""
    yield f"Result: {_result(compared)}"
    yield ""
    yield "| | without pipmend | with pipmend |"
    yield "|---|---|---|"
    in_both = [endings.counts(run.endings) for run in (plain, hooked)]
    for kind in sorted({*in_both[0], *in_both[1]}):
        yield f"| {kind} | {in_both[0][kind]} | {in_both[1][kind]} |"
    yield f"| exit code of pytest | {plain.returncode} | {hooked.returncode} |"
    yield f"| seconds | {plain.seconds} | {hooked.seconds} |"
    yield ""
    yield f"- without: {plain.witnessed}"
    yield f"- with: {hooked.witnessed}"
    for reason in compared.asked.project.left_out:
        yield f"- left out: {reason}"
    yield from _list("this proves nothing", compared.doubts)
    yield from _list("different every time", _differences(compared.unwanted))
    yield from _list("different by design", _designed(compared))
    yield from _list("now so, now so", _differences(compared.unsteady))
    yield from _list("events", _counted(hooked.events))
    yield from _list("fails in both ways", _failures(compared))
    yield ""


def _result(compared: Compared) -> str:
    if not compared.is_same:
        return "NOT THE SAME"
    return "the same, but for what is by design" if compared.steady else "the same"


def _list(title: str, found: Iterable[str]) -> Iterator[str]:
    lines = list(found)
    yield f"- {title}: {len(lines) or 'none'}"
    yield from (f"    - {line}" for line in lines)


def _differences(found: Iterable[Difference]) -> Iterator[str]:
    for one in found:
        yield f"`{one.test}`: without, {one.plain}; with, {one.hooked}"


def _designed(compared: Compared) -> Iterator[str]:
    for one in compared.designed:
        yield f"`{one.test}`: {compared.asked.project.by_design[one.test]}"


def _failures(compared: Compared) -> Iterator[str]:
    hooked = compared.hooked.endings
    for test, ending in sorted(compared.plain.endings.items()):
        if ending.kind in endings.BAD and hooked.get(test, ending).kind == ending.kind:
            yield f"`{test}`: {ending}"


def _counted(events: Iterable[str]) -> Iterator[str]:
    for words, count in sorted(Counter(events).items()):
        yield f"{count} x {words}"
