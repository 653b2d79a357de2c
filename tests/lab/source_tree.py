"""The modules of the project, and what each of them imports."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parent.parent.parent / "src"


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_bytes()) for path in sorted(SOURCE.rglob("*.py"))
}
"""Every module by name."""


def imported(node: ast.AST) -> Iterator[str]:
    """What is imported when the code runs, at once or later, in dotted names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports are not understood here"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.orelse:
                yield from imported(statement)
        else:
            yield from imported(child)


def tops(module: str) -> set[str]:
    """The top-level packages that a module imports."""
    return {name.partition(".")[0] for name in imported(TREES[module])}


def own(module: str) -> set[str]:
    """The modules of this project that a module imports."""
    found = set()
    for name in imported(TREES[module]):
        candidate = name
        while candidate and candidate not in TREES:
            candidate = candidate.rpartition(".")[0]
        found.add(candidate)
    return found - {"", module}


def reached_from(*modules: str) -> set[str]:
    """These modules and all that they import, directly or not."""
    found: set[str] = set()
    waiting = set(modules)
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= own(module) - found
    return found
