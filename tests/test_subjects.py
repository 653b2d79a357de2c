"""What an entry is: told by its content, damaged or hostile as it may be."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import string
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import cache_files
from lab.index_pages import HTML_TYPE, JSON_TYPE, html_page, json_page
from lab.index_style import IndexStyle
from lab.packages import Artifact, noise, sdist, wheel
from lab.pips import pipmend_wheels
from lab.real_caches import REAL_CACHES
from pipmend import entries, examine, subjects, urls
from pipmend._compat.layouts import Layout, place_in
from pipmend.metadata import StoredResponse
from pipmend.subjects import Kind, Subject
from pipmend.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from conftest import Benches
    from lab.laboratory import Laboratory

FILE_TYPE = "application/octet-stream"
MOST_READ = 4 * 1024 * 1024
MOST_MEMORY = 16 * 1024 * 1024


class Counted(io.BytesIO):
    """A body that counts how much of it is read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count the bytes."""
        data = super().read(size)
        self.count += len(data)
        return data


def response(
    media_type: str = FILE_TYPE, *, coding: str = "", status: int = 200, **fields: str
) -> StoredResponse:
    """What the metadata of an entry says."""
    fields["content-type"] = media_type
    if coding:
        fields["content-encoding"] = coding
    return StoredResponse(status, fields, {}, b"")


def told(content: bytes, media_type: str = FILE_TYPE, *, coding: str = "") -> Subject:
    """The subject of a body."""
    return subjects.of_entry(response(media_type, coding=coding), io.BytesIO(content))


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w:gz", **options: int) -> bytes:
    """A tar file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def bare(data: bytes) -> bytes:
    """Deflate without a frame."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def tagged(*lines: str) -> bytes:
    """A WHEEL file."""
    return "\n".join(["Wheel-Version: 1.0", "Generator: lab", *lines, ""]).encode()


def wheel_with(stem: str, *lines: str, before: int = 3) -> bytes:
    """A wheel with such a dist-info folder and such lines in its WHEEL file."""
    files = {f"package/module_{number}.py": b"pass" for number in range(before)}
    files["package/_vendor/other-9.dist-info/WHEEL"] = tagged("Tag: py2-none-any")
    files[f"{stem}.dist-info/METADATA"] = b"Metadata-Version: 2.1\n"
    files[f"{stem}.dist-info/WHEEL"] = tagged(*lines)
    files[f"{stem}.dist-info/WHEEL.bak"] = tagged("Tag: py1-none-any")
    files[f"{stem}.dist-info/RECORD"] = b""
    files["package2/_vendor/other-9.dist-info/WHEEL"] = tagged("Tag: py2-none-any")
    return zipped(files)


def releases(count: int, name: str = "idna") -> list[Artifact]:
    """So many files of a project, with next to nothing in them."""
    return [
        Artifact(name, f"3.{n}", f"{name}-3.{n}-py3-none-any.whl", b"", b"")
        for n in range(count)
    ]


STYLE = IndexStyle(core_metadata=True, blake2_paths=True)
FEW = json_page("idna", releases(5), STYLE)
MANY = json_page("idna", releases(400), STYLE)
FEW_LINKS = html_page("idna", releases(5), STYLE)
WHEEL = wheel("idna", "3.4").content
SDIST = sdist("idna", "3.4").content
CORE_METADATA = b"Metadata-Version: 2.1\nName: idna\nVersion: 3.4\n\nName: other\n"

BODIES: Mapping[str, tuple[bytes, str, str]] = {
    "wheel": (WHEEL, FILE_TYPE, ""),
    "large-wheel": (wheel("idna", "3.4", size=300_000).content, FILE_TYPE, ""),
    "sdist": (SDIST, FILE_TYPE, ""),
    "zip-sdist": (zipped({"idna-3.4/setup.py": b"#" * 99}), FILE_TYPE, ""),
    "core-metadata": (CORE_METADATA, FILE_TYPE, ""),
    "json": (FEW, JSON_TYPE, ""),
    "json-gzip": (gzip.compress(FEW, mtime=0), JSON_TYPE, "gzip"),
    "large-json": (MANY, JSON_TYPE, ""),
    "large-json-deflate": (zlib.compress(MANY), JSON_TYPE, "deflate"),
    "html": (FEW_LINKS, HTML_TYPE, ""),
    "html-bare": (bare(FEW_LINKS), HTML_TYPE, "deflate"),
}
"""Healthy bodies of idna, with media type and content coding."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wheel", Subject(Kind.WHEEL, "idna", "3.4", "idna-3.4-py3-none-any.whl")),
        (
            "large-wheel",
            Subject(Kind.WHEEL, "idna", "3.4", "idna-3.4-py3-none-any.whl"),
        ),
        ("sdist", Subject(Kind.SDIST, "idna", "3.4", "idna-3.4.tar.gz")),
        ("zip-sdist", Subject(Kind.SDIST, "idna", "3.4", "idna-3.4.zip")),
        ("core-metadata", Subject(Kind.CORE_METADATA, "idna", "3.4")),
        ("json", Subject(Kind.PAGE, "idna")),
        ("json-gzip", Subject(Kind.PAGE, "idna")),
        ("large-json", Subject(Kind.PAGE, "idna")),
        ("large-json-deflate", Subject(Kind.PAGE, "idna")),
        ("html", Subject(Kind.PAGE, "idna")),
        ("html-bare", Subject(Kind.PAGE, "idna")),
    ],
)
def test_content_tells(name: str, expected: Subject) -> None:
    """Each format that an index has."""
    assert told(BODIES[name][0], BODIES[name][1], coding=BODIES[name][2]) == expected


