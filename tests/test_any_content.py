"""What is judged of a response that not pip has asked for."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from judging import place_of, verdict_on
from lab import cache_files
from lab.index_pages import JSON_TYPE
from lab.packages import catalogue
from pipmend import entries
from pipmend._compat import layouts
from pipmend.loads import Load, Stage
from pipmend.verdicts import INTACT, Reason
from pipmend.verify import STORED_BY_ANYBODY, Told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.cache_files import Layout
    from pipmend.verify import RequestHeaders

WHEEL = catalogue()[0].content
SDIST = catalogue()[5].content
ANY = Told(cacheable=STORED_BY_ANYBODY, is_any=True)
A_WHEEL = ANY._replace(file_name="alpha-1.0-py3-none-any.whl")
AN_SDIST = ANY._replace(file_name="alpha-1.0.tar.gz")
HTML = {"Content-Type": "text/html"}


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def reason_of(
    folder: Path, body: bytes, fields: Mapping[str, str], told: Told, status: int = 200
) -> Reason | None:
    """Why an unsealed entry of an hour ago is found corrupt; None if it is not."""
    path = folder / "entry"
    response = {"body": b"", "headers": dict(fields), "status": status}
    path.write_bytes(cache_files.pack({"response": response, "vary": {}}))
    path.with_name("entry.body").write_bytes(body)
    cache_files.age(folder)
    verdict = verdict_on(place_of("http-v2", folder, path), told)
    assert (verdict == INTACT) is (verdict.reason is None)
    return verdict.reason


@pytest.mark.parametrize(
    ("body", "fields", "told"),
    [
        pytest.param(b"<html><a>x", HTML, ANY, id="html"),
        pytest.param(b"[1]", {"Content-Type": JSON_TYPE}, ANY, id="no-index-page"),
        pytest.param(WHEEL[:99], {}, ANY, id="cut-zip"),
        pytest.param(b"words", HTML, A_WHEEL, id="no-wheel"),
        pytest.param(b"words", HTML, AN_SDIST, id="no-sdist"),
        pytest.param(WHEEL, {}, A_WHEEL, id="wheel"),
        pytest.param(SDIST, {}, AN_SDIST, id="sdist"),
        pytest.param(WHEEL, {}, AN_SDIST, id="wheel-named-as-sdist"),
        pytest.param(b"x" * 40, {"Content-Encoding": "br"}, ANY, id="unknown-coding"),
    ],
)
def test_what_contradicts_no_rule_for_all_is_intact(
    body: bytes, fields: dict[str, str], told: Told, tmp_path: Path
) -> None:
    """However little it is what pip would take for a page or a file."""
    assert reason_of(tmp_path, body, fields, told) is None


@pytest.mark.parametrize(
    ("body", "fields", "told", "reason"),
    [
        pytest.param(
            b"wor", {"Content-Length": "5"}, ANY, Reason.BODY_SIZE, id="length"
        ),
        pytest.param(b"", HTML, ANY, Reason.BODY_SIZE, id="empty"),
        pytest.param(
            flipped(gzip.compress(WHEEL)),
            {"Content-Encoding": "gzip"},
            ANY,
            Reason.BODY_CODING,
            id="gzip",
        ),
        pytest.param(
            zlib.compress(WHEEL)[:-9],
            {"Content-Encoding": "Deflate"},
            ANY,
            Reason.BODY_CODING,
            id="deflate",
        ),
        pytest.param(
            b"words", {"Content-Encoding": "gzip"}, ANY, Reason.BODY_CODING, id="none"
        ),
        pytest.param(flipped(WHEEL), {}, A_WHEEL, Reason.BODY_STRUCTURE, id="wheel"),
        pytest.param(SDIST[:-9], {}, AN_SDIST, Reason.BODY_STRUCTURE, id="sdist"),
    ],
)
def test_what_no_client_could_use_is_corrupt(
    body: bytes, fields: dict[str, str], told: Told, reason: Reason, tmp_path: Path
) -> None:
    """Or what is not the package that it says it is."""
    assert reason_of(tmp_path, body, fields, told) is reason


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes a minute, so that a slow machine changes no answer."""
    monkeypatch.setattr(entries, "SETTLING_SECONDS", 60.0)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("age", "has_lock", "reason"),
    [
        pytest.param(0, True, Reason.STORE_IN_PROGRESS, id="now-under-a-lock"),
        pytest.param(0, False, Reason.METADATA_UNDECODABLE, id="no-lock"),
        pytest.param(3600, True, Reason.METADATA_UNDECODABLE, id="long-ago"),
    ],
)
@pytest.mark.parametrize("layout", cache_files.LAYOUTS)
def test_metadata_may_be_written_in_its_place(
    layout: Layout, age: float, has_lock: bool, reason: Reason, tmp_path: Path
) -> None:
    """As the library up to 0.14.1 does it: for a moment the file is not whole."""
    path = tmp_path / "entry"
    path.write_bytes(b"cc=4,\x82\xa8resp")
    if has_lock:
        path.with_name("entry.lock").touch()
    cache_files.age(tmp_path, age)

    assert verdict_on(place_of(layout, tmp_path, path)).reason is reason


@pytest.mark.parametrize("status", [204, 404, 410, 599])
def test_a_program_stores_what_it_likes(status: int, tmp_path: Path) -> None:
    """CacheControl can be told, in more than one way."""
    fields = {"Content-Length": "0"}

    assert reason_of(tmp_path, b"", fields, ANY, status) is None
    assert reason_of(tmp_path, b"", fields, Told(), status) is Reason.METADATA_SHAPE


@dataclass
class Request:
    """A request."""

    url: str
    headers: RequestHeaders


def told_of(url: str, headers: dict[str, str], *, is_of_pip: bool = False) -> Told:
    """What is known of the response to a request."""
    request = Request(url, headers)
    return Load(
        request, Stage.LOOKUP, layouts.Layout.TWO_FILES, {200}, is_of_pip=is_of_pip
    ).told


BLAKE2 = f"https://index.example/packages/ab/cd/{'e' * 60}/a%2B1-1.0.whl"
INDEX = f"{JSON_TYPE}, */*;q=0.1"


def test_no_rule_of_pips_own_requests_counts_for_others() -> None:
    """What it asks for, and how, says nothing about what comes."""
    asked_as_pip_does = {"Accept-Encoding": "identity", "Accept": "text/html"}

    told = told_of(BLAKE2, asked_as_pip_does)

    assert told == ANY._replace(file_name="a+1-1.0.whl")
    as_pip = told_of(BLAKE2, asked_as_pip_does, is_of_pip=True)
    assert as_pip == Told((), BLAKE2, "a+1-1.0.whl", cacheable={200})


def test_others_that_ask_for_an_index_page_get_one() -> None:
    """Poetry asks so; what comes as another type is its own affair."""
    told = told_of("https://index.example/simple/a/", {"Accept": INDEX})

    assert told == Told(cacheable=STORED_BY_ANYBODY)
