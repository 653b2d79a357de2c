"""The laboratory with a real pip: its cache is hit, found, read and damaged."""

from __future__ import annotations

import stat
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.cache_files import (
    decode,
    encode,
    entries,
    find,
    headers,
    read_body,
    snapshot,
)
from lab.damages import DAMAGES, age, applicable, damage
from lab.index_server import Answer, IndexStyle, LocalIndex, Request
from lab.laboratory import Laboratory
from lab.packages import catalogue, wheel
from lab.pips import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.cache_files import Layout
    from lab.pips import Pip

PIPS: dict[str, Layout] = {"26.3": "http-v2", "22.3.1": "http"}
ALPHA = "alpha-1.1-py3-none-any.whl"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    # Workers of pytest-xdist have a folder each, below one that they share.
    scratch = tmp_path_factory.getbasetemp()
    shared = scratch.parent if scratch.name.startswith("popen-") else scratch
    return Laboratory(shared / "store", scratch / "venvs")


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex(catalogue()) as running:
        yield running


def plain_pip(bench: Laboratory, version: str, index: LocalIndex, home: Path) -> Pip:
    return bench.pip(bench.venv(version, hooked=False), index, home)


@pytest.mark.parametrize("version", PIPS)
def test_the_second_download_comes_from_the_cache(
    version: str, bench: Laboratory, index: LocalIndex, tmp_path: Path
) -> None:
    pip = plain_pip(bench, version, index, tmp_path / "home")
    cache = tmp_path / "cache"
    pip.download("alpha==1.1", target=tmp_path / "one", cache=cache, check=True)
    assert len(index.requests_to(ALPHA)) == 1
    index.clear()
    pip.download("alpha==1.1", target=tmp_path / "two", cache=cache, check=True)
    assert index.requests_to(ALPHA) == []
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert len(entries(cache)) == 2
    entry = find(cache, index, ALPHA)
    assert entry.layout == PIPS[version]
    assert read_body(entry) == wheel("alpha", "1.1").content
    assert headers(entry)["content-length"] == str(len(read_body(entry)))
    before = snapshot(cache)
    encode(entry, decode(entry))
    assert snapshot(cache) == before


@pytest.mark.parametrize(
    "style",
    [
        IndexStyle(chunked=True, etag=False, vary="User-Agent"),
        IndexStyle(content_encoding="deflate", max_age=None, redirect_pages=301),
        IndexStyle(core_metadata=True, digest_fields=True, md5_etag=True),
        IndexStyle(blake2_paths=True, link_hashes=False, date=False),
        IndexStyle(pages="html", core_metadata=True, metadata_hashes=False),
    ],
    ids=["chunked", "redirected", "digests", "bare", "html"],
)
def test_pip_installs_whatever_the_style(
    style: IndexStyle, bench: Laboratory, index: LocalIndex, tmp_path: Path
) -> None:
    index.style = style
    pip = plain_pip(bench, "26.3", index, tmp_path / "home")
    pip.install("alpha", target=tmp_path / "t", cache=tmp_path / "c", check=True)
    assert {"alpha.py", "beta.py"} <= set(tree(tmp_path / "t"))
    assert bool(index.requests_to(".metadata")) == style.core_metadata


def test_pip_logs_in(bench: Laboratory, index: LocalIndex, tmp_path: Path) -> None:
    index.style = IndexStyle(basic_auth=("user", "word"))
    pip = plain_pip(bench, "26.3", index, tmp_path / "home")
    cache = tmp_path / "c"
    assert pip.download("beta", target=tmp_path / "t", cache=cache).returncode != 0
    pip = replace(pip, index_url=index.login_url)
    pip.download("beta", target=tmp_path / "t", cache=cache, check=True)
    assert find(cache, index, "/simple/beta/") in entries(cache)


def test_a_connection_that_breaks_is_resumed(
    bench: Laboratory, index: LocalIndex, tmp_path: Path
) -> None:
    def broken(request: Request) -> Answer:
        usual = index.usual_answer(request)
        return replace(usual, cut_after=5000) if usual.status == 200 else usual

    index.override(f"/packages/{ALPHA}", broken)
    pip = plain_pip(bench, "26.3", index, tmp_path / "home")
    pip.download("alpha==1.1", target=tmp_path / "t", cache=tmp_path / "c", check=True)
    assert [answer.range for answer in index.requests_to(ALPHA)] == [
        None,
        "bytes=5000-",
    ]


