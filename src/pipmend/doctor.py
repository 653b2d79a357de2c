"""Is the cause outside the cache? Facts in, findings out; nothing is looked at here.

Each question is answered with a finding, or with what was found to be fine, or with
why it cannot be known. A finding has one next step that a person can type or do.
"""

from __future__ import annotations

import datetime as dt
import enum
import os
import shlex
import subprocess
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Union

from pipmend import events, offenders
from pipmend._compat.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pipmend.surroundings import Moment, Mount, Pip, Surroundings

LEAST_BYTES = 100 * 1024 * 1024
"""Free bytes below which an ordinary install fails: pip keeps a wheel in a temporary
file, in the cache and unpacked at the same time."""
LITTLE_BYTES = 1024 * 1024 * 1024
"""Free bytes below which a large wheel (there are some of 800 MiB) may fail."""

LEAST_INODES = 100
"""Free inodes below which a dozen entries fail: one takes two files and up to five
folders."""
LITTLE_INODES = 10_000
"""Free inodes below which unpacking a few large packages fails."""

LARGEST_SKEW = 120
"""Seconds by which clocks may differ; those that are set over a network differ by
less than one, and file systems round to two."""

RECENT = dt.timedelta(days=30)
"""How far back events are looked at: as long as quarantine keeps the evidence."""

_MOST_NAMED = 3
_LONGEST_WORD = 1000
"""Characters of what an event tells; more is cut."""

_LOCAL_MEMORY = frozenset({"tmpfs", "ramfs"})
_OVERLAYS = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "beegfs", "gpfs"}
    | {"glusterfs", "gfs2", "ocfs2", "davfs", "ncpfs", "orangefs", "wekafs"}
    # Shared with the machine around a virtual one.
    | {"9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "drvfs"}
)
_NETWORK_BY_PROGRAM = frozenset(
    {"sshfs", "s3fs", "rclone", "gcsfuse", "glusterfs", "juicefs", "davfs", "goofys"}
    | {"mount-s3", "blobfuse", "blobfuse2", "cephfs", "curlftpfs", "vmhgfs-fuse"}
)


class Severity(enum.Enum):
    """How bad a finding is."""

    PROBLEM = "problem"
    """pip cannot work with the cache as it should."""
    WARNING = "warning"
    """Entries may break, stay broken, or be changed by somebody else."""
    NOTE = "note"
    """Healthy, and good to know."""


class Code(enum.Enum):
    """What a finding is about. Stable codes for scripts."""

    DISK_FULL = "disk-full"
    INODES_LOW = "inodes-low"
    NETWORK_FILE_SYSTEM = "network-file-system"
    OVERLAY = "overlay"
    TMPFS = "tmpfs"
    READ_ONLY = "read-only"
    OWNER_MISMATCH = "owner-mismatch"
    NOT_WRITABLE = "not-writable"
    WRITABLE_BY_OTHERS = "writable-by-others"
    MIXED_GENERATIONS = "mixed-generations"
    HOOK_MISSING = "hook-missing"
    CLOCK_SKEW = "clock-skew"
    REPEAT_OFFENDER = "repeat-offender"
    OWN_FAILURE = "own-failure"
    UNFIT_PIP = "unfit-pip"
    CI_RESTORED = "ci-restored"
    CACHE_IS_LINK = "cache-is-link"
    SWITCHED_OFF = "switched-off"


class Finding(NamedTuple):
    """Something that a person should know or change."""

    code: Code
    severity: Severity
    what: str
    """One sentence without its full stop; not yet safe for a terminal."""
    next_step: str


class Fine(NamedTuple):
    """What was looked at and is as it should be."""

    name: str
    what: str


class Unknown(NamedTuple):
    """What could not be looked at."""

    name: str
    why: str


Answer = Union[Finding, Fine, Unknown]


class Failure(NamedTuple):
    """A failure of pipmend's own, as its events tell it."""

    step: str
    error: str


