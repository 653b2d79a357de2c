"""What an entry is, told by its own content: the cache key cannot be reversed.

Little is read: the start of a body, and of a zip file also its directory. What is
damaged still tells what its remains tell.
"""

from __future__ import annotations

import collections
import enum
import html
import io
import itertools
import json
import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from pipmend import entries, members, names, pages, urls
from pipmend.names import Release
from pipmend.verify import PERMANENT_REDIRECTS
from pipmend.wheels import ORIGIN_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse

_HEAD = 64 * 1024
_LARGEST_READ = 1024 * 1024
_FIRST_MEMBERS = 4 * 1024  # bytes of a tar file that hold its first header
_MOST_MEMBERS = 200
_MOST_FILES = 50
_MOST_FIELDS = 100
_LONGEST_URL = 2000

_FORMS: Mapping[str, tuple[int, ...]] = {
    "gzip": (members.GZIP,),
    "x-gzip": (members.GZIP,),
    "deflate": (members.ZLIB, members.BARE),  # some servers send it bare
}

_GZIP_START = b"\x1f\x8b\x08"
_OTHER_ARCHIVES = (b"BZh", b"\xfd7zXZ\0")
_HTML_STARTS = (b"<!doctype html", b"<html")

_METADATA_SUFFIX = ".metadata"
_SIMPLE = "simple"
"""The last folder of an index, at times after a mark (devpi has ``+simple``)."""

