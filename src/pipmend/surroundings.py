"""What lies around a cache: its file system, its owners, its clocks. Facts only.

Looking is bounded, writes nothing, and follows no link inside of a cache. What this
system does not tell is None.
"""

from __future__ import annotations

import calendar
import contextlib
import email.utils
import heapq
import itertools
import os
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, metadata, urls
from pipmend._compat import caches, installed
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipmend._compat.layouts import Layout

MOST_LOOKED_AT = 5_000
"""Files and folders in each part of a cache. pip spreads entries evenly over their
folders (their names are digests), so the first branches are a fair sample of all."""

_MOST_DATES = 100
_LARGEST_METADATA = 256 * 1024
"""Bytes; a larger file, as the one-file storage has, is not read for its date."""
_ENTRY_NAME = re.compile(r"[0-9a-f]{56}")
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_HAS_MODES = os.name == "posix"

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_USER_OF_SOURCE = re.compile(r"^(//|)[^/]*@")

# Any other option may be a secret: what stands there is up to each file system.
_SHOWN = re.compile(
    r"ro|a?sync|soft|hard|nolock|noac|(no|rel)atime|no(suid|dev|exec)"
    r"|(vers|proto|local_lock|cache|size|nr_inodes|mode|uid|gid|errors)=.*"
)

_CI_VARIABLES = {
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "CI": "continuous integration",
}
_NO = frozenset({"", "0", "false", "no"})


class Mount(NamedTuple):
    """A mounted file system."""

    point: Path
    type: str
    """As the kernel calls it, such as ``ext4``, ``nfs4`` or ``fuse.sshfs``."""
    source: str
    """A device or a server, without user name and password."""
    options: tuple[str, ...]
    """Of the mount and of the file system; only what cannot be a secret."""


class FileSystem(NamedTuple):
    """The file system of a folder."""

    free_bytes: int
    """What this user may still write."""
    total_bytes: int
    free_inodes: int | None
    """None where the system does not tell, or their number has no bound."""
    total_inodes: int | None
    read_only: bool | None
    mount: Mount | None


class Part(NamedTuple):
    """A folder of a cache that pip keeps one kind of thing in."""

    name: str
    link: Path | None
    """Where it leads to, if it is a link."""
    elsewhere: bool
    """Whether it is on another file system than the cache folder."""


class Seen(NamedTuple):
    """How many of a kind were seen, and one of them."""

    number: int = 0
    example: Path | None = None

    def plus(self, path: Path) -> Seen:
        """One more."""
        return Seen(self.number + 1, self.example or path)


class Moment(NamedTuple):
    """A time that was found in the cache."""

    seconds: float
    """Since 1970."""
    path: Path
    """Where it was found."""


class Sample(NamedTuple):
    """What a bounded look at the parts of a cache has shown."""

    looked_at: int
    """Files and folders."""
    of_others: Seen
    """Not owned by the owner of the cache folder."""
    not_writable: Seen
    """Folders in which this user cannot write."""
    open_to_all: Seen
    """Folders in which everybody may write."""
    newest: Mapping[str, Moment]
    """The latest modification of a file in each part that has any."""
    newest_date: Moment | None
    """The latest ``Date`` of a stored response: what a server's clock said."""


class Surroundings(NamedTuple):
    """What was found out about one cache folder."""

    cache: Path
    real: Path
    """Behind all links."""
    is_linked: bool
    """Whether there are any."""
    now: float
    """This machine's clock when it was looked at, in seconds since 1970."""
    file_system: FileSystem
    owner: str | None
    """Name and number, such as ``root (0)``; None where files have no owners."""
    me: str | None
    """Who is looking, in the same form."""
    used_by_pip: bool
    """Whether a pip of this user would use the folder; else it goes without."""
    writable: bool
    parts: tuple[Part, ...]
    sample: Sample


