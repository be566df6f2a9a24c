"""Pieces of the form of a rule: its rows, the preview (SPEC U3, R25).

Adding, removing and moving rows, and the preview, are submit buttons of the one form, so all of it
works without JavaScript; htmx only swaps less. Nothing here saves anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.forms.rule_problems import problems_of
from webapp.web.forms.rules import (
    RuleForm,
    typed_form,
    with_row_added,
    with_row_moved,
    with_row_removed,
)
from webapp.web.htmx import is_fragment_request, render_page_or_fragment, trigger
from webapp.web.rule_form_page import AGAIN, form_context, rule_in
from webapp.web.rule_preview import preview_of_form, would_change_words
from webapp.web.typed import shown_again_by
from webapp.web.views.rule_check_unsaved import checked_case
from webapp.web.views.rules import rules


@rules.post("/a/<project_name>/rules/rows")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def rows(project: Project) -> ResponseReturnValue:
    """Add a row (`add`: a kind of condition, or `update`), remove one (`remove`: its id), move one
    (`up`, `down`), open one that stands closed (`open`), or only show the rows again, as after a
    change of ALL and ANY. Saves nothing."""
    form = typed_form(request.form)
    rule = rule_in(project, form)
    form, change = _changed(form)
    fragment = is_fragment_request(request)
    if change.said and not fragment:
        flash(change.said)
    answer = render_page_or_fragment(
        "rules/edit.html",
        f"rules/_{change.region}.html",
        **form_context(project, form, rule),
        focus=change.focus,
        fresh=change.fresh,
        moved=change.moved,
        fragment=fragment,
    )
    if not fragment:
        return answer
    # The preview is counted again, from the rows as they are then; or the hints of one that opens.
    trigger(answer, "rows" if change.counts else "opened", settled=True)
    return trigger(answer, "announce", change.said) if change.said else answer


@rules.post("/a/<project_name>/rules/preview")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def preview_unsaved(project: Project) -> ResponseReturnValue:
    """What the rule in the form would do now. Saves nothing."""
    form, wrong = typed_form(request.form), typed_form(request.form)
    as_of = form.read_as_of(project.timezone)
    rule = rule_in(project, form)
    shown = preview_of_form(db.session(), project, form, wrong, rule, as_of=as_of)
    fragment = is_fragment_request(request)
    answer = render_page_or_fragment(
        "rules/edit.html",
        "rules/_preview.html",
        **form_context(project, form, rule),
        preview=shown,
        as_of=as_of,
        checked=checked_case(project, form, as_of) if form.checked.data else None,
        problems=list(problems_of(form)),
        fragment=fragment,
    )
    if fragment and shown.found is not None:
        # The panel follows each change by itself: then only another number than before is said.
        asked = bool(request.form.get("say"))
        trigger(answer, "counted", {"words": would_change_words(shown.found), "asked": asked})
    return answer


@dataclass(frozen=True, slots=True)
class _Change:
    """What became of the rows: the `region` that changed, the id of the row (or way to add one)
    that takes the `focus`, and what is said. `fresh` and `moved` as in _conditions.html; `counts`:
    whether the rule is another one now."""

    region: str = "conditions"
    focus: str = ""
    said: str = ""
    fresh: bool = False
    moved: str = ""
    counts: bool = True


def _changed(form: RuleForm) -> tuple[RuleForm, _Change]:
    """The form with its rows as a button asks for."""
    sent = request.form
    if kind := sent.get("add"):
        form = with_row_added(form, kind)
        entries = form.actions if kind == "update" else form.criteria
        focus = f"{entries.id}-{len(entries) - 1}"
        said = _added(kind, len(entries))
        return form, _Change(_region(focus), focus, said, fresh=True)
    if row := sent.get("remove"):
        form = with_row_removed(form, row)
        return form, _after_removing(form, row)
    if row := sent.get("open"):
        return form, _Change(_region(row), row, fresh=True, counts=False)
    for verb, by in (("up", -1), ("down", 1)):
        if row := sent.get(verb):
            form, place = with_row_moved(form, row, by)
            return form, _after_moving(form, row, verb, place)
    return form, _Change()


def _region(row: str) -> str:
    return "updates" if row.startswith("actions") else "conditions"


def _added(kind: str, number: int) -> str:
    if kind == "update":
        return _("Update %(number)s added", number=number)
    return _("Condition %(number)s added", number=number)


def _after_removing(form: RuleForm, row: str) -> _Change:
    """The focus goes to the next row, else to the way to add one."""
    name, _dash, place = row.partition("-")
    at = int(place) if place.isascii() and place.isdecimal() and len(place) < 5 else 0
    updates = name == "actions"
    entries = form.actions if updates else form.criteria
    if entries.entries:
        focus = f"{entries.id}-{min(at, len(entries) - 1)}"
    else:
        focus = "add-update" if updates else "add-condition"
    if updates:
        return _Change("updates", focus, _("Update %(number)s removed", number=at + 1))
    return _Change("conditions", focus, _("Condition %(number)s removed", number=at + 1))


def _after_moving(form: RuleForm, row: str, verb: str, place: int) -> _Change:
    """The focus stays on the row, at the button that was pressed."""
    if place < 0:
        return _Change(_region(row), row)
    updates = row.startswith("actions")
    entries = form.actions if updates else form.criteria
    where = {"number": place + 1, "total": len(entries)}
    if updates:
        said = _("Moved: this is update %(number)s of %(total)s now", **where)
    else:
        said = _("Moved: this is condition %(number)s of %(total)s now", **where)
    return _Change(_region(row), f"{entries.id}-{place}", said, moved=verb)
