"""The software bill of materials of a copy: CycloneDX 1.6, in JSON (ECMA-424).

It names each distribution in the copy, with the SHA-256 of each of its files. It holds
no time and no serial number: the same files give the same bytes.
"""

from __future__ import annotations

import json
from email.parser import BytesParser
from typing import TYPE_CHECKING, NamedTuple

import pipmend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NAME = "sbom.json"
"""The file within the copy."""

_LICENSE = {"expression": "MIT"}
"""pipmend's own; its metadata is not in the copy."""


class _Distribution(NamedTuple):
    name: str
    version: str
    license: Mapping[str, object]
    """An SPDX expression where there is one, else the words that the project uses."""

    @property
    def reference(self) -> str:
        """Its package URL (purl)."""
        return f"pkg:pypi/{self.name}@{self.version}"


def document(folder: Path, listing: Mapping[str, str]) -> bytes:
    """Describe a copy.

    Args:
        folder: where it is.
        listing: SHA-256 in hex of each file, by its name in the folder.

    Raises:
        OSError: the metadata of a dependency cannot be read.
    """
    own = _Distribution("pipmend", pipmend.__version__, _LICENSE)
    dependencies = [
        _distribution(folder / name)
        for name in sorted(listing)
        if name.endswith(".dist-info/METADATA")
    ]
    names = tuple(one.name for one in dependencies)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": _component(
                own, (name for name in listing if not _is_of(names, name)), listing
            )
        },
        "components": [
            _component(
                one, (name for name in listing if _is_of((one.name,), name)), listing
            )
            for one in dependencies
        ],
        "dependencies": [
            {
                "ref": own.reference,
                "dependsOn": [one.reference for one in dependencies],
            },
            *({"ref": one.reference, "dependsOn": []} for one in dependencies),
        ],
    }
    return (json.dumps(bill, indent=1) + "\n").encode()


def _is_of(distributions: tuple[str, ...], name: str) -> bool:
    """Whether a file belongs to one of some distributions."""
    starts = (f"{one}{end}" for one in distributions for end in "/-")
    return name.startswith(tuple(starts))


def _distribution(metadata: Path) -> _Distribution:
    with metadata.open("rb") as file:
        fields = BytesParser().parse(file, headersonly=True)
    expression = fields["License-Expression"]
    terms: Mapping[str, object] = {"expression": expression}
    if not expression:
        terms = {"license": {"name": fields["License"] or "not declared"}}
    return _Distribution(fields["Name"].lower(), fields["Version"], terms)


def _component(
    one: _Distribution, names: Iterable[str], listing: Mapping[str, str]
) -> dict[str, object]:
    return {
        "type": "library",
        "bom-ref": one.reference,
        "name": one.name,
        "version": one.version,
        "purl": one.reference,
        "licenses": [one.license],
        "components": [
            {
                "type": "file",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": listing[name]}],
            }
            for name in sorted(names)
        ],
    }
