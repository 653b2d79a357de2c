"""Adding up events: every table, its bounds, and values of the wrong kind."""

from __future__ import annotations

import datetime as dt
import itertools
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipmend import history
from pipmend.history import CacheCount, Count, summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.timezone.utc)
HOST = "https://index.example"
NOTHING = Count()


def found(name: str = "one", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The event of a corrupt entry."""
    return {
        "schema": 1,
        "at": NOON.isoformat(timespec="milliseconds"),
        "pip": "26.3",
        "python": "3.11.7",
        "prefix": "/venv",
        "pid": 100,
        "event": "pipmend.entry_corrupt",
        "id": name,
        "action": "quarantined",
        "subject": "the cached page of 'alpha'",
        "url": f"{HOST}/simple/alpha/",
        "entry": "/cache/http-v2/a/b/c/d/e/abcde",
        "cache": "/cache",
        "bytes": 5,
        "reason": "body-size",
        "found": 0,
        "expected": 294,
        "evidence": None,
        "stayed": None,
        "pip_error": None,
        "free_bytes": 7,
        **changes,
    }


def healed(name: str = "one", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The event of its heal."""
    kept = ("schema", "at", "pip", "python", "prefix", "pid", "subject", "url", "entry")
    event = {key: value for key, value in found().items() if key in kept}
    told = {"event": "pipmend.entry_healed", "heals": name, "bytes": 1000}
    return {**event, **told, **changes}


def test_an_empty_log() -> None:
    """Adds up to nothing."""
    sums = summed([])

    assert sums.is_empty
    assert sums.total == NOTHING
    assert sums.first is sums.last is None
    assert sums.caches == []
    assert sums.days.rows == {}


def test_a_heal_is_counted_everywhere() -> None:
    """In the total, and in each table by its name."""
    sums = summed([found(), healed()])

    both = Count(found=1, healed=1, fetched=1000)
    assert sums.total == both
    assert not sums.is_empty
    assert sums.days.rows == {"2026-11-20": both}
    assert sums.reasons.rows == {"body-size": both}
    assert sums.packages.rows == {"alpha": both}
    assert sums.hosts.rows == {"index.example": both}
    assert sums.pips.rows == {"26.3": both}
    assert sums.caches == [CacheCount("/cache", both, runs=1)]
    assert sums.actions == {"quarantined": 1, "bypassed": 0, "observed": 0}
    assert sums.first == sums.last == NOON


def test_the_reason_of_a_heal_is_that_of_its_finding() -> None:
    """However many came between."""
    lines = [found("a", reason="body-size"), found("b", reason="metadata-digest")]
    lines += [healed("b"), healed("a"), healed("unheard-of")]

    sums = summed(lines)

    assert sums.reasons.rows == {
        "body-size": Count(1, 1, 1000),
        "metadata-digest": Count(1, 1, 1000),
    }
    assert sums.reasons.unknown == Count(0, 1, 1000)


def test_since_a_moment() -> None:
    """What is older does not count, but its reason is known."""
    old = (NOON - dt.timedelta(days=1)).isoformat()
    no_times: tuple[object, ...] = (None, "x", 7, [])
    timeless = [found(at=at) for at in no_times]

    sums = summed([found("a", at=old), found("b"), *timeless, healed("a")], NOON)

    assert sums.total == Count(found=1, healed=1, fetched=1000)
    assert sums.reasons.rows == {"body-size": Count(1, 1, 1000)}
    assert sums.first == NOON


def test_days_are_those_of_utc() -> None:
    """Whatever zone a moment is written in."""
    sums = summed(
        [
            found(at="2026-11-20T23:59:59.999+00:00"),
            found(at="2026-11-21T00:30:00.000+01:00"),
            found(at="2026-11-21T00:00:00.000+00:00"),
            found(at="yesterday"),
        ]
    )

    assert sums.days.rows == {"2026-11-20": Count(2), "2026-11-21": Count(1)}
    assert sums.days.unknown == Count(1)
    assert sums.last == dt.datetime(2026, 11, 21, tzinfo=dt.timezone.utc)


def test_what_was_not_fetched_is_no_fetch() -> None:
    """A file of a built wheel is written anew on this machine."""
    url = "file:///cache/wheels/ab/cd/ef/0123/origin.json"

    sums = summed([found(url=url), healed(url=url)])

    assert sums.total == Count(found=1, healed=1, fetched=0)
    assert sums.hosts.unknown == sums.packages.unknown == sums.total
    assert [one.runs for one in sums.caches] == [0]
    assert sums.unmeasured == 0


def test_events_of_an_older_pipmend() -> None:
    """They have no sizes, and no cache: that is in the path."""
    old_found, old_healed = found(), healed()
    del old_found["bytes"], old_found["cache"], old_healed["bytes"]

    sums = summed([old_found, old_healed, healed()])

    assert sums.total == Count(found=1, healed=2, fetched=1000)
    assert sums.unmeasured == 1
    assert [one.path for one in sums.caches] == ["/cache"]


def test_other_events_are_counted_apart() -> None:
    """Unknown kinds not at all."""
    kinds = ["repeat_offender", "seam_unfit", "guard_tripped", "something_new"]

    sums = summed([{"event": f"pipmend.{kind}"} for kind in kinds])

    assert (sums.offences, sums.failures) == (1, 2)
    assert sums.total == NOTHING
    assert not sums.is_empty
    assert summed([{"event": "pipmend.something_new"}]).is_empty


def test_unreadable_lines_are_counted() -> None:
    """Whatever the moment is."""
    assert summed([None, found(), None], NOON).unreadable == 2


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        pytest.param({}, 1, id="the-same"),
        pytest.param({"pid": 101}, 2, id="another-process"),
        pytest.param({"prefix": "/other"}, 2, id="another-environment"),
        pytest.param({"at": "2026-11-21T12:00:00.000+00:00"}, 2, id="another-day"),
        pytest.param({"at": "2026-11-20T18:00:00.000+00:00"}, 1, id="later-that-day"),
    ],
)
def test_a_run_is_a_process_on_a_day(changes: dict[str, Any], runs: int) -> None:
    """However many entries it has healed."""
    sums = summed([healed(), healed(), healed(**changes)])

    assert [one.runs for one in sums.caches] == [runs]


