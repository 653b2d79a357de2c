"""Findings: which facts lead to which, and what a person is told to do."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipmend import doctor, events
from pipmend._compat.layouts import Layout
from pipmend.doctor import Code, Finding, Fine, Severity, Unknown
from pipmend.events import EntryCorrupt, EntryHealed, EventLog, GuardTripped, SeamUnfit
from pipmend.surroundings import (
    FileSystem,
    Moment,
    Mount,
    Part,
    Pip,
    Sample,
    Seen,
    Surroundings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipmend.doctor import Answer, Past

GIB = 1024**3
NOW = 1_800_000_000.0
MOMENT = dt.datetime.fromtimestamp(NOW, tz=dt.timezone.utc)
CACHE = Path("/home/alice/.cache/pip")
ENTRY = CACHE / "http-v2" / "a" / "b" / "c" / "d" / "e" / "abcde"

DISK = Mount(Path("/home"), "ext4", "/dev/sda1", ("relatime",))
SYSTEM = FileSystem(100 * GIB, 200 * GIB, 1_000_000, 2_000_000, False, DISK)
SAMPLE = Sample(
    looked_at=100,
    of_others=Seen(),
    not_writable=Seen(),
    open_to_all=Seen(),
    newest={"http-v2": Moment(NOW - 60, ENTRY)},
    newest_date=Moment(NOW - 60, ENTRY),
)
HEALTHY = Surroundings(
    cache=CACHE,
    real=CACHE,
    is_linked=False,
    now=NOW,
    file_system=SYSTEM,
    owner="alice (1000)",
    me="alice (1000)",
    used_by_pip=True,
    writable=True,
    parts=(Part("http-v2", None, False),),
    sample=SAMPLE,
)

posix_only = pytest.mark.skipif(os.name != "posix", reason="typed in another shell")


def pip(
    version: str = "26.3",
    prefix: str = "/venv",
    layout: Layout = Layout.TWO_FILES,
    *,
    has_hook: bool = True,
) -> Pip:
    """A pip of an environment."""
    return Pip(version, layout, Path(prefix), Path(prefix, "bin", "python3"), has_hook)


def on(**changes: object) -> Surroundings:
    """Healthy, but for the file system."""
    fields = {**SYSTEM._asdict()}
    fields.update(changes)
    return HEALTHY._replace(file_system=FileSystem(**fields))


def mounted(kind: str, *options: str) -> Surroundings:
    """Healthy, but for the mount."""
    return on(mount=DISK._replace(type=kind, options=options))


def seen(**changes: object) -> Surroundings:
    """Healthy, but for what the bounded look has shown."""
    fields = {**SAMPLE._asdict()}
    fields.update(changes)
    return HEALTHY._replace(sample=Sample(**fields))


def findings(answers: Iterable[Answer]) -> list[Finding]:
    """Only those."""
    return [answer for answer in answers if isinstance(answer, Finding)]


def diagnosed(
    around: Surroundings,
    users: Iterable[Pip] = (),
    past: Past | None = None,
    *,
    ci: str | None = None,
) -> list[tuple[str, str]]:
    """The findings on a cache: code and severity."""
    answers = doctor.of_cache(around, list(users), past or doctor.Past(), ci=ci)
    return [(one.code.value, one.severity.value) for one in findings(answers)]


def the_finding(around: Surroundings, *users: Pip, past: Past | None = None) -> Finding:
    """The one that there is."""
    (found,) = findings(doctor.of_cache(around, users, past or doctor.Past()))
    return found


# -- One cache -----------------------------------------------------------------------


def test_a_healthy_cache_is_fine_in_every_way() -> None:
    """Each question has its answer."""
    answers = doctor.of_cache(HEALTHY, [pip()], doctor.Past())

    assert {type(answer) for answer in answers} == {Fine}
    assert len({answer.name for answer in answers if isinstance(answer, Fine)}) == 12


UNWELL = [
    (on(free_bytes=0), "disk-full", "problem"),
    (on(free_bytes=doctor.LEAST_BYTES - 1), "disk-full", "problem"),
    (on(free_bytes=doctor.LEAST_BYTES), "disk-full", "warning"),
    (on(free_bytes=doctor.LITTLE_BYTES - 1), "disk-full", "warning"),
    (on(free_inodes=0), "inodes-low", "problem"),
    (on(free_inodes=doctor.LEAST_INODES), "inodes-low", "warning"),
    (on(free_inodes=doctor.LITTLE_INODES - 1), "inodes-low", "warning"),
    (on(read_only=True), "read-only", "problem"),
    (mounted("nfs4"), "network-file-system", "warning"),
    (mounted("cifs"), "network-file-system", "warning"),
    (mounted("fuse.sshfs"), "network-file-system", "warning"),
    (mounted("9p"), "network-file-system", "warning"),
    (mounted("overlay"), "overlay", "note"),
    (mounted("tmpfs"), "tmpfs", "note"),
    (HEALTHY._replace(me="root (0)", used_by_pip=False), "owner-mismatch", "problem"),
    (HEALTHY._replace(used_by_pip=False, writable=False), "not-writable", "problem"),
    (HEALTHY._replace(writable=False), "not-writable", "problem"),
    (seen(of_others=Seen(3, ENTRY)), "owner-mismatch", "warning"),
    (seen(not_writable=Seen(1, ENTRY.parent)), "not-writable", "warning"),
    (seen(open_to_all=Seen(1, ENTRY.parent)), "writable-by-others", "warning"),
    (seen(newest={"http": Moment(NOW + 121, ENTRY)}), "clock-skew", "warning"),
    (seen(newest_date=Moment(NOW + 121, ENTRY)), "clock-skew", "warning"),
    (HEALTHY._replace(is_linked=True), "cache-is-link", "note"),
    (HEALTHY._replace(parts=(Part("http", CACHE, False),)), "cache-is-link", "note"),
    (HEALTHY._replace(parts=(Part("http", None, True),)), "cache-is-link", "warning"),
]


@pytest.mark.parametrize(
    ("around", "code", "severity"), UNWELL, ids=lambda value: str(value)[:18]
)
def test_one_cause_is_one_finding(
    around: Surroundings, code: str, severity: str
) -> None:
    """With its code, its severity, and one next step in one line."""
    assert diagnosed(around, [pip()]) == [(code, severity)]
    found = the_finding(around, pip())
    assert found.next_step
    assert "\n" not in found.what + found.next_step
    assert not found.what.endswith(".")


@pytest.mark.parametrize(
    "around",
    [
        on(free_bytes=doctor.LITTLE_BYTES),
        on(free_inodes=doctor.LITTLE_INODES),
        mounted("btrfs"),
        mounted("fuse.ntfs-3g"),
        mounted("nfsd"),
        seen(newest={"http": Moment(NOW + 120, ENTRY)}),
        seen(newest_date=Moment(NOW + 119, ENTRY)),
        seen(newest_date=None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_just_fine_is_no_finding(around: Surroundings) -> None:
    """Right up to the thresholds."""
    assert diagnosed(around, [pip()]) == []


def test_what_the_system_does_not_tell_is_said() -> None:
    """As on Windows; it is no finding."""
    around = on(
        free_inodes=None, total_inodes=None, read_only=None, mount=None
    )._replace(owner=None, me=None)
    around = around._replace(sample=SAMPLE._replace(newest={}, newest_date=None))

    answers = doctor.of_cache(around, [], doctor.Past())

    assert not findings(answers)
    assert {answer.name for answer in answers if isinstance(answer, Unknown)} == {
        "inodes",
        "file system",
        "writable mount",
        "owners",
        "modes",
        "clocks",
        "hooks",
    }


def test_without_mounts_the_folder_is_named() -> None:
    """So that a person knows which disk is meant."""
    found = the_finding(on(free_bytes=5 * 1024 * 1024, mount=None), pip())

    assert str(CACHE) in found.what
    assert "5 MiB" in found.what


def test_a_read_only_mount_is_one_cause() -> None:
    """Though nobody can write then, and pip's check fails."""
    around = on(read_only=True)._replace(used_by_pip=False, writable=False)

    assert diagnosed(around, [pip()]) == [("read-only", "problem")]


