"""The walk: everything in a cache once, nothing outside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import packages
from lab.furnished import age, furnish
from pipmend import walk
from pipmend._compat.layouts import Place
from pipmend.walk import Foreign, Leftover, LeftoverKind, Met

if TYPE_CHECKING:
    from pathlib import Path

NAME = "0a1b2" + "c" * 51


def met_in(root: Path) -> list[Met]:
    """Everything that a walk through all shards meets."""
    return [met for shard in walk.shards(root) for met in walk.walk(shard)]


def leftovers(root: Path) -> list[tuple[LeftoverKind, str]]:
    """The leftovers that a walk meets, by kind and name."""
    return [
        (met.kind, met.path.name) for met in met_in(root) if isinstance(met, Leftover)
    ]


def home(root: Path, layout: str = "http-v2") -> Path:
    """The folder of the entry ``NAME``, which exists then."""
    folder = root.joinpath(layout, *NAME[:5])
    folder.mkdir(parents=True)
    return folder


def write(path: Path, *, seconds: float = 7200) -> Path:
    """A file that has not been touched for so long."""
    path.write_bytes(b"x")
    age(path, seconds=seconds)
    return path


def test_every_entry_of_both_generations_is_met_once(tmp_path: Path) -> None:
    made = furnish(tmp_path)
    found = [met for met in met_in(tmp_path) if isinstance(met, Place)]
    assert sorted(place.metadata for place in found) == sorted(
        entry.metadata for entry in made.entries
    )
    assert {place.body for place in found} == {entry.body for entry in made.entries}
    assert {place.cache_root for place in found} == {tmp_path}


def test_built_wheels_and_their_origins_are_met(tmp_path: Path) -> None:
    folder = tmp_path.joinpath("wheels", "ab", "cd", "ef", "0" * 50)
    folder.mkdir(parents=True)
    wheel = packages.wheel("gamma", "1.0")
    (folder / wheel.filename).write_bytes(wheel.content)
    (folder / "origin.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    found = met_in(tmp_path)
    places = {met.metadata.name for met in found if isinstance(met, Place)}
    assert places == {wheel.filename, "origin.json"}
    assert [met.path.name for met in found if isinstance(met, Foreign)] == ["notes.txt"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(f"{NAME}.body", LeftoverKind.ORPHAN_BODY, id="body"),
        pytest.param(f"{NAME}.bodyab12.tmp", LeftoverKind.TEMPORARY_FILE, id="tmp"),
        pytest.param(f"{NAME}ab12.tmp", LeftoverKind.TEMPORARY_FILE, id="tmp-metadata"),
    ],
)
def test_a_leftover_is_told_once_it_has_settled(
    tmp_path: Path, name: str, kind: LeftoverKind
) -> None:
    path = write(home(tmp_path) / name)
    assert leftovers(tmp_path) == [(kind, name)]
    age(path, seconds=60)  # a pip may still be at work with it
    assert leftovers(tmp_path) == []


def test_empty_folders_are_told_from_the_inside(tmp_path: Path) -> None:
    folder = home(tmp_path)
    folders = [folder, *folder.parents[:2]]
    age(*folders)
    assert [name for _, name in leftovers(tmp_path)] == [one.name for one in folders]


def test_a_folder_with_a_file_below_is_not_empty(tmp_path: Path) -> None:
    folder = home(tmp_path)
    (folder / "mine.txt").write_text("mine")
    (folder / "empty").mkdir()
    age(folder / "empty", folder, *folder.parents[:2])
    assert leftovers(tmp_path) == [(LeftoverKind.EMPTY_FOLDER, "empty")]


def test_a_folder_around_one_that_a_pip_has_just_made_is_not_empty(
    tmp_path: Path,
) -> None:
    folder = home(tmp_path)
    age(*folder.parents[:3])
    assert leftovers(tmp_path) == []


def test_what_pip_has_not_put_there_is_foreign(tmp_path: Path) -> None:
    folder = home(tmp_path)
    misplaced = folder / ("f" * 56)
    for path in (misplaced, folder / "README", folder / f"{NAME}.bak"):
        write(path)
    found = met_in(tmp_path)
    assert len(found) == 3
    assert all(isinstance(met, Foreign) for met in found)


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    elsewhere = furnish(tmp_path / "elsewhere")
    root = tmp_path / "cache"
    home(root)
    (root / "http-v2" / "f").symlink_to(elsewhere.root / "http-v2" / "f")
    (root / "http").symlink_to(elsewhere.root / "http")
    (root / "http-v2" / NAME[0] / NAME[1] / "loop").symlink_to(root)
    assert not [met for met in met_in(root) if isinstance(met, Place)]


def test_a_deep_tree_ends_the_walk_down(tmp_path: Path) -> None:
    folder = home(tmp_path)
    deep = folder.joinpath(*(["d"] * 40))
    deep.mkdir(parents=True)
    found = met_in(tmp_path)
    assert [type(met) for met in found] == [Foreign]


def test_shards_have_names_of_their_own(tmp_path: Path) -> None:
    furnish(tmp_path)
    names = [shard.name for shard in walk.shards(tmp_path)]
    assert len(set(names)) == len(names)
    assert all("/" not in name for name in names)


def test_a_folder_that_is_no_cache_has_no_shards(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert walk.shards(tmp_path) == []


def test_sizes_of_everything_below_a_folder(tmp_path: Path) -> None:
    """Each file once, whatever it is; a link counts as itself, and is not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "large").write_bytes(bytes(10_000))
    folder = tmp_path / "http-v2"
    for number, path in enumerate(("a", "b/c", "b/d/e")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes(number + 1))
    link = folder / "b" / "link"
    link.symlink_to(outside, target_is_directory=True)

    sizes = sorted(walk.sizes_below(folder))

    assert sizes == sorted([1, 2, 3, link.lstat().st_size])
    assert list(walk.sizes_below(tmp_path / "missing")) == []
