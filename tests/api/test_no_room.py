"""A database that is away and a disk that is full: 503, and a phone keeps its form (SPEC S4)."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text
from werkzeug.test import TestResponse

from tests import factories
from tests.conftest import SECRET, make_app
from tests.forms import case_block, form
from tests.web.signing_in import basic
from webapp import create_app
from webapp.api import multipart
from webapp.config import Settings
from webapp.extensions import db
from webapp.submissions import attachments
from webapp.submissions.models import Submission


def ask_again(response: TestResponse) -> bool:
    return response.status_code == 503 and int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("host", ["u@nohost.invalid/x", "u@127.0.0.1:1/x", "/x?host=/nonexistent"])
def test_a_database_that_cannot_be_found(tmp_path: Path, host: str):
    url = f"postgresql+psycopg://{host}"
    app = create_app(Settings(data=tmp_path, database_url=url, secret=SECRET))
    for headers in ({}, basic("worker", "password")):
        response = app.test_client().post("/a/demo/receiver/", data=form(), headers=headers)
        assert ask_again(response)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Flask]:
    """An application on SQLite of its own, which may be spoiled."""
    app = make_app(tmp_path, "")
    app.testing = False
    yield app
    with app.app_context():
        db.engine.dispose()


class Sender:
    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            project = factories.project()
            self.path = f"/a/{project.name}/receiver/"
            self.auth = basic(factories.mobile_worker(project).username, factories.PASSWORD)

    def send(self, data: Any) -> TestResponse:
        return self.app.test_client().post(self.path, data=data, headers=self.auth)

    def stored(self) -> int:
        with self.app.app_context():
            return db.session.scalar(select(func.count()).select_from(Submission)) or 0


def test_a_database_without_room(small: Flask):
    sender = Sender(small)
    with small.app_context():
        pages = db.session.scalar(text("PRAGMA page_count"))
        db.session.remove()
        db.engine.dispose()

        @event.listens_for(db.engine, "connect")
        def no_more(connection: Any, _record: Any) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages + 40}")

    taken = 0
    while (response := sender.send(large(taken))).status_code == 201:
        taken += 1
    assert ask_again(response)
    assert "disk is full. Nothing was stored" in response.text
    assert taken > 0
    assert sender.stored() == taken
    assert ask_again(sender.send(large(taken)))


def large(number: int) -> bytes:
    # What is not all the same: it is kept compressed.
    value = "".join(f"{number}-{place * 7919 % 100_003}" for place in range(3_000))
    return form(case_block(f"case-{number}", create={}, update={"x": value}))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["the store", "what is on its way"])
def test_files_without_room(small: Flask, monkeypatch: pytest.MonkeyPatch, number: int, where: str):
    def full(*_: object, **__: object) -> IO[bytes]:
        raise OSError(number, "No room")

    sender = Sender(small)
    if where == "the store":
        monkeypatch.setattr(attachments.os, "fsync", full)
    else:
        monkeypatch.setattr(multipart, "SpooledTemporaryFile", full)
    response = sender.send(
        {
            "xml_submission_file": (io.BytesIO(form(case_block("a", create={}))), "form.xml"),
            "photo": (io.BytesIO(b"1"), "photo.jpg"),
        }
    )
    monkeypatch.undo()
    assert ask_again(response)
    assert "disk is full. Nothing was stored" in response.text
    assert sender.stored() == 0
    kept = [file for file in small.extensions["settings"].attachments.rglob("*") if file.is_file()]
    assert kept == []


def test_another_fault_of_the_store_is_one_of_ours(small: Flask, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    sender = Sender(small)
    monkeypatch.setattr(attachments.os, "fsync", broken)
    response = sender.send({"photo": (io.BytesIO(b"1"), "photo.jpg")})
    assert response.status_code == 500
