"""``pipmend report``, as it is installed, and its page in a real browser."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import browser, cache_files, lived_in
from lab.command import Command
from lab.furnished import furnish
from pipmend.events import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.browser import Browser, Clip
    from lab.laboratory import Laboratory
    from lab.lived_in import LivedIn
    from lab.pips import Run

DESKTOP, PHONE = 1280, 390
SCHEMES = ("light", "dark")
WIDTHS = (DESKTOP, PHONE)

in_each_way = pytest.mark.parametrize(
    ("scheme", "width"), [(scheme, width) for scheme in SCHEMES for width in WIDTHS]
)


@dataclass(frozen=True)
class Made:
    """A page that the command has made of a cache that somebody has lived with."""

    command: Command
    cache: LivedIn
    file: Path
    run: Run
    before: dict[str, bytes]
    """The cache before it was looked at."""

    @property
    def text(self) -> str:
        """The page."""
        return self.file.read_text(encoding="ascii")


@pytest.fixture(scope="module")
def made(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Such a page; the folder of the cache has a name that is none of markup's."""
    folder = tmp_path_factory.mktemp("report").resolve()
    command = Command(lab.venv("26.3", hooked=True), folder / "home")
    root = folder / ("cache & more" if os.name == "nt" else "cache <b>&'x'\"")
    cache = lived_in.live(root, log_of(command))
    before = cache_files.snapshot(root)
    file = folder / "report.html"
    run = command.run("report", "--html", file, root)
    return Made(command, cache, file, run, before)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Where a page is to be written."""
    return tmp_path / "page.html"


def log_of(command: Command) -> EventLog:
    """The event log that the command reads."""
    (record,) = command.records("stats")
    return EventLog(Path(record["log"]).parent)


# The command.


def test_it_writes_a_page_and_says_where(made: Made) -> None:
    """With the answer; private, and in one piece."""
    assert made.run.returncode == 0, str(made.run)
    assert made.run.stderr == ""
    assert made.run.stdout.splitlines()[0] == "3 of 232 entries are broken."
    assert f"Wrote {made.file}, " in made.run.stdout
    assert made.text.endswith("</html>\n")
    assert [path.name for path in made.file.parent.glob("report*")] == ["report.html"]
    if os.name == "posix":
        assert stat.S_IMODE(made.file.stat().st_mode) == 0o600


def test_the_cache_stays_as_it_is(made: Made) -> None:
    """Nothing is moved, nothing is left there."""
    assert cache_files.snapshot(made.cache.root) == made.before


def test_the_page_tells_what_is_there(made: Made) -> None:
    """Of each section something that only the real cache can have told."""
    told = made.text

    for number in lived_in.BROKEN[::2]:
        name = made.cache.wheels[number].metadata.name
        assert told.count(name) == 1
    assert "amber_works-2.1-py3-none-any.whl" in told
    (item, *_) = sorted(made.cache.root.glob("pipmend/quarantine/*"))
    assert f"pipmend quarantine restore {item.name} --cache" in told
    assert told.count('class="tile') == 2 * len(tile_names(told)) > 80
    assert "cedar-works" in tile_names(told)
    assert "the cached page of &#x27;" in told
    assert "Repeat offender" in told


def tile_names(text: str) -> set[str]:
    """What the tiles of a page are called."""
    return set(re.findall(r"<g [^>]*><title>([^:<]+): [^<]* of all", text))


def test_hostile_words_are_words(made: Made) -> None:
    """And secrets are not told."""
    assert "<script" not in made.text
    assert "&lt;script&gt;" in made.text
    assert lived_in.SECRET not in made.text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", made.text)
    assert "&#8238;" not in made.text


def test_it_goes_to_stdout(made: Made) -> None:
    """And nothing else does."""
    run = made.command.run("report", "--html", "-", made.cache.root)

    assert run.returncode == 0
    assert run.stdout.startswith("<!DOCTYPE html>")
    assert run.stdout.endswith("</html>\n")
    assert run.stdout.count("<!DOCTYPE") == 1


def test_without_a_scan(made: Made, page: Path) -> None:
    """It says that nothing was judged."""
    run = made.command.run("report", "--html", page, "--no-scan", made.cache.root)

    assert run.returncode == 0
    assert run.stdout.startswith("This page shows what is there")
    assert "not judged" in page.read_text()
    assert "amber-works" in page.read_text()


def test_an_intact_cache_of_this_user(command: Command, page: Path) -> None:
    """The one that pip has by default; its commands name no folder."""
    (record,) = command.records("stats")
    assert record["caches"] == []
    found = command.run("scan")
    assert found.returncode == 2
    root = command.home / "cache" / "pip"
    furnish(root)

    run = command.run("report", "--html", page, env={"PIP_CACHE_DIR": str(root)})

    assert run.returncode == 0, str(run)
    assert run.stdout.startswith("Everything that can be checked is intact.")
    assert "Nothing broke in the last 30 days." in page.read_text()
    assert "Nothing is in quarantine." in page.read_text()


def test_several_caches_are_one_page(command: Command, tmp_path: Path) -> None:
    """With a row for each."""
    roots = [tmp_path.resolve() / name for name in ("one", "two")]
    for root in roots:
        furnish(root)
    page = tmp_path / "page.html"

    run = command.run("report", "--html", page, *roots)

    assert run.returncode == 0
    assert "<dt>entries</dt><dd>10</dd>" in page.read_text()
    assert "2 cache folders" in page.read_text()
    for root in roots:
        assert f"<code><bdi>{root}</bdi></code>" in page.read_text()


# The file.


def test_it_replaces_a_page_of_its_own(made: Made, page: Path) -> None:
    """As a job does each night."""
    page.write_text(made.text)

    run = made.command.run("report", "--html", page, "--no-scan", made.cache.root)

    assert run.returncode == 0
    assert "nothing was judged" in page.read_text()


@pytest.mark.parametrize("content", ["", "<!DOCTYPE html><p>mine", "import os\n"])
def test_it_replaces_no_other_file(made: Made, page: Path, content: str) -> None:
    """Unless it is told to."""
    page.write_text(content)
    words = ("report", "--html", page, "--no-scan", made.cache.root)

    run = made.command.run(*words)

    assert run.returncode == 2
    assert "give --force" in run.stderr
    assert page.read_text() == content
    assert made.command.run(*words, "--force").returncode == 0
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.skipif(os.name == "nt", reason="links take a right that few have there")
def test_it_writes_through_no_link(made: Made, page: Path) -> None:
    """What the link leads to stays as it is, also with --force."""
    elsewhere = page.with_name("elsewhere.html")
    elsewhere.write_text(made.text)
    page.symlink_to(elsewhere)
    words = ("report", "--html", page, "--no-scan", made.cache.root)

    assert made.command.run(*words).returncode == 2
    assert made.command.run(*words, "--force").returncode == 0
    assert elsewhere.read_text() == made.text
    assert not page.is_symlink()


def test_what_makes_no_sense(made: Made, tmp_path: Path) -> None:
    """No file, no folder for it, a folder in its place, no such cache."""
    root = made.cache.root
    for words in (
        ("report", root),
        ("report", "--html", tmp_path / "none" / "page.html", root),
        ("report", "--html", tmp_path, "--force", root),
        ("report", "--html", tmp_path / "page.html", tmp_path / "none"),
    ):
        run = made.command.run(*words)
        assert run.returncode == 2, str(run)
        assert run.stderr
        assert not run.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_told(command: Command, tmp_path: Path) -> None:
    """On the page, on stderr, and by the exit code."""
    log = log_of(command)
    log.path.mkdir(parents=True)
    cache = furnish(tmp_path / "cache").root
    page = tmp_path / "page.html"

    run = command.run("report", "--html", page, cache)

    assert run.returncode == 3
    assert run.stderr.count("cannot read") == 1
    assert "This page is not complete" in page.read_text()
    assert "events.jsonl" in page.read_text()
    assert "Nothing broke" not in page.read_text()


def test_help_teaches(made: Made) -> None:
    """Examples and exit codes."""
    run = made.command.run("report", "--help")

    assert run.returncode == 0
    for text in ("--html FILE", "--no-scan", "exit code:", "examples:"):
        assert text in run.stdout


# In a browser.


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A real browser."""
    if browser.program() is None:
        pytest.skip(f"none of {', '.join(browser.PROGRAMS)} here")
    with browser.started(tmp_path_factory.mktemp("browser")) as started:
        yield started


