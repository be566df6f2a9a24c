"""The form with the filters of the case list: it shows them; `history.case_list` reads them."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Length

from webapp.history.case_list import CaseFilter, CaseState
from webapp.history.choices import Choices


class CaseSearchForm(FlaskForm):
    """What is typed goes into a kept search and not into an address (SPEC U7)."""

    text = StringField(
        _("Name or id"),
        [Length(max=255, message=_("Search for at most 255 characters"))],
        description=_("A part of the name, or a whole case id or external id"),
    )
    type = SelectField(_("Case type"), validate_choice=False)
    owner = SelectField(_("Owner"), validate_choice=False)
    state = SelectField(_("State"))


def search_form(
    wanted: CaseFilter, text: str, types: Sequence[str], offered: Choices
) -> CaseSearchForm:
    """The form as a filter has it; what is chosen but not offered is added. A posted form has what
    was posted."""
    form = CaseSearchForm(text=text, type=wanted.type, owner=wanted.owner, state=wanted.state.value)
    owners = {one.user_id: one.name for one in (*offered.workers, *offered.web_users)}
    form.type.choices = _with(_("Any type"), {kind: kind for kind in types}, form.type.data)
    form.owner.choices = _with(_("Anybody"), owners, form.owner.data)
    form.state.choices = [
        SelectChoice(CaseState.OPEN.value, _("Open")),
        SelectChoice(CaseState.CLOSED.value, _("Closed")),
        SelectChoice(CaseState.DELETED.value, _("Deleted")),
        SelectChoice(CaseState.ANY.value, _("Any state")),
    ]
    return form


def _with(everything: str, offered: dict[str, str], chosen: str | None) -> list[SelectChoice]:
    if chosen:
        offered = {chosen: chosen, **offered}
    choices = [SelectChoice(value, label) for value, label in offered.items()]
    return [SelectChoice("", everything), *choices]
