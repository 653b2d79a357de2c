"""`install_hook.py` on real venvs: what it does, and that it undoes exactly that."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.packages import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPT = CHECKOUT / "install_hook.py"
DEPENDENCIES = ("msgpack", "platformdirs", "wrapt")

posix = pytest.mark.skipif(os.name == "nt", reason="modes and signals of POSIX")


@dataclass(frozen=True)
class Bench:
    """A folder to work in, and the environment for it."""

    folder: Path
    environment: dict[str, str]
    template: Path
    """A venv as Python makes it."""

    @property
    def venv(self) -> Path:
        """Where the venv is, or will be."""
        return self.folder / "venv"

    @property
    def python(self) -> Path:
        """The venv's interpreter."""
        windows = os.name == "nt"
        return self.venv / ("Scripts/python.exe" if windows else "bin/python")

    @property
    def site(self) -> Path:
        """The venv's site folder."""
        return _site_of(self.venv)

    def make_venv(self, *, pip: bool = True) -> None:
        """Create the venv; a copied pip takes a tenth of the time of a new one."""
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.venv)]
        subprocess.run(command, check=True)
        if pip:
            shutil.copytree(_site_of(self.template), self.site, dirs_exist_ok=True)

    def hook(
        self, *args: str | Path, python: str | Path = sys.executable, code: int = 0
    ) -> str:
        """Run `install_hook.py`, expect an exit code, return both outputs."""
        done = self.run(python, SCRIPT, *args)
        assert done.returncode == code, done.stdout
        return done.stdout

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program with stderr among stdout."""
        return subprocess.run(
            [str(word) for word in command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )

    def pip(self, *args: str | Path) -> None:
        """Run the venv's pip."""
        done = self.run(self.python, "-m", "pip", "--quiet", *args)
        assert done.returncode == 0, done.stdout

    def files(self) -> Mapping[str, str]:
        """SHA-256 of every file of the venv, byte code aside."""
        return {
            path.relative_to(self.venv).as_posix(): _digest(path)
            for path in self.venv.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


def _site_of(venv: Path) -> Path:
    windows = venv / "Lib" / "site-packages"
    return windows if os.name == "nt" else next(venv.glob("lib/python3*/site-packages"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def pip_cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A cache for all installations here, so that they download things once."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "cache-for-set-up"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv as Python makes it, to copy from."""
    folder = tmp_path_factory.mktemp("template") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def bench(tmp_path: Path, pip_cache: Path, template: Path) -> Bench:
    """An empty folder; the programs in it use caches and logs of their own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PIPMEND", "PYTHONPATH", "VIRTUAL_ENV"}
    }
    (tmp_path / "tmp").mkdir()
    environment.update(
        PIP_CACHE_DIR=str(pip_cache),
        XDG_STATE_HOME=str(tmp_path / "state"),
        TMPDIR=str(tmp_path / "tmp"),
        # Set by many containers; what is installed has to be compiled all the same.
        PYTHONDONTWRITEBYTECODE="1",
    )
    return Bench(tmp_path, environment, template)


def _mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


@contextmanager
def _umask(umask: int) -> Iterator[None]:
    former = os.umask(umask)
    try:
        yield
    finally:
        os.umask(former)


@posix
def test_install_and_undo(bench: Bench) -> None:
    """From nothing to an active venv and back to a venv without traces."""
    with _umask(0o000):
        said = bench.hook("--venv", bench.venv)
    assert said.splitlines()[-1] == "active: pip's cache heals itself in this Python."
    _assert_well_installed(bench.site)
    installed = bench.files()
    said = bench.hook("--uninstall", "--venv", bench.venv, "--dry-run")
    assert "pip uninstall --quiet --yes pipmend msgpack platformdirs wrapt" in said
    assert bench.files() == installed

    said = bench.hook("--uninstall", "--venv", bench.venv)
    assert "removed: pipmend, msgpack, platformdirs, wrapt" in said
    assert _listing(bench.site) == _listing(_site_of(bench.template))


def _listing(folder: Path) -> set[str]:
    """What lies in a folder and its direct subfolders."""
    return {str(path.relative_to(folder)) for path in folder.glob("*/*")} | {
        path.name for path in folder.iterdir()
    }


def _assert_well_installed(site: Path) -> None:
    for name in ("pipmend_hook.pth", "pipmend_hook.py", "pipmend-install.json"):
        assert _mode(site / name) == "644"
    tag = sys.implementation.cache_tag
    compiled = site / "__pycache__" / f"pipmend_hook.{tag}.pyc"
    assert _mode(compiled) == "644"
    package = site / "pipmend"
    sources = [path for path in package.rglob("*.py") if path.is_file()]
    for path in sources:
        assert (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").exists()
    assert {_mode(path) for path in sources} == {"644"}
    assert {_mode(path.parent) for path in sources} == {"755"}


def test_dry_runs_write_nothing(bench: Bench) -> None:
    """Neither for a missing venv, nor for one that is there."""
    said = bench.hook("--venv", bench.venv, "--opt-in", "--dry-run")
    assert f"would run: {sys.executable} -m venv {bench.venv}" in said
    assert "would write the marker" in said
    assert not bench.venv.exists()

    bench.make_venv()
    before = bench.files()
    said = bench.hook("--venv", bench.venv, "--dry-run")
    assert f"-m pip install --quiet {CHECKOUT}" in said
    assert bench.files() == before


def test_opt_in(bench: Bench) -> None:
    """Dormant until the variable is set; RECORD knows, so pip alone can undo it."""
    bench.make_venv()
    before = bench.files()
    said = bench.hook("--opt-in", python=bench.python)
    assert "active: " in said
    assert "without it, it is dormant" in said
    said = bench.hook("--status", python=bench.python, code=1)
    assert "off (installed with --opt-in)" in said
    assert _mode(bench.site / "pipmend" / "opt_in") == "644"
    _assert_true_record(bench)
    bench.pip("uninstall", "--yes", "pipmend", *DEPENDENCIES)
    assert bench.files() == before


def _assert_true_record(bench: Bench) -> None:
    ask = (
        "import importlib.metadata as m, base64, hashlib\n"
        "for f in m.files('pipmend'):\n"
        "    if f.hash:\n"
        "        d = hashlib.new(f.hash.mode, f.read_binary()).digest()\n"
        "        d = base64.urlsafe_b64encode(d).rstrip(b'=').decode()\n"
        "        assert d == f.hash.value, f\n"
        "    print(f)\n"
    )
    done = bench.run(bench.python, "-c", ask)
    assert done.returncode == 0, done.stdout
    listed = done.stdout.splitlines()
    assert len(listed) == len(set(listed))
    assert {"pipmend/opt_in", "pipmend-install.json"} <= set(listed)


@pytest.mark.matrix
def test_undo_keeps_what_others_came_to_need(bench: Bench) -> None:
    """A dependency that a later distribution needs stays, and is named."""
    bench.hook("--venv", bench.venv)
    later = wheel("later", "1.0", requires=["wrapt>=1; python_version > '3'"])
    path = bench.folder / later.filename
    path.write_bytes(later.content)
    bench.pip("install", "--no-index", path)
    said = bench.hook("--venv", bench.venv, "--uninstall")
    assert "left: wrapt, which came with pipmend" in said
    assert (bench.site / "wrapt").exists()
    assert not (bench.site / "msgpack").exists()
    assert not (bench.site / "pipmend-install.json").exists()


@pytest.mark.matrix
def test_switch_over_and_bring_back_exchanged_versions(bench: Bench) -> None:
    """A distribution too old for pipmend is upgraded, and downgraded afterwards."""
    bench.make_venv()
    bench.pip("install", "platformdirs==3.11.0", "wrapt")
    before = bench.files()
    bench.hook("--venv", bench.venv, "--opt-in")
    bench.hook("--venv", bench.venv)
    # The second run switched over, and kept what the first one noted.
    assert not (bench.site / "pipmend" / "opt_in").exists()
    receipt = json.loads((bench.site / "pipmend-install.json").read_bytes())
    assert receipt["replaced"] == {"platformdirs": "3.11.0"}
    assert list(receipt["added"]) == ["msgpack"]
    bench.hook("--venv", bench.venv, "--uninstall")
    assert bench.files() == before


@posix
@pytest.mark.matrix
def test_target_without_pip(bench: Bench) -> None:
    """The pip that comes with Python is set up, and goes again."""
    bench.make_venv(pip=False)
    before = bench.files()
    with _umask(0o077):
        said = bench.hook("--venv", bench.venv)
    _assert_well_installed(bench.site)
    assert "there is no pip in this Python" in said
    bench.hook("--venv", bench.venv, "--uninstall")
    assert bench.files() == before


@pytest.mark.matrix
def test_uninstall_without_receipt(bench: Bench) -> None:
    """What `pip install` put there is removed; its dependencies are not ours."""
    bench.make_venv()
    assert "pipmend is not installed" in bench.hook("--uninstall", "--venv", bench.venv)
    bench.pip("install", CHECKOUT)
    said = bench.hook("--venv", bench.venv, "--uninstall")
    assert "not installed by this script" in said
    assert not (bench.site / "pipmend").exists()
    assert (bench.site / "wrapt").exists()


@pytest.mark.matrix
def test_editable(bench: Bench) -> None:
    """The venv runs the checkout's own files."""
    said = bench.hook("--venv", bench.venv, "--editable")
    assert "active: " in said
    assert not (bench.site / "pipmend").exists()
    assert (bench.site / "pipmend_hook.pth").exists()
    bench.hook("--venv", bench.venv, "--uninstall")
    assert not list(bench.site.glob("*pipmend*"))


def test_status_without_pipmend(bench: Bench) -> None:
    """The checkout's own code looks at the venv and writes nothing there."""
    bench.make_venv()
    before = bench.files()
    said = bench.hook("--status", "--venv", bench.venv, code=1)
    assert "start-up files" in said
    assert "no pipmend_hook.pth in this Python" in said
    assert bench.files() == before


def test_folder_that_is_no_venv_is_refused(bench: Bench) -> None:
    """Nothing is put among other people's files."""
    bench.venv.mkdir()
    (bench.venv / "thesis.txt").touch()
    assert "is left alone" in bench.hook("--venv", bench.venv, code=3)
    assert [path.name for path in bench.venv.iterdir()] == ["thesis.txt"]
    missing = bench.folder / "missing"
    assert "no venv at" in bench.hook("--uninstall", "--venv", missing, code=1)
    assert not missing.exists()


@pytest.mark.parametrize(
    "words",
    [
        "--demo --test",
        "--uninstall --opt-in",
        "--status --editable",
        "--editable --opt-in",
        "--status --dry-run",
        "--demo --venv x",
        "--status -- -k x",
        "something",
    ],
)
def test_usage_errors(bench: Bench, words: str) -> None:
    """Contradictions are refused before anything is done."""
    assert "usage: " in bench.hook(*words.split(), code=2)


def test_help_teaches(bench: Bench) -> None:
    """Every action has an example."""
    said = bench.hook("--help")
    _, _, examples = said.partition("examples:")
    for action in ("--demo", "--opt-in", "--status", "--uninstall", "--test"):
        assert action in examples


@pytest.fixture
def managed_python(bench: Bench) -> Path:
    """A Python of its own, outside any venv, marked as externally managed."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    root = bench.folder / "managed"
    lib = root / "lib" / stdlib.name
    (root / "bin").mkdir(parents=True)
    lib.mkdir(parents=True)
    for path in stdlib.iterdir():
        if path.name not in {"site-packages", "EXTERNALLY-MANAGED"}:
            (lib / path.name).symlink_to(path)
    (lib / "site-packages").mkdir()
    (lib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    python = root / "bin" / stdlib.name
    shutil.copy(base, python)
    probe = bench.run(python, "-c", "import sys, json, venv; print(sys.prefix)")
    if probe.stdout.strip() != str(root):
        pytest.skip("this Python cannot be copied")
    return python


@posix
def test_externally_managed(bench: Bench, managed_python: Path) -> None:
    """Explained in three lines, with the way out; nothing is written."""
    for action in ([], ["--dry-run"], ["--opt-in"]):
        said = bench.hook(*action, python=managed_python, code=3)
        assert len(said.splitlines()) == 3
        assert "PEP 668" in said
        assert f"{managed_python} install_hook.py --venv PATH" in said
    assert not any((managed_python.parent.parent / "lib").glob("*/site-packages/*"))
    said = bench.hook("--status", python=managed_python, code=1)
    assert "this Python has no pip" in said
    said = bench.hook("--venv", bench.venv, "--dry-run", python=managed_python)
    assert "would run" in said


def test_demo(bench: Bench) -> None:
    """Everything goes as told, and nothing is left behind."""
    said = bench.hook("--demo")
    assert re.findall(r"^\d", said, re.MULTILINE) == list("123456")
    assert "pipmend: quarantined" in said
    assert '"event": "pipmend.entry_corrupt"' in said
    assert [path.name for path in bench.folder.iterdir()] == ["tmp"], "and no log"
    assert not any((bench.folder / "tmp").iterdir())


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_interrupted(bench: Bench, number: signal.Signals) -> None:
    """The scratch folder goes away as well."""
    temporary = bench.folder / "tmp"
    with subprocess.Popen(
        [sys.executable, SCRIPT, "--demo"],
        env=bench.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 30
        while not any(temporary.glob("*/venv/bin")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(timeout=30) == 130
    assert not any(temporary.iterdir())


@pytest.mark.matrix
def test_test_stops_at_the_first_failure(bench: Bench) -> None:
    """The exit code is that of the step, and no later step runs."""
    copy = bench.folder / "checkout"
    unwanted = (".git", ".venv*", ".*cache", "__pycache__", "tests")
    ignored = shutil.ignore_patterns(*unwanted)
    shutil.copytree(CHECKOUT, copy, ignore=ignored)
    (copy / "bad.py").write_text("import os\n")
    done = bench.run(sys.executable, copy / "install_hook.py", "--test", "--", "-q")
    assert done.returncode == 1, done.stdout
    assert "`os` imported but unused" in done.stdout
    assert "run: ruff check ." in done.stdout
    assert "run: mypy" not in done.stdout
    assert (copy / ".venv-test").exists()
