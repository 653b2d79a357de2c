"""Quarantined items go back into the cache, each file to where it was."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pipmend import atomic, entries, evidence, quarantine, untrusted
from pipmend._compat.layouts import BODY_SUFFIX
from pipmend.evidence import EvidenceError, Restored
from pipmend.quarantine import Kind
from pipmend.verdicts import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipmend._compat.layouts import Place
    from pipmend.entries import FileIdentity
    from pipmend.evidence import Evidence


def restore_into_cache(item: Evidence, *, force: bool) -> Restored:
    """Move an item back into the cache where it was; it is then no item any more.

    The metadata of an entry comes last, so that no pip ever sees it without its
    body. Of leftovers, each goes back unless something is there.

    Args:
        item: an entry or leftovers.
        force: also an entry that does not judge intact, or whose place is taken.

    Raises:
        EvidenceError: it may not go back; the message says why.
        OSError: a file cannot be moved; then nothing of an entry was.
    """
    if item.kind is Kind.LEFTOVERS:
        return _restore_leftovers(item)
    if item.kind is not Kind.ENTRY:
        raise EvidenceError(
            f"{item.id} does not say what it is ({item.problem}); "
            f"restore it to a folder"
        )
    home = evidence.home_of(item)
    if item.is_cut:
        raise EvidenceError(
            f"{item.id} cannot go back: its body was too large to keep, only its "
            f"head and tail are there; restore it to a folder to look at them"
        )
    verdict = evidence.judge(item)
    if verdict.outcome is not Outcome.INTACT and not force:
        raise EvidenceError(
            f"{item.id} stays in quarantine: it judges {verdict.outcome.value} "
            f"({verdict.summary}); restore it to a folder, or use --force"
        )
    restored = _put_entry(item, home, force=force)
    evidence.delete(item)
    return restored


def _put_entry(item: Evidence, home: Place, *, force: bool) -> Restored:
    moves = [(item.folder / quarantine.METADATA_NAME, home.metadata)]
    body = item.folder / quarantine.BODY_NAME
    if home.body is not None and os.path.lexists(body):
        moves.insert(0, (body, home.body))
    for source, _ in moves:
        if untrusted.size_of(source) is None:
            raise EvidenceError(
                f"{item.id} cannot go back: {source.name} is no file; look at it in "
                f"{item.folder}"
            )
    _make_way(item.cache_root, home.metadata)
    if force:
        # Metadata first: a mix of two entries must not be seen.
        for path in (home.metadata, home.body):
            if path is not None and os.path.lexists(path):
                path.unlink()
    try:
        _put_all(moves)
    except FileExistsError as error:
        raise EvidenceError(
            f"{item.id} stays in quarantine: something is in its place, "
            f"{home.metadata}; restore it to a folder, or use --force"
        ) from error
    return Restored(tuple(target for _, target in moves), ())


def _put_all(moves: Iterable[tuple[Path, Path]]) -> None:
    with contextlib.ExitStack() as undo:
        for source, target in moves:
            _put(source, target)
            undo.callback(_take_back, target, entries.identity_of(target))
        undo.pop_all()


def _take_back(path: Path, identity: FileIdentity | None) -> None:
    """Remove a file, unless another process has replaced it."""
    if entries.identity_of(path) == identity:
        untrusted.remove(path)


def _restore_leftovers(item: Evidence) -> Restored:
    folder = item.folder / quarantine.FILES_NAME
    restored: set[Path] = set()
    stayed = []
    for path in _bodies_first(folder) if untrusted.is_folder(folder) else ():
        target = item.cache_root / path.relative_to(folder)
        if _makes_a_mix(path, target, restored):
            problem: str | None = "its other half is there again, or stays"
        else:
            problem = _try_to_put_back(item, path, target)
        if problem is None:
            restored.add(target)
        else:
            stayed.append(f"{path.relative_to(folder).as_posix()}: {problem}")
    if not stayed:
        evidence.delete(item)
    return Restored(tuple(sorted(restored)), tuple(stayed))


def _bodies_first(folder: Path) -> Iterator[Path]:
    """The files of an item, each body right before its metadata."""
    for path in untrusted.files_below(folder):
        if not path.name.endswith(BODY_SUFFIX):
            body = _body_of(path)
            yield from (body, path) if os.path.lexists(body) else (path,)
        elif os.path.lexists(path) and not os.path.lexists(_metadata_of(path)):
            yield path


def _try_to_put_back(item: Evidence, path: Path, target: Path) -> str | None:
    """Put one leftover back; in words why it stays, None if it does not."""
    is_own = quarantine.is_own(target.relative_to(item.cache_root))
    if untrusted.size_of(path) is None or is_own:
        return "no file of the cache"
    try:
        _make_way(item.cache_root, target)
        _put(path, target)
        path.unlink()
    except FileExistsError:
        return "something is there again"
    except EvidenceError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _makes_a_mix(path: Path, target: Path, restored: set[Path]) -> bool:
    """Whether metadata and body of two responses would come to lie side by side."""
    if target.name.endswith(BODY_SUFFIX):
        return os.path.lexists(_metadata_of(target))
    body = _body_of(target)
    is_foreign = os.path.lexists(body) and body not in restored
    return is_foreign or os.path.lexists(_body_of(path))


def _body_of(metadata: Path) -> Path:
    return metadata.with_name(metadata.name + BODY_SUFFIX)


def _metadata_of(body: Path) -> Path:
    return body.with_name(body.name[: -len(BODY_SUFFIX)])


def _make_way(cache_root: Path, target: Path) -> None:
    """Make the folders of a file in the cache; a link on the way is refused.

    Raises:
        EvidenceError: there is one.
    """
    relative = target.relative_to(cache_root)
    for way in reversed(list(relative.parents)[:-1]):
        folder = cache_root / way
        with contextlib.suppress(FileExistsError):
            folder.mkdir(atomic.PRIVATE_FOLDER)
        if not untrusted.is_folder(folder):
            raise EvidenceError(f"{folder} is no folder, or a link: nothing goes there")


def _put(source: Path, target: Path) -> None:
    """Have a file in a place too, at once and whole; never over another.

    Raises:
        FileExistsError: something is there.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        _put_copy(source, target)  # a file system without links


def _put_copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f"{target.name}.{os.urandom(4).hex()}.tmp")
    with contextlib.ExitStack() as undo:
        undo.callback(untrusted.remove, temporary)
        untrusted.copy(source, temporary)
        if os.path.lexists(target):
            raise FileExistsError(f"{target} is there")
        os.replace(temporary, target)  # noqa: PTH105 - as everywhere
        undo.pop_all()
