"""Ordinary web content, as odd as it comes, and a server for it over plain HTTP."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import threading
import zipfile
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

Fields = tuple[tuple[str, str], ...]

TEXT = b"<p>some words, and some more of them</p>\n" * 20
_HTML: Fields = (("Content-Type", "text/html"),)
_JSON: Fields = (("Content-Type", "application/json"),)
_ZIP: Fields = (("Content-Type", "application/zip"),)
_BYTES: Fields = (("Content-Type", "application/octet-stream"),)
_IDENTITY = {"Accept-Encoding": "identity"}
_BROWSER = {"Accept": "text/html, application/json;q=0.9, */*;q=0.8"}
_NO_DIGEST = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Page:
    """One resource, and how it is asked for.

    Attributes:
        fields: Header fields beside ETag, Date and Cache-Control.
        framing: How the end of the body is told.
        etag: Empty sends none.
        path: Where it is, with query and fragment; its name if empty.
        asked: Header fields of the request.
    """

    body: bytes = b""
    fields: Fields = ()
    status: int = 200
    framing: Literal["length", "chunks", "close", "none"] = "length"
    etag: str = '"v1"'
    date: bool = True
    path: str = ""
    method: str = "GET"
    asked: Mapping[str, str] = field(default_factory=dict)


def _coded(name: str) -> Fields:
    return (*_HTML, ("Content-Encoding", name))


def _raw_deflate(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


def _zip(flags: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file; its flags and method as a writer that knows more would have them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("words.txt", TEXT)
    content = bytearray(file.getvalue())
    central = content.index(b"PK\x01\x02")
    for at in (6, central + 8):
        content[at] |= flags
    for at in (8, central + 10):
        content[at] = method
    return bytes(content)


def _field_of(content: bytes) -> str:
    value = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return f"sha-256=:{value}:"


MARKUP = {
    "fragment": Page(b"<li>one<li><a href=x>two", _HTML),
    "open-comment": Page(b"<p>x</p><!-- never closed", _HTML),
    "open-tag": Page(b"<p>x</p> a < b", _HTML),
    "open-link": Page(b"<a>one</a> <a>two", _HTML),
    "no-end": Page(b"<!DOCTYPE html><html><body><p>hello", _HTML),
    "doctype-alone": Page(b"<!DOCTYPE html>", _HTML),
    "blank": Page(b"\n \n", _HTML),
    "latin-1": Page("<p>café</p>".encode("latin-1"), _HTML),
    "utf-16": Page("<p>x</p>".encode("utf-16"), _HTML),
    "unknown-charset": Page(b"<p>", (("Content-Type", "text/html; charset=klingon"),)),
    "nul-in-it": Page(b"<p>a\0b</p>", _HTML),
}

OTHER_TYPES = {
    "json": Page(b'{"a": 1}', _JSON),
    "json-lines": Page(b'{"a": 1}\n{"a": 2}\n', _JSON),
    "json-to-a-browser": Page(b"{}", _JSON, asked=_BROWSER),
    "image-to-a-browser": Page(
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        (("Content-Type", "image/png"),),
        asked=_BROWSER,
    ),
    "no-type": Page(b"words"),
    "nul-bytes": Page(bytes(1000), _BYTES),
    "zip": Page(_zip(), _ZIP),
    "zip-encrypted": Page(_zip(flags=1), _ZIP),
    "zip-of-another-method": Page(_zip(method=9), _ZIP),
    "zip-cut-by-the-server": Page(_zip()[:60], _ZIP),
    "gzip-file": Page(gzip.compress(TEXT), _BYTES),
    "gzip-file-and-more": Page(gzip.compress(TEXT) + b"more", _BYTES),
    "gzip-file-cut-by-the-server": Page(gzip.compress(TEXT)[:-4], _BYTES),
}

NAMES = {
    "named-as-a-wheel": Page(TEXT, _HTML, path="/x/a-1.0-py3-none-any.whl"),
    "asked-as-a-wheel": Page(TEXT, _HTML, path="/x/b.whl", asked=_IDENTITY),
    "asked-as-a-zip": Page(TEXT, _HTML, path="/x/b.zip", asked=_IDENTITY),
    "asked-as-an-sdist": Page(TEXT, _HTML, path="/x/b.tar.gz", asked=_IDENTITY),
    "asked-as-metadata": Page(TEXT, _HTML, path="/x/b.metadata", asked=_IDENTITY),
    "digest-in-the-path": Page(
        TEXT, path=f"/packages/ab/cd/{_NO_DIGEST[:60]}/b.txt", asked=_IDENTITY
    ),
    "wheel-of-another-digest": Page(
        _zip(), path=f"/packages/ab/ce/{_NO_DIGEST[:60]}/b.whl", asked=_IDENTITY
    ),
    "digest-in-the-fragment": Page(TEXT, path=f"/x/f#sha256={_NO_DIGEST}"),
    "query": Page(TEXT, path="/x/q?a=1&b=%20"),
}

STATUSES = {
    "203": Page(TEXT, _HTML, 203),
    "204": Page(status=204, framing="none"),
    "205": Page(status=205),
    "300": Page(TEXT, (*_HTML, ("Location", "/json")), 300),
    "301": Page(TEXT, (*_HTML, ("Location", "/json")), 301),
    "301-without-etag": Page(TEXT, (("Location", "/json"),), 301, etag=""),
    "308": Page(fields=(("Location", "/json"),), status=308),
    "308-in-chunks": Page(TEXT, (("Location", "/json"),), 308, framing="chunks"),
    "404": Page(b"<h1>not here", _HTML, 404),
    "404-without-content": Page(b"", _HTML, 404),
}

FRAMINGS = {
    "empty": Page(b"", _HTML),
    "chunks": Page(TEXT, _HTML, framing="chunks"),
    "until-the-end": Page(TEXT, _HTML, framing="close"),
    "large": Page(TEXT * 5000, _BYTES),
    "head": Page(TEXT, _HTML, method="HEAD"),
    "head-of-chunks": Page(TEXT, _HTML, method="HEAD", framing="chunks"),
    "range": Page(TEXT, _HTML, asked={"Range": "bytes=0-3"}),
}

CODINGS = {
    "gzip": Page(gzip.compress(TEXT), _coded("gzip")),
    "gzip-in-chunks": Page(gzip.compress(TEXT), _coded("gzip"), framing="chunks"),
    "gzip-of-nothing": Page(b"", _coded("gzip")),
    "gzip-twice": Page(gzip.compress(gzip.compress(TEXT)), _coded("gzip, gzip")),
    "deflate": Page(zlib.compress(TEXT), _coded("deflate")),
    "deflate-raw": Page(_raw_deflate(TEXT), _coded("deflate")),
    "brotli": Page(b"\x0b\x02\x80hello\x03", _coded("br")),
    "zstd": Page(b"\x28\xb5\x2f\xfd\x04\x00\x29\x00\x00hello", _coded("zstd")),
    "unknown-coding": Page(TEXT, _coded("x-own")),
    "identity": Page(TEXT, _coded("identity")),
}

FIELDS = {
    "content-md5": Page(TEXT, (*_HTML, ("Content-MD5", "A" * 22 + "=="))),
    "digest-of-old": Page(TEXT, (*_HTML, ("Digest", "SHA-256=AAAA"))),
    "content-digest": Page(TEXT, (*_HTML, ("Content-Digest", _field_of(TEXT)))),
    "repr-digest": Page(TEXT, (*_HTML, ("Repr-Digest", _field_of(TEXT)))),
    "etag-like-an-md5": Page(TEXT, _HTML, etag=f'"{_NO_DIGEST[:32]}"'),
    "etag-weak": Page(TEXT, _HTML, etag='W/"v1"'),
    "etag-without-quotes": Page(TEXT, _HTML, etag="v1"),
    "vary-by-all": Page(TEXT, (*_HTML, ("Vary", "*"))),
    "vary-by-absent-fields": Page(TEXT, (*_HTML, ("Vary", "Accept-Language, Cookie"))),
    "vary-by-nothing": Page(TEXT, (*_HTML, ("Vary", "Accept-Encoding,,"))),
    "no-date": Page(TEXT, _HTML, date=False),
    "expires": Page(TEXT, (("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"),), etag=""),
    "expires-never": Page(TEXT, (*_HTML, ("Expires", "0"))),
    "not-ascii": Page(TEXT, (*_HTML, ("X-Name", "caf\xe9"))),
    "two-of-a-name": Page(TEXT, (*_HTML, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))),
}

PAGES: dict[str, Page] = {
    **MARKUP,
    **OTHER_TYPES,
    **NAMES,
    **STATUSES,
    **FRAMINGS,
    **CODINGS,
    **FIELDS,
}
"""Everything by name. All of it is as its server means it to be."""


class OddWeb:
    """A server of pages, while its ``with`` block runs."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._server = _Server(pages)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def max_age(self) -> int:
        """For how many seconds all is fresh; may be changed at any time."""
        return self._server.max_age

    @max_age.setter
    def max_age(self, seconds: int) -> None:
        self._server.max_age = seconds

    @property
    def served(self) -> list[str]:
        """``METHOD path status`` of each answer since it was asked last, sorted."""
        served = sorted(self._server.served)
        self._server.served.clear()
        return served

    def url(self, name: str) -> str:
        """Where a page is."""
        path = _path_of(name, self._server.pages[name])
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"


