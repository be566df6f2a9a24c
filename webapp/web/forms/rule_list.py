"""The filters of the rule list."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.rules.models import Rule, RuleState
from webapp.rules.queries import Health


class RuleListForm(Form):
    """Part of the name, case type, state, and how it went last. What is not offered counts as not
    chosen."""

    name = StringField(_("Name contains"), default="")
    type = SelectField(_("Case type"), validate_choice=False)
    state = SelectField(_("State"), validate_choice=False)
    health = SelectField(_("Health"), validate_choice=False)


def rule_list_form(session: Session, project_id: int, asked: MultiDict[str, str]) -> RuleListForm:
    """The filters of an address; those that nobody offers fall out. One query."""
    types = session.scalars(
        select(Rule.case_type)
        .where(Rule.project_id == project_id)
        .distinct()
        .order_by(Rule.case_type)
    )
    form = RuleListForm(asked)
    form.name.data = (form.name.data or "")[:126]
    form.type.choices = [SelectChoice("", gettext("All types"))]
    form.type.choices += [SelectChoice(one, one) for one in types if one]
    form.state.choices = [
        SelectChoice("", gettext("All but deleted ones")),
        SelectChoice(RuleState.ACTIVE.value, gettext("On")),
        SelectChoice(RuleState.INACTIVE.value, gettext("Off")),
        SelectChoice(RuleState.WATCHING.value, gettext("Watching")),
        SelectChoice(RuleState.DRAFT.value, gettext("Draft")),
        SelectChoice("deleted", gettext("Deleted")),
    ]
    form.health.choices = [
        SelectChoice("", gettext("Any")),
        SelectChoice(Health.HELD.value, gettext("Waits for you")),
        SelectChoice(Health.FAILING.value, gettext("Failing")),
    ]
    for field in (form.type, form.state, form.health):
        if field.data not in {one.value for one in field.choices}:
            field.data = ""
    return form
