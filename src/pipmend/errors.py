"""The errors that pipmend raises; a corrupt entry is a verdict, not an error."""

from __future__ import annotations


class PipmendError(Exception):
    """Root of all errors raised by pipmend."""


class UsageError(PipmendError):
    """A person asked for something that makes no sense; the message says what to do."""


class QuarantineError(PipmendError):
    """An entry could not be moved to quarantine; the message says why."""


class UnfitError(PipmendError):
    """The loaded pip does not have the shape that the gates are made for."""
