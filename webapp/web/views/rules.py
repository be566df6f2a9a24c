"""The rule list, and what can be done to a rule from it (SPEC U2, R30)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.clock import now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.history import filters
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import operations
from webapp.rules.describe import (
    action_words,
    criterion_words,
    happens_words,
    list_words,
    rule_words,
)
from webapp.rules.describe_when import brake_words, schedule_words
from webapp.rules.last_night import last_night
from webapp.rules.models import RuleState
from webapp.rules.nights import next_runs
from webapp.rules.queries import Health, all_data_of, get_rule, list_rules
from webapp.rules.undone import undone_of
from webapp.web.access import project_route
from webapp.web.filtered import FilterTag, with_query
from webapp.web.formatting import number
from webapp.web.forms.rule_list import RuleListForm, rule_list_form
from webapp.web.rule_examples import examples
from webapp.web.rule_preview import would_change_words

rules = Blueprint("rules", __name__)
for words in (
    *(criterion_words, action_words, happens_words, list_words, rule_words),
    *(would_change_words, schedule_words, brake_words),
):
    rules.add_app_template_global(words)

#: Rules on one page.
SHOWN = 25
#: In the session: rules that stay chosen when their list is shown next.
_CHOSEN = "chosen_rules"


@rules.get("/a/<project_name>/rules/")
@project_route(Right.VIEW)
def index(project: Project) -> ResponseReturnValue:
    """The rules in the order in which they run; `name`, `type`, `state` and
    `health` narrow."""
    session = db.session()
    form = rule_list_form(session, project.id, request.args)
    select = request.args.get("select", "")
    deleted = form.state.data == "deleted"
    rows = list_rules(
        session,
        project.id,
        name=(form.name.data or "").strip(),
        case_type=form.type.data or "",
        state=RuleState(form.state.data) if form.state.data and not deleted else None,
        health=Health(form.health.data) if form.health.data else None,
        deleted=deleted,
    )
    undone = undone_of(session, project.id, (row.last_attempt for row in rows))
    pages = max(1, -(-len(rows) // SHOWN))
    page = max(1, min(_page_asked(), pages))
    tags = _tags(form)
    shown = rows[(page - 1) * SHOWN : page * SHOWN]
    said = all_data_of(session, project.id, [row.rule.id for row in shown])
    last = last_night(session, project.id)
    return render_template(
        "rules/index.html",
        project=project,
        form=form,
        rows=shown,
        said=said,
        others=[*rows[: (page - 1) * SHOWN], *rows[page * SHOWN :]] if select == "all" else [],
        select=select if select in {"page", "all"} else "",
        chosen=cookie.pop(_CHOSEN, ()),
        following=next_runs(session, project, now()),
        last=last,
        recent=last is not None and last.recent(now()),
        undone=undone,
        deleted=deleted,
        tags=tags,
        first_use=not rows and not tags,
        examples=examples(),
        rules_words=rules_words(len(rows)),
        total=len(rows),
        page=page,
        pages=pages,
        page_url=lambda wanted: _address(form, page=wanted),
        select_url=lambda wanted: _address(form, page=page, select=wanted),
    )


@rules.post("/a/<project_name>/rules/<rule_id>/up")
@project_route(Right.EDIT_DATA)
def up(project: Project, rule_id: str) -> ResponseReturnValue:
    """Let the rule run before the one in front of it."""
    with write_transaction() as session:
        name = get_rule(session, project.id, rule_id).name
        moved = operations.move_rule(session, project.id, rule_id, "up", by=g.actor)
    if moved:
        flash(_("“%(name)s” now runs earlier.", name=name))
    else:
        flash(_("“%(name)s” is the first already.", name=name))
    return back_to_list()


@rules.post("/a/<project_name>/rules/<rule_id>/down")
@project_route(Right.EDIT_DATA)
def down(project: Project, rule_id: str) -> ResponseReturnValue:
    """Let the rule run after the next one."""
    with write_transaction() as session:
        name = get_rule(session, project.id, rule_id).name
        moved = operations.move_rule(session, project.id, rule_id, "down", by=g.actor)
    if moved:
        flash(_("“%(name)s” now runs later.", name=name))
    else:
        flash(_("“%(name)s” is the last already.", name=name))
    return back_to_list()


@rules.post("/a/<project_name>/rules/<rule_id>/duplicate")
@project_route(Right.EDIT_DATA)
def duplicate(project: Project, rule_id: str) -> ResponseReturnValue:
    """Make a draft that says the same, and open it."""
    with write_transaction() as session:
        copy = operations.duplicate_rule(session, project.id, rule_id, by=g.actor)
        copy_id = copy.rule_id
    flash(_("This is the copy. It is a draft; give it a name of its own."))
    return redirect(url_for("rules.edit", rule_id=copy_id), 303)


@rules.post("/a/<project_name>/rules/<rule_id>/bring-back")
@project_route(Right.EDIT_DATA)
def bring_back(project: Project, rule_id: str) -> ResponseReturnValue:
    """Take the deletion of a rule back."""
    with write_transaction() as session:
        rule = operations.undelete_rule(session, project.id, rule_id, by=g.actor)
        name, state = rule.name, rule.state
    flash(_("“%(name)s” is back.", name=name))
    if state == RuleState.INACTIVE:
        flash(_("It is off."))
    return redirect(url_for("rules.show", rule_id=rule_id), 303)


@rules.app_template_global()
def run_forms_url(run_id: int) -> str:
    """The forms of a run, in Submit History."""
    query = filters.query_string(filters.forms_of_run(run_id))
    return f"{url_for('submissions.index')}?{query}"


@rules.app_template_global()
def rule_forms_url(rule_id: str) -> str:
    """The forms that a rule ever wrote, in Submit History."""
    query = filters.query_string(filters.forms_of_rule(rule_id))
    return f"{url_for('submissions.index')}?{query}"


def rules_words(count: int) -> str:
    """“8 rules”."""
    return ngettext("%(number)s rule", "%(number)s rules", count, number=number(count))


def back_to_list(chosen: Collection[str] = ()) -> ResponseReturnValue:
    """To the list as it was narrowed: its own buttons send what it was narrowed by. Rules that are
    `chosen` stay so, as far as they fit on a page."""
    if 0 < len(chosen) <= SHOWN:
        cookie[_CHOSEN] = sorted(chosen)
    kept = {
        name: request.form.get(name, "") for name in ("name", "type", "state", "health", "page")
    }
    query = urlencode({name: value for name, value in kept.items() if value})
    return redirect(with_query(url_for("rules.index"), query), 303)


def _page_asked() -> int:
    asked = request.args.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdecimal() and 0 < len(asked) < 6 else 1


def _tags(form: RuleListForm) -> list[FilterTag]:
    found = []
    if name := (form.name.data or "").strip():
        found.append(FilterTag(_("Name: %(text)s", text=name), _address(form, name="")))
    if kind := form.type.data:
        found.append(FilterTag(_("Case type: %(type)s", type=kind), _address(form, type="")))
    if form.state.data:
        label = {one.value: one.label for one in form.state.choices}[form.state.data]
        found.append(FilterTag(_("State: %(state)s", state=label), _address(form, state="")))
    if form.health.data:
        label = {one.value: one.label for one in form.health.choices}[form.health.data]
        found.append(FilterTag(_("Health: %(health)s", health=label), _address(form, health="")))
    return found


def _address(form: RuleListForm, **changes: object) -> str:
    """The list with the filters of the form but for `changes`; no page unless one is given."""
    now = {field.short_name: field.data for field in form} | changes
    if now.get("page") == 1:
        del now["page"]
    return url_for("rules.index", **{name: value for name, value in now.items() if value})