def test_a_disk_that_went_read_only_is_looked_at() -> None:
    """Linux does that after errors, if told to."""
    around = on(read_only=True, mount=DISK._replace(options=("errors=remount-ro",)))

    assert "dmesg" in the_finding(around, pip()).next_step


def test_a_soft_mount_is_said() -> None:
    """It loses writes without a word."""
    assert "soft" in the_finding(mounted("nfs", "soft"), pip()).what
    assert "soft" not in the_finding(mounted("nfs", "hard"), pip()).what


@posix_only
def test_commands_are_quoted() -> None:
    """A folder's name must not become a command of its own."""
    evil = Path("/tmp/$(id) 'x'; rm")  # noqa: S108 - never touched
    around = HEALTHY._replace(cache=evil, real=evil)
    closed = around._replace(sample=SAMPLE._replace(not_writable=Seen(1, evil)))
    foreign = around._replace(sample=SAMPLE._replace(of_others=Seen(1, evil)))
    opened = around._replace(sample=SAMPLE._replace(open_to_all=Seen(1, evil)))
    bare = pip(prefix=str(evil), has_hook=False)

    assert shlex.split(the_finding(closed, pip()).next_step) == [
        "chmod",
        "-R",
        "u+rwX",
        str(evil),
    ]
    assert shlex.split(the_finding(foreign, pip()).next_step) == [
        "sudo",
        "chown",
        "-Rh",
        "alice",
        str(evil),
    ]
    assert shlex.split(the_finding(opened, pip()).next_step)[-1] == str(evil)
    install = the_finding(HEALTHY, bare).next_step.partition(": ")[2]
    assert shlex.split(install)[0] == str(bare.python)


