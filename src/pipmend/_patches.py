"""Stage 1: patch CacheControl when it builds a controller. The only user of wrapt.

pip brings a CacheControl of its own along; other programs use the library. Both get
the same gates, and in one process both may be at work.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

import wrapt

from pipmend import _guard, config, events, quarantine
from pipmend._compat import seams
from pipmend._compat.layouts import Layout
from pipmend.config import Target
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

    from pipmend._compat.seams import Cache, Controller
    from pipmend.gate import Arguments, Keywords, Wrapped

    Wrapper = Callable[..., object]

_PIPS_CONTROLLER = "pip._vendor.cachecontrol.controller"
_LIBRARYS_CONTROLLER = "cachecontrol.controller"

_armed: list[_Patches] = []


def arm(settings: config.Settings, target: Target) -> None:
    """Wait for the module of a CacheController; a second call does nothing."""
    if not _armed:
        _armed.append(_Patches(settings))
    _armed[0].wait_for(target)


def describe() -> dict[str, object]:
    """How this process is patched, for ``pipmend status``."""
    if not _armed:
        pip, library, mode = _Fitting(), _Fitting(), None
    else:
        pip, library = _armed[0].of_pip, _armed[0].of_library
        mode = _armed[0].settings.mode.value
    return {
        "armed": pip.is_awaited,
        "mode": mode,
        **pip.as_fields(),
        "library": {"armed": library.is_awaited, **library.as_fields()},
    }


# No dataclasses: each costs a pip more than all settings.
class _Fitting:
    """How the gates fit one CacheControl."""

    def __init__(self) -> None:
        self.is_awaited = False
        self.layout: Layout | None = None
        """Of the cache that was met last; None before."""
        self.unfit: str | None = None
        """Why a controller was left alone."""

    def as_fields(self) -> dict[str, object]:
        """The values that can be written as JSON."""
        return {"layout": self.layout and self.layout.value, "unfit": self.unfit}


class _Inside(threading.local):
    """The methods of caches that a thread is in."""

    def __init__(self) -> None:
        self.names: set[str] = set()


class _Patches:
    """Puts the gates on the classes of the CacheControls in this process."""

    def __init__(self, settings: config.Settings) -> None:
        self.settings = settings
        self.of_pip = _Fitting()
        self.of_library = _Fitting()
        self._log = events.EventLog(settings.log_folder)
        self._guard = _guard.Guard(self._log)
        heal = settings.mode is config.Mode.HEAL
        ledger = Ledger(self._log, quarantine.Bounds.of(settings), heal=heal)
        thread = ThreadState()
        self._load = LoadGate(ledger, self._guard, thread, heal=heal)
        self._store = StoreGate(ledger, self._guard, thread, heal=heal)
        announcer = Announcer(self._guard, thread)
        wheels = WheelGate(ledger, self._guard, heal=heal)
        self._post_mortem = PostMortem(ledger, self._guard)
        self._around: dict[seams.Attachment, Wrapper] = {
            **dict.fromkeys(seams.DOWNLOADS, announcer.download),
            seams.UNPACK: announcer.unpack,
            seams.RESUMED: self._store.store_resumed,
            seams.WHEEL_LOOKUP: wheels.lookup,
            seams.WHEEL_FOUND: wheels.found,
            seams.HASH_FAILURE: self._post_mortem.hash_failure,
            seams.COMMAND: self._post_mortem.command,
        }
        # By the classes of a controller and its cache: they decide whether it fits.
        self._layouts: dict[tuple[type, type], Layout | None] = {}
        self._gated: set[type] = set()
        self._inside = _Inside()

    def wait_for(self, target: Target) -> None:
        """Be called when the modules of a CacheControl are imported."""
        fitting = self.of_pip if target is Target.PIP else self.of_library
        if fitting.is_awaited:
            return
        fitting.is_awaited = True
        register = wrapt.register_post_import_hook
        if target is Target.CACHECONTROL:
            register(self.on_library_import, _LIBRARYS_CONTROLLER)
            return
        register(self.on_import, _PIPS_CONTROLLER)
        register(self.on_command, seams.COMMAND.module)
        logger = logging.getLogger(seams.COMMAND.module)
        logger.addFilter(self._post_mortem.note_error)

    def on_import(self, module: ModuleType) -> None:
        """Watch for controllers: when one is built, all its parts are at hand.

        They are taken from the live object, because distributions load CacheControl
        under other names than pip's own.
        """
        self._guard.run(self._watch, module, self.of_pip, default=None)
        self._guard.run(self._attach, default=None)

    def on_library_import(self, module: ModuleType) -> None:
        """Do the same for the library, in a program of any kind."""
        self._guard.run(self._watch, module, self.of_library, default=None)

    def on_command(self, _: ModuleType) -> None:
        """Attach to pip's commands, which pip 26.3 imports after the cache."""
        self._guard.run(self._attach, default=None)

    def _watch(self, module: ModuleType, fitting: _Fitting) -> None:
        def on_init(
            wrapped: Wrapped, pip: Controller, args: Arguments, kwargs: Keywords
        ) -> None:
            wrapped(*args, **kwargs)
            self._guard.run(self._adopt, pip, fitting, default=None)

        _wrap(module, {"CacheController.__init__": on_init})

    def _adopt(self, pip: Controller, fitting: _Fitting) -> None:
        classes = (type(pip), type(pip.cache))
        if classes in self._layouts:
            return
        self._layouts[classes] = None
        if fitting is self.of_library and not seams.keeps_files(pip):
            return  # a cache in memory or in a database has no files to look after
        try:
            layout = seams.fit(pip)
        except UnfitError as error:
            self._note_unfit(str(error), fitting)
            return
        self._put_gates(pip, layout)
        self._layouts[classes] = fitting.layout = layout
        self._attach()

    def _note_unfit(self, problem: str, fitting: _Fitting) -> None:
        fitting.unfit = problem
        whose = "the library CacheControl: " if fitting is self.of_library else ""
        event = events.SeamUnfit(f"{whose}{problem}")
        if not self._log.has(event):
            self._log.emit(event)

    def _attach(self) -> None:
        """Wrap what lies outside the cache and is there by now.

        Called more than once: pip's commands must be wrapped before one of them runs,
        and some modules are still being imported at that moment.
        """
        if not self.of_pip.is_awaited:
            return
        for attachment in list(self._around):
            module = sys.modules.get(attachment.module)
            if module is not None and attachment.is_in(module):
                _wrap(module, {attachment.name: self._around.pop(attachment)})

    def _put_gates(self, pip: Controller, layout: Layout) -> None:
        """Wrap the seams; from the inside out, so that a half patched pip works."""
        if type(pip.cache) not in self._gated:
            self._gated.add(type(pip.cache))
            self._put_gates_on_cache(pip.cache, layout)
        serializer = type(pip.serializer)
        if serializer not in self._gated and seams.has_plain_decoder(pip.serializer):
            self._gated.add(serializer)
            _wrap(serializer, {seams.DECODER: self._load.decode})
        if type(pip) not in self._gated:
            self._gated.add(type(pip))
            self._put_gates_on_controller(pip)

    def _put_gates_on_cache(self, cache: Cache, layout: Layout) -> None:
        gates: dict[str, Wrapper] = {
            "get": self._load.get,
            "set": self._store.set_metadata(layout),
        }
        if layout is Layout.TWO_FILES:
            gates["get_body"] = self._load.get_body
            for name in seams.body_methods(cache):
                gates[name] = self._store.set_body(layout)
        _wrap(type(cache), {name: self._once(name, gates[name]) for name in gates})

    def _put_gates_on_controller(self, pip: Controller) -> None:
        lookup = Stage.LOOKUP
        gates: dict[str, Callable[[Layout], Wrapper]] = {
            "cached_request": lambda layout: self._load.load(
                lookup, layout, lambda _: False
            ),
            "conditional_headers": self._load.load_validators,
            # The 304 itself: what pip takes when it finds nothing to merge it with.
            "update_cached_response": lambda layout: self._load.load(
                Stage.UPDATE, layout, lambda args: args[1]
            ),
        }
        if seams.has_single_loader(pip):
            gates[seams.SINGLE_LOADER] = lambda layout: self._load.load(
                lookup, layout, lambda _: None
            )
        if seams.has_store(pip):
            # Where the body is in the same file, there is only one thing to store.
            gates[seams.STORE] = lambda layout: (
                self._store.store if layout is Layout.TWO_FILES else _through
            )
        _wrap(type(pip), {name: self._by_layout(gates[name]) for name in gates})

    def _by_layout(self, gate: Callable[[Layout], Wrapper]) -> Wrapper:
        """A gate for each layout: one class of controller serves any cache."""
        gates = {layout: gate(layout) for layout in Layout}

        def around(
            wrapped: Wrapped, pip: Controller, args: Arguments, kwargs: Keywords
        ) -> object:
            layout = self._layouts.get((type(pip), type(pip.cache)))
            if layout is None:
                return wrapped(*args, **kwargs)
            return gates[layout](wrapped, pip, args, kwargs)

        return around

    def _once(self, name: str, gate: Wrapper) -> Wrapper:
        """A gate that only the outermost call passes.

        A class of caches and the one that it is made from may both have gates; what
        the first asks of the second is not to be judged, or sealed, again.
        """
        inside = self._inside

        def around(
            wrapped: Wrapped, cache: Cache, args: Arguments, kwargs: Keywords
        ) -> object:
            if name in inside.names:
                return wrapped(*args, **kwargs)
            inside.names.add(name)
            try:
                return gate(wrapped, cache, args, kwargs)
            finally:
                inside.names.discard(name)

        return around


def _through(wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords) -> object:
    return wrapped(*args, **kwargs)


def _wrap(owner: type | ModuleType, wrappers: dict[str, Wrapper]) -> None:
    for name, wrapper in wrappers.items():
        wrapt.wrap_function_wrapper(owner, name, wrapper)
