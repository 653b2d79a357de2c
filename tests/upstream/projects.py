"""Whose tests are run: which of them, what they need, what is left out and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lab.debian import OutOfReachError
from pipmend.config import TARGETS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Steps = tuple[tuple[str, ...], ...]
"""Arguments of pip, one call after the other, run in the folder of the sources."""


class Project(NamedTuple):
    """A project with tests of its own."""

    name: str
    """As the index calls it."""
    versions: tuple[str, ...]
    """Those that are compared when nobody names one."""
    steps: Callable[[str, Path], Steps]
    """What its tests need; asked for a version, with the folder of the sources."""
    tests: tuple[str, ...]
    """Patterns of files, relative to the sources."""
    options: tuple[str, ...] = ()
    """For its pytest."""
    left_out: tuple[str, ...] = ()
    """What the options leave out, in words."""
    variables: Mapping[str, str] = {}
    """For its environment."""
    only_tests: bool = False
    """Whether its sources, the tests apart, must be out of the way."""
    by_design: Mapping[str, str] = {}
    """The tests that must end in another way with pipmend, and why."""


def _cachecontrol(version: str, _: Path) -> Steps:
    library = f"cachecontrol[filecache,redis]=={version}"
    needs: tuple[str, ...] = (library, "requests", "pytest", "cherrypy")
    if version.startswith("0.12."):
        # Its tests build urllib3's responses with an argument that 2.0 took away, and
        # are set up in the way of nose, which pytest 8 no longer knows.
        needs = (*needs, "urllib3<2", "requests<2.32", "pytest<8", "mock")
    return (("install", *needs),)


def _pip(_: str, tree: Path) -> Steps:
    """As pip's own session for tests sets them up: from its sources, pip comes last.

    Raises:
        OutOfReachError: the sources do not say what the tests need.
    """
    if (tree / "tests" / "requirements.txt").is_file():
        needs = ("-r", "tests/requirements.txt")
        wheels = ("-r", "tests/requirements-common_wheels.txt")
    elif "test-common-wheels" in (tree / "pyproject.toml").read_text(encoding="utf-8"):
        needs = ("--group", "pyproject.toml:test")
        wheels = ("--group", "pyproject.toml:test-common-wheels")
    else:
        raise OutOfReachError("these sources of pip do not say what its tests need")
    return (
        ("install", "--upgrade", "pip>=25.1"),  # the first that knows groups
        ("install", *needs),
        ("wheel", "--wheel-dir=tests/data/common_wheels", *wheels),
        ("install", "--no-deps", "--force-reinstall", "."),
    )


def _pip_tools(version: str, _: Path) -> Steps:
    # The last click, setuptools and pip that this release was made for.
    pip_tools = (f"pip-tools=={version}", "click<8.2", "setuptools<80", "pip<25.3")
    return (
        ("install", *pip_tools, "pytest", "pytest-xdist", "tomli-w"),
        ("install", "flit_core>=2,<4", "poetry_core>=1.0.0", "hatchling", "wheel"),
    )


_ABOUT_THE_CACHE = (
    "tests/unit/test_base_command.py",
    "tests/unit/test_build_env.py",
    "tests/unit/test_cache.py",
    "tests/unit/test_collector.py",
    "tests/unit/test_command_install.py",
    "tests/unit/test_finder.py",
    "tests/unit/test_index*.py",
    "tests/unit/test_network_*.py",
    "tests/unit/test_operations_prepare.py",
    "tests/unit/test_refresh_package.py",
    "tests/unit/test_req*.py",
    "tests/unit/test_self_check_outdated.py",
    "tests/unit/test_utils_unpacking.py",
    "tests/unit/test_wheel*.py",
    "tests/functional/test_build_env.py",
    "tests/functional/test_cache.py",
    "tests/functional/test_download.py",
    "tests/functional/test_fast_deps.py",
    "tests/functional/test_hash.py",
    "tests/functional/test_index.py",
    "tests/functional/test_install*.py",
    "tests/functional/test_new_resolver*.py",
    "tests/functional/test_pep517.py",
    "tests/functional/test_pip_runner_script.py",
    "tests/functional/test_proxy.py",
    "tests/functional/test_python_option.py",
    "tests/functional/test_req_cache.py",
    "tests/functional/test_requests.py",
    "tests/functional/test_wheel.py",
)

CACHECONTROL = Project(
    name="cachecontrol",
    versions=("0.12.14", "0.13.1", "0.14.0", "0.14.3"),
    steps=_cachecontrol,
    tests=("tests/test_*.py",),
    variables={TARGETS_VARIABLE: "pip,cachecontrol"},
    only_tests=True,
    by_design={
        "tests/test_storage_filecache.py::TestSeparateBodyFileCache"
        "::test_body_actually_stored_separately": (
            "it overwrites a stored body and wants that back from the cache, which is "
            "what pipmend is there to prevent"
        ),
        "tests/test_cache_control.py::TestCacheControllerResponse"
        "::test_update_cached_response_with_valid_headers_separate_body": (
            "it stores by hand what no server can send: 7 bytes of 100, and an HTTP "
            "version that is text; to pipmend the body is cut off"
        ),
    },
)
"""The library; the sdists after 0.14.3 have no tests."""

PIP = Project(
    name="pip",
    versions=(),
    steps=_pip,
    tests=_ABOUT_THE_CACHE,
    options=("-m", "not network"),
    left_out=("what pip's own mark `network` says needs the public index",),
)
"""Of pip's tests those about cache, network, download, wheel cache and install.

No sdist of pip has tests, so a folder or an archive with its sources has to be named.
"""

PIP_TOOLS = Project(
    name="pip-tools",
    versions=("7.5.1",),
    steps=_pip_tools,
    tests=("tests/test_*.py",),
    options=("-m", "not network"),
    left_out=("what its own mark `network` says needs the public index",),
)
"""Runs pip's finder, session and wheel cache in its own process."""

PROJECTS = {one.name: one for one in (CACHECONTROL, PIP, PIP_TOOLS)}
