"""How the local index behaves: one value for all that differs between indexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gzip", "deflate"]
"""A content coding of pages."""


@dataclass(frozen=True)
class IndexStyle:
    """What the index sends, and how.

    Attributes:
        pages: Page format; "json" only for clients whose Accept header has it.
        content_encoding: Coding of pages, for clients that accept it.
        chunked: Send no Content-Length, neither with pages nor with files.
        etag: Send an ETag, and answer If-None-Match.
        max_age: Freshness of pages in seconds; None sends no Cache-Control.
        file_max_age: Freshness of files in seconds; None sends no Cache-Control.
        date: Send the Date header.
        vary: Value of the Vary header of pages and files.
        link_hashes: Links carry the SHA-256 of their file.
        core_metadata: Serve ``FILE.metadata`` for wheels, as PEP 658 and 714 say.
        metadata_hashes: The links carry the SHA-256 of that metadata too.
        digest_fields: Send Repr-Digest (RFC 9530) with files.
        md5_etag: The ETag of a file is its MD5.
        blake2_paths: File URLs hold the BLAKE2b-256 of the file.
        redirect_pages: Status (301, 302, 307, 308) of a redirect before each page.
        basic_auth: User and password without which everything is a 401.
    """

    pages: Literal["json", "html"] = "json"
    content_encoding: Encoding | None = None
    chunked: bool = False
    etag: bool = True
    max_age: int | None = 600
    file_max_age: int | None = 365 * 24 * 3600
    date: bool = True
    vary: str | None = None
    link_hashes: bool = True
    core_metadata: bool = False
    metadata_hashes: bool = True
    digest_fields: bool = False
    md5_etag: bool = False
    blake2_paths: bool = False
    redirect_pages: int | None = None
    basic_auth: tuple[str, str] | None = None
