"""What pip stores by itself: downloads that were interrupted and resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.index_server import LocalIndex
from lab.packages import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from lab.index_server import Answer, Request
    from lab.laboratory import Laboratory

FILE = "alpha-1.0-py3-none-any.whl"


@pytest.mark.parametrize("version", ["25.3", "26.3"])
def test_a_resumed_download_is_sealed_and_healed(
    version: str, lab: Laboratory, tmp_path: Path
) -> None:
    """It is stored past CacheControl (pypa/pip#13440); one flipped bit is found."""
    with LocalIndex([wheel("alpha", "1.0")]) as index:
        pip = lab.pip(lab.venv(version, hooked=True), index, tmp_path / "home")
        cache = tmp_path / "cache"

        def cut(request: Request) -> Answer:
            usual = index.usual_answer(request)
            return replace(usual, cut_after=5000) if usual.status == 200 else usual

        index.override(f"/packages/{FILE}", cut)
        pip.download("alpha", target=tmp_path / "first", cache=cache, check=True)
        index.restore(f"/packages/{FILE}")

        entry = cache_files.find(cache, index, FILE)
        assert "pipmend" in cache_files.decode(entry)
        body = cache_files.read_body(entry)
        cache_files.write_body(entry, body[:100] + bytes([body[100] ^ 1]) + body[101:])
        cache_files.age(cache)
        index.clear()
        second = pip.download("alpha", target=tmp_path / "second", cache=cache)

        assert second.returncode == 0, str(second)
        assert len(index.requests_to(FILE)) == 1
        assert "(body: other bytes than were stored)" in second.stderr
        saved = [(tmp_path / name / FILE).read_bytes() for name in ("first", "second")]
        assert saved[0] == saved[1]


def test_a_pip_of_unknown_shape_is_left_alone_and_recorded_once(
    lab: Laboratory, tmp_path: Path
) -> None:
    """It works as if pipmend were absent, and the log says so one time."""
    venv = lab.fresh_venv("unknown-shape", "26.3", hooked=True)
    cache_module = venv.site_packages / "pip" / "_internal" / "network" / "cache.py"
    source = cache_module.read_text()
    cache_module.write_text(source.replace("_get_cache_path", "_path_of_entry"))
    with LocalIndex([wheel("alpha", "1.0")]) as index:
        pip = lab.pip(venv, index, tmp_path / "home")
        runs = [
            pip.download("alpha", target=tmp_path / f"{number}", cache=tmp_path / "c")
            for number in range(3)
        ]

    log = pip.home / "state" / "pipmend" / "log" / "events.jsonl"
    assert [run.returncode for run in runs] == [0, 0, 0], str(runs[0])
    assert not any("pipmend" in run.output for run in runs)
    assert log.read_text().count("pipmend.seam_unfit") == 1
    assert log.read_text().count("\n") == 1
