"""Built wheels that broke in the cache are built again; healthy ones are left alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from lab import built_wheels, cache_files
from lab.built_wheels import ORIGIN_DAMAGES, WHEEL_DAMAGES
from lab.packages import catalogue, wheel
from lab.path_damages import PATHS
from lab.permissions import without_override
from lab.workbench import Warmed, Workbench, lines_of
from pipmend import wheels
from pipmend.verdicts import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lab.laboratory import Laboratory

PIPS = ("22.0.4", "22.3.1", "23.1.2", "23.3.2", "25.3", "26.3")
MAIN = ("empty", "truncated", "nul-filled", "flipped-wheel", "html-instead")
"""What ends every run of plain pip."""
USUAL = ("22.3.1", "26.3")
"""The pips of the default run; the others carry the marker."""
DEFAULT = {
    ("22.0.4", "truncated"),
    ("22.3.1", "html-instead"),
    ("26.3", "record-digest"),
    ("26.3", "dangling-link"),
    ("26.3", "fifo"),
}
"""Which damages are tried with which pip by default."""


@pytest.fixture
def bench(request: pytest.FixtureRequest, warmed: Warmed, tmp_path: Path) -> Workbench:
    """A hooked pip whose cache holds a built wheel of gamma."""
    return warmed.bench(request.param, tmp_path, "gamma")


def on_pips(*versions: str) -> pytest.MarkDecorator:
    """Run a test on a bench of each of these pips."""
    return pytest.mark.parametrize("bench", marked(versions), indirect=True)


def marked(versions: Iterable[str]) -> list[object]:
    """The pips as parameters."""
    return [
        pytest.param(one, id=one, marks=[] if one in USUAL else [pytest.mark.matrix])
        for one in versions
    ]


def built_in(bench: Workbench) -> Path:
    """The built wheel in the cache."""
    (built,) = built_wheels.wheels_below(bench.cache)
    return built


def cases() -> list[object]:
    """Every damage of a wheel with every pip; most of them carry the marker."""
    return [
        pytest.param(
            version,
            name,
            id=f"{version}-{name}",
            marks=[] if (version, name) in DEFAULT else [pytest.mark.matrix],
        )
        for version in PIPS
        for name in WHEEL_DAMAGES
    ]


@pytest.mark.parametrize(("bench", "name"), cases(), indirect=["bench"])
def test_a_broken_wheel_is_built_again_in_the_run_that_meets_it(
    bench: Workbench, name: str, warmed: Warmed
) -> None:
    """Right files, one finding, one line, a healthy wheel; the next run is quiet."""
    built = built_in(bench)
    sound = built_wheels.members_of(built)
    WHEEL_DAMAGES[name](built)

    first = bench.install("gamma")

    assert first.returncode == 0, str(first)
    installed = warmed.installed(bench.pip.venv.pip_version, "gamma")
    assert bench.files == installed
    (line,) = lines_of(first)
    assert f"quarantined the built wheel {built.name} (wheel: " in line
    assert line.endswith("; building it again")
    (event,) = bench.events
    assert event["event"] == "pipmend.entry_corrupt"
    assert (event["reason"], event["action"]) == ("wheel-structure", "quarantined")
    assert len(bench.quarantine) == 1
    assert built_wheels.members_of(built_in(bench)) == sound

    second = bench.install("gamma")

    assert second.returncode == 0, str(second)
    assert bench.files == installed
    assert lines_of(second) == []
    assert len(bench.events) == len(bench.quarantine) == 1


@pytest.mark.parametrize("name", WHEEL_DAMAGES)
def test_each_damage_is_seen(name: str, gamma: Path) -> None:
    """The judge condemns the wheel, and says why in words."""
    WHEEL_DAMAGES[name](gamma)

    verdict = wheels.judge_wheel(gamma)

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.reason is Reason.WHEEL_STRUCTURE
    assert isinstance(verdict.found, str)
    assert verdict.found not in {"", "success"}


@pytest.fixture
def gamma(tmp_path: Path) -> Path:
    """A wheel of gamma as the laboratory's backend builds it."""
    path = tmp_path / "gamma-1.0-py3-none-any.whl"
    path.write_bytes(wheel("gamma", "1.0").content)
    built_wheels.write_archive(path, built_wheels.members_of(path))
    return path


