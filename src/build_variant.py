"""Build hook: another wheel of the same release, with a ``.start`` for the ``.pth``.

With ``PIPMEND_WHEEL_TAG=py318`` in the environment, the wheel is tagged so and holds
``pipmend_hook.start`` (PEP 829) in place of ``pipmend_hook.pth``, whose line Python
3.18 ignores. Older Pythons do not pick it; without the variable nothing is changed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "PIPMEND_WHEEL_TAG"


class VariantHook(BuildHookInterface):  # type: ignore[misc]
    """Exchanges the start-up file and the tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Called by hatchling before a wheel is built.

        Raises:
            ValueError: the variable names no Python, such as ``py318``.
        """
        tag = os.environ.get(VARIABLE, "")
        if not tag:
            return
        if re.fullmatch(r"py3\d+", tag) is None:
            raise ValueError(f"{VARIABLE}={tag!a} is no tag of a Python, such as py318")
        source = Path(self.root, "src")
        del self.build_config.force_include[str(source / "pipmend_hook.pth")]
        start = source / "pipmend_hook.start"
        build_data["force_include"][str(start)] = start.name
        build_data["tag"] = f"{tag}-none-any"
