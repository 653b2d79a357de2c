"""Set up pipmend in a venv or an interpreter, and undo it. Standard library only.

Installing is ``pip install`` of this checkout, plus what pip leaves to chance: the
modes of start-up files, byte code, and a receipt of what came in with it, so that
``--uninstall`` brings back the state from before.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 9)
STARTUP_FILES = ("pipmend_hook.pth", "pipmend_hook.py")
RECEIPT = "pipmend-install.json"
OPT_IN_MARKER = "opt_in"

DONE, FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

_EXAMPLES = """\
examples:
  python3 install_hook.py --demo              watch a broken cache heal; leaves nothing
  .venv/bin/python install_hook.py            into the venv that this Python belongs to
  python3 install_hook.py --venv .venv        into .venv, which is created if missing
  python3 install_hook.py --venv .venv --opt-in
                                              dormant until PIPMEND=heal is set
  python3 install_hook.py --venv .venv --status
  python3 install_hook.py --venv .venv --uninstall --dry-run
  python3 install_hook.py --all-venvs ~/projects
                                              into every venv below a folder
  sudo python3 install_hook.py --global       one copy for every Python and every venv
                                              of this machine, present and future
  python3 install_hook.py --global --user     the same for your own Pythons
  sudo python3 install_hook.py --global --uninstall
  python3 install_hook.py --test -- -k status check this checkout; the rest is pytest's

exit code: 0 done, 1 failed (for --status: not active), 2 usage, 3 refused
"""

_FACTS = """\
import json, sys
facts = {"version": list(sys.version_info[:3])}
if sys.version_info >= (3, 9):
    import importlib.metadata, importlib.util, os, re, sysconfig
    sys.path[:] = [entry for entry in sys.path if entry]
    def same(name):
        return re.sub(r"[-_.]+", "-", name).lower()
    found, home = {}, None
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"]
        if not name or same(name) in found:
            continue
        needs = {re.match(r"[\\w.-]+", line.strip())[0] for line in one.requires or ()}
        found[same(name)] = {
            "version": one.version, "needs": sorted(same(need) for need in needs)}
        if same(name) == "pipmend":
            home = os.path.abspath(one.locate_file(""))
            record = [str(file) for file in one.files or () if file.name == "RECORD"]
    spec = importlib.util.find_spec("pipmend") if home else None
    stdlib = sysconfig.get_path("stdlib")
    facts.update(
        distributions=found,
        home=home,
        record=os.path.join(home, record[0]) if home and record else None,
        package=os.path.dirname(spec.origin) if spec and spec.origin else None,
        has_pip=importlib.util.find_spec("pip") is not None,
        managed=sys.prefix == sys.base_prefix
        and os.path.exists(os.path.join(stdlib, "EXTERNALLY-MANAGED")),
    )
print()
print(json.dumps(facts))
"""


class NotDoneError(Exception):
    """The work cannot go on; carries the exit code and what to tell."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Facts:
    """What an interpreter says of itself."""

    version: tuple[int, ...]
    distributions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Version and needed names of each distribution, by normalised name."""
    home: str | None = None
    """The site folder that holds pipmend; None if it is not installed."""
    record: str | None = None
    """Path of pipmend's RECORD."""
    package: str | None = None
    """The folder of the package `pipmend`."""
    has_pip: bool = False
    managed: bool = False
    """Whether the interpreter is the operating system's (PEP 668)."""

    @property
    def versions(self) -> dict[str, str]:
        """Version of each distribution by normalised name."""
        return {name: one["version"] for name, one in self.distributions.items()}


@dataclass(frozen=True)
class Receipt:
    """What is needed to undo an installation."""

    before: dict[str, str]
    """Distributions that were there before the first installation."""
    added: dict[str, str]
    """Distributions that came with it, pipmend aside."""
    replaced: dict[str, str]
    """Earlier versions of distributions that it exchanged."""
    schema: int = 1


