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
from webapp.history.property_use import Read, uses_of
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.references import Reference
from webapp.web.access import project_route

dictionary = Blueprint("dictionary", __name__)

#: The address of a case type. Not directly below the dictionary's own: a type may have any name.
TYPE = "/a/<project_name>/dictionary/types/<any_name:case_type>"

#: A page counts this long, in seconds; and where somebody asked for it.
PAGE_S, ALL_S = 2.0, 29.0
#: Properties on a page.
PER_PAGE = 100


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


@dictionary.get(f"{TYPE}/")
@project_route(Right.VIEW)
def show(project: Project, case_type: str) -> ResponseReturnValue:
    """The properties of a case type, by group, with how many open cases have each: a page of them
    (`?page=`), or those that `?find=` finds. With `?count=all` counting may take longer."""
    session = db.session()
    found = get_case_type(session, project.id, case_type)
    properties = properties_of(session, project.id, case_type)
    find = request.args.get("find", "")[:255].strip()
    wanted = find.casefold()
    fitting = [
        one for one in properties if wanted in f"{one.name}\n{one.label}\n{one.group}".casefold()
    ]
    pages = max(1, -(-len(fitting) // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    patient = request.args.get("count") == "all"
    shown = fitting[(page - 1) * PER_PAGE : page * PER_PAGE]
    reads = {one.name: Read(Reference((), one.name)) for one in shown}
    limit_s = ALL_S if patient else PAGE_S
    uses = uses_of(session, project.id, case_type, reads.values(), limit_s=limit_s)
    return render_template(
        "dictionary/show.html",
        project=project,
        case_type=found,
        groups=by_group(shown),
        grouped=any(one.group for one in properties),
        total=len(properties),
        most=MOST,
        uses={name: uses[read] for name, read in reads.items() if read in uses},
        uncounted=sum(read not in uses for read in reads.values()),
        open_cases=next((use.open_cases for use in uses.values()), None),
        patient=patient,
        find=find,
        page=page,
        pages=pages,
        per_page=PER_PAGE,
    )
