"""Every way in which people come to an environment with a pip in it.

Each maker sets one up on some base interpreter and hands back two commands: one that
installs pipmend there, and one in which a pip of that environment, or of the tool that
looks after it, goes to the index. Nothing here knows whether pipmend is in force.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipapp
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab import debian, toolbox, tools
from lab.debian import OutOfReachError
from lab.packages import BACKEND_NAME, sdist, wheel
from lab.pips import pip_wheel, scratch_environment
from lab.preparation import made_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.packages import Artifact

PROJECT = "labapp"
"""What is fetched, where the way does not build something; it has a command."""

PIP = "26.3"
"""The pip of ways that do not bring one."""

TOOLS = ("virtualenv", "uv", "pipx", "tox", "nox")
"""What makes environments, and is itself installed from an index."""

_VERSION = "sys.version_info[:2]"

_TIMEOUT = 300
"""Seconds for one program."""

Command = tuple[str, ...]


class Ground(NamedTuple):
    """What a maker builds on."""

    base: Path
    """The interpreter that environments are made of."""
    folder: Path
    """An empty folder for this environment alone."""
    store: Path
    """Where wheels and tools are kept for all."""
    links: Path
    """A folder with the wheels of pipmend, of what it needs, and of a pip."""


class Environment(NamedTuple):
    """An environment, ready for pipmend."""

    arm: Command
    """Installs into it whatever wheels are put behind; no index is needed."""
    fetch: Command
    """Has pip ask the index for the project."""
    project: str = PROJECT
    """Whose page is asked for."""
    settings: Mapping[str, str] = {}
    """Environment variables for both, beside pip's own."""


def app() -> Artifact:
    """A wheel with a command of its own: pipx installs nothing else."""
    entry_points = f"[console_scripts]\n{PROJECT} = {PROJECT}:main\n"
    return wheel(
        PROJECT,
        "1.0",
        payload={
            f"{PROJECT}.py": b"def main():\n    pass\n",
            f"{PROJECT}-1.0.dist-info/entry_points.txt": entry_points.encode(),
        },
    )


# -- Environments by Python's own means ----------------------------------------------


def venv(ground: Ground) -> Environment:
    """``python -m venv``, with the pip that ensurepip brings."""
    return _ordinary(ground, _made_venv(ground), "-m", "pip")


def run_isolated(ground: Ground) -> Environment:
    """The same, with ``python -I -m pip``, as some tools call it."""
    return _ordinary(ground, _made_venv(ground), "-I", "-m", "pip")


def wheel_file(ground: Ground) -> Environment:
    """A venv without pip, and a pip that runs out of its wheel."""
    python = _made_venv(ground, "--without-pip")
    return _ordinary(ground, python, f"{pip_wheel(PIP, ground.store)}/pip")


def zip_application(ground: Ground) -> Environment:
    """A venv without pip, and a pip in a zipapp."""
    python = _made_venv(ground, "--without-pip")
    source, archive = ground.folder / "unzipped", ground.folder / "pip.pyz"
    _unzip(pip_wheel(PIP, ground.store), source)
    (source / "__main__.py").write_text(
        "import runpy\nrunpy.run_module('pip', run_name='__main__')\n"
    )
    zipapp.create_archive(source, archive)
    return _ordinary(ground, python, str(archive))


def python_option(ground: Ground) -> Environment:
    """``pip --python ENV``, with pipmend in that environment."""
    return _at_a_distance(ground, armed="env")


def python_option_of_armed_caller(ground: Ground) -> Environment:
    """``pip --python ENV``, with pipmend where the pip is called."""
    return _at_a_distance(ground, armed="caller")


def _at_a_distance(ground: Ground, *, armed: str) -> Environment:
    target = _made_venv(ground, "--without-pip")
    caller = _made_venv(ground, "--without-pip", name="caller")
    _unzip(pip_wheel(PIP, ground.store), _site_of(caller))
    pip = (str(caller), "-m", "pip")
    there = (*pip, "--python", str(target))
    arm = _install(there if armed == "env" else pip)
    return Environment(arm, _download(ground, there))