@pytest.mark.parametrize("version", marked(PIPS))
def test_plain_pip_fails_for_ever(version: str, warmed: Warmed, tmp_path: Path) -> None:
    """The tests above can fail: nobody else builds the wheel again."""
    name = MAIN[PIPS.index(version) % len(MAIN)]
    bench = warmed.bench(version, tmp_path, "gamma", hooked=False)
    WHEEL_DAMAGES[name](built_in(bench))

    runs = [bench.install("gamma") for _ in range(2)]

    assert all(run.returncode != 0 for run in runs), [str(run) for run in runs]


@on_pips("22.3.1", "26.3")
def test_a_broken_wheel_beside_a_sound_one_is_taken_out(bench: Workbench) -> None:
    """Pip takes the first by name, with the build number; nothing has to be built."""
    built = built_in(bench)
    second = built_wheels.add_second_wheel(built)
    second.write_bytes(b"")

    run = bench.install("gamma")

    assert run.returncode == 0, str(run)
    assert len(bench.findings()) == len(lines_of(run)) == 1
    assert not second.exists()
    assert built.is_file()
    assert "Building wheel" not in run.stdout


@pytest.mark.parametrize("name", ORIGIN_DAMAGES)
def test_each_damage_of_an_origin_is_seen(name: str, origin: Path) -> None:
    """The judge of origins condemns what no pip loads."""
    assert wheels.judge_origin(origin).outcome is Outcome.INTACT
    ORIGIN_DAMAGES[name](origin)

    verdict = wheels.judge_origin(origin)

    assert verdict.outcome is Outcome.CORRUPT
    assert verdict.reason is Reason.ORIGIN_UNREADABLE


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """An origin as pip writes it."""
    path = tmp_path / "origin.json"
    told = "sha256", "00" * 32
    info = {"hash": "=".join(told), "hashes": dict([told])}
    url = "https://files.example/gamma-1.0.tar.gz"
    path.write_text(json.dumps({"archive_info": info, "url": url}))
    return path


SOUND_ORIGINS: Mapping[str, dict[str, object]] = {
    "bare-archive": {"archive_info": {}},
    "hash-only": {"archive_info": {"hash": "sha256=00"}},
    "hashes-only": {"archive_info": {"hashes": {"sha256": "00", "md5": "11"}}},
    "folder": {"dir_info": {}},
    "editable": {"dir_info": {"editable": True}},
    "vcs": {"vcs_info": {"vcs": "git", "commit_id": "00"}},
    "subdirectory": {"archive_info": {}, "subdirectory": "a"},
    "unknown-key": {"archive_info": {"later": 1}, "later": []},
}


@pytest.mark.parametrize("name", SOUND_ORIGINS)
def test_other_origins_are_sound(name: str, origin: Path) -> None:
    """Every kind of origin in PEP 610, with and without its optional fields."""
    document = {"url": "file:///somewhere", **SOUND_ORIGINS[name]}
    origin.write_text(json.dumps(document))

    assert wheels.judge_origin(origin).outcome is Outcome.INTACT


LOADING = """
import sys
from pip._internal.models.direct_url import DirectUrl
for path in sys.argv[1:]:
    try:
        DirectUrl.from_json(open(path, encoding="utf-8").read())
        print("loads")
    except Exception:
        print("raises")
"""


@pytest.mark.parametrize("version", marked(["22.3.1", "25.3", "26.3"]))
def test_the_judge_of_origins_agrees_with_pip(
    version: str, lab: Laboratory, origin: Path, tmp_path: Path
) -> None:
    """Nothing passes that pip does not load, and pip's own writing passes."""
    healthy = origin.read_bytes()
    paths = []
    for name, change in ORIGIN_DAMAGES.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(healthy)
        change(path)
        paths.append(path)
    python = lab.venv(version, hooked=False).python

    done = subprocess.run(
        [python, "-c", LOADING, origin, *paths],
        capture_output=True,
        text=True,
        check=True,
    )

    told = done.stdout.split()
    assert told[0] == "loads"
    # The first pips with origins did not look into archive_info's hashes.
    lax = {"hash-shape", "hashes-list", "info-null", "url-null"}
    loaded = {name for name, one in zip(ORIGIN_DAMAGES, told[1:]) if one == "loads"}
    assert loaded <= lax


