"""Records: at run time what type checkers take them for, named tuples."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import pipmend
from pipmend.records import Record

if TYPE_CHECKING:
    from typing import Any

    from lab.laboratory import Laboratory

PACKAGE = Path(pipmend.__file__).parent

LOADED = """\
import json, sys
import pip._internal.commands.install
import pip._internal.network.session
print(json.dumps([name for name in sys.modules if name.startswith("pipmend.")]))
"""


class Named(NamedTuple):
    """What a record is to be like."""

    first: int
    second: str | None = None
    third: tuple[int, ...] = ()

    @property
    def double(self) -> int:
        """Of the first."""
        return 2 * self.first


class Recorded(Record):
    """The same as a record."""

    first: int
    second: str | None = None
    third: tuple[int, ...] = ()

    @property
    def double(self) -> int:
        """Of the first."""
        return 2 * self.first


class Heir(Recorded):
    """A record with other properties."""

    @property
    def double(self) -> int:
        """Of the first, with a sign."""
        return -2 * self.first


BOTH = pytest.mark.parametrize("kind", [Named, Recorded, Heir])


@BOTH
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((1,), {}),
        ((1, "b", (2,)), {}),
        ((), {"first": 1, "third": (2,)}),
        ((1, "b"), {"third": (2,)}),
    ],
)
def test_fields_are_given_in_order_and_by_name(
    kind: type[Any], values: tuple[object, ...], named: dict[str, object]
) -> None:
    """Defaults stand in for what is left out."""
    usual = Named(*values, **named)  # type: ignore[arg-type]
    made = kind(*values, **named)
    assert made == usual
    assert hash(made) == hash(usual)
    assert [made.first, made.second, made.third] == list(usual)
    assert abs(made.double) == usual.double
    assert repr(made) == repr(usual).replace("Named", kind.__name__)
    assert made._asdict() == usual._asdict()
    assert made._replace(first=9) == usual._replace(first=9)
    assert type(made._replace(first=9)) is kind
    assert kind._make(usual) == usual


@BOTH
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((1, "b", (), 4), {}),
        ((1,), {"first": 2}),
        ((1,), {"fourth": 2}),
        ((), {"second": "b"}),
    ],
)
def test_other_fields_are_refused(
    kind: type[Any], values: tuple[object, ...], named: dict[str, object]
) -> None:
    """Too few, too many, twice or unknown."""
    with pytest.raises(TypeError):
        kind(*values, **named)


@BOTH
def test_records_are_frozen(kind: type[Any]) -> None:
    """Neither a field nor anything else can be set."""
    made = kind(1)
    for name in ("first", "fourth"):
        with pytest.raises(AttributeError):
            setattr(made, name, 2)


@BOTH
def test_records_are_copied_whole(kind: type[Any]) -> None:
    """To another process as well, which a scan does."""
    made = kind(1, "b", (2,))
    for other in (copy.copy(made), copy.deepcopy(made)):
        assert (type(other), other) == (kind, made)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        other = pickle.loads(pickle.dumps(made, protocol))  # noqa: S301
        assert (type(other), other) == (kind, made)


def test_what_pip_loads_has_no_dearer_values(lab: Laboratory) -> None:
    """No class of it is made by typing.NamedTuple or as a dataclass."""
    python = lab.venv("26.3", hooked=True).python
    run = subprocess.run(
        [python, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = json.loads(run.stdout)
    assert "pipmend.gate" in loaded
    for name in loaded:
        path = PACKAGE.parent.joinpath(*name.split("."))
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        tree = ast.parse(module.read_text("utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        is_base = name == "pipmend.records"
        assert is_base or not imported & {"NamedTuple", "dataclass"}, name
