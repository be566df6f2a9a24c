"""Which files may be shown inside a page: by their first bytes, never by what they are called."""

from __future__ import annotations

from pathlib import Path

_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def picture_type(path: Path) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP (SPEC X2), else None; also without a file."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None
