"""The laboratory as a whole: environments on demand, made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.pips import Pip, Venv, interpreters, make_venv, pip_wheel, pipmend_wheels

if TYPE_CHECKING:
    from pathlib import Path

    from lab.index_server import LocalIndex

_PREFERRED = "3.11"


@dataclass
class Laboratory:
    """Makes environments.

    ``store`` keeps downloaded and built wheels and may be shared by test workers
    and by test runs; ``scratch`` belongs to one worker and holds its environments.
    """

    store: Path
    scratch: Path
    pythons: dict[str, Path] = field(default_factory=interpreters)
    _venvs: dict[tuple[str, bool, str], Venv] = field(default_factory=dict)

    @property
    def default_python(self) -> str:
        """The Python of an environment when a test does not care: 3.11 if here."""
        return _PREFERRED if _PREFERRED in self.pythons else next(iter(self.pythons))

    def venv(
        self, pip_version: str, *, hooked: bool, python: str | None = None
    ) -> Venv:
        """The environment of one pip on one Python; ``hooked`` adds pipmend.

        Tests share it, so they install with ``--target`` and leave it alone.

        Raises:
            LookupError: This machine does not have that Python.
        """
        python = python or self.default_python
        if python not in self.pythons:
            raise LookupError(f"No Python {python} here, only {list(self.pythons)}")
        key = (pip_version, hooked, python)
        if key not in self._venvs:
            self._venvs[key] = self.fresh_venv(
                f"{python}-pip{pip_version}-{'hooked' if hooked else 'plain'}",
                pip_version,
                hooked=hooked,
                python=python,
            )
        return self._venvs[key]

    def fresh_venv(
        self,
        name: str,
        pip_version: str,
        *,
        hooked: bool,
        python: str | None = None,
    ) -> Venv:
        """An environment for one test alone, in the folder ``name`` of ``scratch``."""
        python = python or self.default_python
        wheels: list[Path] = []
        if hooked:
            house = pipmend_wheels(self.store, python=python)
            wheels = sorted(house.glob("*.whl"))
        return make_venv(
            self.scratch / name,
            base_python=self.pythons[python],
            pip_wheel=pip_wheel(pip_version, self.store),
            wheels=wheels,
        )

    def pip(self, venv: Venv, index: LocalIndex, home: Path) -> Pip:
        """A pip bound to an index, with ``home`` for all that it keeps for itself."""
        return Pip(venv, index.url, index.ca_file, home)
