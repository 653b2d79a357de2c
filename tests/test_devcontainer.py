"""The Dev Container Feature: its files, and its script in a root of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import pipmend
from lab import cache_files, debian_root
from lab.debian import OutOfReachError
from lab.debian_person import Person
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
INSTALL = f"{debian_root.SOURCES}/src/devcontainer-feature/pipmend/install.sh"
WHEELS = "/opt/wheels"
SHARED = "/var/cache/pip-shared"
PIP = "~/venv/bin/pip"


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


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index that the root can reach, too: it shares the loopback interface."""
    with LocalIndex(catalogue(), IndexStyle()) as running:
        yield running


@pytest.fixture
def root(lab: Laboratory, index: LocalIndex, tmp_path: Path) -> Iterator[DebianRoot]:
    """A new root with an index, the checkout, and the wheels of the dependencies."""
    try:
        pristine = debian_root.pristine(lab.store)
    except OutOfReachError as reason:
        pytest.skip(str(reason))
    made = debian_root.copy_of(pristine, tmp_path / "root")
    debian_root.put_checkout(made)
    made.bring(pure_wheels(lab.store).iterdir(), WHEELS)
    made.use(index)
    yield made
    made.remove()


def install(root: DebianRoot, **options: str) -> Run:
    """Run the script as a build does."""
    env = {"_REMOTE_USER": root.user, "PIPMEND_WHEELS": WHEELS, **options}
    return root.run(INSTALL, env=env)


def remote_user(root: DebianRoot, index: LocalIndex) -> Person:
    """The ordinary user, with a venv made now."""
    person = Person(root, index, root.user, f"/home/{root.user}")
    made = person.type("python3 -m venv ~/venv")
    assert made.returncode == 0, str(made)
    return person


def fetch(person: Person, **env: str) -> Run:
    """Install alpha into a folder."""
    return person.type(f"{PIP} install --upgrade --target ~/target alpha", **env)


@pytest.mark.matrix
def test_every_venv_made_later_heals(root: DebianRoot, index: LocalIndex) -> None:
    done = install(root)
    assert done.returncode == 0, str(done)
    person = remote_user(root, index)
    assert fetch(person).returncode == 0
    person.damage("alpha")
    healed = fetch(person)
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined the cached page of 'alpha'" in healed.stderr
    listed = person.type(f"{PIP} list").stdout
    assert "pipmend" not in listed
    assert "wrapt" not in listed


@pytest.mark.matrix
def test_opt_in_is_dormant_until_asked(root: DebianRoot, index: LocalIndex) -> None:
    assert install(root, MODE="opt-in").returncode == 0
    person = remote_user(root, index)
    assert fetch(person).returncode == 0
    person.damage("alpha")
    plain = fetch(person)
    assert "pipmend" not in plain.output
    assert plain.returncode != 0
    healed = fetch(person, PIPMEND="heal")
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr


@pytest.mark.matrix
def test_observe_records_and_changes_nothing(
    root: DebianRoot, index: LocalIndex
) -> None:
    assert install(root, MODE="observe").returncode == 0
    person = remote_user(root, index)
    assert fetch(person).returncode == 0
    person.damage("alpha")
    assert fetch(person).returncode != 0
    assert person.events[0]["action"] == "observed"


@pytest.mark.matrix
def test_a_shared_cache_belongs_to_the_remote_user(
    root: DebianRoot, index: LocalIndex
) -> None:
    done = install(root, SHAREDCACHE="true")
    assert done.returncode == 0, str(done)
    person = remote_user(root, index)
    assert person.type(f"{PIP} cache dir").stdout.strip() == SHARED
    assert fetch(person).returncode == 0
    person.damage("alpha", SHARED)
    healed = fetch(person)
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr


@pytest.mark.matrix
def test_root_heals_too_and_uninstalling_leaves_nothing(
    root: DebianRoot, index: LocalIndex
) -> None:
    before = cache_files.snapshot(root.path("/usr/lib/python3.11"))
    assert install(root).returncode == 0
    person = Person(root, index, None, "/root")
    pip = "python3 -m pip install --upgrade --target ~/target alpha"
    assert person.type(pip).returncode == 0
    person.damage("alpha")
    healed = person.type(pip)
    assert healed.returncode == 0, str(healed)
    assert "pipmend: quarantined" in healed.stderr
    undone = root.run(
        "python3", f"{debian_root.SOURCES}/install_hook.py", "--global", "--uninstall"
    )
    assert undone.returncode == 0, str(undone)
    after = cache_files.snapshot(root.path("/usr/lib/python3.11"))
    kept = {path: data for path, data in after.items() if "__pycache__" not in path}
    expected = {p: data for p, data in before.items() if "__pycache__" not in p}
    assert kept == expected
    assert not root.path("/usr/local/lib/pipmend").exists()
