"""Facts about what lies around a cache, against the real thing where it can be had."""

from __future__ import annotations

import contextlib
import email.utils
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import cache_files
from lab.made_cache import MadeCache
from lab.permissions import without_override
from pipmend import surroundings
from pipmend.surroundings import Mount, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.laboratory import Laboratory

SOURCE = Path(__file__).resolve().parent.parent / "src"
NOBODY = 65534
MOUNT = shutil.which("mount") or "mount"
UNMOUNT = shutil.which("umount") or "umount"

posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="asks for root"
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells mounts so")


@pytest.fixture
def cache(tmp_path: Path) -> MadeCache:
    """An empty cache."""
    root = tmp_path.resolve() / "cache"
    root.mkdir()
    return MadeCache(root)


@dataclass(frozen=True)
class Small:
    """A small file system in memory."""

    folder: Path

    def remount(self, options: str) -> None:
        """Change its options."""
        words = [MOUNT, "-o", f"remount,{options}", str(self.folder)]
        subprocess.run(words, check=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A file system of 1 MiB and 64 inodes."""
    folder = tmp_path.resolve() / "small"
    folder.mkdir()
    mount = [MOUNT, "-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount here")
    yield Small(folder)
    subprocess.run([UNMOUNT, str(folder)], check=True)


# -- Mounts --------------------------------------------------------------------------

ROOT = "29 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"

FORMS = [
    pytest.param(
        ROOT,
        "/home/a",
        Mount(Path("/"), "ext4", "/dev/vda1", ("relatime", "errors=remount-ro")),
        id="a-disk",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /home rw,nosuid - nfs4 files.example:/export/home"
        " rw,vers=4.2,soft,proto=tcp,timeo=600,clientaddr=10.0.0.1,addr=10.0.0.2\n",
        "/home/a/.cache/pip",
        Mount(
            Path("/home"),
            "nfs4",
            "files.example:/export/home",
            ("nosuid", "vers=4.2", "soft", "proto=tcp"),
        ),
        id="a-server",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /homes rw - nfs4 files.example:/export rw\n",
        "/home/a",
        Mount(Path("/"), "ext4", "/dev/vda1", ("relatime", "errors=remount-ro")),
        id="a-name-that-only-begins-the-same",
    ),
    pytest.param(
        ROOT
        + "61 29 0:44 / /mnt/my\\040share\\134x rw master:2 propagate_from:1 unbindable"
        " - cifs //alice:pa55@nas.example/s rw,username=alice,password=pa55,uid=1000"
        ",domain=HOME,cred=/root/c\n",
        "/mnt/my share\\x/pip",
        Mount(Path("/mnt/my share\\x"), "cifs", "//nas.example/s", ("uid=1000",)),
        id="escapes-and-a-password",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /mnt/far rw,nosuid,nodev - fuse.sshfs"
        " alice:pa55@files.example:/home rw,user_id=1000,group_id=1000\n",
        "/mnt/far",
        Mount(
            Path("/mnt/far"), "fuse.sshfs", "files.example:/home", ("nosuid", "nodev")
        ),
        id="a-program-and-a-password",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /mnt/dav rw - fuse"
        " https://alice:pa55@files.example/dav?token=pa55 rw,passwd=pa55\n",
        "/mnt/dav",
        Mount(Path("/mnt/dav"), "fuse", "https://files.example/dav", ()),
        id="a-url-with-secrets",
    ),
    pytest.param(
        "1190 905 0:89 / / rw,relatime master:316 - overlay overlay rw,lowerdir=/var/l/"
        "A:/var/l/B,upperdir=/var/d/diff,workdir=/var/d/work\n"
        "1191 1190 0:92 / /proc rw,nosuid - proc proc rw\n"
        "1195 1190 254:1 /volumes/c /root/.cache rw,relatime - ext4 /dev/vda1 rw\n",
        "/root/x",
        Mount(Path("/"), "overlay", "overlay", ("relatime",)),
        id="a-container",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /net rw - autofs systemd-1 rw,fd=33,pgrp=1,timeout=0\n"
        "62 61 0:45 / /net rw - nfs host:/net rw\n",
        "/net/a",
        Mount(Path("/net"), "nfs", "host:/net", ()),
        id="two-on-one-point",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /a ro,noatime - squashfs /dev/loop0 ro\n",
        "/a",
        Mount(Path("/a"), "squashfs", "/dev/loop0", ("ro", "noatime")),
        id="read-only",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /mnt/c rw - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\134"
        ";uid=1000,trans=fd\n",
        "/mnt/c/pip",
        Mount(Path("/mnt/c"), "9p", "C:\\", ()),
        id="windows-below-linux",
    ),
    pytest.param(
        "\n- \nx y\n1 2 3:4 / /cut rw -\n1 2 3:4 / /cut rw - ext4\n" + ROOT,
        "/cut",
        Mount(Path("/"), "ext4", "/dev/vda1", ("relatime", "errors=remount-ro")),
        id="lines-of-another-form",
    ),
    pytest.param(
        ROOT + "61 29 0:44 / /mnt/e rw - tmpfs  rw,size=1024k\n",
        "/mnt/e",
        Mount(Path("/mnt/e"), "tmpfs", "", ("size=1024k",)),
        id="no-source",
    ),
    pytest.param("", "/home", None, id="nothing-mounted"),
]


@posix_only
@pytest.mark.parametrize(("table", "folder", "expected"), FORMS)
def test_mounts_as_kernels_tell_them(
    table: str, folder: str, expected: Mount | None, tmp_path: Path
) -> None:
    """The right one of several, and no secret of it."""
    file = tmp_path / "mountinfo"
    file.write_text(table)

    found = surroundings.mount_of(Path(folder), file)

    assert found == expected
    assert "pa55" not in repr(found)
    assert "alice" not in repr(found)


def test_without_a_table_mounts_are_not_known(tmp_path: Path) -> None:
    """As on macOS and Windows."""
    assert surroundings.mount_of(tmp_path, tmp_path / "missing") is None


@linux_only
@pytest.mark.parametrize("place", ["/", "/proc", "/dev/shm", "/sys", "here"])  # noqa: S108
def test_the_mount_is_the_one_that_the_kernel_uses(place: str, tmp_path: Path) -> None:
    """Its point is a mount point, on the same device."""
    folder = (tmp_path if place == "here" else Path(place)).resolve()

    mount = surroundings.mount_of(folder)

    assert mount is not None
    assert mount.point.is_mount()
    assert mount.point.stat().st_dev == folder.stat().st_dev


# -- File systems --------------------------------------------------------------------


def test_space_is_what_python_tells(tmp_path: Path) -> None:
    """Other programs write meanwhile."""
    usage = shutil.disk_usage(tmp_path)

    system = surroundings.file_system_of(tmp_path)

    assert system.total_bytes == usage.total
    assert abs(system.free_bytes - usage.free) < 1 << 30
    assert not system.read_only


@linux_only
@root_only
def test_a_full_file_system(small: Small) -> None:
    """No byte and no inode is left."""
    for number in range(100):
        with contextlib.suppress(OSError):
            Path(small.folder, str(number)).write_bytes(bytes(64 * 1024))

    system = surroundings.file_system_of(small.folder)

    assert system.total_bytes == 1 << 20
    assert system.total_inodes == 64
    assert system.free_bytes == system.free_inodes == 0
    assert system.mount is not None
    assert system.mount.type == "tmpfs"
    assert system.mount.point == small.folder


@linux_only
@root_only
def test_a_read_only_file_system(small: Small) -> None:
    """It says so."""
    small.remount("ro")

    system = surroundings.file_system_of(small.folder)

    assert system.read_only
    assert system.mount is not None
    assert "ro" in system.mount.options


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Not a guess."""
    with pytest.raises(FileNotFoundError):
        surroundings.look(tmp_path / "gone", time.time())


# -- What pip checks -----------------------------------------------------------------

COMPARE = """\
import json, os, sys
from pathlib import Path
from pip._internal.utils.filesystem import check_path_owner
from pipmend import surroundings
uid, paths = int(sys.argv[1]), sys.argv[2:]
if uid != os.geteuid():
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
print(json.dumps({
    path: [check_path_owner(path), surroundings.is_used_by_pip(Path(path))]
    for path in paths
}))
"""


def _answers(python: Path, uid: int, paths: list[Path]) -> dict[str, list[bool]]:
    command = [str(python), "-c", COMPARE, str(uid), *map(str, paths)]
    done = subprocess.run(
        without_override(command) if uid else command, capture_output=True, check=True
    )
    found: dict[str, list[bool]] = json.loads(done.stdout)
    return {Path(path).name: answer for path, answer in found.items()}


@posix_only
def test_the_owner_is_checked_as_pip_does(lab: Laboratory) -> None:
    """By the real function of pip, for root and for somebody else."""
    python = lab.venv("26.3", hooked=True).python
    with tempfile.TemporaryDirectory() as scratch:
        # Unlike pytest's folders, open to all users.
        folder = Path(scratch).resolve()
        folder.chmod(0o755)
        for name, mode in {"own": 0o755, "open": 0o777, "closed": 0o500}.items():
            (folder / name).mkdir()
            (folder / name).chmod(mode)
        (folder / "link").symlink_to(folder / "own")
        paths = [folder / name for name in ("own", "open", "closed", "link")]
        paths += [folder / "open" / "to" / "come", folder / "own" / "missing"]
        users = [os.geteuid()]
        if os.geteuid() == 0:
            users.append(NOBODY)
            (folder / "foreign").mkdir()
            os.chown(folder / "foreign", NOBODY, NOBODY)
            paths.append(folder / "foreign")
        answers = [_answers(python, user, paths) for user in users]

    for answer in answers:
        assert all(theirs is ours for theirs, ours in answer.values()), answer
    assert answers[0]["own"] == [True, True]
    if len(users) > 1:
        assert answers[0]["foreign"] == [False, False]
        assert answers[0]["link"] == [False, False]
        assert answers[1]["own"] == answers[1]["missing"] == [False, False]
        assert answers[1]["foreign"] == answers[1]["open"] == [True, True]


# -- The bounded look ----------------------------------------------------------------


def _dated(seconds: float) -> dict[str, str]:
    return {"Date": email.utils.formatdate(seconds, usegmt=True)}


def test_a_healthy_cache(cache: MadeCache) -> None:
    """Everything belongs to one user, and nothing is from the future."""
    now = time.time()
    cache.add("/simple/idna/", b"{}", headers=_dated(now - 3600))

    around = surroundings.look(cache.root, now)

    assert around.real == around.cache == cache.root
    assert not around.is_linked
    assert around.used_by_pip
    assert around.writable
    assert [part.name for part in around.parts] == ["http-v2"]
    sample = around.sample
    assert sample.looked_at == 9  # two files, five folders, the part and the root
    assert sample.of_others == sample.not_writable == sample.open_to_all == Seen()
    assert abs(sample.newest["http-v2"].seconds - (now - 3600)) < 60
    assert sample.newest_date is not None
    assert abs(sample.newest_date.seconds - (now - 3600)) < 2


def test_looking_changes_nothing(cache: MadeCache) -> None:
    """No file is written, none is modified."""
    cache.add("/simple/idna/", b"{}")
    times = {path: path.stat().st_mtime_ns for path in cache.root.rglob("*")}
    before = cache_files.snapshot(cache.root)

    surroundings.look(cache.root, time.time())

    assert cache_files.snapshot(cache.root) == before
    assert {path: path.stat().st_mtime_ns for path in cache.root.rglob("*")} == times


def test_the_latest_date_is_found(cache: MadeCache) -> None:
    """In whichever storage, and whatever is broken beside it."""
    now = float(int(time.time()))
    old = MadeCache(cache.root, "http", sealed=False)
    cache.add("/a", b"a", headers=_dated(now - 60))
    expected = old.add("/b", b"b", headers=_dated(now + 5000))
    cache.add("/c", b"c", headers={"Date": "yesterday"})
    cache.add("/d", b"d").metadata.write_bytes(b"cc=4,\xc1")
    old.add("/e", b"e" * 1_000_000, headers=_dated(now + 9000))

    found = surroundings.sample_of(cache.root).newest_date

    assert found == (now + 5000, expected.metadata)


def test_the_latest_modification_is_found(cache: MadeCache) -> None:
    """Of any file, in each part."""
    old = MadeCache(cache.root, "http")
    cache.add("/a", b"a")
    newest = cache.add("/b", b"b")
    assert newest.body is not None
    os.utime(newest.body, (4e9, 4e9))
    os.utime(old.add("/a", b"a").metadata, (5e9, 5e9))

    found = surroundings.sample_of(cache.root).newest

    assert found["http-v2"] == (4e9, newest.body)
    assert found["http"].seconds == 5e9
    assert "wheels" not in found


def test_the_look_is_bounded(cache: MadeCache) -> None:
    """In each part, so that one does not hide the other."""
    for number in range(50):
        cache.add(f"/{number}", b"")
    wheel = cache.root / "wheels" / "ab"
    wheel.mkdir(parents=True)
    (wheel / "a.whl").touch()

    sample = surroundings.sample_of(cache.root, most=20)

    # The root, two parts, 20 in one and two in the other.
    assert sample.looked_at == 1 + 2 + 20 + 2
    assert "wheels" in sample.newest


@posix_only
def test_links_are_told_and_not_followed(cache: MadeCache, tmp_path: Path) -> None:
    """Neither that of a part, nor one in a part."""
    outside = tmp_path.resolve() / "outside"
    outside.mkdir()
    (outside / "file").touch()
    os.utime(outside / "file", (5e9, 5e9))
    (cache.root / "wheels").symlink_to(outside)
    cache.add("/a", b"a")
    (cache.root / "http-v2" / "f").symlink_to(outside)
    link = tmp_path / "link"
    link.symlink_to(cache.root)

    around = surroundings.look(link, time.time())

    assert around.is_linked
    assert around.real == cache.root
    assert {part.name: part.link for part in around.parts} == {
        "http-v2": None,
        "wheels": outside,
    }
    newest = max(around.sample.newest.values())
    assert newest.seconds < time.time()


@posix_only
def test_a_fifo_in_the_place_of_an_entry_does_not_hang(cache: MadeCache) -> None:
    """It is counted, and has no date."""
    entry = cache.add("/a", b"a")
    entry.metadata.unlink()
    os.mkfifo(entry.metadata)

    sample = surroundings.sample_of(cache.root)

    assert sample.looked_at == 9
    assert sample.newest_date is None


@linux_only
def test_a_part_on_another_file_system(cache: MadeCache) -> None:
    """Such as a link into memory."""
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == cache.root.stat().st_dev:
        pytest.skip("there is one file system only")
    cache.add("/a", b"a")
    with tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        (cache.root / "wheels").symlink_to(elsewhere)
        parts = surroundings.look(cache.root, time.time()).parts

    assert {part.name: part.elsewhere for part in parts} == {
        "http-v2": False,
        "wheels": True,
    }


@root_only
def test_files_of_others_are_counted(cache: MadeCache) -> None:
    """Compared with the owner of the folder, whoever is looking."""
    entry = cache.add("/a", b"a")
    os.chown(entry.metadata, NOBODY, NOBODY)

    around = surroundings.look(cache.root, time.time())

    assert around.sample.of_others == Seen(1, entry.metadata)
    assert around.owner == "root (0)"


@posix_only
def test_folders_that_everybody_may_write_to_are_counted(cache: MadeCache) -> None:
    """A file counts only through its folder; groups, as by umask 002, do not."""
    entry = cache.add("/a", b"a")
    entry.metadata.parent.parent.chmod(0o775)
    entry.metadata.parent.chmod(0o777)
    entry.metadata.chmod(0o666)

    found = surroundings.sample_of(cache.root).open_to_all

    assert found == Seen(1, entry.metadata.parent)


@posix_only
def test_folders_that_cannot_be_written_to_are_counted(cache: MadeCache) -> None:
    """Also those that cannot even be listed."""
    entry = cache.add("/a", b"a")
    entry.metadata.parent.parent.chmod(0o000)
    script = (
        "import json, sys; from pathlib import Path; from pipmend import surroundings\n"
        "print(json.dumps(surroundings.sample_of(Path(sys.argv[1])).not_writable, "
        "default=str))"
    )
    command = without_override([sys.executable, "-c", script, str(cache.root)])
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
    finally:
        entry.metadata.parent.parent.chmod(0o755)

    assert json.loads(done.stdout) == [1, str(entry.metadata.parent.parent)]


# -- The rest ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"CI": "true"}, "continuous integration"),
        ({"CI": "1", "GITHUB_ACTIONS": "true"}, "GitHub Actions"),
        ({"CI": "true", "GITLAB_CI": "true"}, "GitLab CI"),
        ({"CI": "false"}, None),
        ({"CI": "0"}, None),
        ({"CI": ""}, None),
    ],
)
def test_continuous_integration(
    environment: dict[str, str], expected: str | None
) -> None:
    """As those that set the variables say it."""
    assert surroundings.ci_service(environment) == expected


