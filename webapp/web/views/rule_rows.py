"""Pieces of the form of a rule: its rows, the preview, the names that are offered (SPEC U3, R25).

Adding and removing rows, and the preview, are submit buttons of the one form, so all of it works
without JavaScript; htmx only swaps less. Nothing here saves anything.
"""

from __future__ import annotations

from flask import flash, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.forms.rules import RuleForm, typed_form, with_row_added, with_row_removed
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.rule_form_page import AGAIN, form_context, rule_in
from webapp.web.rule_preview import preview_of_form, would_change_words
from webapp.web.typed import shown_again_by
from webapp.web.views.rules import rules


@rules.post("/a/<project_name>/rules/rows")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def rows(project: Project) -> ResponseReturnValue:
    """Add a row (`add`: a kind of condition, or `update`), remove one (`remove`: its id), open one
    that stands closed (`open`), or only show the rows again, as after a change of ALL and ANY.
    Saves nothing."""
    form = typed_form(request.form)
    rule = rule_in(project, form)
    add, remove = request.form.get("add", ""), request.form.get("remove", "")
    opened = request.form.get("open", "")
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
    elif opened:
        region, focus = "updates" if opened.startswith("actions-") else "conditions", opened
    fragment = is_fragment_request(request)
    if said and not fragment:
        flash(said)
    answer = render_page_or_fragment(
        "rules/edit.html",
        f"rules/_{region}.html",
        **form_context(project, form, rule),
        focus=focus,
        fresh=bool(add or opened),
        fragment=fragment,
    )
    if not fragment:
        return answer
    if not opened:
        # The preview is counted again, from the rows as they are then.
        trigger(answer, "rows", settled=True)
    return trigger(answer, "announce", said) if said else answer


@rules.post("/a/<project_name>/rules/preview")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def preview_unsaved(project: Project) -> ResponseReturnValue:
    """What the rule in the form would do now. Saves nothing."""
    form, checked = typed_form(request.form), typed_form(request.form)
    rule = rule_in(project, form)
    shown = preview_of_form(db.session(), project, form, checked, rule)
    fragment = is_fragment_request(request)
    answer = render_page_or_fragment(
        "rules/edit.html",
        "rules/_preview.html",
        **form_context(project, form, rule),
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
    rule = rule_in(project, form)
    context = form_context(project, form, rule)
    return render_page_or_fragment("rules/edit.html", "rules/_names.html", **context)


def _added(kind: str, number: int) -> str:
    if kind == "update":
        return _("Update %(number)s added", number=number)
    return _("Condition %(number)s added", number=number)


def _after_removing(form: RuleForm, row: str) -> tuple[str, str, str]:
    """The region that changed, where the focus goes (the next row, else the way to add one), and
    what is said."""
    name, _dash, place = row.partition("-")
    at = int(place) if place.isascii() and place.isdecimal() and len(place) < 5 else 0
    updates = name == "actions"
    entries = form.actions if updates else form.criteria
    if entries.entries:
        focus = f"{entries.id}-{min(at, len(entries) - 1)}"
    else:
        focus = "add-update" if updates else "add-condition"
    if updates:
        return "updates", focus, _("Update %(number)s removed", number=at + 1)
    return "conditions", focus, _("Condition %(number)s removed", number=at + 1)