@pytest.mark.parametrize(
    ("stem", "lines", "file_name"),
    [
        pytest.param(
            "six-1.16.0",
            ["Tag: py2-none-any", "Tag: py3-none-any"],
            "six-1.16.0-py2.py3-none-any.whl",
            id="two-pythons",
        ),
        pytest.param(
            "PyYAML-6.0",
            [
                "Tag: cp310-cp310-manylinux_2_17_x86_64",
                "Tag: cp310-cp310-manylinux2014_x86_64",
            ],
            "PyYAML-6.0-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            id="two-platforms",
        ),
        pytest.param(
            "torch-2.0.1+cpu",
            ["Build: 1a", "Tag: cp311-cp311-linux_x86_64"],
            "torch-2.0.1+cpu-1a-cp311-cp311-linux_x86_64.whl",
            id="local-version-and-build",
        ),
        pytest.param(
            "a-1",
            ["Tag: py2-none-any", "Tag: py3-abi3-win32"],
            None,
            id="tags-of-no-one-name",
        ),
        pytest.param("a-1", [], None, id="no-tag"),
        pytest.param("a-1", ["Tag: py3-none-any/../x"], None, id="no-tag-at-all"),
        pytest.param("a-1", ["Build: x", "Tag: py3-none-any"], None, id="no-build"),
        pytest.param("a-1", [f"Tag: py3-none-{'x' * 120}"], None, id="too-long-a-name"),
    ],
)
def test_the_name_of_a_wheel_is_made_again(
    stem: str, lines: list[str], file_name: str | None
) -> None:
    """From its dist-info folder and the tags in it; not from vendored packages."""
    subject = told(wheel_with(stem, *lines))

    project, _, version = stem.partition("-")
    assert subject == Subject(Kind.WHEEL, project.lower(), version, file_name)


def test_names_of_real_wheels(lab: Laboratory) -> None:
    """Made again but for the order of platforms, which some tools do not sort."""
    house = pipmend_wheels(lab.store, python=lab.default_python)
    paths = sorted(house.glob("*.whl"))
    assert len(paths) > 2

    for path in paths:
        with path.open("rb") as file:
            name = subjects.of_entry(response(), file).file_name
        assert sorted(re.split("[-.]", name or "")) == sorted(
            re.split("[-.]", path.name)
        )


def test_a_version_has_its_length() -> None:
    """It is to be shown."""
    assert told(wheel_with("a-" + "1" * 130, "Tag: py3-none-any")) == Subject(
        Kind.WHEEL, "a"
    )


@pytest.mark.parametrize("before", [50, 500, 20_000])
def test_a_wheel_with_many_files_is_known(before: int) -> None:
    """Though its directory is larger than what is read of it."""
    body = Counted(wheel_with("idna-3.4", "Tag: py3-none-any", before=before))

    subject = subjects.of_entry(response(), body)

    assert subject.file_name == "idna-3.4-py3-none-any.whl"
    assert body.count <= 1_200_000