def test_caches_are_apart() -> None:
    """The one with most heals first; each has runs of its own."""
    other = "/home/x/http/cache/http-v2/a/b/c/d/e/abcde"
    lines = [healed(), healed(entry=other), healed(entry=other, pid=5)]

    sums = summed([found(cache="/third"), *lines])

    assert sums.caches == [
        CacheCount("/home/x/http/cache", Count(0, 2, 2000), runs=2),
        CacheCount("/cache", Count(0, 1, 1000), runs=1),
        CacheCount("/third", Count(1), runs=0),
    ]


@pytest.mark.parametrize(
    ("runs", "present", "fetched", "saved"),
    [(0, 100, 0, 0), (1, 100, 40, 60), (3, 100, 40, 260), (1, 10, 40, 0)],
)
def test_what_healing_has_saved(
    runs: int, present: int, fetched: int, saved: int
) -> None:
    """Never less than nothing."""
    one = CacheCount("/cache", Count(fetched=fetched), runs)

    assert one.saved(present) == saved


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("/simple/Alpha.Beta_gamma/", "alpha-beta-gamma"),
        ("/packages/alpha_beta-1.0-py3-none-any.whl", "alpha-beta"),
        ("/packages/alpha_beta-1.0-py3-none-any.whl.metadata", "alpha-beta"),
        ("/packages/alpha-beta-1.0.tar.gz", "alpha-beta"),
        ("/simple/", None),
        ("/simple/a%1b[31m/", None),
        ("[::1/simple/alpha/", None),
        (f"/simple/{'a' * 5000}/", None),
    ],
)
def test_the_package_is_that_of_the_url(path: str, project: str | None) -> None:
    """By the names that files and pages of an index have."""
    packages = summed([found(url=HOST + path)]).packages

    assert packages.rows == ({project: Count(1)} if project else {})
    assert packages.unknown == (NOTHING if project else Count(1))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (f"{HOST}/simple/alpha/", "index.example"),
        ("https://INDEX.example:8443/simple/", "index.example"),
        ("https://user:secret@index.example/simple/", "index.example"),
        ("https://[::1]/simple/", "::1"),
        ("file:///cache/wheels/x.whl", None),
        ("https://[::1/simple/", None),
        (f"https://{'a' * 500}/", None),
        ("no url", None),
    ],
)
def test_the_host_of_a_url(url: str, host: str | None) -> None:
    """Without port and credentials."""
    assert history.host_of(url) == host


