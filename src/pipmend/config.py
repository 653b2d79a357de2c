"""Settings: environment and configuration files are looked at here only.

Each setting comes from the first of these that has it: the environment, the user's
configuration file, the machine's, the way of installation, the default.

What is not understood never switches anything on. A file that cannot be read may have
said "off", so it counts as that; so does a mode that is none. Any other setting that is
not understood counts as absent. Each is told in one line.
"""

from __future__ import annotations

import enum
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Optional

    # A value, or None if it counts as absent; what was not understood, to be put
    # behind the name of the setting.
    Understood = tuple[object, Optional[str]]

MODE_VARIABLE = "PIPMEND"
"""Never a ``PIP_`` name: pip reads those as its own options."""
TARGETS_VARIABLE = "PIPMEND_TARGETS"

FILE_NAME = "config.toml"
LARGEST_FILE = 64 * 1024
"""Bytes; a configuration file that is longer is none."""

OPT_IN_MARKER = Path(__file__).with_name("opt_in")
"""Present when pipmend was installed dormant; written by ``install_hook.py``."""

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


class Mode(enum.Enum):
    """What pipmend does inside pip."""

    HEAL = "heal"
    """Judge, quarantine what is corrupt, record."""
    OBSERVE = "observe"
    """Judge and record; change nothing that pip does."""
    OFF = "off"
    """Nothing at all."""


class Target(enum.Enum):
    """Whose HTTP cache is looked after."""

    PIP = "pip"
    """The CacheControl that pip brings along."""
    CACHECONTROL = "cachecontrol"
    """The library CacheControl, in whatever program uses it."""


class Option(enum.Enum):
    """What can be set; the values are the keys in a configuration file."""

    MODE = "mode"
    TARGETS = "targets"
    LONGEST_AGE = "quarantine.max_age_days"
    LARGEST_TOTAL = "quarantine.max_bytes"
    EVENTS_FOLDER = "events.folder"


class Settings(NamedTuple):
    """How pipmend behaves in this process."""

    mode: Mode
    targets: frozenset[Target]
    longest_age: float | None
    """Seconds that an item may stay in quarantine; None if that is not set."""
    largest_total: int | None
    """Bytes that a quarantine may take; None if that is not set."""
    events_folder: Path | None
    """Where events are recorded; None for the user's log folder."""
    sources: Mapping[Option, str]
    """Where each setting came from, in words."""
    problems: tuple[str, ...] = ()
    """One sentence for each source that was not understood."""

    @property
    def mode_source(self) -> str:
        """Where the mode came from, in words."""
        return self.sources[Option.MODE]

    @property
    def problem(self) -> str | None:
        """All problems in one line; None without any."""
        return "; ".join(self.problems) or None

    @property
    def log_folder(self) -> Path:
        """The folder for event logs; not created here."""
        if self.events_folder is not None:
            return self.events_folder
        # Imported here, so that a look at the mode costs nothing.
        from pipmend._compat import folders  # noqa: PLC0415

        return folders.log_folder()

    @property
    def cache_folder(self) -> Path:
        """The user's folder for what can be made again; not created here."""
        from pipmend._compat import folders  # noqa: PLC0415 - as above

        return folders.cache_folder()


class _Layer(NamedTuple):
    """What one source says."""

    source: str
    values: Mapping[Option, object]
    problems: tuple[str, ...] = ()


_PIP_ONLY = frozenset({Target.PIP})
_DEFAULTS = _Layer("default", {Option.MODE: Mode.HEAL, Option.TARGETS: _PIP_ONLY})
_CAUTIOUS = {Option.MODE: Mode.OFF, Option.TARGETS: _PIP_ONLY}
"""What a file that cannot be read counts as."""


