"""Addresses of CommCare HQ that stand in exported data: they lead to our pages (SPEC I8)."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.cases.queries import get_case
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.queries import get_submission
from webapp.web.access import project_route

hq_links = Blueprint("hq_links", __name__)


@hq_links.get("/a/<project_name>/reports/form_data/<path:submission_id>/")
@project_route(Right.VIEW)
def form(project: Project, submission_id: str) -> ResponseReturnValue:
    """To the page of a form. 404 where there is none of this id."""
    get_submission(db.session(), project.id, submission_id)
    return redirect(url_for("submissions.show", submission_id=submission_id))


@hq_links.get("/a/<project_name>/reports/case_data/<path:case_id>/")
@project_route(Right.VIEW)
def case(project: Project, case_id: str) -> ResponseReturnValue:
    """To the page of a case. 404 where there is none of this id."""
    get_case(db.session(), project.id, case_id)
    return redirect(url_for("cases.show", case_id=case_id))


@hq_links.get("/a/<project_name>/api/form/attachment/<path:submission_id>/<name>")
@project_route(Right.VIEW)
def attachment(project: Project, submission_id: str, name: str) -> ResponseReturnValue:
    """To a file that came with a form. 404 where there is no form of this id."""
    get_submission(db.session(), project.id, submission_id)
    return redirect(url_for("submissions.attachment", submission_id=submission_id, name=name))