class UnfitPip(NamedTuple):
    """A pip that pipmend has left alone, as its events tell it."""

    version: str
    prefix: str
    problem: str


class Past(NamedTuple):
    """What the event log tells about causes."""

    broken: tuple[dict[str, object], ...] = ()
    """The corrupt entries of the span in which repetitions count."""
    uses: frozenset[tuple[str, str]] = frozenset()
    """Which environment, by its prefix, has met which entry, by its path."""
    failures: Mapping[Failure, int] = MappingProxyType({})
    """How many times each has happened."""
    unfit: tuple[UnfitPip, ...] = ()

    @property
    def prefixes(self) -> list[str]:
        """The environments that had to do with any cache."""
        return sorted({prefix for prefix, _ in self.uses})


def recall(lines: Iterable[dict[str, object] | None], now: dt.datetime) -> Past:
    """What events tell about causes; those of another form are passed over.

    Args:
        lines: as an ``EventLog`` reads them.
        now: with its time zone.
    """
    broken: list[dict[str, object]] = []
    uses: set[tuple[str, str]] = set()
    failures: Counter[Failure] = Counter()
    unfit: dict[UnfitPip, None] = {}
    for event in lines:
        age = None if event is None else _age_of(event, now)
        if event is None or age is None or age > RECENT:
            continue
        if _is(event, events.EntryCorrupt) and age <= offenders.SPAN:
            broken.append(event)
        if event.get("entry") and event.get("prefix") and event.get("pip"):
            uses.add((str(event["prefix"]), str(event["entry"])))
        if _is(event, events.GuardTripped):
            failures[Failure(_word(event, "step"), _word(event, "error"))] += 1
        if _is(event, events.SeamUnfit):
            words = (_word(event, name) for name in ("pip", "prefix", "problem"))
            unfit[UnfitPip(*words)] = None
    return Past(tuple(broken), frozenset(uses), failures, tuple(unfit))


def users_of(
    around: Surroundings, pips: Iterable[Pip], past: Past, *, in_force: bool
) -> list[Pip]:
    """The pips that use a cache.

    Args:
        around: the cache.
        pips: all that are known.
        past: what events tell of them.
        in_force: whether the cache is the one that pips use unless told otherwise.
    """
    seen = {
        prefix
        for prefix, entry in past.uses
        for root in _names_of(around)
        if entry.startswith(os.path.join(root, ""))  # noqa: PTH118
    }
    return [pip for pip in pips if in_force or str(pip.prefix) in seen]


def of_cache(
    around: Surroundings, users: Sequence[Pip], past: Past, *, ci: str | None = None
) -> list[Answer]:
    """Everything that is to be said about one cache folder.

    Args:
        around: what lies around it.
        users: the pips that use it.
        past: what events tell.
        ci: the continuous integration that this runs in.
    """
    checks: tuple[Callable[[Surroundings], Iterator[Answer]], ...] = (
        _space,
        _inodes,
        _file_system,
        _state,
        _links,
        _use_by_pip,
        _owners,
        _modes,
        _clocks,
    )
    answers = [answer for check in checks for answer in check(around)]
    answers += _generations(around, users)
    answers += _hooks(users)
    answers += _repetitions(around, past, ci)
    return answers


def of_machine(
    pips: Sequence[Pip], past: Past, *, ci: str | None, switched_off: str | None
) -> list[Answer]:
    """Everything that is to be said about no cache in particular.

    Args:
        pips: all that are known.
        past: what events tell.
        ci: the continuous integration that this runs in.
        switched_off: what makes pip go without a cache, in words.
    """
    return [
        *_own_failures(past),
        *_unfit_pips(pips, past),
        *_switch(switched_off),
        *_ci(ci),
    ]


