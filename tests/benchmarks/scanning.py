"""How fast `pipmend scan` is, beside openssl, find, cat and `npm cache verify`.

Run by hand, with ``src`` and ``tests`` in PYTHONPATH, on a machine that has nothing
else to do. Caches are made in one scratch folder, below TMPDIR, that is removed at
the end, also on Ctrl-C; the defaults need 4.5 GB there and a quarter of an hour.

Each command runs in turn, round after round: first cold, with the contents of the
files evicted from the page cache (their names and inodes stay, so `find` is never
cold; a tmpfs never is), then warm. Rates count entries, and bytes of bodies. What a
ratio says is how often the command would be done while the other one runs once, as
the median over the rounds; 2.0 is twice as fast.

- openssl: `openssl dgst -sha256` over all bodies, by xargs in one or two processes at
  a time (P1, P2). It uses the processor's SHA instructions, as hashlib does.
- cat: all files, metadata too, as find names them: the least that a scan must read.
- npm: `npm cache verify` over the same bodies in a store that npm's own cacache has
  written. It checks SHA-512, and writes its index anew each time, with the same
  content.
- Memory is the resident peak, of the largest process as the kernel counts it (which
  starts at the 10 MB of the process that starts it), and of all processes that run at
  a time, summed, from samples; what they share counts in each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import made_caches
import measured
from measured import FailedError, Ran, Runner

from lab.pips import scratch_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from made_caches import Made

SOURCES = Path(__file__).resolve().parents[2] / "src"

MB = 10**6
_SMALL_DISK = 17_500
"""Bytes on disk of a small entry with its folders, and nearly as many in npm's."""
_SETTLE_SECONDS = 3
"""A scan does not remember what has changed only just now."""
_MOST_PER_BATCH = 500
_FEWEST_BATCHES = 16

FIND, OPENSSL_1, OPENSSL_2, NPM = "find", "openssl P1", "openssl P2", "npm"
REFERENCES = (OPENSSL_2, OPENSSL_1, FIND, NPM)
"""What ratios are given to."""


@dataclass(frozen=True)
class Contender:
    """A command that is measured."""

    name: str
    command: Sequence[str]
    reads: Sequence[Path]
    """The folders that are evicted before a cold run."""
    given: str = os.devnull
    """A file as its stdin."""
    prepare: Callable[[], None] = lambda: None
    check: Callable[[str], None] | None = None
    """Raises if the end of its output does not tell of the whole work."""
    rounds: int | None = None
    """At most; None for all."""


