"""Seams: every pip that is known fits, and a pip of another shape is left alone."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from lab.pips import scratch_environment

if TYPE_CHECKING:
    from lab.laboratory import Laboratory

LAYOUTS = {"22.0.4": "http", "23.3.2": "http-v2", "26.3": "http-v2"}

# Prints what fits, for the controller of a real session and for changed ones.
ASK = """
import importlib, inspect, json, os, pathlib, sys
from pip._internal.network.session import PipSession
from pipmend._compat import seams
from pipmend._compat.layouts import Layout
from pipmend.errors import UnfitError

def changed(owner, **attributes):
    new = object.__new__(type("Changed", (type(owner),), attributes))
    new.__dict__.update(owner.__dict__)
    return new

def with_part(name, **attributes):
    new = changed(controller)
    setattr(new, name, changed(getattr(controller, name), **attributes))
    return new

def with_folder(folder):
    new = with_part("cache")
    new.cache.directory = folder
    return new

def without_statuses():
    new = changed(controller)
    del new.cacheable_status_codes
    return new

def dumps(change):
    usual = controller.serializer.dumps
    return with_part("serializer", dumps=lambda self, *a: change(usual(*a)))

def answer(controller):
    try:
        return seams.fit(controller).value
    except UnfitError as error:
        return "unfit: " + str(error)

with PipSession(cache=sys.argv[1]) as session:
    controller = session.get_adapter("https://index.example/").controller
    answers = {
        "as-it-is": answer(controller),
        "another-parameter": answer(
            changed(controller, cached_request=lambda self, request, more: None)
        ),
        "a-parameter-less": answer(
            changed(controller, update_cached_response=lambda self, request: None)
        ),
        "no-method": answer(changed(controller, conditional_headers=None)),
        "another-loader": answer(
            changed(controller, _load_from_cache=lambda self, url: None)
        ),
        "no-statuses": answer(without_statuses()),
        "no-folder": answer(with_folder(None)),
        "folder-of-bytes": answer(with_folder(b"cache")),
        "folder-as-a-path": answer(with_folder(pathlib.Path(sys.argv[1]))),
        "no-get": answer(with_part("cache", get=None)),
        "no-path": answer(with_part("cache", _get_cache_path=None)),
        "flat-folder": answer(with_part(
            "cache", _get_cache_path=lambda self, key: os.path.join(self.directory, key)
        )),
        "body-elsewhere": answer(with_part("cache", get_body=lambda self, key: None)),
        "next-format": answer(dumps(lambda data: b"cc=5," + data[5:])),
        "no-format": answer(dumps(lambda data: b"")),
        "another-meaning": answer(
            dumps(lambda data: data.replace(b"\\xcc\\xc8", b"\\xcc\\xc9"))
        ),
    }
    serializer = controller.serializer
    def more(self, request, data, body_file=None):
        return self.prepare_response(request, self.msgpack.loads(data[1:]), body_file)
    plain = [seams.has_plain_decoder(one) for one in (
        serializer,
        changed(serializer, _loads_v4=None),
        changed(serializer, _loads_v4=more),
        changed(serializer, prepare_response=lambda self, request: None),
    )]
    key = "https://index.example/simple/"
    place = seams.place_of(seams.fit(controller), controller.cache, key)
    usual = controller.cache._get_cache_path(key)
    body = usual + ".body" if place.body else None
    files = [str(place.metadata) == usual, place.body and str(place.body) == body]

attachments = {
    "download": seams.DOWNLOADS,
    "unpack": (seams.UNPACK,),
    "wheel-lookup": (seams.WHEEL_LOOKUP,),
    "wheel-found": (seams.WHEEL_FOUND,),
    "command": (seams.COMMAND,),
    "hash-failure": (seams.HASH_FAILURE,),
}
found = {
    name: sum(one.is_in(importlib.import_module(one.module)) for one in choice)
    for name, choice in attachments.items()
}
root = os.path.relpath(place.cache_root, sys.argv[1])
json.dump(
    {"fit": answers, "files": files, "root": root, "found": found, "plain": plain},
    sys.stdout,
)
"""

UNFIT = (
    *("another-parameter", "a-parameter-less", "no-method", "another-loader"),
    *("no-statuses", "no-folder", "folder-of-bytes", "no-get", "no-path"),
    "flat-folder",
    *("next-format", "no-format", "another-meaning"),
)


@pytest.fixture(scope="module")
def answers(
    lab: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What is found out about each pip."""
    found = {}
    for version in LAYOUTS:
        folder = tmp_path_factory.mktemp("seams")
        done = subprocess.run(
            [lab.venv(version, hooked=True).python, "-c", ASK, str(folder / "cache")],
            env={**scratch_environment(folder), "PIPMEND": "off"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found[version] = json.loads(done.stdout)
        assert not (folder / "cache").exists(), "looking has written something"
    return found


@pytest.mark.parametrize("version", LAYOUTS)
def test_known_pips_fit(version: str, answers: dict[str, dict[str, Any]]) -> None:
    """Each in its storage generation."""
    assert answers[version]["fit"]["as-it-is"] == LAYOUTS[version]


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_folder_may_be_a_path(
    version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """Programs give the library one."""
    assert answers[version]["fit"]["folder-as-a-path"] == LAYOUTS[version]


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("change", UNFIT)
def test_another_shape_does_not_fit(
    change: str, version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """Whatever a later pip may change, it is left alone, with a word on why."""
    assert answers[version]["fit"][change].startswith("unfit: ")


@pytest.mark.parametrize("version", LAYOUTS)
def test_the_decoder_is_known_by_its_shape(
    version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """What was decoded is handed over only where that is all there is to decoding."""
    assert answers[version]["plain"] == [True, False, False, False]


@pytest.mark.parametrize("version", ["23.3.2", "26.3"])
def test_bodies_in_another_place_do_not_fit(
    version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """What cannot be found cannot be judged."""
    assert answers[version]["fit"]["body-elsewhere"].startswith("unfit: ")


@pytest.mark.parametrize("version", LAYOUTS)
def test_entries_are_where_pip_keeps_them(
    version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """The metadata, and the body beside it where there is one."""
    expected = [True, True if LAYOUTS[version] == "http-v2" else None]

    assert answers[version]["files"] == expected


@pytest.mark.parametrize("version", LAYOUTS)
def test_the_functions_outside_the_cache_are_there(
    version: str, answers: dict[str, dict[str, Any]]
) -> None:
    """Each of them, by exactly one of its names."""
    assert set(answers[version]["found"].values()) == {1}