_WHEEL_FILE = b".dist-info/WHEEL"
_IN_DIST_INFO = re.compile(rb"([^/\0]{1,250})\.dist-info/")
_PACKAGE = re.compile(rb"[^/\0]{1,120}/__init__\.py")
_NAME_KEY = re.compile(rb'"name"\s*:\s*"([^"\\]{1,120})"')
_FILE_NAME_KEY = re.compile(rb'"filename"\s*:\s*"([^"\\]{1,250})"')
_HEADING = re.compile(
    rb"<(?:title|h1)\b[^<>]{0,200}>\s*links\s+for\s+([^<>]{1,200})<", re.IGNORECASE
)
_ANCHOR_TEXT = re.compile(rb">\s*([^<>\s]{1,250})\s*</a", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(
    rb"^(metadata-version|name|version|tag|build)[ \t]*:[ \t]*([^\r\n]*)[\r\n]",
    re.IGNORECASE | re.MULTILINE,
)


class Kind(enum.Enum):
    """What kind of thing is stored. The values are stable codes for scripts."""

    PAGE = "page"
    """An index page (PEP 503, PEP 691)."""
    WHEEL = "wheel"
    SDIST = "sdist"
    CORE_METADATA = "core-metadata"
    """The METADATA file of a wheel (PEP 658)."""
    REDIRECT = "redirect"
    BUILT_WHEEL = "built-wheel"
    """A wheel that pip built here, in the wheel cache."""
    ORIGIN = "origin"
    """The note on where a built wheel came from (PEP 610)."""
    OTHER = "other"


_WORDS_OF_PROJECT = {
    Kind.PAGE: ("the cached page of '{}'", "a cached page"),
    Kind.REDIRECT: ("the cached redirect of '{}'", "a cached redirect"),
}


class Subject(NamedTuple):
    """What an entry is, as far as it can be known."""

    kind: Kind
    project: str | None = None
    """Name of the project, normalised (PEP 503)."""
    version: str | None = None
    file_name: str | None = None
    """As its content has it: its exact spelling is known only where the URL is."""
    url: str | None = None
    """Without credentials, query and fragment; only where it is certain."""

    @property
    def words(self) -> str:
        """In words, such as ``the cached page of 'idna'``."""
        if self.kind in _WORDS_OF_PROJECT:
            known, unknown = _WORDS_OF_PROJECT[self.kind]
            return known.format(self.project) if self.project else unknown
        release = f"{self.project} {self.version or ''}".rstrip()
        if self.kind is Kind.CORE_METADATA:
            name = (self.file_name or "")[: -len(_METADATA_SUFFIX)]
            known = name or (release if self.project else "a wheel")
            return f"the cached metadata of {known}"
        if self.kind is Kind.ORIGIN:
            return f"the {ORIGIN_NAME} of {release if self.project else 'a wheel'}"
        if self.kind is Kind.BUILT_WHEEL:
            built = self.file_name or (f"of {release}" if self.project else None)
            return f"the built wheel {built}" if built else "a built wheel"
        return self._words_of_file(release)

    def _words_of_file(self, release: str) -> str:
        if self.file_name:
            return f"the cached file {self.file_name}"
        if self.kind is Kind.OTHER:
            return "a cached response"
        return f"the cached file of {release}" if self.project else "a cached file"

    def as_record(self) -> dict[str, object]:
        """For JSON."""
        return {**self._asdict(), "kind": self.kind.value}


def of_entry(stored: StoredResponse, body: BinaryIO) -> Subject:
    """What an entry of the HTTP cache is.

    Args:
        stored: what its metadata says.
        body: the open body, damaged or not; left anywhere.

    Raises:
        OSError: the body cannot be read.
    """
    if stored.status in PERMANENT_REDIRECTS:
        target = of_url(stored.field("location"))
        return Subject(Kind.REDIRECT, target.project, target.version)
    content = _Content(body, stored.field("content-encoding").strip().lower())
    head = content.start(_HEAD)
    known = _of_archive(content, head) or _of_core_metadata(head)
    if known is not None:
        return known
    if pages.is_page(stored.media_type) or _looks_like_page(head):
        return Subject(Kind.PAGE, _project_of_page(content, head, stored.media_type))
    file = content.file()  # its first bytes may be damaged
    return _wheel_in(file, members.directory_of(file)) or Subject(Kind.OTHER)


def of_built(path: Path) -> Subject:
    """What a file of the wheel cache is, told by its name and its neighbours."""
    if path.name == ORIGIN_NAME:
        return _of_origin(path)
    wheel = _of_file_name(path.name)
    if wheel is None or wheel.kind is not Kind.WHEEL:
        return Subject(Kind.OTHER, file_name=names.shown(path.name))
    return wheel._replace(kind=Kind.BUILT_WHEEL)


def of_url(url: str) -> Subject:
    """What is behind a URL, told by its path alone; never raises.

    Args:
        url: absolute, or relative as in a Location field.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        address = urls.redacted(url)
    except ValueError:
        return Subject(Kind.OTHER)
    known = address if parts.scheme and len(address) <= _LONGEST_URL else None
    path = urllib.parse.unquote(parts.path)
    folder, _, name = path.rstrip("/").rpartition("/")
    file = _of_file_name(name)
    if file is not None:
        is_built = parts.scheme == "file" and file.kind is Kind.WHEEL
        return file._replace(
            kind=Kind.BUILT_WHEEL if is_built else file.kind, url=known
        )
    if path.endswith("/") or folder.endswith(_SIMPLE):
        is_root = name.endswith(_SIMPLE) and not folder.endswith(_SIMPLE)
        return Subject(
            Kind.PAGE, None if is_root else names.project_of(name), url=known
        )
    return Subject(Kind.OTHER, url=known)


class _Content:
    """What a body holds, without its content coding."""

    def __init__(self, body: BinaryIO, coding: str) -> None:
        self._body = body
        self._forms = _FORMS.get(coding, ())

    def start(self, limit: int) -> bytes:
        """The first bytes, as far as they can be had."""
        for form in self._forms:
            if content := members.inflated(self._body, form, limit):
                return content
        self._body.seek(0)
        start = self._body.read(limit)
        # Some servers name a coding and do not use it.
        return b"" if self._forms and start.startswith(_GZIP_START) else start

    def file(self) -> BinaryIO:
        """As a file; of a coded body, no more than its start."""
        return io.BytesIO(self.start(_LARGEST_READ)) if self._forms else self._body


def _of_archive(content: _Content, head: bytes) -> Subject | None:
    if head.startswith(members.ZIP_START):
        return _of_zip(content.file(), head)
    if head.startswith(_OTHER_ARCHIVES):
        return Subject(Kind.SDIST)
    if members.is_tar(head):
        return _of_tar(head, is_last=True)
    if not head.startswith(_GZIP_START):
        return None
    file = content.file()
    start = members.inflated(file, members.GZIP, _FIRST_MEMBERS)
    if start and not members.is_tar(start):
        return None
    return _of_tar(start, is_last=False) or _of_tar(
        members.inflated(file, members.GZIP, _LARGEST_READ), is_last=True
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
        release = _release_in(_fields(data))
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
    wheel = _wheel_in(file, directory)
    if wheel is not None:
        return wheel
    found = list(itertools.islice(members.first_of_zip(head), _MOST_MEMBERS))
    for info in filter(None, map(_IN_DIST_INFO.match, found)):
        return Subject(Kind.WHEEL, *names.of_dist_info(_text(info[1])))
    first = found[0] if found else b""
    source = _sdist(_text(first.partition(b"/")[0]), ".zip")
    if source.project is not None:
        return source
    if not directory and _PACKAGE.match(first) is not None:
        # Cut. The folder of a package often has another name than its project.
        return Subject(Kind.WHEEL)
    return Subject(Kind.OTHER)


def _wheel_in(file: BinaryIO, directory: bytes) -> Subject | None:
    """The wheel whose WHEEL file a directory lists, by custom near its end."""
    found = members.with_ending(directory, _WHEEL_FILE)
    for member in itertools.islice(found, _MOST_MEMBERS):
        stem = member.name[: -len(_WHEEL_FILE)]
        if b"/" not in stem:
            return _wheel(_text(stem), members.read(file, member))
    return None


def _wheel(stem: str, wheel_file: bytes) -> Subject:
    """A wheel, told by its dist-info folder and, for its tags, by its WHEEL file."""
    lines = itertools.islice(_FIELD.finditer(wheel_file + b"\n"), _MOST_FIELDS)
    told = [(_text(line[1]).lower(), _text(line[2]).strip()) for line in lines]
    tags = [value for field, value in told if field == "tag"]
    file_name = names.wheel_name(stem, tags, dict(told).get("build", ""))
    return Subject(Kind.WHEEL, *names.of_dist_info(stem), file_name)


def _of_core_metadata(head: bytes) -> Subject | None:
    if b"Name:" not in head or head.lstrip().startswith((b"<", b"{")):
        return None
    fields = _fields(head)
    if "metadata-version" in fields or {"name", "version"} <= fields.keys():
        return Subject(Kind.CORE_METADATA, *_release_in(fields))
    return None


def _fields(text: bytes) -> dict[str, str]:
    """The fields of core metadata that are read here, by lower-case name."""
    end = _BLANK_LINE.search(text, 0, _HEAD)
    header = text[: end.start() + 1 if end else _HEAD]
    found: dict[str, str] = {}
    for match in itertools.islice(_FIELD.finditer(header), _MOST_FIELDS):
        found.setdefault(_text(match[1]).lower(), _text(match[2]))
    return found


def _release_in(fields: Mapping[str, str]) -> Release:
    name, version = fields.get("name", ""), fields.get("version", "")
    return Release(names.project_of(name), names.version_of(version))


def _looks_like_page(head: bytes) -> bool:
    start = head.lstrip()[:16].lower()
    return start.startswith(_HTML_STARTS) or (
        start.startswith(b"{") and b'"files"' in head
    )


def _project_of_page(content: _Content, head: bytes, media_type: str) -> str | None:
    is_json = "json" in media_type or head.lstrip().startswith(b"{")
    project_in: Callable[[bytes], str | None] = (
        _project_in_json if is_json else _project_in_html
    )
    project = project_in(head)
    if project is None and len(head) == _HEAD:
        project = project_in(content.start(_LARGEST_READ))
    return project


def _project_in_json(text: bytes) -> str | None:
    """The project of a JSON page, of which any part may be missing or damaged."""
    told = _told_in_json(text) if len(text) < _HEAD else None
    if told is not None:
        return told
    # Rather than all of a large page: pip uses no file of another project.
    named = _project_of_files(match[1] for match in _FILE_NAME_KEY.finditer(text))
    if named is not None:
        return named
    keys = {names.project_of(_text(match[1])) for match in _NAME_KEY.finditer(text)}
    return keys.pop() if len(keys) == 1 else None


def _told_in_json(text: bytes) -> str | None:
    try:
        page: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    name = page.get("name") if isinstance(page, dict) else None
    return names.project_of(name) if isinstance(name, str) else None


def _project_in_html(text: bytes) -> str | None:
    heading = _HEADING.search(text)
    told = names.project_of(html.unescape(_text(heading[1]))) if heading else None
    if told is not None:
        return told
    return _project_of_files(match[1] for match in _ANCHOR_TEXT.finditer(text))


def _project_of_files(file_names: Iterable[bytes]) -> str | None:
    """The project to which most of the files belong, if more than half of them do."""
    files = map(_of_file_name, map(_text, itertools.islice(file_names, _MOST_FILES)))
    projects = [file.project for file in files if file is not None and file.project]
    for project, count in collections.Counter(projects).most_common(1):
        return project if 2 * count > len(projects) else None
    return None


def _of_file_name(name: str) -> Subject | None:
    """The file that has a name, None for other names."""
    is_metadata = name.lower().endswith(_METADATA_SUFFIX)
    file_name = name[: -len(_METADATA_SUFFIX)] if is_metadata else name
    wheel = names.of_wheel(file_name)
    release = wheel or names.of_source(file_name)
    if release is None:
        return None
    kind = Kind.SDIST if wheel is None else Kind.WHEEL
    kind = Kind.CORE_METADATA if is_metadata else kind
    return Subject(kind, *release, names.shown(name))


def _of_origin(path: Path) -> Subject:
    """An ``origin.json``, told by the wheel beside it; its URL by itself."""
    try:
        with entries.open_regular(path) as file:
            origin: object = json.loads(file.read(_HEAD))
    except (OSError, entries.StrangeFileError, ValueError, RecursionError):
        origin = None
    url = origin.get("url") if isinstance(origin, dict) else None
    address = of_url(url).url if isinstance(url, str) else None
    return Subject(Kind.ORIGIN, *_release_beside(path), ORIGIN_NAME, address)


def _release_beside(path: Path) -> Release:
    """What the names of the wheels in the folder of a file say, if they agree."""
    try:
        wheels = list(itertools.islice(path.parent.glob("*.whl"), _MOST_FILES))
    except OSError:
        return Release()
    releases = {names.of_wheel(wheel.name) or Release() for wheel in wheels}
    return releases.pop() if len(releases) == 1 else Release()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
