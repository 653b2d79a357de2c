"""``python -m pipmend``.

It also runs as a file, ``PYTHON .../pipmend/__main__.py status``, to look at an
interpreter that has no pipmend.
"""

import sys
from pathlib import Path

if not __package__:
    # Run as a file, this folder is searched first, and its modules would pass for
    # top-level ones; the folder above has to take its place.
    own_folder = Path(__file__).absolute().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry) != own_folder]
    sys.path.insert(0, str(own_folder.parent))

from pipmend.cli import main

if __name__ == "__main__":
    sys.exit(main())
