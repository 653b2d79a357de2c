"""What is fuzzed: each target takes bytes, and raises only where something is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipmend import (
    archives,
    codings,
    events,
    evidence,
    examine,
    history,
    metadata,
    observation,
    pages,
    scan,
    seals,
    subjects,
    urls,
    verify,
    wheels,
)
from pipmend._compat.layouts import LARGEST_METADATA, Layout, Place, place_in
from pipmend.addresses import Addresses
from pipmend.archives import Depth
from pipmend.cli import output, quarantine_output
from pipmend.cli.events import paragraph
from pipmend.digests import BodyDigest
from pipmend.entries import FileIdentity, OpenEntry, Stamp
from pipmend.verdicts import INTACT, Outcome, Verdict
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "0123456789abcdef" * 3 + "01234567"
"""The name on disk of the entry that is judged."""

ITEM = "20261120T120000Z-01234567"

MARKS = ("C4NARYuser", "C4NARYpass", "C4NARYquery", "C4NARYfragment")
"""The secrets of a URL."""

_LONGEST_SUMMARY = 500
_HOUR = 3600
_THEN = 1_700_000_000 * 10**9

_TOLD = (
    Told(),
    Told(file_name="idna-3.4-py3-none-any.whl"),
    Told(file_name="idna-3.4.tar.gz"),
    Told(file_name="idna-3.4-py3-none-any.whl.metadata"),
    Told(is_page=True),
    verify.TOLD_OF_ANY,
    verify.TOLD_OF_ANY._replace(file_name="idna-3.4-py3-none-any.whl"),
)
_CODINGS = ("", "gzip", "deflate", "identity")
_PAGE_TYPES = (
    pages.JSON_TYPE,
    "text/html",
    "text/html; charset=utf-16",
    "text/html; charset=punycode",
    "application/vnd.pypi.simple.v1+html",
)
_NAMES = ("", "a-1.0-py3-none-any.whl", "a-1.0.tar.gz", "a-1.0-py3-none-any.metadata")


def decode(data: bytes) -> None:
    """The metadata of an entry."""
    stored = metadata.decode(data)
    if isinstance(stored, Verdict):
        _check_verdict(stored)
        return
    assert stored.declared_length is None or stored.declared_length >= 0
    assert isinstance(stored.media_type, str)
    field = verify.mismatched_field(stored, {})
    assert field is None or field.isprintable(), field


def seal(data: bytes) -> None:
    """Sealing, taking off and reading seals."""
    cut = int.from_bytes(data[:2], "big")
    document, body = data[2 : 2 + cut], data[2 + cut :]
    found = seals.read(document, NAME)
    assert found is None or isinstance(found, (Verdict, seals.Seal))
    digest = BodyDigest.of(body)
    done = seals.sealed(document, NAME, digest)
    if done != document:
        assert seals.read(done, NAME) == seals.Seal(digest)
        assert isinstance(seals.read(done, NAME[::-1]), Verdict)
        assert seals.claimed_body(done) == digest
        flipped = bytearray(done)
        flipped[len(metadata.PREFIX) + 1 + cut % (len(done) - 6)] ^= 1
        assert not isinstance(seals.read(bytes(flipped), NAME), seals.Seal)


def judge(data: bytes) -> None:
    """A whole entry, in the way of every caller."""
    how, cut = data[:1] or b"\0", int.from_bytes(data[1:3], "big")
    document, body = data[3 : 3 + cut], data[3 + cut :]
    layout = Layout.ONE_FILE if how[0] & 0x80 else Layout.TWO_FILES
    entry = _entry(layout, document, body)
    stored, found = examine.read_metadata(entry), examine.read_seal(entry)
    if isinstance(stored, Verdict):
        _check_verdict(stored)
    elif isinstance(found, Verdict):
        _check_verdict(found)
    else:
        told = _TOLD[how[0] % len(_TOLD)]
        depth = tuple(Depth)[how[0] // len(_TOLD) % len(Depth)]
        examined = examine.examine(entry, stored, found, told, depth)
        _check_verdict(examined.verdict)
        assert not examined.is_vouched_for or examined.verdict is INTACT
    _check_line(scan.subject_of(entry, stored).words)


def log(data: bytes) -> None:
    """A log of events, as it is read, added up and shown."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        found = events.EventLog(Path(folder))
        found.path.write_bytes(data)
        lines = list(found.read())
    assert len(lines) >= data.count(b"\n")
    for line in lines:
        if line is not None:
            moment = events.moment_of(line)
            assert moment is None or moment.tzinfo is not None
            for shown in paragraph(line).split("\n"):
                _check_line(shown)
    json.dumps(history.summed(lines)._asdict(), default=str)


