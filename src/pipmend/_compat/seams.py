"""Does the loaded CacheControl have the shape that the gates are made for?

Asked of live objects, never of a version number: the controller that a session has just
built, with its cache and its serializer. Whatever does not fit is left alone.
"""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from pipmend import metadata
from pipmend._compat import layouts
from pipmend._compat.layouts import BODY_SUFFIX, Layout, OwnPlace, Place
from pipmend.errors import UnfitError
from pipmend.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import BinaryIO, Protocol

    from pipmend.verify import RequestHeaders

    # What is used of objects of pip's and of CacheControl's: no need to exist.

    class Request(Protocol):
        """The part of requests' PreparedRequest that is used here."""

        url: str
        headers: RequestHeaders

    class Response(Protocol):
        """The part of urllib3's HTTPResponse that is used here."""

        headers: Mapping[str, str]

    class Link(Protocol):
        """The part of pip's Link that is used here."""

        url: str
        hash: str | None
        hash_name: str | None
        file_path: str

    class Got(Protocol):
        """The part of a hash object that is used here."""

        def digest(self) -> bytes:
            """The value."""

    class WheelEntry(Protocol):
        """The part of pip's CacheEntry of the wheel cache that is used here."""

        link: Link
        persistent: bool

    class Download(Protocol):
        """The part of pip's _FileDownload that is used here."""

        output_file: BinaryIO

    class Cache(Protocol):
        """The part of pip's SafeFileCache, or of the library's FileCache."""

        directory: str | os.PathLike[str]

    class Serializer(Protocol):
        """The part of CacheControl's Serializer that is used here."""

        def dumps(self, request: object, response: object, body: bytes) -> bytes:
            """Metadata (and the body, in the one-file storage) as bytes."""

        def prepare_response(
            self, request: object, cached: dict[object, object], *more: object
        ) -> object:
            """The response that decoded metadata is, None if not for this request."""

    class Controller(Protocol):
        """The part of CacheControl's CacheController that is used here."""

        cache: Cache
        serializer: Serializer
        cacheable_status_codes: Container[int]

    class _Code(Protocol):
        co_varnames: tuple[str, ...]
        co_argcount: int
        co_consts: tuple[object, ...]
        co_names: tuple[str, ...]


class Attachment(Record):
    """A function of pip's outside the cache, which may be missing in this pip."""

    module: str
    name: str

    def is_in(self, module: object) -> bool:
        """Whether the loaded module has it."""
        for name in self.name.split("."):
            module = getattr(module, name, None)
        return module is not None


DOWNLOADS = (
    Attachment("pip._internal.network.download", "_http_get_download"),
    Attachment("pip._internal.network.download", "Downloader._http_get"),
)
"""Fetch one file: up to pip 25.1, and after."""

UNPACK = Attachment("pip._internal.operations.prepare", "get_http_url")
RESUMED = Attachment(
    "pip._internal.network.download", "Downloader._cache_resumed_download"
)
"""Stores what it has fetched in parts by itself (pip 25.2 and later)."""

WHEEL_LOOKUP = Attachment("pip._internal.cache", "WheelCache.get_cache_entry")
WHEEL_FOUND = Attachment("pip._internal.cache", "CacheEntry.__init__")
"""Reads what lies beside a wheel that the lookup has found (pip 22.2 and later)."""

COMMAND = Attachment("pip._internal.cli.base_command", "Command._main")
HASH_FAILURE = Attachment("pip._internal.utils.hashes", "Hashes._raise")

SINGLE_LOADER = "_load_from_cache"
"""Since CacheControl 0.13 the other three load through this one."""

_LOADERS = {
    "cached_request": ("self", "request"),
    "conditional_headers": ("self", "request"),
    "update_cached_response": ("self", "request", "response"),
    SINGLE_LOADER: ("self", "request"),
}

DECODER = "_loads_v4"
"""Of the serializer: decodes what stands behind the marker of the format."""

_DECODERS_NAMES = {"msgpack", "loads", "ValueError", "prepare_response"}

STORE = "_cache_set"
_STORE_PARAMETERS = ("self", "cache_url", "request", "response", "body")
_RESPONSE_AT, _BODY_AT = 2, 3
"""Positions in a call of ``_cache_set``, which has more parameters after these."""

_PIPS_PATH_METHOD = "_get_cache_path"
_PATH_METHODS = (_PIPS_PATH_METHOD, "_fn")
"""What names the file of a key: in every pip since 19, and in the library."""

_CACHE_KEY = "https://index.example/simple/"
_ENTRY_PATH = re.compile(
    r"([0-9a-f])/([0-9a-f])/([0-9a-f])/([0-9a-f])/([0-9a-f])/\1\2\3\4\5[0-9a-f]{51}"
)


def has_single_loader(controller: object) -> bool:
    """Whether all loading goes through one method."""
    return hasattr(controller, SINGLE_LOADER)


def has_store(controller: object) -> bool:
    """Whether metadata and body are stored through one method."""
    return hasattr(controller, STORE)


def has_plain_decoder(serializer: Serializer) -> bool:
    """Whether decoding is msgpack, then ``prepare_response`` with what came of it."""
    code = _code(serializer, DECODER)
    if code is None or set(code.co_names) != _DECODERS_NAMES:
        return False
    decoder = _parameters(serializer, DECODER) or ()
    prepare = _parameters(serializer, "prepare_response") or ()
    return (decoder[:3], prepare[:3], decoder[3:]) == (
        ("self", "request", "data"),
        ("self", "request", "cached"),
        prepare[3:],
    )


def keeps_files(controller: Controller) -> bool:
    """Whether the cache of a controller is one on disk; the library has others."""
    return hasattr(controller.cache, "directory")