@on_pips("22.0.4", "22.3.1", "23.1.2", "23.3.2", "25.3", "26.3")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "two-infos" else [pytest.mark.matrix])
        for name in (*ORIGIN_DAMAGES, "fifo", "folder", "dangling-link")
    ],
)
def test_a_broken_origin_is_written_anew(
    bench: Workbench, name: str, warmed: Warmed
) -> None:
    """No warning of pip's, the wheel is used, and the origin can be loaded again."""
    built = built_in(bench)
    beside = built_wheels.origin_beside(built)
    if not beside.exists():  # pip 22.0.4 shares its cache with a later one
        told = {"archive_info": {}, "url": "https://files.example/gamma-1.0.tar.gz"}
        beside.write_text(json.dumps(told))
    inode = built.stat().st_ino
    {**ORIGIN_DAMAGES, **PATHS}[name](beside)

    first = bench.install("gamma")

    assert first.returncode == 0, str(first)
    assert bench.files == warmed.installed(bench.pip.venv.pip_version, "gamma")
    assert "WARNING: Ignoring" not in first.output
    assert "Building wheel" not in first.stdout
    assert built.stat().st_ino == inode
    (line,) = lines_of(first)
    assert "quarantined origin.json (origin: " in line
    assert [event["event"] for event in bench.events] == [
        "pipmend.entry_corrupt",
        "pipmend.entry_healed",
    ]
    assert wheels.judge_origin(beside).outcome is Outcome.INTACT
    assert json.loads(beside.read_bytes())["url"].startswith(bench.index.origin)
    assert sorted(path.name for path in built.parent.iterdir()) == sorted(
        [built.name, "origin.json"]
    )

    second = bench.install("gamma")

    assert second.returncode == 0, str(second)
    assert lines_of(second) == []
    assert "Building wheel" not in second.stdout
    assert len(bench.events) == 2


@pytest.mark.parametrize("version", marked(["22.3.1", "23.1.2"]))
def test_plain_pip_ends_with_a_traceback_over_a_broken_origin(
    version: str, warmed: Warmed, tmp_path: Path
) -> None:
    """The test above can fail (pypa/pip#11985)."""
    bench = warmed.bench(version, tmp_path, "gamma", hooked=False)
    ORIGIN_DAMAGES["empty"](built_wheels.origin_beside(built_in(bench)))

    runs = [bench.install("gamma") for _ in range(2)]

    assert all("Traceback" in run.stderr for run in runs), [str(run) for run in runs]


def test_plain_pip_warns_of_a_broken_origin_in_each_run(
    warmed: Warmed, tmp_path: Path
) -> None:
    """Later pips go on, but never write it anew."""
    bench = warmed.bench("26.3", tmp_path, "gamma", hooked=False)
    ORIGIN_DAMAGES["two-infos"](built_wheels.origin_beside(built_in(bench)))

    runs = [bench.install("gamma") for _ in range(2)]

    assert all("Ignoring invalid cache entry origin" in run.stderr for run in runs)


def many_files(members: dict[str, bytes]) -> None:
    """Hundreds of modules."""
    members.update({f"gamma_{number}.py": b"\n" for number in range(300)})


def data_folder(members: dict[str, bytes]) -> None:
    """Scripts and data beside the package, with names that are not ASCII."""
    members["gamma-1.0.data/scripts/gamma"] = b"#!python\n"
    members["gamma-1.0.data/data/share/gämma, «x».txt"] = b"text"


def signed(members: dict[str, bytes]) -> None:
    """Signatures, which RECORD lists without a digest."""
    members["gamma-1.0.dist-info/RECORD.jws"] = b"{}"
    members["gamma-1.0.dist-info/RECORD.p7s"] = b"0"


def folders(members: dict[str, bytes]) -> None:
    """Entries for folders, and an empty module."""
    members["gamma_more/"] = b""
    members["gamma_more/__init__.py"] = b""


