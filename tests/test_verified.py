"""What was verified is known again, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from lab.furnished import flip, furnish
from pipmend import entries
from pipmend._compat.layouts import Place, place_at
from pipmend.verified import Standing, Store, fingerprint

if TYPE_CHECKING:
    from pathlib import Path


def place(path: Path) -> Place:
    """The place of an entry's metadata file."""
    found = place_at(path)
    assert found is not None
    return found


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    memory = {b"a" * 16: Standing.INTACT, b"b" * 16: Standing.NOT_JUDGED}
    store = Store(tmp_path / "made", tmp_path, deep=False)
    store.save("http-v2-a-b", memory)
    assert store.load("http-v2-a-b") == memory
    assert store.load("http-v2-a-c") == {}


def test_deep_scans_and_other_caches_have_memories_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path, tmp_path / "one", deep=False)
    store.save("s", {b"a" * 16: Standing.INTACT})
    assert Store(tmp_path, tmp_path / "one", deep=True).load("s") == {}
    assert Store(tmp_path, tmp_path / "two", deep=False).load("s") == {}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"pipmend 0.0.0-other\n" + b"a" * 16 + b"\1", id="other-release"),
        pytest.param(None, id="cut"),
        pytest.param(b"\0" * 100, id="zeros"),
    ],
)
def test_a_damaged_memory_is_no_memory(tmp_path: Path, data: bytes | None) -> None:
    store = Store(tmp_path, tmp_path, deep=False)
    store.save("s", {b"a" * 16: Standing.INTACT})
    (file,) = (path for path in tmp_path.rglob("s"))
    file.write_bytes(file.read_bytes()[:-3] if data is None else data)
    assert store.load("s") == {}


def test_a_standing_of_a_later_release_is_not_known(tmp_path: Path) -> None:
    store = Store(tmp_path, tmp_path, deep=False)
    store.save("s", {b"a" * 16: Standing.INTACT, b"b" * 16: Standing.INTACT})
    (file,) = (path for path in tmp_path.rglob("s"))
    file.write_bytes(file.read_bytes()[:-1] + b"\x09")
    assert store.load("s") == {b"a" * 16: Standing.INTACT}


def test_any_change_makes_another_fingerprint(tmp_path: Path) -> None:
    made = furnish(tmp_path)
    entry = place(made.wheel.metadata)
    assert made.wheel.body is not None
    seen = {fingerprint(entry, entries.stamp_of(entry))}

    def note() -> None:
        before = len(seen)
        seen.add(fingerprint(entry, entries.stamp_of(entry)))
        assert len(seen) == before + 1

    flip(made.wheel.body)  # same size, same time of modification
    note()
    os.utime(made.wheel.metadata, (1, 1))
    note()
    copy = made.wheel.body.with_suffix(".copy")
    copy.write_bytes(made.wheel.body.read_bytes())
    copy.replace(made.wheel.body)
    note()
    made.wheel.body.unlink()
    note()


def test_an_entry_is_known_by_its_name_too(tmp_path: Path) -> None:
    made = furnish(tmp_path)
    one, other = place(made.wheel.metadata), place(made.page.metadata)
    stamp = entries.stamp_of(one)
    assert fingerprint(one, stamp) != fingerprint(other, stamp)
