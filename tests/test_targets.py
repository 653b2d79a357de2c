"""Other users of CacheControl: the same gates for the library, by choice only."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import cache_files
from lab.damages import damage
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.packages import catalogue
from lab.pips import scratch_environment
from lab.tools import installed
from pipmend import enforce, entries, events
from pipmend._compat import layouts, seams
from pipmend._compat.layouts import Layout
from pipmend.verdicts import Reason, corrupt

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from lab.cache_files import HttpEntry
    from lab.laboratory import Laboratory

LIBRARY = "cachecontrol[filecache]==0.14.4"
OLDER = (
    "cachecontrol[filecache]==0.14.0",
    "cachecontrol[filecache]==0.13.1",
    "cachecontrol[filecache]==0.12.14",
)
PIP_AUDIT = "pip-audit==2.10.1"
POETRY = "poetry==2.5.1"
BOTH = {"PIPMEND_TARGETS": "pip,cachecontrol"}
LAYOUTS: dict[str, cache_files.Layout] = {
    "FileCache": "http",
    "SeparateBodyFileCache": "http-v2",
}
"""Each cache of the library, and the generation of pip's that has its form."""

PAGE = "/simple/alpha/"
FILE = "/packages/alpha-2.0-py3-none-any.whl"

# Gets each URL with a cache of a class, and prints what came.
CLIENT = """
import hashlib, json, os, sys
import requests
from cachecontrol import CacheControl
from cachecontrol.cache import DictCache
from cachecontrol.caches.file_cache import FileCache, SeparateBodyFileCache

class Careful(FileCache):  # as pip-audit has one
    def get(self, key):
        try:
            return super().get(key)
        except Exception:
            return None
    def set(self, key, value, expires=None):
        super().set(key, value)

class Flat(FileCache):  # of another shape
    def _fn(self, name):
        return os.path.join(self.directory, self.encode(name))

answers = []
for kind, folder, url in json.loads(sys.argv[1]):
    cache = globals()[kind](folder) if folder else DictCache()
    session = CacheControl(requests.Session(), cache=cache)
    session.verify = os.environ["CA_FILE"]
    try:
        response = session.get(url)
    except Exception as error:
        answers.append([type(error).__name__, True, None])
        continue
    digest = hashlib.sha256(response.content).hexdigest()
    answers.append([response.status_code, response.from_cache, digest])
stage_1 = sys.modules.get("pipmend._patches")
print(json.dumps({"answers": answers, "gates": stage_1 and stage_1.describe()}))
"""

Question = tuple[str, "Path | str | None", str]
"""A class of caches, its folder, a URL."""


@dataclass(frozen=True)
class Said:
    """What the client has printed."""

    answers: list[list[Any]]
    """Status, whether it came from the cache, SHA-256; for each question.

    The name of the exception in the place of the status if there was one.
    """
    gates: dict[str, Any] | None
    stderr: str


