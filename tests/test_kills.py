"""A pip is killed at each step of its work on the cache: nothing is lost, all heals."""

from __future__ import annotations

import functools
import shutil
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lab import cache_files, kill_switch
from lab.damages import damage
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import wheel
from lab.workbench import Workbench, lines_of, unhealthy, workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.laboratory import Laboratory
    from lab.pips import Run, Venv

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks into /proc"
)

PIPS = ("22.0.4", "25.3", "26.3")
USUAL = "25.3"
"""The pip of the default run; the others carry the marker."""
ALL_STEPS = "open sync rename mkdir link"
MAIN_STEPS = "sync rename"
"""In the middle of each file, and between any two."""
LAST = 120
"""No run has more steps."""


@pytest.fixture(scope="module")
def venvs(lab: Laboratory) -> Callable[[str, bool], Venv]:
    """Environments whose pip can be told to kill itself."""

    @functools.cache
    def venv(version: str, hooked: bool) -> Venv:
        name = f"mortal-{version}-{'hooked' if hooked else 'plain'}"
        made = lab.fresh_venv(name, version, hooked=hooked)
        shutil.copy(kill_switch.__file__, made.site_packages / "sitecustomize.py")
        return made

    return venv


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    """An index of its own, which may change."""
    with LocalIndex([wheel("alpha", "1.0", size=4000), wheel("beta", "1.0")]) as made:
        yield made


@pytest.fixture
def make(
    venvs: Callable[[str, bool], Venv],
    index: LocalIndex,
    lab: Laboratory,
    tmp_path: Path,
) -> Callable[[str, bool], Workbench]:
    """Makes workbenches on the index and in the same folder."""

    def bench(version: str, hooked: bool) -> Workbench:
        return workbench(lab, venvs(version, hooked), index, tmp_path / "bench")

    return bench


class Mortal(NamedTuple):
    """A workbench whose pip can be killed."""

    bench: Workbench
    before: Path
    """A copy of its folder as it was."""

    def killed(self, at: int, steps: str) -> Run:
        """Start over and kill an install at a step; it ends well if it has fewer."""
        shutil.rmtree(self.bench.folder)
        shutil.copytree(self.before, self.bench.folder, symlinks=True)
        below = str(self.bench.cache)
        env = {
            "LAB_KILL_AT": str(at),
            "LAB_KILL_BELOW": below,
            "LAB_KILL_STEPS": steps,
        }
        run = self.bench.install("alpha", env=env)
        assert run.returncode in {0, -signal.SIGKILL}, str(run)
        return run


def mortal_of(bench: Workbench) -> Mortal:
    """Remember the folder of a workbench."""
    before = bench.folder.with_name(f"{bench.folder.name}-before")
    bench.cache.mkdir(exist_ok=True)
    shutil.copytree(bench.folder, before, symlinks=True)
    return Mortal(bench, before)


def fresh(bench: Workbench) -> None:
    """An empty cache."""
    bench.cache.mkdir(parents=True)


def newer(bench: Workbench) -> None:
    """A cache of yesterday, and an index that offers a new version since."""
    bench.index.withdraw("alpha-1.0-py3-none-any.whl")
    bench.index.publish(wheel("alpha", "1.0", size=3000))
    bench.install("alpha", "beta", check=True)
    expire(bench)
    bench.index.publish(wheel("alpha", "2.0"))


def newer_chunked(bench: Workbench) -> None:
    """The same without Content-Length: only the seal tells a torn entry."""
    bench.index.style = IndexStyle(chunked=True)
    newer(bench)


def broken_page(bench: Workbench) -> None:
    """A page whose body is empty, so that the first thing to do is quarantine."""
    bench.install("alpha", "beta", check=True)
    expire(bench)
    broken = "metadata-half" if is_one_file(bench) else "body-empty"
    damage(broken).apply(bench.entry("/simple/alpha/"))
    bench.age()


