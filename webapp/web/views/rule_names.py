"""Names of properties in the form of a rule: which are offered, and what is known of one (SPEC U3).
Nothing here saves anything."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from webapp.history.property_use import LIMIT_S
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import project_route
from webapp.web.forms.rules import typed_form
from webapp.web.htmx import render_page_or_fragment
from webapp.web.location_field import offered_locations
from webapp.web.property_hints import MOST, property_fields
from webapp.web.rule_form_page import form_context, rule_in
from webapp.web.views.rules import rules


@rules.post("/a/<project_name>/rules/property-names")
@project_route(Right.EDIT_DATA)
def offered(project: Project) -> ResponseReturnValue:
    """The names to offer for the case type in the form, and for what is typed in the field whose
    name is `typing`."""
    form = typed_form(request.form)
    typed = request.form.get(request.form.get("typing", ""), "")
    context = form_context(project, form, rule_in(project, form), hinted=(), typed=typed)
    return render_page_or_fragment("rules/edit.html", "rules/_names.html", **context)


@rules.post("/a/<project_name>/rules/location-names")
@project_route(Right.EDIT_DATA)
def offered_places(project: Project) -> ResponseReturnValue:
    """The locations to offer for what is typed in the field whose name is `typing`."""
    form = typed_form(request.form)
    context = form_context(project, form, rule_in(project, form), hinted=())
    typed = request.form.get(request.form.get("typing", ""), "")
    return render_page_or_fragment(
        "rules/edit.html", "rules/_places.html", **context, places=offered_locations(typed)
    )


@rules.post("/a/<project_name>/rules/property-hints")
@project_route(Right.EDIT_DATA)
def property_hints(project: Project) -> ResponseReturnValue:
    """The hints of the fields whose ids are `hinted`: those that stand on the page."""
    form = typed_form(request.form)
    fields = property_fields(form)
    hinted = [fields[key] for key in request.form.getlist("hinted")[:MOST] if key in fields]
    context = form_context(project, form, rule_in(project, form), hinted=hinted, limit_s=LIMIT_S)
    return render_page_or_fragment(
        "rules/edit.html", "rules/_hints.html", **context, hinted=[one.field for one in hinted]
    )
