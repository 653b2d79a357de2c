"""The Dev Container Feature: its files, and its script in a root of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import pipmend
from lab import cache_files, debian_root
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import catalogue
from lab.pure_wheels import pure_wheels
from lab.wheels import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.debian_root import DebianRoot
    from lab.laboratory import Laboratory
    from lab.pips import Run

FEATURE = CHECKOUT / "src" / "devcontainer-feature" / "pipmend"
INSTALL = "/opt/checkout/src/devcontainer-feature/pipmend/install.sh"
WHEELS = "/opt/wheels"


def feature() -> dict[str, Any]:
    """What the Feature declares."""
    declared: dict[str, Any] = json.loads(
        (FEATURE / "devcontainer-feature.json").read_text("utf-8")
    )
    return declared


def test_the_feature_declares_what_the_specification_asks_for() -> None:
    declared = feature()
    assert declared["id"] == FEATURE.name
    assert declared["version"] == pipmend.__version__
    assert declared["name"]
    for option in declared["options"].values():
        assert option["type"] in {"string", "boolean"}
        assert option["description"]
        choices = option.get("enum", option.get("proposals"))
        assert choices is None or option["default"] in choices


def test_the_script_knows_every_option_with_the_same_default() -> None:
    script = (FEATURE / "install.sh").read_text("utf-8")
    assert os.access(FEATURE / "install.sh", os.X_OK)
    for name, option in feature()["options"].items():
        default = option["default"]
        words = str(default).lower() if isinstance(default, bool) else default
        assert f"{name.upper()}=${{{name.upper()}:-{words}}}" in script
        for choice in option.get("enum", ()):
            assert re.search(rf"\b{choice}\b", script)


@pytest.mark.skipif(os.name == "nt", reason="a script of POSIX")
@pytest.mark.parametrize(
    "options", [{"MODE": "never"}, {"SCOPE": "all"}, {"SHAREDCACHE": "maybe"}]
)
def test_an_unknown_value_is_refused(options: dict[str, str]) -> None:
    done = subprocess.run(
        [FEATURE / "install.sh"],
        env={"PATH": os.defpath, **options},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("pipmend: ")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> DebianRoot:
    """A root as it comes from the distribution."""
    reason = debian_root.missing()
    if reason is not None:
        pytest.skip(reason)
    return debian_root.make_root(tmp_path_factory.mktemp("debian") / "root")


@pytest.fixture
def root(pristine: DebianRoot, lab: Laboratory, tmp_path: Path) -> Iterator[DebianRoot]:
    """A copy of it that has the checkout and the wheels of the dependencies."""
    made = debian_root.copy_of(pristine, tmp_path / "root")
    kept = ("src", "install_hook.py", "pyproject.toml", "README.md", "LICENSE")
    target = made.path("/opt/checkout")
    target.mkdir(parents=True)
    for name in kept:
        source = CHECKOUT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy2(source, target / name)
    shutil.copytree(pure_wheels(lab.store), made.path(WHEELS))
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index that the root can reach, too: it shares the loopback interface."""
    with LocalIndex(catalogue(), IndexStyle()) as running:
        yield running


def install(root: DebianRoot, **options: str) -> Run:
    """Run the script as a build does."""
    env = {"_REMOTE_USER": root.user, "PIPMEND_WHEELS": WHEELS, **options}
    return root.run(INSTALL, env=env)


class Person:
    """The ordinary user, with a venv made after pipmend was set up."""

    def __init__(self, root: DebianRoot, index: LocalIndex) -> None:
        self.root, self.index = root, index
        self.cache = f"/home/{root.user}/.cache/pip"
        shutil.copy2(index.ca_file, root.path("/opt/ca.pem"))
        made = self.run("python3", "-m", "venv", self.venv)
        assert made.returncode == 0, str(made)

    @property
    def venv(self) -> str:
        """Where the venv is, inside the root."""
        return f"/home/{self.root.user}/venv"

    def run(self, *command: str, **env: str) -> Run:
        """Run something as that user."""
        return self.root.run(
            *command,
            user=self.root.user,
            env={
                "PIP_INDEX_URL": self.index.url,
                "PIP_CERT": "/opt/ca.pem",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                **env,
            },
        )

    def install(self, **env: str) -> Run:
        """Install alpha into an empty folder."""
        target = f"/home/{self.root.user}/target"
        shutil.rmtree(self.root.path(target), ignore_errors=True)
        pip = (f"{self.venv}/bin/python", "-m", "pip", "install", "alpha")
        return self.run(*pip, f"--target={target}", **env)

    def damage(self, cache: str | None = None) -> None:
        """Empty the cached page of alpha."""
        folder = self.root.path(cache or self.cache)
        entry = cache_files.find(folder, self.index, "/simple/alpha")
        cache_files.write_body(entry, b"")
        cache_files.age(folder)