def colours(
    chromium: Browser, clip: Clip, scale: float = 1
) -> dict[browser.Colour, int]:
    """The colours that were painted in a part of the page."""
    return browser.decoded(chromium.screenshot(clip, scale=scale)).colours()


def colour(text: str) -> browser.Colour:
    """A computed colour, such as ``rgb(1, 2, 3)``."""
    red, green, blue = map(int, re.findall(r"\d+", text)[:3])
    return browser.Colour(red, green, blue)


def distance(one: browser.Colour, other: browser.Colour) -> int:
    """How far two colours are apart."""
    return max(abs(mine - yours) for mine, yours in zip(one, other))


@in_each_way
def test_it_is_painted(made: Made, chromium: Browser, scheme: str, width: int) -> None:
    """Bright for those who like it so, dark for the others; and never blank."""
    chromium.show(made.file, scheme=scheme, width=width)

    (ground,) = colours(chromium, browser.Clip(1, 1, 12, 12))
    head = colours(chromium, chromium.clip_of("h1"))

    if scheme == "light":
        assert ground.brightness > 240
        assert min(one.brightness for one in head) < 60
    else:
        assert ground.brightness < 40
        assert max(one.brightness for one in head) > 200
    inked = sum(number for one, number in head.items() if distance(one, ground) > 60)
    assert 0.03 < inked / sum(head.values()) < 0.5


