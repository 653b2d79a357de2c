"""Index pages (PEP 503, PEP 691): is one whole, as far as its own text can tell?

A cut JSON page ends pip with a traceback on every run; a cut HTML page makes it
choose an older version without a word (pypa/pip#14014).
"""

from __future__ import annotations

import codecs
import json
import re

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_HTML_TYPES = frozenset({"text/html", "application/vnd.pypi.simple.v1+html"})

# Files are at times served as text/html: zip, gzip, bzip2, xz, core metadata.
_FILE_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"Metadata-Version:")

_MOST_SIGNS = 2_000_000
"""Commas and brackets of a JSON page; each may stand for a hundred bytes in memory.

More than any page that an index sends has; such a one is left to pip.
"""

_SLOW_CHARSETS = ("punycode", "idna")
"""Codecs of Python whose time grows with the square of the text."""

# Patterns are compiled when they are first used: most indexes answer in JSON.
_PROLOGUE = r"(?i)\s*(<\?xml[^>]*>\s*)?(<!doctype[^>]*>\s*)?"
_START_OF_DOCUMENT = r"(?i)<(html|body)[\s>]"
_END_OF_DOCUMENT = r"(?i)</(html|body)\s*>"
_ANCHOR = r"(?i)<(/?)a[\s>]"
_CHARSET = r"(?i)charset\s*=\s*[\"']?([^\s\"';]+)"


def is_page(media_type: str, *, is_empty: bool = False) -> bool:
    """Whether pip reads a response of this media type as an index page.

    An HTML page that was sent empty stands for itself; JSON cannot be empty.
    """
    return media_type == JSON_TYPE or (media_type in _HTML_TYPES and not is_empty)


def flaw_of(content: bytes, content_type: str) -> str | None:
    """Say in a few words why a page is not whole, or None if it looks whole.

    Args:
        content: the page without its content coding.
        content_type: the whole Content-Type field.
    """
    if content_type.lower().startswith(JSON_TYPE):
        return _flaw_of_json(content)
    if content.startswith(_FILE_STARTS):
        return None
    return _flaw_of_html(content, content_type)


def is_crowded(content: bytes) -> bool:
    """Whether a JSON page has so much in it that parsing it might take all memory."""
    signs = (b",", b"[", b"{")
    return len(content) > _MOST_SIGNS < sum(map(content.count, signs))


def _flaw_of_json(content: bytes) -> str | None:
    if is_crowded(content):
        return None
    try:
        page: object = json.loads(content)
    except (ValueError, RecursionError):
        return "no whole JSON document" if content.strip() else "an empty JSON page"
    files = page.get("files", []) if isinstance(page, dict) else None
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        return "JSON, but no index page"
    return None


def _flaw_of_html(content: bytes, content_type: str) -> str | None:
    charset = re.search(_CHARSET, content_type)
    try:
        codec = codecs.lookup(charset[1] if charset else "utf-8").name
        if codec in _SLOW_CHARSETS:
            return "not the text it says it is"
        text = content.decode(codec)
    except (ValueError, LookupError):  # ValueError: NUL in the name of the charset
        return "not the text it says it is"
    if not text.strip():
        return "an empty page"
    if "\0" in text:
        return "NUL bytes in a page"
    return _flaw_of_markup(text)


def _flaw_of_markup(text: str) -> str | None:
    if re.fullmatch(_PROLOGUE, text):
        return "ends before the start of the document"
    if text.rfind("<!--") > text.rfind("-->"):
        return "ends inside a comment"
    if text.rfind("<") > text.rfind(">"):
        return "ends inside a tag"
    anchors = [match[1] for match in re.finditer(_ANCHOR, text)]
    # A page that closes none of its anchors is careless, not cut.
    if anchors and not anchors[-1] and "/" in anchors:
        return "ends inside a link"
    # HTML lets authors omit the end tags; no index that is known here does.
    if re.search(_START_OF_DOCUMENT, text) and not re.search(_END_OF_DOCUMENT, text):
        return "ends before the end of the document"
    return None
