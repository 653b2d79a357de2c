"""Arms pipmend in one process, then lets the next ``sitecustomize`` take this place.

``pipmend run`` puts this folder in front of PYTHONPATH, for one command only. A Python
that is too old to be looked after, even Python 2, must not stumble here.
"""  # noqa: INP001 - a folder for sys.path, no package

import os
import sys

_self = sys.modules.pop(__name__)  # kept, or Python 2 would empty it at once
_folder = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is dear
_home = os.path.dirname(os.path.dirname(_folder))  # noqa: PTH120
# Nothing that is run now is to see this folder; the processes that it starts are.
sys.path[:] = [entry for entry in sys.path if entry != _folder]

if sys.version_info >= (3, 9) and "pipmend_hook" not in sys.modules:
    # Last: where the command has packages of its own, they come first.
    sys.path.append(_home)
    try:
        __import__("pipmend_hook")
    except Exception as error:  # noqa: BLE001 - the command goes on
        sys.stderr.write("pipmend: not active: %r\n" % error)  # noqa: UP031
    sys.path.pop()

# What there is without pipmend; if it is nothing, the error that `site` expects.
__import__("sitecustomize")