@in_each_way
def test_tiles_are_painted_to_scale(
    made: Made, chromium: Browser, scheme: str, width: int
) -> None:
    """Each colour covers what the bytes of its kind are, less gaps and letters."""
    chromium.show(made.file, scheme=scheme, width=width)
    tiles: list[tuple[str, float]] = chromium.evaluate(
        """[...document.querySelectorAll('.treemap')].filter(one => one.clientWidth)
        .flatMap(one => [...one.querySelectorAll('rect')])
        .map(one => [getComputedStyle(one).fill,
                     one.width.baseVal.value * one.height.baseVal.value])"""
    )
    areas: dict[browser.Colour, float] = {}
    for fill, area in tiles:
        areas[colour(fill)] = areas.get(colour(fill), 0) + area
    clip = chromium.clip_of(".treemap")

    painted = colours(chromium, clip, scale=0.5)

    near = {
        wanted: sum(n for one, n in painted.items() if distance(one, wanted) < 9)
        for wanted in areas
    }
    assert clip.width * clip.height > 100_000
    assert len(areas) >= 4
    assert sum(near.values()) > 0.75 * sum(painted.values())
    for wanted, area in areas.items():
        share = near[wanted] / sum(near.values())
        assert share == pytest.approx(area / sum(areas.values()), abs=0.04)
        assert share > 0.02
    red = sum(number for one, number in painted.items() if one.red > 190 > 2 * one.blue)
    assert red > 20, "the marks of what is broken"


@in_each_way
def test_labels_stay_in_their_tiles(
    made: Made, chromium: Browser, scheme: str, width: int
) -> None:
    """With the letters that this machine has."""
    chromium.show(made.file, scheme=scheme, width=width)

    labels: list[dict[str, Any]] = chromium.evaluate(
        """[...document.querySelectorAll('.treemap text')]
        .filter(one => one.getClientRects().length)
        .map(one => {
            const box = one.getBoundingClientRect();
            const tile = one.parentNode.querySelector('rect').getBoundingClientRect();
            return {text: one.textContent, pixels: box.height,
                    over: Math.max(box.right - tile.right, tile.left - box.left,
                                   box.bottom - tile.bottom, tile.top - box.top)};
        })"""
    )

    assert len(labels) > 10
    assert [one for one in labels if one["over"] > 0] == []
    assert min(one["pixels"] for one in labels) > 9


@in_each_way
def test_nothing_is_wider_than_the_window(
    made: Made, chromium: Browser, scheme: str, width: int
) -> None:
    """Nor does any text leave its place; everything folded is open, too."""
    chromium.show(made.file, scheme=scheme, width=width)
    chromium.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )

    over = chromium.evaluate(
        """[...document.body.querySelectorAll('*')]
        .filter(one => !one.closest('svg') && !one.closest('thead'))
        .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
        .map(one => one.outerHTML.slice(0, 100))"""
    )

    assert chromium.evaluate("document.documentElement.scrollWidth") == width
    assert chromium.evaluate("innerWidth") == width
    assert over == []


