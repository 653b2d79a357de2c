"""A table of faulty surroundings in which a pip may have to run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Result = Literal["healed", "bypassed", "untold", "as plain"]
"""What becomes of a broken page.

``healed``: the run is as in a healthy cache, and the page is in quarantine.
``bypassed``: the same, but nothing could be moved; an event says why. ``untold``: the
run is as in a healthy cache; there is nowhere to record it. ``as plain``: pip does
what it does without pipmend.
"""


class Row(NamedTuple):
    """Some surroundings. Texts may contain ``{folder}``: that of cache and home."""

    result: Result = "healed"
    before: str = ""
    """Shell commands that come before pip, in that folder."""
    redirect: str = ""
    """What the shell does with the streams of pip."""
    env: Mapping[str, str | None] = {}
    """Environment variables; those that are None are taken away."""
    flags: tuple[str, ...] = ()
    """For the interpreter."""
    program: tuple[str, ...] = ("-m", "pip")
    """What the interpreter runs."""
    within: tuple[str, ...] = ()
    """A program that runs all of it."""
    cache: str = "cache"
    """The folder of the cache, filled up with ``/x`` where it ends in an ellipsis."""
    same_stderr: bool = True
    """Whether what the interpreter and pip print there is the same each time."""
    is_seen: bool = True
    """Whether stderr can be read."""


OBEDIENT = ("unshare", "--map-user=12345", "--map-group=12345")
"""A user whom no list of users has, and who owns the files of the tests."""
MOUNTING = ("unshare", "--mount")

_BROKEN = {
    "missing": "raise ModuleNotFoundError('No module of that name')",
    "syntax": "def (",
    "import-error": "raise ImportError('undefined symbol')",
    "os-error": "raise OSError(5, 'Input/output error')",
    "runtime-error": "raise RuntimeError('not here')",
    "too-old": "",
}


def _broken_module(name: str, code: str) -> Row:
    before = f'mkdir clash; echo "{code}" >clash/{name}.py'
    return Row("as plain", before, env={"PYTHONPATH": "{folder}/clash"})


def _small(where: str, options: str, fill: str) -> str:
    """A file system of its own, filled, in the place of a folder."""
    return (
        f"mkdir -p {where} small; mount -t tmpfs -o {options},mode=700 none small; "
        f"cp -a {where}/. small; {fill}; mount --bind small {where}; umount small"
    )


_FILL_BYTES = "cat /dev/zero >small/fill 2>/dev/null"
_FILL_INODES = "mkdir small/f; while mkdir small/f/$((n+=1)) 2>/dev/null; do :; done"
_READER_GONE = "mkfifo pipe; exec 7<>pipe 8>pipe 7<&-; rm pipe"
_LOG = "home/state/pipmend/log"

DEPENDENCIES = {
    f"{name}-{fault}": _broken_module(name, code)
    for name in ("wrapt", "msgpack", "platformdirs")
    for fault, code in _BROKEN.items()
}

LOGS = {
    "log-unwritable": Row("untold", "mkdir -m 500 home/state", within=OBEDIENT),
    "log-folder-is-a-file": Row("untold", "touch home/state"),
    "log-is-a-folder": Row("untold", f"mkdir -p {_LOG}/events.jsonl"),
    "log-is-a-fifo": Row("untold", f"mkdir -p {_LOG}; mkfifo {_LOG}/events.jsonl"),
    "log-on-a-full-disk": Row(
        "untold", _small(_LOG, "size=4k", _FILL_BYTES), within=MOUNTING
    ),
}

QUARANTINES = {
    "quarantine-unwritable": Row(
        "bypassed", "mkdir -m 500 cache/pipmend", within=OBEDIENT
    ),
    "quarantine-is-a-file": Row("bypassed", "touch cache/pipmend"),
    "quarantine-is-a-dangling-link": Row("bypassed", "ln -s gone cache/pipmend"),
    "quarantine-is-a-link": Row("bypassed", "ln -s ../home cache/pipmend"),
    "quarantine-on-another-disk": Row(
        "bypassed",
        "mkdir cache/pipmend; mount -t tmpfs none cache/pipmend",
        within=MOUNTING,
    ),
}

CACHES = {
    "cache-on-a-full-disk": Row(
        before=_small("cache", "size=400k", _FILL_BYTES), within=MOUNTING
    ),
    "cache-without-inodes": Row(
        "bypassed",
        _small("cache", "nr_inodes=200", _FILL_INODES),
        within=MOUNTING,
    ),
    "cache-read-only": Row(
        "bypassed",
        "mount --bind cache cache; mount -o remount,ro,bind cache",
        within=MOUNTING,
    ),
    "cache-unwritable": Row("as plain", "chmod 500 cache", within=OBEDIENT),
    "cache-folders-unwritable": Row(
        "bypassed",
        "find cache -type d | xargs chmod 500; chmod 700 cache",
        within=OBEDIENT,
    ),
    "everything-read-only": Row(
        "untold",
        "mkdir target; for each in target home/tmp; do mount --bind $each $each; done;"
        "mount -o remount,ro,bind /; cd .",
        within=MOUNTING,
    ),
    "cache-path-of-255": Row(cache="x" * 255),
    "cache-path-very-long": Row(cache="long..."),
    "cache-path-with-signs": Row(cache="a b\n100%s %(name)d {0} [red]\\\"'"),
    "cache-path-of-other-bytes": Row(cache=os.fsdecode(b"caf\xe9\xff")),
    "cache-of-1970": Row(before="find cache -exec touch -hd 1970-01-02 {} +"),
    "cache-of-2100": Row(before="find cache -exec touch -hd 2100-01-02 {} +"),
}

_NO_HOME = dict.fromkeys(
    (
        "HOME",
        "USERPROFILE",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    )
)

_SCRIPT = (
    "-c",
    "import sys; from pip._internal.cli.main import main; sys.exit(main())",
)
"""What the command ``pip`` does."""

PEOPLE = {
    "nobody-without-home": Row("untold", env=_NO_HOME, within=OBEDIENT),
    "nobody-with-folders-for-pip": Row(
        "untold",
        env={**_NO_HOME, "XDG_CACHE_HOME": "/none", "XDG_CONFIG_HOME": "/none"},
        within=OBEDIENT,
    ),
    "home-is-missing": Row("healed", env={"HOME": "{folder}/none"}),
    "no-environment": Row(
        "healed", env=dict.fromkeys(("PATH", "LANG", "PYTHONIOENCODING"))
    ),
    "folder-is-gone": Row(before="mkdir gone; cd gone; rmdir ../gone"),
    "folder-is-gone-script": Row(
        before="mkdir gone; cd gone; rmdir ../gone", program=_SCRIPT
    ),
    "folder-has-our-names": Row(
        before="mkdir here; cd here; for name in pipmend pipmend_hook wrapt msgpack "
        "platformdirs; do echo 'raise OSError(5)' >$name.py; done",
    ),
    "path-has-names-of-our-modules": Row(
        before="mkdir clash; for name in config events gate entries verify atomic "
        "seals quarantine digests metadata errors; do echo 'raise OSError(5)' "
        ">clash/$name.py; done",
        env={"PYTHONPATH": "{folder}/clash"},
    ),
    "path-has-another-pipmend": Row(
        "as plain",
        "mkdir clash; echo >clash/pipmend.py",
        env={"PYTHONPATH": "{folder}/clash"},
    ),
    "small-files-only": Row(before="ulimit -f 100"),
    "nothing-for-others": Row(before="umask 077"),
}

_C = {"LANG": None, "PYTHONIOENCODING": None, "PYTHONCOERCECLOCALE": "0"}
_STREAMS_OF_C = {**_C, "PYTHONUTF8": "0"}

LOCALES = {
    "locale-c": Row(env={**_STREAMS_OF_C, "LC_ALL": "C"}),
    "locale-posix": Row(env={**_C, "LC_ALL": "POSIX"}),
    "locale-unknown": Row(env={**_C, "LC_ALL": "xx_XX.UTF-8"}),
    "streams-ascii": Row(env={"PYTHONIOENCODING": "ascii"}),
    "streams-utf-16": Row(
        env={"PYTHONIOENCODING": "utf-16"}, same_stderr=False, is_seen=False
    ),
    "c-and-other-bytes": Row(
        env={**_STREAMS_OF_C, "LC_ALL": "C"}, cache=os.fsdecode(b"caf\xe9\xff")
    ),
    "one-column": Row(env={"COLUMNS": "1", "TERM": "dumb"}),
}

STREAMS = {
    "stderr-closed": Row(redirect="2>&-", is_seen=False),
    "stdout-closed": Row(redirect=">&-"),
    "all-closed": Row(redirect="<&- >&- 2>&-", is_seen=False),
    "stderr-full": Row(redirect="2>/dev/full", is_seen=False),
    # pip prints the calls that have led to the error, ours among them.
    "stdout-full": Row(redirect=">/dev/full", same_stderr=False),
    "stderr-reader-gone": Row(before=_READER_GONE, redirect="2>&8 8>&-", is_seen=False),
    "stdout-reader-gone": Row(before=_READER_GONE, redirect=">&8 8>&-"),
    "not-active-stderr-closed": Row(
        "as plain",
        "mkdir clash; echo 'raise OSError(5)' >clash/wrapt.py",
        "2>&-",
        {"PYTHONPATH": "{folder}/clash"},
        is_seen=False,
    ),
    "not-active-stderr-full": Row(
        "as plain",
        "mkdir clash; echo 'raise OSError(5)' >clash/wrapt.py",
        "2>/dev/full",
        {"PYTHONPATH": "{folder}/clash"},
        is_seen=False,
    ),
    "setting-unknown-stderr-full": Row(
        "as plain", redirect="2>/dev/full", env={"PIPMEND": "heel"}, is_seen=False
    ),
}

INTERPRETERS = {
    "warnings-are-errors": Row(flags=("-W", "error")),
    "warnings-are-errors-by-variable": Row(env={"PYTHONWARNINGS": "error"}),
    "development-mode": Row(flags=("-X", "dev"), same_stderr=False),
    "optimized": Row(flags=("-O",)),
    "optimized-twice": Row(flags=("-OO",)),
    "without-site": Row("as plain", flags=("-S",)),
    "isolated": Row(flags=("-I",)),
    "without-environment": Row(flags=("-E",)),
    "without-bytecode": Row(flags=("-B",)),
    "verbose": Row(flags=("-v",), same_stderr=False),
    "unbuffered": Row(flags=("-u",)),
    "debugging-memory": Row(env={"PYTHONMALLOC": "debug"}),
}

ROWS = {
    **DEPENDENCIES,
    **LOGS,
    **QUARANTINES,
    **CACHES,
    **PEOPLE,
    **LOCALES,
    **STREAMS,
    **INTERPRETERS,
}
"""The whole table by name."""
