"""Content codings (RFC 9110 section 8.4.1): is a stored body whole, and what is in it?

Bodies are stored as they came over the wire, so a compressed index page is checked
by decompressing it. Only the codings of the standard library are judged; any other
is left to pip.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CHUNK_SIZE = 256 * 1024
"""Bytes read at a time."""

_PIECE_SIZE = 8 * 1024
"""Compressed bytes handed over at a time: where a member ends, the rest is copied."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b\x08"


class CodingError(ValueError):
    """The stream does not decode, or ends too early."""


def is_known(coding: str) -> bool:
    """Whether :func:`decoded` can judge a Content-Encoding value."""
    return coding in {"", "identity", "gzip", "x-gzip", "deflate"}


def decoded(body: BinaryIO, coding: str) -> Iterator[bytes]:
    """Yield the content of a body from its start, a chunk at a time.

    Raises:
        CodingError: the stream is cut or damaged.
    """
    body.seek(0)
    chunks = iter(lambda: body.read(CHUNK_SIZE), b"")
    if coding in {"", "identity"}:
        yield from chunks
    elif coding == "deflate":
        yield from _inflated(chunks, _deflate_window(body))
    else:
        yield from _inflated(chunks, _GZIP_WINDOW)


def whole(body: BinaryIO, coding: str, largest: int) -> bytes | None:
    """The content of a body; None if it has more bytes than `largest`.

    Raises:
        CodingError: the stream is cut or damaged.
    """
    content = bytearray()
    for chunk in decoded(body, coding):
        content += chunk
        if len(content) > largest:
            return None
    return bytes(content)


def _deflate_window(body: BinaryIO) -> int:
    """``deflate`` means zlib's format; some servers send the bare stream instead."""
    header = body.read(2)
    body.seek(0)
    is_zlib = (
        len(header) == 2  # noqa: PLR2004
        and header[0] & 0x0F == zlib.DEFLATED
        and int.from_bytes(header, "big") % 31 == 0
    )
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _inflated(chunks: Iterator[bytes], window: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(window)
    for chunk in chunks:
        pending, at = chunk, 0
        while at < len(pending):
            if stream.eof:
                if len(pending) - at < len(_GZIP_MAGIC):
                    pending, at = pending[at:] + next(chunks, b""), 0
                # Another gzip member may follow (RFC 1952 section 2.2); what else
                # follows is ignored by pip, so it is here.
                if window != _GZIP_WINDOW or not pending.startswith(_GZIP_MAGIC, at):
                    return
                stream = zlib.decompressobj(window)
            piece = pending[at : at + _PIECE_SIZE]
            yield _step(stream, piece)
            at += len(piece) - len(stream.unconsumed_tail or stream.unused_data)
    if not stream.eof:
        raise CodingError("the compressed stream is cut")


def _step(stream: zlib._Decompress, data: bytes) -> bytes:
    try:
        return stream.decompress(data, CHUNK_SIZE)
    except zlib.error as error:
        raise CodingError("the compressed stream is damaged") from error
