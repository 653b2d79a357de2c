"""No damage gets past the gate: every pip, every kind of content, sealed or not."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

import judging
from lab import cache_files, swaps
from lab.index_server import LocalIndex
from lab.index_style import IndexStyle
from lab.pips import Pip, Run, tree
from lab.twins import older_twins, twins
from pipmend import digests
from pipmend.verdicts import INTACT, Reason
from pipmend.verify import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Benches
    from lab.cache_files import HttpEntry, Layout
    from lab.laboratory import Laboratory
    from lab.packages import Artifact
    from pipmend.verdicts import Verdict

PIPS = ("22.0.4", "23.0.1", "23.3.2", "25.3", "26.3")
"""One pip of each storage is tested with the whole table by default."""

STYLES = {
    "json": IndexStyle(),
    "html": IndexStyle(pages="html"),
    "gzip": IndexStyle(content_encoding="gzip"),
    "chunked": IndexStyle(chunked=True),
    "chunked-html": IndexStyle(chunked=True, pages="html"),
    "no-hashes": IndexStyle(link_hashes=False),
    "no-hashes-chunked": IndexStyle(link_hashes=False, chunked=True),
    "metadata": IndexStyle(core_metadata=True),
    "metadata-html": IndexStyle(core_metadata=True, pages="html"),
    "metadata-no-hashes": IndexStyle(
        core_metadata=True, metadata_hashes=False, link_hashes=False
    ),
    "metadata-chunked": IndexStyle(
        core_metadata=True, metadata_hashes=False, link_hashes=False, chunked=True
    ),
}

PAGE = "/simple/alpha/"
WHEEL = "/packages/alpha-2.0-py3-none-any.whl"
METADATA = f"{WHEEL}.metadata"
SDIST = "/packages/gamma-1.0.tar.gz"
BACKEND = "/packages/labbackend-1.0-py3-none-any.whl"
BACKEND_PAGE = "/simple/labbackend/"
TWINS = {
    PAGE: "/simple/omega/",
    WHEEL: "/packages/omega-2.0-py3-none-any.whl",
    METADATA: "/packages/omega-2.0-py3-none-any.whl.metadata",
    SDIST: "/packages/sigma-1.0.tar.gz",
}
"""The path of an entry of the same kind and of the same size."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "install": ("install", "--target={out}", "--no-compile", "alpha"),
    "download": ("download", "--dest={out}", "alpha"),
    "wheel": ("wheel", "--wheel-dir={out}", "alpha"),
    "index-versions": ("index", "versions", "alpha"),
    "lock": ("lock", "--output={out}/pylock.toml", "alpha"),
    "require-hashes": (
        "install",
        "--target={out}",
        "--no-compile",
        "--require-hashes",
        "--requirement={requirements}",
    ),
    "build": ("download", "--dest={out}", "--no-deps", "gamma", "sigma"),
}
"""What pip is asked to do; ``build`` prepares sources, each with a pip of its own."""


def number(version: str) -> tuple[int, ...]:
    """A version that compares."""
    return tuple(map(int, version.split(".")))


def layout_of(version: str) -> Layout:
    """Where a pip keeps its entries."""
    return "http" if number(version) < (23, 3) else "http-v2"


@dataclass(frozen=True)
class Outcomes:
    """One finished command: pip, what it asked for, what it made."""

    run: Run
    fetched: tuple[str, ...]
    """The paths whose bodies were sent."""
    made: dict[str, str]
    """The files that it wrote; of a command that writes none, what it printed."""


@dataclass
class Station:
    """A cache that a hooked pip has filled with one command, and its index."""

    index: LocalIndex
    pip: Pip
    layout: Layout
    command: str
    folder: Path
    made: dict[str, str]
    """What the command makes in health."""

    @property
    def cache(self) -> Path:
        """The cache, which stays as it is."""
        return self.folder / "cache"

    @functools.cached_property
    def older(self) -> Path:
        """The cache that the same command has filled when the files were older."""
        older = self.folder / "older"
        _publish(self.index, older_twins())
        try:
            done = run(self, older, self.folder / "older-out", self.folder / "home")
        finally:
            _publish(self.index, twins())
        assert done.run.returncode == 0, str(done.run)
        cache_files.age(older)
        return older

    def entry(self, cache: Path, path: str) -> HttpEntry:
        """Where a cache of this pip keeps what has that path."""
        return cache_files.entry_path(cache, self.layout, self.index.origin + path)


