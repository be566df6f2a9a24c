"""Killed in the middle of it, a job over many forms ends with each form switched once (SPEC A6)."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from tests.forms import case_block, form, open_case, send
from tests.history.bulk import asked, in_state, select_forms, select_of_job
from tests.rules.test_crash import forked_workers
from tests.rules.test_undo import assert_whole, states
from tests.rules.test_undo_crash import done_by_workers_that_are_killed, events
from webapp.audit.tags import Tag
from webapp.projects.models import Project
from webapp.submissions.models import State

CASES = 60


def test_killed_five_times_each_form_is_switched_once(
    app: Flask, session: Session, project: Project
):
    ids = []
    for number in range(CASES):
        case = f"c{number}"
        ids.append(open_case(session, project.id, case).submission_id)
        closes = form(case_block(case, update={"seen": "yes"}, close=True))
        ids.append(send(session, project.id, closes).submission_id)
        if number % 3 == 0:  # it stays, so that the opening one is blocked
            later = form(case_block(case, update={"later": "yes"}))
            send(session, project.id, later)
    blocked = CASES // 3
    before = states(session, project)
    job = asked(session, project, select_forms(session, project, ids), State.ARCHIVED)
    with forked_workers(app, chunk=2) as start:
        done_by_workers_that_are_killed(
            session, job, start, times=5, total=len(ids), skipped=blocked
        )
        done = len(ids) - blocked
        assert len(in_state(session, project, State.ARCHIVED)) == done
        assert events(session, project, Tag.SUBMISSION_ARCHIVE) == (done, done)
        assert_whole(app, session, project)
        back = asked(session, project, select_of_job(session, project, job), State.NORMAL)
        done_by_workers_that_are_killed(session, back, start, times=2, total=done)
    assert events(session, project, Tag.SUBMISSION_RESTORE) == (done, done)
    assert states(session, project) == before
    assert_whole(app, session, project)
