"""The demonstration behind ``install_hook.py --demo``, run inside its scratch venv.

Usage: python -m lab.demo FOLDER. Everything is kept below that folder. Exit code 1
as soon as something does not go as the transcript tells.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cache_files
from lab.index_server import LocalIndex
from lab.packages import wheel
from lab.pips import Pip, Run, Venv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.cache_files import HttpEntry

_PACKAGE = "alpha"
_PLAIN = {"PIPMEND": "off"}
_WIDTH = 110


class NotAsToldError(Exception):
    """A step went another way than the transcript says."""


@dataclass(frozen=True)
class Demo:
    """One run of the demonstration: an index, a pip, a cache."""

    folder: Path
    index: LocalIndex
    pip: Pip

    @property
    def cache(self) -> Path:
        """The scratch cache."""
        return self.folder / "cache"

    def install(self, *, healing: bool, into: str) -> Run:
        """Run ``pip install alpha`` with an empty target folder."""
        return self.pip.install(
            _PACKAGE,
            target=self.folder / into,
            cache=self.cache,
            env=None if healing else _PLAIN,
        )


def main(arguments: Sequence[str]) -> int:
    """Run all steps; 0 if everything went as told."""
    folder = Path(arguments[0])
    with LocalIndex([wheel(_PACKAGE, "1.0")], lifetime=300) as index:
        pip = Pip(_own_venv(), index.url, index.ca_file, folder / "home")
        demo = Demo(folder, index, pip)
        print(f"\npip {pip.venv.pip_version}, an index over TLS at {index.url}")
        try:
            _warm(demo)
            _break(demo)
            _fail_twice(demo)
            _heal(demo)
            _show_event(demo)
            _show_quarantine(demo)
        except NotAsToldError as error:
            print(f"\nNot as told: {error}", file=sys.stderr)
            return 1
    print("\nThat is all it does: the broken entry is aside, the cache works again.")
    return 0


def _warm(demo: Demo) -> None:
    _say("1", "Warm the cache: pip install alpha")
    _expect_success(demo.install(healing=True, into="first"))
    count = len(cache_files.entries(demo.cache))
    _show(f"exit code 0; {count} entries in the cache")


def _break(demo: Demo) -> None:
    _say(
        "2",
        "Break an entry: empty the body of the cached index page, as a full disk does",
    )
    entry = _page(demo)
    size = len(cache_files.read_body(entry))
    cache_files.write_body(entry, b"")
    _show(f"{size} bytes are 0 bytes now: {_short(demo, entry.files[-1])}")


def _fail_twice(demo: Demo) -> None:
    _say("3", "Plain pip (PIPMEND=off), two times: it fails, and goes on failing")
    for attempt in ("again", "and again"):
        run = demo.install(healing=False, into=attempt)
        if run.returncode == 0:
            raise NotAsToldError(f"plain pip was not impressed\n{run}")
        _show(f"exit code {run.returncode}; {_last_line(run.output)}")


def _heal(demo: Demo) -> None:
    _say("4", "The same with pipmend: one run heals the entry and succeeds")
    run = demo.install(healing=True, into="healed")
    _expect_success(run)
    lines = [line for line in run.output.splitlines() if "pipmend: " in line]
    if not lines:
        raise NotAsToldError(f"pipmend did not say that it healed\n{run}")
    for line in lines:
        _show(line)
    _show(f"exit code 0; {_last_line(run.stdout)}")
    _expect_success(demo.install(healing=False, into="afterwards"))
    _show("and plain pip works again: exit code 0")


def _show_event(demo: Demo) -> None:
    _say("5", "The event: pipmend events --json")
    events = [json.loads(line) for line in _events(demo).splitlines()]
    names = [event["event"] for event in events]
    if names != ["pipmend.entry_corrupt", "pipmend.entry_healed"]:
        raise NotAsToldError(f"the events are {names}")
    _show(json.dumps(events[0], indent=2))
    _show(f"and {names[1]}, once the fresh page was stored")


def _events(demo: Demo) -> str:
    done = subprocess.run(
        [demo.pip.venv.python, "-m", "pipmend", "events", "--json"],
        env=demo.pip.environment(demo.cache),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise NotAsToldError(f"pipmend events failed: {done.stderr}")
    return done.stdout


def _show_quarantine(demo: Demo) -> None:
    _say("6", "The evidence, in quarantine beside the cache")
    quarantine = demo.cache / "pipmend" / "quarantine"
    files = sorted(path for path in quarantine.rglob("*") if path.is_file())
    if not files:
        raise NotAsToldError(f"nothing is in {quarantine}")
    for path in files:
        _show(f"{path.stat().st_size:6} bytes  {_short(demo, path)}")


def _own_venv() -> Venv:
    folder = Path(sysconfig.get_path("purelib"))
    return Venv(Path(sys.executable), folder, version("pip"))


def _page(demo: Demo) -> HttpEntry:
    return cache_files.find(demo.cache, demo.index, f"/simple/{_PACKAGE}/")


def _expect_success(run: Run) -> None:
    if run.returncode:
        raise NotAsToldError(str(run))


def _last_line(output: str) -> str:
    line = [line for line in output.splitlines() if line.strip()][-1].strip()
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."


def _short(demo: Demo, path: Path) -> str:
    return path.relative_to(demo.folder).as_posix()


def _say(number: str, text: str) -> None:
    print(f"\n{number}. {text}", flush=True)


def _show(text: str) -> None:
    for line in text.splitlines():
        print(f"   {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
