"""Giving many cases to another owner, as a job that can be stopped and taken back (SPEC C6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.people import scene
from tests.rules.running import case, chunks_of
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.jobs import tasks
from webapp.jobs.models import Job, JobItem, JobState
from webapp.jobs.queue import ask_stop, resume
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.sharing import reassign, reassign_work
from webapp.sharing.reassign import (
    TooMany,
    choose,
    forms_written,
    leaves_something,
    start_reassign,
)
from webapp.submissions.archive import archive
from webapp.submissions.models import Submission
from webapp.submissions.own import ASSIGN_XMLNS, is_own
from webapp.submissions.verify import verify


@pytest.fixture
def team(project: Project) -> Group:
    return scene.group(project, "North Team")


def of_project(project: Project) -> Select[Any]:
    return select(Case).where(Case.project_id == project.id)


def asked(session: Session, project: Project, to: str) -> Job:
    session.rollback()
    chosen = choose(session, of_project(project), to)
    with write_transaction():
        return start_reassign(session, project.id, chosen, to, by=factories.actor())


def worked(session: Session, job: Job) -> Job:
    tasks.work(job.id)
    session.rollback()
    return job


def test_each_case_is_changed_by_a_form_of_its_own(
    session: Session, project: Project, team: Group, tmp_path: Path
):
    for n in range(25):
        open_case(session, project.id, f"c/{n}", owner_id=f"owner-{n % 2}")
    open_case(session, project.id, "theirs", owner_id=team.group_id)
    send(session, project.id, form(case_block("shut", create={"owner_id": "x"}, close=True)))
    gone = open_case(session, project.id, "gone")
    with write_transaction():
        archive(session, project.id, gone.submission_id, by=factories.actor())
    chosen = choose(session, of_project(project), team.group_id)
    assert (len(chosen), chosen.already) == (26, 1)
    assert chosen.owners == {"owner-0": 13, "owner-1": 12, "x": 1}
    assert chosen.moves("b") == {("owner-0", "b"): 13, ("owner-1", "b"): 12}
    assert chosen.mark == choose(session, of_project(project), team.group_id).mark
    with chunks_of(10):
        job = worked(session, asked(session, project, team.group_id))
    assert (job.state, job.total, job.succeeded) == (JobState.FINISHED, 26, 26)
    assert case(session, project, "c/3").owner_id == team.group_id
    assert case(session, project, "shut").closed
    written = session.scalars(
        select(Submission).where(
            Submission.project_id == project.id, Submission.xmlns == ASSIGN_XMLNS
        )
    ).all()
    assert len(written) == 26
    assert all(is_own(one) and one.username == "tester" for one in written)
    assert set(forms_written(session, job)) == {one.id for one in written}
    assert list(verify(session, project.id, attachments=tmp_path)) == []
    # One is taken back by hand: only the others are left.
    with write_transaction():
        archive(session, project.id, written[0].submission_id, by=factories.actor())
    assert len(forms_written(session, job)) == 25
    assert leaves_something(session, job)
    assert len(choose(session, of_project(project), team.group_id)) == 1


def test_what_changed_meanwhile_is_left_as_it_is(session: Session, project: Project, team: Group):
    (amina,) = scene.workers(project, "amina")
    for name in ("same", "moved", "given", "gone"):
        opened = open_case(session, project.id, name, owner_id="a")
    job = asked(session, project, team.group_id)
    for name, owner in (("moved", amina.user_id), ("given", team.group_id)):
        send(session, project.id, form(case_block(name, update={"owner_id": owner})))
    with write_transaction():
        archive(session, project.id, opened.submission_id, by=factories.actor())
    worked(session, job)
    assert (job.succeeded, job.skipped) == (1, 3)
    reasons = session.execute(
        select(JobItem.item, JobItem.reason).where(JobItem.job_id == job.id, JobItem.reason != "")
    )
    assert dict(reasons.all()) == {
        "moved": "The case was given to amina meanwhile.",
        "given": "The case belongs to the new owner already.",
        "gone": "The case was deleted meanwhile: no form of it counts.",
    }
    assert case(session, project, "moved").owner_id == amina.user_id


def test_it_is_stopped_and_goes_on(
    session: Session, project: Project, team: Group, monkeypatch: pytest.MonkeyPatch
):
    for n in range(6):
        open_case(session, project.id, f"c{n}")
    job = asked(session, project, team.group_id)
    give, calls = reassign_work._give, []

    def stopping(*given: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            ask_stop(session, project.id, job.id, by=factories.actor())
        return give(*given, **more)

    monkeypatch.setattr(reassign_work, "_give", stopping)
    with chunks_of(2):
        worked(session, job)
        assert (job.state, job.processed) == (JobState.STOPPED, 4)
        with write_transaction():
            resume(session, project.id, job.id, by=factories.actor())
        worked(session, job)
    assert (job.state, job.succeeded) == (JobState.FINISHED, 6)
    assert len(forms_written(session, job)) == 6


def test_one_bad_case_stops_nothing_else(
    session: Session, project: Project, team: Group, monkeypatch: pytest.MonkeyPatch
):
    for n in range(5):
        open_case(session, project.id, f"c{n}")
    job = asked(session, project, team.group_id)
    real = reassign_work._arrival

    def failing(job: Job, case_id: str, to: str, by: Any) -> Any:
        if case_id == "c3":
            raise ValueError("bad luck")
        return real(job, case_id, to, by)

    monkeypatch.setattr(reassign_work, "_arrival", failing)
    worked(session, job)
    assert (job.state, job.succeeded, job.skipped) == (JobState.FINISHED, 4, 1)


def test_what_cannot_be_is_refused(
    session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    open_case(session, project.id, "a")
    open_case(session, project.id, "b")
    for to in ("a b", "", "x" * 256):
        with pytest.raises(Invalid, match="An owner's id"):
            asked(session, project, to)
    with pytest.raises(Invalid, match="No case would be reassigned"):
        asked(session, project, "owner-1")
    monkeypatch.setattr(reassign, "MOST", 1)
    session.rollback()
    with pytest.raises(TooMany):
        choose(session, of_project(project), None)
