"""A connection that the database's server ended while nobody used it (SPEC X5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import QueuePool, func, select

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form
from tests.web.signing_in import basic
from webapp.extensions import db


@pytest.fixture
def app_alone(app: Flask, database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An application with connections of its own."""
    if not database_url:
        pytest.skip("SQLite has no server")
    alone = make_app(tmp_path, database_url)
    yield alone
    with alone.app_context():
        db.engine.dispose()


def test_nobody_notices_what_was_ended_in_between(app_alone: Flask):
    with app_alone.app_context():
        project = factories.project()
        worker = basic(factories.mobile_worker(project).username, factories.PASSWORD)
        address = f"/a/{project.name}/receiver/"
        db.session.remove()
    client = app_alone.test_client()
    body = form(case_block("a", create={}))
    assert client.post(address, data=body, headers=worker).status_code == 201
    end_all(app_alone)
    body = form(case_block("a", update={"x": "1"}))
    assert client.post(address, data=body, headers=worker).status_code == 201
    end_all(app_alone)
    assert client.get("/readyz").json["database"] == "up"


def end_all(app: Flask) -> None:
    """The server ends the processes behind all connections that nobody uses now."""
    with app.app_context():
        engine = db.engine
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0 < pool.checkedin()
    unused = [engine.connect() for _ in range(pool.checkedin())]
    numbers = [one.scalar(select(func.pg_backend_pid())) for one in unused]
    for one in unused:
        one.close()
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(url, autocommit=True)) as other:
        other.execute("SELECT pg_terminate_backend(n) FROM unnest(%s::int[]) n", [numbers])
        while other.execute(
            "SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [numbers]
        ).fetchone():
            time.sleep(0.01)
