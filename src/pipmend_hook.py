"""Stage 0 of pipmend: wait until an HTTP cache is about to be used, pip's first of all.

Run at every start of Python, so it imports ``sys`` only. It starts no process, opens no
file, and answers no import itself.
"""

import sys

_HOME = __file__[: -len("pipmend_hook.py") - 1]
_PATH = sys.path[:]  # pip's isolated builds prune sys.path after this point
if _HOME not in _PATH:  # a private copy: the environment's wrapt may be too old for it
    _PATH.insert(0, _HOME)


class PipCacheFinder:
    """Loads pipmend when a CacheControl is first asked for: pip's, or the library."""

    awaited = {"pip._vendor.cachecontrol", "cachecontrol"}  # noqa: RUF012

    @classmethod
    def find_spec(cls, name, path=None, target=None):  # noqa: ANN001, ANN206, ARG003, D102
        # Disarmed by name: a finder that removes itself here makes the import
        # system skip the next one (CPython up to 3.13).
        if name in cls.awaited:
            cls.awaited.discard(name)
            saved, sys.path = sys.path, _PATH
            try:
                import pipmend._startup  # noqa: PLC0415

                pipmend._startup.start(name)  # noqa: SLF001
            except Exception as error:  # noqa: BLE001
                sys.stderr.write(f"pipmend: not active, pip goes on: {error!r}\n")
            finally:
                sys.path = saved


# An environment's own pipmend is armed before that of the whole machine.
_self = sys.modules[__name__]
if sys.modules.setdefault("pipmend_hook", _self) is _self:
    sys.meta_path.insert(0, PipCacheFinder)
