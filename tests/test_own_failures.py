"""When pipmend itself fails, pip does what it does without pipmend.

Every function that pipmend calls in some run of pip is made to raise, one at a time,
and the run is done again. The cache holds a healthy entry, one to revalidate, and
broken ones that pip survives on its own.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.packages import catalogue, wheel
from lab.pips import tree
from lab.source_tree import reached_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Bench, Benches
    from lab.cache_files import HttpEntry
    from lab.packages import Artifact

PIPS = ("22.0.4", "26.3")
PACKAGE = Path(__file__).resolve().parent.parent / "src" / "pipmend"

IN_PIP = reached_from("pipmend._startup", "pipmend._patches")
"""The modules that pip loads."""

RIM = {
    "_guard:attempt",
    "_guard:Returned.__init__",
    "_guard:Guard.run",
    "_guard:Guard._trip",
    "_patches:_Patches.on_import",
    "_patches:_Patches.on_command",
    "post_mortem:PostMortem.note_error",
}
"""What stands between pip and the guard, too short to fail. So does every function
with a parameter ``wrapped``: it is called in the place of a function of pip's."""

RUNS = {"succeeding": "alpha", "failing": "beta==9.9", "built-before": "gamma"}
"""What pip is told to install."""

# Runs pip once for each line on stdin, in a fork, as importing takes longer than all
# else: what the traced run has imported is imported here, but for pipmend and what it
# hooks into.
SERVER = """
import contextlib, functools, importlib, json, os, sys, traceback

import pip._internal.cli.main

class Broken(Exception):
    pass

called = set()
LATE = "pipmend", "pip._internal", "pip._vendor.cachecontrol"

def break_function(name):
    module_name, _, path = name.partition(":")
    for module in (module_name, "_startup", "_patches"):
        importlib.import_module("pipmend." + module)
    *owners, attribute = path.split(".")
    owner = functools.reduce(getattr, owners, sys.modules["pipmend." + module_name])
    original = vars(owner)[attribute]

    def fail(*args, **kwargs):
        raise Broken(name)

    is_wrapped = isinstance(original, (property, classmethod, staticmethod))
    replacement = type(original)(fail) if is_wrapped else fail
    setattr(owner, attribute, replacement)
    for module in [m for n, m in sys.modules.items() if n.startswith("pipmend.")]:
        for key, value in list(vars(module).items()):
            if value is original:
                setattr(module, key, replacement)

def trace(frame, event, _):
    code = frame.f_code
    if event == "call" and os.path.basename(os.path.dirname(code.co_filename)) in (
        "pipmend", "_compat"
    ):
        called.add((os.path.basename(code.co_filename), code.co_firstlineno))

def run(task):
    os.chdir(task["folder"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    status = 70
    try:
        if task["function"]:
            break_function(task["function"])
        if task["traced"]:
            sys.setprofile(trace)
        status = pip._internal.cli.main.main(task["arguments"])
    except SystemExit as error:
        status = error.code
    except BaseException:
        traceback.print_exc()
    sys.setprofile(None)
    sys.stdout.flush()
    sys.stderr.flush()
    with open("report", "w") as file:
        early = [name for name in sys.modules if not name.startswith(LATE)]
        report = {"status": status, "called": sorted(called), "early": early}
        json.dump(report, file)

for line in sys.stdin:
    task = json.loads(line)
    child = os.fork()
    if not child:
        run(task)
        os._exit(0)
    os.waitpid(child, 0)
    if task["traced"]:
        for name in json.load(open(task["folder"] + "/report"))["early"]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        assert not any(name.startswith(LATE[2]) for name in sys.modules)
    print("done", flush=True)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks pips")


@dataclass(frozen=True)
class Function:
    """A function or method of pipmend."""

    name: str
    """``module:function`` or ``module:Class.method``."""
    file: str
    line: int

    def __str__(self) -> str:
        return self.name


def functions() -> list[Function]:
    """All that pip may come to run, but for the rim."""
    return [
        Function(f"{'.'.join(parts)}:{name}", path.name, line)
        for path in sorted(PACKAGE.rglob("*.py"))
        for parts in [path.relative_to(PACKAGE).with_suffix("").parts]
        if ".".join(("pipmend", *parts)) in IN_PIP
        for name, line in _named(ast.parse(path.read_bytes()))
        if f"{'.'.join(parts)}:{name}" not in RIM
    ]


def _named(node: ast.Module | ast.ClassDef) -> Iterator[tuple[str, int]]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef):
            if "wrapped" not in [argument.arg for argument in child.args.args]:
                first = child.decorator_list[0] if child.decorator_list else child
                yield child.name, first.lineno
        elif isinstance(child, ast.ClassDef) and "Protocol" not in map(
            ast.unparse, child.bases
        ):
            for name, line in _named(child):
                yield f"{child.name}.{name}", line


def prepare(bench: Bench) -> None:
    """Put entries into the cache that lead pip, and pipmend, to all that they do."""
    _change(bench.entry("/simple/beta/"), {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"})
    _change(bench.entry("alpha-2.0"), {}, vary={"User-Agent": "another client"})
    damage("metadata-half").apply(bench.entry("/simple/alpha/"))
    cache_files.age(bench.cache)
    beta = bench.entry("beta-1.5")
    if beta.body is None:
        damage("metadata-dangling-link").apply(beta)
    else:
        # As if another pip were storing it at this moment.
        beta.body.unlink()
        beta.body.with_name(beta.body.name + "_.tmp").touch()


def put_built_wheel(bench: Bench, sdist: Artifact, python: str) -> None:
    """Put a wheel into the wheel cache, as if it had been built from a source file."""
    url = bench.warm.index.url.replace("/simple/", f"/packages/{sdist.filename}")
    key = {
        "url": url,
        "sha256": sdist.sha256,
        "interpreter_name": "cp",
        "interpreter_version": python.replace(".", ""),
    }
    text = json.dumps(key, sort_keys=True, separators=(",", ":"))
    name = hashlib.sha224(text.encode()).hexdigest()
    parts = (name[:2], name[2:4], name[4:6], name[6:])
    built = wheel(sdist.name, sdist.version)
    path = bench.cache.joinpath("wheels", *parts, built.filename)
    path.parent.mkdir(parents=True)
    path.write_bytes(built.content)


def _change(entry: HttpEntry, headers: dict[str, str], **keys: object) -> None:
    document = cache_files.decode(entry)
    document["response"]["headers"] |= headers
    cache_files.encode(entry, {**document, **keys})


@dataclass(frozen=True)
class Ended:
    """What became of one run of pip."""

    status: int
    stdout: str
    stderr: str
    files: dict[str, str]
    called: frozenset[tuple[str, int]]
    """File name and first line of each function of pipmend, in a traced run."""


@dataclass
class Pips:
    """A process that runs pip again and again on copies of one cache."""

    process: subprocess.Popen[str]
    cache: Path
    folder: Path
    count: int = 0

    def run(
        self, requirement: str, *, broken: str | None = None, traced: bool = False
    ) -> Ended:
        """Run pip once."""
        self.count += 1
        folder = self.folder / f"run{self.count}"
        shutil.copytree(self.cache, folder / "cache", symlinks=True)
        (folder / "out").mkdir()
        options = ["--target=out", "--no-compile", "--progress-bar=off"]
        task = {
            "function": broken,
            "traced": traced,
            "folder": str(folder),
            "arguments": ["install", *options, "--cache-dir=cache", requirement],
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(task), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "done\n"
        report = json.loads((folder / "report").read_text())
        return Ended(
            report["status"],
            (folder / "stdout").read_text(),
            (folder / "stderr").read_text(),
            tree(folder / "out"),
            frozenset((file, line) for file, line in report["called"]),
        )


@dataclass
class Pair:
    """The same pip with pipmend and without, and what each does unhindered."""

    plain: Pips
    hooked: Pips

    def __post_init__(self) -> None:
        runs = RUNS.items()
        self.expected = {name: self.plain.run(asked) for name, asked in runs}
        self.traced = {
            name: self.hooked.run(asked, traced=True) for name, asked in runs
        }

    def run_that_calls(self, function: Function) -> str | None:
        """The name of a run in which a function is called."""
        where = (function.file, function.line)
        names = (name for name, run in self.traced.items() if where in run.called)
        return next(names, None)


class Pairs:
    """A pair for each version, made when it is asked for."""

    def __init__(self, benches: Benches, folder: Path) -> None:
        self._benches = benches
        self._folder = folder
        self._pairs: dict[str, Pair] = {}

    def __getitem__(self, version: str) -> Pair:
        if version not in self._pairs:
            self._pairs[version] = Pair(
                self._started(version, hooked=False),
                self._started(version, hooked=True),
            )
        return self._pairs[version]

    def close(self) -> None:
        """Let the processes end."""
        for pair in self._pairs.values():
            for pips in (pair.plain, pair.hooked):
                with pips.process:
                    assert pips.process.stdin is not None
                    pips.process.stdin.close()

    def _started(self, version: str, *, hooked: bool) -> Pips:
        folder = self._folder / f"{version}-{'hooked' if hooked else 'plain'}"
        style = IndexStyle(content_encoding="gzip")
        bench = self._benches.bench(folder, version, style, hooked=hooked)
        prepare(bench)
        (gamma,) = (one for one in catalogue() if one.name == "gamma")
        put_built_wheel(bench, gamma, self._benches.lab.default_python)
        process = subprocess.Popen(
            [bench.pip.venv.python, "-c", SERVER],
            env=bench.pip.environment(bench.cache),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return Pips(process, bench.cache, folder)


@pytest.fixture(scope="module")
def pairs(
    benches: Benches, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pairs]:
    """The processes of this worker."""
    made = Pairs(benches, tmp_path_factory.mktemp("failing"))
    yield made
    made.close()


@pytest.mark.parametrize(
    "version", [pytest.param(PIPS[0], marks=pytest.mark.matrix), *PIPS[1:]]
)
@pytest.mark.parametrize("function", functions(), ids=str)
def test_a_failing_function_is_not_felt_by_pip(
    function: Function, version: str, pairs: Pairs
) -> None:
    """Exit status, standard output and installed files are those of plain pip."""
    pair = pairs[version]
    name = pair.run_that_calls(function)
    if name is None:
        pytest.skip("not called in these runs")
    expected = pair.expected[name]

    ended = pair.hooked.run(RUNS[name], broken=function.name)

    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.status == expected.status, ended.stderr
    assert ended.stdout == expected.stdout
    assert ended.files == expected.files


@pytest.mark.parametrize("version", PIPS)
def test_with_nothing_broken_pipmend_is_at_work(version: str, pairs: Pairs) -> None:
    """The runs of the test above are runs with pipmend, and one of them fails."""
    pair = pairs[version]

    told = pair.traced["succeeding"].stderr

    assert "pipmend: quarantined the cached page of 'alpha'" in told
    assert pair.expected["succeeding"].files
    assert [run.status for run in pair.expected.values()] == [0, 1, 0]
    assert [run.status for run in pair.traced.values()] == [0, 1, 0]
    assert "wheels.py" in {file for file, _ in pair.traced["built-before"].called}
