"""The fuzzers' targets over their corpus, and over what hypothesis makes of it.

``python -m fuzz.run TARGET``, with atheris, looks much further.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz import run
from fuzz.targets import NAME, TARGETS
from pipmend import seals
from pipmend.digests import BodyDigest
from pipmend.metadata import PREFIX

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_CORPUS = 200_000
"""Bytes of all targets together."""

few = settings(
    derandomize=True,
    deadline=None,
    max_examples=120,
    suppress_health_check=list(HealthCheck),
)


def corpus(target: str) -> list[Path]:
    """The inputs of one target."""
    return sorted((run.CORPUS / target).iterdir())


INPUTS = {target: [path.read_bytes() for path in corpus(target)] for target in TARGETS}


def test_the_corpus_is_whole_and_small() -> None:
    assert {path.name for path in run.CORPUS.iterdir()} == set(TARGETS)
    assert all(INPUTS.values())
    size = sum(len(data) for inputs in INPUTS.values() for data in inputs)
    assert size < LARGEST_CORPUS


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param(target, path, id=f"{target}-{path.name}")
        for target in TARGETS
        for path in corpus(target)
    ],
)
def test_each_input_of_the_corpus(target: str, path: Path) -> None:
    TARGETS[target](path.read_bytes())


@st.composite
def damaged(draw: st.DrawFn, inputs: list[bytes]) -> bytes:
    """An input with a part cut out, doubled, or replaced."""
    data = draw(st.sampled_from(inputs))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, len(data)))
    kind = draw(st.sampled_from(["cut", "double", "replace", "mix"]))
    if kind == "cut":
        return data[:start] + data[end:]
    if kind == "double":
        return data[:end] + data[start:]
    if kind == "replace":
        return data[:start] + draw(st.binary(max_size=20)) + data[end:]
    other = draw(st.sampled_from(inputs))
    return data[:start] + other[draw(st.integers(0, len(other))) :]


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_inputs(target: str) -> None:
    @few
    @given(damaged(INPUTS[target]))
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()


WORDS = st.text(max_size=12) | st.sampled_from(
    ["200", "3, 3", "gzip", "deflate", "text/html", "a-1.0-py3-none-any.whl", "\ud800"]
)
FIELDS = st.sampled_from(
    [
        "Content-Type",
        "Content-Length",
        "Content-Encoding",
        "ETag",
        "Date",
        "Repr-Digest",
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=9)
)
ANYTHING = st.recursive(
    LEAVES | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
RESPONSES = st.fixed_dictionaries(
    {
        "body": st.binary(max_size=30) | LEAVES,
        "headers": st.dictionaries(FIELDS | WORDS, WORDS, max_size=5) | ANYTHING,
        "status": st.sampled_from([200, 301, 404]) | ANYTHING,
    },
    optional={"version": ANYTHING, "reason": ANYTHING, "decode_content": ANYTHING},
)
DOCUMENTS = st.fixed_dictionaries(
    {"response": RESPONSES | ANYTHING},
    optional={"vary": st.dictionaries(WORDS, WORDS | st.none(), max_size=3) | ANYTHING},
)


def packed(document: object) -> bytes:
    """Metadata as pip writes it; what is no letter becomes some byte."""
    data = msgpack.packb(document, unicode_errors="surrogatepass")
    return PREFIX + bytes(data)


@few
@given(DOCUMENTS)
def test_metadata_of_any_form(document: object) -> None:
    TARGETS["decode"](packed(document))


@few
@given(DOCUMENTS, st.binary(max_size=60), st.integers(0, 255), st.booleans())
def test_entries_of_any_form(
    document: object, body: bytes, how: int, is_sealed: bool
) -> None:
    data = packed(document)
    if is_sealed:
        data = seals.sealed(data, NAME, BodyDigest.of(body))
    TARGETS["judge"](bytes([how]) + len(data).to_bytes(2, "big") + data + body)


NAMES_OF_EVENTS = st.sampled_from(
    ["entry_corrupt", "entry_healed", "repeat_offender", "seam_unfit", "guard_tripped"]
)
EVENTS = st.dictionaries(
    st.sampled_from(
        [
            *("at", "id", "url", "entry", "cache", "bytes", "reason", "found", "pid"),
            *("expected", "action", "subject", "heals", "prefix", "pip", "words"),
        ]
    ),
    ANYTHING.filter(lambda value: not _has_bytes(value)) | WORDS,
)


def _has_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    if isinstance(value, list):
        return any(map(_has_bytes, value))
    return isinstance(value, bytes)


@few
@given(st.lists(st.tuples(NAMES_OF_EVENTS, EVENTS), max_size=4))
def test_events_of_any_form(told: list[tuple[str, dict[str, object]]]) -> None:
    lines = [json.dumps({"event": f"pipmend.{name}", **event}) for name, event in told]
    TARGETS["log"]("\n".join(lines).encode())


@few
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("kind", "subject", "url", "entry", "reason", "found", "expected"),
                *("body_size", "body_sha256", "body_kept"),
            ]
        ),
        ANYTHING.filter(lambda value: not _has_bytes(value)) | WORDS,
    )
)
def test_descriptions_of_any_form(told: dict[str, object]) -> None:
    TARGETS["description"](json.dumps(told).encode())


@few
@given(st.lists(st.text(st.characters(min_codepoint=33), max_size=12), max_size=6))
def test_urls_with_secrets(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    TARGETS["url"](text.encode("utf-8", "replace"))