@pytest.mark.parametrize(
    ("event", "cache"),
    [
        ({"cache": "/c", "entry": "/other/http/a"}, "/c"),
        ({"entry": "/c/http/a/b/c/d/e/abcde"}, "/c"),
        ({"entry": "/c/http-v2/a/b/c/d/e/abcde"}, "/c"),
        ({"entry": "/wheels/http/c/wheels/ab/cd/ef/0123/x.whl"}, "/wheels/http/c"),
        ({"entry": "C:\\c\\http-v2\\a\\b\\c\\d\\e\\abcde"}, "C:\\c"),
        ({"entry": "http-v2/a"}, None),
        ({"entry": "/http-v2/a"}, None),
        ({"entry": "/c/elsewhere/a"}, None),
        ({"cache": "", "entry": ""}, None),
        ({"cache": "x" * 5000}, None),
        ({}, None),
    ],
)
def test_the_cache_of_an_event(event: dict[str, object], cache: str | None) -> None:
    """As it is told, else by the path of the entry."""
    assert history.cache_of(event) == cache


def test_only_so_many_names_are_counted() -> None:
    """The rest goes together, and nothing gets lost."""
    events = [
        found(str(number), url=f"{HOST}/simple/p{number}/") for number in range(1500)
    ]

    sums = summed([*events, *events])

    assert len(sums.packages.rows) == history.MOST_NAMES
    assert set(sums.packages.rows.values()) == {Count(2)}
    assert sums.packages.others == Count(1000)
    assert sums.hosts.rows == {"index.example": Count(3000)}


def test_the_largest_rows_come_first() -> None:
    """By findings, then heals, then name."""
    names = ["c", "a", "b", "b", "d"]
    lines = [found(url=f"{HOST}/simple/{name}/") for name in names]

    sums = summed([*lines, healed(url=f"{HOST}/simple/d/")])

    assert [name for name, _ in sums.packages.largest()] == ["b", "d", "a", "c"]


def endless(count: int) -> Iterator[dict[str, Any]]:
    """Events of which no two have a name in common."""
    for number in range(count):
        name = f"{number:06}" * 9
        event = found(
            name,
            url=f"https://h{number}.example/simple/{name}/",
            reason=name,
            pip=name,
            cache=f"/{name}",
            at=(NOON - dt.timedelta(days=number)).isoformat(),
        )
        yield event
        yield healed(name, pid=number, url=event["url"], pip=name)


def test_memory_is_flat() -> None:
    """Twice as many events need no more of it."""
    peaks = []
    for count in (5000, 10_000):
        tracemalloc.start()
        sums = summed(endless(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sums.total.found == count

    assert peaks[1] < 1.1 * peaks[0]


ODD: tuple[Any, ...] = (
    *(None, True, -1, 10**300, 1e308, float("nan"), float("inf"), "", "\ud800"),
    *("\x1b[31m", "x" * 60_000, [], {}, [[[]]], {"a": {}}, ["body-size"]),
)


@pytest.mark.parametrize(
    "make", [found, healed], ids=["pipmend.entry_corrupt", "pipmend.entry_healed"]
)
def test_values_of_the_wrong_kind_are_unknown(
    make: Callable[..., dict[str, Any]],
) -> None:
    """In any field: the event counts, and what it does not tell is unknown."""
    for name, value in itertools.product(make(), ODD):
        if name == "event":
            continue
        sums = summed([make(**{name: value}), make()])

        assert sums.total.found + sums.total.healed == 2, (name, value)
        assert 1000 * sums.total.healed - sums.total.fetched in {0, 1000}
        for table in (sums.reasons, sums.packages, sums.hosts, sums.pips, sums.days):
            counts = [*table.rows.values(), table.unknown, table.others]
            assert sum(count.found + count.healed for count in counts) == 2


@pytest.mark.parametrize("kind", ODD, ids=lambda kind: repr(kind)[:20])
def test_a_kind_of_the_wrong_kind_is_no_event(kind: object) -> None:
    """Neither counted nor raised."""
    assert summed([found(event=kind)]).is_empty


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(changes=st.dictionaries(st.sampled_from(sorted(found())), VALUES))
def test_any_values_add_up(changes: dict[str, Any]) -> None:
    """Nothing in an event raises."""
    sums = summed([found(**changes), {**healed(), **changes}, {**changes}], None)

    assert sums.total.found <= 2
    assert [one.saved(10) for one in sums.caches if one.saved(10) < 0] == []


def test_what_is_a_number_of_things() -> None:
    """Neither a fraction, nor less than nothing, nor beyond all measure."""
    sizes = [2**62, 2**62 + 1, -1, 1.5, True, "7", 0]
    expected = [2**62, None, None, None, None, None, 0]

    assert [history.whole(size) for size in sizes] == expected
