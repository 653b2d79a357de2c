"""Real pips: environments that hold one, and runs of it in a clean environment."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.wheels import pip_wheel, pipmend_wheel, pipmend_wheels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Pip",
    "Run",
    "Venv",
    "interpreters",
    "make_venv",
    "pip_wheel",
    "pipmend_wheel",
    "pipmend_wheels",
    "scratch_environment",
    "tree",
]

_OLDEST = (3, 9)


@dataclass(frozen=True)
class Venv:
    """A virtual environment with one pip."""

    python: Path
    site_packages: Path
    pip_version: str


@dataclass(frozen=True)
class Run:
    """A finished pip: ``returncode`` and what it printed."""

    args: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, for messages that move between them."""
        return self.stdout + self.stderr

    def __str__(self) -> str:
        return f"{' '.join(self.args)}\nexit {self.returncode}\n{self.output}"


@dataclass(frozen=True)
class Pip:
    """A pip bound to an index and a home folder of its own.

    Settings go through the environment, so that the pips that it starts for
    isolated builds have them too.
    """

    venv: Venv
    index_url: str
    ca_file: Path
    home: Path

    def environment(self, cache: Path) -> dict[str, str]:
        """The whole environment of a run with this cache folder."""
        return {
            **scratch_environment(self.home),
            "PIP_INDEX_URL": self.index_url,
            "PIP_CERT": str(self.ca_file),
            "PIP_CACHE_DIR": str(cache),
        }

    def run(
        self,
        *args: str,
        cache: Path,
        env: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        check: bool = False,
        timeout: float = 120,
    ) -> Run:
        """Run ``python FLAGS -m pip ARGS``.

        ``env`` comes on top of ``environment``; ``check`` asserts exit code 0;
        ``timeout`` is in seconds.
        """
        command = (str(self.venv.python), *flags, "-m", "pip", *args)
        environment = {**self.environment(cache), **(env or {})}
        run = _run(command, environment, timeout)
        if check:
            assert run.returncode == 0, str(run)
        return run

    def install(
        self,
        *requirements: str,
        target: Path,
        cache: Path,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        check: bool = False,
    ) -> Run:
        """Install into ``target``, without compiled files."""
        args = ("install", f"--target={target}", "--no-compile", *options)
        return self.run(*args, *requirements, cache=cache, env=env, check=check)

    def download(
        self,
        *requirements: str,
        target: Path,
        cache: Path,
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        check: bool = False,
    ) -> Run:
        """Download into the folder ``target``."""
        args = ("download", f"--dest={target}", *options)
        return self.run(*args, *requirements, cache=cache, env=env, check=check)


def scratch_environment(home: Path) -> dict[str, str]:
    """An environment from scratch in which every user folder is below ``home``.

    Nothing that is set around the tests gets in, no ``PIP_`` setting above all.
    """
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONIOENCODING": "utf-8",
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LOCALAPPDATA": str(home / "local"),
        "APPDATA": str(home / "roaming"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "TMPDIR": str(temporary),
        "TEMP": str(temporary),
        "TMP": str(temporary),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_DEFAULT_TIMEOUT": "15",
    }
    # Without it no socket opens on Windows.
    if "SYSTEMROOT" in os.environ:
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    return environment


def make_venv(
    folder: Path,
    *,
    base_python: Path,
    pip_wheel: Path,
    wheels: Iterable[Path] = (),
) -> Venv:
    """Create an environment whose pip is the unpacked ``pip_wheel``.

    That pip then installs ``wheels`` by itself, compiled, without dependencies.
    """
    environment = scratch_environment(folder.with_name(folder.name + "-home"))
    create = (str(base_python), "-m", "venv", "--without-pip", str(folder))
    _run_checked(create, environment)
    python = _python_of(folder)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = _run_checked((str(python), "-c", ask), environment)
    site_packages = Path(found.stdout.strip())
    with zipfile.ZipFile(pip_wheel) as archive:
        archive.extractall(site_packages)
    paths = [str(path) for path in wheels]
    if paths:
        install = ("-m", "pip", "install", "--no-index", "--no-deps", "--no-cache-dir")
        _run_checked((str(python), *install, *paths), environment)
    return Venv(python, site_packages, pip_wheel.name.split("-")[1])


def interpreters() -> dict[str, Path]:
    """The CPythons at hand by minor version, such as "3.11", oldest first.

    Looks below the folder of pyenv; the one that runs the tests always counts.
    """
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # Not the executable of a venv: its own packages would shine through.
    own = getattr(sys, "_base_executable", None) or sys.executable
    found = {sys.version_info[:3]: Path(own)}
    for folder in root.glob("versions/3.*"):
        python = _python_of(folder)
        if re.fullmatch(r"3\.\d+\.\d+", folder.name) and python.is_file():
            major, minor, patch = map(int, folder.name.split("."))
            found[major, minor, patch] = python
    newest = sorted(item for item in found.items() if item[0] >= _OLDEST)
    return {f"{version[0]}.{version[1]}": python for version, python in newest}


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below ``folder`` by its relative path.

    Compiled files are left out: they differ from run to run.
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _python_of(folder: Path) -> Path:
    if os.name != "nt":
        return folder / "bin" / "python"
    scripts = folder / "Scripts" / "python.exe"
    return scripts if scripts.exists() else folder / "python.exe"


def _run(command: Sequence[str], environment: dict[str, str], timeout: float) -> Run:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=False,
    )
    return Run(tuple(command), done.returncode, done.stdout, done.stderr)


def _run_checked(command: Sequence[str], environment: dict[str, str]) -> Run:
    run = _run(command, environment, 300)
    if run.returncode != 0:
        raise RuntimeError(str(run))
    return run
