"""A run is undone after the field has gone on with its cases for a day (SPEC R27, A2, A3)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.forms import WORKER, case_block, form
from tests.history.bulk import outlook, select_forms
from tests.rules.running import CLOSES, done, equals, rule_that, sets
from tests.rules.test_undo import assert_whole, forms_of, redone, states, undone
from webapp.cases.models import Case
from webapp.clock import SECOND, now
from webapp.database import write_transaction
from webapp.history import bulk_outlook
from webapp.projects.models import Project
from webapp.rules.undo import undo_preview
from webapp.submissions.models import State, Submission
from webapp.submissions.receive import Arrival, read
from webapp.submissions.receive_many import Timed, receive_many

CASES, LATER = 120, 500


def received(project: Project, forms: list[bytes]) -> None:
    """Receive forms, a second apart, the last one now."""
    first = now() - len(forms) * SECOND
    timed = [Timed(first + n * SECOND, Arrival(read(xml), WORKER)) for n, xml in enumerate(forms)]
    with write_transaction() as session:
        receive_many(session, project.id, timed)


def opening(number: int) -> bytes:
    create = {"case_type": "patient", "case_name": f"Case {number}", "owner_id": "owner"}
    update = {"status": "stale", "outcome": "", "phone": str(number)}
    return form(case_block(f"c-{number:03}", create=create, update=update))


def later(number: int) -> bytes:
    """Some write what the run wrote, some close the case."""
    case = about(number)
    update = {"visit": str(number)}
    if int(case[2:]) % 5 == 0:
        update["outcome"] = f"seen on visit {number}"
    return form(case_block(case, update=update, close=closes(case)))


def about(number: int) -> str:
    """Which case: none is about those whose number leaves 2 when it is divided by three."""
    place = number % CASES
    return f"c-{place - place % 3 + number % 2:03}"


def closes(case: str) -> bool:
    return int(case[2:]) % 7 == 0


def test_all_that_came_later_stays_and_all_else_is_as_it_was(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    received(project, [opening(number) for number in range(CASES)])
    before = states(session, project)
    definition = rule_that(
        sets("outcome", "automatic"),
        sets("status", "closed"),
        CLOSES,
        where=equals("status", "stale"),
    )
    run = done(project, definition)
    assert run.closed == CASES
    received(project, [later(number) for number in range(LATER)])
    after = states(session, project)
    last_visit = {about(number): number for number in range(LATER)}
    touched = set(last_visit)

    seen = undo_preview(session, project.id, run.id)
    assert (seen.submissions, seen.cases, seen.keep_later) == (CASES, CASES, len(touched))
    assert (seen.reopen, seen.blocked) == (CASES - len([c for c in touched if closes(c)]), 0)
    monkeypatch.setattr(bulk_outlook, "SHOWN", CASES)
    selection = select_forms(session, project, forms_of(session, run))
    named = outlook(session, project, selection, State.ARCHIVED).first
    assert {one.case_id for one in named if one.keeps_later} == touched

    assert undone(session, run).succeeded == CASES
    session.rollback()
    kept = session.scalars(
        select(Submission.state).where(
            Submission.project_id == project.id,
            Submission.run_id.is_(None),
            Submission.state == State.NORMAL,
        )
    ).all()
    assert len(kept) == CASES + LATER
    undone_states = states(session, project)
    for case in session.scalars(select(Case).where(Case.project_id == project.id)):
        name, number = case.case_id, int(case.case_id[2:])
        if name not in touched:
            assert undone_states[name] == before[name]
            continue
        assert case.properties["status"] == "stale", "nobody else wrote it"
        assert case.properties["phone"] == str(number)
        seen_on = f"seen on visit {last_visit[name]}" if number % 5 == 0 else ""
        assert case.properties["outcome"] == seen_on
        assert case.properties["visit"] == str(last_visit[name])
        assert case.closed == closes(name)
    assert_whole(app, session, project)

    assert redone(session, run).succeeded == CASES
    assert states(session, project) == after
    assert_whole(app, session, project)