def _publish(index: LocalIndex, artifacts: tuple[Artifact, ...]) -> None:
    for artifact in artifacts:
        index.publish(artifact)


def run(station: Station, cache: Path, out: Path, home: Path) -> Outcomes:
    """Run the command of a station on a cache."""
    out.mkdir(parents=True, exist_ok=True)
    requirements = out.with_name(f"{out.name}-requirements.txt")
    lines = (
        f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n" for one in twins()[:2]
    )
    requirements.write_text("".join(lines), encoding="utf-8")
    pip = Pip(station.pip.venv, station.pip.index_url, station.pip.ca_file, home)
    arguments = (
        one.format(out=out, requirements=requirements)
        for one in COMMANDS[station.command]
    )
    station.index.clear()
    done = pip.run(*arguments, cache=cache)
    fetched = tuple(one.path for one in station.index.served if one.body_bytes)
    return Outcomes(done, fetched, tree(out) or {"stdout": done.stdout})


@dataclass
class Stations:
    """Makes stations, each once."""

    lab: Laboratory
    scratch: Path
    _made: dict[tuple[str, str, str], Station] = field(default_factory=dict)

    def station(self, version: str, style: str, command: str) -> Station:
        """The station of a pip, a style, and a command."""
        key = (version, style, command)
        if key not in self._made:
            self._made[key] = self._make(version, style, command)
        return self._made[key]

    def close(self) -> None:
        """Stop the indexes."""
        for station in self._made.values():
            station.index.__exit__(None, None, None)

    def _make(self, version: str, style: str, command: str) -> Station:
        folder = self.scratch / f"station{len(self._made)}"
        index = LocalIndex(twins(), STYLES[style]).__enter__()
        pip = self.lab.pip(self.lab.venv(version, hooked=True), index, folder / "home")
        station = Station(index, pip, layout_of(version), command, folder, {})
        done = run(station, station.cache, folder / "out", folder / "home")
        assert done.run.returncode == 0, str(done.run)
        station.made = done.made
        stored = cache_files.entries(station.cache)
        assert stored
        assert all(swaps.is_sealed(entry) for entry in stored)
        # What was built is no part of the HTTP cache, and would hide its entries.
        shutil.rmtree(station.cache / "wheels", ignore_errors=True)
        cache_files.age(station.cache)
        return station


@pytest.fixture(scope="module")
def stations(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stations]:
    """All stations of this worker."""
    made = Stations(lab, tmp_path_factory.mktemp("stations"))
    yield made
    made.close()


# Damages: functions of the entry, its twin, and its older self.


