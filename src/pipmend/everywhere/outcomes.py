"""What a person asks for, and what has become of it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import places

if TYPE_CHECKING:
    from pathlib import Path

    from pipmend.everywhere.activation import Place
    from pipmend.everywhere.receipt import Scope


class Choice(enum.Enum):
    """Which interpreters are meant, unless some are named."""

    OWN = "own"
    """The one that runs this."""
    ALL = "all"
    """All that can be found, and all in the receipt."""


class Wish(NamedTuple):
    """What a person asks for."""

    scope: Scope
    root: Path
    """The private folder."""
    choice: Choice = Choice.ALL
    named: tuple[Path, ...] = ()
    """Interpreters, which then are the only ones."""
    wheels: Path | None = None
    """A folder with wheels of the dependencies, to do without an index."""
    opt_in: bool | None = None
    """Whether to be dormant until the variable is set; None: as it is now."""
    refresh: bool = False
    """Whether the copy has to become what runs now, if it is of another version."""
    allow_group: bool = False
    """Whether a group, or another owner, may write to what is run."""
    dry_run: bool = False


class Result(enum.Enum):
    """What has become of an interpreter."""

    ENABLED = "enabled"
    UNCHANGED = "unchanged"
    """It was enabled before, and all is well."""
    REPAIRED = "repaired"
    """Something was missing or changed; it is enabled."""
    DISABLED = "disabled"
    LEFT = "left"
    """It was found, but is none to be enabled; the reason says why."""
    REFUSED = "refused"
    """It cannot be done here, or not safely; nothing was done to it."""
    FAILED = "failed"
    """It did not work; the reason says what to look at."""


class Outcome(NamedTuple):
    """What has become of one interpreter, and why."""

    result: Result
    executable: str
    version: str | None = None
    file: Path | None = None
    """The file that makes it load pipmend."""
    reason: str | None = None

    @classmethod
    def of(cls, result: Result, place: Place, reason: str | None = None) -> Outcome:
        """What has become of an interpreter that could be enabled in a place."""
        interpreter = place.interpreter
        version = interpreter.version_text
        return cls(result, interpreter.executable, version, place.file, reason)

    @property
    def is_active(self) -> bool:
        """Whether it loads pipmend now, or would."""
        return self.result in {Result.ENABLED, Result.UNCHANGED, Result.REPAIRED}

    @property
    def limits(self) -> str | None:
        """What it does not reach; None if it reaches every pip of the interpreter."""
        is_partial = self.file is not None and self.file.stem == places.BY_USER
        return places.LIMITS if self.is_active and is_partial else None


class Done(NamedTuple):
    """What was done, or would be."""

    outcomes: tuple[Outcome, ...] = ()
    built: bool = False
    """Whether the copy is new."""
    left: tuple[Path, ...] = ()
    """What of the private folder is damaged, or could not be removed."""

    def having(self, *results: Result) -> list[Outcome]:
        """The outcomes that are one of these."""
        return [one for one in self.outcomes if one.result in results]