@pytest.mark.parametrize(
    ("folder", "pkg_info", "expected"),
    [
        pytest.param("zope.interface-5.0", "", ("zope-interface", "5.0"), id="dots"),
        pytest.param("a-b-1.0rc1", "", ("a-b", "1.0rc1"), id="hyphen"),
        pytest.param("a-1.0-2", "", ("a-1-0", "2"), id="unclear"),
        pytest.param(
            "a-1.0-2",
            "Name: a\nVersion: 1.0-2\n",
            ("a", "1.0-2"),
            id="unclear-but-told",
        ),
        pytest.param("repo-main", "", (None, None), id="branch"),
        pytest.param(
            "repo-main", "Name: A_b\nVersion: 1\n", ("a-b", "1"), id="branch-but-told"
        ),
        pytest.param("..", "", (None, None), id="out"),
        pytest.param("a\x1b[31m-1", "", (None, None), id="control-characters"),
        pytest.param("a" * 90 + "-" + "1" * 90, "", (None, None), id="long"),
    ],
)
@pytest.mark.parametrize("mode", ["w:gz", "w", "w:bz2"])
def test_source_archives(
    folder: str, pkg_info: str, expected: tuple[str | None, str | None], mode: str
) -> None:
    """Told by the top folder, and by PKG-INFO where that is not clear."""
    files = {f"{folder}/{name}.py": noise(name, 3000) for name in "abcd"}
    if pkg_info:
        files[f"{folder}/PKG-INFO"] = f"Metadata-Version: 2.1\n{pkg_info}\n".encode()

    subject = told(tarred(files, mode))

    assert subject.kind is Kind.SDIST
    # Of bzip2 there is no bounded look: the kind is all.
    assert subject[1:3] == ((None, None) if mode == "w:bz2" else expected)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_long_path_comes_first_in_a_source_archive(form: int) -> None:
    """It has a header of its own, which is no member."""
    path = f"idna-3.4/{'é' * 80}/{'b' * 80}.py"

    assert told(tarred({path: b""}, format=form)).file_name == "idna-3.4.tar.gz"


@pytest.mark.parametrize(
    ("page", "media_type", "project"),
    [
        pytest.param(
            html_page("Zope.Interface", [], STYLE), HTML_TYPE, "zope-interface", id="h1"
        ),
        pytest.param(
            b"<html>" + b"".join(FEW_LINKS.splitlines()[7:]),
            HTML_TYPE,
            "idna",
            id="anchors-alone",
        ),
        pytest.param(
            "\n".join(
                f"<a href='x'>{name}-1-py3-none-any.whl</a>"
                for name in ("torch", "torchaudio", "torchvision", "torch")
            ).encode(),
            HTML_TYPE,
            None,
            id="files-of-many-projects",
        ),
        pytest.param(json_page("A_b", [], STYLE), JSON_TYPE, "a-b", id="no-files"),
        pytest.param(
            json.dumps({"files": [], "meta": {"name": "x"}, "name": "idna"}).encode(),
            JSON_TYPE,
            "idna",
            id="another-name-in-it",
        ),
        pytest.param(b'{"name": ["idna"]}', JSON_TYPE, None, id="name-of-no-text"),
        pytest.param(b'{"name": "../idna"}', JSON_TYPE, None, id="no-name"),
        pytest.param(b'{"files":[],"name":"idna"}', "text/plain", "idna", id="plain"),
        pytest.param(FEW_LINKS, FILE_TYPE, "idna", id="html-by-its-start"),
        pytest.param(b"", JSON_TYPE, None, id="empty"),
    ],
)
def test_pages(page: bytes, media_type: str, project: str | None) -> None:
    """By their own word, else by the files of which there are most."""
    assert told(page, media_type) == Subject(Kind.PAGE, project)


