"""Settings: environment, configuration files, way of installation, default."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from lab.permissions import without_override
from lab.pips import interpreters, scratch_environment
from pipmend import config, config_text
from pipmend.config import Mode, Option, Target

if TYPE_CHECKING:
    from collections.abc import Callable

PIP, BOTH = frozenset({Target.PIP}), frozenset(Target)
SOURCE = str(Path(config.__file__).parent.parent)


@dataclass(frozen=True)
class Machine:
    """A machine with a user, whose configuration files may be there."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Where the files are; nothing else is set."""
        user, machine = (str(self.folder / name) for name in ("user", "machine"))
        windows = {"LOCALAPPDATA": user, "PROGRAMDATA": machine}
        posix = {"XDG_CONFIG_HOME": user, "XDG_CONFIG_DIRS": machine}
        return {**windows, **posix}

    def file(self, level: str) -> Path:
        """The file of the ``user`` or of the ``machine``."""
        return self.folder / level / "pipmend" / "config.toml"

    def write(self, level: str, content: str | bytes) -> Path:
        """Write one."""
        path = self.file(level)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        return path

    def load(self, *, unless_off: bool = False, **variables: str) -> config.Settings:
        """The settings in force."""
        environment = {**self.environment, **variables}
        return config.load(environment, unless_off=unless_off)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any file."""
    return Machine(tmp_path / "files")


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


@pytest.mark.parametrize(
    "variables",
    [{}, {"PIPMEND": "heal"}, {"PIPMEND_TARGETS": "pip,cachecontrol"}],
    ids=["nothing", "mode", "targets"],
)
def test_looking_at_the_mode_loads_nothing_dear(variables: dict[str, str]) -> None:
    """It is done in every pip, also where pipmend is off."""
    code = (
        "import sys; from pipmend import config; config.load()\n"
        "dear = {'wrapt', 'msgpack', 'platformdirs', 'json', 'tomllib', 'tomli'}\n"
        "print(*dear.intersection(sys.modules), *(n for n in sys.modules"
        " if n.startswith('pipmend.') and n[8:] not in {'config', 'records'}))"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, **variables, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == ""


# Configuration files.


def test_each_setting_can_be_in_a_file(machine: Machine, tmp_path: Path) -> None:
    path = machine.write(
        "user",
        f"""
        mode = "observe"
        targets = ["pip", "cachecontrol"]
        [quarantine]
        max_age_days = 1.5
        max_bytes = 1000
        [events]
        folder = '{tmp_path}'
        """,
    )

    settings = machine.load()

    assert settings.mode is Mode.OBSERVE
    assert settings.targets == BOTH
    assert settings.longest_age == 36 * 3600
    assert settings.largest_total == 1000
    assert settings.log_folder == settings.events_folder == tmp_path
    assert settings.sources == dict.fromkeys(Option, str(path))
    assert settings.problem is None


def test_without_any_file_all_is_default(machine: Machine) -> None:
    settings = machine.load()

    assert (settings.mode, settings.targets) == (Mode.HEAL, PIP)
    assert (settings.longest_age, settings.largest_total) == (None, None)
    assert settings.events_folder is None
    assert set(settings.sources.values()) == {"default"}
    assert settings.problem is None


def test_the_environment_then_the_user_then_the_machine(machine: Machine) -> None:
    """Each setting by itself."""
    user = machine.write("user", "mode = 'observe'")
    below = machine.write("machine", "mode = 'off'\ntargets = ['cachecontrol']")

    settings = machine.load()

    assert settings.mode is Mode.OBSERVE
    assert settings.targets == {Target.CACHECONTROL}
    assert settings.sources[Option.MODE] == str(user)
    assert settings.sources[Option.TARGETS] == str(below)

    settings = machine.load(PIPMEND="heal", PIPMEND_TARGETS="pip")

    assert (settings.mode, settings.targets) == (Mode.HEAL, PIP)
    assert config.MODE_VARIABLE in settings.sources[Option.MODE]
    assert config.TARGETS_VARIABLE in settings.sources[Option.TARGETS]


@pytest.mark.parametrize("level", ["user", "machine"])
def test_a_file_wakes_what_was_installed_dormant(
    level: str, machine: Machine, marker: Path
) -> None:
    """One that says so; the others leave it dormant."""
    marker.touch()
    machine.write(level, "[quarantine]\nmax_bytes = 5")
    settings = machine.load()
    assert settings.mode is Mode.OFF
    assert settings.mode_source == "installed with --opt-in"
    assert settings.largest_total == 5

    machine.write(level, "mode = 'heal'")
    assert machine.load().mode is Mode.HEAL


@pytest.mark.parametrize(
    ("value", "targets"),
    [
        ("pip,cachecontrol", BOTH),
        (" PIP , CacheControl, ", BOTH),
        ("cachecontrol", {Target.CACHECONTROL}),
        ("", PIP),
    ],
)
def test_the_variable_lists_targets(
    value: str, targets: frozenset[Target], machine: Machine
) -> None:
    settings = machine.load(PIPMEND_TARGETS=value)

    assert settings.targets == targets
    assert settings.problem is None


@pytest.mark.parametrize("value", ["all", "pip;cachecontrol", "*", "\x1b[31m"])
def test_an_unknown_target_is_none(value: str, machine: Machine) -> None:
    """It is told, and switches nothing on."""
    settings = machine.load(PIPMEND_TARGETS=value)

    assert settings.targets == frozenset()
    check_problem(settings, "pip, cachecontrol")


def check_problem(settings: config.Settings, *words: str) -> None:
    """There is one, in one printable line of a length that a person reads."""
    (problem,) = settings.problems
    assert problem.isascii()
    assert problem.isprintable()
    assert len(problem) < 500
    for word in words:
        assert word in problem


def _folder(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    os.mkfifo(path)


BROKEN: dict[str, bytes | Callable[[Path], None]] = {
    "cut": b'mode = "he',
    "no-toml": b"mode: heal\n",
    "no-text": b"mode = '\xff'\n",
    "nul": bytes(100),
    "twice": b"mode = 'heal'\nmode = 'heal'\n",
    "nested": b"a = " + b"[" * 30_000,
    "too-long": b"mode = 'heal'\n" + b"#" * config_text.LARGEST_FILE,
    "folder": _folder,
    "fifo": _fifo,
}


@pytest.fixture(params=BROKEN)
def broken(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """A machine where the user's file cannot be read."""
    content = BROKEN[request.param]
    if isinstance(content, bytes):
        machine.write("user", content)
    else:
        machine.file("user").parent.mkdir(parents=True)
        content(machine.file("user"))
    return machine


