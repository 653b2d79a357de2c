"""A venv of Python 3.15, the first that reads ``.start`` files, with such a wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.newer_pythons import newer_python
from lab.pips import interpreters, make_venv, pip_wheel, pipmend_wheels
from lab.variant import variant_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from lab.pips import Venv

PYTHON, TAG = "3.15", "py315"


def variant_venv(folder: Path, store: Path) -> Venv:
    """Make one in a folder.

    Raises:
        lab.debian.OutOfReachError: there is no such Python to be had here.
    """
    house = pipmend_wheels(store, python=PYTHON)
    needed = [one for one in house.glob("*.whl") if not one.name.startswith("pipmend-")]
    return make_venv(
        folder,
        base_python=interpreters().get(PYTHON) or newer_python(PYTHON),
        pip_wheel=pip_wheel("26.3", store),
        wheels=[*sorted(needed), variant_wheel(store, TAG)],
    )
