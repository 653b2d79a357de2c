"""The same bytes to pip's own decoder and to pipmend's, in real pips, by the thousand.

What pip cannot load has to be found corrupt, and what it loads has to be let through;
the exceptions are listed.
"""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from lab.cache_files import PREFIX, pack
from lab.metadata_damages import BYTES as BYTE_DAMAGES
from lab.metadata_damages import TOP_LEVELS
from lab.pips import scratch_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.laboratory import Laboratory

PIPS = ("22.0.4", "23.3.2", "26.3")
SEED = 20260101
ROUNDS = 200
"""Mutations of each kind for each document."""

STRICTER = re.compile(
    r"corrupt: ("
    r"'(body|headers|status|version|reason|decode_content)' is a \w+"
    r"|no 'status' in 'response'"
    r"|a header field is no text"
    r"|'vary' is no map of header fields"
    r"|an unreadable Date"
    r")"
)
"""What pip loads although it never writes it; at best it stumbles later."""

KNOWN_KEYS = frozenset(
    "body headers status version reason decode_content strict".split()  # noqa: SIM905
)
"""Of a stored response. For any other pip raises TypeError, and pipmend lets it pass:
a later pip may write one."""

# Asks both for each case on stdin: request header fields, and metadata in base64.
ASK = """
import base64, inspect, io, json, sys

from pip._vendor.cachecontrol.serialize import Serializer
from pip._vendor.requests.structures import CaseInsensitiveDict

from pipmend import metadata, verify

class Request:
    def __init__(self, headers):
        self.headers = CaseInsensitiveDict(headers)

serializer = Serializer()
has_body_file = "body_file" in inspect.signature(serializer.loads).parameters

def ask_pip(request, data):
    body = (io.BytesIO(b"body"),) if has_body_file else ()
    try:
        loaded = serializer.loads(request, data, *body)
    except Exception as error:
        return "raises " + type(error).__name__
    return "misses" if loaded is None else "loads"

def ask_pipmend(request, data):
    stored = metadata.decode(data)
    if not isinstance(stored, metadata.StoredResponse):
        return "corrupt: " + str(stored.found)
    if verify.mismatched_field(stored, request.headers) is not None:
        return "not selected"
    return "accepted"

answers = []
for headers, encoded in json.load(sys.stdin):
    request, data = Request(headers), base64.b64decode(encoded)
    answers.append((ask_pip(request, data), ask_pipmend(request, data)))
json.dump(answers, sys.stdout)
"""

Document = dict[str, Any]
Headers = dict[str, str]
Case = tuple[Headers, bytes]

REQUEST: Headers = {
    "User-Agent": "pip/26.3",
    "Accept-Encoding": "identity",
    "Accept": "application/vnd.pypi.simple.v1+json, text/html; q=0.01",
    "Connection": "keep-alive",
}

VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, 200, -1, 1.5, 2**63, "", "text", "3, 4", "é", "*"),
    *(b"", b"bytes", b"\xff", [], [200], ["a", None], {}, {"a": "b"}, {"a": None}),
)
"""What a mutation puts in the place of something else."""


def documents() -> Iterator[Document]:
    """Metadata as pips write it: pages and files, with and without Vary."""
    fields = {
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "Content-Type": "application/vnd.pypi.simple.v1+json",
        "Content-Length": "4",
        "ETag": '"0123456789abcdef"',
        "Cache-Control": "max-age=600, public",
    }
    page = {
        "body": b"",
        "headers": fields,
        "status": 200,
        "version": 11,
        "reason": "OK",
        "decode_content": False,
    }
    yield {"response": page, "vary": {}}
    varying = {"Accept": REQUEST["Accept"], "Accept-Encoding": "identity", "X-No": None}
    headers = {**fields, "Vary": ", ".join(varying), "transfer-encoding": "chunked"}
    yield {"response": {**page, "headers": headers}, "vary": varying}
    file = {**page, "body": b"PK\x03\x04" + bytes(range(256)), "strict": 0}
    yield {"response": {**file, "headers": {"date": fields["Date"]}}, "vary": {}}
    redirect = {**page, "status": 301, "version": 11, "reason": "Moved Permanently"}
    yield {"response": {**redirect, "headers": {"Location": "/simple/a/"}}, "vary": {}}


