"""Redis that takes connections and never answers makes nobody wait for long."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form
from tests.web.signing_in import basic
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs.kind import Kind
from webapp.jobs.queue import enqueue, wake

#: One time-out of 1 or 2 s, and some for a busy machine; without it, it would be for ever.
PATIENCE_S = 8.0


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """The address of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def soon() -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < PATIENCE_S


def test_pages_the_receiver_and_jobs_go_on(database_url: str, silent_redis: str, tmp_path: Path):
    app: Flask = make_app(tmp_path, database_url, redis_url=silent_redis)
    with app.app_context():
        project = factories.project()
        worker, person = factories.mobile_worker(project), factories.web_user(project)
        receiver, email = f"/a/{project.name}/receiver/", person.email
        right, wrong = basic(worker.username), basic(worker.username, "wrong")
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    sent = {"email": email, "password": factories.PASSWORD}
    with soon():
        assert client.post("/login", data=sent).status_code == 303
    with soon():
        answer = client.post(receiver, data=form(case_block("a", create={})), headers=right)
        assert answer.status_code == 201
    with soon():
        assert client.post(receiver, data=form(), headers=wrong).status_code == 401
    with soon():
        assert client.get("/readyz").json["redis"] == "down"
    with soon(), app.app_context():
        with write_transaction() as session:
            job = enqueue(session, project.id, Kind.REPROCESS, {}, by=factories.actor())
        assert not wake(job), "the tick finds it later"
        db.session.remove()
    with app.app_context():
        db.engine.dispose()
