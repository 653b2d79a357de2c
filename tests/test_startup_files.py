"""What runs at start-up, read from folders made for the purpose."""

from __future__ import annotations

import base64
import hashlib
import os
import py_compile
from typing import TYPE_CHECKING

import pytest

from pipmend.startup_files import (
    Kind,
    RecordMatch,
    StartupFile,
    startup_file,
    startup_files,
    writable_by_others,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

posix_modes = pytest.mark.skipif(os.name == "nt", reason="mode bits of POSIX")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site folder in which nobody else may write."""
    return _folder(tmp_path / "site")


@pytest.fixture
def stdlib(tmp_path: Path) -> Path:
    """A folder in the place of the standard library."""
    return _folder(tmp_path / "stdlib")


def _folder(path: Path) -> Path:
    path.mkdir()
    path.chmod(0o755)
    return path


def _write(path: Path, text: str = "") -> Path:
    path.write_bytes(text.encode())
    path.chmod(0o644)
    return path


def _own(site: Path, owner: str, rows: Sequence[str]) -> None:
    folder = site / f"{owner}-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    _write(folder / "RECORD", "\r\n".join([*rows, ""]))


def _row(path: Path, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, path.read_bytes()).digest()
    value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"{path.name},{algorithm}={value},{path.stat().st_size}"


def _only(site: Path, stdlib: Path) -> StartupFile:
    (file,) = startup_files([site], stdlib)
    return file


def test_empty_and_missing_folders_hold_nothing(tmp_path: Path, site: Path) -> None:
    """A folder that is not there counts as empty."""
    assert startup_files([site, tmp_path / "none"], tmp_path / "gone") == ()


def test_facts_of_a_file(site: Path, stdlib: Path) -> None:
    """Size and SHA-256 are those of the bytes on disk."""
    path = _write(site / "a.pth", "import sys\n")
    file = _only(site, stdlib)
    assert file.path == path
    assert file.size == 11
    assert file.sha256 == hashlib.sha256(b"import sys\n").hexdigest()
    assert file.compiled is None


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.pth", "import sys", Kind.IMPORT_LINES),
        ("a.pth", "/x\n# import sys\nimport\tsys; sys\n", Kind.IMPORT_LINES),
        ("a.pth", "\ufeffimport sys\n", Kind.IMPORT_LINES),
        ("a.pth", "/x\n import sys\n# import sys\nimportant\n", Kind.PATHS_ONLY),
        ("a.pth", "", Kind.PATHS_ONLY),
        ("a.start", "a:b\n", Kind.ENTRY_POINTS),
        ("sitecustomize.py", "", Kind.SITECUSTOMIZE),
        ("usercustomize.pyc", "", Kind.USERCUSTOMIZE),
    ],
    ids=[
        "import",
        "import after other lines",
        "import after a byte order mark",
        "only paths",
        "empty",
        "start",
        "sitecustomize",
        "usercustomize without source",
    ],
)
def test_kinds(site: Path, stdlib: Path, name: str, text: str, kind: Kind) -> None:
    """The kind follows from name and content, by the rules of `site`."""
    _write(site / name, text)
    assert _only(site, stdlib).kind is kind


def test_undecodable_import_line_still_counts(site: Path, stdlib: Path) -> None:
    """Older Pythons decode by the locale, so such a line may well run."""
    (site / "a.pth").write_bytes(b"\xff\nimport sys # \xff\n")
    assert _only(site, stdlib).kind is Kind.IMPORT_LINES


def test_what_site_passes_over_is_not_reported(site: Path, stdlib: Path) -> None:
    """Other names, folders, and links that lead nowhere."""
    _write(site / "a.pth.txt", "import sys")
    _write(site / "module.py")
    (site / "folder.pth").mkdir()
    (site / "broken.pth").symlink_to("nowhere")
    assert startup_files([site], stdlib) == ()


def test_modules_of_import_lines_are_reported(site: Path, stdlib: Path) -> None:
    """Also packages, the roundabout way, and ours; the standard library is not."""
    _write(site / "a.pth", "import one, os; __import__('pack.inner').one()\n")
    _write(site / "pipmend_hook.pth", "import pipmend_hook")
    (site / "pack").mkdir()
    for path in ("one.py", "pack/__init__.py", "pack/inner.py", "pipmend_hook.py"):
        _write(site / path)
    files = startup_files([site], stdlib)
    modules = [file.path for file in files if file.kind is Kind.MODULE]
    names = [path.relative_to(site).as_posix() for path in modules]
    assert names == ["one.py", "pack/__init__.py", "pipmend_hook.py"]


def test_modules_of_entry_points_are_reported(site: Path, stdlib: Path) -> None:
    """The part before the colon alone; remarks name nothing."""
    _write(site / "a.start", "\ufeffone:two\n# three:main\n\n pack.inner:main\nfour\n")
    (site / "pack").mkdir()
    for name in ("one", "two", "three", "four", "pack/__init__"):
        _write(site / f"{name}.py")
    files = startup_files([site], stdlib)
    modules = [file.path for file in files if file.kind is Kind.MODULE]
    names = [path.relative_to(site).as_posix() for path in modules]
    assert names == ["one.py", "pack/__init__.py"]


def test_one_file_that_is_known_to_run(site: Path) -> None:
    """The same facts, for what no rule of `site` finds."""
    path = _write(site / "hook.py", "x = 1\n")
    file = startup_file(path, Kind.MODULE)
    assert (file.path, file.kind, file.size) == (path, Kind.MODULE, 6)
    assert file.record is RecordMatch.NOT_LISTED
    assert file.compiled is False


def test_first_customization_comes_first(tmp_path: Path, site: Path) -> None:
    """In the order of the search: PYTHONPATH, standard library, site folders."""
    early, stdlib = _folder(tmp_path / "early"), _folder(tmp_path / "lib")
    paths = [_write(folder / "sitecustomize.py") for folder in (early, stdlib, site)]
    files = startup_files([site], stdlib, [early])
    assert [file.path for file in files] == paths


def test_linked_site_folder_is_read_once(
    tmp_path: Path, site: Path, stdlib: Path
) -> None:
    """lib64 is often a link to lib."""
    _write(site / "a.pth")
    (tmp_path / "lib64").symlink_to(site, target_is_directory=True)
    assert len(startup_files([site, tmp_path / "lib64"], stdlib)) == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_record_matches(site: Path, stdlib: Path, algorithm: str) -> None:
    """The bytes are those that the distribution brought."""
    path = _write(site / "a.pth", "import sys")
    _own(site, "tool", [_row(path, algorithm)])
    file = _only(site, stdlib)
    assert (file.owner, file.record) == ("tool", RecordMatch.MATCHES)


def test_record_differs_after_an_added_line(site: Path, stdlib: Path) -> None:
    """A line that somebody appended shows."""
    path = _write(site / "a.pth", "import sys")
    _own(site, "tool", [_row(path)])
    _write(path, "import sys\nimport evil")
    file = _only(site, stdlib)
    assert (file.owner, file.record) == ("tool", RecordMatch.DIFFERS)


@pytest.mark.parametrize(
    "row",
    ["b.pth,sha256=x,1", "a.pth,,", "a.pth,md5=x,1", "a.pth", '"a.pth'],
    ids=["other file", "no digest", "weak digest", "short row", "torn row"],
)
def test_record_that_vouches_for_nothing(site: Path, stdlib: Path, row: str) -> None:
    """Only a strong digest of this very file counts."""
    _write(site / "a.pth", "import sys")
    _own(site, "tool", [row])
    assert _only(site, stdlib).record is RecordMatch.NOT_LISTED


def test_byte_code_has_to_fit(site: Path, stdlib: Path) -> None:
    """Missing and stale byte code make Python compile at each start."""
    path = _write(site / "sitecustomize.py", "x = 1\n")
    assert _only(site, stdlib).compiled is False
    py_compile.compile(str(path), doraise=True)
    assert _only(site, stdlib).compiled is True
    _write(path, "x = 12\n")
    assert _only(site, stdlib).compiled is False
    checked = py_compile.PycInvalidationMode.CHECKED_HASH
    py_compile.compile(str(path), doraise=True, invalidation_mode=checked)
    os.utime(path, (0, 0))
    assert _only(site, stdlib).compiled is True


@posix_modes
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666], ids=oct)
def test_loose_file(site: Path, stdlib: Path, mode: int) -> None:
    """Group or others may write to the file."""
    path = _write(site / "a.pth")
    path.chmod(mode)
    assert path in _only(site, stdlib).loose


@posix_modes
def test_loose_folder_on_the_way(tmp_path: Path) -> None:
    """Whoever may write to a folder above can exchange everything below."""
    above = _folder(tmp_path / "above")
    path = _write(_folder(above / "site") / "a.pth")
    above.chmod(0o775)
    assert above in writable_by_others(path)
    assert path not in writable_by_others(path)
    above.chmod(0o1777)
    assert above not in writable_by_others(path)


@posix_modes
def test_loose_target_of_a_link(tmp_path: Path, site: Path) -> None:
    """Both ends of a link count."""
    target = _write(_folder(tmp_path / "elsewhere") / "real.pth")
    target.parent.chmod(0o777)
    link = site / "a.pth"
    link.symlink_to(target)
    assert target.parent in writable_by_others(link)
    assert site not in writable_by_others(link)
