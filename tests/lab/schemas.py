"""The schemas of ``--json``, as the package brings them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

import pipmend

if TYPE_CHECKING:
    from collections.abc import Iterable


def check(command: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Validate each record that a command has printed, and return them.

    Raises:
        jsonschema.ValidationError: One is not as the schema says.
    """
    file = Path(pipmend.__file__).parent / "schemas" / f"{command}.json"
    schema = json.loads(file.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    formats = jsonschema.FormatChecker()
    validator = jsonschema.Draft202012Validator(schema, format_checker=formats)
    checked = list(records)
    for record in checked:
        validator.validate(record)
    return checked