def many_tags(members: dict[str, bytes]) -> None:
    """A wheel for Python 2 and 3."""
    name = "gamma-1.0.dist-info/WHEEL"
    members[name] = members[name].replace(
        b"Tag: py3-none-any", b"Tag: py2-none-any\nTag: py3-none-any"
    )


def malformed_tag(members: dict[str, bytes]) -> None:
    """A tag that is none, which pip never reads."""
    name = "gamma-1.0.dist-info/WHEEL"
    members[name] = members[name].replace(b"py3-none-any", b"any")


def other_spelling(members: dict[str, bytes]) -> None:
    """The same name and version, spelled in another way."""
    name = "gamma-1.0.dist-info/METADATA"
    members[name] = members[name].replace(b"gamma", b"Gamma").replace(b"1.0", b"1.0.0")


def unsigned_record(members: dict[str, bytes]) -> None:
    """No digests at all."""
    members.pop("gamma-1.0.dist-info/RECORD")


HEALTHY = (
    many_files,
    data_folder,
    signed,
    folders,
    many_tags,
    malformed_tag,
    other_spelling,
    unsigned_record,
)
NAMES = ("gamma-1.0-py3-none-any.whl", "gamma-1.0-1abc-py2.py3-none-any.whl")


def put_healthy(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the content of the wheel at a path, and write a RECORD that fits."""
    members = built_wheels.members_of(path)
    record = members.pop("gamma-1.0.dist-info/RECORD")
    members["gamma-1.0.dist-info/RECORD"] = record
    change(members)
    members.pop("gamma-1.0.dist-info/RECORD", None)
    listed = {name: data for name, data in members.items() if not name.endswith("/")}
    listed["gamma-1.0.dist-info/RECORD"] = b""
    without = (".py",) if change is unsigned_record else ()
    suffixes = ("/RECORD", ".jws", ".p7s", *without)
    members["gamma-1.0.dist-info/RECORD"] = built_wheels.record_of(listed, suffixes)
    built_wheels.write_archive(path, members, zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", HEALTHY, ids=lambda change: change.__name__)
def test_a_healthy_wheel_passes(
    name: str, change: Callable[[dict[str, bytes]], None], gamma: Path
) -> None:
    """Whatever the specification allows is intact."""
    path = gamma.rename(gamma.with_name(name))
    put_healthy(path, change)

    assert wheels.judge_wheel(path).outcome is Outcome.INTACT


@on_pips("22.0.4", "23.1.2", "26.3")
def test_a_healthy_wheel_is_never_touched(bench: Workbench) -> None:
    """Neither as built nor with signatures, data and another name."""
    built = built_in(bench)
    for change in (data_folder, signed):
        put_healthy(built, change)
    built.rename(built.with_name(NAMES[1]))
    before = cache_files.snapshot(bench.cache / "wheels")

    runs = [bench.install("gamma", check=True) for _ in range(2)]

    assert cache_files.snapshot(bench.cache / "wheels") == before
    assert [lines_of(run) for run in runs] == [[], []]
    assert not bench.events
    assert not (bench.cache / "pipmend").exists()
    assert "share/gämma, «x».txt" in bench.files


@on_pips("22.3.1", "26.3")
@pytest.mark.parametrize("name", ["record-digest", "other-tags"])
def test_a_careless_backend_costs_one_build_only(bench: Workbench, name: str) -> None:
    """The wheel that is built again contradicts itself too: that is how it is built."""
    WHEEL_DAMAGES[name](built_in(bench))
    first = bench.install("gamma", check=True)
    WHEEL_DAMAGES[name](built_in(bench))
    before = cache_files.snapshot(bench.cache / "wheels")

    second, third = (bench.install("gamma", check=True) for _ in range(2))

    assert len(lines_of(first)) == 1
    assert [lines_of(run) for run in (second, third)] == [[], []]
    assert "Building wheel" not in second.stdout
    assert cache_files.snapshot(bench.cache / "wheels") == before
    assert len(bench.events) == len(bench.quarantine) == 1


@on_pips("26.3")
def test_a_wheel_that_breaks_twice_is_built_twice(bench: Workbench) -> None:
    """Only contradictions are forgiven, never a wheel that cannot be read."""
    for name in ("record-digest", "truncated"):
        WHEEL_DAMAGES[name](built_in(bench))
        assert len(lines_of(bench.install("gamma", check=True))) == 1
    WHEEL_DAMAGES["record-lists-more"](built_in(bench))
    assert lines_of(bench.install("gamma", check=True)) == []
    assert len(bench.findings()) == 2


@on_pips("22.3.1", "23.1.2", "26.3")
def test_a_broken_wheel_under_require_hashes(bench: Workbench) -> None:
    """Pip from 23.1 on uses built wheels there; what is broken is built again."""
    (source,) = (one for one in catalogue() if one.name == "gamma")
    listed = bench.folder / "requirements.txt"
    listed.write_text(f"gamma==1.0 --hash=sha256:{source.sha256}\n")
    WHEEL_DAMAGES["flipped-data"](built_in(bench))

    run = bench.install(f"--requirement={listed}", options=["--require-hashes"])

    assert run.returncode == 0, str(run)
    assert "gamma.py" in bench.files
    uses_built = bench.pip.venv.pip_version != "22.3.1"
    assert len(bench.findings()) == len(lines_of(run)) == int(uses_built)


@on_pips("22.0.4", "26.3")
def test_without_a_cache_nothing_is_looked_at(bench: Workbench) -> None:
    """With ``--no-cache-dir`` there is no wheel to judge."""
    WHEEL_DAMAGES["truncated"](built_in(bench))
    before = cache_files.snapshot(bench.cache / "wheels")

    run = bench.install("gamma", options=["--no-cache-dir"])

    assert run.returncode == 0, str(run)
    assert cache_files.snapshot(bench.cache / "wheels") == before
    assert lines_of(run) == []
    assert not bench.events


@on_pips("22.3.1", "26.3")
@pytest.mark.parametrize("part", ["wheel", "origin"])
def test_observing_changes_nothing(bench: Workbench, part: str) -> None:
    """The finding is recorded; pip does what it does by itself."""
    built = built_in(bench)
    if part == "wheel":
        WHEEL_DAMAGES["truncated"](built)
    else:
        ORIGIN_DAMAGES["empty"](built_wheels.origin_beside(built))
    before = cache_files.snapshot(bench.cache / "wheels")

    run = bench.install("gamma", env={"PIPMEND": "observe"})

    fails = part == "wheel" or bench.pip.venv.pip_version == "22.3.1"
    assert (run.returncode != 0) is fails, str(run)
    assert cache_files.snapshot(bench.cache / "wheels") == before
    assert lines_of(run) == []
    (event,) = bench.events
    assert event["action"] == "observed"
    assert event["reason"].startswith(part)
    assert not bench.quarantine


@on_pips("26.3")
def test_a_wheel_of_many_megabytes_costs_little(bench: Workbench) -> None:
    """Judging is reading once: far below what pip does with the same wheel."""
    built = built_in(bench)
    large = {"gamma_large.bin": os.urandom(16_000_000)}
    put_healthy(built, lambda members: members.update(large))

    run = bench.install("gamma", check=True)

    assert lines_of(run) == []
    assert "gamma_large.bin" in bench.files


needs_setpriv = pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and shutil.which("setpriv") is None),
    reason="root passes all permissions by",
)


@needs_setpriv
@on_pips("22.3.1", "26.3")
def test_where_a_wheel_cannot_be_moved_the_line_says_so(bench: Workbench) -> None:
    """The evidence stays. pip builds, but needs that folder for what it has built."""
    built = built_in(bench)
    WHEEL_DAMAGES["truncated"](built)
    built.parent.chmod(0o500)

    done = install_obediently(bench)
    built.parent.chmod(0o700)

    assert done.stderr.count("pipmend: not using the built wheel") == 1
    assert "not moved: Permission denied" in done.stderr
    (event,) = bench.events
    assert event["action"] == "bypassed"
    assert not bench.quarantine
    assert "Building wheels for collected packages: gamma" in done.stdout


def install_obediently(bench: Workbench) -> subprocess.CompletedProcess[str]:
    """Install without the right to override permissions."""
    command = [str(bench.pip.venv.python), "-m", "pip", "install", "--no-compile"]
    return subprocess.run(
        without_override([*command, f"--target={bench.target}", "gamma"]),
        env=bench.pip.environment(bench.cache),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
