"""Reading TOML on every Python: its own reader came with 3.11, pip brings one along."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_READERS = ("tomllib", "tomli", "pip._vendor.tomli")
"""Modules that read TOML, by preference; all have the same function."""


def parse(text: str) -> dict[str, object]:
    """The content of a TOML document.

    Raises:
        ValueError: it is no TOML; the message says where.
        LookupError: this Python has nothing that reads TOML.
    """
    loads = _loads()
    if loads is None:
        raise LookupError("this Python has no reader of TOML: install tomli")
    try:
        return loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _loads() -> Callable[[str], dict[str, object]] | None:
    for name in _READERS:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return cast("Callable[[str], dict[str, object]]", module.loads)
    return None
