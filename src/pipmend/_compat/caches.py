"""Where pip keeps its caches, found without running a pip.

The rules are those of pip 26.3; earlier ones differ in corners only, named where
they matter. A pip gives up on a configuration file that it cannot read; here such a
file is passed over, so that the others still count.
"""

from __future__ import annotations

import configparser
import locale
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PARTS = ("http", "http-v2", "wheels")
"""What pip keeps in a cache folder, each in a folder of its own."""

_SYSTEM: str = {"win32": "windows", "darwin": "macos"}.get(sys.platform, "unix")
_CONFIG_LIMIT = 1 << 20
"""Bytes; a configuration file that is longer is none."""

_ENVIRONMENT = ":env:"
"""The section that the environment stands for; pip has the same name for it."""
_COMMANDS = ("cache", "install", "download", "wheel", "index", "lock", "list")
"""The commands that use a cache; each has a section of its own."""
_SECTIONS = frozenset({_ENVIRONMENT, "global", *_COMMANDS})
_INDEX_KEYS = (("index-url", "pypi-url"), ("extra-index-url",))


class CacheFolder(NamedTuple):
    """A cache folder, as ``pip cache dir`` names it."""

    path: Path
    """Absolute, and links are resolved."""
    source: str
    """How it was found, in words."""


class _Setting(NamedTuple):
    """One value that was set for pip."""

    section: str
    key: str
    value: str
    source: str


def find(environment: Mapping[str, str] = os.environ) -> list[CacheFolder]:
    """All cache folders of this user that exist, the one in force first.

    In force is what ``pip cache dir`` names, with the pip of the active virtual
    environment, or else of this one. The others are set for other commands or
    environments, or overridden, or pip's default place. A cache that is switched off
    is found as well: it is still there, and used as soon as it is on again.
    """
    settings = _settings(environment)
    in_force = _in_force(settings, "cache-dir", "cache")
    others = [
        (_expanded(setting.value, environment), setting.source)
        for setting in reversed([*_elsewhere(environment), *settings])
        if setting.key == "cache-dir" and setting.value
    ]
    defaults = _default_places(environment)
    if in_force is None:
        return _distinct([*defaults, *others])
    first = (_expanded(in_force.value, environment), in_force.source)
    return _distinct([first, *others, *defaults])


def switched_off(environment: Mapping[str, str] = os.environ) -> str | None:
    """What makes ``pip install`` go without a cache, in words; None when nothing."""
    setting = _in_force(_settings(environment), "no-cache-dir", "install")
    # "false" and "0" switch it off as well: pip has kept that mistake.
    return setting.source if setting else None


