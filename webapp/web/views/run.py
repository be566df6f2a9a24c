"""One run: its progress, what it changed, and what can be done about it (SPEC R18–R24, R27)."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import SECOND, Micros, now
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.history.rows import rows
from webapp.jobs.claim import DEAD_AFTER
from webapp.jobs.models import Job
from webapp.jobs.queue import get_job
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import runs as running
from webapp.rules.going_on import why_past
from webapp.rules.limits import use_today
from webapp.rules.models import Rule, Run, RunState, Trigger
from webapp.rules.nights import next_runs
from webapp.rules.orders import version_of
from webapp.rules.outlook import MustConfirm, confirmed_changes
from webapp.rules.queries import definition_of
from webapp.rules.runs import get_run, rule_of, run_cases, wake_run
from webapp.rules.undone import Undone, undone
from webapp.submissions.models import Submission
from webapp.web.access import project_route
from webapp.web.confirming import ask_to_confirm
from webapp.web.formatting import number
from webapp.web.forms.confirm_run import ConfirmForm
from webapp.web.held_page import held_page
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.pagination import keyset_page
from webapp.web.run_cases import cases_page, has_cases
from webapp.web.views.runs import runs

#: Cases left out on the run's page, and on a page of their own.
SHOWN, LISTED = 10, 100


@runs.get("/a/<project_name>/runs/<int:run_id>/")
@project_route(Right.VIEW)
def show(project: Project, run_id: int) -> ResponseReturnValue:
    """One run. htmx gets its progress and numbers alone, until it is over; with `part=undo`, how
    far its undo is. `page` is one of the list of cases of a run that wrote nothing."""
    session = db.session()
    run = get_run(session, project.id, run_id)
    if run.state is RunState.HELD:
        return held_page(project, run)
    job = None if run.job_id is None else get_job(session, project.id, run.job_id)
    taken_back = undone(session, run)
    undo = taken_back.last
    fragment = is_fragment_request(request)
    context: dict[str, Any] = {
        "project": project,
        "run": run,
        "job": job,
        "undone": taken_back,
        "undo_elapsed": 0 if undo is None else _seconds_since(undo.started_on or undo.queued_on),
        "rule": rule_of(session, run),
        # An approved one began to wait when it was approved.
        "elapsed": _seconds_since(max(run.began_on, run.decided_on or 0)),
        "note": None if job is None else _note(run, job),
        "fragment": fragment,
    }
    watched = undo if fragment and request.args.get("part") == "undo" else None
    if watched is not None and not watched.over:
        return render_page_or_fragment("runs/show.html", "runs/_undo.html", **context)
    if not fragment:
        context["definition"] = definition_of(session, version_of(session, run))
    if not fragment or run.over:
        context |= _outcome(session, run)
    if run.state in {RunState.STOPPED, RunState.FAILED}:
        context |= _going_on(session, project, run, context["rule"])
    if watched is not None:
        return _undo_ended(context)
    return render_page_or_fragment("runs/show.html", "runs/_run.html", **context)


def _undo_ended(context: dict[str, Any]) -> Response:
    """The whole outcome, out of band, in place of the panel that asked how far the undo is."""
    answer = render_page_or_fragment("runs/show.html", "runs/_outcome.html", **context)
    answer.headers["HX-Reswap"] = "none"
    return trigger(answer, "announce", _how_undone(context["undone"]))


def _how_undone(taken_back: Undone) -> str:
    """What the panel shows, which goes by the forms: while a job was stopped, people may have
    archived or restored some by hand."""
    if taken_back.undoing and not taken_back.counting:
        return str(_("The run is undone."))
    if not taken_back.undoing and not taken_back.forms:
        return str(_("The changes of the run are back."))
    return str(
        _(
            "The job is over: %(done)s of %(total)s forms of the run are undone.",
            done=number(taken_back.forms),
            total=number(taken_back.submissions),
        )
    )


@runs.get("/a/<project_name>/runs/<int:run_id>/errors")
@project_route(Right.VIEW)
def errors(project: Project, run_id: int) -> ResponseReturnValue:
    """All cases at fault, with the reason, in the order of the run."""
    return _left_out(project, run_id, failed=True)


@runs.get("/a/<project_name>/runs/<int:run_id>/skipped")
@project_route(Right.VIEW)
def skipped(project: Project, run_id: int) -> ResponseReturnValue:
    """All cases that no longer matched at their turn, in the order of the run."""
    return _left_out(project, run_id, failed=False)


@runs.post("/a/<project_name>/runs/<int:run_id>/stop")
@project_route(Right.EDIT_DATA)
def stop(project: Project, run_id: int) -> ResponseReturnValue:
    """Stop a run; what it has done stays."""
    with write_transaction() as session:
        run = running.stop(session, project.id, run_id, by=g.actor)
        state = run.state
    if state == RunState.STOPPED:
        flash(_("The run is stopped."))
    elif state == RunState.PLANNING:
        flash(_("The run stops before it changes anything."))
    else:
        flash(_("The run stops after the cases that it is at. What is done stays."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


@runs.post("/a/<project_name>/runs/<int:run_id>/resume")
@project_route(Right.EDIT_DATA)
def resume(project: Project, run_id: int) -> ResponseReturnValue:
    """Let a stopped or failed run go on where it ended."""
    with write_transaction() as session:
        run = running.resume(session, project.id, run_id, by=g.actor)
    wake_run(db.session(), run)
    flash(_("The run goes on where it ended."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


@runs.post("/a/<project_name>/runs/<int:run_id>/again")
@project_route(Right.EDIT_DATA)
def again(project: Project, run_id: int) -> ResponseReturnValue:
    """Run the same version of the rule again, as of the same instant; 409 with a question where
    that is over its brake."""
    reading = db.session()
    old = get_run(reading, project.id, run_id)
    rule, typed = rule_of(reading, old), ConfirmForm()
    try:
        confirmed = confirmed_changes(
            reading, project, rule, given=typed.number, as_of=old.as_of, version=old.rule_version
        )
    except MustConfirm as must:
        return ask_to_confirm(project, rule, must, typed, as_of=old.as_of)
    with write_transaction() as session:
        run = running.run_again(
            session,
            project.id,
            run_id,
            trigger=Trigger.PERSON,
            by=g.actor,
            confirmed=confirmed,
            reason=typed.why if confirmed is not None else "",
        )
        new_id = run.id
    wake_run(db.session(), run)
    flash(_("This is the new run."))
    return redirect(url_for("runs.show", run_id=new_id), 303)


def _outcome(session: Session, run: Run) -> dict[str, Any]:
    """What came of a run so far: some of the cases left out, and a page of its forms; of one that
    only looked, of what it found."""
    if has_cases(run):
        return {"listed": cases_page(session, run, request.args.get("page", "1"))}
    page = keyset_page(
        session,
        select(Submission).where(
            Submission.project_id == run.project_id, Submission.run_id == run.id
        ),
        Submission.received_on,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    return {
        "page": page,
        "forms": rows(session, run.project_id, page.rows),
        "newer_url": url_for("runs.show", run_id=run.id, after=page.newer),
        "older_url": url_for("runs.show", run_id=run.id, before=page.older),
        "newest_url": url_for("runs.show", run_id=run.id),
        "faults": _some(session, run, failed=True) if run.errors else [],
        "skips": _some(session, run, failed=False) if run.skipped else [],
    }


def _going_on(session: Session, project: Project, run: Run, rule: Rule) -> dict[str, Any]:
    """Why a run that ended too early does not go on any more, if so; from when on it may write
    again, where the day's limit is used up; and when its rule runs next."""
    use = use_today(session, project)
    return {
        "past": why_past(run, rule),
        "limit_until": use.until if use.left == 0 else None,
        "following": next_runs(session, project, now()).get(run.rule),
    }