def load(
    environment: Mapping[str, str] = os.environ, *, unless_off: bool = False
) -> Settings:
    """The settings in force.

    Args:
        environment: the environment variables.
        unless_off: look at no file where the environment switches pipmend off.
    """
    layers = [_from_mode_variable(environment), _from_targets_variable(environment)]
    is_off = layers[0].values.get(Option.MODE) is Mode.OFF
    if not (unless_off and is_off):
        layers.extend(_from_file(path) for path in files(environment))
    layers.append(_from_installation(layers))
    chosen = {option: _first(option, layers) for option in Option}
    values = {option: layer.values.get(option) for option, layer in chosen.items()}
    return Settings(
        mode=cast("Mode", values[Option.MODE]),
        targets=cast("frozenset[Target]", values[Option.TARGETS]),
        longest_age=cast("float | None", values[Option.LONGEST_AGE]),
        largest_total=cast("int | None", values[Option.LARGEST_TOTAL]),
        events_folder=cast("Path | None", values[Option.EVENTS_FOLDER]),
        sources={option: layer.source for option, layer in chosen.items()},
        problems=tuple(problem for layer in layers for problem in layer.problems),
    )


def files(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The configuration files, the user's before the machine's, there or not.

    In the folders that platformdirs names, but without it: its import costs more than
    all else that is done here.
    """
    find = _windows_folders if sys.platform == "win32" else _posix_folders
    return [
        Path(folder, "pipmend", FILE_NAME)
        for folder in find(environment)
        if folder is not None
    ]


def _first(option: Option, layers: Sequence[_Layer]) -> _Layer:
    return next((layer for layer in layers if option in layer.values), _DEFAULTS)


def _from_mode_variable(environment: Mapping[str, str]) -> _Layer:
    source = f"environment variable {MODE_VARIABLE}"
    text = environment.get(MODE_VARIABLE, "")
    if not text:
        return _Layer(source, {})
    mode, remark = _read_mode(text)
    problems = (f"{MODE_VARIABLE}={remark}",) if remark else ()
    return _Layer(source, {Option.MODE: mode}, problems)


def _from_targets_variable(environment: Mapping[str, str]) -> _Layer:
    source = f"environment variable {TARGETS_VARIABLE}"
    text = environment.get(TARGETS_VARIABLE, "")
    if not text:
        return _Layer(source, {})
    targets, remark = _read_targets(text.split(","))
    problems = (f"{TARGETS_VARIABLE}: {remark}",) if remark else ()
    return _Layer(source, {Option.TARGETS: targets}, problems)


def _from_installation(stronger: Sequence[_Layer]) -> _Layer:
    source = "installed with --opt-in"
    is_set = any(Option.MODE in layer.values for layer in stronger)
    is_dormant = not is_set and OPT_IN_MARKER.exists()
    return _Layer(source, {Option.MODE: Mode.OFF} if is_dormant else {})


def _from_file(path: Path) -> _Layer:
    shown = _shown(path, _LONGEST_PATH)
    try:
        document = _document_in(path)
    except (OSError, ValueError, LookupError) as error:
        reason = getattr(error, "strerror", None) or error
        problem = f"{shown} cannot be read ({_shown(reason, _LONGEST_PATH)})"
        source = f"{path}, which cannot be read"
        return _Layer(source, _CAUTIOUS, (f"{problem}: it counts as mode = 'off'",))
    values, remarks = _understood(document)
    problems = (f"{shown}: {'; '.join(remarks)}",) if remarks else ()
    return _Layer(str(path), values, problems)


def _understood(
    document: Mapping[str, object],
) -> tuple[dict[Option, object], list[str]]:
    """The settings in a document, and what in it was not understood."""
    values: dict[Option, object] = {}
    remarks = []
    unknown = []
    for name, content in _flat(document).items():
        option = next((one for one in Option if one.value == name), None)
        if option is None:
            unknown.append(_quoted(name))
            continue
        value, remark = _READERS[option](content)
        if value is not None:
            values[option] = value
        if remark is not None:
            separator = "=" if option is Option.MODE else ": "
            remarks.append(f"{name}{separator}{remark}")
    if unknown:
        remarks.append(f"no settings: {_listed(unknown)}")
    return values, remarks


def _document_in(path: Path) -> dict[str, object]:
    """The content of a configuration file; nothing if it is not there.

    Raises:
        OSError: it is there and cannot be read, or is no file.
        ValueError: it is too long, or no TOML.
        LookupError: this Python has nothing that reads TOML.
    """
    try:
        status = path.stat()
    except OSError:
        return {}  # or out of reach, as in the home folder of another user
    _check_regular(status)
    with open(path, "rb", opener=_opener) as file:
        _check_regular(os.fstat(file.fileno()))
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"longer than {LARGEST_FILE:,} bytes")
    from pipmend._compat import toml  # noqa: PLC0415 - dear, and most have no file

    return toml.parse(data.decode("utf-8-sig"))


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("no regular file")


def _opener(path: str, _flags: int) -> int:
    return os.open(path, _OPEN_FLAGS)


def _flat(document: Mapping[str, object]) -> dict[str, object]:
    """The settings by name; in a table they have its name in front."""
    found: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": one for inner, one in value.items()})
        else:
            found[name] = value
    return found


def _read_mode(value: object) -> Understood:
    if isinstance(value, str):
        for mode in Mode:
            if mode.value == value.strip().lower():
                return mode, None
    choices = ", ".join(mode.value for mode in Mode)
    remark = f"{_quoted(value)} is none of {choices}: it counts as off"
    return Mode.OFF, remark


def _read_targets(value: object) -> Understood:
    if not isinstance(value, list):
        return _PIP_ONLY, f"{_quoted(value)} is no list of names"
    names = {target.value: target for target in Target}
    asked = [one.strip().lower() if isinstance(one, str) else one for one in value]
    unknown = [one for one in asked if one not in (*names, "")]
    known = frozenset(names[one] for one in asked if one in list(names))
    if not unknown:
        return known, None
    listed = _listed([_quoted(one) for one in unknown])
    return known, f"{listed}: none of {', '.join(names)}"


def _read_age(value: object) -> Understood:
    if _is_number(value, (int, float), _LONGEST_AGE):
        return cast("float", value) * _DAY, None
    return None, f"{_quoted(value)} is no number of days"


def _read_total(value: object) -> Understood:
    if _is_number(value, (int,), _LARGEST_TOTAL):
        return value, None
    return None, f"{_quoted(value)} is no number of bytes"


def _read_folder(value: object) -> Understood:
    if isinstance(value, str) and "\0" not in value:
        folder = Path(os.path.expanduser(value))  # noqa: PTH111 - never raises
        if folder.is_absolute():
            return folder, None
    return None, f"{_quoted(value)} is no absolute path"


_READERS: dict[Option, Callable[[object], Understood]] = {
    Option.MODE: _read_mode,
    Option.TARGETS: _read_targets,
    Option.LONGEST_AGE: _read_age,
    Option.LARGEST_TOTAL: _read_total,
    Option.EVENTS_FOLDER: _read_folder,
}


def _is_number(value: object, types: tuple[type, ...], largest: int) -> bool:
    # bool is an int to isinstance.
    if type(value) not in types:
        return False
    return 0 <= cast("float", value) <= largest


def _quoted(value: object) -> str:
    """A value in quotes where it is text, harmless and cut."""
    if isinstance(value, str):
        return f"{value[:_LONGEST_VALUE]!a}"
    return _shown(value, _LONGEST_VALUE)


def _shown(value: object, longest: int) -> str:
    """A value on one line of printable ASCII, cut."""
    return ascii(str(value))[1:-1][:longest]


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _LONGEST_LIST
    told = ", ".join(words[:_LONGEST_LIST])
    return f"{told} and {more} more" if more > 0 else told


def _posix_folders(environment: Mapping[str, str]) -> tuple[str | None, str]:
    """The user's and the machine's folder for configuration."""
    application = "Library/Application Support" if sys.platform == "darwin" else None
    user = _absolute(environment.get("XDG_CONFIG_HOME"))
    if user is None:
        home = _home(environment)
        user = home and f"{home}/{application or '.config'}"
    machine = f"/{application}" if application else "/etc/xdg"
    given = environment.get("XDG_CONFIG_DIRS", "").split(os.pathsep)
    return user, next(filter(_absolute, given), machine)


def _windows_folders(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The same on Windows."""
    names = ("LOCALAPPDATA", "PROGRAMDATA")
    user, machine = (_absolute(environment.get(name)) for name in names)
    return user, machine


def _home(environment: Mapping[str, str]) -> str | None:
    home = _absolute(environment.get("HOME"))
    if home is not None or sys.platform == "win32":
        return home
    import pwd  # noqa: PLC0415 - absent on Windows

    try:
        return _absolute(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _absolute(folder: str | None) -> str | None:
    return folder if folder and os.path.isabs(folder) else None  # noqa: PTH117
