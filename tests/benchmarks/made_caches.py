"""Large caches for the benchmarks: pip's HTTP cache, and npm's with the same bodies.

The same bytes on every run. Measured on 2 busy cores and an SSD: 20,000 small entries
take 6 to 10 seconds and 0.4 GB of disk, 200,000 take 85 seconds and 3 GB, 2 GB of
large wheels 12 seconds; npm's store of either 4 to 7 seconds and as much disk again.
"""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab import packages
from lab.index_pages import json_page
from lab.index_style import IndexStyle
from lab.made_cache import FILE_TYPE, HOST, PAGE_TYPE, MadeCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SEED = 1

_MOST_FILES = 36
"""On an index page."""
_DESCRIPTION = (3.7, 0.8)
"""Lines of core metadata, log-normal: logarithm of the median, and sigma."""
_SMALL_WHEEL = (200, 6000)
"""Bytes of its largest member, which no compression makes smaller."""

_LARGE_WHEEL = (14.8, 1.3)
"""Bytes, log-normal: a median of 2.7 MB, a mean of 6.2 MB."""
_LARGEST_WHEEL = 256 * 10**6

_IN_MEMORY = 32 * 10**6
"""Bytes of bodies that node holds at a time, on average."""

_SENTENCE = b"A package of the benchmark, described in words that do compress well.\n"

_FILL_STORE = """
const fs = require('fs')
const [library, store, list, batch] = process.argv.slice(1)
const cacache = require(library)
const pairs = fs.readFileSync(list, 'utf8').split('\\0').slice(0, -1)
const put = (pair) => {
  const [key, file] = pair.split('\\n')
  return cacache.put(store, key, fs.readFileSync(file))
}
const fill = async () => {
  for (let at = 0; at < pairs.length; at += Number(batch)) {
    await Promise.all(pairs.slice(at, at + Number(batch)).map(put))
  }
}
fill().catch((error) => { console.error(error); process.exit(1) })
"""
"""Writes with npm's library: its folder, the store, the list, how many at a time."""


class Content(NamedTuple):
    """What is stored under one URL."""

    path: str
    """Of the URL, with its leading slash."""
    body: bytes
    media_type: str


@dataclass(frozen=True)
class Made:
    """A cache that was made, and the files of its bodies."""

    root: Path
    urls: list[str]
    bodies: list[str]
    """Paths, in the order of the URLs."""
    body_bytes: int

    @property
    def entries(self) -> int:
        """The number of entries."""
        return len(self.bodies)


def small_contents(count: int) -> Iterator[Content]:
    """Index pages, core metadata and wheels in turn, of 4 kB on average.

    What a cache of many packages holds, except that real pages are often larger.
    """
    chance = random.Random(SEED)  # noqa: S311
    page = _PageTemplates()
    for number in range(count):
        name = f"package{number // 3:06}"
        if number % 3 == 0:
            yield Content(f"/simple/{name}/", page.filled(name, chance), PAGE_TYPE)
        elif number % 3 == 1:
            path = f"/packages/{name}-1.0-py3-none-any.whl.metadata"
            yield Content(path, _core_metadata(name, chance), FILE_TYPE)
        else:
            wheel = packages.wheel(name, "1.0", size=chance.randint(*_SMALL_WHEEL))
            yield Content(f"/packages/{wheel.filename}", wheel.content, FILE_TYPE)


def large_contents(size: int) -> Iterator[Content]:
    """Wheels with log-normal sizes, of so many bytes in sum."""
    chance = random.Random(SEED)  # noqa: S311
    number = 0
    while size > 0:
        drawn = int(chance.lognormvariate(*_LARGE_WHEEL))
        name = f"package{number:06}"
        body = large_wheel(name, min(drawn, size, _LARGEST_WHEEL))
        yield Content(f"/packages/{name}-1.0-py3-none-any.whl", body, FILE_TYPE)
        size -= len(body)
        number += 1


def fill(root: Path, contents: Iterable[Content], *, sealed: bool = True) -> Made:
    """Store contents as entries of pip's HTTP cache, in two files each."""
    cache = MadeCache(root, sealed=sealed)
    made = Made(root, [], [], 0)
    body_bytes = 0
    for path, body, media_type in contents:
        entry = cache.add(path, body, media_type=media_type)
        made.urls.append(HOST + path)
        made.bodies.append(str(entry.body))
        body_bytes += len(body)
    return Made(root, made.urls, made.bodies, body_bytes)


def npm_library() -> Path | None:
    """The folder of npm's own ``cacache``; None where node or npm is missing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    command = [npm, "root", "--global"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    inside = Path(done.stdout.strip(), "npm", "node_modules", "cacache")
    beside = Path(npm).resolve().parents[1] / "node_modules" / "cacache"
    return next((path for path in (inside, beside) if path.is_dir()), None)


def fill_npm_store(folder: Path, made: Made, library: Path) -> None:
    """Store the bodies of a cache in npm's, which lies in ``folder/_cacache``.

    Raises:
        subprocess.CalledProcessError: node could not write them.
    """
    store = folder / "_cacache"
    store.mkdir(parents=True)
    listed = folder / "list"
    lines = (f"{url}\n{body}\0" for url, body in zip(made.urls, made.bodies))
    listed.write_text("".join(lines))
    at_a_time = max(1, min(64, _IN_MEMORY * made.entries // made.body_bytes))
    arguments = map(str, (library, store, listed, at_a_time))
    command = ["node", "-e", _FILL_STORE, *arguments]
    subprocess.run(command, check=True)
    listed.unlink()


class _PageTemplates:
    """Index pages that differ in the project's name alone, by the files on them."""

    _NAME = "package??????"

    def __init__(self) -> None:
        counts = range(1, _MOST_FILES + 1)
        files = [packages.wheel("x", f"1.{minor}", size=1) for minor in counts]
        self._pages = [
            json_page(self._NAME, files[:count], IndexStyle()) for count in counts
        ]

    def filled(self, name: str, chance: random.Random) -> bytes:
        """One of the pages, for a project."""
        page = chance.choice(self._pages)
        return page.replace(self._NAME.encode(), name.encode())


def _core_metadata(name: str, chance: random.Random) -> bytes:
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\n".encode()
    return head + _SENTENCE * int(chance.lognormvariate(*_DESCRIPTION))


def large_wheel(name: str, size: int) -> bytes:
    """A wheel of about so many bytes; its noise is stored as it is."""
    small = packages.wheel(name, "1.0", payload={f"{name}.py": b""})
    buffer = io.BytesIO(small.content)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        info = zipfile.ZipInfo(f"{name}.bin")
        archive.writestr(info, packages.noise(name, max(1, size)))
    return buffer.getvalue()
