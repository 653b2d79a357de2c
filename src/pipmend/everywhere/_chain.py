# Behind stage 0: the module that Python finds without this file, once, if there is one.

from _frozen_importlib import _load
from _frozen_importlib_external import PathFinder, _os, _path_isdir, _path_stat

_ASIDE = []  # where it was put, if it was in the place of this file
_ENDS = [""]


def _may_be_in(entry):  # to list a folder would cost more than all else here
    return not _path_isdir(entry) or any(
        _os.access(f"{entry}/{__name__}{end}", 0) for end in _ENDS
    )


def _find(entries):
    own = _path_stat(__file__)[:3]
    for entry in entries:
        spec = PathFinder.find_spec(__name__, [entry])
        if spec and spec.origin and _path_stat(spec.origin)[:3] != own:
            return spec
    # As `site` expects it; it says nothing.
    raise ModuleNotFoundError(f"No module named {__name__!r}", name=__name__)


_folder = __file__[: -len(__name__) - 4]
_others = [entry for entry in sys.path if entry != _folder and _may_be_in(entry)]
_load(_find(_ASIDE + _others))
