"""Does the loaded pip have the shape that the gates are made for?

Asked of live objects, never of a version number: the controller that a pip session
has just built, with its cache and its serializer. Whatever does not fit is left alone.
"""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Protocol

from pipmend import metadata
from pipmend._compat.layouts import BODY_SUFFIX, Layout
from pipmend.errors import UnfitError

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from pipmend.verify import RequestHeaders


class Request(Protocol):
    """The part of requests' PreparedRequest that is used here."""

    url: str
    headers: RequestHeaders


class Cache(Protocol):
    """The part of pip's SafeFileCache that is used here."""

    directory: str

    def _get_cache_path(self, name: str) -> str: ...


class Serializer(Protocol):
    """The part of CacheControl's Serializer that is used here."""

    def dumps(self, request: object, response: object, body: bytes) -> bytes:
        """Metadata (and the body, in the one-file storage) as bytes."""


class Controller(Protocol):
    """The part of CacheControl's CacheController that is used here."""

    cache: Cache
    serializer: Serializer
    cacheable_status_codes: Container[int]


SINGLE_LOADER = "_load_from_cache"
"""Since CacheControl 0.13 the other three load through this one."""

_LOADERS = {
    "cached_request": ("self", "request"),
    "conditional_headers": ("self", "request"),
    "update_cached_response": ("self", "request", "response"),
    SINGLE_LOADER: ("self", "request"),
}

_CACHE_KEY = "https://index.example/simple/"
_ENTRY_PATH = re.compile(
    r"([0-9a-f])/([0-9a-f])/([0-9a-f])/([0-9a-f])/([0-9a-f])/\1\2\3\4\5[0-9a-f]{51}"
)


def has_single_loader(controller: object) -> bool:
    """Whether all loading goes through one method."""
    return hasattr(controller, SINGLE_LOADER)


def fit(controller: Controller) -> Layout:
    """The storage generation of a pip that fits.

    Raises:
        UnfitError: it does not; the message says where.
    """
    for name, parameters in _LOADERS.items():
        is_absent = name == SINGLE_LOADER and not has_single_loader(controller)
        if not is_absent and _parameters(controller, name) != parameters:
            raise UnfitError(f"CacheController.{name} has an unknown shape")
    layout = _layout_of(controller.cache)
    _check_format(controller.serializer)
    return layout


def path_of(cache: Cache, key: str) -> str:
    """Where a cache keeps the metadata of a cache key."""
    return cache._get_cache_path(key)  # noqa: SLF001 - the name in every pip since 19


def store_methods(layout: Layout, cache: Cache) -> list[str]:
    """The methods that complete an entry when it is stored."""
    if layout is Layout.ONE_FILE:
        return ["set"]
    return [name for name in ("set_body", "set_body_from_io") if hasattr(cache, name)]


def _layout_of(cache: Cache) -> Layout:
    if not isinstance(getattr(cache, "directory", None), str):
        raise UnfitError("the cache names no folder")
    for name in ("get", "set", "_get_cache_path"):
        if _code(cache, name) is None:
            raise UnfitError(f"the cache has no {name}")
    below = os.path.relpath(path_of(cache, _CACHE_KEY), cache.directory)
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


class _Code(Protocol):
    co_varnames: tuple[str, ...]
    co_argcount: int
    co_consts: tuple[object, ...]