@dataclass(frozen=True)
class Target:
    """The interpreter that is worked on, and whether this is for show."""

    python: Path
    dry_run: bool = False

    def facts(self) -> Facts:
        """Ask the interpreter; writes nothing.

        Raises:
            NotDoneError: it gives no answer, or is too old.
        """
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [str(self.python), "-c", _FACTS],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise NotDoneError(
                FAILED, f"{self.python} gives no answer.\n{done.stderr}"
            ) from None
        facts = Facts(**answer)
        if tuple(facts.version) < OLDEST_PYTHON:
            version = ".".join(map(str, facts.version))
            raise NotDoneError(
                REFUSED, f"{self.python} is Python {version}; needs 3.9 or later."
            )
        return facts

    def run(self, *arguments: str | Path, failure: str) -> None:
        """Run the interpreter, or say so in a dry run.

        Raises:
            NotDoneError: it ends with an error; `failure` says what did not work.
        """
        command = [str(self.python), *map(str, arguments)]
        done = "would run" if self.dry_run else "run"
        print(f"{done}: {shlex.join(command)}", flush=True)
        if not self.dry_run and subprocess.run(command, check=False).returncode:
            raise NotDoneError(FAILED, failure)


# -- The command line ----------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for and return the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        print("install_hook: needs Python 3.9 or later", file=sys.stderr)
        return REFUSED
    arguments = _parse(list(sys.argv[1:] if argv is None else argv))
    signal.signal(signal.SIGTERM, _interrupt)
    # pip follows the umask, and start-up code that others may write to is theirs.
    os.umask(0o022)
    try:
        return _do(arguments)
    except NotDoneError as stop:
        print(f"install_hook: {stop}", file=sys.stderr)
        return stop.code
    except OSError as error:
        print(f"install_hook: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("install_hook: interrupted", file=sys.stderr)
        return INTERRUPTED


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _do(arguments: argparse.Namespace) -> int:
    if arguments.demo:
        return demo()
    if arguments.test:
        return test(arguments.rest)
    if arguments.everywhere:
        return everywhere(arguments)
    if arguments.all_venvs is not None:
        return all_venvs(arguments)
    return _do_one(arguments, _target(arguments))


def _do_one(arguments: argparse.Namespace, target: Target) -> int:
    if arguments.status:
        return status(target)
    if arguments.uninstall:
        return uninstall(target)
    return install(target, opt_in=arguments.opt_in, editable=arguments.editable)


def _parse(words: list[str]) -> argparse.Namespace:
    own, rest = words, None
    if "--" in words:
        cut = words.index("--")
        own, rest = words[:cut], words[cut + 1 :]
    parser = _parser()
    arguments = parser.parse_args(own)
    arguments.rest = rest or []
    installs = not (arguments.uninstall or arguments.status)
    if rest is not None and not arguments.test:
        parser.error("arguments after -- are for --test")
    if (arguments.opt_in or arguments.editable) and not installs:
        parser.error("--opt-in and --editable are ways of installing")
    if arguments.opt_in and arguments.editable:
        parser.error("--opt-in would mark the checkout, and so every venv that uses it")
    if arguments.dry_run and arguments.status:
        parser.error("--status changes nothing anyway")
    alone = arguments.demo or arguments.test
    if alone and (arguments.venv or arguments.opt_in or arguments.dry_run):
        parser.error("--demo and --test make a venv of their own")
    _check_scope(parser, arguments, alone=alone)
    return arguments


def _check_scope(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, *, alone: bool
) -> None:
    scopes = (arguments.everywhere, arguments.all_venvs, arguments.venv, alone)
    if sum(map(bool, scopes)) > 1:
        parser.error("choose one of --venv, --all-venvs, --global, --demo and --test")
    if arguments.everywhere and arguments.editable:
        parser.error("--global makes a copy, which does not follow the checkout")
    if not arguments.everywhere and any(
        getattr(arguments, name) for name in _ONLY_EVERYWHERE
    ):
        parser.error("--user, --prefix, --python and the like belong to --global")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Set up pipmend, which makes pip's cache heal itself.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action = parser.add_mutually_exclusive_group()
    flag = "store_true"
    action.add_argument("--uninstall", action=flag, help="undo the installation")
    action.add_argument("--status", action=flag, help="show what runs at start-up")
    action.add_argument(
        "--demo", action=flag, help="show the healing in a scratch venv"
    )
    action.add_argument(
        "--test", action=flag, help="check this checkout, in .venv-test"
    )
    parser.add_argument(
        "--venv",
        type=Path,
        metavar="PATH",
        help="work on this venv instead of the Python that runs this script",
    )
    parser.add_argument(
        "--all-venvs", type=Path, metavar="DIR", help="work on every venv below DIR"
    )
    parser.add_argument("--opt-in", action=flag, help="dormant until PIPMEND is set")
    parser.add_argument("--editable", action=flag, help="run the checkout's own files")
    parser.add_argument("--dry-run", action=flag, help="say what would be done")
    everywhere = parser.add_argument_group("one copy for all")
    everywhere.add_argument(
        "--global",
        action=flag,
        dest="everywhere",
        help="one copy that every Python on this machine loads, in all its venvs",
    )
    everywhere.add_argument(
        "--user", action=flag, help="for you alone: your own Pythons, as far as it goes"
    )
    everywhere.add_argument(
        "--prefix", type=Path, metavar="DIR", help="where the copy goes"
    )
    everywhere.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        action="append",
        help="this Python only, instead of all that are found; may be repeated",
    )
    everywhere.add_argument(
        "--wheels", type=Path, metavar="DIR", help="take the dependencies from there"
    )
    everywhere.add_argument(
        "--allow-group",
        action=flag,
        help="accept Pythons that a group or another user may change",
    )
    return parser


