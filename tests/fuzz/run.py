"""Run one target under atheris: ``python -m fuzz.run TARGET [--seconds N]``.

With ``src`` and ``tests`` in PYTHONPATH, and atheris installed, which needs a Python
that it has a wheel for. The corpus is read, and never written.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
_LONGEST_INPUT = 64 * 1024
_LARGEST_MEMORY = 1024  # MiB
_SLOWEST = 20  # seconds for one input
_UNAVAILABLE = 69


def main() -> int:
    """Fuzz until the time is over or something is found, which libFuzzer then tells."""
    parser = argparse.ArgumentParser(prog="fuzz.run", description=__doc__)
    known = sorted(path.name for path in CORPUS.iterdir())
    parser.add_argument("target", choices=known)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="folder for what is found")
    arguments = parser.parse_args()
    try:
        atheris = importlib.import_module("atheris")
    except ImportError as error:
        print(f"no fuzzing here: {error}; try: pip install atheris", file=sys.stderr)
        return _UNAVAILABLE
    with atheris.instrument_imports(include=["pipmend"]):
        targets = importlib.import_module("fuzz.targets")
    keep = arguments.keep or Path(tempfile.mkdtemp(prefix="pipmend-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-max_len={_LONGEST_INPUT}",
        f"-rss_limit_mb={_LARGEST_MEMORY}",
        f"-timeout={_SLOWEST}",
        f"-artifact_prefix={keep}-",
        "-print_final_stats=1",
    ]
    folders = [str(keep), str(CORPUS / arguments.target)]
    atheris.Setup([sys.argv[0], *options, *folders], targets.TARGETS[arguments.target])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
