"""Stage 1: patch pip when it builds its cache controller. The only user of wrapt."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import wrapt

from pipmend import _guard, config, events
from pipmend._compat import seams
from pipmend._compat.layouts import Layout
from pipmend.downloads import Announcer
from pipmend.errors import UnfitError
from pipmend.gate import LoadGate
from pipmend.ledger import Ledger
from pipmend.loads import Stage, ThreadState
from pipmend.post_mortem import PostMortem
from pipmend.store_gate import StoreGate
from pipmend.wheel_gate import WheelGate

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
        wrapt.register_post_import_hook(_armed[0].on_command, seams.COMMAND.module)


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
        ledger = Ledger(self._log, heal=heal)
        thread = ThreadState()
        self._load = LoadGate(ledger, self._guard, thread, heal=heal)
        self._store = StoreGate(ledger, self._guard, thread, heal=heal)
        announcer = Announcer(self._guard, thread)
        self._post_mortem = PostMortem(ledger, self._guard)
        self._around: dict[seams.Attachment, Wrapper] = {
            **dict.fromkeys(seams.DOWNLOADS, announcer.download),
            seams.UNPACK: announcer.unpack,
            seams.RESUMED: self._store.store_resumed,
            seams.WHEEL_LOOKUP: WheelGate(ledger, self._guard, heal=heal).lookup,
            seams.HASH_FAILURE: self._post_mortem.hash_failure,
            seams.COMMAND: self._post_mortem.command,
        }
        self._seen: set[type] = set()
        logging.getLogger(seams.COMMAND.module).addFilter(self._post_mortem.note_error)

    def on_import(self, module: ModuleType) -> None:
        """Watch for controllers: when one is built, all its parts are at hand.

        They are taken from the live object, because distributions load CacheControl
        under other names than pip's own.
        """
        wrappers = {"CacheController.__init__": self._on_init}
        self._guard.run(_wrap, module, wrappers, default=None)
        self._guard.run(self._attach, default=None)

    def on_command(self, _: ModuleType) -> None:
        """Attach to pip's commands, which pip 26.3 imports after the cache."""
        self._guard.run(self._attach, default=None)

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
        self._attach()
        self.layout = layout

    def _attach(self) -> None:
        """Wrap what lies outside the cache and is there by now.

        Called more than once: pip's commands must be wrapped before one of them runs,
        and some modules are still being imported at that moment.
        """
        for attachment in list(self._around):
            module = sys.modules.get(attachment.module)
            if module is not None and attachment.is_in(module):
                _wrap(module, {attachment.name: self._around.pop(attachment)})

    def _put_gates(self, pip: Controller, layout: Layout) -> None:
        """Wrap the seams; from the inside out, so that a half patched pip works."""
        in_cache: dict[str, Wrapper] = {
            "get": self._load.get,
            "set": self._store.set_metadata(layout),
        }
        if layout is Layout.TWO_FILES:
            in_cache["get_body"] = self._load.get_body
            for name in seams.body_methods(pip.cache):
                in_cache[name] = self._store.set_body(layout)
        _wrap(type(pip.cache), in_cache)

        load = self._load.load
        lookup = Stage.LOOKUP
        in_controller: dict[str, Wrapper] = {
            "cached_request": load(lookup, layout, lambda _: False),
            "conditional_headers": self._load.load_validators(layout),
            # The 304 itself: what pip takes when it finds nothing to merge it with.
            "update_cached_response": load(Stage.UPDATE, layout, lambda args: args[1]),
        }
        if layout is Layout.TWO_FILES:
            in_controller["_cache_set"] = self._store.store
        if seams.has_single_loader(pip):
            in_controller[seams.SINGLE_LOADER] = load(lookup, layout, lambda _: None)
        _wrap(type(pip), in_controller)


def _wrap(owner: type | ModuleType, wrappers: dict[str, Wrapper]) -> None:
    for name, wrapper in wrappers.items():
        wrapt.wrap_function_wrapper(owner, name, wrapper)
