"""What a run does to others while it is planned."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.forms import case_block, form, open_case, send
from tests.rules.running import CLOSES, queued, rule_that, saved, worked
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules import work

#: How long the plan takes, and how long a form may wait meanwhile, in seconds.
PLANNING_S, PATIENCE_S = 3.0, 2.0


def test_no_phone_waits_for_a_plan_on_postgresql(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    """Not for a case that is planned, and not for any other. On SQLite a plan is a write like any
    other, and all writers queue for it."""
    planning_s = PLANNING_S if app.extensions["settings"].database_url else 0.0
    for number in range(3):
        open_case(session, project.id, f"c{number}", status="stale")
    open_case(session, project.id, "other", case_type="household")
    run = queued(project, saved(project, rule_that(CLOSES)))
    project_id, waited, threads = project.id, {}, []

    def send_one(case_id: str) -> None:
        with app.app_context():
            begun = time.perf_counter()
            send(db.session(), project_id, form(case_block(case_id, update={"seen": "1"})))
            waited[case_id] = time.perf_counter() - begun
            db.session.remove()

    plan = work.plan

    def slow_plan(*args: Any) -> Any:
        planned = plan(*args)
        for case_id in ("c1", "other"):
            threads.append(threading.Thread(target=send_one, args=(case_id,)))
            threads[-1].start()
        time.sleep(planning_s)
        return planned

    monkeypatch.setattr(work, "plan", slow_plan)
    worked(run)
    for thread in threads:
        thread.join()
    assert set(waited) == {"c1", "other"}
    assert max(waited.values()) < PATIENCE_S