def _space(around: Surroundings) -> Iterator[Answer]:
    system = around.file_system
    what = f"{_mib(system.free_bytes)} of {_mib(system.total_bytes)} are free"
    if system.free_bytes >= LITTLE_BYTES:
        yield Fine("free space", what)
        return
    scarce = system.free_bytes < LEAST_BYTES
    yield Finding(
        Code.DISK_FULL,
        Severity.PROBLEM if scarce else Severity.WARNING,
        f"only {what} on {_disk(around)}; what pip stores may be cut off",
        f"free {_mib(LITTLE_BYTES)} or more on {_disk(around)}",
    )


def _inodes(around: Surroundings) -> Iterator[Answer]:
    free, total = around.file_system.free_inodes, around.file_system.total_inodes
    if free is None or total is None:
        yield Unknown("inodes", "this file system has no fixed number, or tells none")
        return
    what = f"{free:,} of {total:,} inodes are free"
    if free >= LITTLE_INODES:
        yield Fine("inodes", what)
        return
    yield Finding(
        Code.INODES_LOW,
        Severity.PROBLEM if free < LEAST_INODES else Severity.WARNING,
        f"only {what} on {_disk(around)}: no room for many files, whatever their size",
        f"remove trees of small files on {_disk(around)}, such as unused environments",
    )


def _file_system(around: Surroundings) -> Iterator[Answer]:
    mount = around.file_system.mount
    if mount is None:
        yield Unknown("file system", "not known on this system")
    elif _is_network(mount):
        soft = ", mounted soft: writes may be lost" if "soft" in mount.options else ""
        yield Finding(
            Code.NETWORK_FILE_SYSTEM,
            Severity.WARNING,
            f"the cache is on {_described(mount)}{soft}; several machines may write to"
            " it at once, and a lost connection leaves half of an entry",
            f"move the cache to a local disk: {_MOVE}",
        )
    elif mount.type in _OVERLAYS:
        yield Finding(
            Code.OVERLAY,
            Severity.NOTE,
            f"the cache is on {_described(mount)}, as containers have: it is gone when"
            " the container is",
            f"if it should stay, mount a volume at {around.cache}",
        )
    elif mount.type in _LOCAL_MEMORY:
        yield Finding(
            Code.TMPFS,
            Severity.NOTE,
            f"the cache is in memory ({_described(mount)}): it is gone when the machine"
            " restarts",
            f"if it should stay, move it to a disk: {_MOVE}",
        )
    else:
        yield Fine("file system", _described(mount))


def _state(around: Surroundings) -> Iterator[Answer]:
    mount = around.file_system.mount
    if around.file_system.read_only is None:
        yield Unknown("writable mount", "not known on this system")
    elif not around.file_system.read_only:
        yield Fine("writable mount", f"{_disk(around)} is not read-only")
    elif mount is not None and "errors=remount-ro" in mount.options:
        yield Finding(
            Code.READ_ONLY,
            Severity.PROBLEM,
            f"{mount.point} is read-only, perhaps since its file system met an error",
            "look for errors of the disk: sudo dmesg -l err",
        )
    else:
        point = mount.point if mount else around.real
        yield Finding(
            Code.READ_ONLY,
            Severity.PROBLEM,
            f"{_disk(around)} is read-only: pip can store nothing",
            f"mount it writable: {_typed('sudo', 'mount', '-o', 'remount,rw', point)}",
        )


def _links(around: Surroundings) -> Iterator[Answer]:
    is_fine = True
    for part in around.parts:
        if part.elsewhere:
            is_fine = False
            yield Finding(
                Code.CACHE_IS_LINK,
                Severity.WARNING,
                f"{part.name} is on another file system than the rest of the cache:"
                " its broken entries cannot be moved to quarantine",
                f"have all of {around.cache} on one file system, such as by a link in"
                " the place of the whole folder",
            )
    links = [(part.name, part.link) for part in around.parts if part.link is not None]
    if around.is_linked:
        links.insert(0, (str(around.cache), around.real))
    if links:
        is_fine = False
        name, target = links[0]
        yield Finding(
            Code.CACHE_IS_LINK,
            Severity.NOTE,
            f"{name} is reached through a link and really is {target}",
            "when it is moved or removed, remember that both belong together",
        )
    if is_fine:
        yield Fine("links", "the cache folder and its parts are no links")


