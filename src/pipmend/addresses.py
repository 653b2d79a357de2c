"""The URLs of entries: candidates are hashed until they match a name on disk.

An entry's name is the SHA-224 of its cache key, so a URL cannot be read from it. But
the pages in the cache list the URLs of files, and the configuration of pip names the
indexes: what hashes to the name is the URL.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
import urllib.parse
from typing import TYPE_CHECKING

from pipmend import names, urls
from pipmend._compat import layouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LARGEST_PAGE = 32 * 1024 * 1024
_LONGEST_URL = 2000

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_SCHEMES = frozenset({"https", "http"})
_METADATA_SUFFIX = ".metadata"

# Of a path and of a query, what requests does not quote; of the path of a link, what
# pip does not.
_KEPT_IN_PATH = "!$&'()*+,;=:@/%~"
_KEPT_IN_QUERY = _KEPT_IN_PATH + "?"
_KEPT_IN_LINK = re.compile(r"(@|%2F)", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")

# Nothing in such a URL can be written in another way.
_PLAIN_URL = re.compile(
    r"https?://[a-z0-9-][a-z0-9.-]*(:[0-9]+)?"
    r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?"
)

_URL_KEY = re.compile(rb'"url"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_LINK = re.compile(
    rb"<(a|base)\s[^<>]*?href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))",
    re.IGNORECASE,
)


class Addresses:
    """Finds the URLs of entries; keeps nothing of what nobody has asked for."""

    def __init__(self, wanted: Iterable[str]) -> None:
        """Ask for URLs.

        Args:
            wanted: names on disk of the entries.
        """
        self._wanted = set(wanted)
        self.found: dict[str, str] = {}
        """URL by name on disk; without credentials, query and fragment."""

    def offer(self, url: str) -> None:
        """Take an absolute URL that pip may have asked for, in any spelling."""
        key = _cache_key(url) if self._wanted else None
        if key is None:
            return
        name = layouts.name_of(key)
        if name in self._wanted:
            self._wanted.remove(name)
            self.found[name] = urls.redacted(key)

    def offer_project(self, project: str, index_urls: Iterable[str]) -> None:
        """Take the page of a project on each of some indexes.

        Args:
            project: its name.
            index_urls: as in pip's configuration.
        """
        name = names.project_of(project)
        if name is None:
            return
        for url in index_urls:
            self.offer(posixpath.join(url, name) + "/")

    def offer_page(self, content: bytes, content_type: str, base: str | None) -> None:
        """Take the files of an index page, and the metadata beside them (PEP 658).

        Args:
            content: the page, without its content coding; it may be damaged.
            content_type: its Content-Type.
            base: its URL, None if that is not known; relative links then mean nothing.
        """
        is_json = "json" in content_type.lower() or content[:64].lstrip()[:1] == b"{"
        for url in _in_json(content, base) if is_json else _in_html(content, base):
            if not self._wanted:
                return
            for spelling in {url, _quoted(url)}:
                self.offer(spelling)
                self.offer(spelling + _METADATA_SUFFIX)


def _in_json(page: bytes, base: str | None) -> Iterator[str]:
    """The URLs of a JSON page (PEP 691), absolute; by pattern, as it may be cut."""
    for match in _URL_KEY.finditer(page, 0, _LARGEST_PAGE):
        try:
            link: str = json.loads(match[1])
        except ValueError:
            continue
        if url := _absolute(base, link):
            yield url


def _in_html(page: bytes, base: str | None) -> Iterator[str]:
    """The URLs of an HTML page (PEP 503), absolute."""
    for match in _LINK.finditer(page, 0, _LARGEST_PAGE):
        value = next(filter(None, match.groups()[1:]), b"")
        link = html.unescape(value.decode("utf-8", "replace"))
        url = _absolute(base, link)
        if match[1].lower() == b"base":
            base = url or base
        elif url:
            yield url


def _absolute(base: str | None, link: str) -> str | None:
    """A link as an absolute URL without its fragment; None if that is not known."""
    link = link.partition("#")[0].strip()
    if len(link) > _LONGEST_URL:
        return None
    if _ABSOLUTE.match(link):
        return link
    try:
        url = urllib.parse.urljoin(base or "", link)
    except ValueError:
        return None
    return url if _ABSOLUTE.match(url) else None


def _quoted(url: str) -> str:
    """A link as pip writes it before it asks for it: only its path, most of it."""
    if _PLAIN_URL.fullmatch(url):
        return url
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url
    pieces = _KEPT_IN_LINK.split(parts.path)
    path = "".join(
        piece.upper()
        if _KEPT_IN_LINK.fullmatch(piece)
        else urllib.parse.quote(urllib.parse.unquote(piece), errors="replace")
        for piece in pieces
    )
    return urllib.parse.urlunsplit(parts._replace(path=path))


def _cache_key(url: str) -> str | None:
    """The cache key of a URL; None for what pip keeps no entry of.

    What pip's authentication, requests and CacheControl do to a URL: no user name and
    password, no fragment, scheme and host in lower case, a path without dots, and one
    way of quoting.
    """
    if _PLAIN_URL.fullmatch(url):
        return url
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2].lower()
    if parts.scheme not in _SCHEMES or not host or not host.isascii():
        return None
    path = parts.path or "/"
    if "/." in path and not path.startswith("//"):
        path = urllib.parse.urljoin("https://index.example/", path)
        path = urllib.parse.urlsplit(path).path
    query = f"?{_requoted(parts.query, _KEPT_IN_QUERY)}" if parts.query else ""
    return f"{parts.scheme}://{host}{_requoted(path, _KEPT_IN_PATH)}{query}"


def _requoted(text: str, kept: str) -> str:
    text = _ESCAPE.sub(_plain_or_escape, text)
    return urllib.parse.quote(text, safe=kept, errors="replace")


def _plain_or_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if _UNRESERVED.fullmatch(char) else match[0].upper()
