"""Writing a rule: a new one, or a new version of an old one (SPEC U3, U4, R31).

Adding and removing rows, and the preview, are submit buttons of the one form, so all of it works
without JavaScript; htmx only swaps less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.history.case_list import case_types
from webapp.history.property_names import property_names
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.models import Rule, RuleState, RuleVersion
from webapp.rules.operations import create_rule, edit_rule, set_state
from webapp.rules.portable import InvalidRule, RuleData, rule_from_json
from webapp.rules.queries import data_of, definition_of, get_rule, version_of, warnings_about
from webapp.rules.references import SYSTEM
from webapp.rules.versions import differences
from webapp.web.access import project_route
from webapp.web.forms.rule_problems import problems_of, show_problems
from webapp.web.forms.rules import (
    RuleForm,
    form_of,
    rule_of,
    typed_form,
    with_row_added,
    with_row_removed,
)
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.rule_examples import examples
from webapp.web.rule_preview import (
    kind_words,
    preview_of_form,
    row_words,
    would_change_words,
)
from webapp.web.views.rules import rules

#: What a person may ask for when saving.
STATES = {"draft": RuleState.DRAFT, "active": RuleState.ACTIVE, "inactive": RuleState.INACTIVE}


@rules.get("/a/<project_name>/rules/new")
@project_route(Right.EDIT_DATA)
def new(project: Project) -> ResponseReturnValue:
    """An empty form, or one filled in with an example (`?example=`)."""
    wanted = request.args.get("example", "")
    found = next((one.rule for one in examples() if one.key == wanted), None)
    return _page(project, RuleForm() if found is None else form_of(found))


@rules.post("/a/<project_name>/rules/new")
@project_route(Right.EDIT_DATA)
def create(project: Project) -> ResponseReturnValue:
    """Make a rule: 303 to its page, or 422 with what is wrong."""
    form = typed_form(request.form)
    form.rule_id.data = form.based_on.data = ""
    data = _checked(form)
    if data is None:
        return _page(project, form, status=422)
    state = STATES.get(request.form.get("state", ""), RuleState.DRAFT)
    with write_transaction() as session:
        rule = create_rule(session, project.id, data, by=g.actor, state=state)
        rule_id = rule.rule_id
        warnings = warnings_about(session, project.id, data.definition, rule_id=rule_id)
    flash(_saved_as(state))
    for sentence in warnings:
        flash(sentence)
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.get("/a/<project_name>/rules/<rule_id>/edit")
@project_route(Right.EDIT_DATA)
def edit(project: Project, rule_id: str) -> ResponseReturnValue:
    """The newest version in the form. 409 where it holds something that the form cannot."""
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    stored = version_of(session, rule, rule.version).definition
    form = form_of(stored, rule_id=rule_id, based_on=rule.version)
    if _loses(form, definition_of(session, rule)):
        raise Refused(
            _("This rule has a value that no field can hold, so it can only be changed by the API.")
        )
    return _page(project, form, rule)


@rules.post("/a/<project_name>/rules/<rule_id>/edit")
@project_route(Right.EDIT_DATA)
def save(project: Project, rule_id: str) -> ResponseReturnValue:
    """Make a new version: 303 to the rule's page; 422 with what is wrong; 409, and everything still
    there, where somebody else made a version since this form was opened."""
    form = typed_form(request.form)
    form.rule_id.data = rule_id
    rule = get_rule(db.session(), project.id, rule_id)
    data = _checked(form, version_of(db.session(), rule, rule.version).definition)
    if data is None:
        return _page(project, form, rule, status=422)
    if over := request.form.get("over"):
        form.based_on.data = over
    based_on = _number(form.based_on.data)
    state = STATES.get(request.form.get("state", ""))
    if based_on != rule.version:
        return _conflict(project, form, rule, data)
    try:
        with write_transaction() as session:
            rule = edit_rule(session, project.id, rule_id, data, by=g.actor, based_on=based_on)
            if state is not None:
                set_state(session, project.id, rule_id, state, by=g.actor)
            made = rule.version
            warnings = warnings_about(session, project.id, data.definition, rule_id=rule_id)
    except Refused:
        # Somebody was faster between our look and our write.
        rule = get_rule(db.session(), project.id, rule_id)
        if rule.version == based_on:
            raise
        return _conflict(project, form, rule, data)
    if made == based_on:
        flash(_("Nothing was different, so there is no new version."))
    else:
        flash(_("The rule is saved as version %(number)s.", number=made))
    if state is not None:
        flash(_("It is on.") if state == RuleState.ACTIVE else _("It is off."))
    for sentence in warnings:
        flash(sentence)
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.post("/a/<project_name>/rules/rows")
@project_route(Right.EDIT_DATA)
def rows(project: Project) -> ResponseReturnValue:
    """Add a row (`add`: a kind of condition, or `update`), remove one (`remove`: its id), or only
    show the rows again, as after a change of ALL and ANY. Saves nothing."""
    form = typed_form(request.form)
    rule = _rule_of(project, form)
    add, remove = request.form.get("add", ""), request.form.get("remove", "")
    said, focus, region = "", "", "conditions"
    if add:
        form = with_row_added(form, add)
        region = "updates" if add == "update" else "conditions"
        entries = form.actions if add == "update" else form.criteria
        focus = f"{entries.id}-{len(entries) - 1}"
        said = _added(add, len(entries))
    elif remove:
        form = with_row_removed(form, remove)
        region, focus, said = _after_removing(form, remove)
    fragment = is_fragment_request(request)
    if said and not fragment:
        flash(said)
    answer = render_page_or_fragment(
        "rules/edit.html",
        f"rules/_{region}.html",
        **_context(project, form, rule),
        focus=focus,
        fresh=bool(add),
        fragment=fragment,
    )
    if not fragment:
        return answer
    # The preview is counted again, from the rows as they are then.
    trigger(answer, "rows", settled=True)
    return trigger(answer, "announce", said) if said else answer


@rules.post("/a/<project_name>/rules/preview")
@project_route(Right.EDIT_DATA)
def preview_unsaved(project: Project) -> ResponseReturnValue:
    """What the rule in the form would do now. Saves nothing."""
    form, checked = typed_form(request.form), typed_form(request.form)
    rule = _rule_of(project, form)
    shown = preview_of_form(db.session(), project, form, checked, rule)
    fragment = is_fragment_request(request)
    answer = render_page_or_fragment(
        "rules/edit.html",
        "rules/_preview.html",
        **_context(project, form, rule),
        preview=shown,
        fragment=fragment,
    )
    # Said only to who asked: the panel follows each change by itself.
    if fragment and request.form.get("say") and shown.found is not None:
        trigger(answer, "announce", would_change_words(shown.found))
    return answer


@rules.post("/a/<project_name>/rules/property-names")
@project_route(Right.EDIT_DATA)
def offered_names(project: Project) -> ResponseReturnValue:
    """The names to offer for the case type in the form. Saves nothing."""
    form = typed_form(request.form)
    rule = _rule_of(project, form)
    context = _context(project, form, rule)
    return render_page_or_fragment("rules/edit.html", "rules/_names.html", **context)


def _page(
    project: Project, form: RuleForm, rule: Rule | None = None, *, status: int = 200, **more: Any
) -> ResponseReturnValue:
    problems = list(problems_of(form))
    context = _context(project, form, rule)
    return render_template("rules/edit.html", **context, problems=problems, **more), status


def _context(project: Project, form: RuleForm, rule: Rule | None) -> dict[str, Any]:
    """What the page and each of its pieces need. Two queries."""
    return {
        "project": project,
        "form": form,
        "rule": rule,
        "case_types": case_types(db.session(), project.id),
        "names": _names(project, form),
        "kinds": kind_words(),
        "words": row_words(form),
    }


def _names(project: Project, form: RuleForm) -> list[str]:
    """The names that fields for properties offer: those of cases of the type, then the system's."""
    case_type = (form.case_type.data or "").strip()
    return [*property_names(db.session(), project.id, case_type), *SYSTEM]