def _use_by_pip(around: Surroundings) -> Iterator[Answer]:
    if around.file_system.read_only:
        return  # nobody may write to it, whoever owns it
    if around.used_by_pip and around.writable:
        owner = f", owner {around.owner}" if around.owner else ""
        yield Fine("use by pip", f"pip would use this folder{owner}")
    elif around.writable:
        yield Finding(
            Code.OWNER_MISMATCH,
            Severity.PROBLEM,
            f"the folder belongs to {around.owner}: a pip of {around.me} goes without"
            " a cache",
            f"run pip as {around.owner}, the owner of the cache",
        )
    else:
        yield Finding(
            Code.NOT_WRITABLE,
            Severity.PROBLEM,
            f"{around.me or 'this user'} may not write to the folder"
            f"{f' of {around.owner}' if around.owner else ''}: pip goes without a cache"
            " or stores nothing",
            _give(around, to=around.me),
        )


def _owners(around: Surroundings) -> Iterator[Answer]:
    sample = around.sample
    if around.owner is None:
        yield Unknown("owners", "not known on this system")
    elif sample.of_others.number:
        yield Finding(
            Code.OWNER_MISMATCH,
            Severity.WARNING,
            f"{sample.of_others.number:,} of {sample.looked_at:,} files and folders do"
            f" not belong to {around.owner}, such as {sample.of_others.example}",
            _give(around, to=around.owner),
        )
    else:
        what = f"all of {sample.looked_at:,} files and folders looked at"
        yield Fine("owners", f"{what} belong to {around.owner}")


def _modes(around: Surroundings) -> Iterator[Answer]:
    sample = around.sample
    closed, opened = sample.not_writable, sample.open_to_all
    if closed.number and around.writable:
        mend = _typed("chmod", "-R", "u+rwX", around.real)
        mine = around.me == around.owner and not sample.of_others.number
        yield Finding(
            Code.NOT_WRITABLE,
            Severity.WARNING,
            f"in {_counted(closed.number, 'folder')} of the cache"
            f" {around.me or 'this user'} may not write, such as {closed.example}",
            mend if mine else _give(around, to=around.me),
        )
    if opened.number:
        yield Finding(
            Code.WRITABLE_BY_OTHERS,
            Severity.WARNING,
            f"everybody on this machine may write into"
            f" {_counted(opened.number, 'folder')} of the cache, such as"
            f" {opened.example}, and so into what gets installed",
            _typed("chmod", "-R", "o-w", around.real),
        )
    if around.owner is None:
        yield Unknown("modes", "not known on this system")
    elif not closed.number and not opened.number:
        yield Fine("modes", "open to their owner, and not writable by everybody")


def _clocks(around: Surroundings) -> Iterator[Answer]:
    newest = max(around.sample.newest.values(), default=None)
    date = around.sample.newest_date
    step = "set the clock of this machine by the network, such as with: "
    step += "w32tm /resync" if os.name == "nt" else "sudo timedatectl set-ntp true"
    ahead = _ahead(newest, around.now)
    if newest is not None and ahead:
        yield Finding(
            Code.CLOCK_SKEW,
            Severity.WARNING,
            f"{newest.path} was modified {ahead} in the future: a clock was wrong, here"
            " or where it was written",
            step,
        )
        return
    ahead = _ahead(date, around.now)
    if date is not None and ahead:
        yield Finding(
            Code.CLOCK_SKEW,
            Severity.WARNING,
            f"the answer in {date.path} is dated {ahead} in the future: pip takes old"
            " entries for fresh ones",
            step,
        )
    elif newest is None:
        yield Unknown("clocks", "there is no file in the cache to compare with")
    else:
        looked_at = f"{around.sample.looked_at:,} files and folders looked at"
        yield Fine("clocks", f"nothing from the future among {looked_at}")


