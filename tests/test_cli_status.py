"""`pipmend status` and the frame around all commands, in real venvs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pipmend
from lab.tools import installed
from pipmend.cli.output import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.laboratory import Laboratory

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Place:
    """A venv and the environment that its programs run in."""

    python: Path
    site: Path
    environment: dict[str, str]

    def run(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the interpreter."""
        return subprocess.run(
            [str(self.python), *args],
            env={**self.environment, **variables},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def status(self, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `pipmend status`."""
        return self.run("-m", "pipmend", "status", *args, **variables)

    def document(self, *args: str, **variables: str) -> dict[str, Any]:
        """What `pipmend status --json` says."""
        done = self.status("--json", *args, **variables)
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if document["active"] else 1)
        return document


def _venv(folder: Path, *options: str) -> Place:
    create = [sys.executable, "-m", "venv", *options, str(folder)]
    subprocess.run(create, check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, check=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
        and not name.startswith("PIPMEND")
    }
    scratch = folder.with_name(folder.name + "-home")
    environment.update(
        PIP_CACHE_DIR=str(scratch / "cache"),
        XDG_STATE_HOME=str(scratch / "state"),
        XDG_CONFIG_HOME=str(scratch / "config"),
        XDG_CONFIG_DIRS=str(scratch / "machine"),
    )
    return Place(python, Path(os.fsdecode(answer.stdout.strip())), environment)


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A venv with pipmend."""
    place = _venv(tmp_path_factory.mktemp("status") / "hooked")
    done = place.run("-m", "pip", "install", "--quiet", str(CHECKOUT))
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A venv without pip, and so without anything."""
    return _venv(tmp_path_factory.mktemp("status") / "bare", "--without-pip")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.splitlines()[-1]


def test_active(hooked: Place) -> None:
    """The last line says so, and so does the exit code."""
    done = hooked.status()
    assert done.returncode == 0, done.stdout + done.stderr
    assert _last_line(done) == "active: pip's cache heals itself in this Python."
    assert done.stderr == ""


def test_document(hooked: Place) -> None:
    """The JSON has what the text has."""
    document = hooked.document()
    assert document["schema"] == 1
    assert document["warnings"] == []
    assert Path(document["python"]["executable"]) == hooked.python
    assert document["python"]["venv"] is True
    assert Path(document["pip"]["location"]) == hooked.site / "pip"
    assert document["pip"]["cache"] == hooked.environment["PIP_CACHE_DIR"]
    assert document["pipmend"]["version"] == pipmend.__version__
    assert document["pipmend"]["mode"] == "heal"
    assert document["pipmend"]["gates"]["unfit"] is None
    assert document["pipmend"]["quarantine"].startswith(document["pip"]["cache"])


def test_own_startup_files_are_reported(hooked: Place) -> None:
    """Both, unchanged and compiled."""
    files = {
        Path(file["path"]).relative_to(hooked.site).as_posix(): file
        for file in hooked.document()["startup_files"]
    }
    for name in ("pipmend_hook.pth", "pipmend_hook.py"):
        assert files[name]["record"] == "matches"
        assert files[name]["owner"] == "pipmend"
        assert files[name]["size"] == (hooked.site / name).stat().st_size
    assert files["pipmend_hook.py"]["compiled"] is True


def test_nothing_starts_unreported(hooked: Place) -> None:
    """What a bare start loads from the site folder is among the reported files."""
    ask = (
        "import sys; print(*(getattr(m, '__file__', 0) for m in sys.modules.values()))"
    )
    loaded = hooked.run("-c", ask).stdout.split()
    ours = {path for path in loaded if path.startswith(str(hooked.site))}
    reported = {file["path"] for file in hooked.document()["startup_files"]}
    assert ours
    assert ours <= reported


def test_looking_leaves_no_trace(hooked: Place) -> None:
    """No cache, no log, no quarantine."""
    hooked.status()
    assert not Path(hooked.environment["PIP_CACHE_DIR"], "pipmend").exists()
    assert not Path(hooked.environment["XDG_STATE_HOME"]).exists()


def test_observing_is_active(hooked: Place) -> None:
    """The mode and where it comes from are told."""
    done = hooked.status(PIPMEND="observe")
    assert done.returncode == 0
    assert "observe (environment variable PIPMEND)" in done.stdout
    assert "recorded, not healed" in _last_line(done)


@pytest.mark.parametrize("value", ["off", "no\x1b[2Jnsense"], ids=["off", "nonsense"])
def test_switched_off(hooked: Place, value: str) -> None:
    """Says what to do."""
    done = hooked.status(PIPMEND=value)
    assert done.returncode == 1
    assert _last_line(done).startswith("not active: ")
    assert "do: set PIPMEND=heal" in _last_line(done)
    assert "\x1b" not in done.stdout


@pytest.fixture
def configured(hooked: Place) -> Iterator[Callable[[str], Path]]:
    """Writes the user's configuration file; it goes in the end."""
    folder = Path(hooked.environment["XDG_CONFIG_HOME"], "pipmend")

    def write(content: str) -> Path:
        folder.mkdir(parents=True)
        path = folder / "config.toml"
        path.write_text(content)
        return path

    yield write
    shutil.rmtree(folder)


CONFIGURATION = """
mode = "observe"
[quarantine]
max_age_days = 7
max_bytes = 2048
[events]
folder = "/var/log/elsewhere"
"""


def test_settings_have_sources(
    hooked: Place, configured: Callable[[str], Path]
) -> None:
    """Each says where it comes from, and which files could say otherwise."""
    default = hooked.status().stdout
    path = configured(CONFIGURATION)
    done = hooked.status(PIPMEND_TARGETS="pip")

    assert "mode         heal (default)" in default
    assert f"settings     {path} (not there)" in default
    for line in (
        f"mode         observe ({path})",
        "targets      pip (environment variable PIPMEND_TARGETS)",
        f"max age      7 d ({path})",
        f"max size     2.0 KiB ({path})",
        f"log folder   {Path('/var/log/elsewhere')} ({path})",
        f"settings     {path}\n",
    ):
        assert f"  {line}" in done.stdout
    assert "recorded, not healed" in _last_line(done)


def test_settings_as_document(hooked: Place, configured: Callable[[str], Path]) -> None:
    """All of them, in the units of the file."""
    path = configured(CONFIGURATION)

    document = hooked.document(PIPMEND="heal")["pipmend"]

    assert [
        (one["name"], one["value"], one["source"]) for one in document["settings"]
    ] == [
        ("mode", "heal", "environment variable PIPMEND"),
        ("targets", ["pip"], "default"),
        ("quarantine.max_age_days", 7, str(path)),
        ("quarantine.max_bytes", 2048, str(path)),
        ("events.folder", str(Path("/var/log/elsewhere")), str(path)),
    ]
    assert document["mode_source"] == "environment variable PIPMEND"
    assert document["settings_files"][0] == {"path": str(path), "exists": True}
    assert document["settings_files"][1]["exists"] is False


def test_a_broken_configuration_file_is_why(
    hooked: Place, configured: Callable[[str], Path]
) -> None:
    """A warning says what is wrong with it, the last line what to do."""
    path = configured("mode = \x1b")

    done = hooked.status()

    assert done.returncode == 1
    assert f"warning: {path} cannot be read" in done.stdout
    assert f"not active: off ({path}, which cannot be read)" in _last_line(done)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ("cachecontrol", "not active: pip is no target (environment variable"),
        ("nothing", "not active: pip is no target (environment variable"),
        ("pip,cachecontrol", "active: pip's cache heals itself"),
    ],
)
def test_targets(hooked: Place, targets: str, sentence: str) -> None:
    """What is no target is not looked after; a library that is not there is told."""
    done = hooked.status(PIPMEND_TARGETS=targets)

    assert _last_line(done).startswith(sentence), done.stdout
    is_told = "library      CacheControl is not in this Python" in done.stdout
    assert is_told == ("cachecontrol" in targets)


