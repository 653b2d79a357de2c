"""The order of imports: a module imports only from the rows below its own."""

from __future__ import annotations

import ast

from lab.source_tree import TREES, imported, own, tops

# From top to bottom. A new module goes into the highest row whose upper rows hold all
# that import it; if there is none, it gets one. A package stands for its modules.
ROWS: tuple[tuple[str, ...], ...] = (
    ("pipmend_hook", "pipmend.__main__", "build_variant"),
    ("pipmend._startup", "pipmend.cli", "pipmend.armed.sitecustomize"),
    (
        "pipmend._patches",
        "pipmend.everywhere",
        "pipmend.report",
        "pipmend.handout",
        "pipmend.restore",
        "pipmend.damage",
    ),
    (
        "pipmend.gate",
        "pipmend.store_gate",
        "pipmend.wheel_gate",
        "pipmend.post_mortem",
        "pipmend.downloads",
        "pipmend.survey",
        "pipmend.evidence",
        "pipmend.doctor",
        "pipmend.history",
        "pipmend.processes",
    ),
    (
        "pipmend.ledger",
        "pipmend.loads",
        "pipmend.inventory",
        "pipmend.surroundings",
        "pipmend.sweeping",
    ),
    (
        "pipmend.offenders",
        "pipmend.scan",
        "pipmend.crew",
        "pipmend.addresses",
        "pipmend._compat.installed",
    ),
    (
        "pipmend.enforce",
        "pipmend.examine",
        "pipmend._guard",
        "pipmend.walk",
        "pipmend.verified",
        "pipmend.subjects",
        "pipmend._compat.caches",
    ),
    (
        "pipmend.quarantine",
        "pipmend.events",
        "pipmend.notices",
        "pipmend.names",
        "pipmend.members",
    ),
    (
        "pipmend.verify",
        "pipmend.observation",
        "pipmend.wheels",
        "pipmend.untrusted",
    ),
    ("pipmend.entries", "pipmend.seals", "pipmend.archives", "pipmend.pages"),
    ("pipmend._compat.seams",),
    ("pipmend.metadata", "pipmend.codings", "pipmend.digests"),
    ("pipmend.explanations", "pipmend.startup_files"),
    ("pipmend.verdicts", "pipmend._compat.layouts"),
    (
        "pipmend.config",
        "pipmend.atomic",
        "pipmend.urls",
        "pipmend.errors",
        "pipmend.units",
    ),
    ("pipmend.config_text", "pipmend._compat.folders", "pipmend.records"),
    ("pipmend._compat.toml",),
    ("pipmend", "pipmend._compat"),
)

NAME_PIPS_MODULES = {
    "pipmend_hook": "waits for the first of them",
    "pipmend._patches": "waits for another one",
    "pipmend._compat.seams": "knows them all",
    "pipmend._compat.folders": "asks the platformdirs that pip has loaded",
    "pipmend._compat.toml": "reads TOML with pip's own reader on old Pythons",
    "pipmend.wheel_gate": "has pip write origin.json",
    "pipmend.cli.status_experiment": "tries them out in another process",
}
"""The modules that may name a module of pip's."""

ONLY_FOR_COMPAT = frozenset(
    {
        "http-v2",
        ".body",
        "__code__",
        "co_varnames",
        "co_argcount",
        "co_consts",
        "co_names",
    }
)
"""What tells one generation of pip from another."""


def entry_of(module: str) -> str:
    """What stands for a module in the table: itself, or its package."""
    named = {name for row in ROWS for name in row}
    package = module.rpartition(".")[0]
    return module if module in named or package == "pipmend" else package


def row_of(module: str) -> int:
    """The number of a module's row, from the top."""
    (row,) = [number for number, row in enumerate(ROWS) if entry_of(module) in row]
    return row


def constants(module: str) -> set[str]:
    """Every string and every attribute in the code of a module, docstrings aside."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def test_the_table_has_every_module_once() -> None:
    """And none that has gone."""
    entries = [name for row in ROWS for name in row]

    assert len(entries) == len(set(entries))
    assert set(entries) <= TREES.keys()
    assert {entry_of(module) for module in TREES} == set(entries)


def test_imports_point_down() -> None:
    """Only the modules of one package may import one another."""
    upward = [
        f"{module} imports {name}"
        for module in TREES
        for name in sorted(own(module))
        if row_of(name) <= row_of(module) and entry_of(name) != entry_of(module)
    ]

    assert not upward


def test_there_are_no_cycles() -> None:
    """Not even within a package, or through imports inside of functions."""
    left = {module: own(module) for module in TREES}
    while free := [module for module, needed in left.items() if not needed]:
        for module in free:
            del left[module]
        for needed in left.values():
            needed.difference_update(free)

    assert not left


def test_only_the_patches_import_wrapt() -> None:
    """Everything else works, and is tested, without it."""
    assert [name for name in TREES if "wrapt" in tops(name)] == ["pipmend._patches"]


def test_nothing_imports_pip() -> None:
    """It is met, never imported."""
    assert [name for name in TREES if "pip" in tops(name)] == []


def test_the_command_line_is_nobodys_part() -> None:
    """Only its own entry point imports it."""
    users = {
        entry_of(module)
        for module in TREES
        if "pipmend.cli" in {entry_of(name) for name in own(module)}
    }

    assert users - {"pipmend.cli"} == {"pipmend.__main__"}


def test_errors_import_nothing() -> None:
    """So that everything can import them."""
    assert own("pipmend.errors") == set()


def test_stage_0_imports_sys_and_stage_1() -> None:
    """It runs at every start of Python."""
    assert set(imported(TREES["pipmend_hook"])) == {"sys", "pipmend._startup"}


def test_only_compat_tells_generations_of_pip() -> None:
    """A new pip is a change in one place."""
    telling = {
        module: sorted(ONLY_FOR_COMPAT & constants(module))
        for module in TREES
        if ONLY_FOR_COMPAT & constants(module)
    }

    assert {entry_of(module).rpartition(".")[0] for module in telling} == {
        "pipmend._compat"
    }, telling


def test_few_name_pips_modules() -> None:
    """And each has its reason."""
    naming = {
        module
        for module in TREES
        if any("pip._" in constant for constant in constants(module))
    }

    assert naming == NAME_PIPS_MODULES.keys()
