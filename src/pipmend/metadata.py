"""The metadata of an entry, decoded strictly: CacheControl's ``cc=4,`` + msgpack.

pip ignores metadata whose decoding raises ValueError and ends with a traceback on
other damage (pypa/pip#4165), so the shape is checked here before pip sees it. A key
that pip may learn to write one day is let through: pip's own loading decides then.
"""

from __future__ import annotations

import calendar
import functools
from email.utils import parsedate_tz
from typing import TYPE_CHECKING

import msgpack

from pipmend._compat.layouts import LARGEST_METADATA
from pipmend.verdicts import Reason, Verdict, corrupt

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = b"cc=4,"
"""Format marker of every CacheControl since 0.12; older formats are not decoded."""

# In the one-file storage the body stands first, under these keys of these two maps.
_KEYS_OF_BODY = (b"\xa8response", b"\xa4body\xc6")
_MAP_SIZE = 1
_LENGTH_SIZE = 4
MOST_ITEMS = 1 << 16
"""Of one map or array: their memory is taken before the items are there."""

# int, since 0.12 wrote urllib3's ``strict`` flag as a number; None or a text where a
# response was made by hand (pip's resumed downloads have no reason phrase).
_RESPONSE_TYPES: dict[str, tuple[type, ...]] = {
    "body": (bytes,),
    "headers": (dict,),
    "status": (int,),
    "version": (int, str, type(None)),
    "reason": (str, type(None)),
    "decode_content": (bool,),
}
_REQUIRED = ("body", "headers", "status")

_TEXT: frozenset[type] = frozenset({str})
_TEXT_OR_NONE: frozenset[type] = frozenset({str, type(None)})
_LENGTHS_OF_NAMES = {len("date"), len("content-length")}

