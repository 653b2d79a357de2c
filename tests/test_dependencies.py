"""The oldest and the newest releases of the dependencies: both make pip heal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.damages import damage
from lab.index_style import IndexStyle
from lab.pips import make_venv, pip_wheel
from lab.wheels import CHECKOUT, pipmend_wheels
from pipmend._compat import toml

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Bench, Benches

PIP = "26.3"


def declared() -> dict[str, str]:
    """The lowest version of each dependency that ``pyproject.toml`` allows."""
    project = toml.parse((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    assert isinstance(project, dict)
    return dict(one.split(">=") for one in project["dependencies"])


OLDEST = tuple(f"{name}=={version}" for name, version in declared().items())
NEWEST = tuple(declared())


def bench_with(
    benches: Benches, folder: Path, dependencies: tuple[str, ...], python: str
) -> Bench:
    """A broken page before a pip whose pipmend has these dependencies."""
    lab = benches.lab
    if python not in lab.pythons:
        pytest.skip(f"there is no Python {python} here")
    house = pipmend_wheels(lab.store, python=python, dependencies=dependencies)
    venv = make_venv(
        folder / "venv",
        base_python=lab.pythons[python],
        pip_wheel=pip_wheel(PIP if python != "3.9" else "26.0.1", lab.store),
        wheels=sorted(house.glob("*.whl")),
    )
    bench = benches.bench(folder, PIP, IndexStyle(), hooked=False)
    damage("body-empty").apply(bench.entry("/simple/alpha/"))
    return replace(bench, pip=replace(bench.pip, venv=venv))


def test_each_dependency_has_a_floor_and_no_ceiling() -> None:
    assert list(declared()) == ["wrapt", "msgpack", "platformdirs"]


@pytest.mark.parametrize(
    ("dependencies", "python"),
    [
        # The oldest releases have wheels for these.
        pytest.param(OLDEST, "3.9", id="oldest-3.9"),
        pytest.param(OLDEST, "3.11", id="oldest-3.11", marks=pytest.mark.matrix),
        pytest.param(NEWEST, "3.9", id="newest-3.9", marks=pytest.mark.matrix),
        pytest.param(NEWEST, "3.10", id="newest-3.10", marks=pytest.mark.matrix),
        pytest.param(NEWEST, "3.11", id="newest-3.11", marks=pytest.mark.matrix),
        pytest.param(NEWEST, "3.12", id="newest-3.12", marks=pytest.mark.matrix),
        pytest.param(NEWEST, "3.13", id="newest-3.13"),
    ],
)
def test_pip_heals_with_them(
    dependencies: tuple[str, ...], python: str, benches: Benches, tmp_path: Path
) -> None:
    bench = bench_with(benches, tmp_path, dependencies, python)

    done = bench.install()

    assert done.run.returncode == 0, str(done.run)
    assert "pipmend: quarantined the cached page of 'alpha'" in done.run.stderr
    assert done.fetched == ["/simple/alpha/"]
    assert done.files == bench.warm.installed