@pytest.mark.matrix
def test_every_venv_made_later_heals(root: DebianRoot, index: LocalIndex) -> None:
    done = install(root)
    assert done.returncode == 0, str(done)
    person = Person(root, index)
    assert person.install().returncode == 0
    person.damage()
    healed = person.install()
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined the cached page of 'alpha'" in healed.stderr
    listed = person.run(f"{person.venv}/bin/python", "-m", "pip", "list").stdout
    assert "pipmend" not in listed
    assert "wrapt" not in listed


@pytest.mark.matrix
def test_opt_in_is_dormant_until_asked(root: DebianRoot, index: LocalIndex) -> None:
    assert install(root, MODE="opt-in").returncode == 0
    person = Person(root, index)
    assert person.install().returncode == 0
    person.damage()
    plain = person.install()
    assert "pipmend" not in plain.output
    assert plain.returncode != 0
    healed = person.install(PIPMEND="heal")
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr


@pytest.mark.matrix
def test_observe_records_and_changes_nothing(
    root: DebianRoot, index: LocalIndex
) -> None:
    assert install(root, MODE="observe").returncode == 0
    person = Person(root, index)
    assert person.install().returncode == 0
    person.damage()
    assert person.install().returncode != 0
    logs = list(root.path(f"/home/{root.user}").rglob("events.jsonl"))
    assert [json.loads(line)["action"] for line in logs[0].read_text().splitlines()][
        :1
    ] == ["observed"]


@pytest.mark.matrix
def test_a_shared_cache_belongs_to_the_remote_user(
    root: DebianRoot, index: LocalIndex
) -> None:
    done = install(root, SHAREDCACHE="true")
    assert done.returncode == 0, str(done)
    person = Person(root, index)
    where = person.run(f"{person.venv}/bin/python", "-m", "pip", "cache", "dir")
    assert where.stdout.strip() == "/var/cache/pip-shared"
    assert person.install().returncode == 0
    person.damage("/var/cache/pip-shared")
    healed = person.install()
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr


@pytest.mark.matrix
def test_root_heals_too_and_uninstalling_leaves_nothing(
    root: DebianRoot, index: LocalIndex
) -> None:
    before = cache_files.snapshot(root.path("/usr/lib/python3.11"))
    assert install(root).returncode == 0
    shutil.copy2(index.ca_file, root.path("/opt/ca.pem"))
    env = {"PIP_INDEX_URL": index.url, "PIP_CERT": "/opt/ca.pem"}
    pip = ("python3", "-m", "pip", "install", "alpha", "--target=/opt/t", "--upgrade")
    assert root.run(*pip, env=env).returncode == 0
    entry = cache_files.find(root.path("/root/.cache/pip"), index, "/simple/alpha")
    cache_files.write_body(entry, b"")
    cache_files.age(root.path("/root/.cache/pip"))
    healed = root.run(*pip, env=env)
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr
    undone = root.run(
        "python3", "/opt/checkout/install_hook.py", "--global", "--uninstall"
    )
    assert undone.returncode == 0, str(undone)
    after = cache_files.snapshot(root.path("/usr/lib/python3.11"))
    kept = {path: data for path, data in after.items() if "__pycache__" not in path}
    expected = {p: data for p, data in before.items() if "__pycache__" not in p}
    assert kept == expected
    assert not root.path("/usr/local/lib/pipmend").exists()
