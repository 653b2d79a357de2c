"""Entries of pip's HTTP cache made without a pip: any number of any kind, fast."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import cache_files
from pipmend import seals
from pipmend.digests import BodyDigest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.cache_files import HttpEntry, Layout

HOST = "https://index.example"

PAGE_TYPE = "application/vnd.pypi.simple.v1+json"
FILE_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class MadeCache:
    """A cache folder that is filled by hand; entries look an hour old."""

    root: Path
    layout: Layout = "http-v2"
    sealed: bool = True

    def add(
        self,
        path: str,
        body: bytes,
        *,
        media_type: str = FILE_TYPE,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> HttpEntry:
        """Store a response under the URL of a path, such as ``/simple/idna/``."""
        entry = cache_files.entry_path(self.root, self.layout, HOST + path)
        entry.metadata.parent.mkdir(parents=True, exist_ok=True)
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        fields = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "ETag": etag,
            "Date": "Fri, 20 Nov 2026 12:00:00 GMT",
            "Cache-Control": "max-age=600",
            **(headers or {}),
        }
        response = {
            "body": b"" if entry.body else body,
            "headers": fields,
            "status": status,
            "version": 11,
            "reason": "OK",
            "decode_content": False,
        }
        metadata = cache_files.pack({"response": response, "vary": {}})
        if self.sealed:
            measured = BodyDigest.of(body)
            metadata = seals.sealed(metadata, entry.metadata.name, measured)
        entry.metadata.write_bytes(metadata)
        if entry.body is not None:
            entry.body.write_bytes(body)
        hour_ago = time.time() - 3600
        for file in entry.files:
            os.utime(file, (hour_ago, hour_ago))
        return entry
