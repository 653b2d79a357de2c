"""What was done to a machine, written down before it is done, so that it can be undone.

An activation that is not marked complete was interrupted: whatever of it is there is
undone by the next run. Digests are SHA-256 in hex.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pipmend.everywhere import files
from pipmend.everywhere.refusals import ReceiptError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "receipt.json"
SCHEMA = 1


class Scope(enum.Enum):
    """Whom a copy serves."""

    GLOBAL = "global"
    """Everybody who uses the interpreters."""
    USER = "user"
    """The user who has set it up."""


class Kept(NamedTuple):
    """Something that was there before, and where it is now."""

    name: str
    """Its name in the folder of the activation."""
    kept: str
    """Its name there now."""
    sha256: str | None
    """None for anything but a regular file."""
    stand_in: str | None = None
    """A link to what a relative link leads to, in the place where it is looked for."""
    diverted: bool = False
    """Whether dpkg was told, so that it upgrades the file where it is now."""


class Activation(NamedTuple):
    """What makes one interpreter load pipmend."""

    executable: str
    version: str
    """Such as ``3.12.1``."""
    folder: str
    """The folder of the standard library, or of the user's packages."""
    module: str
    """``sitecustomize`` or ``usercustomize``."""
    created: dict[str, str]
    """Digests of the new files by their names in the folder."""
    kept: tuple[Kept, ...] = ()
    """What was set aside for them."""
    made: tuple[str, ...] = ()
    """Folders that were missing, from top to bottom."""
    times: dict[str, tuple[int, int]] = {}  # noqa: RUF012 - never changed
    """When folders changed before and because of it: nanoseconds since 1970."""
    allow_group: bool = False
    """Whether a person has accepted that a group, or another owner, may write there."""
    complete: bool = False


class Receipt(NamedTuple):
    """What was done for one private folder."""

    scope: Scope
    made: tuple[str, ...] = ()
    """Folders that were missing, from top to bottom; the last is the private one."""
    times: tuple[int, int] | None = None
    """When the folder above those changed, before and because of it; nanoseconds."""
    activations: tuple[Activation, ...] = ()

    def of(self, folder: Path) -> Activation | None:
        """What was done in such a folder."""
        wanted = str(folder)
        return next((one for one in self.activations if one.folder == wanted), None)

    def with_(self, activation: Activation) -> Receipt:
        """The receipt with this in the place of what was done there before."""
        return self.without(activation.folder)._replace(
            activations=(*self.without(activation.folder).activations, activation)
        )

    def without(self, folder: str) -> Receipt:
        """The receipt without what was done in such a folder."""
        left = tuple(one for one in self.activations if one.folder != folder)
        return self._replace(activations=left)


def read(root: Path) -> Receipt | None:
    """The receipt in a private folder; None if there is none.

    Raises:
        ReceiptError: it is damaged, or of a later version.
        OSError: it cannot be read.
    """
    path = root / NAME
    try:
        document = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA:
            raise ReceiptError(f"{path} is of another version of pipmend")
        return _from_document(document)
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ReceiptError(f"{path} is damaged: {error}") from error


def write(root: Path, receipt: Receipt) -> None:
    """Put the receipt into a private folder, at once.

    Raises:
        OSError: it cannot be written; the former one is untouched.
    """
    document = {
        "schema": SCHEMA,
        "scope": receipt.scope.value,
        "made": receipt.made,
        "times": receipt.times,
        "activations": [
            {**one._asdict(), "kept": [kept._asdict() for kept in one.kept]}
            for one in receipt.activations
        ],
    }
    files.put(root / NAME, (json.dumps(document, indent=1) + "\n").encode())


def _from_document(document: dict[str, Any]) -> Receipt:
    times = document["times"]
    return Receipt(
        scope=Scope(document["scope"]),
        made=tuple(document["made"]),
        times=None if times is None else (times[0], times[1]),
        activations=tuple(map(_activation, document["activations"])),
    )


def _activation(fields: dict[str, Any]) -> Activation:
    times = {name: (pair[0], pair[1]) for name, pair in fields["times"].items()}
    kept = tuple(Kept(**one) for one in fields["kept"])
    made = tuple(fields["made"])
    return Activation(**{**fields, "times": times, "kept": kept, "made": made})
