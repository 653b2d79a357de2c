"""Files that nobody sees half of."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipmend import atomic

if TYPE_CHECKING:
    from collections.abc import Callable

Writer = "Callable[[Path, bytes], None]"

WRITERS = {"new": atomic.write_new, "append": atomic.append_line}

by_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")


@by_writer
def test_a_file_is_written(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    """Byte by byte as it was given."""
    write(tmp_path / "file", b"one\r\n\0two\n")

    assert (tmp_path / "file").read_bytes() == b"one\r\n\0two\n"


@by_writer
@posix_only
def test_a_file_is_private(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    """Whatever the user's mask lets pass."""
    mask = os.umask(0)
    try:
        write(tmp_path / "file", b"x")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == atomic.PRIVATE_FILE


@by_writer
@pytest.mark.parametrize("target", ["there", "not-there"])
def test_a_link_is_not_followed(
    target: str, write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    """Another user may have put it there."""
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)

    with pytest.raises(OSError, match="link"):
        write(tmp_path / "link", b"x")

    assert (tmp_path / "there").read_bytes() == b"precious"
    assert not (tmp_path / "not-there").exists()


def test_a_new_file_takes_no_place(tmp_path: Path) -> None:
    """What is there already stays."""
    (tmp_path / "file").write_bytes(b"precious")

    with pytest.raises(FileExistsError):
        atomic.write_new(tmp_path / "file", b"x")

    assert (tmp_path / "file").read_bytes() == b"precious"


def test_lines_are_appended(tmp_path: Path) -> None:
    """Behind what is there."""
    for line in (b"one\n", b"two\n", b"three\n"):
        atomic.append_line(tmp_path / "log", line)

    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"


@by_writer
def test_a_folder_is_no_file(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    """It is refused, not replaced."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError, match="folder"):
        write(tmp_path / "folder", b"x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no FIFOs")
def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    """Nobody reads at the other end."""
    os.mkfifo(tmp_path / "log")

    with pytest.raises(OSError, match="log"):
        atomic.append_line(tmp_path / "log", b"x\n")


def test_lines_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    """Each is one write."""
    code = (
        "import sys; from pathlib import Path; from pipmend import atomic\n"
        "for number in range(50):\n"
        "    line = sys.argv[2].encode() * 2000 + b'\\n'\n"
        "    atomic.append_line(Path(sys.argv[1]), line)"
    )
    source = str(Path(atomic.__file__).parent.parent)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "log"), letter],
            env={**os.environ, "PYTHONPATH": source},
        )
        for letter in "abcd"
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4

    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == sorted(
        letter * 2000 for letter in "abcd" for _ in range(50)
    )
