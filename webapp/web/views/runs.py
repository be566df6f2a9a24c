"""The runs of a project's rules, newest first (SPEC U2)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.models import Run
from webapp.rules.queries import get_rule
from webapp.web.access import project_route
from webapp.web.pagination import keyset_page
from webapp.web.run_undos import undos_of

runs = Blueprint("runs", __name__)


@runs.get("/a/<project_name>/runs/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """All runs, or those of one rule (`rule`), newest first."""
    session = db.session()
    rule_id = request.args.get("rule", "")
    rule = get_rule(session, project.id, rule_id, deleted=True) if rule_id else None
    found = select(Run).where(Run.project_id == project.id)
    if rule is not None:
        found = found.where(Run.rule == rule.id)
    page = keyset_page(
        session,
        found,
        Run.queued_on,
        Run.id,
        before=request.args.get("before"),
        after=request.args.get("after"),
    )

    def address(**place: Any) -> str:
        return url_for("runs.index", rule=rule_id or None, **place)

    return render_template(
        "runs/index.html",
        project=project,
        rule=rule,
        page=page,
        undos=undos_of(session, project.id, page.rows),
        newer_url=address(after=page.newer),
        older_url=address(before=page.older),
        newest_url=address(),
    )
