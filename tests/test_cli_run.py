"""`pipmend run`: one command is looked after, and is otherwise what it always is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.command import Command
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.pips import scratch_environment
from pipmend.cli import run
from pipmend.errors import PipmendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import Bench, Benches
    from lab.laboratory import Laboratory
    from lab.pips import Run

PAGE = "/simple/alpha/"
HEALED = "quarantined the cached page of 'alpha'"

posix_only = pytest.mark.skipif(os.name == "nt", reason="as a shell on POSIX sees it")


@pytest.fixture
def bench(benches: Benches, tmp_path: Path) -> Bench:
    """A bench with a plain pip and an empty cached page."""
    return broken(benches, tmp_path, "26.3")


def broken(benches: Benches, folder: Path, version: str) -> Bench:
    """The same for a pip of a version."""
    made = benches.bench(folder, version, IndexStyle(), hooked=False)
    damage("body-empty").apply(made.entry(PAGE))
    return made


def download(
    command: Command,
    bench: Bench,
    *flags: str,
    python: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Let `pipmend run` download with the bench's pip, or that of another Python."""
    words = [python or bench.pip.venv.python, *flags, "-m", "pip", "download"]
    words += ["--no-deps", "-d", bench.folder / "wheels", "alpha"]
    variables = {**bench.pip.environment(bench.cache), **(env or {})}
    return command.run("run", "--", *words, env=variables)


@pytest.mark.parametrize("version", ["22.0.4", "23.3.2", "26.3"])
def test_a_plain_pip_heals(
    version: str, command: Command, benches: Benches, tmp_path: Path
) -> None:
    """In an environment that has no part of pipmend, and gets none."""
    bench = broken(benches, tmp_path, version)
    before = bench.pip.run("freeze", "--all", cache=bench.cache).stdout

    done = download(command, bench)

    assert done.returncode == 0, str(done)
    assert HEALED in done.stderr
    assert "entry_healed" in bench.events
    assert bench.pip.run("freeze", "--all", cache=bench.cache).stdout == before
    assert "pipmend" not in before


def test_without_it_the_same_pip_fails(bench: Bench) -> None:
    """The tests here can fail."""
    assert bench.install().run.returncode != 0
    assert not bench.events


@pytest.mark.parametrize(
    "version",
    [
        "3.12",
        *(pytest.param(one, marks=pytest.mark.matrix) for one in ("3.10", "3.13")),
    ],
)
def test_a_pip_of_another_python_heals(
    version: str, command: Command, bench: Bench, lab: Laboratory
) -> None:
    """The parts of pipmend that are compiled for one Python only are not needed."""
    if version not in lab.pythons or version == lab.default_python:
        pytest.skip(f"no other Python {version} here")
    other = lab.venv("26.3", hooked=False, python=version)

    done = download(command, bench, python=other.python)

    assert done.returncode == 0, str(done)
    assert HEALED in done.stderr