def test_a_broken_file_switches_nothing_on(broken: Machine, marker: Path) -> None:
    """It may have said "off": neither default nor weaker sources count any more."""
    settings = broken.load()
    assert settings.mode is Mode.OFF
    check_problem(settings, str(broken.file("user")), "cannot be read")

    broken.write("machine", "mode = 'heal'\ntargets = ['pip', 'cachecontrol']")
    assert broken.load().mode is Mode.OFF
    assert broken.load().targets == PIP

    marker.touch()
    assert broken.load().mode is Mode.OFF


def test_the_environment_is_stronger_than_a_broken_file(broken: Machine) -> None:
    """And than a broken file of the machine is the user's."""
    settings = broken.load(PIPMEND="heal")
    assert (settings.mode, settings.targets) == (Mode.HEAL, PIP)
    assert len(settings.problems) == 1

    broken.file("user").parent.rename(broken.folder / "aside")
    (broken.folder / "machine").mkdir()
    (broken.folder / "aside").rename(broken.file("machine").parent)
    assert broken.load().mode is Mode.OFF
    broken.write("user", "mode = 'heal'")
    settings = broken.load()
    assert (settings.mode, settings.targets) == (Mode.HEAL, PIP)
    assert len(settings.problems) == 1


@pytest.mark.parametrize("value", ["'on'", "true", "1", "['heal']", "''", "'\u202e'"])
def test_a_mode_that_is_none_is_off(value: str, machine: Machine) -> None:
    """As in the variable; the rest of the file counts."""
    machine.write("machine", "mode = 'heal'")
    machine.write("user", f"mode = {value}\n[quarantine]\nmax_bytes = 7")

    settings = machine.load()

    assert settings.mode is Mode.OFF
    assert settings.largest_total == 7
    check_problem(settings, *(mode.value for mode in Mode))


