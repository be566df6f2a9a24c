"""Two people archive forms of one case at the same moment (SPEC A1, A2)."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.verify import verify


def test_the_second_sees_what_the_first_made_of_the_case(
    app: Flask, session: Session, project: Project
):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time: the second begins when the first is done")
    open_case(session, project.id, "c", a="0")
    project_id = project.id
    older = send(session, project_id, form(case_block("c", update={"a": "1", "b": "1"})))
    newer = send(session, project_id, form(case_block("c", update={"a": "2"})))
    session.rollback()
    written, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with app.app_context(), write_transaction() as own:
            archive(own, project_id, older.submission_id, by=actor())
            own.flush()
            written.set()
            go_on.wait(10)

    def second() -> None:
        with app.app_context(), write_transaction() as own:
            archive(own, project_id, newer.submission_id, by=actor())

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert written.wait(10)
    threads[1].start()
    time.sleep(0.5)  # it waits for the case that the first one holds
    go_on.set()
    for thread in threads:
        thread.join()
    session.rollback()
    case = session.scalars(select(Case).where(Case.project_id == project_id)).one()
    assert case.properties == {"a": "0"}
    folder = app.extensions["settings"].data / "attachments"
    assert list(verify(session, project_id, attachments=folder)) == []
