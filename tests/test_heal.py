"""Real pips meet broken entries: each damage is healed in the run that meets it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from lab import cache_files
from lab.damages import applicable, damage
from lab.index_style import IndexStyle

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from conftest import Bench, Benches
    from lab.cache_files import Layout

PIPS = ("22.0.4", "23.0.1", "23.3.2", "24.0", "25.3", "26.1.2", "26.3")
THOROUGH = ("22.0.4", "26.3")
"""One pip of each storage is tested thoroughly, the newest with all broken bodies."""

STYLES = {
    "json": IndexStyle(),
    "html": IndexStyle(pages="html"),
    "gzip": IndexStyle(content_encoding="gzip"),
    "chunked": IndexStyle(chunked=True),
}
PAGE = "/simple/alpha/"
FILE = "alpha-2.0-py3-none-any.whl"

FEW = {"metadata-top-list", "body-empty", "json-cut"}
"""What the default run takes of the other pips."""

SELECTION = {
    "metadata-half",
    "metadata-top-empty-map",
    "metadata-top-list",
    "metadata-extra-key",
    "metadata-header-bytes",
    "metadata-bad-date",
    "metadata-fifo",
    "body-missing",
    "body-empty",
    "body-fifo",
    "body-looping-link",
    "json-cut",
    "html-cut-in-tag",
    "gzip-flipped-byte",
    "file-flipped-bit",
    "body-nul-tail",
}


@dataclass(frozen=True)
class Case:
    """A damage to an entry of a kind, as an index of a style has sent it."""

    pip: str
    style: str
    kind: Literal["page", "file"]
    damage: str

    @property
    def id(self) -> str:
        """The name of the case."""
        return f"{self.pip}-{self.style}-{self.kind}-{self.damage}"

    @property
    def is_default(self) -> bool:
        """Whether the case belongs to the default test run."""
        if self.style != "json":
            is_about_body = not self.damage.startswith("metadata-")
            return is_about_body and self.damage in SELECTION and self.pip == "26.3"
        if self.kind == "file":
            return self.damage in SELECTION and self.pip in THOROUGH
        if self.pip in THOROUGH:
            # Of all metadata the judge is tried without a pip (test_metadata).
            is_of_newest = self.pip == "26.3" and not self.damage.startswith("metadata")
            return is_of_newest or self.damage in SELECTION
        return self.damage in FEW

    @property
    def fragment(self) -> str:
        """Part of the URL of the entry."""
        return PAGE if self.kind == "page" else FILE


def layout_of(version: str) -> Layout:
    """Where a pip keeps its entries."""
    return "http" if tuple(map(int, version.split("."))) < (23, 3) else "http-v2"


def is_sent(version: str, style: IndexStyle) -> IndexStyle:
    """What a pip gets from an index: those before 22.2 do not ask for JSON."""
    is_old = tuple(map(int, version.split("."))) < (22, 2)
    return replace(style, pages="html") if is_old else style


def table() -> list[Case]:
    """Every damage that makes sense for every pip, style and kind of content."""
    return [
        Case(version, name, kind, one.id)
        for version in PIPS
        for name, style in STYLES.items()
        # Styles of pages make no difference to files.
        for kind in (("page", "file") if name in {"json", "chunked"} else ("page",))
        for one in applicable(layout_of(version), is_sent(version, style), kind)
        if is_detectable(version, name, kind, one.id)
    ]


def is_detectable(version: str, style: str, kind: str, name: str) -> bool:
    """Without Content-Length, an HTML page that has its end is whole.

    Files have the hash of their link.
    """
    if style != "chunked" or kind == "file" or is_json(version):
        return True
    return name not in {"html-cut-at-anchor", "body-extra-bytes"}


def is_json(version: str) -> bool:
    """Whether a pip asks for JSON pages."""
    return is_sent(version, STYLES["json"]).pages == "json"


def marked(cases: list[Case]) -> list[object]:
    """The cases as parameters; those beyond the default run carry the marker."""
    return [
        pytest.param(
            case, id=case.id, marks=[] if case.is_default else [pytest.mark.matrix]
        )
        for case in cases
    ]


def bench_of(case: Case, benches: Benches, folder: Path, *, hooked: bool) -> Bench:
    """A bench with the damage done."""
    bench = benches.bench(folder, case.pip, STYLES[case.style], hooked=hooked)
    damage(case.damage).apply(bench.entry(case.fragment))
    cache_files.age(bench.cache)
    return bench


@pytest.mark.parametrize("case", marked(table()))
def test_a_broken_entry_is_healed_in_the_run_that_meets_it(
    case: Case, benches: Benches, tmp_path: Path
) -> None:
    """Right files, one entry fetched, nothing else gone, and the next run is quiet."""
    bench = bench_of(case, benches, tmp_path, hooked=True)
    others = untouched(bench, case)

    first = bench.install()

    assert first.run.returncode == 0, str(first.run)
    assert first.files == bench.warm.installed
    assert [path for path in first.fetched if case.fragment in path] == first.fetched
    assert len(first.fetched) == 1
    told = [line for line in first.run.stderr.splitlines() if "pipmend" in line]
    assert len(told) == 1, first.run.stderr
    assert "quarantined the cached" in told[0]
    assert untouched(bench, case) == others
    assert len(bench.quarantine) == 1
    events = [json.loads(line) for line in bench.events.splitlines()]
    assert [event["event"] for event in events] == [
        "pipmend.entry_corrupt",
        "pipmend.entry_healed",
    ]
    assert events[1]["heals"] == events[0]["id"]

    second = bench.install()

    assert second.run.returncode == 0, str(second.run)
    assert second.files == bench.warm.installed
    assert second.requests == bench.warm.healthy
    assert "pipmend" not in second.run.output
    assert bench.events.count("\n") == len(events)


def untouched(bench: Bench, case: Case) -> dict[str, bytes]:
    """The bodies of all entries but the damaged one, by name on disk.

    The metadata of pages is rewritten by a 304, so it does not count.
    """
    damaged = bench.entry_name(case.fragment)
    return {
        entry.metadata.name: cache_files.read_body(entry)
        for entry in cache_files.entries(bench.cache)
        if entry.metadata.name != damaged
    }


FATAL = {
    "22.0.4": ("metadata-top-empty-map", "metadata-extra-key"),
    "23.0.1": ("metadata-top-empty-map", "metadata-extra-key", "json-cut"),
    "23.3.2": ("metadata-top-empty-map", "json-cut", "body-empty", "body-folder"),
    "24.0": ("metadata-top-empty-map", "json-cut", "body-empty", "body-folder"),
    "25.3": ("metadata-top-list", "json-cut", "body-empty", "body-folder"),
    "26.1.2": ("metadata-top-list", "json-cut", "body-empty", "body-folder"),
    "26.3": ("metadata-top-list", "json-cut", "body-empty", "body-folder"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id, marks=marks)
        for version, names in FATAL.items()
        for marks in [[] if version in THOROUGH else [pytest.mark.matrix]]
        for name in names
        for case in [Case(version, "json", "page", name)]
    ],
)
def test_without_the_hook_the_same_damage_ends_every_run(
    case: Case, benches: Benches, tmp_path: Path
) -> None:
    """The table can fail: this is what pip does by itself."""
    bench = bench_of(case, benches, tmp_path, hooked=False)

    runs = [bench.install() for _ in range(2)]

    assert all(one.run.returncode != 0 for one in runs), [str(one.run) for one in runs]