@pytest.mark.parametrize(
    ("value", "targets"),
    [
        ("'pip'", PIP),
        ("7", PIP),
        ("['cachecontrol', 'uv']", {Target.CACHECONTROL}),
        ("[['pip'], 5, {}]", set()),
    ],
)
def test_targets_that_are_none(
    value: str, targets: set[Target], machine: Machine
) -> None:
    """Those that are known count; weaker sources add none."""
    machine.write("machine", "targets = ['pip', 'cachecontrol']")
    machine.write("user", f"targets = {value}")

    settings = machine.load()

    assert settings.targets == targets
    check_problem(settings, "targets")


@pytest.mark.parametrize(
    "line",
    [
        *(f"max_age_days = {value}" for value in ("-1", "'7'", "true", "nan", "inf")),
        *(f"max_bytes = {value}" for value in ("-1", "1.5", "'1 GiB'", "false", "[]")),
        f"max_bytes = {'9' * 30}",
    ],
)
def test_limits_that_are_none_count_as_absent(line: str, machine: Machine) -> None:
    """The next source is asked."""
    machine.write("machine", "[quarantine]\nmax_bytes = 9\nmax_age_days = 1")
    machine.write("user", f"[quarantine]\n{line}")

    settings = machine.load()

    assert (settings.largest_total, settings.longest_age) == (9, 86400)
    assert settings.mode is Mode.HEAL
    check_problem(settings, f"quarantine.{line.split(maxsplit=1)[0]}")


@pytest.mark.parametrize("value", ["'relative'", "''", "7", '"/a\\u0000b"'])
def test_a_folder_that_is_none_counts_as_absent(value: str, machine: Machine) -> None:
    """Events then go to the user's log folder."""
    machine.write("user", f"[events]\nfolder = {value}")

    settings = machine.load()

    assert settings.events_folder is None
    check_problem(settings, "events.folder")


def test_the_home_folder_may_be_meant(machine: Machine) -> None:
    machine.write("user", "[events]\nfolder = '~/events'")

    assert machine.load().events_folder == Path.home() / "events"


def test_unknown_settings_are_told_and_ignored(machine: Machine) -> None:
    """A few by name, however many there are."""
    names = "\n".join(f'"colour\\u001b{number}" = 1' for number in range(500))
    path = machine.write("user", f"mode = 'observe'\n{names}\n[events]\nfold = 1")

    settings = machine.load()

    assert settings.mode is Mode.OBSERVE
    check_problem(settings, str(path), "colour", "and 498 more")


def test_a_marked_file_is_read(machine: Machine) -> None:
    """Some editors put a mark in front of UTF-8."""
    machine.write("user", b"\xef\xbb\xbfmode = 'observe'\r\n")

    assert machine.load().mode is Mode.OBSERVE


def test_a_link_is_followed(machine: Machine, tmp_path: Path) -> None:
    """Many keep such files elsewhere."""
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_text("mode = 'observe'")
    machine.file("user").parent.mkdir(parents=True)
    machine.file("user").symlink_to(elsewhere)

    assert machine.load().mode is Mode.OBSERVE

    elsewhere.unlink()
    assert machine.load().mode is Mode.HEAL