def test_the_library_is_tried_out_as_well(lab: Laboratory, hooked: Place) -> None:
    """With pip as a target, or without."""
    packages = str(installed(lab.store, "cachecontrol[filecache]==0.14.4"))

    both = hooked.status(PYTHONPATH=packages, PIPMEND_TARGETS="pip,cachecontrol")
    alone = hooked.status(PYTHONPATH=packages, PIPMEND_TARGETS="cachecontrol")

    assert "library      CacheControl 0.14.4: the gates fit" in both.stdout
    assert "gates        fit this pip" in both.stdout
    assert "pip's cache heals itself" in _last_line(both)
    assert "CacheControl" in _last_line(alone)
    assert (both.returncode, alone.returncode) == (0, 0)
    assert not Path(hooked.environment["XDG_STATE_HOME"]).exists()


@pytest.fixture
def appended(hooked: Place) -> Iterator[Path]:
    """Our start-up file with a line too many."""
    path = hooked.site / "pipmend_hook.pth"
    content = path.read_bytes()
    path.write_bytes(content.rstrip() + b"\nimport os\n")
    yield path
    path.write_bytes(content)


def test_changed_startup_file_is_warned_about(hooked: Place, appended: Path) -> None:
    """It is still active, but not what was installed."""
    document = hooked.document()
    assert document["active"] is True
    assert document["warnings"] == [f"{appended} is not what pipmend installed"]


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_terminal_is_safe_from_file_names(hooked: Place) -> None:
    """Control characters in what was read do not reach the terminal."""
    path = hooked.site / "evil\x1b[2J\u202e\udcff.pth"
    path.touch()
    try:
        done = hooked.status(LC_ALL="C.UTF-8")
    finally:
        path.unlink()
    assert done.returncode == 0, done.stderr
    assert "evil?[2J??.pth" in done.stdout