@pytest.mark.parametrize(
    ("content", "media_type", "coding", "expected"),
    [
        pytest.param(WHEEL, HTML_TYPE, "", Kind.WHEEL, id="wheel-as-html"),
        pytest.param(SDIST, HTML_TYPE, "", Kind.SDIST, id="sdist-as-html"),
        pytest.param(SDIST, FILE_TYPE, "gzip", Kind.SDIST, id="sdist-as-coded-tar"),
        pytest.param(
            gzip.compress(SDIST), FILE_TYPE, "gzip", Kind.SDIST, id="coded-sdist"
        ),
        pytest.param(
            gzip.compress(WHEEL), FILE_TYPE, "gzip", Kind.WHEEL, id="coded-wheel"
        ),
        pytest.param(b"\x0b\x02", JSON_TYPE, "br", Kind.PAGE, id="unknown-coding"),
        pytest.param(b"\x0b\x02", FILE_TYPE, "br", Kind.OTHER, id="unknown-coded-file"),
        pytest.param(gzip.compress(b"x"), FILE_TYPE, "", Kind.OTHER, id="gzip-of-text"),
        pytest.param(zipped({"a.txt": b""}), FILE_TYPE, "", Kind.OTHER, id="other-zip"),
        pytest.param(noise("x", 99_999), FILE_TYPE, "", Kind.OTHER, id="noise"),
        pytest.param(b"", FILE_TYPE, "", Kind.OTHER, id="empty"),
        pytest.param(
            gzip.compress(FEW)[:20] + b"\xff" * 999,
            JSON_TYPE,
            "gzip",
            Kind.PAGE,
            id="coded-page-without-content",
        ),
        pytest.param(
            zipped({"idna/__init__.py": b""}), FILE_TYPE, "", Kind.OTHER, id="whole-zip"
        ),
        pytest.param(
            zipped({"a.txt": b""}, zipfile.ZIP_STORED)[:35]
            + b"?" * 14
            + bytes(12)
            + b"\x0f\0\0\0a-1.dist-info/x",
            FILE_TYPE,
            "",
            Kind.OTHER,
            id="zip-and-junk",
        ),
    ],
)
def test_kinds(content: bytes, media_type: str, coding: str, expected: Kind) -> None:
    """By what is there, not by what the server calls it."""
    assert told(content, media_type, coding=coding).kind is expected


@pytest.mark.parametrize(
    ("location", "project", "version"),
    [
        ("/pages/idna/", "idna", None),
        ("https://u:p@index.example/simple/A_b?token=1", "a-b", None),
        ("../files/idna-3.4.tar.gz#x", "idna", "3.4"),
        ("https://[index.example/simple/idna/", None, None),
        ("", None, None),
    ],
)
def test_redirects(location: str, project: str | None, version: str | None) -> None:
    """They have no body: told by where they lead."""
    stored = response(status=301, location=location)

    subject = subjects.of_entry(stored, io.BytesIO())

    assert subject == Subject(Kind.REDIRECT, project, version)


# What is damaged.