@pytest.mark.parametrize("damage_id", ["html-cut-in-tag", "html-cut-at-anchor"])
def test_a_cut_page_silently_gives_an_older_version(
    damage_id: str, bench: Laboratory, tmp_path: Path
) -> None:
    cache = tmp_path / "c"
    with LocalIndex(catalogue(), IndexStyle(pages="html", chunked=True)) as index:
        pip = plain_pip(bench, "26.3", index, tmp_path / "home")
        pip.download("alpha", target=tmp_path / "one", cache=cache, check=True)
        damage(damage_id).apply(find(cache, index, "/simple/alpha/"))
        pip.download("alpha", target=tmp_path / "two", cache=cache, check=True)
    assert "alpha-2.0-py3-none-any.whl" in tree(tmp_path / "one")
    assert "alpha-1.1-py3-none-any.whl" in tree(tmp_path / "two")


def test_a_source_archive_is_built_from_the_local_index_alone(
    bench: Laboratory, index: LocalIndex, tmp_path: Path
) -> None:
    pip = plain_pip(bench, "26.3", index, tmp_path / "home")
    pip.install(
        "gamma", "alpha", target=tmp_path / "t", cache=tmp_path / "c", check=True
    )
    assert {"gamma.py", "alpha.py", "beta.py"} <= set(tree(tmp_path / "t"))
    assert index.requests_to("labbackend-1.0")


@pytest.mark.parametrize("layout", PIPS.values(), ids=PIPS)
@pytest.mark.parametrize("pages", ["json", "html", "gzip"])
def test_every_damage_changes_its_entry(
    pages: str, layout: Layout, bench: Laboratory, tmp_path: Path
) -> None:
    version = {name: version for version, name in PIPS.items()}[layout]
    style = IndexStyle(
        pages="html" if pages == "html" else "json",
        content_encoding="gzip" if pages == "gzip" else None,
    )
    cache = tmp_path / "cache"
    with LocalIndex(catalogue(), style) as index:
        pip = plain_pip(bench, version, index, tmp_path / "home")
        pip.download("alpha==1.1", target=tmp_path / "t", cache=cache, check=True)
        page, file = find(cache, index, "/simple/alpha/"), find(cache, index, ALPHA)
    healthy = snapshot(cache)
    work = [(page, harm) for harm in applicable(layout, style, "page")]
    work += [(file, harm) for harm in applicable(layout, style, "file")]
    for entry, harm in work:
        kept = [(path, path.read_bytes()) for path in entry.files]
        harm.apply(entry)
        age(cache)
        assert snapshot(cache) != healthy, harm.id
        for path, data in kept:
            _put_back(path, data)
        assert snapshot(cache) == healthy, harm.id


def test_damages_have_names_of_their_own() -> None:
    assert len({harm.id for harm in DAMAGES}) == len(DAMAGES)


def test_age_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "file").touch()
    now = (tmp_path / "file").stat().st_mtime
    age(tmp_path, 100)
    assert (tmp_path / "file").stat().st_mtime < now - 90
    assert (tmp_path / "link").lstat().st_mtime < now - 90


def test_nothing_of_the_surroundings_gets_in(
    bench: Laboratory,
    index: LocalIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pip = plain_pip(bench, "26.3", index, tmp_path / "home")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    shown = pip.run("config", "list", cache=tmp_path / "cache", check=True)
    assert ".index-url='https://localhost:" in shown.stdout
    assert "no-index" not in shown.stdout


@pytest.mark.parametrize("python", ["3.9", "3.11"])
def test_a_hooked_environment_holds_pipmend(python: str, bench: Laboratory) -> None:
    if python not in bench.pythons:
        pytest.skip(f"no Python {python} here")
    venv = bench.venv("24.0", hooked=True, python=python)
    assert (venv.site_packages / "pipmend_hook.pth").is_file()
    assert venv == bench.venv("24.0", hooked=True, python=python)
    subprocess.run([venv.python, "-c", "import msgpack, wrapt"], check=True)


def _put_back(path: Path, data: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    elif path.is_symlink() or (path.exists() and not stat.S_ISREG(path.stat().st_mode)):
        path.unlink()
    path.write_bytes(data)
