"""Index pages: whole ones pass, and a cut one is told by its own text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.index_pages import HTML_TYPE, html_page, json_page
from lab.index_style import IndexStyle
from lab.packages import catalogue
from pipmend import pages

JSON = pages.JSON_TYPE
STYLE = IndexStyle(core_metadata=True)
FILES = catalogue()[:3]

JSON_PAGE = json_page("alpha", FILES, STYLE)
HTML_PAGE = html_page("alpha", FILES, replace(STYLE, link_hashes=True)) + b"\n"

OTHER_PAGES = {
    "devpi": b"""<!DOCTYPE html><html><head><title>root/alpha</title></head><body>
<h1>links for alpha</h1>
<a href="../../+f/1/alpha-1.0.tar.gz#md5=0123">alpha-1.0.tar.gz</a><br/>
</body></html>""",
    "xhtml": b"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><body>
<!-- files -->
<a href="alpha-1.0.tar.gz">alpha-1.0.tar.gz</a></body></html>
""",
    "loud": b'<HTML>\r\n<BODY BGCOLOR="white">\r\n<A HREF="a-1.zip">a-1.zip</A>\r\n'
    b"</BODY>\r\n</HTML>\r\n",
}
"""Pages as other servers write them."""

HTML_PAGES = {"main": HTML_PAGE, **OTHER_PAGES}


def ends_whole(page: bytes) -> int:
    """The first position at which nothing is lost: all links are in the body."""
    return page.lower().index(b"</body>") + len(b"</body>")


@pytest.mark.parametrize(
    ("media_type", "is_empty", "expected"),
    [
        pytest.param(JSON, False, True, id="json"),
        pytest.param(JSON, True, True, id="json-empty"),
        pytest.param("application/vnd.pypi.simple.v1+html", False, True, id="html-v1"),
        pytest.param("text/html", False, True, id="html"),
        pytest.param("text/html", True, False, id="html-empty"),
        pytest.param("application/octet-stream", False, False, id="file"),
        pytest.param("application/json", False, False, id="other-json"),
        pytest.param("text/plain", False, False, id="text"),
        pytest.param("", False, False, id="none"),
    ],
)
def test_what_pip_reads_as_a_page(
    media_type: str, is_empty: bool, expected: bool
) -> None:
    """By its media type alone."""
    assert pages.is_page(media_type, is_empty=is_empty) is expected


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(JSON_PAGE, JSON, id="json"),
        pytest.param(JSON_PAGE, f"{JSON}; charset=utf-8", id="json-with-charset"),
        pytest.param(JSON_PAGE, JSON.title(), id="json-type-in-capitals"),
        pytest.param(b"\n" + JSON_PAGE + b"\n", JSON, id="json-spaced"),
        pytest.param(b'{"files": []}', JSON, id="json-without-files"),
        pytest.param(b'{"meta": {}}', JSON, id="json-without-list-of-files"),
        *(pytest.param(page, HTML_TYPE, id=name) for name, page in HTML_PAGES.items()),
        pytest.param(
            "<html>é</html>".encode("latin-1"), "text/html;charset=latin-1", id="latin"
        ),
        pytest.param(
            "<html>é</html>".encode("utf-16"), 'text/html; charset="utf-16"', id="utf16"
        ),
        pytest.param(b"<a href=x>x</a>", HTML_TYPE, id="anchors-alone"),
        pytest.param(b"<!DOCTYPE html>\n<a href=x>x</a>", HTML_TYPE, id="no-html-tag"),
        pytest.param(b"<a href=x>x<br>\n<a href=y>y<br>", HTML_TYPE, id="unclosed"),
        pytest.param(b"no files yet", HTML_TYPE, id="plain-words"),
        pytest.param(b"<!-- a < b --><p>x</p>", HTML_TYPE, id="comment"),
        pytest.param(b"PK\x03\x04\0\0\xff", HTML_TYPE, id="zip-served-as-html"),
        pytest.param(b"\x1f\x8b\x08\0\0\xff", HTML_TYPE, id="gzip-served-as-html"),
        pytest.param(b"Metadata-Version: 2.1\n", HTML_TYPE, id="metadata-as-html"),
    ],
)
def test_whole_pages_pass(content: bytes, content_type: str) -> None:
    """Also those that look odd, and files with the wrong type."""
    assert pages.flaw_of(content, content_type) is None


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"", JSON, id="json-empty"),
        pytest.param(b" \n", JSON, id="json-blank"),
        pytest.param(HTML_PAGE, JSON, id="html-in-the-place-of-json"),
        pytest.param(JSON_PAGE + JSON_PAGE, JSON, id="json-twice"),
        pytest.param(JSON_PAGE + b"\0", JSON, id="json-with-a-tail"),
        pytest.param(b"[]", JSON, id="json-list"),
        pytest.param(b"null", JSON, id="json-null"),
        pytest.param(b'{"files": null}', JSON, id="json-files-null"),
        pytest.param(b'{"files": ["a"]}', JSON, id="json-files-of-text"),
        pytest.param(b'{"files": "\xff"}', JSON, id="json-not-text"),
        pytest.param(b"[" * 100_000, JSON, id="json-too-deep"),
        pytest.param(b" \n", HTML_TYPE, id="html-blank"),
        pytest.param(bytes(len(HTML_PAGE)), HTML_TYPE, id="nul-filled"),
        pytest.param(HTML_PAGE[:200] + bytes(200), HTML_TYPE, id="nul-tail"),
        pytest.param(HTML_PAGE + b"\xff", HTML_TYPE, id="html-not-text"),
        pytest.param(HTML_PAGE, "text/html; charset=utf-99", id="unknown-charset"),
        pytest.param(HTML_PAGE, "text/html; charset=u\0", id="charset-with-nul"),
        pytest.param(HTML_PAGE, "text/html; charset=undefined", id="charset-undefined"),
        pytest.param(b"<!DOCTYPE html>\n", HTML_TYPE, id="doctype-alone"),
        pytest.param(b"<p>x</p><!-- generated", HTML_TYPE, id="in-a-comment"),
        pytest.param(b"<a href=x>x</a><a hre", HTML_TYPE, id="in-a-tag"),
        pytest.param(b"<a href=x>x</a><a href=y>", HTML_TYPE, id="in-a-link"),
    ],
)
def test_pages_that_are_not_whole_are_told(content: bytes, content_type: str) -> None:
    """In a few words."""
    flaw = pages.flaw_of(content, content_type)

    assert flaw is not None
    assert len(flaw) < 60


