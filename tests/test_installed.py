"""The pips of a machine are found by their folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipmend._compat import installed
from pipmend._compat.layouts import Layout

if TYPE_CHECKING:
    from lab.laboratory import Laboratory
    from pipmend._compat.installed import InstalledPip

SITE = "Lib/site-packages" if os.name == "nt" else "lib/python3.11/site-packages"
PROGRAMS = "Scripts" if os.name == "nt" else "bin"

only_posix = pytest.mark.skipif(os.name == "nt", reason="folders of other systems")


def put_pip(prefix: Path, version: str, site: str = SITE) -> Path:
    """Make the folders of a pip; its folder of packages."""
    folder = prefix / site
    (folder / "pip").mkdir(parents=True)
    text = f'from typing import List\n\n__version__ = "{version}"\n'
    (folder / "pip" / "__init__.py").write_text(text)
    (folder / f"pip-{version}.dist-info").mkdir()
    return folder


def put_program(prefix: Path, name: str, content: str = "") -> Path:
    """Make a program of an environment; the folder that it is in."""
    folder = prefix / PROGRAMS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return folder


def below(tmp_path: Path, pips: list[InstalledPip]) -> dict[str, str]:
    """The versions of those pips that a test has made, by their prefixes."""
    return {
        pip.prefix.relative_to(tmp_path).as_posix(): pip.version
        for pip in pips
        if tmp_path in pip.prefix.parents
    }


def find(
    tmp_path: Path, environment: dict[str, str] | None = None, *prefixes: Path
) -> dict[str, str]:
    """What is found of what a test has made."""
    variables = {"HOME": str(tmp_path / "home"), "USERPROFILE": str(tmp_path / "home")}
    pips = installed.find_pips({**variables, **(environment or {})}, prefixes=prefixes)
    return below(tmp_path, pips)


@pytest.mark.parametrize(
    ("version", "layout"),
    [
        pytest.param("9.0.3", Layout.ONE_FILE, id="9"),
        pytest.param("23.2.1", Layout.ONE_FILE, id="23.2.1"),
        pytest.param("23.3", Layout.TWO_FILES, id="23.3"),
        pytest.param("23.10", Layout.TWO_FILES, id="23.10"),
        pytest.param("24", Layout.TWO_FILES, id="24"),
        pytest.param("26.3.dev0", Layout.TWO_FILES, id="development"),
        pytest.param("unknown", Layout.TWO_FILES, id="unknown"),
    ],
)
def test_the_version_tells_the_layout(version: str, layout: Layout) -> None:
    """From 23.3 on, metadata and body are in two files."""
    folder = Path("folder")

    assert installed.InstalledPip(version, folder, folder, False).layout is layout


@pytest.mark.parametrize(("version", "hooked"), [("22.0.4", False), ("26.3", True)])
def test_a_real_environment_is_found(
    lab: Laboratory, tmp_path: Path, version: str, *, hooked: bool
) -> None:
    """With its pip, and whether pipmend is in it."""
    venv = lab.venv(version, hooked=hooked)
    prefix = venv.python.parent.parent
    on_path = {"HOME": str(tmp_path), "PATH": str(venv.python.parent)}

    for environment in ({"VIRTUAL_ENV": str(prefix)}, on_path):
        pips = installed.find_pips(environment)
        (pip,) = (one for one in pips if one.prefix == prefix)
        assert pip == (version, venv.site_packages, prefix, hooked)


def test_the_interpreter_below_an_environment_is_found(lab: Laboratory) -> None:
    """From what the environment says of it."""
    venv = lab.venv("22.0.4", hooked=False)
    base = lab.pythons[lab.default_python].parent
    pips = installed.find_pips({}, prefixes=[venv.python.parent.parent])

    prefixes = [os.path.realpath(pip.prefix) for pip in pips]
    if (base.parent / "lib" / f"python{lab.default_python}/site-packages/pip").exists():
        assert os.path.realpath(base.parent) in prefixes


def test_pips_are_found_where_variables_point(tmp_path: Path) -> None:
    """At active environments, in the folders of pyenv and pipx, and of the user."""
    for number, name in enumerate(
        (
            "venv",
            "conda",
            "pyenv/versions/3.11.7",
            "pyenv/versions/my-venv",
            "pipx/shared",
            "pipx/venvs/black",
            "userbase",
        )
    ):
        put_pip(tmp_path / name, f"26.{number}")

    found = find(
        tmp_path,
        {
            "VIRTUAL_ENV": str(tmp_path / "venv"),
            "CONDA_PREFIX": str(tmp_path / "conda"),
            "PYENV_ROOT": str(tmp_path / "pyenv"),
            "PIPX_HOME": str(tmp_path / "pipx"),
            "PYTHONUSERBASE": str(tmp_path / "userbase"),
        },
    )

    assert found == {
        "venv": "26.0",
        "conda": "26.1",
        "pyenv/versions/3.11.7": "26.2",
        "pyenv/versions/my-venv": "26.3",
        "pipx/shared": "26.4",
        "pipx/venvs/black": "26.5",
        "userbase": "26.6",
    }


@only_posix
def test_pips_are_found_below_the_home_folder(tmp_path: Path) -> None:
    """Where no variable says more."""
    home = tmp_path / "home"
    put_pip(home / ".local", "26.0")
    put_pip(home / ".pyenv/versions/3.9.18", "26.1")
    put_pip(home / ".local/share/pipx/venvs/tox", "26.2")
    put_pip(home / "Library/Python/3.9", "26.3", "lib/python/site-packages")

    assert find(tmp_path) == {
        "home/.local": "26.0",
        "home/.pyenv/versions/3.9.18": "26.1",
        "home/.local/share/pipx/venvs/tox": "26.2",
        "home/Library/Python/3.9": "26.3",
    }


@only_posix
def test_programs_on_the_path_lead_to_pips(tmp_path: Path) -> None:
    """By their folder, by their link, by their first line."""
    put_pip(tmp_path / "plain", "26.0")
    put_pip(tmp_path / "linked", "26.1")
    put_pip(tmp_path / "named", "26.2")
    put_pip(tmp_path / "unrelated", "26.3")
    plain = put_program(tmp_path / "plain", "python3.11")
    other = put_program(tmp_path / "unrelated", "pipeline")
    real = put_program(tmp_path / "linked", "python3.12") / "python3.12"
    links = put_program(tmp_path / "opt", "pip3", f"#!{tmp_path}/named/bin/python3\n")
    (links / "python3.12").symlink_to(real)
    path = os.pathsep.join(map(str, ("", plain, other, links, tmp_path / "missing")))

    assert find(tmp_path, {"PATH": path}) == {
        "plain": "26.0",
        "linked": "26.1",
        "named": "26.2",
    }


@only_posix
def test_folders_of_debian_are_found(tmp_path: Path) -> None:
    """The system's packages, and what a person has added to them."""
    put_pip(tmp_path / "usr", "23.0.1", "lib/python3/dist-packages")
    put_pip(tmp_path / "usr/local", "26.3", "lib/python3.11/dist-packages")
    prefixes = (tmp_path / "usr", tmp_path / "usr/local")

    assert find(tmp_path, {}, *prefixes) == {"usr": "23.0.1", "usr/local": "26.3"}