@dataclass(frozen=True)
class Row:
    """All runs of one contender at one temperature."""

    case: str
    temperature: str
    name: str
    entries: int
    body_bytes: int
    runs: list[Ran] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def spread(self) -> float:
        """From the fastest to the slowest, as a part of the median."""
        all_seconds = [run.seconds for run in self.runs]
        return (max(all_seconds) - min(all_seconds)) / self.seconds

    @property
    def cpu_seconds(self) -> float:
        """The median."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def largest(self) -> int:
        """Bytes; see ``Ran``."""
        return max(run.largest for run in self.runs)

    @property
    def tree(self) -> int | None:
        """Bytes; see ``Ran``."""
        return max((run.tree for run in self.runs if run.tree), default=None)

    def ratio(self, other: Row) -> float:
        """How often this is done while the other one runs once."""
        pairs = zip(self.runs, other.runs)
        return statistics.median(theirs.seconds / own.seconds for own, theirs in pairs)


class IncompleteError(Exception):
    """A measured command has not done the whole work."""


@dataclass
class Benchmark:
    """All measurements, below one scratch folder."""

    scratch: Path
    pipmend: Sequence[str]
    rounds: int
    npm_rounds: int
    npm_library: Path | None
    rows: list[Row] = field(default_factory=list)
    memory: list[Row] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """Where all commands keep what they keep for a user."""
        return self.scratch / "home"

    def measure(self, case: str, made: Made, *, beside_npm: bool = True) -> None:
        """Measure a cache, print its tables and remove it."""
        contenders = list(self._contenders(made))
        if beside_npm and self.npm_library is not None:
            say(f"{case}: writing npm's store")
            contenders.append(self._npm(made, self.npm_library))
        time.sleep(_SETTLE_SECONDS)
        self._title(case, made)
        rows = self._run_rounds(case, made, contenders)
        self.rows += rows
        for line in table(rows):
            print(line)
        for folder in (made.root, self._npm_folder):
            shutil.rmtree(folder, ignore_errors=True)

    def measure_memory(self, counts: Sequence[int]) -> None:
        """Measure one scan of each of several sizes, and print the table."""
        for count in counts:
            case = f"{count:,} small entries"
            say(f"making {case}")
            made = made_caches.fill(
                self.scratch / "cache", made_caches.small_contents(count)
            )
            time.sleep(_SETTLE_SECONDS)
            for contender in self._scans(made):
                say(f"{case}: {contender.name}")
                row = _row(case, "warm", contender, made)
                row.runs.append(self._run(contender, is_cold=False))
                self.memory.append(row)
            shutil.rmtree(made.root)
        print("\nMemory and time of one scan, by the number of entries")
        for line in memory_table(self.memory):
            print(line)

    def _title(self, case: str, made: Made) -> None:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(
            f"\n{case}: {made.entries:,} entries, {made.body_bytes / MB:,.1f} MB of"
            f" bodies; {self.rounds} rounds, npm {self.npm_rounds};"
            f" load before {load:.1f}"
        )

    def _run_rounds(
        self, case: str, made: Made, contenders: Sequence[Contender]
    ) -> list[Row]:
        temperatures = ["cold", "warm"] if measured.CAN_EVICT else ["warm"]
        rows = {
            (temperature, one.name): _row(case, temperature, one, made)
            for temperature in temperatures
            for one in contenders
        }
        for number in range(self.rounds):
            for one in contenders:
                if one.rounds is not None and number >= one.rounds:
                    continue
                say(f"{case}: round {number + 1}, {one.name}")
                for temperature in temperatures:
                    ran = self._run(one, is_cold=temperature == "cold")
                    rows[temperature, one.name].runs.append(ran)
        return [row for row in rows.values() if row.runs]

    def _run(self, contender: Contender, *, is_cold: bool) -> Ran:
        contender.prepare()
        if is_cold:
            os.sync()
            for folder in contender.reads:
                measured.evict(folder)
        environment = {
            **scratch_environment(self.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(SOURCES),
            "npm_config_update_notifier": "false",
        }
        runner = Runner(self.scratch, environment)
        check = contender.check
        ran = runner.run(
            contender.command, given=contender.given, keeps_output=check is not None
        )
        if check is not None:
            check(ran.said)
        return ran

    def _contenders(self, made: Made) -> Iterator[Contender]:
        cache = [made.root]
        yield Contender(FIND, ["find", str(made.root), "-type", "f"], cache)
        listed = self.scratch / "bodies"
        listed.write_bytes(b"".join(os.fsencode(body) + b"\0" for body in made.bodies))
        given = str(listed)
        batches = _xargs(made.entries)
        find = f"find {shlex.quote(str(made.root))} -type f -print0"
        for processes in ("1", "2"):
            cat = shlex.join([*batches, "-P", processes, "cat"])
            shell = ["sh", "-c", f"{find} | {cat}"]
            yield Contender(f"cat P{processes}", shell, cache)
        for processes, name in (("1", OPENSSL_1), ("2", OPENSSL_2)):
            openssl = [*batches, "-P", processes, "openssl", "dgst", "-sha256"]
            yield Contender(name, openssl, cache, given)
        yield from self._scans(made)

    def _scans(self, made: Made) -> Iterator[Contender]:
        """The last one needs what the one before has remembered."""
        reads = [made.root, self.home]
        scan = [*self.pipmend, "scan", str(made.root), "--json"]

        def check(said: str) -> None:
            check_scan(said, made.entries, unchanged=0)

        def check_again(said: str) -> None:
            check_scan(said, made.entries, unchanged=made.entries)

        yield Contender("scan --all", [*scan, "--all"], reads, check=check)
        yield Contender("scan, first", scan, reads, prepare=self._forget, check=check)
        yield Contender("scan, again", scan, reads, check=check_again)

    def _npm(self, made: Made, library: Path) -> Contender:
        folder = self._npm_folder
        made_caches.fill_npm_store(folder, made, library)
        verify = ["npm", "cache", "verify", "--cache", str(folder)]

        def check(said: str) -> None:
            if f"Content verified: {made.entries} " not in said:
                raise IncompleteError(f"npm has not verified all bodies: {said}")

        return Contender(NPM, verify, [folder], check=check, rounds=self.npm_rounds)

    @property
    def _npm_folder(self) -> Path:
        return self.scratch / "npm"

    def _forget(self) -> None:
        """Remove what scans remember."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()