_MONTHS = frozenset(
    {"Jan", "Feb", "Mar", "Apr", "May", "Jun"}
    | {"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)

_LONGEST_LENGTH = 20  # digits: more than any file has, fewer than int() refuses

Flaw = Verdict
"""A verdict that says what is wrong with the bytes."""


class StoredResponse:
    """What an entry's metadata says (RFC 9111 section 3)."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        vary: Mapping[str, str | None],
        inline_body: bytes,
        content: dict[object, object] | None = None,
    ) -> None:
        """Take what it says.

        Args:
            status: the status code.
            headers: the header fields.
            vary: request header fields that selected the response, as they were sent.
            inline_body: the body in the one-file storage of pip up to 23.2; else empty.
            content: all of it, as pip decodes it; None where it was not decoded.
        """
        self.status = status
        self._headers = headers
        self.vary = vary
        self.inline_body = inline_body
        self.content = content

    @functools.cached_property
    def fields(self) -> Mapping[str, str]:
        """Header fields by lower-case name; nobody asks for those of sealed entries."""
        return {name.lower(): value for name, value in self._headers.items()}

    @property
    def declared_length(self) -> int | None:
        """Content-Length in bytes, None when absent or not a number."""
        lengths = _lengths(self.field("content-length"))
        return lengths.pop() if len(lengths) == 1 else None

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.field("content-type").partition(";")[0].strip().lower()

    def field(self, name: str) -> str:
        """The value of a header field, empty when absent; the name in lower case."""
        return self.fields.get(name, "")


def decode(data: bytes) -> StoredResponse | Flaw:
    """Decode the metadata bytes of an entry, or say what is wrong with them."""
    if not data.strip(b"\0"):
        found = f"{len(data):,} NUL bytes" if data else "empty"
        return corrupt(Reason.METADATA_UNDECODABLE, found)
    if not data.startswith(PREFIX):
        found = f"starts with {data[: len(PREFIX)]!r}"
        return corrupt(Reason.METADATA_FORMAT, found, repr(PREFIX))
    if len(data) > LARGEST_METADATA and _size_without_body(data) > LARGEST_METADATA:
        return _misshapen("too large for metadata")
    try:
        content: object = msgpack.unpackb(
            memoryview(data)[len(PREFIX) :],
            raw=False,
            strict_map_key=True,
            max_array_len=MOST_ITEMS,
            max_map_len=MOST_ITEMS,
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        # TypeError: unhashable keys.
        found = f"not msgpack ({error.__class__.__name__})"
        return corrupt(Reason.METADATA_UNDECODABLE, found)
    return _from_map(content)


def _size_without_body(data: bytes) -> int:
    """Bytes beside the body that the one-file storage has near the start."""
    at = len(PREFIX)
    for key in _KEYS_OF_BODY:
        at += _MAP_SIZE
        if data[at : at + len(key)] != key:
            return len(data)
        at += len(key)
    length = data[at : at + _LENGTH_SIZE]
    return len(data) - int.from_bytes(length, "big")


def _from_map(content: object) -> StoredResponse | Flaw:
    if not isinstance(content, dict):
        return _misshapen(f"a {type(content).__name__}", "a map")
    response = content.get("response")
    if not isinstance(response, dict):
        return _misshapen("no map 'response'")
    for key, types in _RESPONSE_TYPES.items():
        if key not in response and key in _REQUIRED:
            return _misshapen(f"no {key!r} in 'response'")
        # bool is an int to isinstance, but no status code.
        if key in response and type(response[key]) not in types:
            return _misshapen(f"{key!r} is a {type(response[key]).__name__}")
    return _from_parts(content, response)


def _from_parts(
    content: dict[object, object], response: dict[str, object]
) -> StoredResponse | Flaw:
    vary = content.get("vary", {})
    headers, status, body = response["headers"], response["status"], response["body"]
    if not isinstance(vary, dict) or not _are_fields(vary, _TEXT_OR_NONE):
        return _misshapen("'vary' is no map of header fields")
    if not isinstance(headers, dict) or not _are_fields(headers, _TEXT):
        return _misshapen("a header field is no text")
    if not isinstance(status, int) or not isinstance(body, bytes):
        return _misshapen("'status' or 'body' is mistyped")
    flaw = _flaw_of_fields(headers)
    return flaw or StoredResponse(status, headers, vary, body, content)


def _are_fields(fields: dict[object, object], types: frozenset[type]) -> bool:
    # Faster than one by one, which took a tenth of the time that judging takes.
    return _TEXT.issuperset(map(type, fields)) and types.issuperset(
        map(type, fields.values())
    )


def _flaw_of_fields(headers: Mapping[str, str]) -> Flaw | None:
    """Header fields over which pip stumbles with a traceback on every run."""
    # The length of a name says of most that they are others. The last one counts.
    fields = {
        name.lower(): value
        for name, value in headers.items()
        if len(name) in _LENGTHS_OF_NAMES
    }
    date = fields.get("date")
    if date is not None and not _is_date(date):
        return _misshapen("an unreadable Date")
    length = fields.get("content-length", "")
    if "," in length and len(_lengths(length)) > 1:
        return _misshapen("two values of Content-Length")
    return None


def _lengths(value: str) -> set[int]:
    """The distinct values of a Content-Length; none if any of them is no number."""
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return set()
    return {int(part[-_LONGEST_LENGTH:]) for part in parts}


def _is_date(value: str) -> bool:
    if _is_fixdate(value):
        return True
    parsed = parsedate_tz(value)
    try:
        return parsed is not None and calendar.timegm(parsed[:6]) is not None
    except (ValueError, OverflowError):
        return False


def _is_fixdate(value: str) -> bool:
    """Whether it is a date in the form that servers send (RFC 9110 section 5.6.7).

    Nearly all are, and to parse one takes as long as all other checks of an entry.
    """
    day, month, year = value[5:7], value[8:11], value[12:16]
    hour, minute, second = value[17:19], value[20:22], value[23:25]
    return (
        month in _MONTHS
        and value[:3].isalpha()
        and f"{day}{year}{hour}{minute}{second}".isdecimal()
        and value[3:] == f", {day} {month} {year} {hour}:{minute}:{second} GMT"
        and value.isascii()
    )


def _misshapen(found: str, expected: str | None = None) -> Flaw:
    return corrupt(Reason.METADATA_SHAPE, found, expected)
