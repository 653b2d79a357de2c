"""URLs of entries: without credentials for the record, by name for a person."""

from __future__ import annotations

import re
import urllib.parse

# Patterns are compiled when they are first used: most runs meet nothing to tell of.
_CONTROLS = r"[^\x20-\x7e]+"
_LONGEST_NAME = 120
_LONGEST_TEXT = 1000
_CREDENTIALS = r"(://)[^/]*@"
# Who writes a slash into a password has all behind it taken for a path; what stands
# between a colon and that slash is then no port, and there is no "@" before it.
_CARELESS_LOGIN = r"(?s)(://)(?!\[)[^/?#@:]*:(?!\d*([/?#]|$)|[^/?#]*@).*"

# Files are recognised by their names (PEP 427, PEP 625, PEP 658).
_FILE_NAME = r"(?i)\.(whl|zip|egg|tgz|tar(\.(gz|bz2|xz|Z|zst|lzma))?)(\.metadata)?$"


def redacted(url: str) -> str:
    """A URL without user name, password, query and fragment.

    Signed download links carry their secret in the query, so that goes too.
    """
    parts = urllib.parse.urlsplit(_without_careless_login(url))
    host = parts.netloc.rpartition("@")[2]
    bare = urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
    return re.sub(_CONTROLS, "?", bare)


def without_credentials(text: str) -> str:
    """A text of pip's without what could be a secret in the URLs that it names.

    Of these it may leave out scheme and host: ``with url: /simple/idna/?token=...``.
    """
    text = re.sub(r"\S+", _harmless_word, text)
    return re.sub(_CONTROLS, " ", text).strip()[:_LONGEST_TEXT]


def shown(text: str) -> str:
    """A name that anybody may have made up, for one line: short, without controls."""
    return re.sub(_CONTROLS, "?", text)[:_LONGEST_NAME]


def subject_of(url: str) -> str:
    """What a URL stands for, in words such as ``the cached page of 'idna'``."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path)
    name = path.rstrip("/").rpartition("/")[2]
    name = shown(name) or redacted(url)
    if parts.scheme == "file":
        return f"the built wheel {name}" if name.endswith(".whl") else f"{name}"
    if not re.search(_FILE_NAME, name):
        return f"the cached page of '{name}'"
    if name.lower().endswith(".metadata"):
        return f"the cached metadata of {name[: -len('.metadata')]}"
    return f"the cached file {name}"


def _harmless_word(match: re.Match[str]) -> str:
    word = match[0]
    if "://" in word:
        word = re.sub(_CREDENTIALS, r"\1", _without_careless_login(word))
    rest = re.split(r"[?#]", word, maxsplit=1)
    is_query = len(rest) > 1 and ("/" in rest[0] or "=" in rest[1])
    return rest[0] if is_query else word


def _without_careless_login(word: str) -> str:
    before, at, behind = word.rpartition("@")
    return re.sub(_CARELESS_LOGIN, r"\1", before + at) + behind if at else word
