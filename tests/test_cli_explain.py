"""``pipmend explain``: what, where, why and what to do, for each way to name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lab import schemas
from lab.furnished import INDEX, Furnished, flip, furnish, rewrite
from lab.made_cache import HOST, PAGE_TYPE, MadeCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.command import Command


@pytest.fixture
def made(tmp_path: Path) -> Furnished:
    """A cache of idna and certifi."""
    return furnish(tmp_path / "cache")


def explained(command: Command, made: Furnished, entry: object) -> dict[str, Any]:
    """What ``pipmend explain --json`` prints, checked against its schema."""
    records = command.records("explain", entry, "--cache", made.root)
    (record,) = schemas.check("explain", records)
    return record


def test_an_intact_entry_is_called_so(command: Command, made: Furnished) -> None:
    run = command.run("explain", made.wheel.metadata)
    assert run.returncode == 0, str(run)
    assert "the cached file idna-3.4-py3-none-any.whl" in run.stdout
    assert "intact" in run.stdout


def test_the_url_is_told_where_the_index_is_known(
    command: Command, made: Furnished
) -> None:
    env = {"PIP_INDEX_URL": INDEX}
    wheel = "packages/idna-3.4-py3-none-any.whl"
    for entry, path in (
        (made.page, "simple/idna/"),
        (made.wheel, wheel),
        (made.metadata, f"{wheel}.metadata"),
    ):
        (record,) = command.records("explain", entry.metadata, env=env)
        assert record["facts"]["url"] == f"{HOST}/{path}"


@pytest.mark.parametrize("way", ["metadata", "body", "name", "url", "relative"])
def test_an_entry_can_be_named_in_many_ways(
    command: Command, made: Furnished, way: str
) -> None:
    ways = {
        "metadata": made.page.metadata,
        "body": made.page.body,
        "name": made.page.metadata.name,
        "url": f"{HOST}/simple/idna/",
        "relative": made.page.metadata.relative_to(made.root),
    }
    record = explained(command, made, ways[way])
    assert record["facts"]["entry"] == str(made.page.metadata)
    assert record["verdict"] == "intact"


class Damage(NamedTuple):
    """What is done to an entry, and what is said of it then."""

    part: str
    change: Callable[[bytes], bytes]
    position: int
    reason: str


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            Damage("body", lambda data: data[:1000], 1000, "body-size"), id="cut"
        ),
        pytest.param(
            Damage(
                "body",
                lambda data: data[:1500].ljust(len(data), b"\0"),
                1500,
                "body-digest",
            ),
            id="zeros",
        ),
        pytest.param(
            Damage("metadata", lambda data: data[:60], 60, "metadata-undecodable"),
            id="metadata-cut",
        ),
        pytest.param(
            Damage("metadata", lambda data: b"cc=9," + data[5:], 3, "metadata-format"),
            id="marker",
        ),
    ],
)
def test_the_place_of_the_damage_is_shown(
    command: Command, made: Furnished, damage: Damage
) -> None:
    metadata, body = made.wheel.files
    path = body if damage.part == "body" else metadata
    rewrite(path, damage.change(path.read_bytes()))
    record = explained(command, made, metadata)
    assert record["verdict"] == "corrupt"
    assert record["reason"] == damage.reason
    assert (record["part"], record["position"]) == (damage.part, damage.position)
    assert any(line.startswith(">") for line in record["dump"])


def test_a_flip_in_a_wheel_is_traced_to_its_member(
    command: Command, made: Furnished
) -> None:
    assert made.wheel.body is not None
    flip(made.wheel.body, 300)
    record = explained(command, made, made.wheel.metadata)
    assert "idna_data.bin" in record["words"]


def test_a_page_that_does_not_parse_shows_where(
    command: Command, made: Furnished
) -> None:
    cache = MadeCache(made.root, sealed=False)
    entry = cache.add("/simple/x/", b'{"files": [}]}', media_type=PAGE_TYPE)
    record = explained(command, made, entry.metadata)
    assert (record["reason"], record["position"]) == ("page-incomplete", 11)


def test_advice_is_given(command: Command, made: Furnished) -> None:
    rewrite(made.page.metadata, b"")
    run = command.run("explain", made.page.metadata)
    assert run.returncode == 1
    assert "likely cause" in run.stdout
    assert "pipmend scan --fix" in run.stdout


def test_what_was_moved_is_explained_by_its_id(
    command: Command, made: Furnished
) -> None:
    assert made.wheel.body is not None
    flip(made.wheel.body)
    (finding,) = [
        one
        for one in command.records("scan", made.root, "--fix")
        if one["type"] == "finding"
    ]
    for text in (finding["id"], finding["id"][:-4]):
        record = explained(command, made, text)
        assert record["reason"] == "body-digest"
        assert record["verdict"] == "corrupt"
        assert record["done"] == f"moved to quarantine as {finding['id']}"
        assert [event["id"] for event in record["events"]] == [finding["id"]]
    run = command.run("explain", finding["id"], "--cache", made.root)
    assert "moved to quarantine" in run.stdout


def test_an_event_without_its_files_is_explained_all_the_same(
    command: Command, made: Furnished
) -> None:
    rewrite(made.page.metadata, b"")
    (finding,) = [
        one
        for one in command.records("scan", made.root, "--fix")
        if one["type"] == "finding"
    ]
    purge = command.run("quarantine", "purge", "--all", "--cache", made.root)
    assert purge.returncode == 0, str(purge)
    record = explained(command, made, finding["id"])
    assert record["verdict"] == "unknown"
    assert record["reason"] == "metadata-undecodable"


@pytest.mark.parametrize(
    "text",
    ["nonsense", "f" * 56, f"{HOST}/simple/flask/", "20260101T000000Z-00000000"],
)
def test_what_is_not_there_is_a_usage_error(
    command: Command, made: Furnished, text: str
) -> None:
    run = command.run("explain", text, "--cache", made.root)
    assert run.returncode == 2, str(run)
    assert run.stderr.startswith("pipmend: ")


def test_a_file_elsewhere_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    run = command.run("explain", tmp_path / "file")
    assert run.returncode == 2
    assert "no file of a pip cache" in run.stderr


def test_credentials_in_a_url_are_not_repeated(
    command: Command, made: Furnished
) -> None:
    text = "https://me:hunter2@index.example/simple/flask/?token=hunter3"
    run = command.run("explain", text, "--cache", made.root)
    assert run.returncode == 2
    assert "hunter" not in run.output


def test_a_built_wheel_is_explained(command: Command, made: Furnished) -> None:
    folder = made.root.joinpath("wheels", "ab", "cd", "ef", "0" * 50)
    folder.mkdir(parents=True)
    assert made.wheel.body is not None
    path = folder / "idna-3.4-py3-none-any.whl"
    path.write_bytes(made.wheel.body.read_bytes()[:-40])
    record = explained(command, made, path)
    assert (record["verdict"], record["reason"]) == ("corrupt", "wheel-structure")
    assert record["position"] == path.stat().st_size
