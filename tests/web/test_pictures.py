"""Only what is a picture by its bytes is shown (SPEC X2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.web.pictures import picture_type


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"GIF87arest", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"\x89PN", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell(tmp_path: Path, content: bytes, kind: str | None):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    assert picture_type(path) == kind


def test_what_is_not_there_is_no_picture(tmp_path: Path):
    assert picture_type(tmp_path / "gone") is None