def _generations(around: Surroundings, users: Sequence[Pip]) -> Iterator[Answer]:
    by_layout = {pip.layout: pip for pip in reversed(users)}
    written = {
        layout
        for layout in Layout
        for newest in [around.sample.newest.get(layout.value)]
        if newest is not None and around.now - newest.seconds < RECENT.total_seconds()
    }
    old = by_layout.get(Layout.ONE_FILE)
    if len(by_layout) > 1 and old is not None:
        new = by_layout[Layout.TWO_FILES]
        what = f"{_named(old)} and {_named(new)} use this cache"
    elif len(written) > 1:
        days = RECENT.days
        what = f"pips before and after 23.3 have used this cache within {days} days"
    else:
        yield Fine("generations", "no two generations of pip use this cache")
        return
    python = old.python if old else "python"
    yield Finding(
        Code.MIXED_GENERATIONS,
        Severity.NOTE,
        f"{what}: each generation fetches and keeps its own copy",
        f"upgrade the older one: {_typed(python, '-m', 'pip', 'install', '-U', 'pip')}",
    )


def _hooks(users: Sequence[Pip]) -> Iterator[Answer]:
    missing = [pip for pip in users if not pip.has_hook]
    if not users:
        yield Unknown("hooks", "no pip is known that uses this cache")
    elif not missing:
        yield Fine("hooks", f"{_counted(len(users), 'pip')} known, each loads pipmend")
    else:
        named = ", ".join(map(_named, missing[:_MOST_NAMED]))
        more = len(missing) - _MOST_NAMED
        named += f" and {more:,} more" if more > 0 else ""
        install = _typed(missing[0].python, "-m", "pip", "install", "pipmend")
        yield Finding(
            Code.HOOK_MISSING,
            Severity.WARNING,
            f"{len(missing):,} of {_counted(len(users), 'pip')} with this cache"
            f" {'does' if len(missing) == 1 else 'do'} not load pipmend: {named};"
            " broken entries are not healed there, and new ones not sealed",
            f"install pipmend there: {install}",
        )


def _repetitions(around: Surroundings, past: Past, ci: str | None) -> Iterator[Answer]:
    found = {
        offence.where: offence
        for root in _names_of(around)
        for offence in offenders.offences(past.broken, root)
    }
    if not found:
        yield Fine("repetitions", "nothing in this cache broke again and again")
        return
    # The last one is about the whole cache, if any is.
    *others, last = found.values()
    more = f"; {len(others):,} entries repeatedly" if others else ""
    yield Finding(
        Code.REPEAT_OFFENDER,
        Severity.WARNING,
        f"{last.where[:_LONGEST_WORD]}: {last.words}{more}",
        _remedy(around, past, ci),
    )


def _remedy(around: Surroundings, past: Past, ci: str | None) -> str:
    """What to do about entries that break again, by the likeliest cause."""
    roots = [os.path.join(root, "") for root in _names_of(around)]  # noqa: PTH118
    free = [
        number
        for event in past.broken
        for number in [event.get("free_bytes")]
        if isinstance(number, int) and str(event.get("entry")).startswith(tuple(roots))
    ]
    mount = around.file_system.mount
    if free and min(free) < LITTLE_BYTES:
        left = f"{_mib(min(free))} were left when an entry broke"
        return f"keep {_mib(LITTLE_BYTES)} free on {_disk(around)}: only {left}"
    if mount is not None and _is_network(mount):
        return f"move the cache to a local disk: {_MOVE}"
    if ci is not None:
        return "change the key of the CI cache, so that a healed one is saved"
    return (
        "look for errors of the disk in the system's log, on Linux: sudo dmesg -l err"
    )


