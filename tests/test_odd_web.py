"""The library as a target: any web content is left alone, and heals when damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab import cache_files
from lab.cache_files import entry_path
from lab.odd_web import CODINGS, FRAMINGS, OTHER_TYPES, PAGES, OddWeb
from lab.pips import scratch_environment
from lab.tools import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lab.cache_files import HttpEntry, Layout
    from lab.laboratory import Laboratory

NEWEST = ("cachecontrol[filecache]==0.14.4",)
OLDER = (
    ("cachecontrol[filecache]==0.13.1",),
    ("cachecontrol[filecache]==0.12.14",),
)
# Up to 0.12.11 the other class of caches loses its bodies by itself, with each 304.
OLDEST = ("cachecontrol[filecache]==0.12.6", "urllib3<2")
LAYOUTS: dict[str, Layout] = {"FileCache": "http", "SeparateBodyFileCache": "http-v2"}
"""Each cache of the library, and the generation of pip's that has its form."""

ON = {"PIPMEND_TARGETS": "pip,cachecontrol"}
OFF = {"PIPMEND": "off"}
HOUR = 3600
REDIRECTS = {301, 308}

# Asks for each page, with a cache that stores more statuses than usual.
CLIENT = """
import hashlib, json, sys
import requests
from cachecontrol.adapter import CacheControlAdapter
from cachecontrol.caches import file_cache
from cachecontrol.controller import CacheController

class Generous(CacheController):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cacheable_status_codes = (200, 203, 204, 205, 300, 301, 308, 404)

kind, folder, asked = json.load(sys.stdin)
session = requests.Session()
cache = getattr(file_cache, kind)(folder)
session.mount("http://", CacheControlAdapter(
    cache=cache, controller_class=Generous, cacheable_methods=("GET", "HEAD")
))
answers = {}
for name, method, url, headers in asked:
    try:
        got = session.request(method, url, headers=headers, allow_redirects=False)
        digest = hashlib.sha256(got.content).hexdigest()
        answers[name] = [got.status_code, got.from_cache, digest]
    except Exception as error:  # old versions trip over redirects
        answers[name] = [type(error).__name__]
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Said:
    """What came of a run: answers by page, requests, what stood on stderr."""

    answers: dict[str, list[Any]]
    served: list[str]
    stderr: str

    @property
    def contents(self) -> dict[str, list[Any]]:
        """Status and digest, wherever they came from.

        Without redirects, of which the library keeps no body.
        """
        return {
            name: [one[0], one[-1]]
            for name, one in self.answers.items()
            if PAGES[name].status not in REDIRECTS
        }


@dataclass(frozen=True)
class Client:
    """A program that uses a version of the library, with one class of its caches."""

    python: Path
    packages: Path
    web: OddWeb
    kind: str
    folder: Path

    def ask(
        self, root: Path, env: dict[str, str], names: Iterable[str] = PAGES
    ) -> Said:
        """Get each page with a cache below a folder."""
        asked = [
            (name, PAGES[name].method, self.web.url(name), dict(PAGES[name].asked))
            for name in names
        ]
        environment = scratch_environment(self.folder / "home")
        done = subprocess.run(
            [self.python, "-c", CLIENT],
            env={**environment, "PYTHONPATH": str(self.packages), **env},
            input=json.dumps([self.kind, str(root / LAYOUTS[self.kind]), asked]),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Said(json.loads(done.stdout), self.web.served, done.stderr)

    def warm(self, env: dict[str, str]) -> tuple[Path, Said]:
        """A cache that was filled an hour ago."""
        root = self.folder / "cache"
        said = self.ask(root, env)
        cache_files.age(root)
        return root, said

    def copy_of(self, root: Path) -> Path:
        """The same once more."""
        return shutil.copytree(root, root.with_name("copy"))

    def entry(self, root: Path, name: str) -> HttpEntry:
        """Where a page is in a cache below a folder."""
        return entry_path(
            root, LAYOUTS[self.kind], self.web.url(name).partition("#")[0]
        )

    def stored(self, root: Path) -> set[str]:
        """The pages that a cache has with a body that it gives back."""
        return {
            name
            for name, page in PAGES.items()
            if page.status not in REDIRECTS and page.body and page.method == "GET"
            # Newer versions of the library look for these under another key.
            if "#" not in page.path
            if self.entry(root, name).metadata.exists()
        }

    @property
    def log(self) -> list[dict[str, Any]]:
        """The events."""
        path = self.folder / "home" / "state" / "pipmend" / "log" / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def found(self, root: Path) -> set[str]:
        """The pages whose entries in a cache were found corrupt."""
        found = {one["entry"] for one in self.log if one["event"].endswith("corrupt")}
        paths = {name: str(self.entry(root, name).metadata) for name in PAGES}
        return {name for name, path in paths.items() if path in found}


@pytest.fixture(scope="module")
def running() -> Iterator[OddWeb]:
    """One server for all tests."""
    with OddWeb(PAGES) as web:
        yield web


@pytest.fixture
def web(running: OddWeb) -> OddWeb:
    """The server, everything on it fresh for an hour."""
    running.max_age = HOUR
    return running


@dataclass(frozen=True)
class Clients:
    """Makes clients for one test."""

    lab: Laboratory
    web: OddWeb
    folder: Path

    def of(self, requirements: tuple[str, ...], kind: str) -> Client:
        """A client with a version of the library."""
        packages = installed(self.lab.store, *requirements)
        venv = self.lab.venv("26.3", hooked=True)
        return Client(venv.python, packages, self.web, kind, self.folder)


@pytest.fixture
def clients(lab: Laboratory, web: OddWeb, tmp_path: Path) -> Clients:
    """The clients of one test."""
    return Clients(lab, web, tmp_path)


VERSIONS = [
    *(pytest.param(NEWEST, kind, id=f"newest-{kind}") for kind in LAYOUTS),
    *(
        pytest.param(one, kind, id=f"{one[0][-6:]}-{kind}", marks=pytest.mark.matrix)
        for one in OLDER
        for kind in LAYOUTS
    ),
    pytest.param(OLDEST, "FileCache", id="oldest", marks=pytest.mark.matrix),
]
versions = pytest.mark.parametrize(("requirements", "kind"), VERSIONS)


@versions
def test_what_was_stored_without_pipmend_is_left_alone(
    requirements: tuple[str, ...], kind: str, clients: Clients
) -> None:
    """Answers, requests and files are the same as without pipmend, fresh and stale."""
    client = clients.of(requirements, kind)
    root, _ = client.warm(OFF)
    copy = client.copy_of(root)

    plain, mended = client.ask(root, OFF), client.ask(copy, ON)

    assert mended == plain
    assert cache_files.snapshot(copy).keys() == cache_files.snapshot(root).keys()
    assert client.log == []


@versions
def test_stale_content_is_revalidated_as_without_pipmend(
    requirements: tuple[str, ...], kind: str, clients: Clients
) -> None:
    """Then again, sealed by now."""
    client = clients.of(requirements, kind)
    client.web.max_age = 0
    root, _ = client.warm(OFF)
    copy = client.copy_of(root)

    for _ in range(2):
        plain, mended = client.ask(root, OFF), client.ask(copy, ON)

        assert mended == plain
        assert len([one for one in mended.served if one.endswith(" 304")]) > 50
    assert client.log == []
    assert not list(copy.rglob("pipmend"))


@versions
def test_what_was_stored_with_pipmend_is_left_alone(
    requirements: tuple[str, ...], kind: str, clients: Clients
) -> None:
    """Storing, too, changes no answer; and without pipmend the seal is ignored."""
    client = clients.of(requirements, kind)
    root, first = client.warm(ON)
    plain_root = client.folder / "plain"
    assert first == client.ask(plain_root, OFF)

    mended, plain = client.ask(root, ON), client.ask(root, OFF)

    assert mended == plain == client.ask(plain_root, OFF)
    assert client.log == []


def _flip(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _damage_all(
    client: Client, root: Path, names: Iterable[str], change: Callable[[bytes], bytes]
) -> None:
    for name in names:
        entry = client.entry(root, name)
        cache_files.write_body(entry, change(cache_files.read_body(entry)))
    cache_files.age(root)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda body: body[: len(body) // 2],
    "flipped-bit": _flip,
}
NEVER_FRESH = {"no-date", "expires-never"}
IN_CHUNKS = {name for name, page in PAGES.items() if page.framing != "length"}
GZIPPED = {"gzip", "gzip-in-chunks"}
TOLD_OTHERWISE = {"deflate", "content-digest", "repr-digest", "wheel-of-another-digest"}
UNSEALED: dict[str, Callable[[str], bool]] = {
    "empty": lambda _: True,
    "half": lambda name: name not in IN_CHUNKS or name in GZIPPED,
    "flipped-bit": lambda name: name in {*GZIPPED, *TOLD_OTHERWISE},
}
"""What is found in entries that nobody has sealed."""


def _damages(*usual: tuple[str, str]) -> list[Any]:
    return [
        pytest.param(
            name,
            kind,
            id=f"{name}-{kind}",
            marks=[] if (name, kind) in usual else [pytest.mark.matrix],
        )
        for name in DAMAGES
        for kind in LAYOUTS
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    _damages(("flipped-bit", "FileCache"), ("flipped-bit", "SeparateBodyFileCache")),
)
def test_any_damage_to_what_was_sealed_heals(
    name: str, kind: str, clients: Clients
) -> None:
    """Each entry in the run that meets it, once; the next run is quiet."""
    client = clients.of(NEWEST, kind)
    root, first = client.warm(ON)
    names = client.stored(root)
    assert {*OTHER_TYPES, *CODINGS, *FRAMINGS} - names <= {
        *("empty", "gzip-of-nothing", "head", "head-of-chunks", "range")
    }
    _damage_all(client, root, names, DAMAGES[name])

    healed = client.ask(root, ON)

    assert healed.contents == first.contents
    assert client.found(root) == names
    events = len(client.log)
    again = client.ask(root, ON)
    assert again.contents == first.contents
    assert len(client.log) == events
    assert all(again.answers[one][1] for one in names - NEVER_FRESH)


@pytest.mark.parametrize(
    ("name", "kind"),
    _damages(
        ("empty", "SeparateBodyFileCache"),
        ("half", "FileCache"),
        ("flipped-bit", "SeparateBodyFileCache"),
    ),
)
def test_what_can_be_told_of_the_rest_heals(
    name: str, kind: str, clients: Clients
) -> None:
    """By its length, its digest, or its content coding; without pipmend it stays."""
    client = clients.of(NEWEST, kind)
    root, first = client.warm(OFF)
    names = {one for one in client.stored(root) if UNSEALED[name](one)}
    assert names
    _damage_all(client, root, names, DAMAGES[name])
    plain = client.ask(client.copy_of(root), OFF)
    asked = names - NEVER_FRESH
    assert all(plain.contents[one] != first.contents[one] for one in asked)

    healed = client.ask(root, ON)

    assert healed.contents == first.contents
    assert client.found(root) == names
