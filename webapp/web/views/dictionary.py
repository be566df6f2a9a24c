"""The data dictionary: case types and their properties (SPEC U10)."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.dictionary.learn import MOST
from webapp.dictionary.queries import (
    by_group,
    get_case_type,
    list_case_types,
    properties_of,
    type_counts,
)
from webapp.extensions import db
from webapp.history.property_use import use_of_all
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route

dictionary = Blueprint("dictionary", __name__)

#: A page counts this long, in seconds; and where somebody asked for it.
PAGE_S, ALL_S = 2.0, 29.0


@dictionary.get("/a/<project_name>/dictionary/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """All case types."""
    session = db.session()
    return render_template(
        "dictionary/index.html",
        project=project,
        case_types=list_case_types(session, project.id),
        counts=type_counts(session, project.id),
    )


@dictionary.get("/a/<project_name>/dictionary/<any_name:case_type>/")
@project_route(Right.VIEW)
def show(project: Project, case_type: str) -> ResponseReturnValue:
    """The properties of a case type, by group, with how many open cases have each; with
    `?count=all` counting may take longer."""
    session = db.session()
    found = get_case_type(session, project.id, case_type)
    properties = properties_of(session, project.id, case_type)
    patient = request.args.get("count") == "all"
    use = use_of_all(session, project.id, case_type, limit_s=ALL_S if patient else PAGE_S)
    return render_template(
        "dictionary/show.html",
        project=project,
        case_type=found,
        groups=by_group(properties),
        total=len(properties),
        most=MOST,
        use=use,
        patient=patient,
    )