def _own_failures(past: Past) -> Iterator[Answer]:
    for failure, number in Counter(past.failures).most_common(_MOST_NAMED):
        yield Finding(
            Code.OWN_FAILURE,
            Severity.WARNING,
            f"pipmend itself failed {_counted(number, 'time')} within {RECENT.days}"
            f" days in {failure.step} ({failure.error}); pip went on without it",
            "report it to the developers, with what this prints: pipmend events --json",
        )
    if not past.failures:
        yield Fine("pipmend", f"no failure of its own within {RECENT.days} days")


def _unfit_pips(pips: Sequence[Pip], past: Past) -> Iterator[Answer]:
    now = {str(pip.prefix): pip.version for pip in pips}
    # A pip that has been replaced since is no matter any more.
    left = [
        unfit
        for unfit in past.unfit
        if now.get(unfit.prefix, unfit.version) == unfit.version
    ]
    for unfit in left[:_MOST_NAMED]:
        yield Finding(
            Code.UNFIT_PIP,
            Severity.WARNING,
            f"pipmend has left pip {unfit.version} in {unfit.prefix} alone, since it"
            f" does not know its shape: {unfit.problem}",
            f"see what helps: {_typed('pipmend', 'status', '--python', unfit.prefix)}",
        )
    if not left:
        yield Fine("pips", "none of a shape that pipmend does not know")


def _switch(switched_off: str | None) -> Iterator[Answer]:
    if switched_off is None:
        yield Fine("switch", "pip's cache is not switched off")
        return
    yield Finding(
        Code.SWITCHED_OFF,
        Severity.NOTE,
        f"pip goes without a cache: {switched_off}",
        "if that is to change, remove this setting",
    )


def _ci(ci: str | None) -> Iterator[Answer]:
    if ci is None:
        yield Fine("CI", "not in continuous integration")
        return
    yield Finding(
        Code.CI_RESTORED,
        Severity.NOTE,
        f"this is {ci}: a restored cache is saved again only under a new key, so what"
        " was healed in one run is broken again in the next",
        "change the key of the CI cache once after something was healed",
    )


_MOVE = "python -m pip config set global.cache-dir FOLDER"


def _give(around: Surroundings, *, to: str | None) -> str:
    """How to make all of a cache one user's; ``to`` has name and number."""
    if to is None:
        return "give yourself the right to write to it, in the properties of the folder"
    user = to.partition(" ")[0]
    # -h: a link in the cache must not give away what it leads to.
    return _typed("sudo", "chown", "-Rh", user, around.real)


def _typed(*words: object) -> str:
    """A command as a person types it."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)


def _names_of(around: Surroundings) -> list[Path]:
    """The paths under which events may speak of a cache."""
    return list(dict.fromkeys((around.cache, around.real)))


def _is_network(mount: Mount) -> bool:
    kind, _, program = mount.type.partition(".")
    return mount.type in _NETWORK or (kind == "fuse" and program in _NETWORK_BY_PROGRAM)


def _described(mount: Mount) -> str:
    return f"{mount.type} ({mount.source} on {mount.point})"


def _disk(around: Surroundings) -> str:
    mount = around.file_system.mount
    return f"the disk of {around.real}" if mount is None else str(mount.point)


def _named(pip: Pip) -> str:
    return f"pip {pip.version} in {pip.prefix}"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _mib(size: int) -> str:
    return f"{size / (1024 * 1024):,.0f} MiB"


def _ahead(moment: Moment | None, now: float) -> str | None:
    """How far a moment is in the future, in words; None if it is not."""
    if moment is None or moment.seconds - now <= LARGEST_SKEW:
        return None
    return f"{(moment.seconds - now) / 60:,.0f} minutes"


def _age_of(event: dict[str, object], now: dt.datetime) -> dt.timedelta | None:
    moment = events.moment_of(event)
    return None if moment is None else now - moment


def _is(event: dict[str, object], kind: type[events.Event]) -> bool:
    return event.get("event") == events.NAMES[kind]


def _word(event: dict[str, object], name: str) -> str:
    return str(event.get(name))[:_LONGEST_WORD]
