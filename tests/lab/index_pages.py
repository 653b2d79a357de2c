"""Project pages and file paths of the local index."""

from __future__ import annotations

import hashlib
import html
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.index_style import IndexStyle
    from lab.packages import Artifact

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
"""Content type of a JSON page (PEP 691)."""

HTML_TYPE = "text/html"
"""Content type of an HTML page (PEP 503)."""


def file_path(artifact: Artifact, style: IndexStyle) -> str:
    """The path of a file's URL, with its leading slash."""
    if not style.blake2_paths:
        return f"/packages/{artifact.filename}"
    digest = hashlib.blake2b(artifact.content, digest_size=32).hexdigest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{artifact.filename}"


def json_page(name: str, artifacts: Iterable[Artifact], style: IndexStyle) -> bytes:
    """The page of one project in JSON, files in the order given."""
    files = list(artifacts)
    document = {
        "meta": {"api-version": "1.1"},
        "name": name,
        "versions": list(dict.fromkeys(artifact.version for artifact in files)),
        "files": [_json_file(artifact, style) for artifact in files],
    }
    return json.dumps(document).encode()


def html_page(name: str, artifacts: Iterable[Artifact], style: IndexStyle) -> bytes:
    """The page of one project in HTML, one line for each file."""
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "  <head>",
        '    <meta name="pypi:repository-version" content="1.1">',
        f"    <title>Links for {html.escape(name)}</title>",
        "  </head>",
        "  <body>",
        f"    <h1>Links for {html.escape(name)}</h1>",
        *(_anchor(artifact, style) for artifact in artifacts),
        "</body></html>",
    ]
    return "\n".join(lines).encode()


def _json_file(artifact: Artifact, style: IndexStyle) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": artifact.filename,
        "url": file_path(artifact, style),
        "hashes": {"sha256": artifact.sha256} if style.link_hashes else {},
        "size": len(artifact.content),
        "yanked": False,
    }
    if style.core_metadata and artifact.metadata is not None:
        digest = hashlib.sha256(artifact.metadata).hexdigest()
        value = {"sha256": digest} if style.metadata_hashes else True
        # Both spellings: PEP 714 renamed the key because of a bug in old pips.
        entry |= {"core-metadata": value, "dist-info-metadata": value}
    return entry


def _anchor(artifact: Artifact, style: IndexStyle) -> str:
    url = file_path(artifact, style)
    if style.link_hashes:
        url += f"#sha256={artifact.sha256}"
    attributes = f'href="{html.escape(url)}"'
    if style.core_metadata and artifact.metadata is not None:
        digest = hashlib.sha256(artifact.metadata).hexdigest()
        value = f"sha256={digest}" if style.metadata_hashes else "true"
        attributes += f' data-dist-info-metadata="{value}" data-core-metadata="{value}"'
    return f"    <a {attributes}>{html.escape(artifact.filename)}</a><br>"
