"""The compiled parts of the dependencies, for the interpreters that they fit.

They lie beside the modules in Python, which serve where none of them fits. With them a
warm install takes fewer instructions by one in a hundred than without (#6). Of each the
digest is fixed, as of the other wheels; one that cannot be had is done without.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipmend.everywhere import dependencies, files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipmend.everywhere.interpreters import Interpreter

NAMES = ("msgpack", "wrapt")
"""The dependencies that have a compiled part."""

_SUFFIX = r"\.cpython-3(\d+)-(x86_64|aarch64)-linux-(gnu|musl)\.so"
_PLATFORMS = {"gnu": "manylinux2014", "musl": "musllinux_1_2"}

# By minor version of CPython, machine and C library, in the order of NAMES. Until 3.10
# an interpreter does not tell by the names of its modules that its library is musl.
_DIGESTS = {
    "9-aarch64-gnu": (
        "a8f6e7d30253714751aa0b0c84ae28948e852ee7fb0524082e6716769124bc23",
        "f0d8fc30a43b5fe191cf2b1a0c82bab2571dadd38e7c0062ee87d6df858dd06e",
    ),
    "10-aarch64-gnu": (
        "8b696e83c9f1532b4af884045ba7f3aa741a63b2bc22617293a2c6a7c645f251",
        "2b8b28e97a44d21836259739ae76284e180b18abbb4dcfdff07a415cf1016c3e",
    ),
    "11-aarch64-gnu": (
        "61c8aa3bd513d87c72ed0b37b53dd5c5a0f58f2ff9f26e1555d3bd7948fb7296",
        "9c691a6bc752c0cc4711cc0c00896fcd0f116abc253609ef64ef930032821842",
    ),
    "12-aarch64-gnu": (
        "c63eea553c69ab05b6747901b97d620bb2a690633c77f23feb0c6a947a8a7b8f",
        "79847b83eb38e70d93dc392c7c5b587efe65b3e7afcc167aa8abd5d60e8761c8",
    ),
    "13-aarch64-gnu": (
        "1fdf7d83102bf09e7ce3357de96c59b627395352a4024f6e2458501f158bf999",
        "16997dfb9d67addc2e3f41b62a104341e80cac52f91110dece393923c0ebd5ca",
    ),
    "14-aarch64-gnu": (
        "99e2cb7b9031568a2a5c73aa077180f93dd2e95b4f8d3b8e14a73ae94a9e667e",
        "970d57ed83fa040d8b20c52fe74a6ae7e3775ae8cff5efd6a81e06b19078484c",
    ),
    "9-x86_64-gnu": (
        "94fd7dc7d8cb0a54432f296f2246bc39474e017204ca6f4ff345941d4ed285a7",
        "305d8a1755116bfdad5dda9e771dcb2138990a1d66e9edd81658816edf51aed1",
    ),
    "10-x86_64-gnu": (
        "365c0bbe981a27d8932da71af63ef86acc59ed5c01ad929e09a0b88c6294e28a",
        "5681123e60aed0e64c7d44f72bbf8b4ce45f79d81467e2c4c728629f5baf06eb",
    ),
    "11-x86_64-gnu": (
        "454e29e186285d2ebe65be34629fa0e8605202c60fbc7c4c650ccd41870896ef",
        "767c0dbbe76cae2a60dd2b235ac0c87c9cccf4898aef8062e57bead46b5f6894",
    ),
    "12-x86_64-gnu": (
        "372839311ccf6bdaf39b00b61288e0557916c3729529b301c52c2d88842add42",
        "c20b757c268d30d6215916a5fa8461048d023865d888e437fab451139cad6c8e",
    ),
    "13-x86_64-gnu": (
        "fac4be746328f90caa3cd4bc67e6fe36ca2bf61d5c6eb6d895b6527e3f05071e",
        "bbac24d879aa22998e87f6b3f481a5216311e7d53c7db87f189a7a0266dafffb",
    ),
    "14-x86_64-gnu": (
        "180759d89a057eab503cf62eeec0aa61c4ea1200dee709f3a8e9397dbb3b6931",
        "de9f1a2bbc5ac7f6012ec24525bdd444765a2ff64b5985ac6e0692144838542e",
    ),
    "11-aarch64-musl": (
        "7bc8813f88417599564fafa59fd6f95be417179f76b40325b500b3c98409757c",
        "577dff354e7acd9d411eaf4bfe76b724c89c89c8fc9b7e127ee28c5f7bcb25b6",
    ),
    "12-aarch64-musl": (
        "2929af52106ca73fcb28576218476ffbb531a036c2adbcf54a3664de124303e9",
        "e3d3b35eedcf5f7d022291ecd7533321c4775f7b9cd0050a31a68499ba45757c",
    ),
    "13-aarch64-musl": (
        "fffee09044073e69f2bad787071aeec727183e7580443dfeb8556cbf1978d162",
        "f29c827a8d9936ac320746747a016c4bc66ef639f5cd0d32df24f5eacbf9c69f",
    ),
    "14-aarch64-musl": (
        "04fb995247a6e83830b62f0b07bf36540c213f6eac8e851166d8d86d83cbd014",
        "57d7c0c980abdc5f1d98b11a2aa3bb159790add80258c717fa49a99921456d90",
    ),
    "11-x86_64-musl": (
        "bafca952dc13907bdfdedfc6a5f579bf4f292bdd506fadb38389afa3ac5b208e",
        "866abdbf4612e0b34764922ef8b1c5668867610a718d3053d59e24a5e5fcfc15",
    ),
    "12-x86_64-musl": (
        "be52a8fc79e45b0364210eef5234a7cf8d330836d0a64dfbb878efa903d84620",
        "7dfa9f2cf65d027b951d05c662cc99ee3bd01f6e4691ed39848a7a5fffc902b2",
    ),
    "13-x86_64-musl": (
        "5928604de9b032bc17f5099496417f113c45bc6bc21b5c6920caf34b3c428794",
        "6f8dbdd3719e534860d6a78526aafc220e0241f981367018c2875178cf83a413",
    ),
    "14-x86_64-musl": (
        "8e22ab046fa7ede9e36eeb4cfad44d46450f37bb05d5ec482b02868f451c95e2",
        "fab036efe5464ec3291411fabb80a7a39e2dd80bae9bcbeeca5087fdfa891e19",
    ),
}


class Build(NamedTuple):
    """A kind of interpreters that can load the same compiled modules."""

    minor: str
    """Of its version: CPython 3.``minor``."""
    machine: str
    libc: str

    @classmethod
    def of(cls, interpreter: Interpreter) -> Build | None:
        """What an interpreter can load; None if nothing is known for it."""
        for suffix in interpreter.suffixes:
            match = re.fullmatch(_SUFFIX, suffix)
            build = match and cls(*match.groups())
            if build and "-".join(build) in _DIGESTS:
                return build
        return None

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the wheel of each dependency, by its name."""
        return dict(zip(NAMES, _DIGESTS["-".join(self)]))

    @property
    def suffix(self) -> str:
        """How the names of compiled modules end."""
        return f".cpython-3{self.minor}-{self.machine}-linux-{self.libc}.so"

    @property
    def options(self) -> Sequence[str]:
        """What pip has to be told to choose the wheels."""
        return (
            f"--python-version=3.{self.minor}",
            "--implementation=cp",
            f"--abi=cp3{self.minor}",
            f"--platform={_PLATFORMS[self.libc]}_{self.machine}",
        )


