"""Which way Python comes to run stage 0 of pipmend, and until which Python.

Python 3.18 ignores the import lines of ``.pth`` files, and entry points in ``.start``
files take their place; those are read from Python 3.15 on (PEP 829). It says nothing
of the other ways.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import activation
from pipmend.startup_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipmend.startup_files import StartupFile

    Version = tuple[int, int]

HOOK = "pipmend_hook"
"""Stage 0, and the stem of the files in site folders that load it."""

_FIRST_ENTRY_POINTS = (3, 15)
_LAST_IMPORT_LINES = (3, 17)

_ARMED = ("pipmend", "armed", "sitecustomize.py")
"""How the path ends of what ``pipmend run`` puts in front of all others."""


def text_of(version: Version) -> str:
    """A version, such as ``3.17``."""
    return ".".join(map(str, version))


class Mechanism(enum.Enum):
    """What makes Python run stage 0 at its start. Stable codes for scripts."""

    IMPORT_LINE = "pth-import-line"
    """The line in ``pipmend_hook.pth``."""
    ENTRY_POINT = "start-entry-point"
    """The entry point in ``pipmend_hook.start``."""
    RUN = "run"
    """``pipmend run``, for one command and what it starts."""
    SITECUSTOMIZE = "sitecustomize"
    """The chain of ``pipmend enable``, for a whole interpreter."""
    USERCUSTOMIZE = "usercustomize"
    """The same, for one user."""

    @property
    def first(self) -> Version | None:
        """The first Python with it; None where all have it."""
        return _FIRST_ENTRY_POINTS if self is Mechanism.ENTRY_POINT else None

    @property
    def last(self) -> Version | None:
        """The last Python with it; None where no end is known."""
        return _LAST_IMPORT_LINES if self is Mechanism.IMPORT_LINE else None

    def is_in(self, version: Version) -> bool:
        """Whether a Python has it."""
        begun = self.first is None or version >= self.first
        return begun and (self.last is None or version <= self.last)


_WORDS = {
    Mechanism.IMPORT_LINE: "the import line in {}",
    Mechanism.ENTRY_POINT: "the entry point in {}",
    Mechanism.RUN: "`pipmend run`, through {}",
    Mechanism.SITECUSTOMIZE: "the sitecustomize of the interpreter, {}",
    Mechanism.USERCUSTOMIZE: "the usercustomize of this user, {}",
}
_ENDS = {
    Mechanism.IMPORT_LINE: (
        f"Python {text_of(_LAST_IMPORT_LINES)}; later ones ignore it (PEP 829)"
    ),
    Mechanism.ENTRY_POINT: (
        f"no end is set; works from Python {text_of(_FIRST_ENTRY_POINTS)} on (PEP 829)"
    ),
    Mechanism.RUN: "the end of this command",
    Mechanism.SITECUSTOMIZE: "no end is set, as long as this Python is installed",
    Mechanism.USERCUSTOMIZE: "no end is set",
}


class Loader(NamedTuple):
    """A file that makes Python run stage 0, unless something hinders it."""

    mechanism: Mechanism
    path: Path
    rival: Path | None = None
    """A file that Python takes in its place."""

    @property
    def words(self) -> str:
        """What it is and where."""
        return _WORDS[self.mechanism].format(self.path)

    @property
    def until(self) -> str:
        """How long it works, in words."""
        return _ENDS[self.mechanism]

    def hindrance(self, version: Version) -> str | None:
        """Why a Python does not come to it; None if it does."""
        if not self.mechanism.is_in(version):
            is_line = self.mechanism is Mechanism.IMPORT_LINE
            what = "import lines" if is_line else ".start files"
            return f"Python {text_of(version)} ignores {what} (PEP 829)"
        if self.rival is None:
            return None
        if self.mechanism is Mechanism.IMPORT_LINE:
            has_rivals = Mechanism.ENTRY_POINT.is_in(version)
            return f"{self.rival} stands for it" if has_rivals else None
        return f"{self.rival} comes first"


def loaders_among(files: Sequence[StartupFile]) -> tuple[Loader, ...]:
    """What loads stage 0, in the order in which Python comes to it."""
    own = [file for file in files if file.path.stem == HOOK]
    starts = {file.path for file in own if file.kind is Kind.ENTRY_POINTS}
    found = []
    for path in (file.path for file in own if file.kind is Kind.IMPORT_LINES):
        start = path.with_suffix(".start")
        rival = start if start in starts else None
        found.append(Loader(Mechanism.IMPORT_LINE, path, rival))
    found += [Loader(Mechanism.ENTRY_POINT, path) for path in sorted(starts)]
    for kind in (Kind.SITECUSTOMIZE, Kind.USERCUSTOMIZE):
        for file, rival in with_rivals(files, kind):
            mechanism = _of_customization(file)
            if mechanism is not None:
                found.append(Loader(mechanism, file.path, rival))
    return tuple(found)


def with_rivals(
    files: Iterable[StartupFile], kind: Kind
) -> Iterator[tuple[StartupFile, Path | None]]:
    """The files of a kind of which Python runs the first, each with what keeps it out.

    Those of pipmend keep nothing out: they run the next one.
    """
    rival = None
    for file in files:
        if file.kind is kind:
            yield file, rival
            if rival is None and _of_customization(file) is None:
                rival = file.path


def _of_customization(file: StartupFile) -> Mechanism | None:
    """The way in which a ``sitecustomize`` loads stage 0; None for those of others."""
    if file.path.parts[-len(_ARMED) :] == _ARMED:
        return Mechanism.RUN
    if activation.home_in(file.path) is None:
        return None
    is_site = file.kind is Kind.SITECUSTOMIZE
    return Mechanism.SITECUSTOMIZE if is_site else Mechanism.USERCUSTOMIZE
