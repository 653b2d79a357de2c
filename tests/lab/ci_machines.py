"""What two CI systems do with the steps of a job: a model, made after their manuals.

The commands of a job are run by a real bash. The rest is an imitation in a few lines:
where caches are kept between jobs, which one comes back, which variables are set, how
an expression is replaced. A step, key or expression that the model does not know is an
error. Each job has a new home folder and a new environment for its Python.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.pips import Run, scratch_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_CALL = re.compile(r"hashFiles\('([^']+)'\)")
_COMPARISON = re.compile(r"(\S+) == '([^']*)'")
_OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")

_TIMEOUT = 300
"""Seconds for one step."""

_RUN_ID = "github.run_id"


def environment_of(home: Path) -> dict[str, str]:
    """An environment from scratch, with caches and logs where they are by default."""
    clean = scratch_environment(home).items()
    return {name: value for name, value in clean if not name.startswith("XDG_")}


class Machine(NamedTuple):
    """A machine on which a job runs: new, with a Python and the files of a project."""

    home: Path
    project: Path
    python: Path
    """The folder with ``python`` and ``pip``, first on the path."""
    settings: Mapping[str, str]
    """Environment variables that the machine has anyway, such as those of the index."""

    def bash(self, options: Sequence[str], script: str, env: Mapping[str, str]) -> Run:
        """Run a script in the folder of the project."""
        file = self.home / "script.sh"
        file.write_text(script)
        path = os.pathsep.join([str(self.python), os.defpath])
        command = ("bash", *options, str(file))
        given = {**self.settings, "PATH": path, "CI": "true", **env}
        done = subprocess.run(
            command,
            cwd=self.project,
            env={**environment_of(self.home), **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT,
            check=False,
        )
        return Run(command, done.returncode, done.stdout, done.stderr)


def new_machine(
    folder: Path, files: Mapping[str, str], settings: Mapping[str, str]
) -> Machine:
    """A machine with the files of a project; its Python is that of the tests."""
    home, project = folder / "home", folder / "project"
    for made in (home, project):
        made.mkdir(parents=True)
    for name, text in files.items():
        (project / name).write_text(text)
    base = getattr(sys, "_base_executable", None) or sys.executable
    environment = scratch_environment(folder / "home-of-the-set-up")
    make = [base, "-m", "venv", str(folder / "python")]
    subprocess.run(make, env=environment, check=True, capture_output=True)
    return Machine(home, project, folder / "python" / "bin", settings)


class Finished(NamedTuple):
    """A job that has ended."""

    ok: bool
    runs: tuple[Run, ...]
    """What was run, in order."""

    @property
    def output(self) -> str:
        """All of it, for a person."""
        return "\n".join(map(str, self.runs))


@dataclass
class Store:
    """Caches by their keys, which never change once they are there."""

    folder: Path
    keys: list[str] = field(default_factory=list)
    """Oldest first."""

    def content(self, key: str) -> Path:
        """The folder of what was stored."""
        return self.folder / hashlib.sha256(key.encode()).hexdigest()[:16]

    def save(self, key: str, source: Path) -> None:
        """Keep a copy of a folder, unless the key is taken."""
        if key not in self.keys and source.is_dir():
            shutil.copytree(source, self.content(key), symlinks=True)
            self.keys.append(key)

    def restore(self, exact: str, prefixes: Sequence[str], target: Path) -> None:
        """Bring back what has this key, or else the newest of the first prefix."""
        found = [exact] if exact in self.keys else []
        for prefix in prefixes:
            found += [key for key in reversed(self.keys) if key.startswith(prefix)]
        if found:
            shutil.copytree(self.content(found[0]), target, symlinks=True)

    def replace(self, key: str, source: Path) -> None:
        """Keep a copy instead of what has the key now."""
        shutil.rmtree(self.content(key), ignore_errors=True)
        self.keys = [one for one in self.keys if one != key]
        self.save(key, source)


# -- GitHub Actions ------------------------------------------------------------------


class _Job:
    """One run of a list of steps, with what each of them has put out."""

    def __init__(self, machine: Machine, store: Store, run_id: str) -> None:
        self.machine, self.store, self.run_id = machine, store, run_id
        self.outputs: dict[str, dict[str, str]] = {}
        self.runs: list[Run] = []

    def take(self, step: Mapping[str, Any]) -> bool:
        """Do a step; False if the job ends with it."""
        unknown = set(step) - {"id", "if", "run", "uses", "with"}
        assert not unknown, unknown
        if "if" in step and not self._holds(step["if"]):
            return True
        if "uses" in step:
            name, _, _ = step["uses"].partition("@")
            with_ = {key: self._text(value) for key, value in step["with"].items()}
            self._actions()[name](with_)
            return True
        return self._shell(step)

    def _shell(self, step: Mapping[str, Any]) -> bool:
        output = self.machine.home / "output"
        output.touch()
        env = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_WORKSPACE": str(self.machine.project),
        }
        # Without a word about the shell, it is this one.
        run = self.machine.bash(["-e"], self._text(step["run"]), env)
        self.runs.append(run)
        pairs = (line.split("=", 1) for line in output.read_text().splitlines())
        self.outputs[step.get("id", "")] = dict(pairs)
        output.unlink()
        return run.returncode == 0

    def _actions(self) -> dict[str, Callable[[Mapping[str, str]], None]]:
        return {
            # The Python of the machine is there already.
            "actions/setup-python": lambda _: None,
            "actions/cache/restore": self._restore,
            "actions/cache/save": self._save,
        }

    def _restore(self, with_: Mapping[str, str]) -> None:
        # A key that is not there is itself taken as a beginning.
        prefixes = [with_["key"], *with_.get("restore-keys", "").split()]
        self.store.restore(with_["key"], prefixes, self._path(with_))

    def _save(self, with_: Mapping[str, str]) -> None:
        self.store.save(with_["key"], self._path(with_))

    def _path(self, with_: Mapping[str, str]) -> Path:
        return Path(with_["path"].replace("~", str(self.machine.home)))

    def _holds(self, condition: str) -> bool:
        match = _COMPARISON.fullmatch(condition)
        assert match, condition
        return self._value(match[1]) == match[2]

    def _text(self, text: str) -> str:
        return _EXPRESSION.sub(lambda match: self._value(match[1]), text)

    def _value(self, expression: str) -> str:
        if call := _CALL.fullmatch(expression):
            content = (self.machine.project / call[1]).read_bytes()
            return hashlib.sha256(content).hexdigest()
        if output := _OUTPUT.fullmatch(expression):
            return self.outputs.get(output[1], {}).get(output[2], "")
        assert expression == _RUN_ID, expression
        return self.run_id


def github(
    steps: Sequence[Mapping[str, Any]], machine: Machine, store: Store, run_id: str
) -> Finished:
    """Run the steps of a job in a new machine of GitHub Actions."""
    job = _Job(machine, store, run_id)
    ok = all(job.take(step) for step in steps)
    return Finished(ok, tuple(job.runs))


# -- GitLab CI -----------------------------------------------------------------------


def gitlab(job: Mapping[str, Any], machine: Machine, store: Store) -> Finished:
    """Run a job in a new machine of GitLab CI; ``image`` says which Python it has."""
    unknown = set(job) - {"cache", "image", "script", "variables"}
    assert not unknown, unknown
    project = {"CI_PROJECT_DIR": str(machine.project), "GITLAB_CI": "true"}
    variables = {
        name: value.replace("$CI_PROJECT_DIR", str(machine.project))
        for name, value in job["variables"].items()
    }
    (path,) = job["cache"]["paths"]
    key, folder = job["cache"]["key"], machine.project / path
    store.restore(key, [], folder)
    script = "\n".join(["set -eo pipefail", *job["script"], ""])
    run = machine.bash([], script, {**project, **variables})
    # The key stays, and what has it is replaced, if the job has succeeded.
    if run.returncode == 0:
        store.replace(key, folder)
    return Finished(run.returncode == 0, (run,))
