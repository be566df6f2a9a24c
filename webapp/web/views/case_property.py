"""The history of one value of a case (SPEC U5, A7)."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.cases.queries import get_case
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.history.case_properties import described
from webapp.history.last_names import last_names
from webapp.history.property_history import ATTRIBUTES, property_history
from webapp.history.words import form_title, type_word
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions.render import can_be_name
from webapp.web.access import project_route
from webapp.web.views.case_edit import cases

__all__ = ["cases"]  # with the routes of this file, and those before


@cases.get("/a/<project_name>/cases/<public_id:case_id>/history/<any_name:name>")
@project_route(Right.VIEW)
def history(project: Project, case_id: str, name: str) -> ResponseReturnValue:
    """The forms that changed a property, or the name, type, owner or external id; `before` is a
    place in it. 404 for a property that the case has never had."""
    if not can_be_name(name):
        raise NotFound(_("A form cannot name a property so."))
    session = db.session()
    case = get_case(session, project.id, case_id)
    before = _tick(request.args.get("before"))
    past = property_history(session, case, name, before=before)
    if name not in ATTRIBUTES and name not in case.properties and not past.values and not before:
        raise NotFound(_("No form has set a property of this name in this case."))
    about = described(session, case, [name])[0]
    now = getattr(case, ATTRIBUTES[name]) if name in ATTRIBUTES else case.properties.get(name)
    users = {end for one in past.values for end in (one.before, one.after)} | {now}
    return render_template(
        "cases/property.html",
        project=project,
        case=case,
        last_name=last_names(session, project.id, [case]).get(case.id),
        property_name=name,
        about=about,
        now=now,
        past=past,
        newest=before is None,
        names=names_of_owners(session, project.id, [one for one in users if one])
        if name == "owner_id"
        else {},
        form_title=form_title,
        type_word=type_word,
    )


def _tick(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(_("This address is no place in the history."))
    return int(text)
