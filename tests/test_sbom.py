"""The bill of materials of a copy: valid, whole, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import pipmend
from lab.machines import wheels
from pipmend.everywhere import dependencies, files, library, sbom
from pipmend.everywhere.library import Library, Source

if TYPE_CHECKING:
    from lab.laboratory import Laboratory


def copy(lab: Laboratory, folder: Path) -> Path:
    """A copy made in a folder, for the same place each time, without byte code."""
    return library.build(
        Library(Path("/nonexistent/lib")),
        Source.running(),
        folder,
        lambda: library.Wheels(dependencies.take(wheels(lab.store))),
    )


@pytest.fixture(scope="module")
def made(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that tests leave as it is."""
    return copy(lab, tmp_path_factory.mktemp("sbom"))


def bill(folder: Path) -> dict[str, Any]:
    """Its bill of materials."""
    document: dict[str, Any] = json.loads((folder / sbom.NAME).read_bytes())
    return document


def distributions(folder: Path) -> list[dict[str, Any]]:
    """All that it names: pipmend, then what that needs."""
    document = bill(folder)
    return [document["metadata"]["component"], *document["components"]]


def test_it_is_cyclonedx(made: Path) -> None:
    """As the published schema has it, and strictly so."""
    text = (made / sbom.NAME).read_text("utf-8")

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)

    assert problem is None, problem


def test_it_names_what_is_in_the_copy(made: Path) -> None:
    named = {one["purl"] for one in distributions(made)}

    pinned = {f"pkg:pypi/{one.name}@{one.version}" for one in dependencies.DEPENDENCIES}
    assert named == pinned | {f"pkg:pypi/pipmend@{pipmend.__version__}"}
    assert "not declared" not in str([one["licenses"] for one in distributions(made)])


def test_each_file_is_in_it_once_with_its_digest(made: Path) -> None:
    """But for itself, and for the list that holds its own digest."""
    listed = [
        (file["name"], file["hashes"][0]["content"])
        for one in distributions(made)
        for file in one["components"]
    ]

    there = [
        (path.relative_to(made).as_posix(), files.digest_of(path))
        for path in files.below(made)
        if path.name not in (sbom.NAME, library.LISTING)
    ]
    assert sorted(listed) == sorted(there)
    for one in distributions(made):
        packages = {file["name"].partition("/")[0] for file in one["components"]}
        assert one["name"] in packages
        others = {other["name"] for other in distributions(made)} - {one["name"]}
        assert packages.isdisjoint(others)


def test_the_same_copy_has_the_same_bill(
    made: Path, lab: Laboratory, tmp_path: Path
) -> None:
    again = copy(lab, tmp_path)

    assert (again / sbom.NAME).read_bytes() == (made / sbom.NAME).read_bytes()


def test_a_changed_bill_is_a_changed_copy(lab: Laboratory, tmp_path: Path) -> None:
    """It is verified as each other file, and not carried into the next copy."""
    new = copy(lab, tmp_path)
    (new / sbom.NAME).write_text("{}")

    assert Library(new).changed == [sbom.NAME]