def test_every_cut_of_a_json_page_is_told() -> None:
    """JSON says where it ends."""
    ends = range(len(JSON_PAGE))

    passing = [end for end in ends if pages.flaw_of(JSON_PAGE[:end], JSON) is None]

    assert not passing


@pytest.mark.parametrize("page", HTML_PAGES.values(), ids=HTML_PAGES)
def test_every_cut_of_an_html_page_is_told(page: bytes) -> None:
    """But for one that loses nothing that pip reads: after the body."""
    ends = range(ends_whole(page))

    passing = [end for end in ends if pages.flaw_of(page[:end], HTML_TYPE) is None]

    assert not passing


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=20), max_size=5), st.data())
def test_no_name_of_a_file_hides_the_cut_of_a_json_page(
    names: list[str], data: st.DataObject
) -> None:
    """Whatever text a page holds."""
    files = [{"filename": name, "url": name, "hashes": {}} for name in names]
    page = json.dumps({"name": "a", "files": files}, ensure_ascii=False).encode()
    end = data.draw(st.integers(0, len(page) - 1))

    assert pages.flaw_of(page, JSON) is None
    assert pages.flaw_of(page[:end], JSON) is not None


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.binary(max_size=100) | st.text(max_size=100).map(str.encode),
    st.sampled_from([JSON, HTML_TYPE, f"{HTML_TYPE}; charset="]),
    st.text(max_size=12) | st.sampled_from(["idna", "utf-7", "punycode", "utf_16"]),
)
def test_judging_any_content_never_raises(
    content: bytes, content_type: str, charset: str
) -> None:
    """The answer is a few words or None."""
    flaw = pages.flaw_of(content, content_type + charset)

    assert flaw is None or flaw
