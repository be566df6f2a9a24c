"""A rule's own page: what it says, its versions and runs, the preview, and running it now (SPEC U2,
R24, R25, R29)."""

from __future__ import annotations

from itertools import pairwise

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from webapp.clock import now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import operations
from webapp.rules.held import ended, held_of
from webapp.rules.models import Rule, RuleState, RuleVersion, Run, Trigger
from webapp.rules.moment import parse_as_of
from webapp.rules.nights import next_runs
from webapp.rules.operations import Outdated
from webapp.rules.outlook import MustConfirm, confirmed_changes
from webapp.rules.preview import Owners
from webapp.rules.queries import Health, data_of, get_rule, health_of, version_of, versions_of
from webapp.rules.runs import start_run, wake_run
from webapp.rules.undone import undone_of
from webapp.rules.versions import differences
from webapp.web.access import project_route
from webapp.web.confirming import ask_to_confirm
from webapp.web.forms.compare import CompareForm
from webapp.web.forms.confirm_run import ConfirmForm
from webapp.web.forms.rule import CheckForm, RunForm, version_number
from webapp.web.rule_ahead import ahead_of
from webapp.web.rule_preview import preview_of
from webapp.web.views.rules import rules
from webapp.web.waiting import say_ended

#: Runs, and versions, on a rule's page.
SHOWN_RUNS, SHOWN_VERSIONS = 10, 20


@rules.get("/a/<project_name>/rules/<rule_id>/")
@project_route(Right.VIEW)
def show(project: Project, rule_id: str) -> ResponseReturnValue:
    """All that is known of a rule, also of a deleted one: its forms lead here."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id, deleted=True)
    newest_runs = (
        select(Run)
        .where(Run.project_id == project.id, Run.rule == rule.id)
        .order_by(Run.queued_on.desc(), Run.id.desc())
        .limit(SHOWN_RUNS + 1)
    )
    runs = session.scalars(newest_runs).all()
    versions = versions_of(session, rule)
    return render_template(
        "rules/show.html",
        project=project,
        rule=rule,
        waiting=held_of(session, rule),
        data=data_of(version_of(session, rule, rule.version)),
        next_run=next_runs(session, project, now()).get(rule.id),
        runs=runs[:SHOWN_RUNS],
        failing=next((run for run in runs[:1] if health_of(run) is Health.FAILING), None),
        undone=undone_of(session, project.id, runs[:SHOWN_RUNS]),
        more_runs=len(runs) > SHOWN_RUNS,
        versions=versions[:SHOWN_VERSIONS],
        changes={
            new.number: differences(data_of(old), data_of(new))
            for new, old in pairwise(versions[: SHOWN_VERSIONS + 1])
        },
        all_versions=len(versions),
        check=CheckForm(formdata=None),
    )


@rules.get("/a/<project_name>/rules/<rule_id>/versions/<int:number>")
@project_route(Right.VIEW)
def version(project: Project, rule_id: str, number: int) -> ResponseReturnValue:
    """What a version says, and what is different in another one (`with`; else the one before)."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id, deleted=True)
    shown = version_of(session, rule, number)
    form = CompareForm(request.args, last=rule.version, but=number)
    other = form.wanted
    pair = [shown] if other is None else [shown, version_of(session, rule, other)]
    older, newer = min(pair, key=_number), max(pair, key=_number)
    return render_template(
        "rules/version.html",
        project=project,
        rule=rule,
        version=shown,
        data=data_of(shown),
        form=form,
        older=older,
        newer=newer,
        changes=differences(data_of(older), data_of(newer)),
        waiting=held_of(session, rule),
    )


def _number(version: RuleVersion) -> int:
    return version.number


@rules.get("/a/<project_name>/rules/<rule_id>/versions/<int:number>/restore")
@project_route(Right.EDIT_DATA)
def ask_restore(project: Project, rule_id: str, number: int) -> ResponseReturnValue:
    """What the rule would change with an older version, to be seen before that is in force."""
    return _whether_restored(project, get_rule(db.session(), project.id, rule_id), number)


def _whether_restored(
    project: Project, rule: Rule, number: int, outdated: Outdated | None = None
) -> ResponseReturnValue:
    session = db.session()
    return render_template(
        "rules/restore.html",
        project=project,
        rule=rule,
        number=number,
        ahead=ahead_of(session, project, rule, version_of(session, rule, number)),
        waiting=held_of(session, rule),
        outdated=outdated,
    ), 200 if outdated is None else 409


@rules.post("/a/<project_name>/rules/<rule_id>/versions/<int:number>/restore")
@project_route(Right.EDIT_DATA)
def restore(project: Project, rule_id: str, number: int) -> ResponseReturnValue:
    """Make a new version that says what an older one said. Of a rule that is on, what that would
    change is seen first: the page that says so sends the `version` that was in force, and is shown
    again, 409, where that is another one by now."""
    seen = version_number(request.form.get("version"))
    try:
        with write_transaction() as session:
            rule = get_rule(session, project.id, rule_id)
            asked = rule.state is not RuleState.ACTIVE or seen is not None
            before, waiting = rule.version, held_of(session, rule)
            if asked:
                rule = operations.restore_version(
                    session, project.id, rule_id, number, by=g.actor, based_on=seen
                )
            made, over = rule.version, ended(waiting)
    except Outdated as outdated:
        rule = get_rule(db.session(), project.id, rule_id)
        return _whether_restored(project, rule, number, outdated)
    if not asked:
        return redirect(url_for("rules.ask_restore", rule_id=rule_id, number=number), 303)
    if made == before:
        flash(_("Nothing was different, so there is no new version."))
    else:
        flash(_("Version %(old)s is in force again, as version %(new)s.", old=number, new=made))
    say_ended(over)
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.get("/a/<project_name>/rules/<rule_id>/preview")
@project_route(Right.VIEW)
def preview(project: Project, rule_id: str) -> ResponseReturnValue:
    """What the rule would change now, or `as_of`; from here it is run."""
    form = RunForm(request.args)
    as_of = form.read_as_of(project.timezone)
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    shown = None
    if not form.errors:
        data = data_of(version_of(session, rule, rule.version))
        shown = preview_of(session, project, data, as_of, rule_id=rule_id, owners=Owners.YES)
    return render_template(
        "rules/preview.html", project=project, rule=rule, form=form, as_of=as_of, shown=shown
    ), 422 if form.errors else 200


@rules.post("/a/<project_name>/rules/<rule_id>/run")
@project_route(Right.EDIT_DATA)
def run(project: Project, rule_id: str) -> ResponseReturnValue:
    """Queue a run of the saved version: 303 to its page. One that is over its brake is asked about
    first: 409 with the question."""
    text = request.form.get("as_of", "").strip()
    as_of = parse_as_of(text, project.timezone) if text else None
    reading = db.session()
    rule = get_rule(reading, project.id, rule_id)
    typed = ConfirmForm()
    try:
        confirmed = confirmed_changes(reading, project, rule, given=typed.number, as_of=as_of)
    except MustConfirm as must:
        return ask_to_confirm(project, rule, must, typed, as_of=as_of)
    with write_transaction() as session:
        queued = start_run(
            session,
            project.id,
            get_rule(session, project.id, rule_id),
            trigger=Trigger.PERSON,
            by=g.actor,
            as_of=as_of,
            confirmed=confirmed,
            reason=typed.why if confirmed is not None else "",
        )
        run_id = queued.id
    wake_run(db.session(), queued)
    return redirect(url_for("runs.show", run_id=run_id), 303)