# -- Environments of tools -----------------------------------------------------------


def virtualenv(ground: Ground) -> Environment:
    """``virtualenv``, with the pip that it brings."""
    made = ground.folder / "env"
    make = [_toolbox(ground), "-m", "virtualenv", "--no-download", "-p"]
    _run(ground, *make, ground.base, made)
    return _ordinary(ground, _python_of(made), "-m", "pip")


def uv_venv(ground: Ground) -> Environment:
    """``uv venv --seed``, and its pip; uv's own installer has a cache of its own."""
    made = ground.folder / "env"
    make = [_toolbox(ground), "-m", "uv", "venv", "--seed", "--offline", "--no-index"]
    links = [f"--find-links={folder}" for folder in (ground.links, _seeds(ground))]
    _run(ground, *make, *links, f"--python={ground.base}", made)
    return _ordinary(ground, _python_of(made), "-m", "pip")


def pipx_inject(ground: Ground) -> Environment:
    """``pipx install pipmend``, then ``pipx inject`` into the same environment."""
    pipx = (_toolbox(ground), "-m", "pipx")
    # It takes one package at a time, and finds what that needs among the links.
    arm = (*pipx, "install", f"--pip-args=--no-index --find-links={ground.links}")
    return Environment(
        (*arm, "pipmend"),
        (*pipx, "inject", "pipmend", PROJECT),
        settings=_pipx_settings(ground),
    )


def pipx_install(ground: Ground) -> Environment:
    """``pipx install``: a new environment for a new program."""
    made = pipx_inject(ground)
    pipx = made.fetch[:3]
    return made._replace(fetch=(*pipx, "install", PROJECT))


def tox(ground: Ground) -> Environment:
    """An environment of tox, which installs another dependency into it."""
    return _tox(ground, "lab")


def fresh_tox(ground: Ground) -> Environment:
    """An environment that tox makes anew, with all its dependencies."""
    return _tox(ground, "fresh")


def _tox(ground: Ground, name: str) -> Environment:
    plain = _tox_file(ground, "tox.ini", "")
    later = _tox_file(ground, "later.ini", PROJECT)
    run = (_toolbox(ground), "-m", "tox")
    _run(ground, *run, "run", "-q", "-c", plain, "-e", "lab")
    inside = ("exec", "-q", "-c", str(plain), "-e", "lab", "--")
    return Environment(
        _install((*run, *inside, "python", "-m", "pip")),
        (*run, "run", "-c", str(later), "-e", name),
    )


def nox(ground: Ground) -> Environment:
    """A session of nox that keeps its environment."""
    file = ground.folder / "noxfile.py"
    file.write_text(
        "import nox\n\n"
        f"@nox.session(python={str(ground.base)!r})\n"
        "def lab(session):\n"
        "    session.install(*session.posargs)\n"
    )
    run = (_toolbox(ground), "-m", "nox", "-r", "-f", str(file), "-s", "lab", "--")
    return Environment((*run, "--no-index", "--no-deps"), (*run, PROJECT))


# -- pips of distributions -----------------------------------------------------------


def debian_pip(ground: Ground) -> Environment:
    """The pip of this Debian release, in a venv of its Python that shows it."""
    suite, python = _codename(), Path("/usr/bin/python3")
    if _told_by(python, _VERSION) != _told_by(ground.base, _VERSION):
        raise OutOfReachError(f"the Python of Debian {suite} is another one")
    return _debian(ground._replace(base=python), suite)


def debian_sid_pip(ground: Ground) -> Environment:
    """The pip of Debian's newest, on the Python that was asked for."""
    return _debian(ground, "sid")