def _path_of(name: str, page: Page) -> str:
    return page.path or f"/{name}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pages: Mapping[str, Page]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.by_path = {
            _path_of(name, page).partition("#")[0]: page for name, page in pages.items()
        }
        self.max_age = 3600
        self.served: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        page = self.server.by_path[self.path]
        if page.etag and self.headers.get("If-None-Match") == page.etag:
            self._send_head(304, self._validity(page))
        elif page.asked.get("Range"):
            part = ("Content-Range", f"bytes 0-3/{len(page.body)}")
            self._send_head(206, (*self._validity(page), part, ("Content-Length", "4")))
            self.wfile.write(page.body[:4])
        else:
            fields = (*self._validity(page), *page.fields, *self._framing(page))
            self._send_head(page.status, fields)
            self._send_body(page)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _validity(self, page: Page) -> Fields:
        fields: Fields = (("ETag", page.etag),) if page.etag else ()
        if page.date:
            fields += (("Date", formatdate(usegmt=True)),)
        if "Expires" in dict(page.fields):
            return fields
        return (*fields, ("Cache-Control", f"max-age={self.server.max_age}"))

    def _framing(self, page: Page) -> Fields:
        if page.framing == "length":
            return (("Content-Length", str(len(page.body))),)
        if page.framing == "chunks":
            return (("Transfer-Encoding", "chunked"),)
        self.close_connection = page.framing == "close"
        return (("Connection", "close"),) if page.framing == "close" else ()

    def _send_head(self, status: int, fields: Fields) -> None:
        self.server.served.append(f"{self.command} {self.path} {status}")
        self.send_response_only(status)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, page: Page) -> None:
        if self.command == "HEAD":
            return
        if page.framing != "chunks":
            self.wfile.write(page.body)
            return
        for start in range(0, len(page.body), 100):
            chunk = page.body[start : start + 100]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