def flip(data: bytes, chance: random.Random) -> bytes:
    """One to three flipped bits."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(PREFIX), len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def replace_byte(data: bytes, chance: random.Random) -> bytes:
    """Another byte in the place of one."""
    position = chance.randrange(len(data))
    return data[:position] + chance.randbytes(1) + data[position + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    """An end that is missing."""
    return data[: chance.randrange(len(data))]


def insert(data: bytes, chance: random.Random) -> bytes:
    """Bytes that do not belong there."""
    position = chance.randrange(len(data) + 1)
    extra = chance.randbytes(chance.randint(1, 8))
    return data[:position] + extra + data[position:]


def drop(data: bytes, chance: random.Random) -> bytes:
    """Bytes that are missing in the middle."""
    position = chance.randrange(len(data))
    return data[:position] + data[position + chance.randint(1, 8) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    """A piece of the file in another place."""
    start, target = chance.randrange(len(data)), chance.randrange(len(data))
    piece = data[start : start + chance.randint(1, 32)]
    return data[:target] + piece + data[target + len(piece) :]


BYTES = (flip, replace_byte, cut, insert, drop, repeat)


def change_value(maps: list[Document], chance: random.Random) -> None:
    """A value of another type."""
    owner = chance.choice([found for found in maps if found])
    owner[chance.choice(list(owner))] = chance.choice(VALUES)


def remove_key(maps: list[Document], chance: random.Random) -> None:
    """A key that is missing."""
    owner = chance.choice([found for found in maps if found])
    del owner[chance.choice(list(owner))]


def add_key(maps: list[Document], chance: random.Random) -> None:
    """A key that is not known."""
    key: Any = chance.choice(["extra", "strict", "Date", "", "*", 7, b"bytes", None])
    chance.choice(maps)[key] = chance.choice(VALUES)


DOCUMENT = (change_value, remove_key, add_key)


def mutations() -> Iterator[bytes]:
    """Sound metadata, then mutations of it, then the laboratory's worst."""
    chance = random.Random(SEED)  # noqa: S311
    for document in documents():
        sound = pack(document)
        yield sound
        for _ in range(ROUNDS):
            yield from (change(sound, chance) for change in BYTES)
            for change in DOCUMENT:
                copy = msgpack.unpackb(sound[len(PREFIX) :])
                response = copy["response"]
                change([copy, response, response["headers"], copy["vary"]], chance)
                yield pack(copy)
    whole = pack(next(documents()))
    yield from (damage(whole) for damage in BYTE_DAMAGES.values())
    yield from (pack(value) for value in TOP_LEVELS.values())


def selections() -> Iterator[Case]:
    """Entries that were stored for some request, and requests."""
    chance = random.Random(SEED)  # noqa: S311
    document = next(documents())
    names = ["Accept", "accept", "ACCEPT-ENCODING", "User-Agent", "X-A", "", "*", "é"]
    values = ["", "identity", "Identity", "gzip, deflate", "pip/26.3", "*", "é"]
    for _ in range(ROUNDS * 10):
        stored = chance.sample(names, chance.randint(0, 3))
        sent = chance.sample(names, chance.randint(0, 4))
        headers = {name: chance.choice(values) for name in sent}
        vary = {name: chance.choice([*values, None]) for name in stored}
        # Most of them are alike, or nothing is ever selected.
        vary |= {name: headers[name] for name in headers if chance.random() < 0.5}
        yield headers, pack({**document, "vary": vary})


def ask(lab: Laboratory, version: str, home: Path, asked: list[Case]) -> list[Any]:
    """What pip and pipmend say to each case."""
    encoded = [(headers, base64.b64encode(data).decode()) for headers, data in asked]
    done = subprocess.run(
        [lab.venv(version, hooked=True).python, "-W", "ignore", "-c", ASK],
        env={**scratch_environment(home), "PIPMEND": "off"},
        input=json.dumps(encoded),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def has_unknown_key(data: bytes) -> bool:
    """Whether the response in the metadata has a key that pip does not know."""
    document = msgpack.unpackb(data[len(PREFIX) :], strict_map_key=False)
    return not KNOWN_KEYS.issuperset(document["response"])


def is_expected(pip: str, own: str, data: bytes) -> bool:
    """Whether the two agree, or differ in a way that is listed."""
    if pip == "loads":
        return own == "accepted" or STRICTER.fullmatch(own) is not None
    if own == "accepted":
        return pip == "raises TypeError" and has_unknown_key(data)
    return own.startswith("corrupt: ") or (pip, own) == ("misses", "not selected")


@pytest.mark.parametrize("version", PIPS)
def test_pip_and_pipmend_agree_on_mutated_metadata(
    version: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Whatever pip stumbles over or misses is corrupt, and nothing else."""
    asked = [(REQUEST, data) for data in mutations()]

    answers = ask(lab, version, tmp_path, asked)

    pairs = zip(answers, asked)
    differing = [
        (pip, own, data)
        for (pip, own), (_, data) in pairs
        if not is_expected(pip, own, data)
    ]
    assert not differing, differing[0]
    assert len({own for _, own in answers}) > 20
    assert Counter(pip for pip, _ in answers)["loads"] > 1000


@pytest.mark.parametrize("version", PIPS)
def test_pip_and_pipmend_select_the_same_entries(
    version: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Vary is understood as pip understands it."""
    asked = list(selections())

    answers = ask(lab, version, tmp_path, asked)

    differing = [
        (pip, own, case)
        for (pip, own), case in zip(answers, asked)
        if (pip, own) not in {("loads", "accepted"), ("misses", "not selected")}
    ]
    assert not differing, differing[0]
    assert Counter(pip for pip, _ in answers).most_common()[-1][1] > 100
