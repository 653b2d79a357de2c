"""A pip that runs in faulty surroundings, and what has become of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from lab.faulty import MOUNTING
from lab.pips import Run, tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.faulty import Row
    from lab.workbench import Workbench


class Ended(NamedTuple):
    """What became of one pip."""

    run: Run
    files: Mapping[str, str]
    litter: frozenset[str]
    """What lies beside the cache, the home and the target, and in the home."""

    @property
    def outcome(self) -> tuple[int, str, Mapping[str, str]]:
        """What must not depend on pipmend."""
        return self.run.returncode, self.run.stdout, self.files

    @property
    def lines(self) -> list[str]:
        """The lines on stderr that are not pipmend's."""
        lines = self.run.stderr.splitlines()
        return [line for line in lines if "pipmend: " not in line]

    @property
    def own_lines(self) -> list[str]:
        """The lines on stderr that are pipmend's."""
        return [line for line in self.run.stderr.splitlines() if "pipmend: " in line]


def cache_of(row: Row, folder: Path) -> Path:
    """Where the cache of a run is."""
    if not row.cache.endswith("..."):
        return folder / row.cache
    # As long as pip's own files have room: PATH_MAX counts the final NUL, too.
    room = 4095 - len(str(folder / "long")) - len("/http-v2/a/b/c/d/e/") - 56 - 20
    return folder.joinpath("long", *["x" * 99] * (room // 100), "y" * (room % 100))


def run(bench: Workbench, row: Row, requirement: str) -> Ended:
    """Run a pip in the surroundings, in a cache folder that is ready."""
    folder = str(bench.folder)
    cache = cache_of(row, bench.folder)
    if cache != bench.cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
        bench.cache.rename(cache)
    before = row.before.replace("{folder}", folder)
    program = [str(bench.pip.venv.python), *row.flags, *row.program, "install"]
    options = [f"--target={bench.target}", "--no-compile", requirement]
    script = f'{before}\nexec "$@" {row.redirect}'
    command = [*row.within, "/bin/sh", "-c", script, "sh", *program, *options]
    changes = {
        name: value and value.replace("{folder}", folder)
        for name, value in row.env.items()
    }
    environment = {**bench.pip.environment(cache), **changes}
    known = _names(bench.folder)
    done = subprocess.run(
        command,
        cwd=bench.folder,
        env={name: value for name, value in environment.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    files = tree(bench.target) if bench.target.exists() else {}
    litter = _names(bench.folder) - known
    if cache != bench.cache:
        cache.rename(bench.cache)
    home = str(bench.pip.venv.python.parent.parent)
    stdout, stderr = (text.replace(home, "VENV") for text in (done.stdout, done.stderr))
    return Ended(Run(tuple(program), done.returncode, stdout, stderr), files, litter)


def _names(folder: Path) -> frozenset[str]:
    beside = [path.name for path in folder.iterdir() if path.name != "target"]
    at_home = [f"home/{path.name}" for path in (folder / "home").iterdir()]
    return frozenset([*beside, *at_home])


def can_isolate(within: tuple[str, ...]) -> bool:
    """Whether this machine lets the tests make such surroundings."""
    if not within:
        return True
    if shutil.which(within[0]) is None:
        return False
    what = "mount -t tmpfs none /mnt" if within == MOUNTING else "true"
    command = [*within, "sh", "-c", what]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