def test_what_belongs_to_others_is_taken_over_first() -> None:
    """Their modes are not ours to change."""
    around = seen(of_others=Seen(1, ENTRY), not_writable=Seen(1, ENTRY.parent))

    steps = {one.next_step for one in findings(doctor.of_cache(around, [], NONE))}

    assert len(steps) == 1
    assert "chown" in steps.pop()


NONE = doctor.Past()
OLD = pip("22.0.4", "/old", Layout.ONE_FILE)


def test_pips_of_two_generations() -> None:
    """Named, with a step for the older one."""
    found = the_finding(HEALTHY, pip(), OLD)

    assert (found.code, found.severity) == (Code.MIXED_GENERATIONS, Severity.NOTE)
    assert "22.0.4" in found.what
    assert "26.3" in found.what
    assert str(OLD.python) in found.next_step
    assert diagnosed(HEALTHY, [OLD, OLD]) == []


def test_two_generations_known_by_what_they_wrote() -> None:
    """Within a month, wherever they are."""
    both = {"http": Moment(NOW - 60, ENTRY), "http-v2": Moment(NOW - 60, ENTRY)}
    long_ago = {**both, "http": Moment(NOW - 31 * 86400, ENTRY)}

    assert diagnosed(seen(newest=both)) == [("mixed-generations", "note")]
    assert diagnosed(seen(newest=long_ago)) == []


def test_a_missing_hook() -> None:
    """Each is counted, a few are named, and there is a step for one."""
    bare = [pip(prefix=f"/bare/{number}", has_hook=False) for number in range(5)]

    one = the_finding(HEALTHY, pip(), bare[0])
    many = the_finding(HEALTHY, pip(), *bare)

    assert (one.code, one.severity) == (Code.HOOK_MISSING, Severity.WARNING)
    assert "1 of 2 pips" in one.what
    assert "more" not in one.what
    assert str(bare[0].python) in one.next_step
    assert "5 of 6 pips" in many.what
    assert "2 more" in many.what


# -- Events --------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """An empty log."""
    return EventLog(tmp_path / "log")


def corrupt(entry: Path = ENTRY, *, free: int = 100 * GIB) -> EntryCorrupt:
    """A corrupt entry that was moved to quarantine."""
    filled: dict[str, Any] = dict.fromkeys(EntryCorrupt._fields)
    filled.update(
        id=events.new_id(), action="quarantined", entry=str(entry), free_bytes=free
    )
    return EntryCorrupt(**filled)


def recalled(log: EventLog, *, days: float = 0) -> Past:
    """What is known after some days."""
    now = dt.datetime.now(tz=dt.timezone.utc) + dt.timedelta(days=days)
    return doctor.recall(log.read(), now)


def test_an_empty_log_tells_nothing(log: EventLog) -> None:
    """And is no cause for a finding."""
    assert recalled(log) == NONE


def test_an_entry_that_breaks_again_and_again(log: EventLog) -> None:
    """By the rule that is used inside pip, while its span lasts."""
    for _ in range(2):
        log.emit(corrupt())
    assert diagnosed(HEALTHY, [pip()], recalled(log)) == []

    log.emit(corrupt())

    assert diagnosed(HEALTHY, [pip()], recalled(log)) == [
        ("repeat-offender", "warning")
    ]
    found = the_finding(HEALTHY, pip(), past=recalled(log))
    assert str(ENTRY) in found.what
    assert "3 times" in found.what
    assert diagnosed(HEALTHY, [pip()], recalled(log, days=8)) == []
    elsewhere = HEALTHY._replace(cache=Path("/other"), real=Path("/other"))
    assert diagnosed(elsewhere, [pip()], recalled(log)) == []


def test_a_cache_that_breaks_again_and_again(log: EventLog) -> None:
    """By whichever of its names the events tell of it."""
    for number in range(5):
        log.emit(corrupt(CACHE / "http-v2" / str(number)))
    linked = HEALTHY._replace(cache=Path("/link"), is_linked=True)

    assert (
        "5 entries of this cache"
        in the_finding(HEALTHY, pip(), past=recalled(log)).what
    )
    assert ("repeat-offender", "warning") in diagnosed(linked, [pip()], recalled(log))


