"""URLs of entries: what hashes to a name on disk is its URL, in pip's own spelling."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import cache_files
from lab.index_pages import HTML_TYPE, JSON_TYPE, file_path, html_page, json_page
from lab.index_style import IndexStyle
from lab.packages import catalogue
from lab.real_caches import REAL_CACHES
from pipmend.addresses import Addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import Benches
    from lab.laboratory import Laboratory

HOST = "https://index.example"
BASE = f"{HOST}/simple/alpha/"


def name_of(url: str) -> str:
    """The name on disk of the entry of a cache key."""
    return hashlib.sha224(url.encode()).hexdigest()


def asking(*urls: str) -> Addresses:
    """Addresses that look for some cache keys, and for one that is never found."""
    return Addresses([name_of(url) for url in (*urls, "https://nowhere.example/")])


def found(addresses: Addresses) -> list[str]:
    """What was found."""
    return sorted(addresses.found.values())


# As pip has it.


@pytest.mark.parametrize(("version", "style"), REAL_CACHES.values(), ids=REAL_CACHES)
def test_all_urls_of_a_real_cache_are_found(
    version: str, style: IndexStyle, benches: Benches
) -> None:
    """From the address of the index alone, page by page."""
    warm = benches.warm(version, style)
    stored = {entry.metadata.name: entry for entry in cache_files.entries(warm.cache)}
    addresses = Addresses(stored)

    for project in ("alpha", "beta"):
        addresses.offer_project(project, [warm.index.url])
    for entry in stored.values():
        location = cache_files.headers(entry).get("location", "")
        if location:
            addresses.offer(warm.index.origin + location)
    for name, base in list(addresses.found.items()):
        content = cache_files.read_body(stored[name])
        if cache_files.headers(stored[name]).get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        content_type = cache_files.headers(stored[name])["content-type"]
        addresses.offer_page(content, content_type, base)

    assert addresses.found.keys() == stored.keys()
    assert set(addresses.found.values()) <= set(warm.index.urls)
    for name, url in addresses.found.items():
        assert name == name_of(url)


ODD_URLS = (
    "https://Index.Example/simple/idna/",
    "HTTPS://index.example:8443/x",
    "https://index.example?x=1",
    "https://u:p@index.example/a%7Eb/%2f/c+d.whl",
    "https://index.example/a b/é.whl?q=a b&c=%7e#x",
    "https://index.example/a/../b/./c.whl",
    "https://index.example/a/.",
    "https://index.example/..",
    "https://index.example/.hidden/x..y/...z",
    "https://index.example//a//b.whl",
    "https://index.example/root/+f/ab/c-1%2Bcpu-py3-none-any.whl",
    "https://index.example/root/+f/ab/c-1+cpu-py3-none-any.whl",
    "https://index.example/a[1]/{x}.whl?[]",
    "https://index.example/a?",
    "https://index.example/a@b/c:d;e=f,g!$&'()*",
    "https://index.example/%e2%82%ac.whl?x=%e2%82%ac",
    "https://index.example/a%2B?b=%2b+&c=a/b?c",
    "https://token@index.example/simple/a/?sig=A%2fB%3D",
)

ASK_PIP = """
import json, sys
from pip._internal.models.link import Link
from pip._internal.utils.misc import split_auth_netloc_from_url
from pip._vendor import requests
from pip._vendor.cachecontrol.controller import CacheController

def key(url):
    asked = requests.Request("GET", url).prepare().url
    return CacheController.cache_url(split_auth_netloc_from_url(asked)[0])

def link(url):
    found = Link.from_json({"url": url}, "https://index.example/simple/a/")
    return found.url_without_fragment

