"""What pipmend says while pip runs: at most a line, through Python's logging."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

_LOGGER = logging.getLogger("pipmend")


def say(message: str) -> None:
    """Print one line on stderr, unless pip was told to be quiet.

    pip prints INFO on stdout and WARNING on stderr. The line belongs on stderr, but
    is no more urgent than INFO: ``-q`` silences it.
    """
    if sys.stderr is None:
        whisper(message)  # closed: pip prints its warnings on stdout then
    elif _is_pip_quiet():
        _LOGGER.info("pipmend: %s", message)  # for a log file
    elif _LOGGER.isEnabledFor(logging.WARNING):
        text, level = f"pipmend: {message}", logging.WARNING
        record = _LOGGER.makeRecord("pipmend", level, __file__, 0, text, (), None)
        if _is_awaited(record):
            _LOGGER.handle(record)
        elif logging.lastResort is not None:
            logging.lastResort.handle(record)
        _drop_unwritten()


def whisper(message: str) -> None:
    """Print one line at pip's debug level."""
    _LOGGER.debug("pipmend: %s", message)


def _drop_unwritten() -> None:
    """Drop what stderr has not taken, because it is full or its reader has gone.

    Python would try again at its end, and exit with 120.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):
        try:
            sys.stderr.flush()
        except OSError:
            descriptor = sys.stderr.fileno()
            kept = os.dup(descriptor)
            try:
                with open(os.devnull, "wb") as nothing:  # noqa: PTH123
                    os.dup2(nothing.fileno(), descriptor)
                sys.stderr.flush()
            finally:
                os.dup2(kept, descriptor)
                os.close(kept)


def _is_pip_quiet() -> bool:
    """Whether there are consoles of pip's, and none of them shows INFO.

    A log file (``--log``) shows everything. What other programs show on a console
    says nothing about how much a person wants to hear.
    """
    levels = [
        handler.level
        for handler in logging.getLogger().handlers
        if type(handler).__module__.startswith("pip.")
        and not isinstance(handler, logging.FileHandler)
    ]
    return bool(levels) and min(levels) > logging.INFO


def _is_awaited(record: logging.LogRecord) -> bool:
    """Whether a handler takes it; that of Poetry takes its own records only."""
    return any(
        handler.level <= record.levelno and handler.filter(record)
        for handler in (*_LOGGER.handlers, *logging.getLogger().handlers)
    )
