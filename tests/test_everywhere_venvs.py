"""`install_hook.py --all-venvs`: the same for every venv below a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPT = CHECKOUT / "install_hook.py"


def hook(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script as it is used, with both outputs in one."""
    dropped = {"PIPMEND", "PYTHONPATH", "VIRTUAL_ENV"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env={key: value for key, value in os.environ.items() if key not in dropped},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """A folder with a venv, and one that has lost its Python."""
    folder = tmp_path / "projects"
    lost = folder / "lost" / "env"
    lost.mkdir(parents=True)
    (lost / "pyvenv.cfg").touch()
    venv = folder / "app" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return folder


def test_each_venv_is_done_and_reported(projects: Path) -> None:
    """One that fails does not keep the others from being done, and is no success."""
    venv = projects / "app" / ".venv"
    before = {path for path in venv.rglob("*") if "__pycache__" not in path.parts}

    done = hook("--all-venvs", projects)

    assert done.returncode == 1
    assert f"[1/2] {venv}\n" in done.stdout
    assert "active: pip's cache heals itself in this Python." in done.stdout
    assert f"[2/2] {projects / 'lost' / 'env'}\n" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 of 2 venvs: done"
    done = hook("--all-venvs", projects, "--uninstall")
    assert "removed: pipmend" in done.stdout
    after = {path for path in venv.rglob("*") if "__pycache__" not in path.parts}
    assert after == before


def test_without_a_venv_nothing_is_done(tmp_path: Path) -> None:
    done = hook("--all-venvs", tmp_path)

    assert done.returncode == 1
    assert "there is no venv below" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        "--global --venv env",
        "--global --all-venvs .",
        "--global --demo",
        "--global --editable",
        "--all-venvs . --test",
        "--user",
        "--python python3",
        "--prefix . --venv env",
        "--allow-group",
        "--wheels .",
    ],
)
def test_what_makes_no_sense_together(words: str) -> None:
    assert hook(*words.split()).returncode == 2
