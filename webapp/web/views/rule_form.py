"""Writing a rule: a new one, or a new version of an old one (SPEC U3, U4, R31)."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.audit.models import AuditEvent
from webapp.audit.record import events_about
from webapp.audit.tags import Tag
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.held import ended, held_of
from webapp.rules.models import Rule, RuleState, RuleVersion
from webapp.rules.operations import Outdated, create_rule, edit_rule, set_state
from webapp.rules.portable import InvalidRule, RuleData, rule_from_json
from webapp.rules.queries import data_of, get_rule, version_of
from webapp.rules.versions import differences
from webapp.rules.warnings import warnings_about
from webapp.web.access import project_route
from webapp.web.compression import repeats_nothing
from webapp.web.forms.rule import version_number
from webapp.web.forms.rule_problems import show_problems
from webapp.web.forms.rules import RuleForm, form_of, rule_of, typed_form
from webapp.web.rule_examples import examples
from webapp.web.rule_form_page import AGAIN, form_page
from webapp.web.typed import shown_again_by
from webapp.web.views.rules import rules
from webapp.web.waiting import say_ended

#: What a person may ask for when saving.
STATES = {one.value: one for one in RuleState}


@rules.get("/a/<project_name>/rules/new")
@project_route(Right.EDIT_DATA)
def new(project: Project) -> ResponseReturnValue:
    """An empty form, or one filled in with an example (`?example=`)."""
    wanted = request.args.get("example", "")
    found = next((one.rule for one in examples() if one.key == wanted), None)
    return form_page(project, RuleForm() if found is None else form_of(found))


@rules.post("/a/<project_name>/rules/new")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def create(project: Project) -> ResponseReturnValue:
    """Make a rule: 303 to its page, or 422 with what is wrong."""
    form = typed_form(request.form)
    form.rule_id.data = form.based_on.data = form.state_then.data = ""
    data = _checked(form)
    if data is None:
        return form_page(project, form, status=422)
    state = STATES.get(request.form.get("state", ""), RuleState.DRAFT)
    # What switching it on would change is seen first; till then it is off.
    asks = state is RuleState.ACTIVE
    state = RuleState.INACTIVE if asks else state
    with write_transaction() as session:
        rule = create_rule(session, project.id, data, by=g.actor, state=state)
        rule_id = rule.rule_id
    warnings = warnings_about(session, project.id, data.definition, rule_id=rule_id)
    flash(
        _("The rule is saved as a draft.") if state is RuleState.DRAFT else _("The rule is saved.")
    )
    return _saved(rule_id, asks, state, warnings)


@rules.get("/a/<project_name>/rules/<rule_id>/edit")
@project_route(Right.EDIT_DATA)
def edit(project: Project, rule_id: str) -> ResponseReturnValue:
    """The newest version in the form. 409 where it holds something that the form cannot."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    version = version_of(session, rule, rule.version)
    form = form_of(version.definition, rule_id=rule_id, based_on=rule.version)
    form.state_then.data = rule.state.value
    if _loses(form, data_of(version)):
        raise Refused(
            _("This rule has a value that no field can hold, so it can only be changed by the API.")
        )
    repeats_nothing()
    return form_page(project, form, rule)


@rules.post("/a/<project_name>/rules/<rule_id>/edit")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def save(project: Project, rule_id: str) -> ResponseReturnValue:
    """Make a new version: 303 to the rule's page; 422 with what is wrong; 409, and everything still
    there, where somebody else made a version, switched the rule on, or deleted it, since this form
    was opened."""
    form = typed_form(request.form)
    form.rule_id.data = rule_id
    rule = get_rule(db.session(), project.id, rule_id, deleted=True)
    if rule.deleted_on is not None:
        return _deleted(project, form, rule)
    data = _checked(form)
    if data is None:
        return form_page(project, form, rule, status=422)
    if over := request.form.get("over"):
        form.based_on.data = over
    based_on = version_number(form.based_on.data)
    state = STATES.get(request.form.get("state", ""))
    if based_on != rule.version:
        return _conflict(project, form, rule, data)
    if state is None and rule.state is RuleState.ACTIVE and form.state_then.data != "active":
        form.state_then.data = rule.state.value  # who saves again has seen it
        return form_page(project, form, rule, status=409, switched_on=True)
    try:
        with write_transaction() as session:
            waiting = held_of(session, rule)
            rule = edit_rule(session, project.id, rule_id, data, by=g.actor, based_on=based_on)
            if state in {RuleState.INACTIVE, RuleState.WATCHING}:
                set_state(session, project.id, rule_id, state, by=g.actor)
            made, gone = rule.version, ended(waiting)
    except Outdated:
        # Somebody was faster between our look and our write.
        rule = get_rule(db.session(), project.id, rule_id)
        return _conflict(project, form, rule, data)
    if made == based_on:
        flash(_("Nothing was different, so there is no new version."))
    else:
        flash(_("The rule is saved as version %(number)s.", number=made))
    say_ended(gone)
    warnings = warnings_about(session, project.id, data.definition, rule_id=rule_id)
    return _saved(rule_id, state is RuleState.ACTIVE, state, warnings)


def _checked(form: RuleForm) -> RuleData | None:
    """The rule in the form; None, and the fields say why, where it is none."""
    try:
        return rule_from_json(rule_of(form))
    except InvalidRule as error:
        show_problems(form, error.fields)
        return None


def _deleted(project: Project, form: RuleForm, rule: Rule) -> ResponseReturnValue:
    """What was typed, to be saved as a new rule."""
    form.rule_id.data = form.based_on.data = form.state_then.data = ""
    events = events_about(project.id, f"rule:{rule.rule_id}")
    deleted = db.session().scalars(events.where(AuditEvent.tag == Tag.RULE_DELETE).limit(1)).one()
    return form_page(project, form, status=409, deleted=deleted, gone=rule)


def _conflict(project: Project, form: RuleForm, rule: Rule, data: RuleData) -> ResponseReturnValue:
    session = db.session()
    newest: RuleVersion = version_of(session, rule, rule.version)
    based_on = version_number(form.based_on.data) or 0
    theirs: list[str] = []
    if 0 < based_on < rule.version:
        theirs = differences(data_of(version_of(session, rule, based_on)), data_of(newest))
    return form_page(
        project,
        form,
        rule,
        status=409,
        conflict=newest,
        theirs=theirs,
        differences=differences(data_of(newest), data),
    )


def _loses(form: RuleForm, data: RuleData) -> bool:
    """Whether sending the form back unchanged, as a browser does, would change the rule."""
    try:
        returned = rule_from_json(rule_of(form))
    except InvalidRule:
        return True
    return _close_last(returned.document()) != _close_last(data.document())


def _close_last(document: dict[str, Any]) -> dict[str, Any]:
    """A rule as the form has it. Closing is of the same form as what is written (R9), so where it
    stands among the updates means nothing."""
    actions = sorted(document["actions"], key=lambda one: bool(one["kind"] == "close"))
    return {**document, "actions": actions}


def _saved(
    rule_id: str, asks: bool, state: RuleState | None, warnings: list[str]
) -> ResponseReturnValue:
    """To the rule's page, or to the one that asks whether to switch it on."""
    if asks:
        flash(_("It is not on yet: this is what it would change."))
    elif state is RuleState.INACTIVE:
        flash(_("It is off."))
    elif state is RuleState.WATCHING:
        flash(_("It watches: it records what it would change, and changes nothing."))
    for sentence in warnings:
        flash(sentence)
    page = "rules.ask_activate" if asks else "rules.show"
    return redirect(url_for(page, rule_id=rule_id), 303)