class Pip(NamedTuple):
    """A pip that may use a cache."""

    version: str
    layout: Layout
    """The generation of its HTTP cache."""
    prefix: Path
    """Its environment."""
    python: Path
    """The interpreter of that environment."""
    has_hook: bool
    """Whether pipmend is loaded with it."""


class Fact(NamedTuple):
    """One value, for other programs."""

    name: str
    value: str | float | bool | None
    """None if this system does not tell, or there is none."""
    unit: str | None = None
    """``bytes``, ``inodes``, ``files``, ``folders``, or ``seconds`` since 1970."""
    where: Path | None = None
    """The file, folder or environment that it is about, if not the cache folder."""


def look(cache: Path, now: float) -> Surroundings:
    """Find out what lies around a cache folder.

    Args:
        cache: an existing folder, as ``pip cache dir`` names it.
        now: seconds since 1970.

    Raises:
        OSError: the folder or its file system cannot be asked.
    """
    real = cache.resolve()
    status = real.stat()
    has_owners = hasattr(os, "geteuid")
    return Surroundings(
        cache=cache,
        real=real,
        is_linked=os.path.normpath(cache) != str(real),
        now=now,
        file_system=file_system_of(real),
        owner=_name_of(status.st_uid) if has_owners else None,
        me=_name_of(os.geteuid()) if has_owners else None,
        used_by_pip=is_used_by_pip(real),
        writable=os.access(real, os.W_OK | os.X_OK),
        parts=tuple(_parts(real, status.st_dev)),
        sample=sample_of(real),
    )


def pips(environment: Mapping[str, str], prefixes: Iterable[str]) -> list[Pip]:
    """The pips of the environments at hand, and of some more.

    Args:
        environment: where those at hand are looked for.
        prefixes: further environments, as events name them.
    """
    # The name of a server would be asked over the network.
    local = [
        Path(prefix)
        for prefix in prefixes
        if Path(prefix).is_absolute() and not prefix.startswith(("//", r"\\"))
    ]
    return [
        Pip(
            found.version,
            found.layout,
            found.prefix,
            interpreter_of(found.prefix),
            found.has_hook,
        )
        for found in installed.find_pips(environment, prefixes=local)
    ]


def facts_of(around: Surroundings) -> list[Fact]:
    """What was found out about a cache folder, value by value."""
    sample = around.sample
    newest = max(sample.newest.values(), default=None)
    return [
        Fact("real-path", str(around.real)),
        *_facts_of_system(around.file_system),
        Fact("linked", around.is_linked),
        Fact("owner", around.owner),
        Fact("user", around.me),
        Fact("used-by-pip", around.used_by_pip),
        Fact("writable", around.writable),
        Fact("looked-at", sample.looked_at, "files"),
        _fact_of("owned-by-others", sample.of_others, "files"),
        _fact_of("not-writable", sample.not_writable, "folders"),
        _fact_of("writable-by-all", sample.open_to_all, "folders"),
        _fact_of("newest-file", newest, "seconds"),
        _fact_of("newest-answer", sample.newest_date, "seconds"),
    ]


def facts_of_pips(pips: Iterable[Pip]) -> list[Fact]:
    """Each pip, and whether pipmend is loaded with it."""
    return [
        fact
        for pip in pips
        for fact in (
            Fact("pip", pip.version, None, pip.prefix),
            Fact("hook", pip.has_hook, None, pip.prefix),
        )
    ]


def _facts_of_system(system: FileSystem) -> list[Fact]:
    mount = system.mount
    return [
        Fact("free-bytes", system.free_bytes, "bytes"),
        Fact("total-bytes", system.total_bytes, "bytes"),
        Fact("free-inodes", system.free_inodes, "inodes"),
        Fact("total-inodes", system.total_inodes, "inodes"),
        Fact("read-only", system.read_only),
        Fact("mount-type", mount and mount.type),
        Fact("mount-point", str(mount.point) if mount else None),
        Fact("mount-source", mount and mount.source),
        Fact("mount-options", ",".join(mount.options) if mount else None),
    ]


