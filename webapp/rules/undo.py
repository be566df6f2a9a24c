"""Undoing a run, and taking that back: jobs that archive and restore its forms (SPEC R27)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Exists, Select, and_, distinct, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.cases.models import CaseTransaction
from webapp.errors import Refused
from webapp.jobs import queue
from webapp.jobs.kind import Kind
from webapp.jobs.models import Job
from webapp.joins import row_of, same_project
from webapp.rules.models import Run
from webapp.rules.runs import get_run
from webapp.rules.undone import undone
from webapp.submissions.guards import opened
from webapp.submissions.models import State, Submission


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What undoing a run would do: how many of its forms still count, and of the cases that they
    changed how many are open again, how many have only their earlier values again, and how many
    keep what came later. `archived` forms were
    archived already, and stay so. `blocked` ones stay as they are: a later form goes on with a case
    that, since the form that opened it was edited, only the run's form opens (A5)."""

    submissions: int
    cases: int
    reopen: int
    values_back: int
    keep_later: int
    archived: int
    blocked: int


def undo_preview(session: Session, project_id: int, run_id: int) -> UndoPreview:
    """Count what an undo would do now. Raises `NotFound`. Six queries over the run's forms."""
    run = get_run(session, project_id, run_id)
    live = live_changes(run)
    elsewhere, closed_elsewhere, later = other_forms(run)
    # The run's own later forms are archived first, so only others can be in the way.
    blocked = and_(opened(CaseTransaction), later)
    forms = func.count(distinct(Submission.id))
    cases = func.count(distinct(CaseTransaction.case))
    closing = CaseTransaction.change["closes"].as_boolean()

    def count(of: Any, *where: ColumnElement[bool]) -> int:
        return session.scalar(live.with_only_columns(of).where(*where)) or 0

    # One that nothing else is about is no more, and not open.
    reopens = and_(closing, ~blocked, elsewhere, ~closed_elsewhere)
    keeps = and_(~opened(CaseTransaction), later)
    submissions, touched = session.execute(live.with_only_columns(forms, cases)).one()
    return UndoPreview(
        submissions,
        touched,
        reopen=count(cases, reopens),
        values_back=touched - count(cases, or_(reopens, keeps, opened(CaseTransaction))),
        keep_later=count(cases, keeps),
        archived=run.submissions - submissions,
        blocked=count(forms, blocked),
    )


def start_undo(
    session: Session, project_id: int, run_id: int, *, by: Actor, reason: str = ""
) -> Job:
    """Queue a job that archives all forms of a run that still count, newest first; `wake` it after
    the commit. What was archived by hand before is none of its business.

    Raises `NotFound`, or `Refused` while the run or an undo of it is at work, and when no form of
    it counts.
    """
    run = _quiet(session, project_id, run_id)
    if not undone(session, run).counting:
        raise Refused(nothing_to_undo(run))
    return _start(session, run, Kind.UNDO_RUN, {"run_id": run.id, "reason": reason}, by, reason)


def start_redo(session: Session, project_id: int, run_id: int, *, by: Actor) -> Job:
    """Queue a job that restores what undoing the run has archived, in one go or in several, and
    nothing else; `wake` it after the commit. Raises `NotFound`, or `Refused` when nothing is
    undone."""
    run = _quiet(session, project_id, run_id)
    if not undone(session, run).forms:
        raise Refused(_("This run is not undone, so there is nothing to take back."))
    return _start(session, run, Kind.REDO_RUN, {"run_id": run.id}, by, "")


def nothing_to_undo(run: Run) -> str:
    """Why there is nothing to undo where no form of a run counts."""
    if not run.submissions:
        return str(_("This run wrote no form, so there is nothing to undo."))
    return str(_("No form of this run counts any more, so there is nothing to undo."))


def _quiet(session: Session, project_id: int, run_id: int) -> Run:
    """The run, locked, if nothing works on it."""
    get_run(session, project_id, run_id)
    run = session.scalars(
        select(Run)
        .where(Run.project_id == project_id, Run.id == run_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if not run.over:
        raise Refused(_("This run is still at work. Stop it first, or wait until it is over."))
    if run.undo_id is not None and not queue.get_job(session, project_id, run.undo_id).over:
        raise Refused(_("The run is being undone, or brought back, just now."))
    return run


def _start(  # noqa: PLR0917  # one call each
    session: Session, run: Run, kind: Kind, params: dict[str, Any], by: Actor, reason: str
) -> Job:
    job = queue.enqueue(session, run.project_id, kind, params, by=by)
    run.undo_id = job.id
    record(
        session,
        project_id=run.project_id,
        tag=Tag.RUN_UNDO if kind is Kind.UNDO_RUN else Tag.RUN_REDO,
        subject=f"run:{run.id}",
        by=by,
        reason=reason,
        after={"rule": run.rule_name, "job": job.id},
    )
    return job


def other_forms(run: Run) -> tuple[Exists, Exists, Exists]:
    """Of a transaction of a run: whether any other form that counts changed its case; whether one
    closed it, for it stays closed as long as one does (S9d); and whether one came later."""
    other, its = aliased(Submission), aliased(CaseTransaction)
    elsewhere = exists().where(
        same_project(its, CaseTransaction),
        its.case == CaseTransaction.case,
        row_of(other, its.submission, its.project_id),
        other.state == State.NORMAL,
        other.run_id.is_distinct_from(run.id),
    )
    return (
        elsewhere,
        elsewhere.where(its.change["closes"].as_boolean()),
        elsewhere.where(other.received_on > Submission.received_on),
    )


def live_changes(run: Run) -> Select[Any]:
    """The transactions of a run's forms that count."""
    return (
        select(CaseTransaction.case)
        .select_from(Submission)
        .join(
            CaseTransaction,
            and_(
                same_project(CaseTransaction, Submission),
                CaseTransaction.submission == Submission.id,
            ),
        )
        .where(
            Submission.project_id == run.project_id,
            Submission.run_id == run.id,
            Submission.state == State.NORMAL,
        )
    )
