"""The wheel, file by file, and what comes and goes with each kind of install."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.pips import scratch_environment
from lab.wheels import CHECKOUT, pipmend_wheel

if TYPE_CHECKING:
    from lab.laboratory import Laboratory
    from lab.pips import Venv

STARTUP_FILES = {"pipmend_hook.pth", "pipmend_hook.py"}

MODULES = {
    "__init__.py",
    "__main__.py",
    "_compat/__init__.py",
    "_compat/caches.py",
    "_compat/folders.py",
    "_compat/installed.py",
    "_compat/layouts.py",
    "_compat/seams.py",
    "_compat/toml.py",
    "_guard.py",
    "_patches.py",
    "_startup.py",
    "addresses.py",
    "archives.py",
    "armed/sitecustomize.py",
    "atomic.py",
    "cli/__init__.py",
    "cli/cache_option.py",
    "cli/disable.py",
    "cli/doctor.py",
    "cli/enable.py",
    "cli/events.py",
    "cli/explain.py",
    "cli/explain_case.py",
    "cli/forget.py",
    "cli/list.py",
    "cli/moments.py",
    "cli/output.py",
    "cli/progress.py",
    "cli/quarantine.py",
    "cli/quarantine_actions.py",
    "cli/quarantine_output.py",
    "cli/report.py",
    "cli/run.py",
    "cli/scan.py",
    "cli/scan_option.py",
    "cli/scan_output.py",
    "cli/stats.py",
    "cli/status.py",
    "cli/status_conclusion.py",
    "cli/status_experiment.py",
    "cli/status_findings.py",
    "cli/status_mechanisms.py",
    "cli/status_output.py",
    "codings.py",
    "config.py",
    "config_text.py",
    "crew.py",
    "damage.py",
    "digests.py",
    "doctor/__init__.py",
    "doctor/cache.py",
    "doctor/clocks.py",
    "doctor/file_system.py",
    "doctor/machine.py",
    "doctor/owners.py",
    "doctor/past.py",
    "doctor/repetitions.py",
    "doctor/use.py",
    "doctor/values.py",
    "doctor/words.py",
    "downloads.py",
    "enforce.py",
    "entries.py",
    "errors.py",
    "events.py",
    "everywhere/__init__.py",
    "everywhere/_chain.py",
    "everywhere/activation.py",
    "everywhere/choosing.py",
    "everywhere/compiled.py",
    "everywhere/copying.py",
    "everywhere/dependencies.py",
    "everywhere/files.py",
    "everywhere/front.py",
    "everywhere/installation.py",
    "everywhere/interpreters.py",
    "everywhere/library.py",
    "everywhere/originals.py",
    "everywhere/outcomes.py",
    "everywhere/places.py",
    "everywhere/private.py",
    "everywhere/receipt.py",
    "everywhere/refusals.py",
    "everywhere/sbom.py",
    "everywhere/search.py",
    "everywhere/telling.py",
    "everywhere/trust.py",
    "everywhere/venvs.py",
    "evidence/__init__.py",
    "evidence/contents.py",
    "evidence/descriptions.py",
    "evidence/homes.py",
    "evidence/judging.py",
    "evidence/purging.py",
    "evidence/values.py",
    "examine.py",
    "explanations.py",
    "gate.py",
    "handout.py",
    "history.py",
    "inventory.py",
    "ledger.py",
    "loads.py",
    "members.py",
    "metadata.py",
    "names.py",
    "notices.py",
    "observation.py",
    "offenders.py",
    "pages.py",
    "post_mortem.py",
    "processes.py",
    "py.typed",
    "quarantine.py",
    "records.py",
    "report/__init__.py",
    "report/charts.py",
    "report/checkups.py",
    "report/gathered.py",
    "report/headline.py",
    "report/healing.py",
    "report/incidents.py",
    "report/making.py",
    "report/markup.py",
    "report/packages.py",
    "report/page.py",
    "report/parts.py",
    "report/quarantined.py",
    "report/state.py",
    "report/style.css",
    "report/treemap.py",
    "report/values.py",
    "report/words.py",
    "restore.py",
    "scan/__init__.py",
    "scan/judging.py",
    "scan/shards.py",
    "scan/values.py",
    "schemas/disable.json",
    "schemas/doctor.json",
    "schemas/enable.json",
    "schemas/events.json",
    "schemas/explain.json",
    "schemas/forget.json",
    "schemas/list.json",
    "schemas/quarantine.json",
    "schemas/scan.json",
    "schemas/stats.json",
    "schemas/status.json",
    "seals.py",
    "startup_files.py",
    "store_gate.py",
    "subjects/__init__.py",
    "subjects/archives.py",
    "subjects/content.py",
    "subjects/core_metadata.py",
    "subjects/file_names.py",
    "subjects/index_pages.py",
    "subjects/responses.py",
    "subjects/values.py",
    "surroundings/__init__.py",
    "surroundings/cache.py",
    "surroundings/ci.py",
    "surroundings/environments.py",
    "surroundings/facts.py",
    "surroundings/mounts.py",
    "surroundings/ownership.py",
    "surroundings/samples.py",
    "survey.py",
    "sweeping.py",
    "units.py",
    "untrusted.py",
    "urls.py",
    "verdicts.py",
    "verified.py",
    "verify.py",
    "walk.py",
    "wheel_gate.py",
    "wheels.py",
}

DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}

LINE = b"import pipmend_hook\n"


@pytest.fixture(scope="module")
def wheel(lab: Laboratory) -> Path:
    """The wheel of the checkout as it is now."""
    return pipmend_wheel(lab.store)


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel by name; the version is taken out of the names."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            re.sub(r"^pipmend-[^/]+(?=\.dist-info/)", "pipmend", name): archive.read(
                name
            )
            for name in archive.namelist()
        }


def test_the_wheel_holds_what_it_should_and_nothing_else(wheel: Path) -> None:
    """A new module has to be named here: nothing gets in by accident."""
    expected = STARTUP_FILES | {f"pipmend/{name}" for name in MODULES}
    expected |= {f"pipmend.dist-info/{name}" for name in DIST_INFO}

    assert sorted(contents(wheel)) == sorted(expected)


def test_the_startup_file_is_one_line(wheel: Path) -> None:
    """Python runs it at every start: not one byte more."""
    assert contents(wheel)["pipmend_hook.pth"] == LINE


def test_stage_0_is_the_file_of_the_checkout(wheel: Path) -> None:
    """Copied as it is, to the root of the wheel."""
    source = (CHECKOUT / "src" / "pipmend_hook.py").read_bytes()

    assert contents(wheel)["pipmend_hook.py"] == source


def test_what_the_wheel_declares(wheel: Path) -> None:
    """Every Python from 3.9, one command, three dependencies without upper bounds."""
    files = contents(wheel)
    metadata = files["pipmend.dist-info/METADATA"].decode()
    required = re.findall(r"^Requires-Dist: (\S+)$", metadata, re.MULTILINE)
    commands = files["pipmend.dist-info/entry_points.txt"].decode().split()

    assert "Requires-Python: >=3.9\n" in metadata
    assert sorted(re.split("[<>=]", name)[0] for name in required) == [
        "msgpack",
        "platformdirs",
        "wrapt",
    ]
    assert not any("<" in name or "==" in name for name in required)
    assert "Requires-Dist: rich>=13; extra == 'cli'\n" in metadata
    assert commands == ["[console_scripts]", "pipmend", "=", "pipmend.cli:main"]
    assert "Tag: py3-none-any\n" in files["pipmend.dist-info/WHEEL"].decode()


class Installed:
    """An environment in which pipmend comes and goes."""

    def __init__(self, venv: Venv, home: Path) -> None:
        self.venv = venv
        self._environment = scratch_environment(home)

    def run(self, *arguments: str) -> str:
        """Run its Python and return what it prints."""
        done = subprocess.run(
            [self.venv.python, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "pipmend" not in done.stderr
        return done.stdout.strip()

    @property
    def startup_files(self) -> set[str]:
        """The start-up files that are there."""
        return {path.name for path in self.venv.site_packages.glob("pipmend_hook.*")}

    def check_that_the_hook_works(self) -> Path:
        """Stage 0 is loaded at every start, stage 1 with pip's cache; from where?"""
        code = (
            "import sys; print('pipmend_hook' in sys.modules, 'wrapt' in sys.modules)"
        )
        assert self.run("-c", code) == "True False"
        code = (
            "import sys, pip._vendor.cachecontrol.controller as c, pipmend._patches\n"
            "assert 'wrapt' in sys.modules and hasattr(c.CacheController.__init__, "
            "'__wrapped__')\n"
            "print(pipmend.__file__)"
        )
        return Path(self.run("-c", code)).parent

    def uninstall(self) -> None:
        """Uninstall pipmend, and see that nothing is left."""
        self.run("-m", "pip", "uninstall", "--yes", "pipmend")
        left = [path.name for path in self.venv.site_packages.glob("*pipmend*")]
        assert left == []
        code = "import sys; print('pipmend_hook' in sys.modules)"
        assert self.run("-c", code) == "False"


def test_each_kind_of_install_comes_and_goes(lab: Laboratory, tmp_path: Path) -> None:
    """From the wheel, then editable: both startup files, and the hook at work."""
    venv = lab.fresh_venv("packaging", "26.3", hooked=True)
    installed = Installed(venv, tmp_path)
    assert installed.startup_files == STARTUP_FILES
    assert (venv.site_packages / "pipmend_hook.pth").read_bytes() == LINE
    folder = installed.check_that_the_hook_works()
    assert folder == venv.site_packages / "pipmend"
    installed.uninstall()

    # In the ordinary environment, which has what the build asks for.
    subprocess.run(
        [venv.python, "-m", "pip", "install", "--no-deps", "--editable", CHECKOUT],
        capture_output=True,
        check=True,
    )
    assert installed.startup_files == STARTUP_FILES
    assert (venv.site_packages / "pipmend_hook.pth").read_bytes() == LINE
    folder = installed.check_that_the_hook_works()
    assert folder == CHECKOUT / "src" / "pipmend"
    installed.uninstall()
    assert (CHECKOUT / "src" / "pipmend_hook.pth").read_bytes() == LINE
