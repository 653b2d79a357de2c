"""pipmend makes pip's cache heal itself.

A broken entry is moved to quarantine on the spot, one event is recorded, and
pip, seeing an ordinary cache miss, fetches that one entry again.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
