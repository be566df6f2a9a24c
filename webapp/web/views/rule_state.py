"""Switching a rule on and off, deleting it: each asks where that is big (SPEC R19, U4)."""

from __future__ import annotations

from contextlib import suppress

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import operations
from webapp.rules.held import ended, held_of
from webapp.rules.models import Rule, RuleState, Run, RunState
from webapp.rules.operations import Outdated
from webapp.rules.queries import Past, get_rule, pasts_of, version_of
from webapp.rules.runs import stop
from webapp.web.access import project_route
from webapp.web.forms.rule import version_number
from webapp.web.rule_ahead import ahead_of
from webapp.web.views.rules import rules
from webapp.web.waiting import say_ended

_AT_WORK = (RunState.QUEUED, RunState.PLANNING, RunState.RUNNING)


@rules.get("/a/<project_name>/rules/<rule_id>/activate")
@project_route(Right.EDIT_DATA)
def ask_activate(project: Project, rule_id: str) -> ResponseReturnValue:
    """What the rule would change now, and at its first run where that is another number: to be seen
    before it is switched on."""
    return _whether_on(project, get_rule(db.session(), project.id, rule_id))


def _whether_on(
    project: Project, rule: Rule, outdated: Outdated | None = None
) -> ResponseReturnValue:
    session = db.session()
    ahead = ahead_of(session, project, rule, version_of(session, rule, rule.version))
    return render_template(
        "rules/activate.html", project=project, rule=rule, ahead=ahead, outdated=outdated
    ), 200 if outdated is None else 409


@rules.post("/a/<project_name>/rules/<rule_id>/activate")
@project_route(Right.EDIT_DATA)
def activate(project: Project, rule_id: str) -> ResponseReturnValue:
    """Switch on the `version` that was looked at; a second time changes nothing. Where another one
    is in force by now, that is asked again: 409."""
    seen = version_number(request.form.get("version"))
    if seen is None:
        get_rule(db.session(), project.id, rule_id)  # one that is not there is not asked about
        return redirect(url_for("rules.ask_activate", rule_id=rule_id), 303)
    try:
        with write_transaction() as session:
            rule = operations.set_state(
                session, project.id, rule_id, RuleState.ACTIVE, by=g.actor, based_on=seen
            )
            name = rule.name
    except Outdated as outdated:
        return _whether_on(project, get_rule(db.session(), project.id, rule_id), outdated)
    flash(_("“%(name)s” is on.", name=name))
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.get("/a/<project_name>/rules/<rule_id>/watch")
@project_route(Right.EDIT_DATA)
def ask_watch(project: Project, rule_id: str) -> ResponseReturnValue:
    """Which run ends undecided when the rule only watches."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    return render_template(
        "rules/watch.html", project=project, rule=rule, waiting=held_of(session, rule)
    )


@rules.post("/a/<project_name>/rules/<rule_id>/watch")
@project_route(Right.EDIT_DATA)
def watch(project: Project, rule_id: str) -> ResponseReturnValue:
    """Let the rule record in its slots what it would change, and change nothing (SPEC R28). Where a
    run of it waits for a decision, which ends, that is asked first, unless `sure`."""
    with write_transaction() as session:
        rule = get_rule(session, project.id, rule_id)
        waiting = held_of(session, rule)
        asked = not waiting or "sure" in request.form
        if asked:
            operations.set_state(session, project.id, rule_id, RuleState.WATCHING, by=g.actor)
        name, over = rule.name, ended(waiting)
    if not asked:
        return redirect(url_for("rules.ask_watch", rule_id=rule_id), 303)
    flash(_("“%(name)s” watches: it records what it would change, and changes nothing.", name=name))
    say_ended(over)
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.get("/a/<project_name>/rules/<rule_id>/deactivate")
@project_route(Right.EDIT_DATA)
def ask_deactivate(project: Project, rule_id: str) -> ResponseReturnValue:
    """Whether the run that is at work should stop too, and which one ends undecided."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    return render_template(
        "rules/deactivate.html",
        project=project,
        rule=rule,
        runs=at_work(session, rule),
        waiting=held_of(session, rule),
    )


@rules.post("/a/<project_name>/rules/<rule_id>/deactivate")
@project_route(Right.EDIT_DATA)
def deactivate(project: Project, rule_id: str) -> ResponseReturnValue:
    """Switch the rule off. While a run of it is at work, `runs` says whether that stops (`stop`) or
    goes on (`leave`); without it, that is asked first. So is, unless `sure`, where one waits for a
    decision, which ends."""
    decision = request.form.get("runs", "")
    with write_transaction() as session:
        rule = get_rule(session, project.id, rule_id)
        working, waiting = at_work(session, rule), held_of(session, rule)
        asked = decision in {"stop", "leave"} or not (
            working or (waiting and "sure" not in request.form)
        )
        if asked:
            rule = operations.set_state(
                session, project.id, rule_id, RuleState.INACTIVE, by=g.actor
            )
            stopped = stop_if_asked(session, working, decision)
        name, over = rule.name, ended(waiting)
    if not asked:
        return redirect(url_for("rules.ask_deactivate", rule_id=rule_id), 303)
    flash(_("“%(name)s” is off.", name=name))
    say_ended(over)
    if stopped:
        flash(_("Its run stops; what it has done stays."))
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.get("/a/<project_name>/rules/<rule_id>/delete")
@project_route(Right.EDIT_DATA)
def ask_delete(project: Project, rule_id: str) -> ResponseReturnValue:
    """What deleting the rule means, and whether its run at work should stop too."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    return render_template(
        "rules/delete.html",
        project=project,
        rule=rule,
        past=pasts_of(session, project.id, [rule.id]).get(rule.id, Past()),
        runs=at_work(session, rule),
        waiting=held_of(session, rule),
    )


@rules.post("/a/<project_name>/rules/<rule_id>/delete")
@project_route(Right.EDIT_DATA)
def delete(project: Project, rule_id: str) -> ResponseReturnValue:
    """Hide the rule; it can be brought back. `runs` as in `deactivate`; unless told to leave them,
    runs at work are asked about first."""
    decision = request.form.get("runs", "")
    with write_transaction() as session:
        rule = get_rule(session, project.id, rule_id)
        working, waiting = at_work(session, rule), held_of(session, rule)
        asked = decision in {"stop", "leave"} or not working
        if asked:
            name = rule.name
            operations.delete_rule(session, project.id, rule_id, by=g.actor)
            stop_if_asked(session, working, decision)
            over = ended(waiting)
    if not asked:
        return redirect(url_for("rules.ask_delete", rule_id=rule_id), 303)
    flash(_("“%(name)s” is deleted. You can bring it back here.", name=name))
    say_ended(over)
    return redirect(url_for("rules.index", state="deleted"), 303)


def at_work(session: Session, *those: Rule) -> list[Run]:
    """Runs of some rules of a project that wait or work. One query."""
    found = select(Run).where(
        Run.project_id == those[0].project_id,
        Run.rule.in_([rule.id for rule in those]),
        Run.state.in_(_AT_WORK),
    )
    return list(session.scalars(found.order_by(Run.id)))


def stop_if_asked(session: Session, runs: list[Run], decision: str) -> int:
    """Stop runs at work where a person decided so (`stop`), but for those that are over since that
    was asked; how many stop."""
    stopped = 0
    for run in runs if decision == "stop" else ():
        with suppress(Refused):
            stop(session, run.project_id, run.id, by=g.actor)
            stopped += 1
    return stopped
