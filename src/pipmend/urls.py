"""URLs of entries: without credentials for the record, by name for a person."""

from __future__ import annotations

import re
import urllib.parse

# Patterns are compiled when they are first used: most runs meet nothing to tell of.
_CONTROLS = r"[^\x20-\x7e]+"
_LONGEST_NAME = 120
_LONGEST_TEXT = 1000
_CREDENTIALS = r"(://)[^/\s]*@"
_QUERY = r"(://[^\s?#]*)[?#]\S*"

# Files are recognised by their names (PEP 427, PEP 625, PEP 658).
_FILE_NAME = r"(?i)\.(whl|zip|egg|tgz|tar(\.(gz|bz2|xz|Z|zst|lzma))?)(\.metadata)?$"


def redacted(url: str) -> str:
    """A URL without user name, password, query and fragment.

    Signed download links carry their secret in the query, so that goes too.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
    return re.sub(_CONTROLS, "?", bare)


def without_credentials(text: str) -> str:
    """A text of pip's without what could be a secret in the URLs that it names."""
    text = re.sub(_CREDENTIALS, r"\1", text)
    text = re.sub(_QUERY, r"\1", text)
    return re.sub(_CONTROLS, " ", text).strip()[:_LONGEST_TEXT]


def subject_of(url: str) -> str:
    """What a URL stands for, in words such as ``the cached page of 'idna'``."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.unquote(parts.path)
    name = path.rstrip("/").rpartition("/")[2]
    name = re.sub(_CONTROLS, "?", name)[:_LONGEST_NAME]
    name = name or redacted(url)
    if parts.scheme == "file":
        return f"the built wheel {name}" if name.endswith(".whl") else f"{name}"
    if not re.search(_FILE_NAME, name):
        return f"the cached page of '{name}'"
    if name.lower().endswith(".metadata"):
        return f"the cached metadata of {name[: -len('.metadata')]}"
    return f"the cached file {name}"
