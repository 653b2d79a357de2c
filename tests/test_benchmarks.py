"""The benchmark of scans runs, on the smallest of caches, and cleans up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPT = CHECKOUT / "tests" / "benchmarks" / "scanning.py"

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("find", "xargs", "openssl", "sh"))),
    reason="what scans are measured beside is missing here",
)


def start(scratch: Path, *args: str) -> subprocess.Popen[str]:
    """Start the script with a folder of its own for what it makes."""
    paths = os.pathsep.join(str(CHECKOUT / part) for part in ("src", "tests"))
    return subprocess.Popen(
        [sys.executable, SCRIPT, "--no-npm", "--gigabytes=0", *args],
        env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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


def test_a_command_that_scans_nothing_is_not_measured(tmp_path: Path) -> None:
    arguments = ("--entries=0", "--memory=3", "--pipmend=echo")
    with start(tmp_path, *arguments) as process:
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no summary of a scan" in complained
