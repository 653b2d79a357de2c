"""The laboratory's own parts: packages, and the index as a client sees it."""

from __future__ import annotations

import gzip
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.index_server import Answer, IndexStyle, LocalIndex, Request
from lab.packages import backend_wheel, catalogue, sdist, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex(catalogue()) as running:
        yield running


def get(
    index: LocalIndex, path: str, headers: dict[str, str] | None = None
) -> tuple[int, Message, bytes]:
    context = ssl.create_default_context(cafile=str(index.ca_file))
    request = urllib.request.Request(  # noqa: S310
        index.origin + path, headers=headers or {}
    )
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as response:  # noqa: S310
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_the_same_artifacts_on_every_build() -> None:
    assert catalogue() == catalogue()
    assert wheel("alpha", "1.0") != wheel("alpha", "1.1")
    assert len(wheel("alpha", "1.0").content) > 20_000
    assert sdist("gamma", "1.0").filename == "gamma-1.0.tar.gz"
    assert b"Name: labbackend" in (backend_wheel().metadata or b"")


def test_json_only_for_those_who_ask(index: LocalIndex) -> None:
    _, _, page = get(index, "/simple/alpha/", JSON)
    assert [file["filename"] for file in json.loads(page)["files"]] == [
        "alpha-1.0-py3-none-any.whl",
        "alpha-1.1-py3-none-any.whl",
        "alpha-2.0-py3-none-any.whl",
    ]
    _, headers, page = get(index, "/simple/alpha/")
    assert headers["Content-Type"] == "text/html"
    assert page.startswith(b"<!DOCTYPE html>")
    assert page.endswith(b"</body></html>")


def test_conditions_and_ranges(index: LocalIndex) -> None:
    path = "/packages/beta-1.0-py3-none-any.whl"
    _, headers, whole = get(index, path)
    status, _, _ = get(index, path, {"If-None-Match": headers["ETag"]})
    assert status == 304
    status, headers, part = get(index, path, {"Range": "bytes=100-"})
    assert (status, part) == (206, whole[100:])
    assert headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    status, _, part = get(index, path, {"Range": "bytes=100-", "If-Range": '"x"'})
    assert (status, part) == (200, whole)
    assert [answer.status for answer in index.requests_to("beta")] == [
        200,
        304,
        206,
        200,
    ]


def test_styles(index: LocalIndex) -> None:
    index.style = IndexStyle(content_encoding="gzip", vary="Accept-Encoding")
    _, headers, page = get(index, "/simple/beta/", {"Accept-Encoding": "gzip"})
    assert headers["Vary"] == "Accept-Encoding"
    assert b"Links for beta" in gzip.decompress(page)
    index.style = IndexStyle(chunked=True, core_metadata=True, blake2_paths=True)
    _, headers, page = get(index, "/simple/beta/", JSON)
    assert "Content-Length" not in headers
    url = json.loads(page)["files"][0]["url"]
    assert get(index, url)[2] == wheel("beta", "1.0").content
    assert get(index, url + ".metadata")[2] == wheel("beta", "1.0").metadata
    index.style = replace(index.style, redirect_pages=301)
    assert get(index, "/simple/beta/", JSON)[2] == page
    assert [answer.status for answer in index.served][-2:] == [301, 200]
    index.style = IndexStyle(basic_auth=("user", "word"))
    assert get(index, "/simple/beta/")[0] == 401


def test_changes_while_it_runs(index: LocalIndex) -> None:
    index.publish(wheel("beta", "2.0"))
    assert b"beta-2.0" in get(index, "/simple/beta/")[2]
    index.override("/simple/beta/", b"<html>Log in</html>")
    assert get(index, "/simple/beta/")[2] == b"<html>Log in</html>"

    def answer(request: Request) -> Answer:
        return Answer(503, (("X-Path", request.path),), b"down")

    index.override("/simple/beta/", answer)
    status, headers, body = get(index, "/simple/beta/")
    assert (status, headers["X-Path"], body) == (503, "/simple/beta/", b"down")
    index.restore("/simple/beta/")
    index.withdraw("beta-2.0-py3-none-any.whl")
    assert b"beta-2.0" not in get(index, "/simple/beta/")[2]


def test_it_stops_by_itself() -> None:
    with LocalIndex(catalogue(), lifetime=0) as index:
        time.sleep(0.5)
        with pytest.raises(urllib.error.URLError):
            get(index, "/simple/alpha/")