def _fact_of(name: str, found: Seen | Moment | None, unit: str) -> Fact:
    return Fact(name, found and found[0], unit, found and found[1])


def file_system_of(folder: Path) -> FileSystem:
    """Space, state and mount of the file system that a folder is on.

    Raises:
        OSError: it cannot be asked.
    """
    if not hasattr(os, "statvfs"):
        usage = shutil.disk_usage(folder)
        return FileSystem(usage.free, usage.total, None, None, None, None)
    told = os.statvfs(folder)
    # Some, such as btrfs, make inodes as they need them and tell 0.
    bounded = told.f_files > 0
    return FileSystem(
        free_bytes=told.f_bavail * told.f_frsize,
        total_bytes=told.f_blocks * told.f_frsize,
        free_inodes=told.f_favail if bounded else None,
        total_inodes=told.f_files if bounded else None,
        read_only=bool(told.f_flag & os.ST_RDONLY),
        # Last, since asking mounts what is mounted on demand.
        mount=mount_of(folder),
    )


def mount_of(folder: Path, table: Path = _MOUNTS) -> Mount | None:
    """The mount that a folder is on; None where there is no table of mounts.

    Args:
        folder: a path without links.
        table: in the form of Linux (proc_pid_mountinfo(5)).
    """
    try:
        data = table.read_bytes()
    except OSError:
        return None
    found = None
    for mount in _mounts(data):
        # Of two on the same point, the later one hides the other.
        if mount.point in (folder, *folder.parents) and (
            found is None or len(mount.point.parts) >= len(found.point.parts)
        ):
            found = mount
    return found


def is_used_by_pip(folder: Path) -> bool:
    """Whether a pip of this user would use a cache folder: pip's ``check_path_owner``.

    What exists of the path must be writable; for root, it must belong to root, so
    that ``sudo pip`` does not fill the cache of somebody else.
    """
    if not hasattr(os, "geteuid"):
        return True
    found = next(filter(os.path.lexists, (folder, *folder.parents)), None)
    if found is None or os.geteuid() != 0:
        return found is not None and os.access(found, os.W_OK)
    try:
        descriptor = os.open(found, _OPEN_FLAGS)
    except OSError:
        return False
    try:
        return os.fstat(descriptor).st_uid == 0
    finally:
        os.close(descriptor)


def sample_of(cache: Path, most: int = MOST_LOOKED_AT) -> Sample:
    """Take a bounded look at owners, modes and times in the parts of a cache.

    Args:
        cache: an existing folder, without links.
        most: how many files and folders to look at in each part.

    Raises:
        OSError: the folder cannot be asked.
    """
    look = _Look(cache)
    for part in caches.PARTS:
        look.below(cache / part, part, most)
    return look.sample()


def ci_service(environment: Mapping[str, str]) -> str | None:
    """The continuous integration that this runs in, None outside of one."""
    for variable, name in _CI_VARIABLES.items():
        if environment.get(variable, "").lower() not in _NO:
            return name
    return None


def interpreter_of(prefix: Path) -> Path:
    """The interpreter of an environment, or where it should be."""
    folders = [prefix / "Scripts", prefix] if os.name == "nt" else [prefix / "bin"]
    names = ["python.exe"] if os.name == "nt" else ["python3", "python"]
    candidates = [folder / name for folder in folders for name in names]
    return next(filter(os.path.isfile, candidates), candidates[0])


