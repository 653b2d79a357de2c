"""What is secret never gets out: canaries in every place where pip meets secrets.

None of them is in a line of pipmend's, in an event, in what the quarantine says of an
item, in a report, or in an export; and pip prints no more of them than by itself.

What stays: the path of a URL, whatever is in it, as it is what tells one entry from
another; and the bytes of quarantined entries, which are the cache's own.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import socket
import zipfile
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.command import Command
from lab.index_server import Answer, LocalIndex
from lab.index_style import IndexStyle
from lab.packages import noise, wheel
from lab.workbench import Workbench, workbench
from pipmend import urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lab.index_server import Request
    from lab.laboratory import Laboratory
    from lab.pips import Run

VERSION = "26.3"
TALKATIVE = "25.3"
"""The last pip whose error names the link that it could not reach."""

LARGE = 9 * 1024 * 1024
"""Bytes of a wheel into which no rule at load looks."""

CANARY = re.compile(r"C4NARY\w+")
PAGE = "/simple/alpha/"
FILE = "alpha-1.0-py3-none-any.whl"
BETA = "beta-1.0-py3-none-any.whl"

LOGIN = ("C4NARYuser", "C4NARYpassword")
QUERY = "X-Signature=C4NARYquery&expires=C4NARYexpires"
FRAGMENT = "subdirectory=C4NARYfolder&token=C4NARYfragment"
FIELDS = (
    ("Set-Cookie", "session=C4NARYcookie; path=/"),
    ("X-Auth-Token", "C4NARYtoken"),
    ("X-Amz-Signature", "C4NARYsignature"),
    ("Link", "<https://C4NARYlink:C4NARYlinkpass@index.example/?C4NARYlinkquery>"),
    ("X-Request-Url", "https://index.example/x?key=C4NARYfieldquery"),
)


def with_secrets(index: LocalIndex, name: str, filename: str) -> None:
    """Answer for a project with secrets in links and in header fields."""

    def page(request: Request) -> Answer:
        usual = index.usual_answer(request)
        link = f"/packages/{filename}".encode()
        secret = link + f"?{QUERY}#{FRAGMENT}".encode()
        body = usual.body.replace(link, secret)
        return dataclasses.replace(usual, headers=usual.headers + FIELDS, body=body)

    def file(request: Request) -> Answer:
        usual = index.usual_answer(request)
        return dataclasses.replace(usual, headers=usual.headers + FIELDS)

    index.override(f"/simple/{name}/", page)
    index.override(f"/packages/{filename}", file)


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    """An index that asks who is there, and tells neither hashes nor lengths."""
    artifacts = [
        wheel("alpha", "1.0", size=LARGE, requires=["beta"]),
        wheel("beta", "1.0"),
    ]
    style = IndexStyle(link_hashes=False, chunked=True, basic_auth=LOGIN)
    with LocalIndex(artifacts, style) as running:
        with_secrets(running, "alpha", FILE)
        with_secrets(running, "beta", BETA)
        yield running


@pytest.fixture(scope="module")
def secrets(
    index: LocalIndex, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Settings with secrets in each, as pip and pipmend get them."""
    folder = tmp_path_factory.mktemp("settings")
    config = folder / "pip.conf"
    other = "https://C4NARYextra:C4NARYextrapass@localhost:9/simple/"
    config.write_text(
        f"[global]\nindex-url = {index.login_url}\n"
        "[install]\n"
        "find-links = https://C4NARYlinks:C4NARYlinkspass@localhost:9/?C4NARYlinksquery\n"
    )
    return {
        "PIP_CONFIG_FILE": str(config),
        "PIP_INDEX_URL": index.login_url,
        "PIP_EXTRA_INDEX_URL": other,
        "PIP_RETRIES": "0",
        "NETRC": str(folder / "netrc"),
        "C4NARYvariable": "C4NARYvalue",
    }


