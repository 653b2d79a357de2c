"""URLs: secrets never get out, and a person recognises what is meant."""

from __future__ import annotations

import string
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipmend import urls

FILE = "https://index.example/packages/aa/bb/alpha-1.0-py3-none-any.whl"

# Each secret is marked, so that no part of it is in a URL by chance.
SECRETS = st.text(
    string.ascii_letters + string.digits + "-._~%!$&'()*+,;=", max_size=12
)
PATHS = st.lists(st.text(string.ascii_lowercase + "-._%20", max_size=8), max_size=4)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(FILE, FILE, id="plain"),
        pytest.param(
            "https://user:pass@index.example:8443/simple/a/",
            "https://index.example:8443/simple/a/",
            id="user-and-password",
        ),
        pytest.param(
            "https://token@index.example/a", "https://index.example/a", id="token"
        ),
        pytest.param(
            "https://u:p@ss@index.example/a", "https://index.example/a", id="two-ats"
        ),
        pytest.param(f"{FILE}?X-Signature=s&e=1", FILE, id="signed"),
        pytest.param(f"{FILE}#sha256=00", FILE, id="fragment"),
        pytest.param(
            "https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a", id="address"
        ),
        pytest.param(
            "https://index.example/a\x1b[31m\u202eb",
            "https://index.example/a?[31m?b",
            id="control-characters",
        ),
        pytest.param("file:///home/me/a.whl", "file:///home/me/a.whl", id="file"),
        pytest.param("", "", id="empty"),
    ],
)
def test_redacted(url: str, expected: str) -> None:
    """Scheme, host, port and path stay."""
    assert urls.redacted(url) == expected


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.tuples(SECRETS, SECRETS, SECRETS, SECRETS),
    st.sampled_from(["http", "https", "git+https", "HTTPS"]),
    PATHS,
)
def test_no_secret_is_left_in_a_redacted_url(
    secrets: tuple[str, str, str, str], scheme: str, path: list[str]
) -> None:
    """Neither user name, nor password, nor anything of query and fragment."""
    user, password, query, fragment = secrets
    url = (
        f"{scheme}://USER{user}:PASSWORD{password}@index.example:8443/"
        f"{'/'.join(path)}?QUERY{query}#FRAGMENT{fragment}"
    )

    redacted = urls.redacted(url)

    for mark in ("USER", "PASSWORD", "QUERY", "FRAGMENT", "@"):
        assert mark not in redacted
    assert urllib.parse.urlsplit(redacted).netloc == "index.example:8443"
    assert urls.redacted(redacted) == redacted


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(max_size=40))
def test_what_is_recorded_has_no_control_characters(path: str) -> None:
    """Nothing that a terminal would take for a command."""
    url = f"https://index.example/{path}"

    for text in (urls.redacted(url), urls.subject_of(url)):
        assert text.isprintable()
        assert text.isascii()


@pytest.mark.parametrize(
    ("url", "subject"),
    [
        pytest.param(
            "https://index.example/simple/idna/", "the cached page of 'idna'", id="page"
        ),
        pytest.param(
            "https://index.example/simple/idna", "the cached page of 'idna'", id="bare"
        ),
        pytest.param(FILE, "the cached file alpha-1.0-py3-none-any.whl", id="wheel"),
        pytest.param(
            "https://u:p@index.example/a-1.TAR.GZ?s=1#x",
            "the cached file a-1.TAR.GZ",
            id="sdist",
        ),
        pytest.param(
            f"{FILE}.metadata",
            "the cached metadata of alpha-1.0-py3-none-any.whl",
            id="metadata",
        ),
        pytest.param(
            "https://index.example/a%20b-1.zip",
            "the cached file a b-1.zip",
            id="quoted",
        ),
        pytest.param(
            "https://index.example/simple/%1b%5bx/",
            "the cached page of '?[x'",
            id="control-characters",
        ),
    ],
)
def test_subject(url: str, subject: str) -> None:
    """As it stands in the line that pip prints."""
    assert urls.subject_of(url) == subject


def test_a_subject_is_short() -> None:
    """It is a part of one line."""
    assert len(urls.subject_of("https://index.example/" + "a" * 5000)) < 200
