"""While a body is on its way nothing of the database is held (SPEC S1, S2)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import QueuePool

from tests import factories
from tests.forms import case_block, form
from tests.web.signing_in import basic
from webapp.extensions import db


class SlowBody:
    """A body, which notes how many connections are in use when it is read."""

    def __init__(self, content: bytes, pool: QueuePool) -> None:
        self.left = content
        self.pool = pool
        self.in_use: list[int] = []

    def read(self, _size: int = -1) -> bytes:
        if self.left:
            self.in_use.append(self.pool.checkedout())
        some, self.left = self.left, b""
        return some

    def tell(self) -> int:
        return 0

    def seek(self, *_: int) -> int:
        return 0


@pytest.mark.parametrize("who", ["a worker", "a web user", "nobody"])
def test_no_connection_is_held_while_a_form_comes(app: Flask, who: str):
    with app.app_context():
        project = factories.project(anonymous_submissions=who == "nobody")
        address = f"/a/{project.name}/receiver/"
        headers = {
            "a worker": basic(factories.mobile_worker(project).username, factories.PASSWORD),
            "a web user": basic(factories.web_user(project, "editor").email, factories.PASSWORD),
            "nobody": {},
        }[who]
        db.session.remove()
    assert in_use_while_it_comes(
        app, address, form(case_block("a", create={})), "text/xml", headers
    ) == (201, [0])


def test_no_connection_is_held_while_json_comes(app: Flask):
    with app.app_context():
        project = factories.project()
        address = f"/a/{project.name}/api/rules/v1/preview/"
        headers = basic(factories.web_user(project, "editor").email, factories.PASSWORD)
        db.session.remove()
    assert in_use_while_it_comes(app, address, b"{}", "application/json", headers) == (400, [0])


def in_use_while_it_comes(
    app: Flask, address: str, content: bytes, kind: str, headers: dict[str, str]
) -> tuple[int, list[int]]:
    """The status of the answer, and how many connections were in use when the body was read."""
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    body = SlowBody(content, pool)
    response = app.test_client().post(
        address,
        data=content,
        content_type=kind,
        headers=headers,
        environ_overrides={"wsgi.input": body},
    )
    return response.status_code, body.in_use
