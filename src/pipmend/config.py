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
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipmend.config_text import Understood

MODE_VARIABLE = "PIPMEND"
"""Never a ``PIP_`` name: pip reads those as its own options."""
TARGETS_VARIABLE = "PIPMEND_TARGETS"

FILE_NAME = "config.toml"
OPT_IN_MARKER = Path(__file__).with_name("opt_in")
"""Present when pipmend was installed dormant; written by ``install_hook.py``."""


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


class Settings(Record):
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

        return _at_home(folders.log_folder)

    @property
    def cache_folder(self) -> Path:
        """The user's folder for what can be made again; not created here."""
        from pipmend._compat import folders  # noqa: PLC0415 - as above

        return _at_home(folders.cache_folder)


class _Layer:
    """What one source says."""

    # No tuple with names: to make one costs every pip more than to read its settings.
    def __init__(
        self, source: str, values: Mapping[Option, object], *problems: str
    ) -> None:
        self.source = source
        self.values = values
        self.problems = problems


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
    layers = [
        _from_variable(environment, MODE_VARIABLE, Option.MODE, _read_mode),
        _from_variable(
            environment,
            TARGETS_VARIABLE,
            Option.TARGETS,
            lambda text: _read_targets(text.split(",")),
        ),
    ]
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


def _from_variable(
    environment: Mapping[str, str],
    name: str,
    option: Option,
    read: Callable[[str], Understood],
) -> _Layer:
    source = f"environment variable {name}"
    text = environment.get(name, "")
    if not text:
        return _Layer(source, {})
    value, remark = read(text)
    problems = (f"{name}{remark}",) if remark else ()
    return _Layer(source, {option: value}, *problems)


def _from_installation(stronger: Sequence[_Layer]) -> _Layer:
    source = "installed with --opt-in"
    is_set = any(Option.MODE in layer.values for layer in stronger)
    is_dormant = not is_set and OPT_IN_MARKER.exists()
    return _Layer(source, {Option.MODE: Mode.OFF} if is_dormant else {})


def _from_file(path: Path) -> _Layer:
    try:
        path.stat()
    except OSError:
        return _Layer(str(path), {})  # not there, or in the closed home of another user
    from pipmend import config_text  # noqa: PLC0415 - dear, and most have no file

    told = config_text.located(path)
    try:
        content = config_text.content(path)
    except (OSError, ValueError, LookupError) as error:
        reason = config_text.located(getattr(error, "strerror", None) or error)
        problem = f"{told} cannot be read ({reason}): it counts as mode = 'off'"
        return _Layer(f"{path}, which cannot be read", _CAUTIOUS, problem)
    readers = {
        Option.MODE: _read_mode,
        Option.TARGETS: _read_targets,
        Option.LONGEST_AGE: config_text.read_age,
        Option.LARGEST_TOTAL: config_text.read_total,
        Option.EVENTS_FOLDER: config_text.read_folder,
    }
    by_name = {option.value: read for option, read in readers.items()}
    values, remarks = config_text.understood(content, by_name)
    problems = (f"{told}: {'; '.join(remarks)}",) if remarks else ()
    return _Layer(str(path), {Option(name): values[name] for name in values}, *problems)


def _read_mode(value: object) -> Understood:
    if isinstance(value, str):
        for mode in Mode:
            if mode.value == value.strip().lower():
                return mode, None
    from pipmend import config_text  # noqa: PLC0415 - as above

    choices = ", ".join(mode.value for mode in Mode)
    is_none = f"{config_text.quoted(value)} is none of {choices}"
    return Mode.OFF, f"={is_none}: it counts as off"


def _read_targets(value: object) -> Understood:
    names = {target.value: target for target in Target}
    words = value if isinstance(value, list) else [None]
    asked = [one.strip().lower() if isinstance(one, str) else one for one in words]
    unknown = [one for one in asked if one not in (*names, "")]
    known = frozenset(names[one] for one in asked if one in list(names))
    if not unknown:
        return known, None
    from pipmend import config_text  # noqa: PLC0415 - as above

    if not isinstance(value, list):
        return _PIP_ONLY, f": {config_text.quoted(value)} is no list of names"
    listed = config_text.listed([config_text.quoted(one) for one in unknown])
    return known, f": {listed}: none of {', '.join(names)}"


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


def _at_home(find: Callable[[], Path]) -> Path:
    """A folder of the user's, or one that cannot be made where no home is known."""
    try:
        folder = find()
    except RuntimeError:  # a platformdirs of before names a folder below "~"
        folder = Path()
    return folder if folder.is_absolute() else Path(os.devnull, "pipmend")


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
