"""Projects of a local index that look like real ones, the same bytes on every run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lab.packages import noise, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.packages import Artifact

SEED = 1

_OLDER_RELEASES = 30
_MODULES = 10
_DATA = (20_000, 200_000)
"""Bytes that no compression makes smaller."""

_FUNCTION = '''\
def function{number}(first, second=None):
    """Do something with the values of {module}."""
    values = [first * {number} + index for index in range(10)]
    if second is not None:
        values.extend(second)
    return {{"name": "{module}", "values": values}}


'''


def named(count: int) -> list[str]:
    """Names of so many projects."""
    return [f"package{number:03}" for number in range(count)]


def project(name: str, requires: Sequence[str] = ()) -> list[Artifact]:
    """Releases of a project: many small ones, and the newest of a usual size."""
    older = [wheel(name, f"1.{minor}", size=10) for minor in range(_OLDER_RELEASES)]
    chance = random.Random(f"{SEED} {name}")  # noqa: S311
    payload = {
        f"{name}/{file}.py": _module(f"{name}.{file}").encode()
        for file in [f"module{number}" for number in range(_MODULES)]
    }
    payload[f"{name}/__init__.py"] = b""
    payload[f"{name}/data.bin"] = noise(name, chance.randint(*_DATA))
    return [*older, wheel(name, "2.0", requires=requires, payload=payload)]


def wide(count: int) -> list[Artifact]:
    """So many projects without requirements."""
    return [artifact for name in named(count) for artifact in project(name)]


def deep(count: int) -> list[Artifact]:
    """So many projects, each of which requires some of those behind it.

    The first one requires them all, by way of others.
    """
    names = named(count)
    return [
        artifact
        for number, name in enumerate(names)
        for artifact in project(
            name, [names[at] for at in (2 * number + 1, 2 * number + 2) if at < count]
        )
    ]


def _module(name: str) -> str:
    return "".join(
        _FUNCTION.format(number=number, module=name) for number in range(_MODULES)
    )
