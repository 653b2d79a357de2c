"""Programs that run for months: what is remembered is bounded."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING

from lab.pips import scratch_environment
from lab.tools import installed
from pipmend.ledger import Recent

if TYPE_CHECKING:
    from pathlib import Path

    from lab.laboratory import Laboratory

# Has many entries answered from its cache, in one process.
SERVER = """
import gc, json, sys
from types import SimpleNamespace
import requests
from cachecontrol import CacheControl
from cachecontrol.caches.file_cache import FileCache
from urllib3 import HTTPResponse

def response():
    fields = {"Date": "Fri, 01 Jan 2100 00:00:00 GMT", "Cache-Control": "max-age=9"}
    return HTTPResponse(b"words", fields, 200, preload_content=False)

session = CacheControl(requests.Session(), cache=FileCache(sys.argv[1]))
controller = session.get_adapter("https://index.example/").controller
asked = SimpleNamespace(headers={})
for number in range(int(sys.argv[2])):
    url = f"https://index.example/{number}"
    controller.cache.set(url, controller.serializer.dumps(asked, response(), b"words"))
    assert session.get(url).content == b"words"
remembered = [one for one in gc.get_objects() if type(one).__name__ == "Recent"]
print(json.dumps(sorted(map(len, remembered))))
"""


def test_a_program_of_many_entries(lab: Laboratory, tmp_path: Path) -> None:
    """It has used them all, and remembers the last few hundred."""
    packages = installed(lab.store, "cachecontrol[filecache]==0.14.4")
    environment = {
        **scratch_environment(tmp_path / "home"),
        "PYTHONPATH": str(packages),
        "PIPMEND_TARGETS": "cachecontrol",
    }
    python = lab.venv("26.3", hooked=True).python

    done = subprocess.run(
        [python, "-c", SERVER, str(tmp_path / "cache"), "600"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    numbers = json.loads(done.stdout)
    assert len(numbers) == 3
    assert numbers[:2] == [0, 0]  # findings, and what a pip was served
    assert all(250 <= number <= 500 for number in numbers[2:])


def test_the_newest_are_remembered() -> None:
    """At least half of what there is room for."""
    recent: Recent[int, str] = Recent(10)

    for number in range(1000):
        recent[number] = str(number)
        kept = range(max(0, number - 4), number + 1)
        assert [recent[one] for one in kept] == [str(one) for one in kept]
        assert len(recent) <= 10


def test_what_is_known_already_takes_no_more_room() -> None:
    """The same entry, however often it is asked for."""
    recent: Recent[str, int] = Recent(3)

    for number in range(100):
        for key in ("one", "two", "three"):
            recent[key] = number

    assert recent == {"one": 99, "two": 99, "three": 99}


def test_threads_do_not_disturb_each_other() -> None:
    """Programs that use the library have many."""
    recent: Recent[tuple[int, int], int] = Recent(50)
    failures: list[Exception] = []

    def remember(thread: int) -> None:
        try:
            for number in range(5000):
                recent[thread, number] = number
                recent.get((thread, number))
                list(recent.values())
        except RuntimeError as error:
            failures.append(error)

    threads = [threading.Thread(target=remember, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(recent) <= 50
