"""What an entry is, told by its own content: the cache key cannot be reversed.

Little is read: the start of a body, and of a zip file also its directory. What is
damaged still tells what its remains tell.
"""

from __future__ import annotations

from pipmend.subjects.file_names import of_built, of_url
from pipmend.subjects.responses import of_entry
from pipmend.subjects.values import Kind, Subject

__all__ = ["Kind", "Subject", "of_built", "of_entry", "of_url"]
