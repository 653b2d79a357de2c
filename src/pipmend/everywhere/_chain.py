# Behind stage 0: the module that Python finds without this file, once, if there is one.

from _frozen_importlib import _load
from _frozen_importlib_external import PathFinder, _path_stat

_ASIDE = ()  # where it was put, if it was in the place of this file


def _is_this(spec):
    return spec.origin and _path_stat(spec.origin)[:3] == _path_stat(__file__)[:3]


_folder = __file__[: -len(__name__) - 4]
_entries = [*_ASIDE, *(entry for entry in sys.path if entry != _folder)]
_spec = PathFinder.find_spec(__name__, _entries)
if _spec and _is_this(_spec):  # this folder, under another name, hides the others
    _specs = (PathFinder.find_spec(__name__, [entry]) for entry in _entries)
    _spec = next((spec for spec in _specs if spec and not _is_this(spec)), None)
if _spec is None:  # as `site` expects it; it says nothing
    raise ModuleNotFoundError(f"No module named {__name__!r}", name=__name__)
_load(_spec)
