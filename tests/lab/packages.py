"""Small artifacts for the local index, the same bytes on every run."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The earliest moment that a zip archive can record.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

BACKEND_NAME = "labbackend"
"""The distribution and module that builds the source archives."""


@dataclass(frozen=True)
class Artifact:
    """One file of the index, whole.

    ``metadata`` is what a PEP 658 index serves beside a wheel; None for source.
    """

    name: str
    version: str
    filename: str
    content: bytes
    metadata: bytes | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def noise(seed: str, size: int) -> bytes:
    """``size`` bytes that no compression makes smaller, the same for each seed."""
    return hashlib.shake_256(seed.encode()).digest(size)


def wheel(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    payload: Mapping[str, bytes] | None = None,
    size: int = 20_000,
) -> Artifact:
    """Build a pure wheel.

    Without ``payload`` it holds a module ``name.py`` that tells its version, and
    ``name_data.bin`` with ``size`` bytes of noise.
    """
    members = dict(payload) if payload is not None else _payload(name, version, size)
    metadata = _metadata(name, version, requires)
    folder = f"{name}-{version}.dist-info"
    members[f"{folder}/METADATA"] = metadata
    members[f"{folder}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: lab\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    members[f"{folder}/RECORD"] = _record(members, f"{folder}/RECORD")
    filename = f"{name}-{version}-py3-none-any.whl"
    return Artifact(name, version, filename, _zipped(members), metadata)


def sdist(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    build_requires: Iterable[str] = (BACKEND_NAME,),
    size: int = 20_000,
) -> Artifact:
    """Build a source archive whose build backend is ``labbackend``.

    It holds ``size`` bytes of noise that do not get into the wheel.
    """
    wanted = ", ".join(f'"{requirement}"' for requirement in build_requires)
    pyproject = (
        f'[build-system]\nrequires = [{wanted}]\nbuild-backend = "{BACKEND_NAME}"\n'
    )
    members = {
        "PKG-INFO": _metadata(name, version, requires),
        "pyproject.toml": pyproject.encode(),
        f"{name}.py": _module(version),
        f"{name}_data.bin": noise(f"{name} {version}", size),
    }
    stem = f"{name}-{version}"
    content = _tarred({f"{stem}/{path}": data for path, data in members.items()})
    return Artifact(name, version, f"{stem}.tar.gz", content)


def backend_wheel() -> Artifact:
    """Build the wheel of ``labbackend``, for isolated builds from the index alone."""
    source = Path(__file__).with_name("backend_source.py").read_bytes()
    return wheel(BACKEND_NAME, "1.0", payload={f"{BACKEND_NAME}.py": source})


def catalogue() -> tuple[Artifact, ...]:
    """Everything the default index offers, older versions first.

    A page that lost its end therefore offers an older version.
    """
    return (
        wheel("alpha", "1.0"),
        wheel("alpha", "1.1"),
        wheel("alpha", "2.0", requires=["beta"]),
        wheel("beta", "1.0"),
        wheel("beta", "1.5"),
        sdist("gamma", "1.0"),
        backend_wheel(),
    )


def _payload(name: str, version: str, size: int) -> dict[str, bytes]:
    return {
        f"{name}.py": _module(version),
        f"{name}_data.bin": noise(f"{name} {version}", size),
    }


def _module(version: str) -> bytes:
    return f'VERSION = "{version}"\n'.encode()


def _metadata(name: str, version: str, requires: Iterable[str]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join([*lines, ""]).encode()


def _record(members: Mapping[str, bytes], own_path: str) -> bytes:
    rows = [f"{path},{_digest(data)},{len(data)}" for path, data in members.items()]
    return "\n".join([*rows, f"{own_path},,", ""]).encode()


def _digest(data: bytes) -> str:
    raw = hashlib.sha256(data).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in members.items():
            info = zipfile.ZipInfo(path, _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # else the bytes differ between systems
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def _tarred(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(
            fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT
        ) as archive,
    ):
        for path, data in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