def test_the_remedy_follows_the_likeliest_cause(log: EventLog) -> None:
    """One step, not a list of guesses."""

    def step(around: Surroundings, past: Past, ci: str | None = None) -> str:
        found = findings(doctor.of_cache(around, [pip()], past, ci=ci))
        return next(one.next_step for one in found if one.code is Code.REPEAT_OFFENDER)

    for _ in range(3):
        log.emit(corrupt())
    past = recalled(log)
    assert "dmesg" in step(HEALTHY, past)
    assert "CI cache" in step(HEALTHY, past, "GitHub Actions")
    assert "local disk" in step(mounted("nfs"), past, "GitHub Actions")

    log.emit(corrupt(free=3 * 1024 * 1024))
    assert "only 3 MiB were left" in step(mounted("nfs"), recalled(log))


def test_who_uses_a_cache_is_known_by_events(log: EventLog) -> None:
    """Or since it is the one that all use unless told otherwise."""
    log.emit(EntryHealed(heals="x", subject="x", url=None, entry=str(ENTRY), bytes=1))
    line = json.loads(log.path.read_text())
    line.update(pip="22.0.4", prefix="/old")
    log.path.write_text(json.dumps(line))
    past = recalled(log)

    def users(around: Surroundings, *, in_force: bool) -> list[Pip]:
        return doctor.users_of(around, [pip(), OLD], past, in_force=in_force)

    other = HEALTHY._replace(cache=Path("/other"), real=Path("/other"))
    assert past.prefixes == ["/old"]
    assert users(HEALTHY, in_force=False) == [OLD]
    assert users(HEALTHY, in_force=True) == [pip(), OLD]
    assert users(other, in_force=False) == []
    assert recalled(log, days=31).prefixes == []


def test_failures_of_our_own_are_findings(log: EventLog) -> None:
    """Counted, for a month."""
    for _ in range(3):
        log.emit(GuardTripped(step="gate.LoadGate.check", error="ValueError"))

    def found(days: float) -> list[Finding]:
        past = recalled(log, days=days)
        return findings(doctor.of_machine([], past, ci=None, switched_off=None))

    (one,) = found(29)
    assert (one.code, one.severity) == (Code.OWN_FAILURE, Severity.WARNING)
    assert "3 times" in one.what
    assert "gate.LoadGate.check" in one.what
    assert not found(31)


def test_an_unfit_pip_is_a_finding_until_it_is_replaced(log: EventLog) -> None:
    """It is recorded once only."""
    log.emit(SeamUnfit("the cache names no folder"))
    line = json.loads(log.path.read_text())
    line.update(pip="99.1", prefix="/venv")
    log.path.write_text(json.dumps(line))

    def found(*pips: Pip) -> list[Finding]:
        past = recalled(log)
        return findings(doctor.of_machine(pips, past, ci=None, switched_off=None))

    (one,) = found(pip("99.1"))
    assert (one.code, one.severity) == (Code.UNFIT_PIP, Severity.WARNING)
    assert "99.1" in one.what
    assert "/venv" in one.next_step
    assert found(pip("99.1", "/other")) == found() == [one]
    assert not found(pip("99.2"))


def test_a_healthy_machine() -> None:
    """Every question has its answer."""
    answers = doctor.of_machine([pip()], NONE, ci=None, switched_off=None)

    assert {type(answer) for answer in answers} == {Fine}
    assert len(answers) == 4


def test_notes_on_the_machine() -> None:
    """Neither is a cause by itself."""
    answers = doctor.of_machine([], NONE, ci="GitLab CI", switched_off="a variable")

    assert [(one.code, one.severity) for one in findings(answers)] == [
        (Code.SWITCHED_OFF, Severity.NOTE),
        (Code.CI_RESTORED, Severity.NOTE),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
NAMES = st.sampled_from(sorted(events.NAMES.values()))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    lines=st.lists(
        st.none()
        | st.fixed_dictionaries(
            {"event": NAMES | JSON},
            optional={
                "at": st.just(MOMENT.isoformat()) | JSON,
                "entry": st.just(str(ENTRY)) | JSON,
                "action": st.just("quarantined") | JSON,
                **dict.fromkeys(("pip", "prefix", "free_bytes", "step"), JSON),
                **dict.fromkeys(("error", "problem"), JSON),
            },
        ),
        max_size=8,
    )
)
def test_any_line_of_a_log_can_be_met(lines: list[dict[str, object] | None]) -> None:
    """It is data that anything may have written."""
    past = doctor.recall(lines, MOMENT)

    doctor.users_of(HEALTHY, [pip()], past, in_force=False)
    answers = doctor.of_cache(HEALTHY, [pip()], past)
    answers += doctor.of_machine([pip()], past, ci=None, switched_off=None)

    for found in findings(answers):
        assert len(found.what) < 4000
