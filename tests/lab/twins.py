"""Artifacts that come in pairs of the same size, and in an older build each.

Only a digest can tell the bodies of such a pair apart: sizes are equal, and each
of them is whole.
"""

from __future__ import annotations

import functools
import gzip
import itertools
from typing import TYPE_CHECKING

from lab.index_pages import json_page
from lab.index_style import IndexStyle
from lab.packages import Artifact, backend_wheel, noise, sdist, wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SIZE = 9_000
"""Bytes of each file."""


@functools.cache
def twins() -> tuple[Artifact, ...]:
    """Wheels alpha and omega, which need each other, and sources gamma and sigma.

    Their pages have the same size too, also when compressed.
    """
    alpha = _wheel("alpha", "omega>=1", "new")
    assert alpha is not None
    return (
        alpha,
        _with_equal_page(alpha, lambda build: _wheel("omega", "alpha>=1", build)),
        _sdist("gamma"),
        _sdist("sigma"),
        backend_wheel(),
    )


@functools.cache
def older_twins() -> tuple[Artifact, ...]:
    """The same files in an older build: other bytes, the same names and sizes."""
    alpha = twins()[0]
    return (
        _with_equal_page(alpha, lambda build: _wheel("alpha", "omega>=2", build)),
        twins()[1],
        _sdist("gamma", ['alpha; extra == "more"']),
        *twins()[3:],
    )


def _with_equal_page(
    pattern: Artifact, make: Callable[[str], Artifact | None]
) -> Artifact:
    wanted = _page_size(pattern)
    made = (make(f"build {number}") for number in itertools.count())
    return next(one for one in made if one and _page_size(one) == wanted)


def _page_size(artifact: Artifact) -> int:
    page = json_page(artifact.name, [artifact], IndexStyle())
    return len(gzip.compress(page, mtime=0))


def _wheel(name: str, requirement: str, build: str) -> Artifact | None:
    def make(size: int) -> Artifact:
        payload = {
            f"{name}.py": f'BUILD = "{build}"\n'.encode(),
            f"{name}_data.bin": noise(f"{name} {build}", size),
        }
        return wheel(name, "2.0", requires=[requirement], payload=payload)

    return _of_size(make)


def _sdist(name: str, requires: Iterable[str] = ()) -> Artifact:
    made = _of_size(lambda size: sdist(name, "1.0", requires=requires, size=size))
    assert made is not None
    return made


def _of_size(make: Callable[[int], Artifact]) -> Artifact | None:
    """The first that has the size, where there is one: compression has its whims."""
    guess = 2 * _SIZE - len(make(_SIZE).content)
    made = (make(size) for size in range(guess - 5, guess + 5))
    return next((one for one in made if len(one.content) == _SIZE), None)