class _Look:
    """A look at a cache that goes on from file to file."""

    def __init__(self, cache: Path) -> None:
        status = cache.stat()
        self._owner = status.st_uid
        self._looked_at = 0
        self._of_others = self._not_writable = self._open_to_all = Seen()
        self._newest: dict[str, Moment] = {}
        self._newest_entries: list[Moment] = []
        """The metadata files with the latest modifications, as a heap."""
        self._at(cache, status, cache.name)

    def below(self, folder: Path, part: str, most: int) -> None:
        """Look at a part of the cache and what is in it, until that is enough."""
        try:
            status = folder.lstat()
        except OSError:
            return  # this cache has no such part
        self._at(folder, status, part)
        # Not into a link: it may lead anywhere.
        left = [folder] if stat.S_ISDIR(status.st_mode) else []
        while left and most > 0:
            for path, status in itertools.islice(_listed(left.pop()), most):
                most -= 1
                self._at(path, status, part)
                if stat.S_ISDIR(status.st_mode):
                    left.append(path)

    def sample(self) -> Sample:
        """What was seen."""
        return Sample(
            looked_at=self._looked_at,
            of_others=self._of_others,
            not_writable=self._not_writable,
            open_to_all=self._open_to_all,
            newest=dict(self._newest),
            newest_date=max(self._dates(), default=None),
        )

    def _at(self, path: Path, status: os.stat_result, part: str) -> None:
        self._looked_at += 1
        if status.st_uid != self._owner:
            self._of_others = self._of_others.plus(path)
        if stat.S_ISDIR(status.st_mode):
            if not os.access(path, os.W_OK | os.X_OK):
                self._not_writable = self._not_writable.plus(path)
            if _HAS_MODES and status.st_mode & stat.S_IWOTH:
                self._open_to_all = self._open_to_all.plus(path)
        if not stat.S_ISREG(status.st_mode):
            return
        moment = Moment(status.st_mtime, path)
        self._newest[part] = max(self._newest.get(part, moment), moment)
        if _ENTRY_NAME.fullmatch(path.name):
            heapq.heappush(self._newest_entries, moment)
            if len(self._newest_entries) > _MOST_DATES:
                heapq.heappop(self._newest_entries)

    def _dates(self) -> Iterator[Moment]:
        for entry in self._newest_entries:
            date = _date_in(entry.path)
            if date is not None:
                yield Moment(date, entry.path)


def _listed(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                with contextlib.suppress(FileNotFoundError):
                    yield Path(item.path), item.stat(follow_symlinks=False)
    except OSError:
        return  # removed meanwhile, or closed to this user: that was noted before


def _date_in(path: Path) -> float | None:
    """The field ``Date`` in the metadata of an entry, in seconds since 1970."""
    try:
        with entries.open_regular(path) as file:
            data = file.read(_LARGEST_METADATA + 1)
    except (OSError, entries.StrangeFileError):
        return None
    if len(data) > _LARGEST_METADATA:
        return None
    stored = metadata.decode(data)
    if isinstance(stored, Verdict):
        return None
    date = email.utils.parsedate_tz(stored.field("date"))
    return None if date is None else calendar.timegm(date[:6]) - (date[9] or 0)


def _parts(cache: Path, device: int) -> Iterator[Part]:
    for name in caches.PARTS:
        path = cache / name
        try:
            status = path.stat()
        except OSError:
            continue  # this cache has no such part
        link = path.resolve() if path.is_symlink() else None
        yield Part(name, link, status.st_dev != device)


def _mounts(table: bytes) -> Iterator[Mount]:
    for line in table.splitlines():
        fields = line.split(b" ")
        # A number of optional fields ends with a dash.
        end = fields.index(b"-", 6) if b"-" in fields[6:] else len(fields)
        if len(fields) < end + 4:
            continue
        words = [*fields[5].split(b","), *fields[end + 3].split(b",")]
        yield Mount(
            Path(_unescaped(fields[4])),
            _unescaped(fields[end + 1]),
            _source(_unescaped(fields[end + 2])),
            tuple(dict.fromkeys(filter(_SHOWN.fullmatch, map(_unescaped, words)))),
        )


def _unescaped(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), field))


def _source(text: str) -> str:
    return _USER_OF_SOURCE.sub(r"\1", urls.without_credentials(text))


def _name_of(uid: int) -> str:
    import pwd  # noqa: PLC0415 - absent on Windows

    try:
        return f"{pwd.getpwuid(uid).pw_name} ({uid})"
    except KeyError:
        return str(uid)
