"""Stage 0 of pipmend: wait until an HTTP cache is about to be used, pip's first of all.

Run at every start of Python, so it imports ``sys`` only, and is itself the finder that
is asked for each import. It starts no process, opens no file, and answers no import.
"""

import sys

_HOME = __file__[: -len("pipmend_hook.py") - 1]
_PATH = sys.path[:]  # pip's isolated builds prune sys.path after this point
if _HOME not in _PATH:  # a private copy: the environment's wrapt may be too old for it
    _PATH.insert(0, _HOME)
_awaited = {"pip._vendor.cachecontrol", "cachecontrol"}


def find_spec(name, path=None, target=None):  # noqa: ANN001, ANN201, ARG001
    """Load pipmend when a CacheControl is first asked for: pip's, or the library."""
    # Disarmed by name: a finder that removes itself here makes the import system skip
    # the next one (CPython up to 3.13).
    if name in _awaited:
        _awaited.discard(name)
        saved, sys.path = sys.path, _PATH
        try:
            import pipmend._startup  # noqa: PLC0415

            pipmend._startup.start(name)  # noqa: SLF001
        except Exception as error:  # noqa: BLE001
            try:  # past the buffer, where what is not taken would fail again at exit
                line = f"pipmend: not active, pip goes on: {error!a}\n".encode()
                sys.modules["os"].write(sys.stderr.fileno(), line)
            except Exception:  # noqa: BLE001, S110 - stderr is closed or full
                pass
        finally:
            sys.path = saved


def arm():  # noqa: ANN201
    """Be asked for each import, unless an environment has a stage 0 of its own."""
    this = sys.modules[__name__]
    is_first = sys.modules.setdefault("pipmend_hook", this) is this
    if is_first and this not in sys.meta_path:
        sys.meta_path.insert(0, this)


arm()