def is_pips(cache: Cache) -> bool:
    """Whether a cache is pip's, and not one of the library."""
    return hasattr(cache, _PIPS_PATH_METHOD)


def fit(controller: Controller) -> Layout:
    """The storage generation of a controller that fits.

    Raises:
        UnfitError: it does not; the message says where.
    """
    for name, parameters in _LOADERS.items():
        is_absent = name == SINGLE_LOADER and not has_single_loader(controller)
        if not is_absent and _parameters(controller, name) != parameters:
            raise UnfitError(f"CacheController.{name} has an unknown shape")
    layout = _layout_of(controller.cache)
    if layout is Layout.TWO_FILES:
        store = _parameters(controller, STORE) or ()
        if store[: len(_STORE_PARAMETERS)] != _STORE_PARAMETERS:
            raise UnfitError(f"CacheController.{STORE} has an unknown shape")
    if not hasattr(controller, "cacheable_status_codes"):
        raise UnfitError("CacheController does not say what it stores")
    _check_format(controller.serializer)
    return layout


def place_of(layout: Layout, cache: Cache, key: str) -> Place:
    """Where a cache keeps the entry of a cache key."""
    directory = os.fspath(cache.directory)
    find: Callable[[str], str] | None = getattr(cache, _PIPS_PATH_METHOD, None)
    if find is not None:
        return layouts.place_of(layout, directory, find(key))
    # A program may give a relative one; what is recorded has to be found later.
    path = os.path.abspath(_path_of(cache, key))  # noqa: PTH100
    directory = os.path.abspath(directory)  # noqa: PTH100
    return OwnPlace(*layouts.place_of(layout, directory, path))


def body_methods(cache: Cache) -> list[str]:
    """The methods that complete an entry with its body, where it has its own file."""
    return [name for name in ("set_body", "set_body_from_io") if hasattr(cache, name)]


def body_of_store(
    args: tuple[object, ...], kwargs: Mapping[str, object]
) -> bytes | memoryview | None:
    """The body in a call of ``_cache_set``; None while a 304 is merged."""
    body = args[_BODY_AT] if len(args) > _BODY_AT else kwargs.get("body")
    return body if isinstance(body, (bytes, memoryview)) else None


def response_of_store(
    args: tuple[object, ...], kwargs: Mapping[str, object]
) -> Response:
    """The response in a call of ``_cache_set``."""
    return cast(
        "Response",
        args[_RESPONSE_AT] if len(args) > _RESPONSE_AT else kwargs["response"],
    )


def link_of(args: tuple[object, ...], kwargs: Mapping[str, object]) -> Link | None:
    """The link in a call of the function that fetches one file.

    ``_http_get_download(session, link, ...)`` up to pip 25.1, then
    ``Downloader._http_get(link, ...)``.
    """
    for value in (*args[:2], kwargs.get("link")):
        # Of the class: of the object, it would be made.
        if hasattr(type(value), "url_without_fragment"):
            return cast("Link", value)
    return None


def allowed_hashes(
    args: tuple[object, ...], kwargs: Mapping[str, object]
) -> Mapping[str, list[str]]:
    """The hashes in a call of ``get_http_url(link, download, dir, hashes)``."""
    hashes = kwargs.get("hashes", args[3] if len(args) > 3 else None)  # noqa: PLR2004
    allowed = getattr(hashes, "_allowed", None)
    return allowed if isinstance(allowed, dict) else {}


def _path_of(cache: Cache, key: str) -> str:
    name = next(name for name in _PATH_METHODS if hasattr(cache, name))
    find: Callable[[str], str] = getattr(cache, name)
    return find(key)


def _layout_of(cache: Cache) -> Layout:
    directory: object = getattr(cache, "directory", None)
    if isinstance(directory, os.PathLike):
        directory = os.fspath(directory)
    if not isinstance(directory, str):
        raise UnfitError("the cache names no folder")
    for name in ("get", "set"):
        if _code(cache, name) is None:
            raise UnfitError(f"the cache has no {name}")
    if not any(_code(cache, name) for name in _PATH_METHODS):
        raise UnfitError("the cache does not say where its files are")
    below = os.path.relpath(_path_of(cache, _CACHE_KEY), directory)
    if not _ENTRY_PATH.fullmatch(below.replace(os.sep, "/")):
        raise UnfitError("the cache names its files in an unknown way")
    if not hasattr(cache, "get_body"):
        return Layout.ONE_FILE
    # The one sign of where bodies are that can be read without writing any.
    if BODY_SUFFIX not in getattr(_code(cache, "get_body"), "co_consts", ()):
        raise UnfitError("the cache keeps bodies in an unknown place")
    return Layout.TWO_FILES


def _check_format(serializer: Serializer) -> None:
    """What this pip writes must be what is understood here."""
    response = SimpleNamespace(
        headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Vary": "Accept"},
        status=200,
        version=11,
        reason="OK",
        strict=0,
        decode_content=False,
    )
    request = SimpleNamespace(headers={"Accept": "*/*"})
    stored = metadata.decode(serializer.dumps(request, response, b"x"))
    if not isinstance(stored, metadata.StoredResponse):
        raise UnfitError(f"the cache format is unknown ({stored.summary})")
    if (stored.status, stored.inline_body, stored.vary) != (
        response.status,
        b"x",
        {"Accept": "*/*"},
    ):
        raise UnfitError("the cache format has another meaning")


def _parameters(owner: object, name: str) -> tuple[str, ...] | None:
    code = _code(owner, name)
    return None if code is None else code.co_varnames[: code.co_argcount]


def _code(owner: object, name: str) -> _Code | None:
    method: Callable[..., object] | None = getattr(owner, name, None)
    return getattr(getattr(method, "__func__", method), "__code__", None)