print(json.dumps([[key(url), key(link(url)), key(link(url) + ".metadata")]
                  for url in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def keys_of_pip(lab: Laboratory) -> dict[str, list[str]]:
    """The cache keys that pip itself makes: of a URL, of a link, of its metadata."""
    python = lab.venv("26.3", hooked=False).python
    asked = subprocess.run(
        [python, "-I", "-c", ASK_PIP],
        input=json.dumps(ODD_URLS),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(ODD_URLS, json.loads(asked.stdout)))


@pytest.mark.parametrize("url", ODD_URLS)
def test_spellings_are_those_of_pip(
    url: str, keys_of_pip: dict[str, list[str]]
) -> None:
    """However strangely a URL is written, as such and in a page."""
    key, *keys_of_link = keys_of_pip[url]

    offered = asking(key)
    offered.offer(url)
    in_json, in_html = asking(*keys_of_link), asking(*keys_of_link)
    in_json.offer_page(json.dumps({"files": [{"url": url}]}).encode(), JSON_TYPE, None)
    in_html.offer_page(f'<a class=x\nHREF = "{url}">x</a>'.encode(), HTML_TYPE, None)

    assert offered.found.keys() == {name_of(key)}
    assert in_json.found.keys() == {name_of(key) for key in keys_of_link}
    assert in_html.found.keys() == {name_of(key) for key in keys_of_link}


def test_a_link_may_be_asked_for_as_it_is_written() -> None:
    """By a redirect, or where the file was required by its URL."""
    url = f"{HOST}/root/+f/a-1.zip"
    addresses = asking(url)

    addresses.offer_page(f"<a href='{url}'>".encode(), HTML_TYPE, None)

    assert found(addresses) == [url]


# What is offered.


STYLES = {
    "json": (json_page, JSON_TYPE, IndexStyle(core_metadata=True)),
    "html": (html_page, HTML_TYPE, IndexStyle(core_metadata=True)),
    "json-blake2": (json_page, JSON_TYPE, IndexStyle(blake2_paths=True)),
    "html-blake2": (html_page, HTML_TYPE, IndexStyle(blake2_paths=True)),
}


@pytest.mark.parametrize("name", STYLES)
def test_a_page_offers_its_files(name: str) -> None:
    """And the metadata beside each, whether or not the page speaks of them."""
    render, content_type, style = STYLES[name]
    paths = [file_path(artifact, style) for artifact in catalogue()]
    expected = [f"{HOST}{path}{end}" for path in paths for end in ("", ".metadata")]
    addresses = asking(*expected)

    addresses.offer_page(render("alpha", catalogue(), style), content_type, BASE)

    assert found(addresses) == sorted(expected)


@pytest.mark.parametrize("name", STYLES)
def test_relative_links_of_an_unknown_page_mean_nothing(name: str) -> None:
    """Rather than something by chance."""
    render, content_type, style = STYLES[name]
    addresses = asking(*(HOST + file_path(one, style) for one in catalogue()))

    addresses.offer_page(render("alpha", catalogue(), style), content_type, None)

    assert not addresses.found


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(
            b"<a href='../../a-1.zip#sha256=00'>a-1.zip</a>",
            f"{HOST}/a-1.zip",
            id="relative",
        ),
        pytest.param(b"<A HREF=/a-1.zip>", f"{HOST}/a-1.zip", id="not-quoted"),
        pytest.param(
            b'<a data-requires-python="&gt;=3" href="a-1.zip?x=1&amp;y=2">',
            f"{BASE}a-1.zip?x=1&y=2",
            id="entities",
        ),
        pytest.param(
            b'<base href="https://files.example/x/"><a href="a-1.zip">',
            "https://files.example/x/a-1.zip",
            id="base",
        ),
        pytest.param(
            b'<a href="//files.example/a-1.zip">',
            "https://files.example/a-1.zip",
            id="scheme-of-the-page",
        ),
        pytest.param(
            rb'{"files":[{"url":"https:\/\/files.example\/\u0061-1.zip","filename":',
            "https://files.example/a-1.zip",
            id="escapes-and-cut",
        ),
        pytest.param(
            b"\0\0\0" + b'"url" : "a-1.zip"', f"{BASE}a-1.zip", id="damaged-start"
        ),
    ],
)
def test_links(page: bytes, expected: str) -> None:
    """As pages have them, damaged ones too."""
    content_type = JSON_TYPE if b'"url"' in page else HTML_TYPE
    addresses = asking(expected)

    addresses.offer_page(page, content_type, BASE)

    assert addresses.found.keys() == {name_of(expected)}


@pytest.mark.parametrize(
    ("project", "index_url", "expected"),
    [
        ("Zope.Interface", f"{HOST}/simple", f"{HOST}/simple/zope-interface/"),
        ("idna", f"{HOST}/simple/", f"{HOST}/simple/idna/"),
        ("idna", f"{HOST}/root/+simple/", f"{HOST}/root/+simple/idna/"),
        ("idna", "https://u:p@index.example/s", f"{HOST}/s/idna/"),
    ],
)
def test_the_page_of_a_project(project: str, index_url: str, expected: str) -> None:
    """On each index, by its normalised name."""
    addresses = asking(expected)

    addresses.offer_project(project, ["https://other.example/", index_url])

    assert found(addresses) == [expected]


def test_no_project_has_such_a_name() -> None:
    """Which may come from a page."""
    addresses = asking(f"{HOST}/x/")

    addresses.offer_project("../x", [f"{HOST}/simple/"])

    assert not addresses.found


def test_no_secret_is_kept() -> None:
    """Though the query is part of the cache key."""
    key = f"{HOST}/a-1.zip?X-Signature=SECRET"
    addresses = asking(key)

    addresses.offer("https://USER:PASSWORD@index.example/a-1.zip?X-Signature=SECRET#x")

    assert addresses.found == {name_of(key): f"{HOST}/a-1.zip"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a-1.zip",
        "file:///a-1.zip",
        "https:///a-1.zip",
        "https://[index.example/",
        "git+https://index.example/a",
        "https://ü.example/a",
    ],
)
def test_what_pip_caches_nothing_of(url: str) -> None:
    """It is passed over."""
    addresses = asking(url)

    addresses.offer(url)

    assert not addresses.found


