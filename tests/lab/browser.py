"""A real browser without a screen: Chromium, told what to do by its DevTools protocol.

Messages go through two pipes, so that nothing but the standard library is needed. The
browser has a profile of its own and reaches no network.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from io import FileIO
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

WIDEST_PHONE = 600
"""Pixels of the style sheet; what is narrower is a phone."""

_PATIENCE = 60
"""Seconds that one answer of the browser may take."""
_CHUNK = 1 << 20

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it takes rights that root and containers do not have
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# The browser reads from descriptor 3 and writes to descriptor 4.
_START = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Colour(NamedTuple):
    """A colour, each part from 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def brightness(self) -> float:
        """From 0 for black to 255 for white."""
        return (self.red * 299 + self.green * 587 + self.blue * 114) / 1000


class Clip(NamedTuple):
    """A part of a page, in pixels of its style sheets."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Picture:
    """The pixels of a screenshot, row by row."""

    width: int
    height: int
    pixels: bytes
    """Three bytes each: red, green, blue."""

    def colours(self) -> dict[Colour, int]:
        """How many pixels there are of each colour."""
        counts: dict[Colour, int] = {}
        for at in range(0, len(self.pixels), 3):
            colour = Colour(*self.pixels[at : at + 3])
            counts[colour] = counts.get(colour, 0) + 1
        return counts


def program() -> str | None:
    """The browser of this machine; None where there is none that can be used here."""
    if os.name != "posix":
        return None  # inherited descriptors are numbered in another way
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextlib.contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile folder of its own.

    Raises:
        LookupError: there is none on this machine.
    """
    name = program()
    if name is None:
        raise LookupError(f"none of {', '.join(PROGRAMS)} on PATH")
    flags = [*_FLAGS, f"--user-data-dir={profile / 'profile'}"]
    with contextlib.ExitStack() as stack:
        commands, to_browser = _pipe(stack)
        from_browser, answers = _pipe(stack)
        errors = stack.enter_context((profile / "stderr").open("wb"))
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(profile),
            "LANG": "C.UTF-8",
        }
        ends = (commands.fileno(), answers.fileno())
        process = subprocess.Popen(
            [sys.executable, "-ISc", _START, *map(str, ends), name, *flags],
            env=environment,
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        # Only the browser has them now: when it goes, the pipe ends.
        commands.close()
        answers.close()
        browser = Browser(to_browser, from_browser)
        try:
            browser.attach()
            yield browser
        finally:
            with contextlib.suppress(OSError, ConnectionError, TimeoutError):
                browser.call("Browser.close", of_page=False)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Browser:
    """One browser with one page."""

    _to: FileIO
    _from: FileIO
    requests: list[str] = field(default_factory=list)
    """The URLs that were asked for since the last page was opened."""
    complaints: list[str] = field(default_factory=list)
    """What the browser had to say about it, such as what a policy has blocked."""
    _number: int = 0
    _session: str | None = None
    _buffer: bytes = b""
    _events: list[dict[str, Any]] = field(default_factory=list)

    def attach(self) -> None:
        """Open the page that everything else is about."""
        made = self.call("Target.createTarget", of_page=False, url="about:blank")
        target = {"targetId": made["targetId"], "flatten": True}
        attached = self.call("Target.attachToTarget", of_page=False, **target)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def show(
        self,
        path: Path,
        *,
        scheme: str = "light",
        width: int = 1280,
        height: int = 900,
        media: str = "screen",
    ) -> None:
        """Open a file in a window of a size; a narrow one is that of a phone.

        Args:
            path: of the file.
            scheme: ``light`` or ``dark``, which the user prefers.
            width: of the window in pixels.
            height: of the window in pixels.
            media: ``screen`` or ``print``.
        """
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < WIDEST_PHONE,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.requests.clear()
        self.complaints.clear()
        self._events.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        self._wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever it is
        """The value of a JavaScript expression in the page, as JSON has it.

        Raises:
            ValueError: it throws.
        """
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in told:
            raise ValueError(told["exceptionDetails"])
        return told["result"].get("value")

    def clip_of(self, selector: str) -> Clip:
        """Where the first element that is shown lies, of those that match."""
        found = self.evaluate(
            f"""[...document.querySelectorAll({json.dumps(selector)})]
            .map(one => one.getBoundingClientRect())
            .filter(box => box.width && box.height)
            .map(box => [box.x + scrollX, box.y + scrollY, box.width, box.height])[0]"""
        )
        return Clip(*found)

    def screenshot(self, clip: Clip | None = None, *, scale: float = 1) -> bytes:
        """A PNG file of a part of the page, or of all of it.

        Args:
            clip: which part.
            scale: pixels of the picture for each one of the page.
        """
        if clip is None:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = Clip(0, 0, size["width"], size["height"])
        area = {**clip._asdict(), "scale": scale}
        told = self.call(
            "Page.captureScreenshot", clip=area, captureBeyondViewport=True
        )
        return base64.b64decode(told["data"])

    def call(
        self, method: str, *, of_page: bool = True, **params: object
    ) -> dict[str, Any]:
        """Give a command and wait for its answer.

        Raises:
            ValueError: the browser refuses.
            ConnectionError: it has gone.
            TimeoutError: it does not answer.
        """
        self._number += 1
        message: dict[str, object] = {
            "id": self._number,
            "method": method,
            "params": params,
        }
        if of_page and self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[self._to.write(data) or 0 :]
        while True:
            told = self._next()
            if told.get("id") == self._number:
                break
            self._note(told)
        if "error" in told:
            raise ValueError(f"{method}: {told['error']}")
        result: dict[str, Any] = told["result"]
        return result

    def _wait_for(self, event: str) -> None:
        while all(one["method"] != event for one in self._events):
            self._note(self._next())

    def _note(self, told: dict[str, Any]) -> None:
        method, params = told.get("method"), told.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method is not None:
            self._events.append(told)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            data = self._from.read(_CHUNK)
            if not data:
                raise ConnectionError("the browser has gone")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(line)
        return told


def decoded(png: bytes) -> Picture:
    """The pixels of a PNG file with 8 bits a channel, with or without transparency."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    assert kind in {2, 6}
    channels = 3 if kind == 2 else 4
    data = zlib.decompress(b"".join(_chunks(png, b"IDAT")))
    stride = width * channels
    before = bytes(stride)
    rows = []
    for start in range(0, height * (stride + 1), stride + 1):
        row = bytearray(data[start + 1 : start + 1 + stride])
        _unfilter(data[start], row, before, channels)
        before = bytes(row)
        if channels == 4:
            del row[3::4]
        rows.append(bytes(row))
    return Picture(width, height, b"".join(rows))


def _chunks(png: bytes, wanted: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == wanted:
            yield png[at + 8 : at + 8 + length]
        at += length + 12


def _unfilter(kind: int, row: bytearray, above: bytes, channels: int) -> None:
    """Undo what a PNG filter has done to a row (W3C PNG, 9.2)."""
    for at in range(len(row) if kind else 0):
        left = row[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        told = (
            left,
            above[at],
            (left + above[at]) // 2,
            _nearest(left, above[at], corner),
        )[kind - 1]
        row[at] = (row[at] + told) & 0xFF


def _nearest(left: int, up: int, corner: int) -> int:
    """The neighbour that is nearest to their estimate (Paeth)."""
    estimate = left + up - corner
    return min((left, up, corner), key=lambda one: abs(estimate - one))


def _pipe(stack: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    """The ends of a pipe, with numbers beyond those that the browser uses."""
    reading, writing = map(_moved, os.pipe())
    return (
        stack.enter_context(FileIO(reading, "rb")),
        stack.enter_context(FileIO(writing, "wb")),
    )


def _moved(descriptor: int) -> int:
    import fcntl  # noqa: PLC0415 - not on Windows

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
