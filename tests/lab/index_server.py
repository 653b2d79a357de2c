"""A package index on this machine, over TLS, that stops by itself."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from lab.index_answers import Answer, Override, Request, Site
from lab.index_style import IndexStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from lab.packages import Artifact

__all__ = ["Answer", "IndexStyle", "LocalIndex", "Override", "Request", "Served"]

_LIFETIME = 30 * 60
"""Seconds after which an index stops even when nobody closes it."""

_IDLE = 30
"""Seconds that a connection may stay silent."""

_CHUNK = 4096

_HOST = "localhost"
"""A name: pip 24.2 to 25.3 cannot speak TLS to an address."""


@dataclass(frozen=True)
class Served:
    """One answered request; ``body_bytes`` counts the body without its framing."""

    method: str
    path: str
    status: int
    body_bytes: int
    if_none_match: str | None
    range: str | None
    cache_control: str | None


class LocalIndex:
    """An index that serves artifacts at ``url`` while its ``with`` block runs.

    ``style`` may be replaced at any time and counts from the next request on.
    """

    def __init__(
        self,
        artifacts: Iterable[Artifact],
        style: IndexStyle | None = None,
        *,
        lifetime: float = _LIFETIME,
    ) -> None:
        self._site = Site({artifact.filename: artifact for artifact in artifacts})
        self._site.style = style or IndexStyle()
        self._lifetime = lifetime
        self._served: list[Served] = []
        self._paths: dict[str, None] = {}
        self._resources = contextlib.ExitStack()
        self._stopping = threading.Event()
        self._ca_file: Path | None = None
        self._port = 0

    def __enter__(self) -> Self:
        authority = trustme.CA()
        folder = self._resources.enter_context(tempfile.TemporaryDirectory())
        self._ca_file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(self._ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        server = _Server(context, self._answer)
        self._port = server.server_address[1]
        thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
        thread.start()
        self._resources.callback(thread.join)
        self._resources.callback(self._stopping.set)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"https://{_HOST}:{self._port}"

    @property
    def url(self) -> str:
        """The index URL for pip."""
        return f"{self.origin}/simple/"

    @property
    def login_url(self) -> str:
        """The index URL with the user and password of the style in it."""
        user, password = self.style.basic_auth or ("", "")
        return f"https://{user}:{password}@{_HOST}:{self._port}/simple/"

    @property
    def ca_file(self) -> Path:
        """The certificate in PEM that a client has to trust."""
        if self._ca_file is None:
            raise RuntimeError("The index is not running.")
        return self._ca_file

    @property
    def style(self) -> IndexStyle:
        """How the index behaves now."""
        return self._site.style

    @style.setter
    def style(self, style: IndexStyle) -> None:
        self._site.style = style

    @property
    def served(self) -> list[Served]:
        """All answers since the start or the last ``clear``, in order."""
        return list(self._served)

    @property
    def urls(self) -> tuple[str, ...]:
        """Each URL that was ever asked for, also before a ``clear``."""
        return tuple(self.origin + path for path in self._paths)

    @property
    def body_bytes(self) -> int:
        """Body bytes of all answers in ``served``."""
        return sum(answer.body_bytes for answer in self._served)

    def requests_to(self, fragment: str) -> list[Served]:
        """The answers whose path contains ``fragment``."""
        return [answer for answer in self._served if fragment in answer.path]

    def clear(self) -> None:
        """Forget what was served; ``urls`` stays."""
        self._served.clear()

    def publish(self, artifact: Artifact) -> None:
        """Add an artifact, or replace the one of the same file name."""
        self._site.artifacts[artifact.filename] = artifact

    def withdraw(self, filename: str) -> None:
        """Take a file off its page and answer 404 for it."""
        del self._site.artifacts[filename]

    def override(self, path: str, content: Override) -> None:
        """Answer a path (``/simple/alpha/``) with something else.

        Bytes get the usual headers of the path, computed for these bytes; a
        function gets the request and returns the whole answer.
        """
        self._site.overrides[path] = content

    def usual_answer(self, request: Request) -> Answer:
        """What the index would answer without an override, for one to change."""
        return self._site.usual(request)

    def restore(self, path: str) -> None:
        """End an override."""
        self._site.overrides.pop(path, None)

    def _answer(self, request: Request) -> Answer:
        answer = self._site.answer(request)
        has_body = request.method != "HEAD" and answer.status != 304
        size = len(answer.body[: answer.cut_after]) if has_body else 0
        # Before a byte is sent, so that it is here when the client has ended.
        self._paths[request.path] = None
        self._served.append(
            Served(
                request.method,
                request.path,
                answer.status,
                size,
                request.headers.get("if-none-match"),
                request.headers.get("range"),
                request.headers.get("cache-control"),
            )
        )
        return answer

    def _serve(self, server: _Server) -> None:
        end = time.monotonic() + self._lifetime
        with server:
            while not self._stopping.is_set() and time.monotonic() < end:
                server.handle_request()
            server.hang_up()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64
    timeout = 0.05

    def __init__(
        self, context: ssl.SSLContext, answer: Callable[[Request], Answer]
    ) -> None:
        self.answer = answer
        self._context = context
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        plain, address = super().get_request()
        # The handshake waits for the connection's own thread and its timeout.
        connection = self._context.wrap_socket(
            plain, server_side=True, do_handshake_on_connect=False
        )
        self._connections.add(connection)
        return connection, address

    def shutdown_request(
        self, request: socket.socket | tuple[bytes, socket.socket]
    ) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        # Clients get killed and hang up; that is no news.
        if not isinstance(sys.exc_info()[1], (OSError, EOFError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server
    connection: ssl.SSLSocket

    def setup(self) -> None:
        super().setup()
        self.connection.do_handshake()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers)
        self._send(self.server.answer(request))

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _send(self, answer: Answer) -> None:
        # The method of the base class that adds no Server and no Date header.
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 304:
            self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        body = answer.body[: answer.cut_after]
        if answer.chunked:
            for start in range(0, len(body), _CHUNK):
                chunk = body[start : start + _CHUNK]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        else:
            self.wfile.write(body)
        if answer.cut_after is not None:
            self.close_connection = True
        elif answer.chunked:
            self.wfile.write(b"0\r\n\r\n")
