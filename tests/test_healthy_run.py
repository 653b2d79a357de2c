"""A healthy run leaves no trace, and what does not use the cache loads nothing."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.index_style import IndexStyle
from lab.pips import scratch_environment

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Benches
    from lab.laboratory import Laboratory

PIPS = ("22.0.4", "23.3.2", "26.3")
WATCHED = {"pipmend", "pipmend_hook", "wrapt", "msgpack", "platformdirs"}


@pytest.mark.parametrize("version", PIPS)
def test_a_healthy_run_prints_what_pip_prints_and_writes_nothing(
    version: str, benches: Benches, tmp_path: Path
) -> None:
    """Output, requests, cache and home folder are those of plain pip."""
    runs = {}
    for name, is_hooked in (("hooked", True), ("plain", False)):
        folder = tmp_path / name
        bench = benches.bench(folder, version, IndexStyle(), hooked=is_hooked)
        installed = bench.install()
        output = re.sub(r"[\d.]+ (k|M)B/s( eta [\d:]+)?", "", installed.run.output)
        runs[name] = (
            output.replace(str(folder), ""),
            installed.requests,
            installed.files,
            sorted(cache_files.snapshot(bench.cache)),
            sorted(path.name for path in bench.pip.home.rglob("*")),
        )

    assert runs["hooked"] == runs["plain"]


COUNTING = """
import sys
from pip._vendor import msgpack

usual, calls = msgpack.loads, []

def loads(*args, **kwargs):
    calls.append(args)
    return usual(*args, **kwargs)

msgpack.loads = loads
from pip._internal.cli.main import main
status = main(sys.argv[1:])
sys.stderr.write(f"decoded {len(calls)} entries, ended with {status}")
"""


@pytest.mark.parametrize("version", PIPS)
def test_pip_decodes_nothing_that_was_decoded_to_be_judged(
    version: str, benches: Benches, tmp_path: Path
) -> None:
    """Its msgpack is written in Python and takes longer than all the judging."""
    told = {}
    for is_hooked in (True, False):
        folder = tmp_path / str(is_hooked)
        bench = benches.bench(folder, version, IndexStyle(), hooked=is_hooked)
        done = subprocess.run(
            [bench.pip.venv.python, "-c", COUNTING, "download", "-d", folder, "alpha"],
            env=bench.pip.environment(bench.cache),
            capture_output=True,
            text=True,
            check=False,
        )
        told[is_hooked] = done.stderr.rpartition("decoded ")[2]

    assert told[True] == "0 entries, ended with 0"
    assert told[False].endswith(" entries, ended with 0")
    assert told[False] != told[True]


@pytest.mark.parametrize("flags", [(), ("-I",), ("-E",), ("-s",)], ids="".join)
def test_a_python_start_loads_stage_0_only(
    flags: tuple[str, ...], lab: Laboratory, tmp_path: Path
) -> None:
    """``python -c pass`` pays for one small module."""
    venv = lab.venv("26.3", hooked=True)

    loaded = modules_after(venv.python, flags, "pass", tmp_path)

    assert loaded == ["pipmend_hook"]


@pytest.mark.parametrize(
    ("version", "command"),
    [
        # pip 24.0 and older load their HTTP cache for list and freeze too.
        *((version, "--version") for version in ("22.0.4", "24.0")),
        *(
            (version, command)
            for version in ("25.3", "26.3")
            for command in ("--version", "list", "freeze", "config list")
        ),
    ],
)
def test_a_pip_without_network_loads_stage_0_only(
    version: str, command: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Commands that never touch the HTTP cache load no wrapt and no msgpack."""
    venv = lab.venv(version, hooked=True)
    code = (
        f"import runpy, sys; sys.argv = ['pip', *{command.split()!r}]\n"
        "try: runpy.run_module('pip', run_name='__main__')\n"
        "except SystemExit: pass"
    )

    loaded = modules_after(venv.python, (), code, tmp_path)

    assert loaded == ["pipmend_hook"]


def modules_after(
    python: Path, flags: tuple[str, ...], code: str, home: Path
) -> list[str]:
    """The watched modules that are loaded once the code has run."""
    code += "\nimport sys; print('LOADED', *sys.modules)"
    done = subprocess.run(
        [python, *flags, "-c", code],
        env=scratch_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    words = done.stdout.rpartition("LOADED")[2].split()
    return sorted(WATCHED.intersection(words))
