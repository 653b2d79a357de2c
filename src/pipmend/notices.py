"""What pipmend says while pip runs: at most a line, through pip's logging."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("pipmend")


def say(message: str) -> None:
    """Print one line on stderr, unless pip was told to be quiet.

    pip prints INFO on stdout and WARNING on stderr. The line belongs on stderr, but
    is no more urgent than INFO: ``-q`` silences it.
    """
    level = logging.INFO if _is_quiet() else logging.WARNING
    _LOGGER.log(level, "pipmend: %s", message)


def whisper(message: str) -> None:
    """Print one line at pip's debug level."""
    _LOGGER.debug("pipmend: %s", message)


def _is_quiet() -> bool:
    """Whether no console shows INFO; a log file (``--log``) shows everything."""
    return not any(
        handler.level <= logging.INFO
        for handler in logging.getLogger().handlers
        if not isinstance(handler, logging.FileHandler)
    )