def conda_layout(ground: Ground) -> Environment:
    """A prefix laid out as conda does it: no venv, no link, its own ``conda-meta``."""
    prefix = ground.folder / "conda"
    shutil.copytree(
        _told_by(ground.base, "sys.base_prefix"),
        prefix,
        symlinks=True,
        ignore=shutil.ignore_patterns("test", "site-packages", "__pycache__", "*.a"),
    )
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "history").touch()
    python = prefix / "bin" / ground.base.name
    _run(ground, python, "-m", "ensurepip")
    return _ordinary(ground, python, "-m", "pip")


def _debian(ground: Ground, suite: str) -> Environment:
    root = debian.unpacked("python3-pip", suite, alone=True)
    python = _made_venv(ground, "--without-pip")
    line = f"{root / 'usr/lib/python3/dist-packages'}\n"
    (_site_of(python) / "debian.pth").write_text(line)
    return _ordinary(ground, python, "-m", "pip")


def _codename() -> str:
    path = Path("/etc/os-release")
    lines = path.read_text().splitlines() if path.is_file() else []
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    if facts.get("ID") != "debian" or not Path("/usr/bin/python3").is_file():
        raise OutOfReachError("this machine does not run Debian with its Python")
    return facts["VERSION_CODENAME"].strip('"')


# -- Builds --------------------------------------------------------------------------


def build(ground: Ground) -> Environment:
    """``pip wheel``: the second pip, which fetches what the build needs."""
    return _building(ground)


def in_process_build(ground: Ground) -> Environment:
    """The same with ``--use-feature=inprocess-build-deps``."""
    return _building(ground, "--use-feature=inprocess-build-deps")


def build_in_venv(ground: Ground) -> Environment:
    """The same with ``--use-feature=venv-isolation``."""
    return _building(ground, "--use-feature=venv-isolation")


def build_front_end(ground: Ground) -> Environment:
    """``python -m build``, which calls ``pip --python``."""
    made = _building(ground)
    python = made.arm[0]
    folder = tools.installed(ground.store, "build")
    (_site_of(Path(python)) / "build-front-end.pth").write_text(f"{folder}\n")
    source = ground.folder / "source"
    with tarfile.open(fileobj=io.BytesIO(sdist("gamma", "1.0").content)) as archive:
        archive.extractall(source)  # noqa: S202 - our own archive
    out = str(ground.folder / "out")
    fetch = (python, "-m", "build", "--wheel", "--outdir", out)
    return made._replace(fetch=(*fetch, str(source / "gamma-1.0")))


def _building(ground: Ground, *options: str) -> Environment:
    python = _made_venv(ground, "--without-pip")
    _unzip(pip_wheel(PIP, ground.store), _site_of(python))
    made = _ordinary(ground, python, "-m", "pip")
    out = str(ground.folder / "out")
    fetch = (str(python), "-m", "pip", "wheel", "--no-deps", *options, "-w", out)
    return made._replace(fetch=(*fetch, "gamma"), project=BACKEND_NAME)


# -- Parts ---------------------------------------------------------------------------


def _ordinary(ground: Ground, python: Path, *pip: str) -> Environment:
    command = (str(python), *pip)
    return Environment(_install(command), _download(ground, command))


def _install(pip: Command) -> Command:
    return (*pip, "install", "--no-index", "--no-deps", "--no-cache-dir")


def _download(ground: Ground, pip: Command) -> Command:
    out = str(ground.folder / "out")
    return (*pip, "download", "--no-deps", "-d", out, PROJECT)


def _made_venv(ground: Ground, *options: str, name: str = "env") -> Path:
    made = ground.folder / name
    _run(ground, ground.base, "-m", "venv", *options, made)
    return _python_of(made)


def _python_of(folder: Path) -> Path:
    windows = os.name == "nt"
    return folder / ("Scripts/python.exe" if windows else "bin/python")


def _site_of(python: Path) -> Path:
    return Path(_told_by(python, "sysconfig.get_path('purelib')"))


def _told_by(python: Path, expression: str) -> str:
    code = f"import sys, sysconfig; print({expression})"
    command = (str(python), "-I", "-c", code)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)  # noqa: S202 - a wheel from the index


