"""The rim: pipmend's own failures stay inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from pipmend._guard import Guard, Raised, Returned, attempt
from pipmend.events import EventLog

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "https://user:password@index.example/"  # noqa: S105


def fail() -> NoReturn:
    """Raise what says more than may be recorded."""
    raise ValueError(SECRET)


def fail_otherwise() -> NoReturn:
    """Raise something else."""
    raise RecursionError


def add(one: int, two: int) -> int:
    """A step that succeeds."""
    return one + two


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """A log that is still empty."""
    return EventLog(tmp_path / "log")


def test_a_step_that_succeeds(log: EventLog) -> None:
    """Its result, and no trace."""
    assert Guard(log).run(add, 1, 2, default=None) == 3
    assert not log.path.exists()


@pytest.mark.parametrize("step", [fail, fail_otherwise])
def test_a_step_that_fails(step: object, log: EventLog) -> None:
    """The default, and an event."""
    default = object()

    assert Guard(log).run(step, default=default) is default  # type: ignore[arg-type]
    assert len(list(log.read())) == 1


def test_each_step_is_recorded_once(log: EventLog) -> None:
    """However often it fails: pip asks for thousands of entries."""
    guard = Guard(log)

    for _ in range(3):
        guard.run(fail, default=None)
        guard.run(fail_otherwise, default=None)

    steps = [event["step"] for event in log.read() if event is not None]
    assert steps == ["fail", "fail_otherwise"]


def test_a_message_is_not_recorded(log: EventLog) -> None:
    """It may hold a password."""
    Guard(log).run(fail, default=None)

    text = log.path.read_text()
    assert "ValueError" in text
    assert "password" not in text


def test_a_log_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    """The default comes all the same."""
    (tmp_path / "log").write_text("a file where the folder should be")

    assert Guard(EventLog(tmp_path / "log")).run(fail, default=7) == 7


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_signals_and_exits_pass_through(
    kind: type[BaseException], log: EventLog
) -> None:
    """They are meant for pip."""

    def interrupt() -> NoReturn:
        raise kind

    with pytest.raises(kind):
        Guard(log).run(interrupt, default=None)
    assert not log.path.exists()


def test_attempts_are_values() -> None:
    """What a call returned, or the very exception that it raised."""
    error = KeyError("key")

    def lookup(key: str, *, missing: bool) -> str:
        if missing:
            raise error
        return key

    returned = attempt(lookup, ("a",), {"missing": False})
    raised = attempt(lookup, ("a",), {"missing": True})

    assert isinstance(returned, Returned)
    assert returned.value == "a"
    assert isinstance(raised, Raised)
    assert raised.error is error
