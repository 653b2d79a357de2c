"""Stage 0 in every way that pip is started, and when things go wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.damages import damage
from lab.index_style import IndexStyle
from lab.pips import scratch_environment

if TYPE_CHECKING:
    from conftest import Bench, Benches
    from lab.laboratory import Laboratory

PAGE = "/simple/alpha/"
HOOK = "pipmend_hook"
IN_PROCESS = (
    "import sys; from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture
def broken(benches: Benches, tmp_path: Path) -> Bench:
    """A bench with an empty cached page."""
    return broken_bench(benches, tmp_path, "26.3")


def broken_bench(benches: Benches, folder: Path, version: str) -> Bench:
    """A bench with an empty cached page."""
    bench = benches.bench(folder, version, IndexStyle())
    damage("body-empty").apply(bench.entry(PAGE))
    return bench


@pytest.mark.parametrize("version", ["22.0.4", "23.3.2", "25.3", "26.3"])
@pytest.mark.parametrize(
    "start",
    [("-m", "pip"), ("-I", "-m", "pip"), ("-E", "-m", "pip"), ("-c", IN_PROCESS)],
    ids=["module", "isolated", "no-environment", "in-process"],
)
def test_a_page_is_healed_however_pip_is_started(
    start: tuple[str, ...], version: str, benches: Benches, tmp_path: Path
) -> None:
    """As a module, isolated, without environment, called in-process."""
    bench = broken_bench(benches, tmp_path, version)

    done = run(bench, *start, "download", "--no-deps", "-d", str(tmp_path), "alpha")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "quarantined the cached page of 'alpha'" in done.stderr


def test_a_page_is_healed_in_the_pip_of_an_isolated_build(
    benches: Benches, tmp_path: Path
) -> None:
    """The second pip, which pip starts to fetch a build backend, heals too."""
    bench = benches.bench(tmp_path, "26.3", IndexStyle())
    build = ("-m", "pip", "wheel", "-w", str(tmp_path / "w"), "gamma")
    assert run(bench, *build).returncode == 0
    (bench.cache / "wheels").rename(tmp_path / "built-before")
    damage("body-empty").apply(bench.entry("/simple/labbackend/"))

    done = run(bench, *build)

    assert done.returncode == 0, done.stdout + done.stderr
    assert bench.events.count("entry_corrupt") == 1
    assert "'labbackend'" in bench.events


@pytest.mark.parametrize(
    ("option", "lines"), [("-v", 1), ("--no-color", 1), ("-q", 0), ("-qqq", 0)]
)
def test_one_line_on_stderr_unless_quiet(
    option: str, lines: int, broken: Bench, tmp_path: Path
) -> None:
    """``-q`` silences it; stdout never has it; a log file always does."""
    log = tmp_path / "log"
    arguments = ("-m", "pip", "download", option, "--log", str(log), "-d", "d", "alpha")

    done = run(broken, *arguments)

    assert done.returncode == 0
    assert done.stderr.count("pipmend: quarantined") == lines
    assert "pipmend" not in done.stdout
    assert log.read_text().count("pipmend: quarantined") == 1


@pytest.mark.parametrize(
    ("module", "version"),
    [
        ("wrapt", "26.3"),
        ("msgpack", "26.3"),
        ("platformdirs", "24.0"),  # later pips bring one that is good enough
        ("pipmend", "26.3"),
    ],
)
def test_a_missing_part_leaves_pip_as_it_is(
    module: str, version: str, lab: Laboratory, benches: Benches, tmp_path: Path
) -> None:
    """One line on stderr, and pip goes on unpatched."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    venv = lab.fresh_venv(f"without-{module}", version, hooked=True)
    (venv.site_packages / module).rename(tmp_path / module)
    pip = lab.pip(venv, bench.warm.index, tmp_path / "home")

    done = pip.install("alpha", target=tmp_path / "target", cache=bench.cache)

    assert done.returncode == 0
    assert done.stderr.count("pipmend: not active, pip goes on") == 1


