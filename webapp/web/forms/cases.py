"""The forms of the case screens: the filters of the list, and why a case is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, Form, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import Length, Optional, ValidationError

from webapp.history.case_list import CaseFilter, CaseState
from webapp.history.owner_choices import OwnerChoices
from webapp.people.owners import Owner
from webapp.submissions.render import can_be_text
from webapp.web.filtered import show_problems
from webapp.web.location_field import named


class CaseSearchForm(Form):
    """Shows the filters; `history.case_list` reads them. What is typed as `text` goes into a kept
    search and not into an address (SPEC U7)."""

    text = StringField(
        _("Name or id"), description=_("A part of the name, or a whole case id or external id")
    )
    type = SelectField(_("Case type"), validate_choice=False)
    owner = SelectField(_("Owner"), validate_choice=False)
    location = SelectField(_("Owner in location"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)
    modified_from = StringField(_("Modified from"))
    modified_to = StringField(_("Modified to"))


def search_form(
    typed: Mapping[str, str],
    types: Sequence[str],
    offered: OwnerChoices,
    places: Sequence[Owner],
    problems: Mapping[str, str],
) -> CaseSearchForm:
    """The form with values as they were typed, and what is wrong with them at each field. A value
    that is not offered is added, so that nothing gets lost."""
    form = CaseSearchForm()
    states = {
        CaseState.OPEN.value: gettext("Open"),
        CaseState.CLOSED.value: gettext("Closed"),
        CaseState.DELETED.value: gettext("Deleted"),
        CaseState.ANY.value: gettext("Any state"),
    }
    form.type.choices = _with(
        {"": gettext("Any type"), **{kind: kind for kind in types}}, typed.get("type")
    )
    form.owner.choices = _owners(offered, typed.get("owner"))
    locations = {one.owner_id: named(one) for one in places}
    form.location.choices = _with({"": gettext("Anywhere"), **locations}, typed.get("location"))
    form.state.choices = _with(states, typed.get("state"))
    form.process(MultiDict(typed))
    show_problems(form, problems)
    return form


def as_typed(wanted: CaseFilter, text: str) -> dict[str, str]:
    """A filter as a person would have typed it."""
    days = {"modified_from": wanted.modified.first, "modified_to": wanted.modified.last}
    return {
        "text": text,
        "type": wanted.type,
        "owner": wanted.owner,
        "location": wanted.location,
        "state": wanted.state.value,
        **{name: day.isoformat() for name, day in days.items() if day is not None},
    }


def _with(offered: dict[str, str], chosen: str | None) -> list[SelectChoice]:
    if chosen and chosen not in offered:
        offered = {**offered, chosen: chosen}
    return [SelectChoice(value, label) for value, label in offered.items()]


def _owners(offered: OwnerChoices, chosen: str | None) -> list[SelectChoice]:
    """Each kind under its own heading, with the site code of a location, for names repeat."""
    kinds = {
        gettext("Groups"): offered.groups,
        gettext("Locations"): offered.locations,
        gettext("Mobile workers"): offered.workers,
        gettext("Web users"): offered.web_users,
    }
    found = [SelectChoice("", gettext("Anybody"))]
    for heading, owners in kinds.items():
        for one in owners:
            label = named(one) if one.code else one.name
            found.append(SelectChoice(one.owner_id, label, optgroup=heading))
    if chosen and all(one.value != chosen for one in found):
        found.append(SelectChoice(chosen, chosen))
    return found


class CloseForm(FlaskForm):
    """Why a case is closed, for whoever reads the form later."""

    reason = TextAreaField(
        _("Why is it closed?"),
        [
            Optional(),
            Length(max=1000, message=_("A reason has at most 1,000 characters")),
        ],
        description=_("It stands in the form, not in the case. Do not write names of clients."),
    )

    def validate_reason(self, field: Field) -> None:
        """A form is XML, which cannot carry every character."""
        if not can_be_text(field.data or ""):
            raise ValidationError(_("Remove the control characters from the reason"))
