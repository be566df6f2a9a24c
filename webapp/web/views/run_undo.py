"""Undoing a run, and taking the undo back (SPEC R27)."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.extensions import db
from webapp.jobs.queue import wake
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import undo as undoing
from webapp.rules.models import RuleState
from webapp.rules.operations import set_state
from webapp.rules.runs import get_run, rule_of
from webapp.rules.undo_moves import undo_moves
from webapp.sharing.phone_changes import by_moves
from webapp.web.access import project_route
from webapp.web.forms.run import UndoForm
from webapp.web.typed import shown_again_by
from webapp.web.views.runs import runs

AGAIN = "runs.show_typed_undo"


@runs.get("/a/<project_name>/runs/<int:run_id>/undo")
@project_route(Right.EDIT_DATA)
def ask_undo(project: Project, run_id: int) -> ResponseReturnValue:
    """What undoing the run means: how many cases reopen, keep later values, are blocked."""
    return _ask(project, run_id, UndoForm(formdata=None))


@runs.post("/a/<project_name>/runs/<int:run_id>/undo")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def undo(project: Project, run_id: int) -> ResponseReturnValue:
    """Archive all forms of the run, as a job; `deactivate` switches the rule off."""
    form = UndoForm()
    if not form.validate():
        return _ask(project, run_id, form, 422)
    with write_transaction() as session:
        job = undoing.start_undo(
            session, project.id, run_id, by=g.actor, reason=(form.reason.data or "").strip()
        )
        rule = rule_of(session, get_run(session, project.id, run_id))
        off = form.deactivate.data and rule.state == RuleState.ACTIVE and rule.deleted_on is None
        if off:
            set_state(session, project.id, rule.rule_id, RuleState.INACTIVE, by=g.actor)
    wake(job)
    flash(_("The run is being undone. This page shows when that has ended."))
    if off:
        flash(_("The rule is off."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


@runs.post("/a/<project_name>/runs/<int:run_id>/undo/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def show_typed_undo(project: Project, run_id: int) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Undoes nothing."""
    return _ask(project, run_id, UndoForm())


@runs.post("/a/<project_name>/runs/<int:run_id>/redo")
@project_route(Right.EDIT_DATA)
def redo(project: Project, run_id: int) -> ResponseReturnValue:
    """Take the undo back: restore the forms that it archived, as a job."""
    with write_transaction() as session:
        job = undoing.start_redo(session, project.id, run_id, by=g.actor)
    wake(job)
    flash(_("The changes of the run are being brought back."))
    return redirect(url_for("runs.show", run_id=run_id), 303)


def _ask(project: Project, run_id: int, form: UndoForm, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    run = get_run(session, project.id, run_id)
    preview = undoing.undo_preview(session, project.id, run_id)
    moves = undo_moves(session, project.id, run_id) if preview.submissions else {}
    return render_template(
        "runs/undo.html",
        project=project,
        run=run,
        rule=rule_of(session, run),
        form=form,
        preview=preview,
        phones=None if moves is None else by_moves(session, project.id, moves),
        nothing="" if preview.submissions else undoing.nothing_to_undo(run),
    ), status