_ONLY_EVERYWHERE = ("user", "prefix", "python", "wheels", "allow_group")


# -- The target ----------------------------------------------------------------------


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.venv is None:
        return Target(Path(sys.executable), arguments.dry_run)
    # A path through ".." makes Python 3.14 doubt its own prefix.
    folder = Path(os.path.abspath(arguments.venv))  # noqa: PTH100 - keeps links
    target = Target(_python_of(folder), arguments.dry_run)
    if target.python.exists():
        return target
    if arguments.status or arguments.uninstall:
        raise NotDoneError(FAILED, f"there is no venv at {folder}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotDoneError(
            REFUSED, f"{folder} exists and is no venv; it is left alone."
        )
    _make_venv(folder, dry_run=arguments.dry_run)
    return target


def _make_venv(folder: Path, *, dry_run: bool = False) -> None:
    was_there = folder.exists()
    try:
        own = Target(Path(sys.executable), dry_run)
        own.run("-m", "venv", folder, failure=_NO_VENV)
    except BaseException:
        if not was_there:
            shutil.rmtree(folder, ignore_errors=True)
        raise


_NO_VENV = """\
the venv could not be created; where Debian's or Ubuntu's own Python says that
ensurepip is missing, this helps: apt install python3-venv"""


def _python_of(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _refuse_if_managed(target: Target, facts: Facts) -> None:
    if facts.managed:
        raise NotDoneError(
            REFUSED,
            f"{target.python} belongs to the operating system (PEP 668),\n"
            "so nothing is installed into it. Into a venv, created if missing, with:\n"
            f"  {target.python} install_hook.py --venv PATH",
        )


def _provide_pip(target: Target, facts: Facts) -> None:
    if not facts.has_pip:
        print("there is no pip in this Python; the one that comes with it is set up")
        message = "there is no pip, and ensurepip cannot bring one; install pip first."
        target.run("-m", "ensurepip", failure=message)


# -- Install -------------------------------------------------------------------------


def install(target: Target, *, opt_in: bool = False, editable: bool = False) -> int:
    """Install this checkout, make its start-up files safe and fast, check.

    Raises:
        NotDoneError: refused, or a step failed.
    """
    # A venv that a dry run did not make answers no question.
    missing = target.dry_run and not target.python.exists()
    before = Facts(OLDEST_PYTHON, has_pip=True) if missing else target.facts()
    _refuse_if_managed(target, before)
    earlier = _read_receipt(before)
    _provide_pip(target, before)
    _install_checkout(target, before, editable=editable)
    if target.dry_run:
        return _announce(target, opt_in=opt_in)
    after = target.facts()
    _settle(after, opt_in=opt_in)
    _write_receipt(after, _receipt(before, after, earlier))
    _precompile(target, after)
    return _verify(target, opt_in=opt_in)


def _install_checkout(target: Target, before: Facts, *, editable: bool) -> None:
    how = ("--editable", CHECKOUT) if editable else (CHECKOUT,)
    command = ("-m", "pip", "install", "--quiet", *how)
    message = "pip could not install pipmend; its message stands above."
    if "wrapt" not in before.distributions:
        # Later ones import asyncio: 60 million instructions in each pip that fetches.
        try:
            target.run(*command, "wrapt<2.2", failure=message)
        except NotDoneError:
            print("once more, with any wrapt")
        else:
            return
    target.run(*command, failure=message)


def _announce(target: Target, *, opt_in: bool) -> int:
    names = ", ".join(STARTUP_FILES)
    print(f"would set the mode of {names} to 0644, and compile pipmend")
    print(f"would write {RECEIPT} beside them")
    if opt_in:
        print(f"would write the marker {OPT_IN_MARKER}: dormant until PIPMEND is set")
    print(f"nothing was written for {target.python}")
    return DONE


def _settle(facts: Facts, *, opt_in: bool) -> None:
    home, package = _places(facts)
    for name in STARTUP_FILES:
        write_file(home / name, (home / name).read_bytes())
    marker = package / OPT_IN_MARKER
    if opt_in:
        write_file(marker, b"")
        _list_in_record(facts, marker)
    else:
        marker.unlink(missing_ok=True)


def _places(facts: Facts) -> tuple[Path, Path]:
    if facts.home is None or facts.package is None:
        raise NotDoneError(
            FAILED, "pip reported success, but pipmend is not to be found."
        )
    return Path(facts.home), Path(facts.package)


def _precompile(target: Target, facts: Facts) -> None:
    """Byte code beside the sources: without it each start compiles them again."""
    home, package = _places(facts)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        os.environ.pop(name, None)
    message = "pipmend could not be compiled."
    files = (home / "pipmend_hook.py", package)
    target.run("-m", "compileall", "-q", *files, failure=message)


def _verify(target: Target, *, opt_in: bool) -> int:
    environment = {name: os.environ[name] for name in os.environ if name != "PIPMEND"}
    if opt_in:
        environment["PIPMEND"] = "heal"
    done = subprocess.run(
        [str(target.python), "-m", "pipmend", "status"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print("".join(done.stdout.splitlines()[-1:]) or "pipmend does not run.")
    if opt_in and not done.returncode:
        print(
            "That is with PIPMEND=heal in the environment; without it, it is dormant."
        )
    return FAILED if done.returncode else DONE


# -- One copy for all ----------------------------------------------------------------


def everywhere(arguments: argparse.Namespace) -> int:
    """Set up one copy for every Python, show it, or take it away again.

    Raises:
        NotDoneError: refused, or a step failed.
    """
    # A checkout that belongs to a user must not get byte code of root's.
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(CHECKOUT / "src"))
    from pipmend.cli.output import plain  # noqa: PLC0415 - only from here on
    from pipmend.errors import PipmendError  # noqa: PLC0415
    from pipmend.everywhere import front  # noqa: PLC0415
    from pipmend.everywhere.refusals import RefusedError  # noqa: PLC0415

    try:
        return front.run(arguments, lambda line: print(plain(line), flush=True))
    except PipmendError as error:
        code = REFUSED if isinstance(error, RefusedError) else FAILED
        raise NotDoneError(code, str(error)) from error


def all_venvs(arguments: argparse.Namespace) -> int:
    """Do the same to every venv below a folder; 1 if it failed for one of them.

    Raises:
        NotDoneError: there is none.
    """
    sys.path.insert(0, str(CHECKOUT / "src"))
    from pipmend.everywhere import venvs  # noqa: PLC0415 - only from here on

    found = list(venvs.below(arguments.all_venvs))
    if not found:
        raise NotDoneError(FAILED, f"there is no venv below {arguments.all_venvs}")
    codes = []
    for number, folder in enumerate(found, 1):
        print(f"[{number}/{len(found)}] {folder}", flush=True)
        codes.append(_do_one_of_many(arguments, folder))
    print(f"{codes.count(DONE)} of {len(codes)} venvs: done")
    return max(codes)


def _do_one_of_many(arguments: argparse.Namespace, folder: Path) -> int:
    try:
        target = Target(_python_of(folder.absolute()), arguments.dry_run)
        return _do_one(arguments, target)
    except (NotDoneError, OSError) as error:
        print(f"install_hook: {error}", file=sys.stderr)
        return FAILED


# -- The receipt ---------------------------------------------------------------------


def _receipt(before: Facts, after: Facts, earlier: Receipt | None) -> Receipt:
    """What to undo: this installation and, if it was not the first, those before."""
    old, new = before.versions, after.versions
    old.pop("pipmend", None)
    new.pop("pipmend", None)
    first = earlier or Receipt(old, {}, {})
    came = {name for name in new if name not in old}
    added = {name: new[name] for name in new if name in came or name in first.added}
    changed = {name: old[name] for name in new if old.get(name, new[name]) != new[name]}
    replaced = {name: changed[name] for name in changed if name not in added}
    return replace(first, added=added, replaced={**replaced, **first.replaced})


def _read_receipt(facts: Facts) -> Receipt | None:
    if facts.home is None:
        return None
    try:
        return Receipt(**json.loads(Path(facts.home, RECEIPT).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise NotDoneError(
            FAILED, f"{Path(facts.home, RECEIPT)} is damaged: {error}"
        ) from error


def _write_receipt(facts: Facts, receipt: Receipt) -> None:
    home, _ = _places(facts)
    text = json.dumps(asdict(receipt), indent=2, sort_keys=True) + "\n"
    write_file(home / RECEIPT, text.encode())
    _list_in_record(facts, home / RECEIPT)


def _list_in_record(facts: Facts, path: Path) -> None:
    """Add a file to pipmend's RECORD, so that `pip uninstall` takes it along."""
    if facts.record is None:
        return
    home, _ = _places(facts)
    record = Path(facts.record)
    text = record.read_bytes().decode()
    name = path.relative_to(home).as_posix()
    rows = [
        row for row in csv.reader(io.StringIO(text, newline="")) if row[:1] != [name]
    ]
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    rows.append([name, f"sha256={digest.decode()}", str(len(content))])
    buffer = io.StringIO(newline="")
    ending = "\r\n" if "\r\n" in text else "\n"
    csv.writer(buffer, lineterminator=ending).writerows(sorted(rows))
    write_file(record, buffer.getvalue().encode())


def write_file(path: Path, content: bytes) -> None:
    """Put a file in place at once, complete, with mode 0644.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    # The suffix keeps Python from running it should it ever stay behind.
    handle, name = tempfile.mkstemp(".tmp", ".pipmend-", path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# -- Uninstall -----------------------------------------------------------------------


def uninstall(target: Target) -> int:
    """Remove pipmend and what came with it, as far as nobody else needs it now.

    Raises:
        NotDoneError: refused, or a step failed.
    """
    facts = target.facts()
    if facts.home is None:
        print(f"pipmend is not installed in {target.python}")
        return DONE
    _refuse_if_managed(target, facts)
    receipt = _read_receipt(facts)
    if receipt is None:
        print("pipmend was not installed by this script: what it needs is left here")
        receipt = Receipt(facts.versions, {}, {})
    if not facts.has_pip:
        raise NotDoneError(
            FAILED, "there is no pip to uninstall with; install pip first."
        )
    removed, left = _sort_out(facts, receipt)
    _restore(target, facts, receipt)
    message = "pip could not uninstall; its message stands above."
    names = ("pipmend", *sorted(removed))
    target.run("-m", "pip", "uninstall", "--quiet", "--yes", *names, failure=message)
    _remove_own_files(target, facts)
    if not target.dry_run:
        print(f"removed: {', '.join(names)}")
    for name in sorted(left):
        print(f"left: {name}, which came with pipmend but is used otherwise now")
    return DONE


def _sort_out(facts: Facts, receipt: Receipt) -> tuple[set[str], set[str]]:
    """Tell what came in with pipmend and can go from what has to stay.

    A distribution that was there before, in the same version, managed without; so
    only later ones can hold something back, and whatever is held back needs more.
    """
    present = facts.versions
    added = {name for name in receipt.added if name in present}
    left = {name for name in added if present[name] != receipt.added[name]}
    while True:
        users = {
            name
            for name in present
            if name != "pipmend"
            and (
                name in left or (name not in added and _is_later(name, facts, receipt))
            )
        }
        needed = {need for name in users for need in facts.distributions[name]["needs"]}
        if needed & added <= left:
            return added - left, left
        left |= needed & added


def _is_later(name: str, facts: Facts, receipt: Receipt) -> bool:
    version = facts.versions[name]
    return version != receipt.before.get(name) and name not in receipt.replaced


def _restore(target: Target, facts: Facts, receipt: Receipt) -> None:
    """Bring back the versions that the installation exchanged."""
    wanted = [
        f"{name}=={version}"
        for name, version in sorted(receipt.replaced.items())
        if facts.versions.get(name) != version
    ]
    if wanted:
        message = f"could not bring back {', '.join(wanted)}; nothing was removed."
        quiet = ("-m", "pip", "install", "--quiet", "--no-deps")
        target.run(*quiet, *wanted, failure=message)


def _remove_own_files(target: Target, facts: Facts) -> None:
    if target.dry_run or facts.home is None:
        return
    # RECORD lists both, but an installation may be damaged.
    Path(facts.home, RECEIPT).unlink(missing_ok=True)
    if facts.package is not None:
        Path(facts.package, OPT_IN_MARKER).unlink(missing_ok=True)


# -- Status, demo, test --------------------------------------------------------------


def status(target: Target) -> int:
    """Show the report of ``pipmend status``; 0 if active, 1 if not.

    Raises:
        NotDoneError: the interpreter gives no answer or is too old.
    """
    installed = target.facts().home is not None
    # Without pipmend over there, the checkout's own code looks at it.
    own = str(CHECKOUT / "src" / "pipmend" / "__main__.py")
    code = ("-m", "pipmend") if installed else (own,)
    command = [str(target.python), *code, "status"]
    return subprocess.run(command, check=False).returncode


def demo() -> int:
    """Show plain pip failing and pipmend healing, in a scratch folder.

    Raises:
        NotDoneError: the scratch venv could not be set up.
    """
    print("setting up a scratch venv; it goes away at the end", flush=True)
    with _scratch_folder() as folder:
        temporary = str(folder / "tmp")
        Path(temporary).mkdir()
        os.environ.update(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
        os.environ.update(PIP_CACHE_DIR=str(folder / "cache-of-the-set-up"))
        os.environ.update(PIP_DISABLE_PIP_VERSION_CHECK="1")
        target = _fresh_venv(folder / "venv")
        wanted = (CHECKOUT, "trustme")
        message = "the scratch venv could not be filled; is an index within reach?"
        target.run("-m", "pip", "install", "--quiet", *wanted, failure=message)
        os.environ.update(PYTHONPATH=str(CHECKOUT / "tests"))
        os.environ.update(PYTHONDONTWRITEBYTECODE="1")
        command = [str(target.python), "-m", "lab.demo", str(folder)]
        return subprocess.run(command, check=False).returncode


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pipmend-demo-")).resolve()
    try:
        yield folder
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Interrupted programs may go on writing for a moment.
        for _ in range(50):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.1)


def test(rest: Sequence[str]) -> int:
    """Run the linter, the type checker and the tests; the first failure ends it.

    Raises:
        NotDoneError: the venv could not be set up.
    """
    target = Target(_python_of(CHECKOUT / ".venv-test"))
    os.chdir(CHECKOUT)
    if not target.python.exists():
        _fresh_venv(CHECKOUT / ".venv-test")
    else:
        _upgrade_pip(target)
    message = "what the tests need could not be installed."
    wanted = ("--editable", ".", "--group", "test")
    target.run("-m", "pip", "install", "--quiet", *wanted, failure=message)
    steps = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("pytest", "-n", "auto", *rest),
    )
    for step in steps:
        print(f"run: {' '.join(step)}", flush=True)
        command = [str(target.python), "-m", *step]
        code = subprocess.run(command, check=False).returncode
        if code:
            return code
    return DONE


def _fresh_venv(folder: Path) -> Target:
    _make_venv(folder)
    target = Target(_python_of(folder))
    _upgrade_pip(target)
    return target


def _upgrade_pip(target: Target) -> None:
    message = "pip could not be upgraded; is an index within reach?"
    target.run("-m", "pip", "install", "--quiet", "--upgrade", "pip", failure=message)


if __name__ == "__main__":
    sys.exit(main())
