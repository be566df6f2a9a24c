"""Pages and proofs read what they show and not the whole project for each row of it, also when
PostgreSQL knows nothing of the project yet: it counts a table when a tenth of it is new, and one
project may stay smaller than that for long."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests import factories
from tests.demo.conftest import TINY, begun, played
from tests.demo.test_build import findings
from tests.forms import case_block, form, send
from tests.web.signing_in import basic, signed_in
from webapp.cases.models import CaseTransaction
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project

#: Addresses of one kind that are looked at.
OF_A_KIND = 2
#: Rows that a question may read for each transaction of the project; besides, it may
#: read tables of this size whole, once, with what other tests left.
EACH = 10

Question = tuple[str, Any]


def test_nothing_reads_the_whole_project_for_each_row(app: Flask, session: Session):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite's plans do not depend on counts that nobody made")
    known = played(begun(size=TINY))
    send(session, known.id, large_form(3000))
    with write_transaction():
        session.execute(text("ANALYZE"))
    project = played(begun())
    mine = CaseTransaction.project_id == project.id
    size, whole = session.execute(select(func.count().filter(mine), func.count())).one()
    with asked(db.engine) as questions:
        assert look_at_everything(app, project) > 100
        synchronize(app, project)
        assert not findings(app, session, project)
    with asked(db.engine) as of_a_large_form:
        look_at_a_large_form(app, session, project)
    session.rollback()
    costs = [
        (work(session, one), one[0])
        for some in (questions, of_a_large_form)
        for one in some.items()
    ]
    assert len(costs) > 200
    assert not [one for one in costs if one[0] > EACH * size + 2 * whole]


@contextmanager
def asked(engine: Engine) -> Iterator[dict[str, Any]]:
    """Each SELECT that the database is asked inside the block, with its first parameters."""
    questions: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and " FOR " not in statement:
            questions.setdefault(statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield questions
    finally:
        event.remove(engine, "before_cursor_execute", note)


def work(session: Session, question: Question) -> int:
    """How many rows of tables PostgreSQL reads to answer."""
    statement, parameters = question
    plan = (
        session.connection()
        .exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
        .scalar_one()
    )
    return _rows((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])


def _rows(node: dict[str, Any]) -> int:
    removed = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    read = node["Actual Loops"] * (node["Actual Rows"] + removed) if "Relation Name" in node else 0
    return int(read) + sum(map(_rows, node.get("Plans", ())))


def look_at_everything(app: Flask, project: Project) -> int:
    """Follow the links of all pages, a few of each kind; how many pages there were."""
    browser = signed_in(app, factories.web_user(project, "admin")).client
    home = f"/a/{project.name}/"
    kinds: Counter[object] = Counter()
    known, ahead = {home}, deque([home])
    while ahead:
        address = ahead.popleft()
        kind = kind_of(app, address)
        kinds[kind] += 1
        if kind is None or kinds[kind] > OF_A_KIND:
            continue
        answer = browser.get(address)
        assert answer.status_code < 500, address
        if answer.mimetype != "text/html":
            continue
        for found in re.findall(r'(?:href|hx-get|action)="([^"#]+)', answer.text):
            there = urljoin(address, found.replace("&amp;", "&"))
            if there.startswith(home) and there not in known:
                known.add(there)
                ahead.append(there)
    return sum(min(count, OF_A_KIND) for kind, count in kinds.items() if kind)


def look_at_a_large_form(app: Flask, session: Session, project: Project) -> None:
    browser = signed_in(app, factories.web_user(project, "admin"))
    form_id = send(session, project.id, large_form(500)).submission_id
    for page in ("", "archive"):
        browser.get(f"/a/{project.name}/submissions/{form_id}/{page}")


def large_form(cases: int) -> bytes:
    blocks = (case_block(f"c-{number}", create={"case_type": "room"}) for number in range(cases))
    return form(*blocks)


def kind_of(app: Flask, address: str) -> object:
    """The view that answers, and the filters that are set; None where there is none for links."""
    parts = urlsplit(address)
    try:
        endpoint, _values = app.url_map.bind("localhost").match(parts.path)
    except (HTTPException, RequestRedirect):
        return None
    return endpoint, tuple(sorted(part.split("=")[0] for part in parts.query.split("&")))


def synchronize(app: Flask, project: Project) -> None:
    """What the phone of a worker asks for."""
    admin, worker = factories.web_user(project, "admin"), factories.mobile_worker(project)
    answer = app.test_client().get(
        f"/a/{project.name}/phone/restore/?version=2.0&as={worker.username}",
        headers=basic(admin.email),
    )
    assert answer.status_code == 200, answer.text
