"""Settings as a person writes them: a file, its values, what is not understood of them.

Loaded only where there is a file or a complaint: every pip reads its settings, and
most have neither.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipmend._compat import toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Optional

    # A value, or None if it counts as absent; what was not understood, to be put
    # behind the name of the setting.
    Understood = tuple[object, Optional[str]]

LARGEST_FILE = 64 * 1024
"""Bytes; a configuration file that is longer is none."""

_DAY = 24 * 3600.0
_LONGEST_AGE = 100 * 365
"""Days; more is a slip of the pen."""
_LARGEST_TOTAL = 1 << 60

_LONGEST_VALUE = 40
_LONGEST_PATH = 200
"""Characters of a value and of a path in a line that a person reads."""
_LONGEST_LIST = 3

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not hang pip
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def content(path: Path) -> dict[str, object]:
    """The values in a file by name; those of a table have its name in front.

    Raises:
        OSError: it cannot be read, or is no file.
        ValueError: it is too long, or no TOML.
        LookupError: this Python has nothing that reads TOML.
    """
    _check_regular(path.stat())
    with open(path, "rb", opener=_opener) as file:
        _check_regular(os.fstat(file.fileno()))
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"longer than {LARGEST_FILE:,} bytes")
    return _flat(toml.parse(data.decode("utf-8-sig")))


def understood(
    written: Mapping[str, object], readers: Mapping[str, Callable[[object], Understood]]
) -> tuple[dict[str, object], list[str]]:
    """The values that readers can make of a file, and what was not understood."""
    values: dict[str, object] = {}
    remarks = []
    unknown = []
    for name, value in written.items():
        if name not in readers:
            unknown.append(quoted(name))
            continue
        meant, remark = readers[name](value)
        if meant is not None:
            values[name] = meant
        if remark is not None:
            remarks.append(f"{name}{remark}")
    if unknown:
        remarks.append(f"no settings: {listed(unknown)}")
    return values, remarks


def read_age(value: object) -> Understood:
    """Seconds, from a number of days."""
    if _is_number(value, (int, float), _LONGEST_AGE):
        return cast("float", value) * _DAY, None
    return None, f": {quoted(value)} is no number of days"


def read_total(value: object) -> Understood:
    """A number of bytes."""
    if _is_number(value, (int,), _LARGEST_TOTAL):
        return value, None
    return None, f": {quoted(value)} is no number of bytes"


def read_folder(value: object) -> Understood:
    """A folder, which may be given from the user's home on."""
    if isinstance(value, str) and "\0" not in value:
        folder = Path(os.path.expanduser(value))  # noqa: PTH111 - never raises
        if folder.is_absolute():
            return folder, None
    return None, f": {quoted(value)} is no absolute path"


def quoted(value: object) -> str:
    """A value in quotes where it is text, harmless and cut."""
    if isinstance(value, str):
        return f"{value[:_LONGEST_VALUE]!a}"
    return _shown(value, _LONGEST_VALUE)


def listed(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are."""
    more = len(words) - _LONGEST_LIST
    told = ", ".join(words[:_LONGEST_LIST])
    return f"{told} and {more} more" if more > 0 else told


def located(value: object) -> str:
    """A path, or a reason, on one line of printable ASCII, cut."""
    return _shown(value, _LONGEST_PATH)


def _shown(value: object, longest: int) -> str:
    return ascii(str(value))[1:-1][:longest]


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("no regular file")


def _opener(path: str, _flags: int) -> int:
    return os.open(path, _OPEN_FLAGS)


def _flat(document: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": one for inner, one in value.items()})
        else:
            found[name] = value
    return found


def _is_number(value: object, types: tuple[type, ...], largest: int) -> bool:
    # bool is an int to isinstance.
    if type(value) not in types:
        return False
    return 0 <= cast("float", value) <= largest
