"""The build backend of the laboratory's source archives.

This file is shipped as the single module of the ``labbackend`` wheel, so it runs
inside pip's isolated builds: Python 3.9, standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from email.parser import HeaderParser
from pathlib import Path


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,  # noqa: ARG001
    metadata_directory: str | None = None,  # noqa: ARG001
) -> str:
    """Build a wheel of every module beside ``PKG-INFO``; return its file name."""
    info = Path("PKG-INFO").read_text(encoding="utf-8")
    headers = HeaderParser().parsestr(info)
    stem = f"{headers['Name']}-{headers['Version']}"
    members = {path.name: path.read_bytes() for path in sorted(Path().glob("*.py"))}
    members[f"{stem}.dist-info/METADATA"] = info.encode()
    members[f"{stem}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: labbackend\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = f"{stem}.dist-info/RECORD"
    rows = [f"{name},{_digest(data)},{len(data)}" for name, data in members.items()]
    members[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    wheel_name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, wheel_name), "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return wheel_name


def _digest(data: bytes) -> str:
    raw = hashlib.sha256(data).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
