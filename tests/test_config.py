"""Settings: the environment, then the way of installation."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipmend import config
from pipmend.config import Mode


@pytest.fixture(autouse=True)
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the marker of a dormant installation would be."""
    path = tmp_path / "opt_in"
    monkeypatch.setattr(config, "OPT_IN_MARKER", path)
    return path


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        pytest.param("heal", Mode.HEAL, id="heal"),
        pytest.param("observe", Mode.OBSERVE, id="observe"),
        pytest.param("off", Mode.OFF, id="off"),
        pytest.param(" Heal\n", Mode.HEAL, id="spaced-capitals"),
    ],
)
def test_the_variable_names_the_mode(value: str, mode: Mode) -> None:
    """In any case, spaces do not matter."""
    settings = config.load({config.MODE_VARIABLE: value})

    assert settings.mode is mode
    assert settings.problem is None
    assert config.MODE_VARIABLE in settings.mode_source


@pytest.mark.parametrize("environment", [{}, {config.MODE_VARIABLE: ""}], ids=len)
def test_without_a_variable_pipmend_heals(environment: dict[str, str]) -> None:
    """An empty one counts as none."""
    settings = config.load(environment)

    assert settings.mode is Mode.HEAL
    assert settings.problem is None


@pytest.mark.parametrize("value", ["on", "1", "heal,observe", " ", "\x1b[31m\u202e"])
def test_what_is_not_understood_is_off_and_told(value: str) -> None:
    """In one printable line that names the choices."""
    settings = config.load({config.MODE_VARIABLE: value})

    assert settings.mode is Mode.OFF
    assert settings.problem is not None
    assert settings.problem.isprintable()
    assert settings.problem.isascii()
    assert all(mode.value in settings.problem for mode in Mode)


def test_a_long_value_is_cut() -> None:
    """A person reads the line."""
    settings = config.load({config.MODE_VARIABLE: "x" * 10_000})

    assert settings.problem is not None
    assert len(settings.problem) < 200


def test_installed_dormant_it_waits_for_the_variable(marker: Path) -> None:
    """And the variable wins."""
    marker.touch()

    assert config.load({}).mode is Mode.OFF
    assert config.load({}).problem is None
    assert config.load({config.MODE_VARIABLE: "heal"}).mode is Mode.HEAL


def test_the_variable_is_none_of_pips() -> None:
    """Names that begin with ``PIP_`` are options of pip."""
    assert not config.MODE_VARIABLE.startswith("PIP_")


def test_the_log_folder_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading settings leaves no trace."""
    for name in ("HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))

    folder = config.load({}).log_folder

    assert folder.is_absolute()
    assert "pipmend" in folder.parts
    assert list(tmp_path.iterdir()) == []


def test_looking_at_the_mode_loads_nothing_dear() -> None:
    """It is done in every pip, also where pipmend is off."""
    code = (
        "import sys; from pipmend import config; config.load()\n"
        "print(*{'wrapt', 'msgpack', 'platformdirs', 'json'}.intersection(sys.modules))"
    )
    source = str(Path(config.__file__).parent.parent)

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == ""