CONTRASTS = """(() => {
    const parts = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map(one => one / 255).map(
            one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = one => {
        for (; one; one = one.parentElement) {
            const colour = parts(getComputedStyle(one).backgroundColor);
            if (colour.length == 3) return colour;
            if (colour[3] > 0) throw new Error('half transparent');
        }
        throw new Error('no ground');
    };
    const contrast = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const found = [];
    for (const one of document.querySelectorAll('body, body *')) {
        const own = [...one.childNodes].some(
            node => node.nodeType == Node.TEXT_NODE && node.data.trim());
        if (!own || one.tagName == 'title' || !one.getClientRects().length) continue;
        const style = getComputedStyle(one);
        const drawn = one.tagName == 'text';
        const behind = drawn
            ? parts(getComputedStyle(one.parentNode.querySelector('rect')).fill)
            : ground(one);
        const ink = parts(drawn ? style.fill : style.color);
        if (style.opacity != 1 || ink.length != 3) throw new Error('half transparent');
        found.push([one.outerHTML.slice(0, 80), contrast(ink, behind)]);
    }
    const graphic = [];
    for (const one of document.querySelectorAll('.part')) {
        const style = getComputedStyle(one);
        const ratio = contrast(parts(style.fill), ground(one));
        graphic.push([one.getAttribute('class'), ratio]);
    }
    return {text: found, graphic};
})()"""


@in_each_way
def test_everything_can_be_read(
    made: Made, chromium: Browser, scheme: str, width: int
) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for bars."""
    chromium.show(made.file, scheme=scheme, width=width)
    chromium.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )

    found = chromium.evaluate(CONTRASTS)

    assert len(found["text"]) > 400
    assert [one for one in found["text"] if one[1] < 4.5] == []
    assert len(found["graphic"]) > 10
    assert [one for one in found["graphic"] if one[1] < 3] == []


def test_it_needs_nothing_but_itself(made: Made, chromium: Browser) -> None:
    """No request, no word of the policy; and no script, so that none can be off."""
    chromium.show(made.file)

    assert chromium.requests == [made.file.as_uri()]
    assert chromium.complaints == []
    assert chromium.evaluate("document.scripts.length") == 0
    assert (
        chromium.evaluate("document.title") == "pipmend: 3 of 232 entries are broken."
    )
    assert chromium.evaluate("document.compatMode") == "CSS1Compat"
    assert chromium.evaluate("typeof owned") == "undefined"


def test_only_the_map_that_fits_is_shown(made: Made, chromium: Browser) -> None:
    """The wide one at a desk, the narrow one on a phone."""
    for width, shown in ((DESKTOP, "wide"), (PHONE, "narrow")):
        chromium.show(made.file, width=width)
        names = chromium.evaluate(
            "[...document.querySelectorAll('.treemap')].filter(one => one.clientWidth)"
            ".map(one => one.getAttribute('class'))"
        )
        assert names == [f"treemap {shown}"]


def test_paper_is_white(made: Made, chromium: Browser) -> None:
    """Also for those who like it dark."""
    chromium.show(made.file, scheme="dark", media="print")

    (ground,) = colours(chromium, browser.Clip(1, 1, 3, 3))
    head = colours(chromium, chromium.clip_of("h1"))

    assert ground.brightness > 240
    assert min(one.brightness for one in head) < 60


def test_a_page_about_an_empty_cache_is_painted_too(
    command: Command, chromium: Browser, tmp_path: Path
) -> None:
    """Nothing there is nothing to be ashamed of."""
    root = tmp_path / "cache"
    (root / "http-v2").mkdir(parents=True)
    page = tmp_path / "page.html"
    assert command.run("report", "--html", page, root).returncode == 0

    chromium.show(page, width=PHONE)

    assert chromium.evaluate("document.querySelector('h1').innerText") == (
        "The cache is empty."
    )
    assert chromium.evaluate("document.documentElement.scrollWidth") == PHONE
