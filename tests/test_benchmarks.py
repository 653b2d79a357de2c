"""The benchmarks run, clean up, and what they count exactly is what was promised.

Times are never asserted, as machines differ; requests, bytes and instructions are.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab.laboratory import Laboratory

CHECKOUT = Path(__file__).resolve().parents[1]
BENCHMARKS = CHECKOUT / "tests" / "benchmarks"

scanning = pytest.mark.skipif(
    not all(map(shutil.which, ("find", "xargs", "openssl", "sh"))),
    reason="what scans are measured beside is missing here",
)


counting = pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind is missing here"
)


def start_script(name: str, scratch: Path, *args: str) -> subprocess.Popen[str]:
    """Start a benchmark with a folder of its own for what it makes."""
    paths = os.pathsep.join(str(CHECKOUT / part) for part in ("src", "tests"))
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(scratch)}
    # Without byte code every start of Python compiles anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.Popen(
        [sys.executable, BENCHMARKS / name, *args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(scratch: Path, *args: str) -> subprocess.Popen[str]:
    """Start the benchmark of scans."""
    return start_script("scanning.py", scratch, "--no-npm", "--gigabytes=0", *args)


def measured(part: str, lab: Laboratory, folder: Path, *args: str) -> list[Any]:
    """The numbers of one part of the benchmark of what pipmend costs."""
    scratch, report = folder / "scratch", folder / "report.json"
    scratch.mkdir()
    options = ("--quick", f"--store={lab.store}", f"--json={report}", *args)
    with start_script("overhead.py", scratch, part, *options) as process:
        said, complained = process.communicate(timeout=3600)
    assert process.returncode == 0, complained
    assert said.startswith("\n### ")
    assert not list(scratch.iterdir())
    numbers: list[Any] = json.loads(report.read_text())[part]
    return numbers


@scanning
@pytest.mark.matrix
def test_measures_every_contender_and_removes_its_caches(tmp_path: Path) -> None:
    scratch, report = tmp_path / "scratch", tmp_path / "report.json"
    scratch.mkdir()
    arguments = ("--entries=24", "--rounds=2", "--memory=", f"--json={report}")
    with start(scratch, *arguments) as process:
        said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, complained
    rows = json.loads(report.read_text())["rows"]
    names = ["find", "cat P1", "cat P2", "openssl P1", "openssl P2"]
    names += ["scan --all", "scan, first", "scan, again"]
    assert [row["name"] for row in rows if row["temperature"] == "warm"] == names
    assert all(len(row["runs"]) == 2 for row in rows)
    assert all(f"\n  {name}" in said for name in names)
    assert not list(scratch.iterdir())


@scanning
def test_ctrl_c_removes_the_caches(tmp_path: Path) -> None:
    with start(tmp_path, "--entries=24", "--rounds=10000", "--memory=") as process:
        assert process.stderr is not None
        while "round 1" not in process.stderr.readline():
            assert process.poll() is None
        assert list(tmp_path.iterdir())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


@scanning
def test_a_command_that_scans_nothing_is_not_measured(tmp_path: Path) -> None:
    arguments = ("--entries=0", "--memory=3", "--pipmend=echo")
    with start(tmp_path, *arguments) as process:
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no summary of a scan" in complained


@pytest.mark.matrix
def test_healing_fetches_that_entry_and_nothing_else(
    lab: Laboratory, tmp_path: Path
) -> None:
    """One broken entry of 200: the requests and bytes of that one, exactly."""
    healthy, *healed, purged = measured("heal", lab, tmp_path)

    assert healthy["asked"] == []
    assert [one["name"] for one in healed] == ["a page", "core metadata", "a wheel"]
    for one in healed:
        (asked,) = one["asked"]
        assert asked.startswith("GET ")
        assert "/package42" in asked
        assert asked.endswith(" 200")
        assert one["sent"] == one["own"] > 0
    assert len(purged["asked"]) == 200
    assert purged["sent"] > 60 * max(one["sent"] for one in healed)


@counting
@pytest.mark.matrix
def test_a_start_of_python_costs_next_to_nothing(
    lab: Laboratory, tmp_path: Path
) -> None:
    """Less than others that install a hook; dormant no more than active."""
    numbers = measured("starts", lab, tmp_path)
    more = {one["startup"]: one["more"] for one in numbers}
    total = {one["startup"]: one["total"] for one in numbers}

    assert more["pipmend"] < more["`.pth`: `import sys`"] + 1_000_000
    for other in ("setuptools", "coverage", "autowrapt", "pip-system-certs"):
        assert more["pipmend"] < more[other]
    assert more["pipmend, opted in, dormant"] <= 1.001 * more["pipmend"]
    whole, bare = "pipmend for the whole machine", "nothing (copied Python)"
    if whole in more:
        assert more[whole] <= 0.005 * total[bare]
        assert more["the same, opted in, dormant"] <= 0.005 * total[bare]


@counting
@pytest.mark.matrix
def test_a_pip_without_network_costs_at_most_one_percent_more(
    lab: Laboratory, tmp_path: Path
) -> None:
    for one in measured("quiet", lab, tmp_path):
        for name, reference in one["references"].items():
            if name != "plain pip":  # which has four packages less to list
                assert one["total"] <= 1.01 * reference, one


@counting
@pytest.mark.matrix
@pytest.mark.parametrize("case", ["install", "resolve"])
def test_a_healthy_install_costs_at_most_two_percent_more(
    case: str, lab: Laboratory, tmp_path: Path
) -> None:
    """With every byte verified, in a venv and by the copy for a whole machine.

    Collections of garbage do not count: when one comes is chance.
    """
    numbers = measured("warm", lab, tmp_path, f"--case={case}")

    total = {one["variant"]: one["total"] - one["in_collector"] for one in numbers}
    compared = [one for one in numbers if one["reference"] is not None]
    assert compared
    for one in compared:
        assert total[one["variant"]] <= 1.02 * total[one["reference"]], one["variant"]
