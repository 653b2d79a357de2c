"""The file that Python imports at its start: pipmend first, then what was there before.

Each case is compared with the same interpreter before it was enabled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.bases import snapshot
from lab.machines import machine
from lab.wheels import CHECKOUT
from pipmend.everywhere import activation, interpreters
from pipmend.everywhere.activation import Place
from pipmend.everywhere.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.bases import Base
    from lab.laboratory import Laboratory
    from lab.pips import Run
    from pipmend.everywhere.receipt import Activation

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links of POSIX")

SHOW = """\
import sys
found = sys.modules.get("sitecustomize")
print("sitecustomize" in sys.modules, getattr(found, "VALUE", None))
try:
    import sitecustomize
except Exception as error:
    print("again:", type(error).__name__, error)
else:
    print("again:", sitecustomize is found)
"""
"""What a program sees of it."""

COUNTS = "import sys; sys.stdout.write('run\\n'); VALUE = 1\n"
"""A sitecustomize that says when it runs."""


@dataclass(frozen=True)
class Chain:
    """An interpreter that can be enabled, for a copy with nothing in it."""

    base: Base
    home: Path

    @property
    def place(self) -> Place:
        """Where it is enabled."""
        found = interpreters.ask(self.base.python)
        return Place(found, found.stdlib, "sitecustomize")

    def enable(self, workspace: Path) -> Activation:
        """Enable it, as an installation does."""
        workspace.mkdir()
        place = self.place
        new = activation.contents(place, self.home, workspace)
        planned = activation.plan(place, new, allow_group=False)
        return activation.apply(planned, new)

    def show(self, env: Mapping[str, str] | None = None, *flags: str) -> Run:
        """What a program sees, and what is printed at the start."""
        none = {"PYTHONDONTWRITEBYTECODE": "1"}
        return self.base.run(*flags, "-c", SHOW, env={**none, **(env or {})})


@pytest.fixture
def chain(lab: Laboratory, tmp_path: Path) -> Iterator[Chain]:
    """An interpreter of its own for one test."""
    made = machine(lab, tmp_path)
    if made is None:
        pytest.skip("an interpreter here does not run where it was not built for")
    home = tmp_path / "copy"
    home.mkdir()
    yield Chain(made.base, home)
    # It has many files, and pytest keeps those of three runs.
    made.base.remove()


def module(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").write_text(COUNTS)


def relative_link(base: Base) -> None:
    (base.prefix / "etc").mkdir()
    (base.prefix / "etc" / "site.py").write_text(COUNTS)
    (base.stdlib / "sitecustomize.py").symlink_to("../../etc/site.py")


def absolute_link(base: Base) -> None:
    relative_link(base)
    (base.stdlib / "sitecustomize.py").unlink()
    (base.stdlib / "sitecustomize.py").symlink_to(base.prefix / "etc" / "site.py")


def dangling_link(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").symlink_to("missing.py")


def package(base: Base) -> None:
    (base.stdlib / "sitecustomize").mkdir()
    (base.stdlib / "sitecustomize" / "__init__.py").write_text(COUNTS)
    (base.stdlib / "sitecustomize.py").write_text("print('hidden')\n")


def without_source(base: Base) -> None:
    module(base)
    path = base.stdlib / "sitecustomize.py"
    compiled = base.stdlib / "sitecustomize.pyc"
    code = f"import py_compile; py_compile.compile({str(path)!r}, {str(compiled)!r})"
    base.run("-c", code)
    path.unlink()


def in_site_packages(base: Base) -> None:
    (base.stdlib / "site-packages" / "sitecustomize.py").write_text(COUNTS)


def nothing(base: Base) -> None:
    del base


def fails(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").write_text(COUNTS + "1 / 0\n")


def lacks_a_module(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").write_text(COUNTS + "import gone\n")


def exits(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").write_text(COUNTS + "raise SystemExit(7)\n")


def is_no_python(base: Base) -> None:
    (base.stdlib / "sitecustomize.py").write_text("run run\n")


@pytest.mark.parametrize(
    "before",
    [
        module,
        relative_link,
        absolute_link,
        dangling_link,
        package,
        without_source,
        in_site_packages,
        nothing,
        fails,
        lacks_a_module,
        exits,
        is_no_python,
    ],
    ids=lambda before: before.__name__,
)
def test_what_was_there_runs_as_before(
    before: Callable[[Base], None], chain: Chain, tmp_path: Path
) -> None:
    """Once, with its errors as before, and it is all that a program sees."""
    before(chain.base)
    chain.base.run("-c", "pass")  # compiles it
    state = snapshot(chain.base.prefix)
    plain = chain.show()

    done = chain.enable(tmp_path / "workspace")
    chained = chain.show()
    isolated = chain.show({}, "-I")

    assert (chained.returncode, chained.stdout) == (plain.returncode, plain.stdout)
    assert chained.stderr == plain.stderr or before is exits  # a traceback has us in it
    assert isolated.stdout == plain.stdout
    assert activation.undo(done) == []
    assert snapshot(chain.base.prefix) == state


@pytest.mark.parametrize("before", [module, nothing], ids=lambda one: one.__name__)
def test_one_on_pythonpath_hides_both(
    before: Callable[[Base], None], chain: Chain, tmp_path: Path
) -> None:
    """As it hides the one that was there before; pip's own in isolated builds too."""
    before(chain.base)
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(COUNTS.replace("1", "2"))
    env = {"PYTHONPATH": str(folder)}
    plain = chain.show(env)
    assert plain.stdout.startswith("run\nTrue 2")

    chain.enable(tmp_path / "workspace")

    assert chain.show(env).output == plain.output


