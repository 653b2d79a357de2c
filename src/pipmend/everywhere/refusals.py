"""What cannot be done here, and what the person can do instead."""

from __future__ import annotations

from pipmend.errors import PipmendError


class RefusedError(PipmendError):
    """Nothing was done, on purpose; the message says why and what to do instead."""


class UnfitPythonError(PipmendError):
    """Something is no interpreter, or too old; its path begins the sentence."""


class ReceiptError(PipmendError):
    """The receipt is damaged; without it nothing can be undone exactly."""
