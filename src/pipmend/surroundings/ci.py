"""Continuous integration, as its variables tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CI_VARIABLES = {
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "CI": "continuous integration",
}
_NO = frozenset({"", "0", "false", "no"})


def ci_service(environment: Mapping[str, str]) -> str | None:
    """The continuous integration that this runs in, None outside of one."""
    for variable, name in _CI_VARIABLES.items():
        if environment.get(variable, "").lower() not in _NO:
            return name
    return None