def _checked(form: RuleForm, stored: Mapping[str, Any] | None = None) -> RuleData | None:
    """The rule in the form; None, and the fields say why, where it is none. What the form has no
    fields for stays as it is `stored`."""
    kept = {name: stored[name] for name in ("schedule", "brake") if stored and name in stored}
    try:
        return rule_from_json(rule_of(form) | kept)
    except InvalidRule as error:
        show_problems(form, error.fields)
        return None


def _conflict(project: Project, form: RuleForm, rule: Rule, data: RuleData) -> ResponseReturnValue:
    session = db.session()
    newest: RuleVersion = version_of(session, rule, rule.version)
    return _page(
        project,
        form,
        rule,
        status=409,
        conflict=newest,
        differences=differences(data_of(newest), data),
    )


def _loses(form: RuleForm, definition: Any) -> bool:
    """Whether sending the form back unchanged, as a browser does, would change the rule."""
    try:
        return rule_from_json(rule_of(form)).definition != definition
    except InvalidRule:
        return True


def _rule_of(project: Project, form: RuleForm) -> Rule | None:
    rule_id = form.rule_id.data or ""
    return get_rule(db.session(), project.id, rule_id) if rule_id else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _added(kind: str, number: int) -> str:
    if kind == "update":
        return _("Update %(number)s added", number=number)
    return _("Condition %(number)s added", number=number)


def _after_removing(form: RuleForm, row: str) -> tuple[str, str, str]:
    """The region that changed, where the focus goes (the next row, else the way to add one), and
    what is said."""
    name, _dash, place = row.partition("-")
    at = _number(place) or 0
    updates = name == "actions"
    entries = form.actions if updates else form.criteria
    if entries.entries:
        focus = f"{entries.id}-{min(at, len(entries) - 1)}"
    else:
        focus = "add-update" if updates else "add-condition"
    if updates:
        return "updates", focus, _("Update %(number)s removed", number=at + 1)
    return "conditions", focus, _("Condition %(number)s removed", number=at + 1)


def _saved_as(state: RuleState) -> str:
    return {
        RuleState.DRAFT: _("The rule is saved as a draft."),
        RuleState.ACTIVE: _("The rule is saved and on."),
        RuleState.INACTIVE: _("The rule is saved. It is off."),
    }[state]