@pytest.mark.parametrize("name", BODIES)
def test_a_cut_body_tells_less_but_nothing_wrong(name: str) -> None:
    """Wherever it is cut."""
    content, media_type, coding = BODIES[name]
    for end in range(0, len(content), max(1, len(content) // 500)):
        subject = told(content[:end], media_type, coding=coding)

        assert subject.project in {"idna", None}, end
        assert subject.version in {"3.4", None}, end


@pytest.mark.parametrize(
    ("content", "media_type", "coding", "expected"),
    [
        pytest.param(
            FEW[:-100], JSON_TYPE, "", Subject(Kind.PAGE, "idna"), id="page-without-end"
        ),
        pytest.param(
            FEW[100:], JSON_TYPE, "", Subject(Kind.PAGE, "idna"), id="page-from-within"
        ),
        pytest.param(
            MANY[:999] + b"\0" * 999 + MANY[1998:],
            JSON_TYPE,
            "",
            Subject(Kind.PAGE, "idna"),
            id="page-with-nul-bytes",
        ),
        pytest.param(
            zlib.compress(MANY)[:-999],
            JSON_TYPE,
            "deflate",
            Subject(Kind.PAGE, "idna"),
            id="coded-page-without-end",
        ),
        pytest.param(
            FEW, JSON_TYPE, "gzip", Subject(Kind.PAGE, "idna"), id="not-coded-after-all"
        ),
        pytest.param(
            SDIST[:900],
            FILE_TYPE,
            "",
            Subject(Kind.SDIST, "idna", "3.4", "idna-3.4.tar.gz"),
            id="sdist-without-end",
        ),
        pytest.param(
            wheel_with("idna-3.4")[:-99],
            FILE_TYPE,
            "",
            Subject(Kind.WHEEL, "idna", "3.4"),
            id="wheel-without-directory",
        ),
        pytest.param(
            zipped({"idna/__init__.py": b"", "x": noise("x", 9999)})[:9000],
            FILE_TYPE,
            "",
            Subject(Kind.WHEEL),
            id="wheel-cut-in-a-package",
        ),
        pytest.param(
            b"\0" * 512 + WHEEL[512:],
            FILE_TYPE,
            "",
            Subject(Kind.WHEEL, "idna", "3.4", "idna-3.4-py3-none-any.whl"),
            id="wheel-without-start",
        ),
        pytest.param(
            zipped({"nested.whl": WHEEL, "idna-3.4/x": b""}, zipfile.ZIP_STORED)[
                : len(WHEEL) + 40
            ],
            FILE_TYPE,
            "",
            Subject(Kind.OTHER),
            id="zip-cut-after-a-wheel-in-it",
        ),
        pytest.param(
            b"\0" * 12 + CORE_METADATA[12:],
            FILE_TYPE,
            "",
            Subject(Kind.CORE_METADATA, "idna", "3.4"),
            id="core-metadata-without-start",
        ),
    ],
)
def test_what_remains_tells(
    content: bytes, media_type: str, coding: str, expected: Subject
) -> None:
    """As much as it can."""
    assert told(content, media_type, coding=coding) == expected


def is_safe(text: object) -> bool:
    """Whether a text can be shown: short, and nothing that a terminal obeys."""
    return text is None or (
        isinstance(text, str)
        and text.isascii()
        and text.isprintable()
        and len(text) <= 120
    )


@pytest.mark.parametrize("name", BODIES)
@settings(derandomize=True, deadline=None, max_examples=150)
@given(data=st.data())
def test_damage_never_raises(name: str, data: st.DataObject) -> None:
    """Bytes changed, and the ends cut off, anywhere."""
    content, media_type, coding = BODIES[name]
    damaged = bytearray(content)
    spots = st.integers(0, len(content) - 1)
    for spot in data.draw(st.lists(spots, max_size=30)):
        damaged[spot] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(content)), spots))
    body = Counted(damaged[data.draw(st.sampled_from([0, 0, 0, 1, 40])) : end])

    subject = subjects.of_entry(response(media_type, coding=coding), body)

    assert all(map(is_safe, subject[1:]))
    assert is_safe(subject.words.replace("the cached ", ""))
    assert body.count <= MOST_READ


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"{", b"<html", b"Name: "]),
    st.binary(max_size=600),
    st.sampled_from([FILE_TYPE, JSON_TYPE, HTML_TYPE]),
    st.sampled_from(["", "gzip", "deflate", "br"]),
)
def test_any_bytes_are_something(
    start: bytes, rest: bytes, media_type: str, coding: str
) -> None:
    """What looks like a format need not be one."""
    subject = told(start + rest, media_type, coding=coding)

    assert all(map(is_safe, subject[1:]))


def test_damage_in_the_directory_of_a_wheel_never_raises() -> None:
    """Where sizes and offsets are; random ones lead anywhere."""
    chance = random.Random(1)  # noqa: S311
    content = wheel_with("idna-3.4", "Tag: py3-none-any")
    start = content.index(b"PK\x01\x02")
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(start, len(content))] = chance.choice(
                b"\0\x7f\xff"
            )

        assert told(bytes(damaged)).kind in {Kind.WHEEL, Kind.OTHER}


# What is hostile.


