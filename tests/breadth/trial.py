"""One pip on one Python: a series of runs as it comes, and the same with pipmend.

What pip does without pipmend is the measure: of healthy runs, of odd entries that are
healthy all the same, and of what an install gives whatever the cache was like.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from breadth import pairs, results
from breadth.odd import SERIES
from breadth.results import Outcome, Verdict, Where
from lab import cache_files
from lab.built_wheels import WHEEL_DAMAGES, wheels_below
from lab.damages import damage
from lab.debian import OutOfReachError
from lab.pips import make_venv
from lab.workbench import Workbench, workbench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from breadth.armed import Armed
    from breadth.results import Case, Result
    from breadth.stock import Stock
    from lab.pips import Run

REQUIREMENTS = ("alpha", "gamma")
"""alpha 2.0, which needs beta 1.5; and gamma 1.0, which is built here."""

BUILT = "gamma-1.0-py3-none-any.whl"

ROUNDS: tuple[Mapping[str, str], ...] = (
    {
        "/simple/alpha/": "body-empty",
        "/simple/beta/": "metadata-half",
        "alpha-2.0-py3-none-any.whl": "file-flipped-bit",
        "beta-1.5-py3-none-any.whl": "metadata-top-empty-map",
        BUILT: "truncated",
    },
    {
        "/simple/alpha/": "metadata-extra-key",
        "/simple/beta/": "body-half",
        "alpha-2.0-py3-none-any.whl": "body-nul-tail",
        "beta-1.5-py3-none-any.whl": "metadata-header-bytes",
        BUILT: "nul-filled",
    },
    {
        "/simple/alpha/": "metadata-top-list",
        "/simple/beta/": "body-one-byte-short",
        "alpha-2.0-py3-none-any.whl": "metadata-bad-date",
        "beta-1.5-py3-none-any.whl": "file-html-instead",
        BUILT: "html-instead",
    },
)
"""What is broken in one run: a damage by a part of the URL; of ``BUILT``, the wheel."""

_SPEED = re.compile(r"[\d.]+ (k|M)B/s( eta [\d:]+)?")
_WARNING = "Cache entry deserialization failed"


class Seen(NamedTuple):
    """What can be seen of one install; two of these are compared."""

    returncode: int
    output: str
    requests: tuple[str, ...]
    """``METHOD path status`` of each."""
    files: dict[str, str]
    cache: tuple[str, ...]
    """The names of all files in the cache afterwards."""
    home: tuple[str, ...]
    """The names of all files below the home folder afterwards."""


class Measure(NamedTuple):
    """What pip does by itself."""

    healthy: Seen
    odd: Mapping[str, Seen]
    """By the name of the series."""


def tried(pair: Case, stock: Stock, folder: Path, *, armed: Armed | None) -> Result:
    """Try a pair.

    Args:
        pair: the pip and the Python.
        stock: what to draw on.
        folder: for this trial alone.
        armed: has the interpreter; without it, pipmend goes into the environment.
    """

    def run() -> tuple[Verdict, str]:
        bench, verdict = _trial(pair, stock, folder, armed)
        ran = [f"pip {one['pip']} on Python {one['python']}" for one in bench.events]
        return verdict, "".join(ran[:1])

    where = Where.ENVIRONMENT if armed is None else Where.INTERPRETER
    return results.tried("pairs", pair, where, run)


def _trial(
    pair: Case, stock: Stock, folder: Path, armed: Armed | None
) -> tuple[Workbench, Verdict]:
    python = pairs.interpreter(pair.python)
    store = stock.lab.store
    wheel = pairs.wheel_of(pair.subject, store)
    pairs.check_declared(wheel, pair.python)
    venv = make_venv(folder / "venv", base_python=python, pip_wheel=wheel)
    bench = workbench(stock.lab, venv, stock.index, folder)
    measure = _measured(bench)
    if armed is None:
        _attach(bench, [str(path) for path in pairs.own_wheels(pair.python, store)])
    else:
        armed.take_over(venv.python, pair.python)
    return bench, _compared(bench, measure)


def _measured(bench: Workbench) -> Measure:
    """Fill a cache, and see what pip does with it.

    Raises:
        OutOfReachError: this pip does not work on this Python.
    """
    first = bench.install(*REQUIREMENTS)
    if first.returncode:
        reason = first.output.strip().splitlines()[-1].partition(". Did you mean")[0]
        assert not reason.startswith("ERROR: "), f"nothing could be installed: {first}"
        raise OutOfReachError(f"this pip does not run on this Python: {reason}")
    shutil.copytree(bench.cache, _sound(bench))
    return Measure(_seen(bench), {name: _odd(bench, name) for name in SERIES})


def _attach(bench: Workbench, wheels: list[str]) -> None:
    options = ("--no-index", "--no-deps", "--no-cache-dir")
    bench.pip.run("install", *options, *wheels, cache=bench.cache, check=True)


def _compared(bench: Workbench, measure: Measure) -> Verdict:
    """Repeat the runs with pipmend in place, then break what they use."""
    problems = list(_problems_of_healthy_runs(bench, measure))
    unfit = [one for one in bench.events if one["event"] == "pipmend.seam_unfit"]
    if unfit and not problems:
        return Verdict(Outcome.LEFT_ALONE, str(unfit[0]["problem"]))
    for damages in ROUNDS:
        problems += _problems_of_healing(bench, measure, damages)
    if problems:
        return Verdict(Outcome.FAILS, "; ".join(problems))
    return Verdict(Outcome.HEALS)


def _problems_of_healthy_runs(bench: Workbench, measure: Measure) -> Iterator[str]:
    _restore(bench)
    yield from _differences("a healthy run", _seen(bench), measure.healthy)
    for name, expected in measure.odd.items():
        odd = _odd(bench, name)
        # pip warns of a Vary mismatch, and with pipmend does not.
        yield from _differences(name, odd, expected, but="output")
        if "pipmend" in odd.output or _WARNING in odd.output:
            yield f"{name}: {odd.output}"


def _problems_of_healing(
    bench: Workbench, measure: Measure, damages: Mapping[str, str]
) -> Iterator[str]:
    _restore(bench)
    for fragment, name in damages.items():
        _break(bench, fragment, name)
    bench.age()
    run = bench.install(*REQUIREMENTS)
    if run.returncode or bench.files != measure.healthy.files:
        yield f"not healed: {run}"
        return
    count = len(damages)
    # Of a cache that breaks so often, another event speaks too.
    events = [one["event"] for one in bench.events if ".entry_" in one["event"]]
    fetched = sorted(one.path for one in bench.index.served if one.body_bytes)
    told = [line for line in run.stderr.splitlines() if "pipmend: quarantined" in line]
    counts = {
        "found corrupt": (events.count("pipmend.entry_corrupt"), count),
        # A wheel that is built again is not stored by way of a response.
        "healed": (events.count("pipmend.entry_healed"), count - 1),
        "events of entries": (len(events), 2 * count - 1),
        "fetched": (len(fetched), count - 1),
        "in quarantine": (len(bench.quarantine), count),
        "told": (len(told), count),
    }
    for what, (got, wanted) in counts.items():
        if got != wanted:
            yield f"{got} {what}, not {wanted}: {run}"
    yield from _problems_of_the_next_run(bench, measure)


def _problems_of_the_next_run(bench: Workbench, measure: Measure) -> Iterator[str]:
    count = len(bench.events)
    run = bench.install(*REQUIREMENTS)
    if run.returncode or bench.files != measure.healthy.files:
        yield f"the next run: {run}"
    if "pipmend" in run.output or len(bench.events) != count:
        yield f"the next run is not quiet: {run}"
    if _requests(bench) != measure.healthy.requests:
        yield f"the next run asks for {_requests(bench)}"


def _break(bench: Workbench, fragment: str, name: str) -> None:
    if fragment == BUILT:
        (built,) = wheels_below(bench.cache)
        WHEEL_DAMAGES[name](built)
    else:
        damage(name).apply(bench.entry(fragment))


def _differences(
    what: str, got: Seen, expected: Seen, *, but: str | None = None
) -> Iterator[str]:
    for name in Seen._fields:
        found, wanted = getattr(got, name), getattr(expected, name)
        if name != but and found != wanted:
            yield f"{what}: {name} is {found!r}, without pipmend {wanted!r}"


def _odd(bench: Workbench, name: str) -> Seen:
    """What is seen when some healthy entries of a sound cache look odd."""
    _restore(bench)
    SERIES[name](bench)
    return _seen(bench)


def _seen(bench: Workbench) -> Seen:
    run = bench.install(*REQUIREMENTS)
    return Seen(
        run.returncode,
        _normal(run, bench),
        _requests(bench),
        bench.files,
        tuple(sorted(cache_files.snapshot(bench.cache))),
        tuple(sorted(path.name for path in bench.pip.home.rglob("*"))),
    )


def _normal(run: Run, bench: Workbench) -> str:
    return _SPEED.sub("", run.output).replace(str(bench.folder), "")


def _requests(bench: Workbench) -> tuple[str, ...]:
    served = bench.index.served
    return tuple(f"{one.method} {one.path} {one.status}" for one in served)


def _sound(bench: Workbench) -> Path:
    return bench.folder / "sound"


def _restore(bench: Workbench) -> None:
    """Go back to the cache that the first install has left, with no past."""
    for folder in (bench.cache, bench.pip.home):
        shutil.rmtree(folder)
    shutil.copytree(_sound(bench), bench.cache, symlinks=True)
    bench.age()