def test_plain() -> None:
    """Also line breaks: one value is one line."""
    assert plain("a\nb\x1b\u2028\u202e é") == "a?b??? é"


def test_disabled_cache(hooked: Place) -> None:
    """Without a cache there is nothing to heal, which is told."""
    done = hooked.status(PIP_NO_CACHE_DIR="1")
    assert "none, or disabled" in done.stdout


def test_missing_dependency_is_named(hooked: Place) -> None:
    """Stage 0 tells why stage 1 did not load, and status passes that on."""
    wrapt = hooked.site / "wrapt"
    wrapt.rename(hooked.site / "wrapt-aside")
    try:
        done = hooked.status()
    finally:
        shutil.move(str(hooked.site / "wrapt-aside"), str(wrapt))
    assert done.returncode == 1
    assert "No module named 'wrapt'" in _last_line(done)
    assert "do: install pipmend again" in _last_line(done)


def test_broken_pip_is_named(hooked: Place) -> None:
    """A pip that cannot start is told from a missing one."""
    session = hooked.site / "pip" / "_internal" / "network" / "session.py"
    content = session.read_bytes()
    session.write_bytes(b"raise RuntimeError('cut off')\n")
    try:
        done = hooked.status()
    finally:
        session.write_bytes(content)
    assert done.returncode == 1
    assert "pip cannot start: RuntimeError('cut off')" in _last_line(done)


def test_other_interpreter_without_pipmend(hooked: Place, bare: Place) -> None:
    """It is looked at with this pipmend's code; standard library is enough."""
    done = hooked.status("--python", str(bare.python.parent.parent))
    assert done.returncode == 1
    assert f"interpreter  {bare.python}" in done.stdout
    assert "this Python has no pip" in _last_line(done)


def test_other_interpreter_with_pipmend(hooked: Place) -> None:
    """It answers by itself, from wherever it is asked."""
    outside = Place(Path(sys.executable), Path(), hooked.environment)
    script = str(CHECKOUT / "src" / "pipmend" / "__main__.py")
    done = outside.run(script, "status", "--json", "--python", str(hooked.python))
    assert json.loads(done.stdout)["active"] is True, done.stderr


def test_other_interpreter_that_is_none(hooked: Place, tmp_path: Path) -> None:
    """A wrong path is a usage error."""
    done = hooked.status("--python", str(tmp_path / "python"))
    assert done.returncode == 2
    assert "there is no Python at" in done.stderr


def test_help_teaches(hooked: Place) -> None:
    """Each level has examples; no command is a usage error."""
    assert "examples:" in hooked.run("-m", "pipmend", "--help").stdout
    assert "examples:" in hooked.status("--help").stdout
    nothing = hooked.run("-m", "pipmend")
    assert nothing.returncode == 2
    assert "examples:" in nothing.stderr


def test_version(hooked: Place) -> None:
    """Also through the script that pip made."""
    for command in (["-m", "pipmend"], [str(hooked.python.with_name("pipmend"))]):
        done = hooked.run(*command, "--version")
        assert done.stdout == f"pipmend {pipmend.__version__}\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_closed_pipe(hooked: Place) -> None:
    """`pipmend status | true` ends without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [str(hooked.python), "-m", "pipmend", "status"]
    with open(writer, "wb") as pipe:  # noqa: PTH123 - a descriptor, not a path
        done = subprocess.run(
            command,
            env=hooked.environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_interrupt(hooked: Place, tmp_path: Path) -> None:
    """Ctrl-C ends it with 130 and without a traceback."""
    reached = tmp_path / "reached"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time, pathlib\n"
        "if sys.argv[:1] == ['-c']:\n"
        f"    pathlib.Path({str(reached)!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [hooked.python, "-m", "pipmend", "status"],
        env={**hooked.environment, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        deadline = time.monotonic() + 30
        while not reached.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert errors == b""
    assert process.returncode == 130