def test_only_what_is_wanted_is_kept() -> None:
    """Memory does not grow with the pages."""
    addresses = Addresses([])

    addresses.offer(f"{HOST}/a/")
    addresses.offer_page(json_page("alpha", catalogue(), IndexStyle()), JSON_TYPE, BASE)

    assert not addresses.found


def long_pages() -> Iterable[tuple[bytes, str]]:
    """Pages that are made to cost much."""
    yield b'"url":"' * 40_000, JSON_TYPE
    yield b'"url":"a\\"' * 40_000, JSON_TYPE
    yield b'"url":"' + b"a" * 1_000_000 + b'"', JSON_TYPE
    yield b"<a href" * 40_000, HTML_TYPE
    yield b"<a " + b"href " * 40_000, HTML_TYPE
    yield b"<a " + b"href = " * 40_000, HTML_TYPE
    yield b"<a href='" * 40_000, HTML_TYPE
    yield b"<a href=\"'" * 40_000, HTML_TYPE
    yield b"<a" + b" " * 1_000_000, HTML_TYPE


@pytest.mark.parametrize("number", range(9))
def test_long_pages_cost_no_more_than_their_length(number: int) -> None:
    """A pattern that goes back and forth would not come to an end."""
    content, content_type = list(long_pages())[number]
    addresses = asking()

    addresses.offer_page(content, content_type, BASE)

    assert not addresses.found


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    st.lists(
        st.sampled_from(
            [b"<a href=", b"<base href=", b'"url":"', b'"', b"'", b">", b"https://"]
        )
        | st.binary(max_size=12),
        max_size=12,
    ),
    st.sampled_from([JSON_TYPE, HTML_TYPE, ""]),
    st.sampled_from([None, BASE, "https://[", "x"]),
)
def test_any_page_can_be_offered(
    pieces: list[bytes], content_type: str, base: str | None
) -> None:
    """Nothing raises."""
    addresses = asking()

    addresses.offer_page(b"".join(pieces), content_type, base)

    assert not addresses.found


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_url_can_be_offered(text: str) -> None:
    """As part of a host or of a path, or as it is."""
    addresses = asking()

    for url in (text, f"https://{text}", f"{HOST}/{text}"):
        addresses.offer(url)
        addresses.offer_project("a", [url])
        addresses.offer_page(json.dumps({"url": url}).encode(), JSON_TYPE, url)

    assert not addresses.found
