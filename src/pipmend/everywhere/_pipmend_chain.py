"""Loads stage 0 of pipmend, then the module that Python finds without this one."""
# mypy: ignore-errors

import sys
from _frozen_importlib import _load
from _frozen_importlib_external import PathFinder, _path_stat, spec_from_file_location


def run(caller, home):  # noqa: ANN001, ANN202
    try:
        if "pipmend_hook" not in sys.modules:
            _load(spec_from_file_location("pipmend_hook", home + "/pipmend_hook.py"))
    except Exception as error:  # noqa: BLE001
        sys.stderr and sys.stderr.write(f"pipmend: not active: {error!r}\n")
    own = _path_stat(caller.origin)[:3]
    folder = caller.origin[: -len(caller.name) - 4]
    for entry in (folder + "/pipmend-original", *sys.path):
        spec = PathFinder.find_spec(caller.name, [entry])
        if spec and spec.origin and _path_stat(spec.origin)[:3] != own:
            _load(spec)
            return
    # What `site` expects when there is none; it says nothing.
    raise ModuleNotFoundError(f"No module named {caller.name!r}", name=caller.name)
