"""The page of a run that the brake held: what it would change, what is different this time, and
the decision (SPEC R22)."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from webapp.clock import now
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.rules.brake import Brake, brake_of
from webapp.rules.held import WAITS
from webapp.rules.limits import use_today
from webapp.rules.models import Run
from webapp.rules.nights import next_runs
from webapp.rules.orders import orders_of, version_of
from webapp.rules.planned_cases import changed_in_plan
from webapp.rules.queries import data_of
from webapp.rules.runs import rule_of
from webapp.rules.runs_before import changes_of, runs_before
from webapp.web.forms.decision import ApproveForm, RejectForm
from webapp.web.htmx import is_fragment_request
from webapp.web.run_cases import cases_page


def held_page(
    project: Project,
    run: Run,
    *,
    approving: ApproveForm | None = None,
    rejecting: RejectForm | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """The page; `approving` or `rejecting` is a form that came back. About fifteen queries."""
    if is_fragment_request(request):
        return _in_place_of_progress()
    session = db.session()
    data = data_of(version_of(session, run))
    would = run.would or {}
    use = use_today(session, project)
    present = brake_of(project, data)
    held_by = _held_by(run) or present
    following = next_runs(session, project, now()).get(run.rule)
    last = (run.held_on or run.queued_on) + WAITS
    return render_template(
        "runs/held.html",
        project=project,
        run=run,
        rule=rule_of(session, run),
        definition=data.definition,
        brake=held_by,
        brake_now=None if present == held_by else present,
        before=runs_before(session, run),
        changes_of=changes_of,
        listed=cases_page(session, run, request.args.get("page", "1")),
        since=changed_in_plan(session, orders_of(session, run)),
        use=use,
        cuts=use.cuts(would.get("submissions", 0)),
        following=following,
        until=last if following is None else min(last, following),
        approving=approving or ApproveForm(formdata=None),
        rejecting=rejecting or RejectForm(formdata=None),
        form=approving or rejecting,
    ), status


def _held_by(run: Run) -> Brake | None:
    """The brake of then; None where that was not kept."""
    if run.brake_cases is None or run.brake_percent is None:
        return None
    return Brake(run.brake_cases, run.brake_percent)


def _in_place_of_progress() -> Response:
    """To a page that asked how far the run is: there is another one now."""
    answer = make_response("")
    answer.headers["HX-Refresh"] = "true"
    answer.vary.add("HX-Request")
    return answer
