"""Which project an index page is about (PEP 503, PEP 691)."""

from __future__ import annotations

import collections
import html
import itertools
import json
import re
from typing import TYPE_CHECKING

from pipmend import names
from pipmend.subjects.content import HEAD, LARGEST_READ, as_text
from pipmend.subjects.file_names import of_file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipmend.subjects.content import Content

_MOST_FILES = 50

_HTML_STARTS = (b"<!doctype html", b"<html")
_NAME_KEY = re.compile(rb'"name"\s*:\s*"([^"\\]{1,120})"')
_FILE_NAME_KEY = re.compile(rb'"filename"\s*:\s*"([^"\\]{1,250})"')
_HEADING = re.compile(
    rb"<(?:title|h1)\b[^<>]{0,200}>\s*links\s+for\s+([^<>\s][^<>]{0,199})<",
    re.IGNORECASE,
)
_ANCHOR_TEXT = re.compile(rb">\s*([^<>\s]{1,250})\s*</a", re.IGNORECASE)


def looks_like_page(head: bytes) -> bool:
    """Whether a body starts as a page does, whatever it is said to be."""
    start = head.lstrip()[:16].lower()
    return start.startswith(_HTML_STARTS) or (
        start.startswith(b"{") and b'"files"' in head
    )


def project_of(content: Content, head: bytes, media_type: str) -> str | None:
    """The project of a page, which may be damaged; None if nothing tells.

    Args:
        content: of the page.
        head: how it starts, as far as it was read.
        media_type: what it is said to be.
    """
    is_json = "json" in media_type or head.lstrip().startswith(b"{")
    project_in: Callable[[bytes], str | None] = (
        _project_in_json if is_json else _project_in_html
    )
    project = project_in(head)
    if project is None and len(head) == HEAD:
        project = project_in(content.start(LARGEST_READ))
    return project


def _project_in_json(text: bytes) -> str | None:
    """The project of a JSON page, of which any part may be missing or damaged."""
    told = _told_in_json(text) if len(text) < HEAD else None
    if told is not None:
        return told
    # Rather than all of a large page: pip uses no file of another project.
    named = _project_of_files(match[1] for match in _FILE_NAME_KEY.finditer(text))
    if named is not None:
        return named
    keys = {names.project_of(as_text(match[1])) for match in _NAME_KEY.finditer(text)}
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
    told = names.project_of(html.unescape(as_text(heading[1]))) if heading else None
    if told is not None:
        return told
    return _project_of_files(match[1] for match in _ANCHOR_TEXT.finditer(text))


def _project_of_files(file_names: Iterable[bytes]) -> str | None:
    """The project to which most of the files belong, if more than half of them do."""
    files = map(of_file_name, map(as_text, itertools.islice(file_names, _MOST_FILES)))
    projects = [file.project for file in files if file is not None and file.project]
    for project, count in collections.Counter(projects).most_common(1):
        return project if 2 * count > len(projects) else None
    return None
