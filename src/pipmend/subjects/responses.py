"""What an entry of the HTTP cache is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipmend import members, pages
from pipmend.subjects.archives import of_archive, wheel_in
from pipmend.subjects.content import HEAD, Content
from pipmend.subjects.core_metadata import of_core_metadata
from pipmend.subjects.file_names import of_url
from pipmend.subjects.index_pages import looks_like_page, project_of
from pipmend.subjects.values import Kind, Subject
from pipmend.verify import PERMANENT_REDIRECTS

if TYPE_CHECKING:
    from typing import BinaryIO

    from pipmend.metadata import StoredResponse


def of_entry(stored: StoredResponse, body: BinaryIO) -> Subject:
    """What an entry of the HTTP cache is.

    Args:
        stored: what its metadata says.
        body: the open body, damaged or not; left anywhere.

    Raises:
        OSError: the body cannot be read.
    """
    if stored.status in PERMANENT_REDIRECTS:
        target = of_url(stored.field("location"))
        return Subject(Kind.REDIRECT, target.project, target.version)
    content = Content(body, stored.field("content-encoding").strip().lower())
    head = content.start(HEAD)
    known = of_archive(content, head) or of_core_metadata(head)
    if known is not None:
        return known
    if pages.is_page(stored.media_type) or looks_like_page(head):
        return Subject(Kind.PAGE, project_of(content, head, stored.media_type))
    file = content.file()  # its first bytes may be damaged
    return wheel_in(file, members.directory_of(file)) or Subject(Kind.OTHER)