def check_scan(said: str, entries: int, *, unchanged: int) -> None:
    """Check the last record of a scan.

    Raises:
        IncompleteError: it does not tell of so many healthy entries, known or read.
    """
    line = said.rstrip().rpartition("\n")[2]
    try:
        summary = json.loads(line)
    except ValueError as error:
        raise IncompleteError(f"no summary of a scan: {line}") from error
    healthy = summary["intact"]["items"] + summary["not_judged"]["items"]
    if (healthy, summary["unchanged"]) != (entries, unchanged):
        raise IncompleteError(f"not {entries} entries, {unchanged} unchanged: {line}")


def table(rows: Sequence[Row]) -> list[str]:
    """The rows of one case as lines, one block for each temperature."""
    titles = ["seconds", "spread", "cpu s", "entries/s", "MB/s"]
    titles += [f"x {name}" for name in REFERENCES]
    titles += ["largest MB", "all MB"]
    lines = []
    for temperature in dict.fromkeys(row.temperature for row in rows):
        block = {row.name: row for row in rows if row.temperature == temperature}
        lines.append([temperature, *titles])
        lines += [[f"  {name}", *_cells(row, block)] for name, row in block.items()]
    return aligned(lines)


def memory_table(rows: Sequence[Row]) -> list[str]:
    """One line for each scan, with the growth since the smallest cache."""
    titles = ["entries", "seconds", "entries/s", "largest MB", "x first", "all MB"]
    lines = [["", *titles, "x first"]]
    first: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row.name):
        before = first.setdefault(row.name, row)
        rate = f"{row.entries / row.seconds:,.0f}"
        cells = [f"  {row.name}", f"{row.entries:,}", f"{row.seconds:.3f}", rate]
        cells += [_megabytes(row.largest), f"{row.largest / before.largest:.2f}"]
        growth = row.tree / before.tree if row.tree and before.tree else None
        cells += [_megabytes(row.tree), "-" if growth is None else f"{growth:.2f}"]
        lines.append(cells)
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells as text; the first column is aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:])),
            ]
        )
        for line in lines
    ]


def _cells(row: Row, block: Mapping[str, Row]) -> list[str]:
    others = [block.get(name) for name in REFERENCES]
    return [
        f"{row.seconds:.3f}",
        f"{100 * row.spread:.0f} %" if len(row.runs) > 1 else "-",
        f"{row.cpu_seconds:.2f}",
        f"{row.entries / row.seconds:,.0f}",
        f"{row.body_bytes / row.seconds / MB:,.1f}",
        *(f"{row.ratio(other):.2f}" if other else "-" for other in others),
        _megabytes(row.largest),
        _megabytes(row.tree),
    ]


