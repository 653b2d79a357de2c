"""How many flipped bits are told, for each kind of content, with and without a seal.

Run by hand, where pipmend is installed, with ``tests`` in PYTHONPATH. Every bit of the
metadata is flipped, and a seeded sample of the bits of the body. What goes untold in
metadata without a seal is text: the letters of header fields, which nothing repeats.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import judging
from lab.cache_files import LAYOUTS, Layout, pack
from lab.index_pages import HTML_TYPE, JSON_TYPE, html_page, json_page
from lab.index_style import IndexStyle
from lab.packages import noise, sdist, wheel
from pipmend import digests, seals
from pipmend.verdicts import Outcome
from pipmend.verify import Told

if TYPE_CHECKING:
    from pipmend._compat.layouts import Place

SEED = 1
SAMPLED = 2000
"""Bits of each body, unless told otherwise."""

NAME = "0" * 56
FILE_TYPE = "application/octet-stream"
_AGED = (0.0, 0.0)
"""Times of a file that nobody is storing any more."""

AT_INDEX = "https://index.example/packages/"


@dataclass(frozen=True)
class Content:
    """A body, and what is known of it when it is loaded."""

    name: str
    body: bytes
    content_type: str
    told: Told = judging.NOTHING_TOLD
    coding: str | None = None


@dataclass(frozen=True)
class Rate:
    """How many of some flips were told."""

    told: int
    all: int

    def __str__(self) -> str:
        return f"{100 * self.told / self.all:7.2f} %"


def contents() -> list[Content]:
    """One of each kind, of a usual size."""
    releases = [wheel("alpha", f"1.{minor}", size=2000) for minor in range(40)]
    json_body = json_page("alpha", releases, IndexStyle())
    html_body = html_page("alpha", releases, IndexStyle())
    file, source = wheel("alpha", "2.0", size=200_000), sdist("gamma", "1.0")
    text = _core_metadata()
    sha256 = digests.from_hashes({"sha256": [file.sha256]})
    assert sha256 is not None
    return [
        Content("JSON page", json_body, JSON_TYPE),
        Content("HTML page", html_body, HTML_TYPE),
        Content(
            "gzip page", gzip.compress(json_body, mtime=0), JSON_TYPE, coding="gzip"
        ),
        Content(
            "wheel, link hash", file.content, FILE_TYPE, _told(file.filename, sha256)
        ),
        Content("wheel", file.content, FILE_TYPE, _told(file.filename)),
        Content("sdist", source.content, FILE_TYPE, _told(source.filename)),
        Content(".metadata", text, FILE_TYPE, _told(f"{file.filename}.metadata")),
    ]


def _told(file_name: str, *by_index: digests.Expectation) -> Told:
    return Told(by_index, AT_INDEX + file_name, file_name)


def _core_metadata() -> bytes:
    """Core metadata with a long description, as most packages have."""
    head = b"Metadata-Version: 2.1\nName: alpha\nVersion: 2.0\nRequires-Dist: beta\n\n"
    words = noise("description", 2000).hex(" ", 3)
    return head + words.encode()


def metadata_of(content: Content, layout: Layout) -> bytes:
    """Metadata as pip writes it."""
    headers = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Cache-Control": "max-age=600, public",
        "ETag": '"0123456789abcdef0123456789abcdef0123"',
        "Content-Type": content.content_type,
        "Content-Length": str(len(content.body)),
    }
    if content.coding is not None:
        headers["Content-Encoding"] = content.coding
    response = {
        "body": content.body if layout == "http" else b"",
        "headers": headers,
        "status": 200,
        "version": 11,
        "reason": "OK",
        "decode_content": False,
    }
    return pack({"response": response, "vary": {}})


@dataclass(frozen=True)
class Entry:
    """An entry on disk, in which bits are flipped one at a time."""

    place: Place
    told: Told

    def rate(self, path: Path, bits: list[int]) -> Rate:
        """How many flips of a file are told."""
        data = path.read_bytes()
        count = 0
        for bit in bits:
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            os.utime(path, _AGED)
            verdict = judging.verdict_on(self.place, self.told)
            count += verdict.outcome is Outcome.CORRUPT
        path.write_bytes(data)
        os.utime(path, _AGED)
        return Rate(count, len(bits))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=SAMPLED, help="bits of a body")
    sampled = parser.parse_args().sampled
    print(f"Single flipped bits that are told at load; seed {SEED}.")
    titles = ("body, sealed", "metadata, sealed", "body", "metadata")
    print(f"{'':18}{'bytes':>9}" + "".join(f"{title:>18}" for title in titles))
    for content in contents():
        rates = [
            rate
            for is_sealed in (True, False)
            for rate in rates_of(content, sampled, is_sealed=is_sealed)
        ]
        cells = "".join(f"{rate!s:>18}" for rate in rates)
        print(f"{content.name:18}{len(content.body):9}{cells}")


def rates_of(content: Content, sampled: int, *, is_sealed: bool) -> list[Rate]:
    """The rates of body and metadata, in the storage of two files."""
    layout = LAYOUTS[-1]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, NAME)
        place = judging.place_of(layout, path.parent, path)
        assert place.body is not None
        metadata = metadata_of(content, layout)
        if is_sealed:
            body = digests.BodyDigest.of(content.body)
            metadata = seals.sealed(metadata, NAME, body)
        place.metadata.write_bytes(metadata)
        place.body.write_bytes(content.body)
        for file in (place.metadata, place.body):
            os.utime(file, _AGED)
        entry = Entry(place, content.told)
        bits = range(8 * len(content.body))
        chance = random.Random(SEED)  # noqa: S311
        chosen = chance.sample(bits, min(sampled, len(bits)))
        return [
            entry.rate(place.body, chosen),
            entry.rate(place.metadata, list(range(8 * len(metadata)))),
        ]


if __name__ == "__main__":
    main()