def _seeds(ground: Ground) -> Path:
    """What ``uv venv --seed`` puts beside pip, for Python before 3.12."""

    def fill(folder: Path) -> None:
        download = [sys.executable, "-m", "pip", "download", "--quiet"]
        _checked([*download, f"--dest={folder}", "setuptools", "wheel"])

    return made_once(ground.store / "seeds", fill)


def _pipx_settings(ground: Ground) -> dict[str, str]:
    folder = ground.folder / "pipx"
    return {
        "PIPX_HOME": str(folder),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
        "PIPX_DEFAULT_PYTHON": str(ground.base),
        "PIPX_DEFAULT_BACKEND": "pip",  # it prefers uv where it finds that
        # For the pip of pipx itself, which it upgrades at first.
        "PIP_FIND_LINKS": str(ground.links),
    }


def _tox_file(ground: Ground, name: str, dependency: str) -> Path:
    path = ground.folder / name
    path.write_text(
        f"[tox]\nwork_dir = {ground.folder / 'tox'}\n"
        f"[testenv]\nbase_python = {ground.base}\nskip_install = true\n"
        f"pass_env = *\ndeps = {dependency}\ncommands = python -c pass\n"
        "[testenv:lab]\n[testenv:fresh]\n"
    )
    return path


def _toolbox(ground: Ground) -> str:
    """An interpreter with what makes environments.

    Raises:
        OutOfReachError: the index has them not.
    """
    try:
        return str(toolbox.python_with(ground.store, *TOOLS))
    except RuntimeError as error:
        raise OutOfReachError(str(error).splitlines()[-1]) from None


def _run(ground: Ground, *command: str | Path) -> None:
    _checked(command, scratch_environment(ground.folder / "home"))


def _checked(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise OutOfReachError(f"{' '.join(map(str, command[:3]))}: {said[-1]}")


class Way(NamedTuple):
    """One way to an environment, for the table."""

    title: str
    make: Callable[[Ground], Environment]
    out_of_reach: str | None = None
    """Why pipmend, installed into that environment, is not seen by its pip.

    None where it is seen. What is installed for the whole interpreter is always seen.
    """


WAYS = {
    "venv": Way("`python -m venv`", venv),
    "isolated": Way("`python -I -m pip` in a venv", run_isolated),
    "virtualenv": Way("`virtualenv`", virtualenv),
    "uv": Way("`uv venv --seed`", uv_venv),
    "pipx-inject": Way("`pipx inject` into an app with pipmend", pipx_inject),
    "pipx-install": Way(
        "`pipx install` of a new app",
        pipx_install,
        "the environment is new, and pipmend not in it yet",
    ),
    "tox": Way("tox, a dependency added to an environment", tox),
    "tox-fresh": Way(
        "tox, a new environment",
        fresh_tox,
        "the environment is new, and pipmend not in it yet",
    ),
    "nox": Way("nox, a session that is used again", nox),
    "zipapp": Way("`python pip.pyz`", zip_application),
    "wheel": Way("`python pip-*.whl/pip`", wheel_file),
    "python-option": Way("`pip --python ENV`, pipmend in ENV", python_option),
    "python-option-caller": Way(
        "`pip --python ENV`, pipmend beside that pip",
        python_option_of_armed_caller,
        "pip runs itself again with the Python of ENV",
    ),
    "debian": Way("Debian's own pip", debian_pip),
    "debian-sid": Way("Debian's own pip, newest", debian_sid_pip),
    "conda": Way("conda's layout", conda_layout),
    "build": Way("`pip wheel`, isolated build", build),
    "build-in-process": Way(
        "`pip wheel --use-feature=inprocess-build-deps`", in_process_build
    ),
    "build-in-venv": Way(
        "`pip wheel --use-feature=venv-isolation`",
        build_in_venv,
        "the second pip runs with the Python of a new environment",
    ),
    "build-front-end": Way(
        "`python -m build`",
        build_front_end,
        "pip runs with the Python of a new environment",
    ),
}
"""All ways by name."""
