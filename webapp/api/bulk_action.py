"""Archiving and restoring many forms over HTTP, for machines (SPEC I6): ask for it, and look how
far it is."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.api.asked import json_object, parameters, refuse_unknown
from webapp.api.routes import InvalidFields, api_route, say_which_fields
from webapp.audit.actor import Actor
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.history.bulk_jobs import BECOME, job_over_forms, start_over_ids
from webapp.jobs.models import Job
from webapp.jobs.progress import all_skipped
from webapp.jobs.queue import wake
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.blocks import valid_id
from webapp.submissions.models import State

bulk_action = Blueprint(
    "bulk_action", __name__, url_prefix="/a/<project_name>/api/form/v1/bulk-action"
)
say_which_fields(bulk_action)

#: Forms in one request.
MOST = 5000

_ACTIONS = {"archive": State.ARCHIVED, "unarchive": State.NORMAL}
_WORDS = {state: action for action, state in _ACTIONS.items()}


@bulk_action.post("/")
@api_route(Right.EDIT_DATA)
def ask(project: Project, by: Actor) -> ResponseReturnValue:
    """Queue the job that archives or restores the forms of these ids: 202."""
    parameters()
    to, ids = _asked()
    with write_transaction() as session:
        job = start_over_ids(session, project.id, ids, to, by=by)
        job_id = job.id
    wake(job)
    status_url = url_for(".show", project_name=project.name, job_id=job_id, _external=True)
    return jsonify(id=job_id, status_url=status_url), 202


@bulk_action.get("/<int:job_id>/")
@api_route(Right.VIEW)
def show(project: Project, by: Actor, job_id: int) -> ResponseReturnValue:  # noqa: ARG001
    """How far it is; the same while it works, and when it is over."""
    parameters()
    session = db.session()
    return jsonify(_document(session, job_over_forms(session, project.id, job_id)))


def _asked() -> tuple[State, list[str]]:
    """What the body asks for. Raises `Invalid`."""
    body = json_object()
    refuse_unknown(body, ("action", "form_ids"))
    action, ids = body.get("action"), body.get("form_ids")
    wrong: dict[str, str] = {}
    if not isinstance(action, str) or action not in _ACTIONS:
        wrong["action"] = f"Must be one of {', '.join(_ACTIONS)}."
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST:
        wrong["form_ids"] = f"Must be a list of 1 to {MOST} ids of forms."
    else:
        wrong |= {
            f"form_ids[{place}]": "Must be the id of a form: a text without white space."
            for place, one in enumerate(ids)
            if not isinstance(one, str) or not valid_id(one)
        }
    if wrong:
        raise InvalidFields(dict(list(wrong.items())[:20]))
    return _ACTIONS[str(action)], list(ids or [])


def _document(session: Session, job: Job) -> dict[str, Any]:
    skipped: dict[str, list[str]] = {}
    for item in all_skipped(session, job):
        skipped.setdefault(str(item.reason), []).append(item.item)
    return {
        "id": job.id,
        "action": _WORDS[BECOME[job.kind]],
        "status": job.state.value,
        "requested": job.total,
        "processed": job.processed,
        "succeeded": job.succeeded,
        "skipped": skipped,
    }