def gzip_of_nothing(size: int) -> bytes:
    """A stream that goes on and on and holds nothing: empty blocks."""
    return gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * (size // 5)


def tar_of_negative_size() -> bytes:
    """A header of more fields that ends where it begins."""
    member = tarfile.TarInfo("idna/x")
    member.type = tarfile.XHDTYPE
    header = bytearray(member.tobuf())
    header[124:136] = (-512).to_bytes(12, "big", signed=True)
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    return bytes(header) * 10


def zip_of_claims() -> bytes:
    """An end of a zip file that claims the largest of sizes for everything."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", *[0xFFFF] * 4, 2**32 - 1, 2**32 - 1, 0)
    return b"PK\x03\x04" + b"\xff" * 500 + end


ZEROS = bytes(60_000_000)

HOSTILE: Mapping[str, Callable[[], tuple[bytes, str, str]]] = {
    "gzip-bomb-page": lambda: (gzip.compress(ZEROS), JSON_TYPE, "gzip"),
    "gzip-bomb-in-a-bomb": lambda: (
        gzip.compress(gzip.compress(ZEROS)),
        FILE_TYPE,
        "gzip",
    ),
    "gzip-bomb-sdist": lambda: (
        tarred({"repo-main/x": ZEROS, "repo-main/PKG-INFO": b""}),
        FILE_TYPE,
        "",
    ),
    "zip-bomb": lambda: (
        zipped({"a-1.dist-info/WHEEL": tagged("Tag: a-b-c") * 10**6}),
        FILE_TYPE,
        "",
    ),
    "zip-of-claims": lambda: (zip_of_claims(), FILE_TYPE, ""),
    "zip-of-endings": lambda: (
        zipped({f"x/{n}.dist-info/WHEEL": b"" for n in range(30_000)}),
        FILE_TYPE,
        "",
    ),
    "gzip-without-content": lambda: (gzip_of_nothing(9_000_000), FILE_TYPE, ""),
    "gzip-page-without-content": lambda: (
        gzip_of_nothing(9_000_000),
        HTML_TYPE,
        "gzip",
    ),
    "gzip-with-an-endless-name": lambda: (
        b"\x1f\x8b\x08\x08" + b"x" * 9_000_000,
        FILE_TYPE,
        "",
    ),
    "tar-of-negative-size": lambda: (tar_of_negative_size(), FILE_TYPE, ""),
    "deep-json": lambda: (b'{"name":' + b"[" * 50_000, JSON_TYPE, ""),
    "deeper-json": lambda: (b'{"name":' + b"[" * 9_000_000, JSON_TYPE, ""),
    "large-json": lambda: (b'{"x":[' + b"[]," * 9_000_000, JSON_TYPE, ""),
    "large-number": lambda: (b'{"name":' + b"1" * 60_000 + b"}", JSON_TYPE, ""),
    "names": lambda: (b'"name":"a","filename":"a-1.zip",' * 300_000, JSON_TYPE, ""),
    "open-tags": lambda: (b"<a <title <h1" * 300_000, HTML_TYPE, ""),
    "spaces": lambda: (b"<html><a>" + b" " * 9_000_000, HTML_TYPE, ""),
    "fields": lambda: (b"Name: a\n" * 900_000, FILE_TYPE, ""),
    "hyphens": lambda: (
        b'{"filename":"' + b"1-" * 120 + b'1.zip"}',
        JSON_TYPE,
        "",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_cost_little(name: str) -> None:
    """However large they are, or grow."""
    content, media_type, coding = HOSTILE[name]()
    body = Counted(content)

    tracemalloc.start()
    try:
        subject = subjects.of_entry(response(media_type, coding=coding), body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert all(map(is_safe, subject[1:]))
    assert body.count <= MOST_READ
    assert peak <= MOST_MEMORY


# A real cache.


@pytest.mark.parametrize(("version", "style"), REAL_CACHES.values(), ids=REAL_CACHES)
def test_all_entries_of_a_real_cache_are_known(
    version: str, style: IndexStyle, benches: Benches
) -> None:
    """Without a single URL."""
    warm = benches.warm(version, style)

    known = sorted(subject.words for subject in subjects_in(warm.cache))

    files = ["the cached file alpha-2.0-py3-none-any.whl"]
    files += ["the cached file beta-1.5-py3-none-any.whl"]
    pages = [f"the cached page of '{name}'" for name in ("alpha", "beta")]
    others = [
        f"the cached metadata of {name}" if style.core_metadata else name
        for name in ("alpha 2.0", "beta 1.5")
    ]
    if style.redirect_pages:
        others = [f"the cached redirect of '{name}'" for name in ("alpha", "beta")]
    assert known == sorted(files + pages + others)


def subjects_in(cache: Path) -> Iterator[Subject]:
    """The subject of each entry, read as pipmend reads it."""
    for found in cache_files.entries(cache):
        place = place_in(Layout(found.layout), cache, found.metadata.name)
        entry = entries.open_entry(place)
        assert entry is not None
        stored = examine.read_metadata(entry)
        assert not isinstance(stored, Verdict)
        assert not isinstance(entry.body, Verdict)
        inline = io.BytesIO(stored.inline_body)
        yield subjects.of_entry(stored, entry.body if place.body else inline)
        entry.close()


# Names alone.


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "https://u:p@index.example/simple/Zope.Interface/?token=1",
            Subject(
                Kind.PAGE,
                "zope-interface",
                url="https://index.example/simple/Zope.Interface/",
            ),
            id="page",
        ),
        pytest.param(
            "https://index.example/root/+simple/idna",
            Subject(Kind.PAGE, "idna", url="https://index.example/root/+simple/idna"),
            id="page-without-slash",
        ),
        pytest.param(
            "https://index.example/simple/simple/",
            Subject(Kind.PAGE, "simple", url="https://index.example/simple/simple/"),
            id="page-of-simple",
        ),
        pytest.param(
            "https://index.example/simple/",
            Subject(Kind.PAGE, url="https://index.example/simple/"),
            id="index",
        ),
        pytest.param(
            "https://index.example/p/torch-2.0%2Bcpu-1-cp310-cp310-win32.whl?s=1#x",
            Subject(
                Kind.WHEEL,
                "torch",
                "2.0+cpu",
                "torch-2.0+cpu-1-cp310-cp310-win32.whl",
                "https://index.example/p/torch-2.0%2Bcpu-1-cp310-cp310-win32.whl",
            ),
            id="wheel",
        ),
        pytest.param(
            "https://index.example/a-b-1.0.TAR.GZ",
            Subject(
                Kind.SDIST,
                "a-b",
                "1.0",
                "a-b-1.0.TAR.GZ",
                "https://index.example/a-b-1.0.TAR.GZ",
            ),
            id="sdist",
        ),
        pytest.param(
            "https://index.example/a-1-py3-none-any.whl.metadata",
            Subject(
                Kind.CORE_METADATA,
                "a",
                "1",
                "a-1-py3-none-any.whl.metadata",
                "https://index.example/a-1-py3-none-any.whl.metadata",
            ),
            id="core-metadata",
        ),
        pytest.param(
            "file:///cache/a-1-py3-none-any.whl",
            Subject(
                Kind.BUILT_WHEEL,
                "a",
                "1",
                "a-1-py3-none-any.whl",
                "file:///cache/a-1-py3-none-any.whl",
            ),
            id="built-wheel",
        ),
        pytest.param(
            "https://index.example/zipball/main.zip",
            Subject(
                Kind.SDIST,
                file_name="main.zip",
                url="https://index.example/zipball/main.zip",
            ),
            id="archive-of-nothing-known",
        ),
        pytest.param(
            f"https://index.example/{'a' * 90}-{'1' * 90}.zip",
            Subject(Kind.SDIST, url=f"https://index.example/{'a' * 90}-{'1' * 90}.zip"),
            id="too-long-a-name",
        ),
        pytest.param(
            "https://index.example/other",
            Subject(Kind.OTHER, url="https://index.example/other"),
            id="other",
        ),
        pytest.param("https://[index.example/", Subject(Kind.OTHER), id="no-url"),
        pytest.param("", Subject(Kind.OTHER), id="empty"),
    ],
)
def test_of_url(url: str, expected: Subject) -> None:
    """By its path; and nothing secret is kept."""
    assert subjects.of_url(url) == expected


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.text(st.characters(exclude_categories=()), max_size=60)
    | st.text(string.digits + "ab-._/+%.whltargz", max_size=200),
    st.sampled_from(["", ".whl", ".tar.gz", "-1-py3-none-any.whl", ".metadata" * 900]),
)
def test_any_url_is_something(path: str, ending: str) -> None:
    """Whatever is in it."""
    subject = subjects.of_url(f"https://index.example/simple/{path}{ending}")

    assert all(map(is_safe, subject[1:4]))
    assert subject.words.isprintable()


@pytest.mark.parametrize(
    "path",
    [
        "simple/idna/",
        "simple/idna",
        "alpha-1.0-py3-none-any.whl",
        "a-1.TAR.GZ",
        "alpha-1.0-py3-none-any.whl.metadata",
    ],
)
def test_words_are_those_of_events(path: str) -> None:
    """One thing has one name."""
    url = f"https://index.example/{path}"

    assert subjects.of_url(url).words == urls.subject_of(url)


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject(Kind.PAGE), "a cached page"),
        (Subject(Kind.REDIRECT), "a cached redirect"),
        (Subject(Kind.REDIRECT, "idna"), "the cached redirect of 'idna'"),
        (Subject(Kind.WHEEL), "a cached file"),
        (Subject(Kind.SDIST, "idna"), "the cached file of idna"),
        (Subject(Kind.WHEEL, "idna", "3.4"), "the cached file of idna 3.4"),
        (Subject(Kind.CORE_METADATA), "the cached metadata of a wheel"),
        (Subject(Kind.CORE_METADATA, "a", "1"), "the cached metadata of a 1"),
        (Subject(Kind.ORIGIN), "the origin.json of a wheel"),
        (Subject(Kind.ORIGIN, "a", "1"), "the origin.json of a 1"),
        (Subject(Kind.BUILT_WHEEL, "a", "1"), "the built wheel of a 1"),
        (Subject(Kind.BUILT_WHEEL), "a built wheel"),
        (Subject(Kind.BUILT_WHEEL, "a", "1", "a.whl"), "the built wheel a.whl"),
        (Subject(Kind.OTHER), "a cached response"),
        (Subject(Kind.OTHER, file_name="x"), "the cached file x"),
    ],
)
def test_words(subject: Subject, words: str) -> None:
    """As much as is known."""
    assert subject.words == words


def test_a_record_is_plain_json() -> None:
    """With the kind as its code."""
    subject = told(WHEEL)

    assert json.loads(json.dumps(subject.as_record())) == {
        "kind": "wheel",
        "project": "idna",
        "version": "3.4",
        "file_name": "idna-3.4-py3-none-any.whl",
        "url": None,
    }


# The wheel cache.


def test_a_built_wheel_is_told_by_its_name(tmp_path: Path) -> None:
    """It need not even be there."""
    name = "idna-3.4-py3-none-any.whl"

    assert subjects.of_built(tmp_path / name) == Subject(
        Kind.BUILT_WHEEL, "idna", "3.4", name
    )


def test_other_files_of_the_wheel_cache(tmp_path: Path) -> None:
    """Such as those that a failed write has left."""
    assert subjects.of_built(tmp_path / "x\n.tmp") == Subject(
        Kind.OTHER, file_name="x?.tmp"
    )


@pytest.mark.parametrize(
    ("content", "url"),
    [
        pytest.param(
            b'{"url": "https://u:p@index.example/a.zip?x#y", "archive_info": {}}',
            "https://index.example/a.zip",
            id="healthy",
        ),
        pytest.param(b'{"url": 1}', None, id="no-text"),
        pytest.param(b'{"url": "https', None, id="cut"),
        pytest.param(b"[" * 60_000, None, id="deep"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_an_origin(content: bytes, url: str | None, tmp_path: Path) -> None:
    """It belongs to the wheel in its folder, and tells its URL itself."""
    (tmp_path / "Idna-3.4-py3-none-any.whl").write_bytes(b"")
    origin = tmp_path / "origin.json"
    origin.write_bytes(content)

    assert subjects.of_built(origin) == Subject(
        Kind.ORIGIN, "idna", "3.4", "origin.json", url
    )


def test_an_origin_alone_or_among_many_is_of_nothing(tmp_path: Path) -> None:
    """Rather than of the wrong wheel."""
    origin = tmp_path / "origin.json"
    alone = subjects.of_built(origin)
    for name in ("a", "b"):
        (tmp_path / f"{name}-1-py3-none-any.whl").write_bytes(b"")

    assert (
        alone
        == subjects.of_built(origin)
        == Subject(Kind.ORIGIN, file_name="origin.json")
    )