def _some(session: Session, run: Run, *, failed: bool) -> list[running.CaseOfRun]:
    return run_cases(session, run, failed=failed, limit=SHOWN)


def _left_out(project: Project, run_id: int, *, failed: bool) -> ResponseReturnValue:
    session = db.session()
    run = get_run(session, project.id, run_id)
    asked = request.args.get("after", "-1")
    if asked != "-1" and not (asked.isascii() and asked.isdecimal() and len(asked) < 10):
        raise Invalid(_("This link to a page of a list cannot be read."))
    found = run_cases(session, run, failed=failed, after=int(asked), limit=LISTED + 1)
    return render_template(
        "runs/left_out.html",
        project=project,
        run=run,
        failed=failed,
        cases=found[:LISTED],
        more_after=found[LISTED - 1].place if len(found) > LISTED else None,
    )


def _seconds_since(instant: Micros) -> int:
    return (now() - instant) // SECOND


def _note(run: Run, job: Job) -> str | None:
    """A sentence on what happens now, where that is not plain."""
    if run.state == RunState.QUEUED:
        return _("It waits for its turn: one run, undo or job of a project works at a time.")
    if run.over:
        return None
    if job.stop_asked and run.state == RunState.PLANNING:
        return _("It stops before it changes anything.")
    if job.stop_asked:
        return _("It stops after the cases that it is at.")
    if (job.heartbeat_on or 0) < now() - DEAD_AFTER:
        return _("Its worker does not answer. The run goes on by itself within two minutes.")
    if run.state == RunState.PLANNING:
        return _("It decides which cases match. Nothing is changed yet.")
    return None