def test_the_own_folder_on_pythonpath_changes_nothing(
    chain: Chain, tmp_path: Path
) -> None:
    """However it is spelled, nothing runs twice and nothing runs in circles."""
    in_site_packages(chain.base)
    link = tmp_path / "link"
    link.symlink_to(chain.base.stdlib)
    chain.enable(tmp_path / "workspace")

    for spelled in (chain.base.stdlib, f"{chain.base.stdlib}/", link, f"{link}/."):
        done = chain.show({"PYTHONPATH": str(spelled)})
        assert done.stdout.startswith("run\nTrue 1"), str(done)
        assert not done.stderr


def test_stage_0_of_the_environment_comes_first(chain: Chain, tmp_path: Path) -> None:
    """Where pipmend is installed as well, its own version runs, and only that."""
    site = chain.base.stdlib / "site-packages"
    (site / "pipmend_hook.py").write_text("")
    (site / "pipmend_hook.pth").write_text("import pipmend_hook\n")
    chain.enable(tmp_path / "workspace")

    done = chain.base.run("-c", "import pipmend_hook; print(pipmend_hook.__file__)")

    assert done.stdout.strip() == str(site / "pipmend_hook.py")


def test_a_copy_that_has_gone_costs_nothing(chain: Chain, tmp_path: Path) -> None:
    """Until a pip asks for it; what was there before runs all the same."""
    module(chain.base)
    chain.enable(tmp_path / "workspace")
    shutil.rmtree(chain.home)

    done = chain.show()

    assert done.output == "run\nTrue 1\nagain: True\n"


def test_it_does_not_change_the_path(chain: Chain, tmp_path: Path) -> None:
    ask = "import sys; print(sys.path)"
    before = chain.base.run("-c", ask).stdout

    chain.enable(tmp_path / "workspace")

    assert chain.base.run("-c", ask).stdout == before


def test_what_python_runs_is_short_and_plain() -> None:
    """One file: stage 0 but for its place, and a look for what was there before."""
    source = activation.source(Path("/a"), [".py"], Path("/b"))
    stage_0, chain = source.split("# Behind stage 0", maxsplit=1)
    hook = CHECKOUT / "src" / "pipmend_hook.py"
    differing = set(stage_0.splitlines()) ^ set(hook.read_text().splitlines())

    assert differing == {
        "_HOME = '/a'",
        '_HOME = __file__[: -len("pipmend_hook.py") - 1]',
    }
    assert "_ASIDE = ['/b']" in chain
    assert "_ENDS = ['', '.py']" in chain
    assert len(source.splitlines()) <= 75
    for word in ("exec(", "eval(", "os.environ", "import os", "compile(", "open("):
        assert word not in source


def test_what_lies_aside_is_not_overwritten(chain: Chain, tmp_path: Path) -> None:
    """Two that claim the same place: a person has to choose."""
    module(chain.base)
    aside = chain.base.stdlib / "pipmend-original"
    aside.mkdir()
    (aside / "sitecustomize.py").write_text("print('older')\n")

    with pytest.raises(RefusedError, match="are both there"):
        chain.enable(tmp_path / "workspace")

    assert (chain.base.stdlib / "sitecustomize.py").read_text() == COUNTS


@pytest.mark.skipif(shutil.which("dpkg-divert") is None, reason="needs dpkg")
@pytest.mark.parametrize("before", [module, absolute_link, relative_link])
def test_what_dpkg_has_brought_is_diverted(
    before: Callable[[Base], None],
    chain: Chain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that an upgrade goes to where the file is now; on a database of our own."""
    before(chain.base)
    path = chain.base.stdlib / "sitecustomize.py"
    admin = tmp_path / "dpkg"
    made_database(admin, path)
    monkeypatch.setenv("DPKG_ADMINDIR", str(admin))
    state = snapshot(chain.base.prefix)

    done = chain.enable(tmp_path / "workspace")

    kept = done.kept[0].kept
    assert diversions() == f"local diversion of {path} to {path.parent / kept}\n"
    assert chain.show().stdout.startswith("run\nTrue 1")
    assert activation.undo(done) == []
    assert diversions() == ""
    assert snapshot(chain.base.prefix) == state


def made_database(admin: Path, path: Path) -> None:
    """A database of dpkg in which a package has brought a file."""
    for name in ("info", "updates", "triggers"):
        (admin / name).mkdir(parents=True)
    fields = ("Package: lab", "Status: install ok installed", "Architecture: all")
    lines = (*fields, "Version: 1", "Maintainer: a", "Description: a")
    (admin / "status").write_text("\n".join((*lines, "", "")))
    folders = "".join(f"{parent}\n" for parent in reversed(path.parents[:-1]))
    (admin / "info" / "lab.list").write_text(f"/.\n{folders}{path}\n")
    (admin / "info" / "format").write_text("1\n")


def diversions() -> str:
    done = subprocess.run(
        [shutil.which("dpkg-divert") or "", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
