"""An edit of an archived form waits, archived, for its restore (ADR 8; SPEC S6, A2, A3, A5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.submissions.test_replay import picture
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State
from webapp.submissions.queries import get_submission
from webapp.submissions.receive import Outcome
from webapp.submissions.reprocess import reprocess
from webapp.submissions.verify import verify


def version(village: str, *more: str) -> bytes:
    create = {"case_type": "patient", "case_name": "Ana"}
    block = case_block("a", create=create, update={"village": village})
    return form(block, *more, instance_id="id-1")


def the_case(session: Session, project: Project, case_id: str = "a") -> Case:
    return session.scalars(
        select(Case)
        .where(Case.project_id == project.id, Case.case_id == case_id)
        .execution_options(populate_existing=True)
    ).one()


def state_of(session: Session, project: Project) -> State:
    return get_submission(session, project.id, "id-1").state


def switch(session: Session, project: Project, operation: object, identity: str = "id-1") -> None:
    with write_transaction():
        operation(session, project.id, identity, by=actor())  # type: ignore[operator]


@pytest.fixture
def archived(session: Session, project: Project) -> Project:
    """A project whose only form, id-1, is archived."""
    send(session, project.id, version("one"))
    switch(session, project, archive)
    return project


def test_changes_no_case(session: Session, archived: Project, tmp_path: Path):
    before = picture(session, archived.id, ticks=True)
    edit = send(session, archived.id, version("two"))
    assert (edit.outcome, edit.submission_id) == (Outcome.EDITED, "id-1")
    assert state_of(session, archived) == State.ARCHIVED
    after = picture(session, archived.id, ticks=True)
    assert (after["cases"], after["indices"]) == (before["cases"], before["indices"])
    assert list(verify(session, archived.id, attachments=tmp_path)) == []


def test_its_restore_applies_the_new_version(session: Session, archived: Project, tmp_path: Path):
    place = get_submission(session, archived.id, "id-1").received_on
    send(session, archived.id, version("two"))
    switch(session, archived, restore)
    row = get_submission(session, archived.id, "id-1")
    assert (row.state, row.received_on) == (State.NORMAL, place)
    case = the_case(session, archived)
    assert (case.deleted, case.properties) == (False, {"village": "two"})
    assert case.server_modified_on == row.edited_on
    switch(session, archived, archive)
    assert the_case(session, archived).deleted
    assert list(verify(session, archived.id, attachments=tmp_path)) == []


def test_leaves_other_forms_of_the_case_alone(session: Session, project: Project, tmp_path: Path):
    open_case(session, project.id, "a", status="open")
    send(session, project.id, version("one"))
    switch(session, project, archive)
    send(session, project.id, form(case_block("a", update={"status": "late"})))
    send(session, project.id, version("two"))
    assert the_case(session, project).properties == {"status": "late"}
    switch(session, project, restore)
    assert the_case(session, project).properties == {"status": "late", "village": "two"}
    assert list(verify(session, project.id, attachments=tmp_path)) == []


def test_a_case_that_only_it_names_is_there_when_it_is_restored(
    session: Session, archived: Project, tmp_path: Path
):
    send(session, archived.id, version("two", case_block("new", create={})))
    new = the_case(session, archived, "new")
    assert new.deleted and new.indexed_on is not None
    assert list(verify(session, archived.id, attachments=tmp_path)) == []
    switch(session, archived, restore)
    assert not the_case(session, archived, "new").deleted


def test_forms_of_the_case_that_it_opened_still_wait_for_it(session: Session, project: Project):
    send(session, project.id, version("one"))
    later = send(session, project.id, form(case_block("a", update={"status": "x"})))
    switch(session, project, archive, later.submission_id)
    switch(session, project, archive)
    send(session, project.id, version("two"))
    with pytest.raises(Refused) as refused:
        switch(session, project, restore, later.submission_id)
    assert refused.value.in_the_way == ("id-1",)
    switch(session, project, restore)
    switch(session, project, restore, later.submission_id)
    assert the_case(session, project).properties == {"village": "two", "status": "x"}


def test_edited_twice_and_sent_again(session: Session, archived: Project, tmp_path: Path):
    send(session, archived.id, version("two"))
    send(session, archived.id, version("three"))
    for village in ("one", "two", "three"):
        assert send(session, archived.id, version(village)).outcome is Outcome.DUPLICATE
    switch(session, archived, restore)
    assert the_case(session, archived).properties == {"village": "three"}
    assert list(verify(session, archived.id, attachments=tmp_path)) == []


def test_one_that_failed_and_is_processed_again_waits_too(
    session: Session, archived: Project, tmp_path: Path
):
    waiting = case_block("a", index={"parent": ("patient", "mother")})
    failed = send(session, archived.id, version("two", waiting))
    assert failed.outcome is Outcome.ERROR
    open_case(session, archived.id, "mother")
    with write_transaction():
        assert reprocess(session, archived.id, failed.submission_id, by=actor()) is None
    assert state_of(session, archived) == State.ARCHIVED
    assert the_case(session, archived).deleted
    switch(session, archived, restore)
    assert the_case(session, archived).properties == {"village": "two"}
    assert list(verify(session, archived.id, attachments=tmp_path)) == []
