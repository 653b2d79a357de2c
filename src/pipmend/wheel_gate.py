"""What happens at the seam of the wheel cache: cached wheels are judged at lookup."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipmend import enforce, entries, quarantine, untrusted, wheels
from pipmend.entries import Stamp
from pipmend.verdicts import INTACT, Outcome, Verdict

if TYPE_CHECKING:
    from typing import Protocol

    from pipmend._compat import seams
    from pipmend._compat.layouts import Place
    from pipmend._compat.seams import Link
    from pipmend._guard import Guard
    from pipmend.entries import FileIdentity
    from pipmend.gate import Arguments, Keywords, Wrapped
    from pipmend.ledger import Ledger

    class _WheelCache(Protocol):
        cache_dir: str | None


_LARGEST_DESCRIPTION = 1024 * 1024


class _Lookups(threading.local):
    """The lookup that a thread is in: pip's cache, and what it is asked."""

    current: tuple[_WheelCache, Arguments, Keywords] | None = None


class WheelGate:
    """The gate that locally built wheels pass on their way to pip."""

    def __init__(self, ledger: Ledger, guard: Guard, *, heal: bool) -> None:
        self._ledger = ledger
        self._guard = guard
        self._heal = heal
        self._verdicts: dict[FileIdentity, Verdict] = {}
        self._lookups = _Lookups()

    def lookup(
        self, wrapped: Wrapped, cache: _WheelCache, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around ``WheelCache.get_cache_entry``.

        A broken wheel is quarantined and the lookup repeated; in the end pip finds
        another wheel, or none, and builds or fetches again.
        """
        seen: set[Path] = set()
        while True:
            self._lookups.current = (cache, args, kwargs)
            try:
                entry = wrapped(*args, **kwargs)
            finally:
                self._lookups.current = None
            rejected = self._guard.run(self._rejected, cache, entry, default=None)
            if rejected is None:
                return entry
            if rejected in seen:
                return None  # it could not be moved away
            seen.add(rejected)

    def found(
        self, wrapped: Wrapped, _: object, args: Arguments, kwargs: Keywords
    ) -> object:
        """The gate around what pip does with a wheel that it has found.

        It reads the wheel's origin, so that is looked at before.
        """
        self._guard.run(self._repair_origin, args, kwargs, default=None)
        return wrapped(*args, **kwargs)

    def _rejected(
        self, cache: _WheelCache, entry: seams.WheelEntry | None
    ) -> Path | None:
        """The wheel that pip has found, if it must look again; None if it is good."""
        if entry is None or not entry.persistent or cache.cache_dir is None:
            return None
        path = Path(entry.link.file_path)
        identity = entries.identity_of(path)
        if identity is None:
            return None
        place = wheels.place_of(Path(cache.cache_dir), path)
        if identity not in self._verdicts:
            self._verdicts[identity] = _verdict_on(place)
        verdict = self._verdicts[identity]
        if verdict.outcome is not Outcome.CORRUPT:
            return None
        stamp = Stamp(identity, None)
        url = path.as_uri()
        remedy = "building it again"
        is_first = self._ledger.reject(
            enforce.Finding(place, stamp, verdict, url, remedy)
        )
        return path if self._heal and is_first else None

    def _repair_origin(self, args: Arguments, kwargs: Keywords) -> None:
        """Write a broken ``origin.json`` anew, as pip does when it builds."""
        lookup = self._lookups.current
        wheel = cast("Link", kwargs.get("link") or args[0])
        is_persistent = kwargs.get("persistent", args[1:] and args[1])
        if lookup is None or not is_persistent:
            return
        cache, of_lookup, named = lookup
        if cache.cache_dir is not None:
            path = Path(wheel.file_path).with_name(wheels.ORIGIN_NAME)
            link = cast("Link", named.get("link") or of_lookup[0])
            self._repair(path, Path(cache.cache_dir), link)

    def _repair(self, path: Path, cache_root: Path, link: Link) -> None:
        identity = entries.identity_of(path)
        if identity is None:
            return
        verdict = wheels.judge_origin(path)
        if verdict.outcome is not Outcome.CORRUPT:
            return
        place = wheels.place_of(cache_root, path)
        url = path.as_uri()
        finding = enforce.Finding(
            place, Stamp(identity, None), verdict, url, "writing it anew"
        )
        self._ledger.reject(finding)
        if self._heal and entries.identity_of(path) is None:
            _write_new(path, _origin_of(link))
            self._ledger.note_stored(place, url)


def _origin_of(link: Link) -> str:
    """The content of ``origin.json`` for a link, in pip's own words."""
    module = sys.modules["pip._internal.utils.direct_url_helpers"]
    origin = module.direct_url_from_link(link, link_is_in_wheel_cache=True)
    return cast("str", origin.to_json())


def _write_new(path: Path, text: str) -> None:
    """Write a file that others may read too, as they may the wheel beside it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except FileExistsError:
        raise  # somebody else's, who may be at work on it
    except OSError:  # as on a full disk
        temporary.unlink(missing_ok=True)
        raise


def _verdict_on(place: Place) -> Verdict:
    try:
        verdict = wheels.judge_wheel(place.metadata)
        if wheels.may_be_as_built(verdict) and _was_built_again(place, verdict):
            return INTACT
    except OSError as error:
        if entries.is_passing(error):
            return INTACT
        raise
    return verdict


def _was_built_again(place: Place, verdict: Verdict) -> bool:
    """Whether a wheel in this place was quarantined for the same before.

    The wheel that has come since is no better, so this is how the project builds.
    """
    folder = quarantine.folder_of(place.cache_root)
    for path in folder.glob(f"*/{quarantine.DESCRIPTION_NAME}"):
        with (
            contextlib.suppress(OSError, ValueError, AttributeError, RecursionError),
            untrusted.open_file(path) as file,
        ):
            item = json.loads(file.read(_LARGEST_DESCRIPTION))
            told = (item.get("entry"), item.get("expected"))
            if told == (str(place.metadata), verdict.expected):
                return True
    return False