def is_one_file(bench: Workbench) -> bool:
    """Whether the pip keeps metadata and body in one file."""
    return bench.pip.venv.pip_version == "22.0.4"


def expire(bench: Workbench) -> None:
    """Let every response be old."""
    for entry in cache_files.entries(bench.cache):
        document = cache_files.decode(entry)
        document["response"]["headers"]["Date"] = "Thu, 01 Jan 2015 00:00:00 GMT"
        cache_files.encode(entry, {k: document[k] for k in ("response", "vary")})
    bench.age()


SCENES = (fresh, newer, newer_chunked, broken_page)


def cases() -> list[object]:
    """Every scene for every pip, with the main steps and with all of them."""
    return [
        pytest.param(
            version,
            scene,
            steps,
            id=f"{version}-{scene.__name__}-{'all' if ' m' in steps else 'main'}",
            marks=[]
            if version == USUAL
            and steps == MAIN_STEPS
            and scene in (fresh, broken_page)
            else [pytest.mark.matrix],
        )
        for version in PIPS
        for scene in SCENES
        for steps in (MAIN_STEPS, ALL_STEPS)
    ]


def bodies(bench: Workbench) -> dict[str, bytes]:
    """The bodies in the cache by the name of their entry."""
    return {
        entry.metadata.name: cache_files.read_body(entry)
        for entry in cache_files.entries(bench.cache)
    }


@pytest.mark.parametrize(("version", "scene", "steps"), cases())
def test_whenever_pip_is_killed_the_next_run_is_right(
    version: str,
    scene: Callable[[Workbench], None],
    steps: str,
    make: Callable[[str, bool], Workbench],
) -> None:
    """After each kill one ordinary run leaves the cache that a whole run leaves."""
    bench = make(version, True)
    scene(bench)
    victim = mortal_of(bench)
    after_kills: list[tuple[dict[str, bytes], dict[str, str]]] = []

    for at in range(1, LAST):
        was_killed = victim.killed(at, steps).returncode != 0
        bench.age()
        run = bench.install("alpha")
        assert run.returncode == 0, f"{at}: {run}"
        assert not unhealthy(cache_files.entries(bench.cache)), at
        after_kills.append((bodies(bench), bench.files))
        if not was_killed:
            break
    else:
        pytest.fail("the run has no end")

    assert len(after_kills) > 4
    whole = after_kills[-1]
    assert "alpha.py" in whole[1]
    assert all(one == whole for one in after_kills)
    bench.age()
    assert lines_of(bench.install("alpha", check=True)) == []


@pytest.fixture
def torn(make: Callable[[str, bool], Workbench]) -> Workbench:
    """A plain pip that was killed between the new metadata of a page and its body."""
    bench = make("25.3", False)
    newer(bench)
    body_of_page = 2  # the metadata is renamed first
    assert mortal_of(bench).killed(body_of_page, "rename").returncode != 0
    bench.age()
    return bench


def test_plain_pip_never_sees_the_new_version(torn: Workbench) -> None:
    """The index confirms the new metadata, so the old page is used for ever."""
    for _ in range(2):
        run = torn.install("alpha")
        assert run.returncode == 0, str(run)
        assert "alpha-1.0.dist-info/METADATA" in torn.files
        assert torn.index.requests_to("/simple/alpha/")[0].status == 304
    assert torn.install("alpha==2.0").returncode != 0


def test_the_torn_page_is_healed(
    torn: Workbench, make: Callable[[str, bool], Workbench]
) -> None:
    """The same cache in the hands of a hooked pip."""
    bench = make("25.3", True)
    assert bench.cache == torn.cache

    run = bench.install("alpha")

    assert run.returncode == 0, str(run)
    assert "alpha-2.0.dist-info/METADATA" in bench.files
    assert len(lines_of(run)) == len(bench.findings()) == 1
    assert lines_of(bench.install("alpha", check=True)) == []
