"""Generated parts of the README, each between two comments of its own."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def replaced(text: str, name: str, content: str) -> str:
    """The text with other content between the comments of that name.

    Raises:
        ValueError: the comments are not there, once each and in order.
    """
    begin, end = _marks(name)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed or begin in rest or end in after:
        raise ValueError(f"there must be {begin} and {end}, once each")
    return f"{before}{begin}\n{content}\n{end}{after}"


def part(text: str, name: str) -> str | None:
    """What stands between the comments of that name; None without them."""
    begin, end = _marks(name)
    _, found, rest = text.partition(begin)
    return rest.partition(end)[0].strip("\n") if found else None


def write(path: Path, name: str, content: str) -> None:
    """Replace a part of a file.

    Raises:
        ValueError: the comments are not there.
        OSError: the file cannot be read or written.
    """
    text = replaced(path.read_text(encoding="utf-8"), name, content)
    path.write_text(text, encoding="utf-8")


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
