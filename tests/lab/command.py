"""The installed command ``pipmend``, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.pips import Run, Venv, scratch_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Command:
    """The command of one environment, with ``home`` for all user folders."""

    venv: Venv
    home: Path

    def run(
        self,
        *args: object,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Run:
        """Run ``pipmend ARGS``; ``env`` comes on top; ``timeout`` is in seconds."""
        command = (str(self.program), *map(str, args))
        done = subprocess.run(
            command,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
        return Run(command, done.returncode, done.stdout, done.stderr)

    def records(
        self, *args: object, env: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Run it with ``--json`` and parse each line that it prints."""
        run = self.run(*args, "--json", env=env)
        assert not run.stderr, str(run)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a run."""
        return {**scratch_environment(self.home), **(env or {})}

    @property
    def program(self) -> Path:
        """The script that the wheel has installed."""
        return self.venv.python.with_name("pipmend")