def test_off_by_the_environment_looks_at_no_file(machine: Machine) -> None:
    """Inside pip; a command looks all the same, to find the events."""
    machine.write("user", "broken")

    for value in ("off", "nonsense"):
        settings = machine.load(unless_off=True, PIPMEND=value)
        assert settings.mode is Mode.OFF
        assert not any("config.toml" in problem for problem in settings.problems)
    assert machine.load(PIPMEND="off").problems
    assert machine.load(unless_off=True, PIPMEND="heal").problems


@pytest.mark.parametrize(
    ("variables", "calls"),
    [({"PIPMEND": "off"}, []), ({"PIPMEND": "heal"}, ["stat", "stat"])],
    ids=["off", "heal"],
)
def test_without_files_it_costs_two_looks(
    variables: dict[str, str], calls: list[str], machine: Machine
) -> None:
    """Calls into the system, counted."""
    counted = []

    def count(_frame: object, event: str, called: object) -> None:
        if event == "c_call" and getattr(called, "__module__", "") == os.name:
            counted.append(getattr(called, "__name__", ""))

    sys.setprofile(count)
    try:
        machine.load(unless_off=True, **variables)
    finally:
        sys.setprofile(None)

    seen = [name for name in counted if name not in {"fspath", "fsencode"}]
    assert seen == calls


@pytest.mark.skipif(sys.platform == "darwin", reason="Homebrew has a folder of its own")
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CONFIG_HOME": "/x/user", "XDG_CONFIG_DIRS": "/x/one:/x/two"},
        {"XDG_CONFIG_HOME": "", "XDG_CONFIG_DIRS": ""},
        {"XDG_CONFIG_HOME": "relative", "XDG_CONFIG_DIRS": "relative:/x/two"},
        {"HOME": "/x/home"},
    ],
    ids=str,
)
def test_files_are_where_platformdirs_has_folders(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is not asked: its import is dear."""
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    folders = [
        platformdirs.user_config_dir("pipmend", appauthor=False),
        platformdirs.site_config_dir("pipmend", appauthor=False),
    ]

    assert config.files() == [Path(folder, "config.toml") for folder in folders]


def test_without_a_home_there_is_one_on_record() -> None:
    """And none of it stops anybody."""
    assert config.load({}).problem is None
    assert all(path.is_absolute() for path in config.files({"HOME": "relative"}))


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.13"])
def test_a_file_is_read_on_every_python(
    version: str, machine: Machine, tmp_path: Path
) -> None:
    """With pip's reader of TOML up to 3.10, or else there is a line that says so."""
    python = interpreters().get(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    machine.write("user", "mode = 'observe'")
    with_pip, bare = (
        said_by([python, *flags], machine, tmp_path) for flags in ((), ("-S",))
    )

    assert with_pip == "observe None"
    if version == "3.13":
        assert bare == "observe None"
    else:
        assert bare.startswith("off ")
        assert "no reader of TOML" in bare


def said_by(python: list[str | Path], machine: Machine, folder: Path) -> str:
    """The mode and the problem, as a Python of its own reads them."""
    code = (
        "from pipmend import config\n"
        "settings = config.load()\n"
        "print(settings.mode.value, settings.problem)"
    )
    done = subprocess.run(
        [*python, "-c", code],
        env={
            **scratch_environment(folder / "home"),
            **machine.environment,
            "PYTHONPATH": SOURCE,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_a_file_that_is_closed(machine: Machine, tmp_path: Path) -> None:
    """It is there, so it may say "off"; in a folder that is closed there is none.

    A container often runs with the home folder of another user.
    """
    path = machine.write("user", "mode = 'heal'")
    path.chmod(0)
    python: list[str | Path] = [*without_override([sys.executable])]

    closed_file = said_by(python, machine, tmp_path)
    path.parent.chmod(0)
    closed_folder = said_by(python, machine, tmp_path)
    path.parent.chmod(0o700)

    assert closed_file.startswith("off ")
    assert "Permission denied" in closed_file
    assert closed_folder == "heal None"