def url(data: bytes) -> None:
    """URLs with secrets in them, and texts of pip's in which they stand."""
    text = data.decode("utf-8", "replace")
    pieces = [*text.split("\n"), "", "", "", "", "", ""]
    user, password, query, fragment, path, around = pieces[:6]
    marks = MARKS
    login = f"{marks[0]}{_without(user, '/?#:@')}:{marks[1]}{_without(password, '@')}"
    secret = f"?k={marks[2]}{_without(query, '#')}#{marks[3]}{_without(fragment, '')}"
    whole = f"https://{login}@index.example/{_without(path, '@?#')}{secret}"
    with contextlib.suppress(ValueError):  # no URL at all
        _check_hidden(urls.redacted(whole))
    _check_hidden(str(subjects.of_url(whole)))
    told = urls.without_credentials(f"{around} {whole} {around}")
    _check_hidden(told)
    # A query is one also where pip leaves out the host.
    relative = f"{around} with url: /simple/a/{secret} (Caused by {around})"
    _check_hidden(urls.without_credentials(relative))
    for shown in (told, urls.without_credentials(text)):
        _check_line(shown)
    with contextlib.suppress(ValueError):
        _check_line(urls.subject_of(text))
        _check_line(urls.redacted(text))


def description(data: bytes) -> None:
    """What an item of the quarantine says of itself."""
    with tempfile.TemporaryDirectory(dir=_memory()) as root:
        folder = Path(root, "pipmend", "quarantine", ITEM)
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_bytes(data)
        (folder / "metadata").write_bytes(b"cc=4,")
        item = evidence.find([Path(root)], ITEM)
        assert item.package_file is None or item.package_file
        told = quarantine_output.told_of(item)
        json.dumps(quarantine_output.details(item, told))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            quarantine_output.say_details(item, told)
            quarantine_output.say_table(Path(root), [item], is_only=False)
        for line in printed.getvalue().split("\n"):
            assert line.isprintable(), line
        with contextlib.suppress(evidence.EvidenceError):
            home = evidence.home_of(item)
            assert home.metadata.is_relative_to(root)
            assert ".." not in home.metadata.parts


def content(data: bytes) -> None:
    """Bodies: codings, pages, archives, and what they are."""
    how, body = data[:2].ljust(2, b"\0"), data[2:]
    coding = _CODINGS[how[0] % len(_CODINGS)]
    media_type = _PAGE_TYPES[how[1] % len(_PAGE_TYPES)]
    page = b""
    with contextlib.suppress(codings.CodingError):
        page = codings.whole(io.BytesIO(body), coding, observation.LARGEST_PAGE) or b""
    for text in (page, body):
        flaw = pages.flaw_of(text, media_type)
        assert flaw is None or flaw.isprintable()
    depth = tuple(Depth)[how[0] // len(_CODINGS) % len(Depth)]
    name = _NAMES[how[1] // len(_PAGE_TYPES) % len(_NAMES)]
    look = archives.look(io.BytesIO(body), len(body), name, depth)
    assert look.flaw is None or not look.is_confirmed
    fields = {"content-type": media_type, "content-encoding": coding}
    stored = metadata.StoredResponse(200, fields, {}, b"")
    _check_line(subjects.of_entry(stored, io.BytesIO(body)).words)
    addresses = Addresses([NAME])
    addresses.offer_page(body, media_type, "https://index.example/simple/a/")
    assert not addresses.found


def wheel(data: bytes) -> None:
    """A wheel that was built here, and the note on where it came from."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        for name in ("idna-3.4-py3-none-any.whl", wheels.ORIGIN_NAME):
            path = Path(folder, name)
            path.write_bytes(data)
            is_origin = name == wheels.ORIGIN_NAME
            verdict = (wheels.judge_origin if is_origin else wheels.judge_wheel)(path)
            _check_verdict(verdict)
            _check_line(subjects.of_built(path).words)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": decode,
    "seal": seal,
    "judge": judge,
    "log": log,
    "url": url,
    "description": description,
    "content": content,
    "wheel": wheel,
}
"""All targets by name; each has a folder of that name in the corpus."""


def _entry(layout: Layout, document: bytes, body: bytes) -> OpenEntry:
    """An entry in memory, an hour old."""
    place: Place = place_in(layout, Path("no-cache"), NAME)
    sizes = (len(document), len(body))
    first, second = (
        FileIdentity(1, number, size, _THEN, _THEN, 0o100600)
        for number, size in enumerate(sizes)
    )
    stamp = Stamp(first, None if place.body is None else second)
    small = document[:LARGEST_METADATA]
    return OpenEntry(place, stamp, stamp, small, io.BytesIO(body))


def _check_verdict(verdict: Verdict) -> None:
    assert isinstance(verdict, Verdict)
    assert (verdict.reason is None) == (verdict.outcome is Outcome.INTACT)
    _check_line(verdict.summary)
    assert len(verdict.summary) < _LONGEST_SUMMARY
    json.dumps([verdict.found, verdict.expected])


def _check_line(text: str) -> None:
    assert text.isprintable(), ascii(text)
    assert output.plain(text) == text


def _check_hidden(text: str) -> None:
    for mark in MARKS:
        assert mark not in text, text


def _without(text: str, ending: str) -> str:
    """A text without white space and without what would end its part of a URL."""
    return "".join(char for char in text if not char.isspace() and char not in ending)


def _memory() -> str | None:
    """A folder in memory, where there is one: a fuzzer writes a million files."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
