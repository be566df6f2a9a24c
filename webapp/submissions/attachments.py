"""The attachment store: files under the SHA-256 of their content.

A file is complete and on disk before the transaction that names it begins, so a row never names
what is not there; a transaction that fails leaves at worst a file that nobody names.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

#: How much is copied at a time.
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """An attachment whose content is in the store."""

    name: str
    content_type: str
    size: int
    sha256: str


def keep(folder: Path, stream: IO[bytes], *, name: str, content_type: str) -> Kept:
    """Copy a stream into the store. Memory: one chunk, whatever the size."""
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    size = 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        try:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            Path(file.name).unlink()
            raise
    sha256 = digest.hexdigest()
    place = path_of(folder, sha256)
    place.parent.mkdir(exist_ok=True, mode=0o700)
    Path(file.name).replace(place)
    _sync_folder(place.parent)
    _sync_folder(folder)
    if is_new:
        _sync_folder(folder.parent)
    return Kept(_printable(name).strip() or "unnamed", _printable(content_type), size, sha256)


def _sync_folder(folder: Path) -> None:
    """Have the folder's entries on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _printable(name: str) -> str:
    """A name that every database holds: a form is never refused for the name of a file."""
    return "".join(c if c.isprintable() else "_" for c in name)[:255]


def path_of(folder: Path, sha256: str) -> Path:
    """Where the content with this hash lies."""
    return folder / sha256[:2] / sha256
