"""Stage 1: patch pip when it builds its cache controller. The only user of wrapt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wrapt

from pipmend import _guard, config, events, gate
from pipmend._compat import seams
from pipmend._compat.layouts import Layout
from pipmend.errors import UnfitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pipmend._compat.seams import Controller
    from pipmend.gate import Arguments, Keywords, Wrapped

    Wrapper = Callable[..., object]

_CONTROLLER_MODULE = "pip._vendor.cachecontrol.controller"

_armed: list[_Patches] = []


def arm(settings: config.Settings) -> None:
    """Wait for the module of pip's CacheController; a second call does nothing."""
    if not _armed:
        _armed.append(_Patches(settings))
        wrapt.register_post_import_hook(_armed[0].on_import, _CONTROLLER_MODULE)


def describe() -> dict[str, object]:
    """How this process is patched, for ``pipmend status``."""
    if not _armed:
        return {"armed": False, "mode": None, "layout": None, "unfit": None}
    patches = _armed[0]
    layout = patches.layout and patches.layout.value
    mode = patches.settings.mode.value
    return {"armed": True, "mode": mode, "layout": layout, "unfit": patches.unfit}


class _Patches:
    """Puts the gates on the classes of the pip in this process."""

    def __init__(self, settings: config.Settings) -> None:
        self.settings = settings
        self.layout: Layout | None = None
        self.unfit: str | None = None
        self._log = events.EventLog(settings.log_folder)
        self._guard = _guard.Guard(self._log)
        heal = settings.mode is config.Mode.HEAL
        self._gate = gate.Gate(self._log, self._guard, heal=heal)
        self._seen: set[type] = set()

    def on_import(self, module: ModuleType) -> None:
        """Watch for controllers: when one is built, all its parts are at hand.

        They are taken from the live object, because distributions load CacheControl
        under other names than pip's own.
        """
        self._guard.run(
            wrapt.wrap_function_wrapper,
            module,
            "CacheController.__init__",
            self._on_init,
            default=None,
        )

    def _on_init(
        self, wrapped: Wrapped, pip: Controller, args: Arguments, kwargs: Keywords
    ) -> None:
        wrapped(*args, **kwargs)
        self._guard.run(self._adopt, pip, default=None)

    def _adopt(self, pip: Controller) -> None:
        if type(pip.cache) in self._seen:
            return
        self._seen.add(type(pip.cache))
        try:
            layout = seams.fit(pip)
        except UnfitError as error:
            self.unfit = str(error)
            event = events.SeamUnfit(self.unfit)
            if not self._log.has(event):
                self._log.emit(event)
            return
        self._put_gates(pip, layout)
        self.layout = layout

    def _put_gates(self, pip: Controller, layout: Layout) -> None:
        """Wrap the seams; from the inside out, so that a half patched pip works."""
        in_cache: dict[str, Wrapper] = {"get": self._gate.get}
        if layout is Layout.TWO_FILES:
            in_cache["get_body"] = self._gate.get_body
            in_cache["set"] = self._gate.set_metadata
        for name in seams.store_methods(layout, pip.cache):
            in_cache[name] = self._gate.complete(layout)
        _wrap(type(pip.cache), in_cache)

        load = self._gate.load
        lookup = gate.Stage.LOOKUP
        in_controller: dict[str, Wrapper] = {
            "cached_request": load(lookup, layout, lambda _: False),
            "conditional_headers": self._gate.load_validators(layout),
            # The 304 itself: what pip takes when it finds nothing to merge it with.
            "update_cached_response": load(
                gate.Stage.UPDATE, layout, lambda args: args[1]
            ),
        }
        if seams.has_single_loader(pip):
            in_controller[seams.SINGLE_LOADER] = load(lookup, layout, lambda _: None)
        _wrap(type(pip), in_controller)


def _wrap(owner: type, wrappers: dict[str, Wrapper]) -> None:
    for name, wrapper in wrappers.items():
        wrapt.wrap_function_wrapper(owner, name, wrapper)
