"""What the rules of its type would do to a case (SPEC U5, R26)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.cases.queries import get_case
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.explain_case import Explained, explain_case
from webapp.rules.models import Rule
from webapp.rules.queries import all_data_of
from webapp.web.access import project_route
from webapp.web.rule_preview import moment_of
from webapp.web.views.case import cases

__all__ = ["cases"]  # with the routes of this file, and those before

#: Rules that are looked at; more have no page here, but each can check the case.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Looked:
    """A rule, and what it finds of the case."""

    rule: Rule
    explained: Explained


@cases.get("/a/<project_name>/cases/<public_id:case_id>/rules")
@project_route(Right.VIEW)
def rules(project: Project, case_id: str) -> ResponseReturnValue:
    """Which rules match the case now, and what they would do to it. Some queries for each rule."""
    session = db.session()
    case = get_case(session, project.id, case_id)
    found = session.scalars(
        select(Rule)
        .where(
            Rule.project_id == project.id,
            Rule.case_type == case.type,
            Rule.deleted_on.is_(None),
        )
        .order_by(Rule.position, Rule.id)
        .limit(SHOWN + 1)
    ).all()
    all_data = all_data_of(session, project.id, [rule.id for rule in found])
    moment = moment_of(project)
    looked = []
    for rule in found[:SHOWN]:
        definition = all_data[rule.id].definition
        explained = explain_case(session, project.id, definition, case_id, moment)
        looked.append(Looked(rule, explained))
    return render_template(
        "cases/rules.html",
        project=project,
        case=case,
        looked=looked,
        more=len(found) > SHOWN,
        moment=moment,
    )
