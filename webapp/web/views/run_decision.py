"""Deciding about a held run, with the list of its cases in front of one (SPEC R22)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import held
from webapp.rules.models import RuleState
from webapp.rules.operations import set_state
from webapp.rules.planned_cases import PlannedCase
from webapp.rules.runs import rule_of, wake_run
from webapp.web.access import project_route
from webapp.web.csv_answer import csv_answer
from webapp.web.forms.decision import ApproveForm, RejectForm
from webapp.web.held_page import held_page
from webapp.web.run_cases import all_cases
from webapp.web.views.runs import runs

#: The columns of the list: a line for each value that changes, or for a case without any.
HEAD = ("case_id", "name", "closes", "changed_case_id", "property", "before", "after", "note")


@runs.post("/a/<project_name>/runs/<int:run_id>/approve")
@project_route(Right.EDIT_DATA)
def approve(project: Project, run_id: int) -> ResponseReturnValue:
    """Let a held run do what it planned; whoever wants it types how many cases change."""
    run = held.held_run(db.session(), project.id, run_id)
    form = ApproveForm(run.would_change)
    if not form.validate():
        return held_page(project, run, approving=form, status=422)
    with write_transaction() as session:
        run = held.approve(session, project.id, run_id, by=g.actor, reason=form.why)
    wake_run(db.session(), run)
    flash(_("The run is approved. This page shows how far it is."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


@runs.post("/a/<project_name>/runs/<int:run_id>/reject")
@project_route(Right.EDIT_DATA)
def reject(project: Project, run_id: int) -> ResponseReturnValue:
    """Let a held run end without a change; with `off`, switch its rule off too."""
    run = held.held_run(db.session(), project.id, run_id)
    form = RejectForm()
    if not form.validate():
        return held_page(project, run, rejecting=form, status=422)
    with write_transaction() as session:
        run = held.reject(session, project.id, run_id, by=g.actor, reason=form.why)
        rule = rule_of(session, run)
        off = "off" in request.form and rule.state is RuleState.ACTIVE and rule.deleted_on is None
        if off:
            set_state(session, project.id, rule.rule_id, RuleState.INACTIVE, by=g.actor)
    flash(_("The run is rejected. Nothing was changed."))
    if off:
        flash(_("The rule is off."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


@runs.get("/a/<project_name>/runs/<int:run_id>/cases.csv")
@project_route(Right.VIEW)
def cases_csv(project: Project, run_id: int) -> ResponseReturnValue:
    """All cases that a held run would change, or that one which only looked has found."""
    cases = all_cases(db.session(), project.id, run_id)
    # The first is read before anything is answered: where there is no list that is said on a page.
    first = [one for one in [next(cases, None)] if one is not None]
    lines = chain.from_iterable(_lines(one) for one in chain(first, cases))
    return csv_answer(f"run-{run_id}-cases.csv", HEAD, lines)


def _lines(one: PlannedCase) -> Iterator[tuple[object, ...]]:
    change = one.change
    note = one.left_out or (_("Stays as it is.") if one.stays else "")
    case = (change.case_id, change.name, "yes" if change.closes else "no")
    for value in change.changes:
        yield (*case, value.case_id, value.property, value.before, value.after, note)
    if not change.changes:
        yield (*case, "", "", "", "", note)