def test_the_line_is_run_twice_and_arms_once(lab: Laboratory, tmp_path: Path) -> None:
    """In a venv, ``site`` runs startup files twice (CPython #75723)."""
    venv = lab.venv("26.3", hooked=True)
    code = "import sys, pipmend_hook; print(sys.meta_path.count(pipmend_hook))"

    done = subprocess.run(
        [venv.python, "-c", code],
        env=scratch_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("mode", ["off", "OFF", "neither"])
def test_off_and_anything_unknown_leave_pip_alone(mode: str, broken: Bench) -> None:
    """Off is silent; anything unknown is one clear line, and off."""
    installed = broken.install(env={"PIPMEND": mode})

    assert installed.run.returncode != 0
    assert not broken.events
    assert not broken.quarantine
    told = [line for line in installed.run.stderr.splitlines() if "PIPMEND" in line]
    assert len(told) == (mode == "neither")


@pytest.mark.parametrize("version", ["22.0.4", "25.3", "26.3"])
@pytest.mark.parametrize(
    "name", ["metadata-top-empty-map", "metadata-half", "body-empty"]
)
def test_observe_records_and_changes_nothing(
    name: str, version: str, benches: Benches, tmp_path: Path
) -> None:
    """Exit status, output, requests and cache are those of plain pip."""
    ends = {}
    for kind, is_hooked in (("hooked", True), ("plain", False)):
        bench = benches.bench(tmp_path / kind, version, IndexStyle(), hooked=is_hooked)
        damage(name).apply(bench.entry(PAGE))
        installed = bench.install(env={"PIPMEND": "observe"})
        last = installed.run.output.strip().splitlines()[-1]
        ends[kind] = (installed.run.returncode, last, installed.requests)
        if is_hooked:
            assert bench.events.count("entry_corrupt") == 1
            assert '"action": "observed"' in bench.events
            assert not bench.quarantine
            assert "pipmend:" not in installed.run.output

    assert ends["hooked"] == ends["plain"]


def run(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bench's Python with its pip settings in the environment."""
    return subprocess.run(
        [bench.pip.venv.python, *arguments],
        env=bench.pip.environment(bench.cache),
        cwd=bench.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def configure(bench: Bench, content: str) -> Path:
    """Write the configuration file of the bench's user."""
    variables = bench.pip.environment(bench.cache)
    path = Path(variables["XDG_CONFIG_HOME"], "pipmend", "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("mode", "is_healed"), [("heal", True), ("off", False), ("observe", False)]
)
def test_a_configuration_file_sets_the_mode(
    mode: str, is_healed: bool, broken: Bench
) -> None:
    """Without a word; the variable is stronger."""
    configure(broken, f"mode = '{mode}'")

    installed = broken.install()

    assert (installed.run.returncode == 0) == is_healed
    assert ("pipmend" in installed.run.stderr) == is_healed
    assert bool(broken.events) == (mode != "off")

    assert broken.install(env={"PIPMEND": "heal"}).run.returncode == 0


def test_a_broken_configuration_file_is_one_line_and_off(broken: Bench) -> None:
    """A file that cannot be read may have said so; pip is what it is without."""
    path = configure(broken, "mode = 'heal")

    installed = broken.install()

    assert installed.run.returncode != 0
    told = [line for line in installed.run.stderr.splitlines() if "pipmend" in line]
    assert len(told) == 1
    assert str(path) in told[0]
    assert not broken.events

    silent = broken.install(env={"PIPMEND": "off"})
    assert "pipmend" not in silent.run.stderr


def test_events_go_where_the_configuration_says(broken: Bench, tmp_path: Path) -> None:
    """A folder that is made when there is something to record."""
    configure(broken, f"[events]\nfolder = '{tmp_path / 'events' / 'here'}'")

    assert broken.install().run.returncode == 0

    log = tmp_path / "events" / "here" / "events.jsonl"
    assert "pipmend.entry_healed" in log.read_text()
    assert not broken.events


def test_the_library_wakes_stage_0_and_is_let_be(
    lab: Laboratory, tmp_path: Path
) -> None:
    """CacheControl itself is no target by default: settings are read, no more."""
    (tmp_path / "cachecontrol").mkdir()
    (tmp_path / "cachecontrol" / "__init__.py").touch()
    code = (
        "import sys, cachecontrol, pipmend_hook as hook\n"
        "print(sorted(name for name in sys.modules if name.startswith('pipmend')))\n"
        "print(sorted(hook._awaited))"
    )

    done = subprocess.run(
        [lab.venv("26.3", hooked=True).python, "-c", code],
        env={**scratch_environment(tmp_path / "home"), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
    loaded, awaited = done.stdout.splitlines()
    woken = ["pipmend", "pipmend._startup", "pipmend.config", "pipmend.records", HOOK]
    assert loaded == str(woken)
    assert awaited == "['pip._vendor.cachecontrol']"