class Warm:
    """Plain pips that have filled a cache, one for each version."""

    def __init__(
        self, lab: Laboratory, index: LocalIndex, env: Mapping[str, str], folder: Path
    ) -> None:
        self._lab, self._index, self.env = lab, index, dict(env)
        self._folder = folder
        self._made: dict[str, Workbench] = {}

    def of(self, version: str) -> Workbench:
        """The one of a version."""
        if version not in self._made:
            venv = self._lab.venv(version, hooked=False)
            bench = workbench(self._lab, venv, self._index, self._folder / version)
            bench.install("alpha", env=self.env, check=True)
            self._made[version] = bench
        return self._made[version]

    def pair(self, version: str, folder: Path) -> Pair:
        """Two pips with the same warm cache."""
        plain, hooked = (
            workbench(
                self._lab,
                self._lab.venv(version, hooked=is_hooked),
                self._index,
                folder / str(is_hooked),
            )
            for is_hooked in (False, True)
        )
        return Pair(self.of(version), plain, hooked, self.env)


@pytest.fixture(scope="module")
def warm(
    lab: Laboratory,
    index: LocalIndex,
    secrets: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Warm:
    """All warm caches."""
    return Warm(lab, index, secrets, tmp_path_factory.mktemp("warm"))


class Pair:
    """The same cache twice, for pip with pipmend and without."""

    def __init__(
        self,
        warm: Workbench,
        plain: Workbench,
        hooked: Workbench,
        env: Mapping[str, str],
    ) -> None:
        self.warm, self.plain, self.hooked = warm, plain, hooked
        self.env = dict(env)
        for bench in (self.hooked, self.plain):
            shutil.copytree(warm.cache, bench.cache)
            bench.pip.home.mkdir(parents=True)
            netrc = bench.pip.home / ".netrc"
            netrc.write_text(
                "machine index.example login C4NARYnetrc password C4NARYnetrcpass\n"
            )
            bench.age()
        self.command = Command(self.hooked.pip.venv, self.hooked.pip.home)

    def install(self, *options: str) -> Run:
        """Install with both; pip says with pipmend no more than by itself."""
        return self._compared(
            lambda bench: bench.install("alpha", options=options, env=self.env)
        )

    def download(self, *requirements: str, env: Mapping[str, str]) -> Run:
        """Download with both, the same."""
        told = {**self.env, **env}
        return self._compared(
            lambda bench: bench.pip.download(
                *requirements, target=bench.target, cache=bench.cache, env=told
            )
        )

    def _compared(self, run: Callable[[Workbench], Run]) -> Run:
        # What pip says by itself of a healthy cache, and of this one.
        healthy, plain, hooked = map(run, (self.warm, self.plain, self.hooked))
        known = set(CANARY.findall(healthy.output + plain.output))
        assert set(CANARY.findall(hooked.output)) <= known, str(hooked)
        for line in hooked.output.splitlines():
            if "pipmend" in line:
                assert_quiet(line)
        return hooked

    def assert_quiet(self, *, in_all_commands: bool = False) -> None:
        """Whatever pipmend has written, and whatever its commands say."""
        home, cache = self.hooked.pip.home, self.hooked.cache
        for path in (*home.rglob("*.jsonl"), *cache.rglob("verdict.json")):
            assert_quiet(path.read_text())
        asked = commands(self.hooked) if in_all_commands else COMMANDS
        for args in asked:
            run = self.command.run(*args, env=self.env)
            assert "Traceback" not in run.output, str(run)
            assert_quiet(run.output)
        for path in home.rglob("*.html"):
            assert_quiet(path.read_text("utf-8"))
        for path in home.rglob("*.zip"):
            assert_export_quiet(path)


def assert_quiet(text: str) -> None:
    """No canary is in it."""
    assert not CANARY.findall(text), text


def assert_export_quiet(path: Path) -> None:
    """Of an export, all but the body, which is as it was."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert {"verdict.json", "files.json"} <= set(names)
        for name in names:
            if name.endswith(".json"):
                assert_quiet(archive.read(name).decode())
    assert "metadata" not in names


COMMANDS = (("events",), ("events", "--json"), ("doctor",))
"""What shows all events."""


def commands(bench: Workbench) -> list[tuple[object, ...]]:
    """Each command that says something about a cache."""
    one = ("--cache", bench.cache)
    home = bench.pip.home
    items = [path.name for path in bench.quarantine]
    entries = [entry.metadata for entry in cache_files.entries(bench.cache)]
    explained = [
        *entries[:2],
        *items,
        f"{bench.index.login_url}alpha/?{QUERY}#{FRAGMENT}",
    ]
    return [
        ("status",),
        ("status", "--json"),
        ("scan", "--all", bench.cache),
        ("scan", "--all", "--deep", "--json", bench.cache),
        ("list", "--entries", *one),
        ("list", "--json", *one),
        ("events",),
        ("events", "--json"),
        ("stats", *one),
        ("doctor", *one),
        ("doctor", "--json", *one),
        ("report", "--html", home / f"report-{len(items)}.html", *one),
        ("quarantine", "list", *one),
        *(("explain", what, *one) for what in explained),
        *(("explain", what, "--json", *one) for what in items),
        *(("quarantine", "show", item, *one) for item in items),
        *(("quarantine", "show", item, "--json", *one) for item in items),
        *(
            ("quarantine", "export", item, home / f"{item}.zip", *one)
            for item in items
            if not (home / f"{item}.zip").exists()
        ),
    ]


@pytest.fixture
def pair(warm: Warm, tmp_path: Path) -> Pair:
    """The newest pip."""
    return warm.pair(VERSION, tmp_path)


def break_inside(bench: Workbench) -> None:
    """Flip a bit in a member of alpha's wheel, which only unpacking notices."""
    entry = entry_of(bench, FILE)
    body = cache_files.read_body(entry)
    middle = body.index(noise("alpha 1.0", LARGE)[1000:1100])
    changed = bytes([body[middle] ^ 1])
    cache_files.write_body(entry, body[:middle] + changed + body[middle + 1 :])
    bench.age()


def entry_of(bench: Workbench, fragment: str) -> cache_files.HttpEntry:
    """The entry of a URL that was asked for, with its query."""
    return cache_files.find(bench.cache, bench.index, fragment)


def test_healing_tells_no_secret(pair: Pair) -> None:
    """A page and a file are found broken, moved, fetched again, and looked at."""
    for bench in (pair.hooked, pair.plain):
        for fragment in (PAGE, BETA):
            entry = entry_of(bench, fragment)
            entry.files[-1].write_bytes(b"")
        bench.age()

    run = pair.install("-vvv")

    assert run.returncode == 0, str(run)
    assert len(pair.hooked.findings()) == 2
    pair.assert_quiet(in_all_commands=True)


def test_a_failure_by_a_broken_file_tells_no_secret(pair: Pair) -> None:
    """Found after pip has failed."""
    for bench in (pair.hooked, pair.plain):
        break_inside(bench)

    run = pair.install()

    assert run.returncode != 0
    (event,) = pair.hooked.findings()
    assert "BadZipFile" in event["pip_error"]
    pair.assert_quiet()


def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    "scheme", ["http", pytest.param("https", marks=pytest.mark.matrix)]
)
def test_what_pip_fails_with_is_recorded_without_secrets(
    scheme: str, warm: Warm, tmp_path: Path
) -> None:
    """A proxy is out of reach: pip names the link, its query, and whom it asked."""
    pair = warm.pair(TALKATIVE, tmp_path)
    for bench in (pair.hooked, pair.plain):
        break_inside(bench)
        for path in entry_of(bench, BETA).files:
            path.unlink()
    login = "C4NARYproxy:C4NARYproxypass"
    proxy = f"{scheme}://{login}@127.0.0.1:{closed_port()}"

    links = [
        f"{pair.warm.index.origin}/packages/{name}?{QUERY}#token=C4NARYfragment"
        for name in (FILE, BETA)
    ]

    run = pair.download(*links, env={"HTTPS_PROXY": proxy, "NO_PROXY": ""})

    assert run.returncode != 0
    # What is kept from the event is in what pip prints: else nothing is shown here.
    assert "C4NARYquery" in run.stderr, str(run)
    (event,) = pair.hooked.findings()
    assert "Max retries exceeded with url: /packages/beta" in event["pip_error"]
    pair.assert_quiet(in_all_commands=True)