class Part(NamedTuple):
    """A wheel with a compiled part, and for whom it is."""

    wheel: Path
    build: Build


def builds_of(interpreters: Iterable[Interpreter]) -> list[Build]:
    """What some interpreters can load."""
    found = [Build.of(interpreter) for interpreter in interpreters]
    return sorted({build for build in found if build is not None})


def fetch(python: str, builds: Iterable[Build], folder: Path) -> list[Part]:
    """Download the wheels of some builds.

    Args:
        python: an interpreter with a pip.
        builds: for whom.
        folder: where the wheels go; temporary files too.

    Raises:
        RefusedError: no index, or a wheel with another digest.
    """
    versions = {one.name: one.version for one in dependencies.DEPENDENCIES}
    for build in builds:
        wanted = {f"{name}=={versions[name]}": build.digests[name] for name in NAMES}
        dependencies.download(python, wanted, build.options, folder)
    return take(builds, folder)


def take(builds: Iterable[Build], folder: Path) -> list[Part]:
    """The wheels of some builds that are in a folder, by their digests."""
    wheels = {
        files.digest_of(wheel): wheel
        for name in NAMES
        for wheel in sorted(folder.glob(f"{name}-*.whl"))
    }
    return [
        Part(wheels[digest], build)
        for build in builds
        for digest in build.digests.values()
        if digest in wheels
    ]


def unpack(part: Part, folder: Path) -> None:
    """Put the compiled modules of a wheel beside the modules in a folder.

    Raises:
        RefusedError: it is no wheel, or one with strange names in it.
    """
    suffix = part.build.suffix
    dependencies.extract(part.wheel, lambda name: name.endswith(suffix), folder)
