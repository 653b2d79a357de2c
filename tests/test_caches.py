"""Cache folders are found where pip has them, as ``pip cache dir`` tells."""

from __future__ import annotations

import locale
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.pips import scratch_environment
from pipmend._compat import caches

if TYPE_CHECKING:
    from lab.laboratory import Laboratory
    from lab.pips import Venv

PIPS = ("20.3.4", "25.3", "26.3")
NAME = "pip.ini" if os.name == "nt" else "pip.conf"
LEGACY = f"pip/{NAME}" if os.name == "nt" else f".pip/{NAME}"

only_xdg = pytest.mark.skipif(
    sys.platform in {"win32", "darwin"}, reason="the folders have other names here"
)


@dataclass
class Machine:
    """A home folder with configuration files, and a virtual environment."""

    home: Path
    prefix: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start from nothing that is set around the tests."""
        self.environment = scratch_environment(self.home)
        self.environment["VIRTUAL_ENV"] = str(self.prefix)
        del self.environment["PIP_CONFIG_FILE"]

    def folder(self, name: str, *, part: str = "http") -> Path:
        """Make a cache folder below the home folder."""
        path = self.home / name
        (path / part).mkdir(parents=True, exist_ok=True)
        return Path(os.path.normcase(os.path.realpath(path)))

    def write(self, name: str, text: str) -> Path:
        """Write a configuration file; ``HOME`` in it stands for the home folder."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("HOME", str(self.home)), encoding="utf-8")
        return path

    def set(self, **variables: str | None) -> None:
        """Set variables, where ``HOME`` stands for the home folder; None removes."""
        for name, value in variables.items():
            self.environment.pop(name, None)
            if value is not None:
                self.environment[name] = value.replace("HOME", str(self.home))

    def find(self) -> list[caches.CacheFolder]:
        """What the module finds here."""
        return caches.find(self.environment)

    @property
    def paths(self) -> list[Path]:
        """The folders that the module finds here."""
        return [folder.path for folder in self.find()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with an empty virtual environment."""
    prefix = tmp_path / "venv"
    prefix.mkdir()
    return Machine(tmp_path / "home", prefix)


@dataclass(frozen=True)
class Case:
    """How pip is told about its cache: variables, and files by their names."""

    variables: dict[str, str | None] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    site: str = ""
    """What ``pip.conf`` of the virtual environment says."""


def cache_dir(name: str, section: str = "global", key: str = "cache-dir") -> str:
    """The lines of a configuration file that set it."""
    return f"[{section}]\n{key} = HOME/{name}\n"


CASES = [
    pytest.param(Case({"XDG_CACHE_HOME": "HOME/xdg"}), id="default"),
    pytest.param(Case({"XDG_CACHE_HOME": None}), id="default-in-home", marks=only_xdg),
    pytest.param(Case({"PIP_CACHE_DIR": "~/one"}, site=cache_dir("two")), id="tilde"),
    pytest.param(
        Case({"PIP_CACHE_DIR": "HOME/link"}, {LEGACY: cache_dir("two")}), id="link"
    ),
    pytest.param(
        Case({"PIP_CACHE_DIR": ""}, {LEGACY: cache_dir("two", key="--Cache_Dir")}),
        id="empty-variable-odd-key",
    ),
    pytest.param(
        Case(
            files={LEGACY: cache_dir("one"), f"config/pip/{NAME}": cache_dir("two")},
        ),
        id="legacy-and-new",
        marks=only_xdg,
    ),
    pytest.param(
        Case(
            {"XDG_CONFIG_DIRS": f"HOME/etc{os.pathsep}HOME/etc2"},
            {
                f"etc/pip/{NAME}": cache_dir("one", "cache"),
                f"etc2/pip/{NAME}": cache_dir("two"),
                f"config/pip/{NAME}": cache_dir("three"),
            },
        ),
        id="sections-before-files",
        marks=only_xdg,
    ),
    pytest.param(
        Case(files={LEGACY: cache_dir("one")}, site=cache_dir("two")),
        id="virtual-environment-over-user",
    ),
    pytest.param(
        Case(
            {"PIP_CONFIG_FILE": "HOME/named.conf"},
            {"named.conf": cache_dir("one", "DEFAULT") + "[global]\n"},
            site=cache_dir("two"),
        ),
        id="named-file-over-all",
    ),
    pytest.param(
        Case(
            {"PIP_CONFIG_FILE": "HOME/named.conf"},
            {"named.conf": "[global]\n", LEGACY: cache_dir("two", "cache")},
        ),
        id="named-file-instead-of-user",
    ),
    pytest.param(
        Case(
            {"PIP_CONFIG_FILE": os.devnull},
            {LEGACY: cache_dir("one")},
            site=cache_dir("two"),
        ),
        id="no-files",
    ),
    pytest.param(Case(files={LEGACY: cache_dir("one", "install")}), id="other-command"),
]


@pytest.fixture(scope="module")
def venvs(lab: Laboratory) -> dict[str, Venv]:
    """An environment of its own for each pip, since files are put into it."""
    return {
        version: lab.fresh_venv(f"caches-pip{version}", version, hooked=False)
        for version in PIPS
    }


def set_up(machine: Machine, case: Case) -> None:
    """Make all folders that a case may name, then what names them."""
    for name in ("one", "two", "three", "xdg/pip", "cache/pip", ".cache/pip"):
        machine.folder(name)
    machine.folder("Library/Caches/pip")
    (machine.home / "link").symlink_to(machine.home / "one")
    machine.set(**case.variables)
    for name, text in case.files.items():
        machine.write(name, text)
    machine.write("site.conf", case.site).replace(machine.prefix / NAME)


@pytest.mark.parametrize("case", CASES)
def test_the_first_folder_is_the_one_that_pip_names(
    case: Case, venvs: dict[str, Venv], tmp_path: Path
) -> None:
    """Whatever names it: a variable, a file, or nothing."""
    for version, venv in venvs.items():
        machine = Machine(tmp_path / version, venv.python.parent.parent)
        set_up(machine, case)

        done = run_pip(venv, machine)
        assert done.returncode == 0, done.stderr
        assert str(machine.paths[0]) == done.stdout.strip(), version


def run_pip(venv: Venv, machine: Machine) -> subprocess.CompletedProcess[str]:
    """Run ``pip cache dir``."""
    return subprocess.run(
        [venv.python, "-m", "pip", "cache", "dir"],
        env=machine.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("variable", ["PIP_NO_CACHE_DIR", "PIP_CACHE_DIR"])
@pytest.mark.parametrize("value", ["true", "off", ""])
def test_what_switches_the_cache_off_is_named(
    variable: str, value: str, venvs: dict[str, Venv], tmp_path: Path
) -> None:
    """By any value; the folder is found all the same."""
    for version, venv in venvs.items():
        machine = Machine(tmp_path / version, venv.python.parent.parent)
        cache = machine.folder("cache/pip")
        machine.set(PIP_CONFIG_FILE=os.devnull, XDG_CACHE_HOME="HOME/cache")
        machine.set(**{variable: value})
        off = variable == "PIP_NO_CACHE_DIR" and value

        assert (run_pip(venv, machine).returncode != 0) == bool(off)
        told = caches.switched_off(machine.environment)
        assert told == (f"environment variable {variable}" if off else None)
        assert cache in machine.paths


@only_xdg
def test_every_folder_is_found_once_with_its_source(machine: Machine) -> None:
    """The one in force, those of other commands and environments, the default."""
    one, two, three = (machine.folder(name) for name in ("one", "two", "three"))
    default = machine.folder("cache/pip")
    (machine.home / "link").symlink_to(one)
    user = machine.write(
        ".pip/pip.conf", cache_dir("link") + cache_dir("two", "download")
    )
    conda = machine.write("conda/pip.conf", cache_dir("three"))
    machine.set(PIP_CACHE_DIR="~/one/", CONDA_PREFIX="HOME/conda")

    assert machine.find() == [
        (one, "environment variable PIP_CACHE_DIR"),
        (two, f"configuration file {user}"),
        (three, f"configuration file {conda}"),
        (default, "pip's default place"),
    ]


def test_only_folders_that_exist_are_found(machine: Machine) -> None:
    """Neither what is missing nor a file counts."""
    machine.write("one", "a file")
    machine.write(LEGACY, cache_dir("two"))
    machine.set(PIP_CACHE_DIR="HOME/one")

    assert machine.paths == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"cache-dir = ONE\n", id="no-section"),
        pytest.param(b"[global]\ncache-dir = ONE\ncache-dir = ONE\n", id="twice"),
        pytest.param(b"[global]\ncache-dir = ONE\0\n", id="null"),
        pytest.param(b"[global]\ncache-dir = ONE\n#" + b"x" * (1 << 20), id="long"),
        pytest.param(b"\xff\xfe[\0g\0", id="other-encoding"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_passed_over(
    machine: Machine, content: bytes
) -> None:
    """The next one counts."""
    one, two = machine.folder("one"), machine.folder("two")
    machine.write(LEGACY, cache_dir("two"))
    content = content.replace(b"ONE", os.fsencode(one))
    (machine.prefix / NAME).write_bytes(content)

    assert machine.paths == [two]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_is_passed_over(machine: Machine) -> None:
    """Reading it would never end."""
    two = machine.folder("two")
    machine.write(LEGACY, cache_dir("two"))
    os.mkfifo(machine.prefix / NAME)

    assert machine.paths[0] == two


def test_a_file_is_decoded_as_pip_does(machine: Machine) -> None:
    """By the locale, so that a folder with an accent is found."""
    two = machine.folder("zwö")
    text = f"[global]\ncache-dir = {machine.home / 'zwö'}\n"
    utf8 = sys.flags.utf8_mode
    encoding = "utf-8" if utf8 else locale.getpreferredencoding(False)
    (machine.prefix / NAME).write_bytes(text.encode(encoding))

    assert machine.paths[0] == two


@pytest.mark.skipif(os.name == "nt", reason="platformdirs asks Windows itself")
def test_the_default_place_is_that_of_platformdirs(machine: Machine) -> None:
    """From which pip has it."""
    machine.set(XDG_CACHE_HOME=None)
    ask = "import platformdirs; print(platformdirs.user_cache_dir('pip', False))"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=machine.environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    place = Path(done.stdout.strip()).relative_to(machine.home)
    folder = machine.folder(str(place))

    assert machine.paths == [folder]


def test_macos_has_its_own_folders(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier pips do not know ``XDG_CACHE_HOME`` there: both places are found."""
    monkeypatch.setattr(caches, "_SYSTEM", "macos")
    one, two = machine.folder("one"), machine.folder("two")
    newest, usual = machine.folder("cache/pip"), machine.folder("Library/Caches/pip")

    machine.write(".config/pip/pip.conf", cache_dir("one"))
    assert machine.paths == [one, newest, usual]

    machine.write("Library/Application Support/pip/pip.conf", cache_dir("two"))
    machine.set(XDG_CACHE_HOME=None)
    assert machine.paths == [two, usual]


def test_windows_has_its_own_folders(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roaming file is stronger than the earlier one; XDG variables say nothing."""
    monkeypatch.setattr(caches, "_SYSTEM", "windows")
    one, two, three = (machine.folder(name) for name in ("one", "two", "three"))
    default = machine.folder("local/pip/Cache")
    machine.folder("cache/pip")
    machine.set(PROGRAMDATA="HOME/shared")
    machine.write("shared/pip/pip.ini", cache_dir("three"))
    machine.write("pip/pip.ini", "[global]\ncache-dir = ~/two\n")
    machine.write("roaming/pip/pip.ini", cache_dir("one"))

    assert machine.paths == [one, two, three, default]

    machine.set(APPDATA=None, LOCALAPPDATA=None, PROGRAMDATA="HOME/nowhere")
    usual = machine.folder("AppData/Local/pip/Cache")
    assert machine.paths == [two, usual]


@only_xdg
def test_a_relative_default_place_is_kept_behind(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pip 26.3 ignores it, earlier ones use it."""
    monkeypatch.chdir(machine.home)
    machine.set(XDG_CACHE_HOME="relative")
    earlier, default = machine.folder("relative/pip"), machine.folder(".cache/pip")

    assert machine.paths == [default, earlier]


@only_xdg
def test_the_home_folder_is_that_of_the_environment(tmp_path: Path) -> None:
    """Without one there, the user database knows it."""
    on_record = subprocess.run(
        [sys.executable, "-c", "import os; print(os.path.expanduser('~'))"],
        env={},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    assert caches.home_folder({"HOME": str(tmp_path)}) == tmp_path
    assert caches.home_folder({}) == Path(on_record.stdout.strip())
    assert caches.home_folder({"HOME": ""}) == Path(on_record.stdout.strip())


def test_indexes_come_from_variables_and_files(machine: Machine) -> None:
    """Each once, without credentials, with one slash at the end."""
    machine.write(
        LEGACY,
        "[global]\nindex-url = https://weak.index.example/simple//\n"
        "[install]\nextra-index-url =\n"
        "    https://user:secret@more.index.example:8443/simple?token=secret\n"
        "    https://first.index.example/simple\n"
        "[freeze]\nindex-url = https://unused.index.example/simple\n",
    )
    machine.set(
        PIP_INDEX_URL="HTTPS://first.index.example/simple/",
        PIP_EXTRA_INDEX_URL="file:///srv/simple http://[::1 user:secret@index.example",
    )

    urls = caches.index_urls(machine.environment)

    assert [url for url in urls if "index.example" in url] == [
        "https://first.index.example/simple/",
        "https://weak.index.example/simple/",
        "https://more.index.example:8443/simple/",
    ]
    assert not any("secret" in url for url in urls)


def test_no_indexes_where_files_are_switched_off(machine: Machine) -> None:
    """The built-in one of pip is not named here."""
    machine.write(LEGACY, "[global]\nindex-url = https://weak.index.example/simple\n")
    machine.set(PIP_CONFIG_FILE=os.devnull)

    assert caches.index_urls(machine.environment) == []


def test_a_cache_has_a_part_of_one(tmp_path: Path) -> None:
    """An empty folder is none."""
    assert not caches.is_cache(tmp_path)
    assert not caches.is_cache(tmp_path / "missing")

    (tmp_path / "wheels").mkdir()
    assert caches.is_cache(tmp_path)