OWN_FAILURE = """
import sys
import pip._internal.cli.main as main
import pipmend.verify

def fail(*_):
    raise RuntimeError("https://C4NARYown:C4NARYownpass@index.example/?C4NARYownquery")

pipmend.verify.judge = fail
sys.exit(main.main(sys.argv[1:]))
"""


def test_a_failure_of_its_own_tells_no_secret(pair: Pair) -> None:
    """Which step it was, and what kind of error."""
    bench = pair.hooked
    arguments = ("install", "-vvv", f"--target={bench.target}", "alpha")

    run = bench.python(OWN_FAILURE, *arguments, env=pair.env)

    assert run.returncode == 0, str(run)
    kinds = [(event["event"], event.get("error")) for event in bench.events]
    assert ("pipmend.guard_tripped", "RuntimeError") in kinds
    for line in run.output.splitlines():
        if "pipmend" in line:
            assert_quiet(line)
    pair.assert_quiet()


def test_a_log_that_cannot_be_written_tells_no_secret(pair: Pair) -> None:
    """A file is in the place of its folder."""
    for bench in (pair.hooked, pair.plain):
        entry_of(bench, PAGE).files[-1].write_bytes(b"")
        bench.age()
    state = pair.hooked.pip.home / "state"
    state.mkdir()
    (state / "pipmend").write_bytes(b"")

    run = pair.install("-vvv")

    assert run.returncode == 0, str(run)
    assert "the event was not recorded" in run.output
    pair.assert_quiet()


