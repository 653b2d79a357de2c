"""What an archive is, a wheel or a source archive, also where half of it is missing."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from pipmend import members, names
from pipmend.subjects.content import GZIP_START, LARGEST_READ, as_text
from pipmend.subjects.core_metadata import fields, lines, release_in
from pipmend.subjects.values import Kind, Subject

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipmend.subjects.content import Content

_FIRST_MEMBERS = 4 * 1024
"""Bytes of a tar file that hold its first header."""
_MOST_MEMBERS = 200

_OTHER_ARCHIVES = (b"BZh", b"\xfd7zXZ\0")
_WHEEL_FILE = b".dist-info/WHEEL"
_IN_DIST_INFO = re.compile(rb"([^/\0]{1,250})\.dist-info/")
_PACKAGE = re.compile(rb"[^/\0]{1,120}/__init__\.py")


def of_archive(content: Content, head: bytes) -> Subject | None:
    """The archive that a body is, told by its first bytes; None if it is none."""
    if head.startswith(members.ZIP_START):
        return _of_zip(content.file(), head)
    if head.startswith(_OTHER_ARCHIVES):
        return Subject(Kind.SDIST)
    if members.is_tar(head):
        return _of_tar(head, is_last=True)
    if not head.startswith(GZIP_START):
        return None
    file = content.file()
    start = members.inflated(file, members.GZIP, _FIRST_MEMBERS)
    if start and not members.is_tar(start):
        return None
    return _of_tar(start, is_last=False) or _of_tar(
        members.inflated(file, members.GZIP, LARGEST_READ), is_last=True
    )


def _of_tar(start: bytes, *, is_last: bool) -> Subject | None:
    """A source archive, told by its top folder where that is clear, else by PKG-INFO.

    Args:
        start: the start of the tar file.
        is_last: whether no longer start will be tried; else unclear means None.
    """
    folder = ""
    for path, data in itertools.islice(members.of_tar(start), _MOST_MEMBERS):
        first, slash, _ = path.partition("/")
        folder = folder or (first if slash else "")
        if names.is_clear(folder):
            return _sdist(folder, ".tar.gz")
        release = release_in(fields(data))
        if path == f"{folder}/PKG-INFO" and release.project:
            return _sdist(folder, ".tar.gz")._replace(**release._asdict())
    return _sdist(folder, ".tar.gz") if is_last else None


def _sdist(stem: str, suffix: str) -> Subject:
    """A source archive whose top folder is a stem such as ``idna-3.4``."""
    release = names.of_stem(stem)
    file_name = names.shown(stem + suffix) if release.project else None
    return Subject(Kind.SDIST, *release, file_name)


def _of_zip(file: BinaryIO, head: bytes) -> Subject:
    directory = members.directory_of(file)
    wheel = wheel_in(file, directory)
    if wheel is not None:
        return wheel
    found = list(itertools.islice(members.first_of_zip(head), _MOST_MEMBERS))
    for info in filter(None, map(_IN_DIST_INFO.match, found)):
        return Subject(Kind.WHEEL, *names.of_dist_info(as_text(info[1])))
    first = found[0] if found else b""
    source = _sdist(as_text(first.partition(b"/")[0]), ".zip")
    if source.project is not None:
        return source
    if not directory and _PACKAGE.match(first) is not None:
        # Cut. The folder of a package often has another name than its project.
        return Subject(Kind.WHEEL)
    return Subject(Kind.OTHER)


def wheel_in(file: BinaryIO, directory: bytes) -> Subject | None:
    """The wheel whose WHEEL file a directory lists, by custom near its end."""
    found = members.with_ending(directory, _WHEEL_FILE)
    for member in itertools.islice(found, _MOST_MEMBERS):
        stem = member.name[: -len(_WHEEL_FILE)]
        if b"/" not in stem:
            return _wheel(as_text(stem), members.read(file, member))
    return None


def _wheel(stem: str, wheel_file: bytes) -> Subject:
    """A wheel, told by its dist-info folder and, for its tags, by its WHEEL file."""
    told = list(lines(wheel_file + b"\n"))
    tags = [value for name, value in told if name == "tag"]
    file_name = names.wheel_name(stem, tags, dict(told).get("build", ""))
    return Subject(Kind.WHEEL, *names.of_dist_info(stem), file_name)