def test_pips_of_further_environments(lab: Laboratory) -> None:
    """With their interpreters, and only of this machine."""
    venv = lab.venv("26.3", hooked=True)
    prefix = str(venv.python.parent.parent)

    def found(name: str) -> list[surroundings.Pip]:
        pips = surroundings.pips({}, [name, "relative", ""])
        return [pip for pip in pips if pip.prefix.name == Path(prefix).name]

    (pip,) = found(prefix)
    assert pip.version == "26.3"
    assert pip.has_hook
    assert pip.layout.value == "http-v2"
    assert pip.python.parent == venv.python.parent
    assert pip.python.is_file()
    assert not found(f"/{prefix}")


def test_an_environment_without_an_interpreter(tmp_path: Path) -> None:
    """It is named where it should be."""
    assert surroundings.interpreter_of(tmp_path).parent.parent == tmp_path


def test_facts_have_units(cache: MadeCache) -> None:
    """And each its own name."""
    cache.add("/a", b"a")
    around = surroundings.look(cache.root, time.time())

    facts: dict[str, Any] = {fact.name: fact for fact in surroundings.facts_of(around)}

    assert len(facts) == len(surroundings.facts_of(around))
    assert facts["free-bytes"].unit == "bytes"
    assert facts["free-bytes"].value == around.file_system.free_bytes
    assert facts["newest-file"].unit == "seconds"
    assert facts["newest-file"].where.parent.parent.parent.parent.parent.parent == (
        cache.root / "http-v2"
    )
    assert facts["owned-by-others"] == ("owned-by-others", 0, "files", None)