@dataclass
class Tool:
    """A program that uses the library, in an environment with pipmend."""

    python: Path
    packages: Path
    index: LocalIndex
    folder: Path
    """For all that it keeps."""
    variables: dict[str, str] = field(default_factory=lambda: dict(BOTH))

    @property
    def cache(self) -> Path:
        """The folder above its caches."""
        return self.folder / "tool"

    def cache_of(self, kind: str) -> Path:
        """The folder that a cache is given; the tests know the form by its name."""
        return self.cache / LAYOUTS[kind]

    def ask(self, *questions: Question, env: Mapping[str, str] | None = None) -> Said:
        """Run the client; the index forgets what it served before."""
        self.index.clear()
        asked = [(kind, folder and str(folder), url) for kind, folder, url in questions]
        done = self.run("-c", CLIENT, json.dumps(asked), env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        said = json.loads(done.stdout)
        return Said(said["answers"], said["gates"], done.stderr)

    def run(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        self.folder.mkdir(exist_ok=True)
        environment = {
            **scratch_environment(self.folder / "home"),
            "PYTHONPATH": str(self.packages),
            "CA_FILE": str(self.index.ca_file),
            **(self.variables if env is None else env),
        }
        return subprocess.run(
            [self.python, *args],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def warm(self, *questions: Question) -> Said:
        """Fill the caches without pipmend, an hour ago."""
        said = self.ask(*questions, env={"PIPMEND": "off"})
        if self.cache.exists():
            cache_files.age(self.cache)
        return said

    def entry(self, fragment: str) -> HttpEntry:
        """The one entry whose URL contains the fragment."""
        return cache_files.find(self.cache, self.index, fragment)

    def damage(self, name: str) -> None:
        """Damage the entry of the file, an hour ago."""
        damage(name).apply(self.entry(FILE))
        # What is young may still be at work: the library writes in place at times.
        cache_files.age(self.cache)

    @property
    def fetched(self) -> list[str]:
        """The paths whose bodies were sent to the last client."""
        return [one.path for one in self.index.served if one.body_bytes]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The events."""
        path = self.folder / "home" / "state" / "pipmend" / "log" / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def kinds(self) -> list[str]:
        """What kinds of events there are."""
        return [event["event"].partition(".")[2] for event in self.log]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalIndex]:
    """One index for all tools."""
    with LocalIndex(catalogue(), IndexStyle()) as index:
        yield index


@pytest.fixture
def index(running: LocalIndex) -> LocalIndex:
    """The index in its usual style."""
    running.style = IndexStyle()
    return running


@dataclass(frozen=True)
class Tools:
    """Makes tools for one test."""

    lab: Laboratory
    index: LocalIndex
    folder: Path

    def of(self, requirement: str) -> Tool:
        """A tool that has a library, or a program, of a version."""
        packages = installed(self.lab.store, requirement)
        venv = self.lab.venv("26.3", hooked=True)
        return Tool(venv.python, packages, self.index, self.folder / "work")


@pytest.fixture
def tools(lab: Laboratory, index: LocalIndex, tmp_path: Path) -> Tools:
    """The tools of one test."""
    return Tools(lab, index, tmp_path)


@pytest.fixture
def tool(tools: Tools) -> Tool:
    """A tool with the newest library."""
    return tools.of(LIBRARY)


def lines_of_pipmend(stderr: str) -> list[str]:
    """What pipmend says, which must be one line: what it has moved."""
    lines = [line for line in stderr.splitlines() if "pipmend" in line]
    assert [line for line in lines if "pipmend: quarantined" in line] == lines
    assert len(lines) == 1, stderr
    return lines


DAMAGES = {
    "FileCache": ("metadata-half", "metadata-top-empty-map", "body-empty"),
    "SeparateBodyFileCache": (
        *("metadata-half", "metadata-top-list"),
        *("body-empty", "body-missing", "file-flipped-bit"),
    ),
}


@pytest.mark.parametrize(
    ("library", "kind", "name"),
    [
        pytest.param(
            library,
            kind,
            name,
            marks=[] if library == LIBRARY else [pytest.mark.matrix],
            id=f"{library.partition('==')[2]}-{kind}-{name}",
        )
        for library in (LIBRARY, *OLDER)
        for kind, names in DAMAGES.items()
        for name in names
    ],
)
def test_a_broken_entry_is_healed(
    library: str, kind: str, name: str, tools: Tools
) -> None:
    """In the run that meets it; it is fetched once, and the next run is quiet."""
    tool = tools.of(library)
    folder = tool.cache_of(kind)
    asked = [(kind, folder, tool.index.origin + path) for path in (PAGE, FILE)]
    # Sealed, so that any flipped bit shows.
    right = tool.ask(*asked)
    cache_files.age(tool.cache)
    tool.damage(name)

    first = tool.ask(*asked)

    assert [one[2] for one in first.answers] == [one[2] for one in right.answers]
    assert tool.fetched == [FILE]
    assert tool.kinds == ["entry_corrupt", "entry_healed"]
    assert lines_of_pipmend(first.stderr) == first.stderr.splitlines()
    (item,) = (folder / "pipmend" / "quarantine").iterdir()
    assert tool.log[0]["evidence"] == str(item)
    assert tool.log[0]["cache"] == str(folder)
    assert {path.name for path in tool.cache.iterdir()} == {folder.name}

    second = tool.ask(*asked)

    assert second.answers == [[200, True, one[2]] for one in right.answers]
    assert tool.fetched == []
    assert second.stderr == ""
    assert len(tool.log) == 2


def test_the_commands_find_what_was_moved(tool: Tool) -> None:
    """Wherever the cache of the program is: the events tell."""
    asked = ("SeparateBodyFileCache", tool.cache / "web", tool.index.origin + FILE)
    tool.ask(asked)
    (body,) = tool.cache.rglob("*.body")
    body.write_bytes(b"")
    cache_files.age(tool.cache)
    tool.ask(asked)
    (found, _) = tool.log

    def command(*words: str) -> str:
        done = tool.run("-m", "pipmend", *words)
        assert done.stderr == ""
        return done.stdout

    listed = command("quarantine", "list")
    assert f"In {tool.cache / 'web'}" in listed or found["id"] in listed
    assert "body-size" in listed
    told = command("explain", found["id"])
    assert "verdict         corrupt" in told
    assert "expected        " in told
    assert f"moved to quarantine as {found['id']}" in told
    assert f"was at        {body.with_suffix('')}" in command(
        "quarantine", "show", found["id"]
    )
    assert "a cache of another program" in command("scan", str(tool.cache / "web"))
    assert "Copied " in command("quarantine", "restore", found["id"])
    assert (tool.folder / f"pipmend-{found['id']}" / "metadata").exists()
    assert "Deleted 1 item" in command("quarantine", "purge", "--all")
    assert command("quarantine", "list").startswith("Nothing is in quarantine")


@pytest.mark.parametrize("kind", LAYOUTS)
def test_without_pipmend_the_same_damage_is_felt(kind: str, tool: Tool) -> None:
    """The table can fail: the program ends, and so does each later run."""
    asked = (kind, tool.cache_of(kind), tool.index.origin + FILE)
    tool.warm(asked)
    tool.damage("body-empty")

    said = [tool.ask(asked, env={"PIPMEND": "off"}) for _ in range(2)]

    assert [one.answers[0][0] for one in said] == ["ChunkedEncodingError"] * 2


@pytest.mark.parametrize(
    "variables", [{}, {"PIPMEND": "heal"}, {"PIPMEND_TARGETS": "pip"}], ids=str
)
def test_off_by_default(variables: dict[str, str], tool: Tool) -> None:
    """Without the choice, the library is what it is without pipmend."""
    asked = ("FileCache", tool.cache_of("FileCache"), tool.index.origin + FILE)
    tool.warm(asked)
    tool.damage("body-empty")

    said = tool.ask(asked, env=variables)

    assert said.gates is None
    assert said.answers[0][0] == "ChunkedEncodingError"
    assert tool.log == []
    assert said.stderr == ""


def test_on_by_configuration_file(tool: Tool) -> None:
    """The file of the user is as good as the variable."""
    asked = ("FileCache", tool.cache_of("FileCache"), tool.index.origin + FILE)
    tool.warm(asked)
    tool.damage("metadata-half")
    config = tool.folder / "home" / "config" / "pipmend" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("targets = ['cachecontrol']\n")

    tool.ask(asked, env={})

    assert tool.kinds == ["entry_corrupt", "entry_healed"]


def test_healthy_runs_leave_no_trace(tool: Tool) -> None:
    """The same requests and files as without pipmend, no log, no quarantine."""
    asked = [
        (kind, tool.cache_of(kind), tool.index.origin + path)
        for kind in LAYOUTS
        for path in (PAGE, FILE)
    ]
    right = tool.warm(*asked)
    before = cache_files.snapshot(tool.cache)

    said = tool.ask(*asked)

    assert said.answers == [[200, True, one[2]] for one in right.answers]
    assert said.gates is not None
    assert said.gates["library"]["layout"] == "http-v2"
    assert said.stderr == ""
    assert tool.index.served == []
    assert cache_files.snapshot(tool.cache) == before
    assert tool.log == []


@pytest.mark.parametrize("kind", LAYOUTS)
def test_what_was_stored_is_read_without_pipmend(kind: str, tool: Tool) -> None:
    """The library ignores the seal."""
    asked = (kind, tool.cache_of(kind), tool.index.origin + FILE)
    said = tool.ask(asked)
    assert "pipmend" in cache_files.decode(tool.entry(FILE))

    again = tool.ask(asked, env={"PIPMEND": "off"})

    assert again.answers == [[200, True, said.answers[0][2]]]


def test_both_forms_in_one_process(tool: Tool) -> None:
    """One class of controller serves both; each entry is judged by its own form."""
    kinds = ("FileCache", "SeparateBodyFileCache", "FileCache", "SeparateBodyFileCache")
    urls = [tool.index.origin + path for path in (PAGE, PAGE, FILE, FILE)]
    asked = [(kind, tool.cache_of(kind), url) for kind, url in zip(kinds, urls)]
    right = tool.ask(*asked)
    cache_files.age(tool.cache)

    said = tool.ask(*asked)

    assert said.answers == [[200, True, one[2]] for one in right.answers]
    assert tool.log == []

    for layout in LAYOUTS.values():
        entry = cache_files.entry_path(tool.cache, layout, urls[-1])
        damage("body-empty").apply(entry)
    cache_files.age(tool.cache)
    said = tool.ask(*asked)

    assert [one[2] for one in said.answers] == [one[2] for one in right.answers]
    assert tool.kinds.count("entry_corrupt") == 2
    assert tool.kinds.count("entry_healed") == 2


def test_a_cache_made_from_another_is_judged_once(tool: Tool) -> None:
    """Both classes have gates; one seal, one finding."""
    folder = tool.cache_of("FileCache")
    both = [
        ("FileCache", folder, tool.index.origin + PAGE),
        ("Careful", folder, tool.index.origin + FILE),
    ]
    right = tool.ask(*both)
    cache_files.age(tool.cache)
    assert tool.entry(FILE).metadata.read_bytes().count(b"pipmend") == 1
    tool.damage("body-empty")

    said = tool.ask(*both)

    assert [one[2] for one in said.answers] == [one[2] for one in right.answers]
    assert tool.fetched == [FILE]
    assert tool.kinds == ["entry_corrupt", "entry_healed"]


def test_a_cache_without_files_is_no_news(tool: Tool) -> None:
    """The library's default is one in memory."""
    said = tool.ask(("DictCache", None, tool.index.origin + FILE))

    assert said.gates is not None
    assert said.gates["library"]["unfit"] is None
    assert tool.log == []


def test_another_shape_is_left_alone_and_reported_once(tool: Tool) -> None:
    """In however many runs."""
    asked = ("Flat", tool.cache_of("FileCache"), tool.index.origin + FILE)

    said = [tool.ask(asked) for _ in range(2)]

    assert [one.answers[0][1] for one in said] == [False, True]
    assert said[0].gates is not None
    assert said[0].gates["library"]["layout"] is None
    assert tool.kinds == ["seam_unfit"]
    assert "library" in tool.log[0]["problem"]
    stored = layouts.name_of(tool.index.origin + FILE)
    assert b"pipmend" not in (tool.cache_of("FileCache") / stored).read_bytes()


def test_a_store_in_progress_is_a_miss(tool: Tool) -> None:
    """Without pipmend the program ends on it; nothing is wrong with the entry."""
    kind = "SeparateBodyFileCache"
    asked = (kind, tool.cache_of(kind), tool.index.origin + FILE)
    right = tool.warm(asked)
    entry = tool.entry(FILE)
    tool.damage("body-missing")
    plain = tool.ask(asked, env={"PIPMEND": "off"})
    assert plain.answers[0][0] == "ChunkedEncodingError"
    entry.metadata.with_name("tmpabcdefgh").write_bytes(b"as far as the library is")

    said = tool.ask(asked)

    assert said.answers == [[200, False, right.answers[0][2]]]
    assert (said.stderr, tool.log) == ("", [])


# Its controller has something to say about what it has found.
OF_ITS_OWN = """
import os, sys
import requests
from cachecontrol.adapter import CacheControlAdapter
from cachecontrol.caches.file_cache import FileCache
from cachecontrol.controller import CacheController

class RefusedError(Exception):
    pass

class Strict(CacheController):
    def cached_request(self, request):
        if super().cached_request(request):
            raise RefusedError
        return False

session = requests.Session()
cache = FileCache(sys.argv[1])
session.mount("https://", CacheControlAdapter(cache=cache, controller_class=Strict))
session.verify = os.environ["CA_FILE"]
try:
    print(session.get(sys.argv[2]).status_code)
except RefusedError as error:
    print(type(error).__name__)
"""


def test_what_a_program_raises_on_purpose_is_no_damage(tool: Tool) -> None:
    """It gets its own exception, and the entry stays."""
    folder, url = tool.cache_of("FileCache"), tool.index.origin + FILE
    said = [tool.run("-c", OF_ITS_OWN, str(folder), url) for _ in range(3)]

    assert [one.stdout.strip() for one in said] == ["200", *["RefusedError"] * 2]
    assert [one.stderr for one in said] == [""] * 3
    assert tool.entry(FILE).metadata.exists()
    assert tool.log == []


def test_a_relative_folder_is_recorded_whole(tool: Tool) -> None:
    """Many programs have their cache in the current folder."""
    relative = "tool/http"
    asked = ("FileCache", relative, tool.index.origin + FILE)
    tool.warm(asked)
    tool.damage("metadata-half")

    tool.ask(asked)

    assert tool.log[0]["entry"] == str(tool.entry(FILE).metadata)
    assert Path(tool.log[0]["evidence"]).is_dir()
    assert {path.name for path in tool.folder.iterdir()} == {"home", "tool"}


def test_observing_changes_nothing(tool: Tool) -> None:
    """It is recorded; what the program gets is what it gets without pipmend."""
    asked = ("FileCache", tool.cache_of("FileCache"), tool.index.origin + FILE)
    tool.warm(asked)
    tool.damage("body-empty")
    before = cache_files.snapshot(tool.cache)
    plain = tool.ask(asked, env={"PIPMEND": "off"})

    observed = tool.ask(asked, env={**BOTH, "PIPMEND": "observe"})

    assert observed.answers == plain.answers
    assert [event["action"] for event in tool.log] == ["observed"]
    assert cache_files.snapshot(tool.cache) == before


def test_pip_is_left_alone_if_it_is_no_target(tool: Tool) -> None:
    """The choice is a list: what is not on it is not touched."""
    code = (
        "import sys\n"
        "from pip._internal.network.session import PipSession\n"
        "PipSession(cache=sys.argv[1]).close()\n"
        "print('pipmend._patches' in sys.modules)\n"
    )
    folder = str(tool.folder / "cache")
    variables = {"PIPMEND_TARGETS": "cachecontrol"}

    assert tool.run("-c", code, folder, env=variables).stdout == "False\n"
    assert tool.run("-c", code, folder, env={}).stdout == "True\n"


def test_what_is_kept_lies_inside_the_folder_of_the_library(tmp_path: Path) -> None:
    """The folder above may be anybody's, such as the one for temporary files."""

    class Cache:
        directory: str | os.PathLike[str] = tmp_path / "web"

        def _fn(self, key: str) -> str:
            name = layouts.name_of(key)
            return str(tmp_path.joinpath("web", *name[:5], name))

    place = seams.place_of(Layout.ONE_FILE, Cache(), "https://index.example/")
    place.metadata.parent.mkdir(parents=True)
    place.metadata.write_bytes(b"cut")
    stamp = entries.stamp_of(place)
    verdict = corrupt(Reason.METADATA_UNDECODABLE, "cut")
    log = events.EventLog(tmp_path / "log")

    done = enforce.enforce(enforce.Finding(place, stamp, verdict), log, move=True)

    assert done is not None
    assert done.evidence is not None
    assert done.evidence.parent == tmp_path / "web" / "pipmend" / "quarantine"
    assert {path.name for path in tmp_path.iterdir()} == {"web", "log"}


# Real programs, whose packages come from an index.

AUDIT_SESSION = """
import hashlib, json, os, sys
from pathlib import Path
import pip_audit._cli
from pip_audit._cache import caching_session

session = caching_session(Path(sys.argv[1]))
session.verify = os.environ["CA_FILE"]
response = session.get(sys.argv[2])
digest = hashlib.sha256(response.content).hexdigest()
print(json.dumps([response.status_code, response.from_cache, digest]))
"""


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["metadata-half", "metadata-top-empty-map"])
def test_the_session_of_pip_audit_heals(name: str, tools: Tools) -> None:
    """Its own class of caches, with which it asks for advisories."""
    tool = tools.of(PIP_AUDIT)
    url = tool.index.origin + FILE
    arguments = ("-c", AUDIT_SESSION, str(tool.cache_of("FileCache")), url)
    first = tool.run(*arguments)
    assert first.returncode == 0, first.stderr
    right = json.loads(first.stdout)
    cache_files.age(tool.cache)
    tool.damage(name)

    healed, again = tool.run(*arguments), tool.run(*arguments)

    assert json.loads(healed.stdout) == [200, False, right[2]]
    assert json.loads(again.stdout) == [200, True, right[2]]
    assert lines_of_pipmend(healed.stderr) == healed.stderr.splitlines()
    assert again.stderr == ""
    assert tool.kinds == ["entry_corrupt", "entry_healed"]


PROJECT = """
[project]
name = "demo"
version = "0.1"
requires-python = ">=3.11,<4"
dependencies = ["alpha"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "lab"
url = "{url}"
priority = "primary"
"""


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["metadata-top-empty-map", "body-empty"])
def test_poetry_heals(name: str, tools: Tools) -> None:
    """It locks a project with a broken page in its cache; without pipmend it ends."""
    tool = tools.of(POETRY)
    project = tool.folder / "project"
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text(PROJECT.format(url=tool.index.url))
    tool.index.style = IndexStyle(pages="html")
    repository = tool.folder / "poetry" / "cache" / "repositories" / "lab"

    def lock(**variables: str) -> subprocess.CompletedProcess[str]:
        tool.index.clear()
        # What Poetry has made of the pages would answer in their place.
        for folder in repository.glob("??"):
            shutil.rmtree(folder)
        environment = {
            "POETRY_CACHE_DIR": str(tool.folder / "poetry"),
            "POETRY_CERTIFICATES_LAB_CERT": str(tool.index.ca_file),
            "POETRY_VIRTUALENVS_CREATE": "false",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **variables,
        }
        words = ("-m", "poetry", "lock", "--no-interaction", "-C", str(project))
        return tool.run(*words, env=environment)

    assert lock(PIPMEND="off").returncode == 0
    (cache,) = repository.glob("_http*")
    # The tests know the form of a cache by the name of its folder.
    (repository / "http-v2").symlink_to(cache)
    entry = cache_files.find(repository, tool.index, PAGE)
    cache_files.age(cache)
    damage(name).apply(entry)

    assert lock(PIPMEND="off").returncode != 0
    healed = lock(**BOTH)
    assert healed.returncode == 0
    assert lines_of_pipmend(healed.stderr) == healed.stderr.splitlines()
    assert tool.fetched.count(PAGE) == 1
    assert tool.kinds == ["entry_corrupt", "entry_healed"]
    assert Path(tool.log[0]["evidence"]).parent == cache / "pipmend" / "quarantine"
    again = lock(**BOTH)
    assert again.returncode == 0
    assert healed.stdout == again.stdout
    assert again.stderr == ""
    assert PAGE not in tool.fetched
    assert len(tool.log) == 2