def test_the_pip_of_an_isolated_build_heals(
    command: Command, benches: Benches, tmp_path: Path
) -> None:
    """What the command starts is reached, too."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle(), hooked=False)
    python = bench.pip.venv.python
    build = (python, "-m", "pip", "wheel", "-w", tmp_path / "w", "gamma")
    variables = bench.pip.environment(bench.cache)
    assert command.run("run", "--", *build, env=variables).returncode == 0
    (bench.cache / "wheels").rename(tmp_path / "built-before")
    damage("body-empty").apply(bench.entry("/simple/labbackend/"))

    done = command.run("run", "--", *build, env=variables)

    assert done.returncode == 0, str(done)
    assert "'labbackend'" in bench.events


def test_an_isolated_python_is_not_reached(command: Command, bench: Bench) -> None:
    """As --help says."""
    done = download(command, bench, "-I")

    assert done.returncode != 0
    assert not bench.events


@pytest.mark.parametrize("mode", ["off", "observe"])
def test_the_variable_is_obeyed(mode: str, command: Command, bench: Bench) -> None:
    """What somebody has set for this very command is meant."""
    done = download(command, bench, env={"PIPMEND": mode})

    assert done.returncode != 0
    assert bench.events.count("observed") == (mode == "observe")
    assert not bench.quarantine


@pytest.mark.parametrize(
    ("mode", "is_healed"), [("off", True), ("observe", False), ("heal", True)]
)
def test_dormant_is_meant_for_other_commands(
    mode: str, is_healed: bool, command: Command, bench: Bench
) -> None:
    """Where the configuration says "off", whoever types this says otherwise."""
    variables = bench.pip.environment(bench.cache)
    config = Path(variables["XDG_CONFIG_HOME"], "pipmend", "config.toml")
    config.parent.mkdir(parents=True)
    config.write_text(f"mode = '{mode}'\n")

    done = download(command, bench)

    assert (done.returncode == 0) == is_healed, str(done)
    assert (HEALED in done.stderr) == is_healed


def test_an_installation_that_is_dormant_heals_what_it_runs(
    lab: Laboratory, bench: Bench, tmp_path: Path
) -> None:
    """Opting in for one command is what this is for."""
    venv = lab.fresh_venv("dormant-runner", "26.3", hooked=True)
    (venv.site_packages / "pipmend" / "opt_in").touch()

    done = download(Command(venv, tmp_path / "home"), bench)

    assert HEALED in done.stderr


ARGUMENTS = ["--", "--json", "-x", "", "a b", "*", "--help", "--"]


@pytest.mark.parametrize("separator", [("--",), ()], ids=["separated", "bare"])
def test_arguments_arrive_as_they_are(
    separator: tuple[str, ...], command: Command
) -> None:
    """Also those that pipmend, or a shell, would understand."""
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"

    done = command.run("run", *separator, sys.executable, "-c", code, *ARGUMENTS)

    assert json.loads(done.stdout) == ARGUMENTS, str(done)
    assert done.stderr == ""


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
def test_the_exit_code_is_the_commands(code: int, command: Command) -> None:
    done = command.run(
        "run", "--", sys.executable, "-c", f"import sys; sys.exit({code})"
    )

    assert done.returncode == code


@posix_only
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGPIPE", "SIGINT"])
def test_a_signal_ends_it_as_it_ends_the_command(name: str, command: Command) -> None:
    """Also one that Python ignores and would hand on as ignored."""
    number = getattr(signal, name)

    done = command.run("run", "--", "sh", "-c", f"kill -{int(number)} $$; echo alive")

    assert done.returncode == -number
    assert done.stdout == ""


@posix_only
def test_the_command_takes_its_place(command: Command) -> None:
    """Same process, same streams: a signal to the one is a signal to the other."""
    code = "import os, sys; print(os.getpid(), sys.stdin.read()); sys.exit('told')"
    with subprocess.Popen(
        [command.program, "run", "--", sys.executable, "-c", code],
        env=command.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output, errors = process.communicate("asked", timeout=60)

    assert output == f"{process.pid} asked\n"
    assert errors == "told\n"
    assert process.returncode == 1


SEEN = """
import json, os, sys
try:
    import sitecustomize
except Exception as error:
    customized = repr(error)
else:
    customized = sitecustomize.__file__