def flip(entry: HttpEntry, *_: HttpEntry) -> None:
    """Change one bit in the middle of the body."""
    body = bytearray(cache_files.read_body(entry))
    body[len(body) // 2] ^= 0x01
    cache_files.write_body(entry, bytes(body))


def nul_tail(entry: HttpEntry, *_: HttpEntry) -> None:
    """Leave what a machine leaves that lost its power: NUL bytes at the end."""
    body = cache_files.read_body(entry)
    cache_files.write_body(entry, body[: len(body) // 2].ljust(len(body), b"\0"))


def truncate(entry: HttpEntry, *_: HttpEntry) -> None:
    """Cut the body in the middle."""
    body = cache_files.read_body(entry)
    cache_files.write_body(entry, body[: len(body) // 2])


def extend(entry: HttpEntry, *_: HttpEntry) -> None:
    """Append bytes to the body."""
    cache_files.write_body(entry, cache_files.read_body(entry) + b"extra")


def swap_body(entry: HttpEntry, twin: HttpEntry, _: HttpEntry) -> None:
    """Take the body of an entry of the same size."""
    swaps.swap_body(entry, twin)


def swap_entry(entry: HttpEntry, twin: HttpEntry, _: HttpEntry) -> None:
    """Take another entry as a whole."""
    swaps.swap_entry(entry, twin)


def tear(entry: HttpEntry, _: HttpEntry, older: HttpEntry) -> None:
    """Leave new metadata over the older body."""
    swaps.tear(entry, older)


def tear_reversed(entry: HttpEntry, _: HttpEntry, older: HttpEntry) -> None:
    """Leave the older metadata over the new body."""
    swaps.tear_reversed(entry, older)


Damage = Literal[
    "flip",
    "nul-tail",
    "truncate",
    "extend",
    "swap-body",
    "swap-entry",
    "tear",
    "tear-reversed",
]
DAMAGES: dict[Damage, Callable[[HttpEntry, HttpEntry, HttpEntry], None]] = {
    "flip": flip,
    "nul-tail": nul_tail,
    "truncate": truncate,
    "extend": extend,
    "swap-body": swap_body,
    "swap-entry": swap_entry,
    "tear": tear,
    "tear-reversed": tear_reversed,
}

# A body of another size is told by its size, any other by its digest; an entry that
# was copied over another one is whole, but not under its own key.
_BODY = {Reason.BODY_SIZE.value, Reason.BODY_DIGEST.value}
_KEY = {Reason.METADATA_DIGEST.value}
SEALED: dict[Damage, set[str]] = {**dict.fromkeys(DAMAGES, _BODY), "swap-entry": _KEY}
"""What a seal says of each damage: there is none that it does not tell."""


@dataclass(frozen=True)
class Kind:
    """A kind of content: where it comes from, and how it gets to pip."""

    style: str
    path: str
    command: str = "install"
    oldest: str = "22.0.4"
    not_by: tuple[str, ...] = ()
    """Pips that do not ask for it, or cannot."""
    default: tuple[str, ...] = ()
    """Pips of which the default run takes every damage to sealed entries."""

    @property
    def pips(self) -> list[str]:
        """The pips that meet it."""
        return [
            version
            for version in PIPS
            if number(version) >= number(self.oldest) and version not in self.not_by
        ]


KINDS = {
    "json-page": Kind("json", PAGE, oldest="22.2", default=("26.3",)),
    "html-page": Kind("html", PAGE),
    "gzip-page": Kind("gzip", PAGE),
    "chunked-page": Kind("chunked", PAGE, oldest="22.2"),
    "chunked-html-page": Kind("chunked-html", PAGE),
    "wheel": Kind("json", WHEEL, default=("22.0.4",)),
    "wheel-no-hash": Kind("no-hashes", WHEEL),
    "wheel-no-hash-chunked": Kind("no-hashes-chunked", WHEEL),
    "sdist": Kind("json", SDIST, "build"),
    "sdist-no-hash": Kind("no-hashes", SDIST, "build"),
    # pip 23.0.1 cannot read the hash of such a file in JSON, and ends by itself.
    "metadata": Kind("metadata", METADATA, oldest="22.3", not_by=("23.0.1",)),
    "metadata-html": Kind("metadata-html", METADATA, oldest="22.3"),
    "metadata-no-hash": Kind(
        "metadata-no-hashes", METADATA, oldest="22.3", not_by=("23.0.1",)
    ),
    "metadata-no-hash-chunked": Kind(
        "metadata-chunked", METADATA, oldest="22.3", not_by=("23.0.1",)
    ),
}

# What tells an unsealed body, if anything does.
SIZE, DIGEST = Reason.BODY_SIZE.value, Reason.BODY_DIGEST.value
STRUCTURE, CODING = Reason.BODY_STRUCTURE.value, Reason.BODY_CODING.value
PARTIAL = Reason.PAGE_INCOMPLETE.value

# Why nothing does.
HARMLESS = "undetectable and harmless: the body is the one that the index tells"
INSIDE = "undetectable: other text of the same form"
WHOLE = "undetectable: whole in itself, of the right size, and no digest is told"
TRAILING = "undetectable: no declared length, and the form allows what follows"
ENDLESS = "undetectable: no declared length, and the form has no end"

BY_DIGEST: dict[Damage, str] = {
    "flip": DIGEST,
    "nul-tail": DIGEST,
    "truncate": SIZE,
    "extend": SIZE,
    "swap-body": DIGEST,
    "swap-entry": DIGEST,
    "tear": DIGEST,
    "tear-reversed": HARMLESS,
}
BY_LENGTH: dict[Damage, str] = {
    "truncate": SIZE,
    "extend": SIZE,
    "swap-body": WHOLE,
    "swap-entry": WHOLE,
    "tear": WHOLE,
    "tear-reversed": WHOLE,
}
DETECTED: dict[str, dict[Damage, str]] = {
    "json-page": {**BY_LENGTH, "flip": INSIDE, "nul-tail": PARTIAL},
    "html-page": {**BY_LENGTH, "flip": INSIDE, "nul-tail": PARTIAL},
    "gzip-page": {**BY_LENGTH, "flip": CODING, "nul-tail": CODING},
    "chunked-page": {
        **BY_LENGTH,
        "flip": INSIDE,
        "nul-tail": PARTIAL,
        "truncate": PARTIAL,
        "extend": PARTIAL,
    },
    "chunked-html-page": {
        **BY_LENGTH,
        "flip": INSIDE,
        "nul-tail": PARTIAL,
        "truncate": PARTIAL,
        "extend": TRAILING,
    },
    "wheel": BY_DIGEST,
    "wheel-no-hash": {**BY_LENGTH, "flip": STRUCTURE, "nul-tail": STRUCTURE},
    "wheel-no-hash-chunked": {
        **BY_LENGTH,
        "flip": STRUCTURE,
        "nul-tail": STRUCTURE,
        "truncate": STRUCTURE,
        "extend": TRAILING,
    },
    "sdist": BY_DIGEST,
    "sdist-no-hash": {**BY_LENGTH, "flip": STRUCTURE, "nul-tail": STRUCTURE},
    "metadata": BY_DIGEST,
    "metadata-html": BY_DIGEST,
    "metadata-no-hash": {**BY_LENGTH, "flip": INSIDE, "nul-tail": STRUCTURE},
    "metadata-no-hash-chunked": {
        **BY_LENGTH,
        "flip": INSIDE,
        "nul-tail": STRUCTURE,
        "truncate": ENDLESS,
        "extend": ENDLESS,
    },
}
"""What tells of a damage in an entry without a seal, or why nothing can."""


@dataclass(frozen=True)
class Case:
    """One damage to one entry of one pip."""

    pip: str
    kind: str
    damage: Damage
    is_sealed: bool

    @property
    def id(self) -> str:
        """The name of the case."""
        seal = "sealed" if self.is_sealed else "unsealed"
        return f"{self.pip}-{self.kind}-{self.damage}-{seal}"

    @property
    def reasons(self) -> set[str]:
        """What the verdict may be; words if the damage cannot be told."""
        if self.is_sealed:
            return SEALED[self.damage]
        return {DETECTED[self.kind][self.damage]}

    @property
    def is_detectable(self) -> bool:
        """Whether anything tells of the damage."""
        return self.reasons <= {reason.value for reason in Reason}

    @property
    def is_default(self) -> bool:
        """Whether the case belongs to the default test run."""
        kind = KINDS[self.kind]
        if self.is_sealed:
            chosen = SAMPLE.get(self.kind, {})
            return self.pip in kind.default or self.damage == chosen.get(self.pip)
        return UNSEALED_SAMPLE.get((self.pip, self.kind)) == self.damage


SAMPLE: dict[str, dict[str, Damage]] = {
    "json-page": {"23.0.1": "flip", "23.3.2": "tear", "25.3": "swap-entry"},
    "html-page": {"22.0.4": "tear-reversed"},
    "gzip-page": {"26.3": "tear"},
    "wheel": {"23.0.1": "swap-entry", "25.3": "swap-body", "26.3": "tear-reversed"},
    "wheel-no-hash-chunked": {"26.3": "extend"},
    "sdist": {"26.3": "swap-entry"},
    "metadata": {"25.3": "tear"},
    "metadata-html": {"23.0.1": "tear"},
    "metadata-no-hash-chunked": {"26.3": "truncate"},
}
"""The sealed cases of the default run beside the whole tables of some pips."""

UNSEALED_SAMPLE: dict[tuple[str, str], Damage] = {
    ("22.0.4", "wheel"): "swap-body",
    ("26.3", "wheel"): "swap-entry",
    ("25.3", "wheel"): "tear",
    ("26.3", "json-page"): "nul-tail",
    ("22.0.4", "html-page"): "nul-tail",
    ("26.3", "gzip-page"): "flip",
    ("25.3", "metadata"): "flip",
    ("26.3", "wheel-no-hash"): "flip",
    ("26.3", "sdist"): "swap-body",
}
"""The unsealed cases of the default run."""


def table() -> list[object]:
    """Every damage to every kind for every pip, sealed and not; slow ones marked."""
    cases = [
        Case(version, kind, damage, is_sealed)
        for kind, content in KINDS.items()
        for version in content.pips
        for damage in DAMAGES
        for is_sealed in (True, False)
    ]
    return [
        pytest.param(
            case, id=case.id, marks=[] if case.is_default else [pytest.mark.matrix]
        )
        for case in cases
        if case.is_detectable
    ]


def damaged(station: Station, path: str, damage: Damage, cache: Path) -> HttpEntry:
    """Do a damage to an entry in a cache."""
    entry = station.entry(cache, path)
    before = cache_files.snapshot(entry.metadata.parent)
    twin = station.entry(cache, TWINS.get(path, path))
    older = entry
    if damage.startswith("tear"):
        older = station.entry(station.older, path)
    DAMAGES[damage](entry, twin, older)
    assert cache_files.snapshot(entry.metadata.parent) != before
    return entry


def copy(station: Station, folder: Path, *, is_sealed: bool) -> Path:
    """A cache of its own for one test."""
    cache = folder / "cache"
    shutil.copytree(station.cache, cache)
    if not is_sealed:
        unseal(cache)
    return cache


def unseal(cache: Path) -> None:
    """Take off all seals: what is left is what pip alone would have stored."""
    for entry in cache_files.entries(cache):
        swaps.take_off_seal(entry)


def events(home: Path) -> list[dict[str, object]]:
    """The events of the pips with this home folder."""
    log = home / "state" / "pipmend" / "log" / "events.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]


def bodies(cache: Path, but: HttpEntry) -> dict[str, bytes]:
    """The bodies of all entries but one, by name on disk."""
    return {
        entry.metadata.name: cache_files.read_body(entry)
        for entry in cache_files.entries(cache)
        if entry.metadata != but.metadata
    }


def assert_heals(
    station: Station, folder: Path, cache: Path, path: str, reasons: set[str]
) -> None:
    """Run the station's command: right results, one fetch, nothing else touched."""
    entry = station.entry(cache, path)
    cache_files.age(cache)
    others = bodies(cache, entry)

    done = run(station, cache, folder / "out", folder / "home")

    assert done.run.returncode == 0, str(done.run)
    assert done.made == station.made, str(done.run)
    assert done.fetched == (path,), str(done.run)
    told = events(folder / "home")
    assert [one["event"] for one in told] == [
        "pipmend.entry_corrupt",
        "pipmend.entry_healed",
    ], told
    assert told[0]["reason"] in reasons, told
    assert told[1]["heals"] == told[0]["id"]
    assert len(list(cache.glob("pipmend/quarantine/*"))) == 1
    # pip shows nothing of what the pips print that it starts for a build.
    is_shown = path not in {BACKEND, BACKEND_PAGE}
    assert done.run.stderr.count("pipmend: ") == is_shown, done.run.stderr
    assert swaps.is_sealed(entry)
    sound = cache_files.read_body(station.entry(station.cache, path))
    assert cache_files.read_body(entry) == sound
    assert bodies(cache, entry) == others


@pytest.mark.parametrize("case", table())
def test_a_damage_is_told_at_load_and_healed_in_the_same_run(
    case: Case, stations: Stations, tmp_path: Path
) -> None:
    """Exactly the broken entry is fetched again, for the reason that the table says."""
    kind = KINDS[case.kind]
    station = stations.station(case.pip, kind.style, kind.command)
    cache = copy(station, tmp_path, is_sealed=case.is_sealed)
    entry = damaged(station, kind.path, case.damage, cache)
    if not case.is_sealed:
        swaps.take_off_seal(entry)  # that of the older entry

    assert_heals(station, tmp_path, cache, kind.path, case.reasons)


@dataclass(frozen=True)
class Errand:
    """A command of pip's that meets a broken entry."""

    pip: str
    command: str
    path: str
    style: str = "json"
    is_sealed: bool = True

    @property
    def id(self) -> str:
        """The name of the case."""
        subject = self.path.rpartition("/packages/")[2].strip("/").replace("/", "-")
        seal = "sealed" if self.is_sealed else "unsealed"
        return f"{self.pip}-{self.command}-{subject}-{seal}"


ERRANDS = [
    Errand("22.0.4", "download", WHEEL),
    Errand("26.3", "download", WHEEL),
    Errand("26.3", "wheel", WHEEL),
    Errand("22.0.4", "index-versions", PAGE),
    Errand("26.3", "index-versions", PAGE),
    Errand("25.3", "lock", PAGE),
    Errand("26.3", "lock", WHEEL),
    # Nothing but the requirement tells the digest of the file.
    Errand("22.0.4", "require-hashes", WHEEL, "no-hashes", is_sealed=False),
    Errand("26.3", "require-hashes", WHEEL, "no-hashes", is_sealed=False),
    # Met by the second pip, which fills the environment of the build.
    Errand("26.3", "build", BACKEND),
    Errand("26.3", "build", BACKEND_PAGE),
]
OTHER_ERRANDS = [
    errand
    for version in PIPS
    for command in COMMANDS
    if command != "install" and (command != "lock" or number(version) >= (25, 1))
    for path in ((BACKEND, BACKEND_PAGE) if command == "build" else (PAGE, WHEEL))
    if not (command == "index-versions" and path == WHEEL)
    for errand in [Errand(version, command, path)]
    if errand not in ERRANDS
]


@pytest.mark.parametrize(
    "errand",
    [
        *(pytest.param(one, id=one.id) for one in ERRANDS),
        *(
            pytest.param(one, id=one.id, marks=pytest.mark.matrix)
            for one in OTHER_ERRANDS
        ),
    ],
)
def test_every_command_of_pip_is_healed(
    errand: Errand, stations: Stations, tmp_path: Path
) -> None:
    """A body of the same size and form is told, whatever pip needs it for."""
    station = stations.station(errand.pip, errand.style, errand.command)
    cache = copy(station, tmp_path, is_sealed=errand.is_sealed)
    is_alone = errand.path not in TWINS or errand.command == "index-versions"
    damaged(station, errand.path, "flip" if is_alone else "swap-body", cache)

    reasons = SEALED["flip"] if errand.is_sealed else {DIGEST}
    assert_heals(station, tmp_path, cache, errand.path, reasons)


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(one, marks=[] if one == "26.3" else [pytest.mark.matrix])
        for one in PIPS
    ],
)
def test_an_entry_of_the_second_index_is_healed_alone(
    version: str, stations: Stations, tmp_path: Path
) -> None:
    """With an extra index, each has its own entry of the same page."""
    lab = stations.lab
    main = tuple(one for one in twins() if one.name != "omega")
    with LocalIndex(main) as index, LocalIndex(twins()[1:2]) as extra:
        authorities = tmp_path / "both.pem"
        pems = (index.ca_file.read_text(), extra.ca_file.read_text())
        authorities.write_text("".join(pems), encoding="utf-8")
        venv = lab.venv(version, hooked=True)
        pip = Pip(venv, index.url, authorities, tmp_path / "home")
        options = [f"--extra-index-url={extra.url}"]
        cache = tmp_path / "cache"

        def install(name: str) -> Run:
            target = tmp_path / name
            return pip.install("alpha", target=target, cache=cache, options=options)

        assert install("first").returncode == 0
        page = extra.origin + "/simple/omega/"
        flip(cache_files.entry_path(cache, layout_of(version), page))
        cache_files.age(cache)
        index.clear()
        extra.clear()

        done = install("second")

        assert done.returncode == 0, str(done)
        assert tree(tmp_path / "second") == tree(tmp_path / "first")
        served = [one.path for one in extra.served if one.status == 200]
        assert served == ["/simple/omega/"]
        assert not [one for one in index.served if one.status == 200]
        assert len(list(cache.glob("pipmend/quarantine/*"))) == 1


# Entries without a seal, judged as the gate judges them, without a pip around.


HASHED = {"wheel", "sdist", "metadata", "metadata-html"}
"""The kinds whose digest is part of the link."""


def verdict_on(station: Station, cache: Path, path: str, *, is_hashed: bool) -> Verdict:
    """What the gate would say of an entry."""
    metadata = station.entry(cache, path).metadata
    place = judging.place_of(station.layout, cache / station.layout, metadata)
    return judging.verdict_on(place, told_of(station, path, is_hashed=is_hashed))


def told_of(station: Station, path: str, *, is_hashed: bool) -> Told:
    """What pip would know of an entry from outside."""
    if path.startswith("/simple/"):
        return Told()
    by_index: tuple[digests.Expectation, ...] = ()
    if is_hashed:
        sound = cache_files.read_body(station.entry(station.cache, path))
        sha256 = digests.BodyDigest.of(sound).sha256.hex()
        expectation = digests.from_hashes({"sha256": [sha256]})
        assert expectation is not None
        by_index = (expectation,)
    return Told(by_index, station.index.origin + path, path.rpartition("/")[2])


def unsealed_table() -> list[object]:
    """Each kind once for each storage, by the pips that the default run has anyway."""
    return [
        pytest.param(
            version,
            kind,
            id=f"{version}-{kind}",
            marks=[] if is_default else [pytest.mark.matrix],
        )
        for kind, content in KINDS.items()
        for version in content.pips
        # Only the compressed JSON pages are of the same size.
        if not (kind == "gzip-page" and version == "22.0.4")
        for is_default in [version == "26.3"]
    ]


@pytest.mark.parametrize(("version", "kind"), unsealed_table())
def test_the_table_tells_what_can_be_told_without_a_seal(
    version: str, kind: str, stations: Stations, tmp_path: Path
) -> None:
    """Each damage is told as the table says, or cannot be, and is then not blamed."""
    content = KINDS[kind]
    station = stations.station(version, content.style, content.command)
    found = {}
    for damage in DAMAGES:
        cache = copy(station, tmp_path / damage, is_sealed=False)
        entry = damaged(station, content.path, damage, cache)
        swaps.take_off_seal(entry)
        cache_files.age(entry)
        is_hashed = kind in HASHED
        found[damage] = verdict_on(station, cache, content.path, is_hashed=is_hashed)

    expected = {damage: DETECTED[kind][damage] for damage in found}
    reasons = {reason.value for reason in Reason}
    assert {
        damage: verdict.reason.value if verdict.reason else expected[damage]
        for damage, verdict in found.items()
    } == expected
    assert {damage: verdict is INTACT for damage, verdict in found.items()} == {
        damage: told not in reasons for damage, told in expected.items()
    }


REFUSED = "THESE PACKAGES DO NOT MATCH THE HASHES"


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(one, marks=[] if one == "26.3" else [pytest.mark.matrix])
        for one in PIPS
    ],
)
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
def test_a_mismatch_that_a_fresh_download_repeats_fails_as_without_pipmend(
    is_warm: bool, version: str, lab: Laboratory, tmp_path: Path
) -> None:
    """Same exit code and last words, run after run; one quarantine a run at most."""
    other = next(one for one in older_twins() if one.name == "alpha").content
    endings = {}
    for name, is_hooked in (("plain", False), ("hooked", True)):
        folder = tmp_path / name
        with LocalIndex(twins()) as index:
            pip = lab.pip(lab.venv(version, hooked=is_hooked), index, folder / "home")
            cache = folder / "cache"
            if is_warm:
                pip.install("alpha", target=folder / "0", cache=cache, check=True)
                # What the index gives now is what lies in the cache, broken or not.
                wheel = cache_files.find(cache, index, WHEEL)
                cache_files.write_body(wheel, other)
            index.override(WHEEL, other)
            runs = [refused(pip, index, cache, folder / str(n)) for n in range(1, 4)]
            endings[name] = [
                (one.returncode, ending(one).replace(index.origin, "")) for one in runs
            ]
        if is_hooked:
            count = len(list(cache.glob("pipmend/quarantine/*")))
            assert count == len(runs) - (not is_warm)

    assert endings["hooked"] == endings["plain"]


def refused(pip: Pip, index: LocalIndex, cache: Path, target: Path) -> Run:
    """Install what does not match its hash; the wheel is fetched once at most."""
    index.clear()
    if cache.exists():
        cache_files.age(cache)
    quarantine = cache / "pipmend" / "quarantine"
    before = len(list(quarantine.glob("*")))
    done = pip.install("alpha", target=target, cache=cache)
    assert done.returncode != 0, str(done)
    assert REFUSED in done.stderr, str(done)
    assert len(index.requests_to(WHEEL)) <= 1
    assert len(list(quarantine.glob("*"))) <= before + 1
    return done


def ending(done: Run) -> str:
    """The last words of a pip that refuses a file."""
    return done.stderr[done.stderr.index("ERROR: ") :]


@pytest.mark.parametrize("version", ["22.0.4", "26.3"])
def test_a_page_of_another_type_is_fetched_again_once(
    version: str, benches: Benches, tmp_path: Path
) -> None:
    """One bit in Content-Type makes pip skip the page: no version exists, for ever."""
    bench = benches.bench(tmp_path, version, IndexStyle())
    entry = bench.entry("/simple/alpha/")
    document = cache_files.decode(entry)
    document["response"]["headers"]["Content-Type"] = "text/xtml"
    cache_files.encode(entry, document)
    cache_files.age(bench.cache)

    first, second = bench.install(), bench.install()

    assert first.files == second.files == bench.warm.installed
    assert first.fetched == ["/simple/alpha/"]
    assert not second.fetched
    assert bench.events.count("entry_corrupt") == 1
