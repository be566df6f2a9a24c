"""What was in a file that somebody chose."""

from __future__ import annotations

from wtforms import FileField


def content_of(field: FileField, most: int) -> bytes:
    """The content of a file, of a larger one `most` bytes and one more; empty where none was sent,
    be it that something else stands in its place."""
    if not hasattr(field.data, "read"):
        return b""
    content: bytes = field.data.read(most + 1)
    return content