print(json.dumps({
    "path": sys.path[1:],
    "customized": customized,
    "hook": "pipmend_hook" in sys.modules,
}))
"""


def seen(
    command: Command, python: Path, env: Mapping[str, str] | None = None
) -> tuple[dict[str, object], dict[str, object]]:
    """What a program sees of its Python without pipmend, and with `pipmend run`."""
    start, plain = (
        subprocess.run(
            [python, "-c", code],
            env=command.environment(env),
            capture_output=True,
            text=True,
            check=True,
        )
        for code in ("pass", SEEN)
    )
    done = command.run("run", "--", python, "-c", SEEN, env=env)
    # First of all, the Python of pipmend itself starts.
    assert done.stderr == start.stderr + plain.stderr
    return json.loads(plain.stdout), json.loads(done.stdout)


@pytest.mark.parametrize("path", [None, "", "{folder}", "{folder}:", ":{folder}"])
def test_the_path_of_the_command_is_as_without(
    path: str | None, command: Command, lab: Laboratory, tmp_path: Path
) -> None:
    """Nothing is added to it: no folder of ours, no empty piece."""
    python = lab.venv("26.3", hooked=False).python
    given = path and path.replace(":", os.pathsep).format(folder=tmp_path)
    env = {} if given is None else {"PYTHONPATH": given}

    without, armed = seen(command, python, env)

    assert armed == {**without, "hook": True}
    assert without["hook"] is False


@pytest.mark.parametrize("ends", ["", "raise RuntimeError('as before')", "import no"])
def test_another_sitecustomize_runs_once(
    ends: str, command: Command, lab: Laboratory, tmp_path: Path
) -> None:
    """And what it does wrong is told as it was."""
    own = tmp_path / "sitecustomize.py"
    own.write_text(f"import sys\nsys.stderr.write('ran\\n')\n{ends}\n")
    python = lab.venv("26.3", hooked=False).python

    without, armed = seen(command, python, {"PYTHONPATH": str(tmp_path)})

    assert armed == {**without, "hook": True}
    if not ends:
        assert armed["customized"] == str(own)


def test_run_within_run(command: Command) -> None:
    """Twice is as good as once."""
    inner = (command.program, "run", "--", sys.executable, "-c", SEEN)

    done = command.run("run", "--", *inner)

    assert json.loads(done.stdout)["hook"] is True, str(done)


def test_old_pythons_do_not_stumble(command: Command) -> None:
    """A command may start anything."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [
        python
        for version in ("2.7", "3.6", "3.7", "3.8")
        for python in sorted(root.glob(f"{version}.*/bin/python"))
    ]
    if not found:
        pytest.skip("no old Python here")
    for python in found:
        done = command.run("run", "--", python, "-c", "import os; print(os.sep)")
        assert (done.stdout, done.stderr) == (f"{os.sep}\n", ""), str(done)


def test_nothing_is_left_behind(command: Command) -> None:
    """No temporary folder, no log."""
    done = command.run("run", "--", sys.executable, "-c", "print(1)")

    assert done.stdout == "1\n"
    assert [path for path in command.home.rglob("*") if path.is_file()] == []


def test_without_a_command(command: Command) -> None:
    for words in ((), ("--",)):
        done = command.run("run", *words)
        assert done.returncode == 2
        assert "pipmend run -- pip install" in done.stderr


def test_a_command_that_is_not_there(command: Command) -> None:
    """As in a shell."""
    done = command.run("run", "--", "no-such\x1bcommand")

    assert done.returncode == 127
    assert done.stderr == "pipmend: there is no command no-such?command\n"


@posix_only
def test_a_command_that_cannot_be_run(command: Command, tmp_path: Path) -> None:
    """As in a shell."""
    done = command.run("run", "--", tmp_path)

    assert done.returncode == 126
    assert "cannot be run" in done.stderr


def test_help_says_what_is_reached_and_what_is_not(command: Command) -> None:
    text = command.run("run", "--help").stdout

    for words in ("-I, -E", "PYTHONPATH", "exit code", "examples:", "pipmend run --"):
        assert words in text


def test_a_folder_that_the_variable_cannot_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its separator would part it in two."""
    monkeypatch.setattr(run, "_ARMED", tmp_path / f"a{os.pathsep}b")

    with pytest.raises(PipmendError, match="PYTHONPATH"):
        run.armed({})


def test_where_no_process_can_become_another(tmp_path: Path) -> None:
    """The command is waited for, and its exit code returned."""
    environment = scratch_environment(tmp_path)
    words = [sys.executable, "-c", "import sys; sys.exit(5)"]

    assert run.wait_for(words, environment) == 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(FileNotFoundError):
        run.wait_for(["no-such-command"], environment)
