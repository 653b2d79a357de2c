"""What the local index answers: requests in, answers out, no sockets."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Union
from urllib.parse import urlsplit

from lab.index_pages import HTML_TYPE, JSON_TYPE, file_path, html_page, json_page
from lab.index_style import IndexStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.packages import Artifact

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case, ``path`` has no host."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """One answer.

    The server adds the framing: Content-Length, or chunks when ``chunked``.
    ``cut_after`` closes the connection after that many bytes of the body.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    cut_after: int | None = None


Override = Union[bytes, "Callable[[Request], Answer]"]
"""Bytes to send with the usual headers, or a function that answers for itself."""


@dataclass(frozen=True)
class _Resource:
    """Something that can be fetched, before conditions and ranges apply."""

    body: bytes
    content_type: str
    etag: str
    max_age: int | None
    headers: tuple[tuple[str, str], ...] = ()
    ranges: bool = False


@dataclass
class Site:
    """The content of an index; may change between two requests."""

    artifacts: dict[str, Artifact]
    style: IndexStyle = field(default_factory=IndexStyle)
    overrides: dict[str, Override] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """Answer a GET or HEAD request."""
        override = self.overrides.get(urlsplit(request.path).path)
        if callable(override):
            return override(request)
        return self.usual(request, override)

    def usual(self, request: Request, override: bytes | None = None) -> Answer:
        """Answer with ``override`` or the own content, as the style says."""
        if not _authorised(request, self.style):
            challenge = ("WWW-Authenticate", 'Basic realm="lab"')
            return Answer(401, (challenge,), b"Who are you?\n")
        path = urlsplit(request.path).path
        if _needs_redirect(path, self.style):
            return _redirect(path, self.style)
        resource = self._resource(path, request, override)
        if resource is None:
            return Answer(404, (), b"No such thing here.\n")
        return _conditional(resource, request, self.style)

    def _resource(
        self, path: str, request: Request, override: bytes | None
    ) -> _Resource | None:
        match = re.fullmatch(r"/(?:simple|pages)/([^/]+)/", path)
        if match is not None:
            return self._page(match[1], request, override)
        content = self._file(path) if override is None else override
        return None if content is None else _file_resource(content, self.style)

    def _page(
        self, name: str, request: Request, override: bytes | None
    ) -> _Resource | None:
        files = [found for found in self.artifacts.values() if found.name == name]
        if not files and override is None:
            return None
        as_json = self.style.pages == "json" and JSON_TYPE in _header(request, "accept")
        render = json_page if as_json else html_page
        body = render(name, files, self.style) if override is None else override
        return _page_resource(
            body, JSON_TYPE if as_json else HTML_TYPE, request, self.style
        )

    def _file(self, path: str) -> bytes | None:
        for artifact in list(self.artifacts.values()):
            own_path = file_path(artifact, self.style)
            if path == own_path:
                return artifact.content
            if path == own_path + ".metadata" and self.style.core_metadata:
                return artifact.metadata
        return None


def _header(request: Request, name: str) -> str:
    return request.headers.get(name, "")


def _authorised(request: Request, style: IndexStyle) -> bool:
    if style.basic_auth is None:
        return True
    wanted = base64.b64encode(":".join(style.basic_auth).encode()).decode()
    return _header(request, "authorization") == f"Basic {wanted}"


def _needs_redirect(path: str, style: IndexStyle) -> bool:
    return style.redirect_pages is not None and path.startswith("/simple/")


def _redirect(path: str, style: IndexStyle) -> Answer:
    target = path.replace("/simple/", "/pages/", 1)
    headers = [("Location", target), ("Content-Type", "text/plain")]
    headers += _freshness(style.max_age, style)
    # A body: pip stores such an entry with a Content-Length that its body lacks.
    return Answer(style.redirect_pages or 302, tuple(headers), b"Moved.\n")


def _page_resource(
    body: bytes, content_type: str, request: Request, style: IndexStyle
) -> _Resource:
    headers: tuple[tuple[str, str], ...] = ()
    encoding = style.content_encoding
    if encoding is not None and encoding in _header(request, "accept-encoding"):
        compress = zlib.compress if encoding == "deflate" else _gzip
        body, headers = compress(body), (("Content-Encoding", encoding),)
    etag = hashlib.sha256(body).hexdigest()[:32]
    return _Resource(body, content_type, etag, style.max_age, headers)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _file_resource(body: bytes, style: IndexStyle) -> _Resource:
    headers: tuple[tuple[str, str], ...] = (("Accept-Ranges", "bytes"),)
    digest = hashlib.sha256(body)
    if style.digest_fields:
        value = base64.b64encode(digest.digest()).decode()
        headers += (("Repr-Digest", f"sha-256=:{value}:"),)
    etag = digest.hexdigest()[:32]
    if style.md5_etag:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return _Resource(
        body, "application/octet-stream", etag, style.file_max_age, headers, ranges=True
    )


def _freshness(max_age: int | None, style: IndexStyle) -> list[tuple[str, str]]:
    headers = []
    if style.date:
        headers.append(("Date", formatdate(usegmt=True)))
    if max_age is not None:
        headers.append(("Cache-Control", f"max-age={max_age}, public"))
    return headers


def _conditional(resource: _Resource, request: Request, style: IndexStyle) -> Answer:
    headers = _freshness(resource.max_age, style)
    etag = f'"{resource.etag}"'
    if style.etag:
        headers.append(("ETag", etag))
    if style.vary is not None:
        headers.append(("Vary", style.vary))
    if style.etag and _header(request, "if-none-match") == etag:
        return Answer(304, tuple(headers))
    headers += [("Content-Type", resource.content_type), *resource.headers]
    wanted = _wanted_range(resource, request, etag)
    if wanted is not None:
        return _partial(resource.body, wanted, headers, style)
    return Answer(200, tuple(headers), resource.body, style.chunked)


def _wanted_range(
    resource: _Resource, request: Request, etag: str
) -> tuple[int, int] | None:
    match = _RANGE.match(_header(request, "range"))
    if match is None or not resource.ranges:
        return None
    if _header(request, "if-range") not in {"", etag}:
        return None
    last = len(resource.body) - 1
    return int(match[1]), min(int(match[2] or last), last)


def _partial(
    body: bytes,
    wanted: tuple[int, int],
    headers: list[tuple[str, str]],
    style: IndexStyle,
) -> Answer:
    first, last = wanted
    if first > last:
        return Answer(416, (("Content-Range", f"bytes */{len(body)}"),))
    content_range = ("Content-Range", f"bytes {first}-{last}/{len(body)}")
    part = body[first : last + 1]
    return Answer(206, (*headers, content_range), part, style.chunked)