def index_urls(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The package indexes that are set, the strongest setting first.

    Without credentials, with one slash at the end. Only what is fetched over HTTP,
    since pip caches nothing else; pip's built-in index is not among them.
    """
    settings = [*_elsewhere(environment), *_settings(environment)]
    urls = (
        _index_url(word)
        for keys in _INDEX_KEYS
        for setting in reversed(settings)
        if setting.key in keys
        for word in setting.value.split()
    )
    return list(dict.fromkeys(url for url in urls if url))


def is_cache(folder: Path) -> bool:
    """Whether a folder has a part of a pip cache."""
    return any(_is_folder(folder / part) for part in PARTS)


def is_of_library(folder: Path) -> bool:
    """Whether a folder has the form of a cache that another program has of its own."""
    levels = "/".join(["[0-9a-f]"] * 5)
    try:
        return next(folder.glob(f"{levels}/*"), None) is not None
    except OSError:
        return False


def home_folder(environment: Mapping[str, str]) -> Path | None:
    """The user's home folder as an environment has it; None if it is not known."""
    if _SYSTEM == "windows":
        drive, path = environment.get("HOMEDRIVE", ""), environment.get("HOMEPATH", "")
        home = environment.get("USERPROFILE") or (path and drive + path)
    else:
        home = environment.get("HOME") or _home_on_record()
    return Path(home) if home else None


def _home_on_record() -> str:
    if sys.platform == "win32":
        return ""
    import pwd  # noqa: PLC0415 - absent on Windows

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""  # as in a container that runs under any user id


def _distinct(candidates: Iterable[tuple[str, str]]) -> list[CacheFolder]:
    found: dict[Path, CacheFolder] = {}
    for text, source in candidates:
        try:
            path = Path(os.path.normcase(os.path.realpath(text)))
        except (OSError, ValueError):
            continue  # such as a null byte in a configuration file
        if _is_folder(path):
            found.setdefault(path, CacheFolder(path, source))
    return list(found.values())


def _default_places(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Where pip keeps its cache unless told otherwise, the newest rule first."""
    usual = _usual_place(environment)
    places = [usual] if usual else []
    named = environment.get("XDG_CACHE_HOME", "").strip()
    if named and _SYSTEM != "windows":
        own = Path(named, "pip")
        if not own.is_absolute():
            places.append(own)  # pip 26.3 ignores it, earlier ones do not
        elif _SYSTEM == "macos":
            places.insert(0, own)  # the other one is that of pip before 26.2
        else:
            places = [own]
    return [(str(place), "pip's default place") for place in places]


def _usual_place(environment: Mapping[str, str]) -> Path | None:
    home = home_folder(environment)
    if _SYSTEM == "windows":
        local = _windows_folder(environment, "LOCALAPPDATA", "Local")
        return local / "pip" / "Cache" if local else None
    if home is None:
        return None
    if _SYSTEM == "macos":
        return home / "Library" / "Caches" / "pip"
    return home / ".cache" / "pip"


def _windows_folder(
    environment: Mapping[str, str], name: str, usual: str
) -> Path | None:
    if environment.get(name):
        return Path(environment[name])
    home = home_folder(environment)
    return home / "AppData" / usual if home else None


def _in_force(settings: list[_Setting], key: str, command: str) -> _Setting | None:
    """The setting that a command obeys: sections come before files."""
    for section in (_ENVIRONMENT, command, "global"):
        found = [one for one in settings if (one.section, one.key) == (section, key)]
        # An empty value hides that of a weaker file, then counts as none. pip 25.3
        # did not let it hide anything.
        if found and found[-1].value:
            return found[-1]
    return None


def _settings(environment: Mapping[str, str]) -> list[_Setting]:
    """What the pip of this environment is told, the weakest first."""
    settings = [one for file in _config_files(environment) for one in _read(file)]
    for name, value in environment.items():
        if name.startswith("PIP_"):
            source = f"environment variable {name}"
            settings.append(_Setting(_ENVIRONMENT, _key(name[4:]), value, source))
    return settings


def _elsewhere(environment: Mapping[str, str]) -> list[_Setting]:
    """What pips of other environments at hand are told by files of their own."""
    if environment.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    others = reversed(_prefixes(environment)[1:])
    return [one for prefix in others for one in _read(prefix / _config_name())]


def _config_files(environment: Mapping[str, str]) -> list[Path]:
    """The configuration files that pip reads, the weakest first."""
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    folders = _global_folders(environment)
    if not (named and _exists(Path(named))):
        folders += _user_folders(environment)
    folders.append(_prefixes(environment)[0])
    files = [folder / _config_name() for folder in folders]
    return files + ([Path(named)] if named else [])


def _config_name() -> str:
    return "pip.ini" if _SYSTEM == "windows" else "pip.conf"


def _prefixes(environment: Mapping[str, str]) -> list[Path]:
    """The environments at hand, the active one first."""
    names = (
        environment.get("VIRTUAL_ENV"),
        sys.prefix,
        environment.get("CONDA_PREFIX"),
    )
    return list(dict.fromkeys(Path(name) for name in names if name))


def _global_folders(environment: Mapping[str, str]) -> list[Path]:
    if _SYSTEM == "windows":
        return [Path(environment.get("PROGRAMDATA") or r"C:\ProgramData", "pip")]
    if _SYSTEM == "macos":
        return [Path("/Library/Application Support/pip")]
    named = environment.get("XDG_CONFIG_DIRS", "").split(os.pathsep)
    folders = [Path(name.strip(), "pip") for name in named]
    absolute = [folder for folder in folders if folder.is_absolute()]
    return [*(absolute or [Path("/etc/xdg/pip")]), Path("/etc")]


def _user_folders(environment: Mapping[str, str]) -> list[Path]:
    """The earlier folder of the user, then the one that overrides it."""
    home = home_folder(environment)
    if _SYSTEM == "windows":
        roaming = _windows_folder(environment, "APPDATA", "Roaming")
        folders = [home and home / "pip", roaming and roaming / "pip"]
        return [folder for folder in folders if folder]
    legacy = [home / ".pip"] if home else []
    if _SYSTEM == "unix":
        named = Path(environment.get("XDG_CONFIG_HOME", "").strip(), "pip")
        if named.is_absolute():
            return [*legacy, named]
    if home is None:
        return []
    library = home / "Library" / "Application Support" / "pip"
    if _SYSTEM == "macos" and _is_folder(library):
        return [*legacy, library]
    return [*legacy, home / ".config" / "pip"]


def _read(path: Path) -> Iterator[_Setting]:
    """What a configuration file sets; nothing where it cannot be read."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(_text_of(path))
    except (OSError, ValueError, configparser.Error):
        return
    for section in filter(_SECTIONS.__contains__, parser.sections()):
        for name, value in parser.items(section):
            yield _Setting(section, _key(name), value, f"configuration file {path}")


def _text_of(path: Path) -> str:
    """The text of a regular file, as pip decodes it; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        content = file.read(_CONFIG_LIMIT + 1)
    if len(content) > _CONFIG_LIMIT:
        return ""
    utf8 = sys.flags.utf8_mode
    return content.decode("utf-8" if utf8 else locale.getpreferredencoding(False))


def _key(name: str) -> str:
    key = name.lower().replace("_", "-")
    return key.removeprefix("--")


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """A path with its ``~`` expanded by the home folder of this environment."""
    if text == "~" or text.startswith(("~/", f"~{os.sep}")):
        home = home_folder(environment)
        return text if home is None else f"{home}{text[1:]}"
    return os.path.expanduser(text)  # noqa: PTH111 - asks the user database only


def _index_url(word: str) -> str | None:
    if not word.lower().startswith(("http://", "https://")):
        return None
    try:
        return redacted(word).rstrip("/") + "/"
    except ValueError:
        return None  # such as an IPv6 address without its end


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False  # closed to us, or no name of a file


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