def test_what_is_not_there_is_passed_over(tmp_path: Path) -> None:
    """As are names that are none, and pips without a version."""
    (tmp_path / "empty" / SITE / "pip").mkdir(parents=True)
    put_pip(tmp_path / "good", "26.0")
    put_program(tmp_path, "file")
    prefixes = [
        tmp_path / "good",
        tmp_path / "empty",
        tmp_path / "missing",
        tmp_path / PROGRAMS / "file",
        Path("null\0byte"),
        tmp_path / "null\0byte",
    ]

    assert find(tmp_path, {}, *prefixes) == {"good": "26.0"}


def test_a_relative_environment_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was relative to a folder that nobody knows any more."""
    put_pip(tmp_path / "relative", "26.0")
    monkeypatch.chdir(tmp_path)

    pips = installed.find_pips({}, prefixes=[Path("relative")])

    assert all(pip.prefix.is_absolute() for pip in pips)


def test_the_version_comes_from_the_package_then_from_its_record(
    tmp_path: Path,
) -> None:
    """An interrupted update may leave a second record."""
    both = put_pip(tmp_path / "both", "26.1")
    (both / "pip-19.0.dist-info").mkdir()
    record = put_pip(tmp_path / "record", "20.0.2")
    (record / "pip" / "__init__.py").write_text("x" * 100_000 + '\n__version__ = "1"')
    egg = tmp_path / "egg" / SITE
    (egg / "pip").mkdir(parents=True)
    (egg / "pip-9.0.3-py3.11.egg-info").mkdir()
    names = ("both", "record", "egg")

    found = find(tmp_path, {}, *(tmp_path / name for name in names))

    assert found == {"both": "26.1", "record": "20.0.2", "egg": "9.0.3"}


@only_posix
def test_one_folder_under_several_names_is_one_pip(tmp_path: Path) -> None:
    """Such as ``lib64``, a link to ``lib``, and a link to the environment."""
    put_pip(tmp_path / "venv", "26.0")
    (tmp_path / "venv" / "lib64").symlink_to("lib")
    (tmp_path / "link").symlink_to("venv")
    prefixes = (tmp_path / "venv", tmp_path / "link", tmp_path / "venv" / "..")

    assert find(tmp_path, {}, *prefixes, tmp_path / "venv") == {"venv": "26.0"}


def hooked(prefix: Path) -> bool:
    """Whether the one pip of a prefix has the hook."""
    (pip,) = (
        p for p in installed.find_pips({}, prefixes=[prefix]) if p.prefix == prefix
    )
    return pip.has_hook


def test_a_start_up_file_is_the_hook(tmp_path: Path) -> None:
    """Beside pip; another start-up file is none."""
    folder = put_pip(tmp_path / "venv", "26.0")
    (folder / "pipmend_hook.py").touch()
    (folder / "other.pth").write_text("import pipmend_hook\n")
    (folder.parent / "sitecustomize.py").write_text("import other\n")
    assert not hooked(tmp_path / "venv")

    (folder / "pipmend_hook.pth").write_text("import pipmend_hook\n")
    assert hooked(tmp_path / "venv")


@pytest.mark.parametrize("of_base", [False, True])
def test_a_sitecustomize_is_the_hook_of_all_environments(
    tmp_path: Path, *, of_base: bool
) -> None:
    """Of the interpreter, so of each environment on top of it."""
    folder = put_pip(tmp_path / "venv", "26.0")
    base = put_pip(tmp_path / "base", "25.0")
    config = tmp_path / "venv" / "pyvenv.cfg"
    config.write_text(f"home = {put_program(tmp_path / 'base', 'python')}\n")
    assert not hooked(tmp_path / "venv")

    library = base.parent if of_base else folder.parent
    (library / "sitecustomize.py").write_text("try:\n    import pipmend_hook\n")
    assert hooked(tmp_path / "venv")
    assert hooked(tmp_path / "base") == of_base


@only_posix
def test_debian_has_the_hook_in_the_other_folder(tmp_path: Path) -> None:
    """The system's own pip is not in the folder that packages are added to."""
    put_pip(tmp_path, "23.0.1", "lib/python3/dist-packages")
    added = tmp_path / "local/lib/python3.11/dist-packages"
    added.mkdir(parents=True)
    assert not hooked(tmp_path)

    (added / "pipmend_hook.pth").touch()
    assert hooked(tmp_path)


def test_this_environment_comes_first() -> None:
    """Where it has a pip at all."""
    pips = installed.find_pips({})
    own = [pip for pip in pips if pip.prefix == Path(sys.prefix)]

    assert pips[: len(own)] == own


@only_posix
def test_the_search_is_bounded(tmp_path: Path) -> None:
    """However many environments are named."""
    for number in range(350):
        put_pip(tmp_path / "pyenv/versions" / f"{number:03}", "26.0")
    named = [tmp_path / "pyenv/versions" / f"{number:03}" for number in range(350)]

    assert len(find(tmp_path, {}, *named)) == 100
    assert len(find(tmp_path, {"PYENV_ROOT": str(tmp_path / "pyenv")})) == 100
