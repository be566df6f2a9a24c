"""A phone deletes its copy at our 201, so by then everything is on disk (SPEC S5)."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from tests.conftest import make_app
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.submissions.attachments import keep, path_of


def test_every_connection_to_sqlite_waits_for_the_disk(tmp_path: Path):
    app = make_app(tmp_path, "", waits_for_disk=True)
    with app.app_context():
        connections = [db.engine.connect() for _ in range(5)]
        for connection in connections:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            connection.close()
        with write_transaction() as session:
            assert session.connection().exec_driver_sql("PRAGMA synchronous").scalar() == 2
        db.engine.dispose()


def test_an_attachment_is_on_disk_with_all_folders_that_lead_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[int] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    folder = tmp_path / "data" / "attachments"
    folder.parent.mkdir()
    for content in (b"one", b"two"):
        synced.clear()
        kept = keep(folder, io.BytesIO(content), name="a", content_type="text/plain")
        place = path_of(folder, kept.sha256)
        # The content before the folder that gets its name, and that before what holds it.
        expected = [place, place.parent, folder, *([folder.parent] if content == b"one" else [])]
        inodes = [path.stat().st_ino for path in expected]
        assert [one for one in synced if one in inodes] == inodes
        assert place.read_bytes() == content


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        keep(tmp_path, Broken(b"x"), name="a", content_type="text/plain")
    assert list(tmp_path.iterdir()) == []