def main() -> None:
    """Make the caches, measure, print the tables."""
    arguments = _parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    library = made_caches.npm_library() if arguments.npm else None
    if arguments.npm and library is None:
        print("node or npm is not installed here: measured without npm")
    print(" | ".join(surroundings(library)))
    with tempfile.TemporaryDirectory(prefix="pipmend-scanning-") as scratch:
        benchmark = Benchmark(
            Path(scratch),
            arguments.pipmend,
            arguments.rounds,
            min(arguments.npm_rounds, arguments.rounds),
            library,
        )
        benchmark.home.mkdir()
        _measure(benchmark, arguments)
        say("removing the scratch folder")
    if arguments.json is not None:
        document = {
            "surroundings": surroundings(library),
            "arguments": {**vars(arguments), "json": str(arguments.json)},
            "rows": [as_record(row) for row in benchmark.rows],
            "memory": [as_record(row) for row in benchmark.memory],
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _measure(benchmark: Benchmark, arguments: argparse.Namespace) -> None:
    root = benchmark.scratch / "cache"
    if arguments.entries:
        say("making the cache of small entries")
        contents = made_caches.small_contents(arguments.entries)
        benchmark.measure("small entries", made_caches.fill(root, contents))
    if arguments.entries and arguments.unsealed:
        say("making the cache of unsealed entries")
        contents = made_caches.small_contents(arguments.entries)
        made = made_caches.fill(root, contents, sealed=False)
        benchmark.measure("small entries, unsealed", made, beside_npm=False)
    if arguments.gigabytes:
        say("making the cache of large wheels")
        contents = made_caches.large_contents(int(arguments.gigabytes * 10**9))
        benchmark.measure("large wheels", made_caches.fill(root, contents))
    benchmark.measure_memory(arguments.memory)


def surroundings(npm_library: Path | None) -> list[str]:
    """What the numbers depend on."""
    words = [
        f"Python {platform.python_version()}",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        _first_line("openssl", "version"),
    ]
    if npm_library is not None:
        words.append(f"npm {_first_line('npm', '--version')}")
        words.append(f"node {_first_line('node', '--version')}")
    return words


def as_record(row: Row) -> dict[str, object]:
    """A row as a JSON object, with every run."""
    runs = [
        {name: value for name, value in run._asdict().items() if name != "said"}
        for run in row.runs
    ]
    return {**asdict(row), "runs": runs}


def say(words: str) -> None:
    """Tell on stderr what is going on."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--entries", type=int, default=20_000, help="small entries (0: none)")
    add("--gigabytes", type=float, default=2, help="of large wheels (0: none)")
    add("--rounds", type=int, default=5)
    add(
        "--memory",
        type=_numbers,
        default=[1000, 20_000, 200_000],
        metavar="N,N",
        help="entries of the caches whose scan's memory is measured",
    )
    add("--unsealed", action="store_true", help="small entries without seals, too")
    add("--npm", action=argparse.BooleanOptionalAction, default=True)
    add("--npm-rounds", type=int, default=2, help="it takes a minute")
    add(
        "--pipmend",
        type=shlex.split,
        default=[sys.executable, "-m", "pipmend"],
        metavar="COMMAND",
        help="what is measured (default: this Python's, with `src` of this checkout)",
    )
    add("--json", type=Path, metavar="FILE", help="write every run there, too")
    arguments = parser.parse_args()
    needed, free = (
        _disk_needed(arguments),
        shutil.disk_usage(tempfile.gettempdir()).free,
    )
    if needed > free:
        parser.error(f"{needed / 1e9:.1f} GB of disk are needed, {free / 1e9:.1f} free")
    return arguments


def _disk_needed(arguments: argparse.Namespace) -> int:
    """Bytes; one cache is there at a time, with npm's store beside it."""
    stores = 2 if arguments.npm else 1
    measured_caches = max(
        arguments.entries * _SMALL_DISK, int(arguments.gigabytes * 10**9)
    )
    largest = max([0, *arguments.memory]) * _SMALL_DISK
    return int(1.1 * max(measured_caches * stores, largest))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _xargs(count: int) -> list[str]:
    """Call xargs over NUL-separated names, in batches that two processes can share."""
    size = max(1, min(_MOST_PER_BATCH, count // _FEWEST_BATCHES))
    return ["xargs", "-0", "-n", str(size)]


def _row(case: str, temperature: str, contender: Contender, made: Made) -> Row:
    return Row(case, temperature, contender.name, made.entries, made.body_bytes)


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / MB:.1f}"


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.partition("\n")[0]


if __name__ == "__main__":
    try:
        main()
    except (FailedError, IncompleteError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