UNFIT = """
import os
import sys
import pip._internal.cli.main as main
import zlib
import pip._internal.network.cache as cache

cache.SafeFileCache._get_cache_path = lambda self, name: os.path.join(
    self.directory, "elsewhere", "%08x" % zlib.crc32(name.encode())
)
sys.exit(main.main(sys.argv[1:]))
"""


def test_an_unknown_pip_is_told_of_without_secrets(pair: Pair) -> None:
    """It is left alone, and an event says what does not fit."""
    bench = pair.hooked
    arguments = ("install", "-vvv", f"--target={bench.target}", "alpha")

    run = bench.python(UNFIT, *arguments, env=pair.env)

    assert run.returncode == 0, str(run)
    assert [event["event"] for event in bench.events] == ["pipmend.seam_unfit"]
    pair.assert_quiet()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Max retries exceeded with url: /a/b.whl?sig=S#f (Caused by X)",
            "Max retries exceeded with url: /a/b.whl (Caused by X)",
            id="relative",
        ),
        pytest.param(
            "see https://u:p/w@h.example/a", "see https://h.example/a", id="slash"
        ),
        pytest.param("https://u:p?w@h.example/a", "https://h.example/a", id="mark"),
        pytest.param(
            "git+https://t:x@h.example/o/r.git@v1#egg=a",
            "git+https://h.example/o/r.git@v1",
            id="revision",
        ),
        pytest.param(
            "https://h.example:8443/@scope/a",
            "https://h.example:8443/@scope/a",
            id="port",
        ),
        pytest.param("Did you mean this? Yes", "Did you mean this? Yes", id="question"),
        pytest.param("http://[::1]:80/a@b", "http://[::1]:80/a@b", id="address"),
    ],
)
def test_texts_of_pip_without_secrets(text: str, expected: str) -> None:
    assert urls.without_credentials(text) == expected


def test_a_careless_password_is_none_of_the_path() -> None:
    assert urls.redacted("https://u:p/w@h.example/a") == "https://h.example/a"


def test_what_looks_like_a_token_stays_in_a_path() -> None:
    """Without it, nobody could tell which entry is meant."""
    url = "https://index.example/t0ken-of-mine/simple/idna/"
    assert urls.redacted(url) == url
    assert url in urls.without_credentials(f"failed: {url}?t0ken")
