"""Runs of rules over HTTP, for machines (SPEC I7): list, show, approve, reject, stop, resume,
undo, redo."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.api.asked import one_of, parameters, texts_in_body, window
from webapp.api.routes import api_route, say_which_fields
from webapp.audit.actor import Actor
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs.queue import wake
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.documents import run_document, run_documents
from webapp.rules.held import approve, reject
from webapp.rules.lists import count, newest_runs
from webapp.rules.models import RunState
from webapp.rules.runs import get_run, resume, stop, wake_run
from webapp.rules.undo import start_redo, start_undo

runs_v1 = Blueprint("runs_v1", __name__, url_prefix="/a/<project_name>/api/runs/v1")
say_which_fields(runs_v1)


@runs_v1.get("/")
@api_route(Right.VIEW)
def index(project: Project, by: Actor) -> ResponseReturnValue:  # noqa: ARG001  all views take both
    """The runs, newest first; by `rule_id`, `state`."""
    given = parameters("limit", "offset", "rule_id", "state")
    part = window(given)
    state = one_of(RunState, "state", given)
    session = db.session()
    found = newest_runs(project.id, rule_id=given.get("rule_id"), state=state)
    runs = session.scalars(found.limit(part.limit).offset(part.offset)).all()
    return part.answer(count(session, found), run_documents(session, project.id, runs))


@runs_v1.get("/<int:run_id>/")
@api_route(Right.VIEW)
def show(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:  # noqa: ARG001
    """One run; the same while it works, and when it is over."""
    parameters()
    session = db.session()
    return jsonify(run_document(session, get_run(session, project.id, run_id)))


@runs_v1.post("/<int:run_id>/stop/")
@api_route(Right.EDIT_DATA)
def stop_run(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Stop a run: at once if it waits, else after the cases that it is at. What it did stays."""
    parameters()
    texts_in_body()
    with write_transaction() as session:
        stop(session, project.id, run_id, by=by)
        document = _present(session, project, run_id)
    return jsonify(document)


@runs_v1.post("/<int:run_id>/resume/")
@api_route(Right.EDIT_DATA)
def resume_run(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Let a run that was stopped or has failed go on where it ended: 202."""
    parameters()
    texts_in_body()
    with write_transaction() as session:
        run = resume(session, project.id, run_id, by=by)
        document = _present(session, project, run_id)
    wake_run(session, run)
    return jsonify(document), 202


@runs_v1.post("/<int:run_id>/approve/")
@api_route(Right.EDIT_DATA)
def approve_run(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Let a held run do what it has planned, for a `reason` if one is given: 202."""
    parameters()
    sent = texts_in_body("reason")
    with write_transaction() as session:
        run = approve(session, project.id, run_id, by=by, reason=sent.get("reason", ""))
        document = _present(session, project, run_id)
    wake_run(session, run)
    return jsonify(document), 202


@runs_v1.post("/<int:run_id>/reject/")
@api_route(Right.EDIT_DATA)
def reject_run(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Let a held run end without a change, for a `reason` if one is given."""
    parameters()
    sent = texts_in_body("reason")
    with write_transaction() as session:
        reject(session, project.id, run_id, by=by, reason=sent.get("reason", ""))
        document = _present(session, project, run_id)
    return jsonify(document)


@runs_v1.post("/<int:run_id>/undo/")
@api_route(Right.EDIT_DATA)
def undo(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Queue the job that archives all forms of a run, for a `reason` if one is given: 202."""
    parameters()
    sent = texts_in_body("reason")
    with write_transaction() as session:
        job = start_undo(session, project.id, run_id, by=by, reason=sent.get("reason", ""))
        document = _present(session, project, run_id)
    wake(job)
    return jsonify(document), 202


@runs_v1.post("/<int:run_id>/redo/")
@api_route(Right.EDIT_DATA)
def redo(project: Project, by: Actor, run_id: int) -> ResponseReturnValue:
    """Queue the job that takes an undo back, and only what that did: 202."""
    parameters()
    texts_in_body()
    with write_transaction() as session:
        job = start_redo(session, project.id, run_id, by=by)
        document = _present(session, project, run_id)
    wake(job)
    return jsonify(document), 202


def _present(session: Session, project: Project, run_id: int) -> dict[str, Any]:
    """The run as it is now: a change of its job has changed it, too."""
    return run_document(session, get_run(session, project.id, run_id))
