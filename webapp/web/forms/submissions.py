"""The form with the filters of Submit History: it shows them; `history.filters` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice

from webapp.history.calendar import Days
from webapp.history.choices import Choices, FormChoice
from webapp.history.filters import USER_TYPES, SubmissionFilter, app_value, unparse
from webapp.people.kinds import SYSTEM
from webapp.submissions.models import State
from webapp.web.filtered import show_problems
from webapp.web.location_field import named
from webapp.web.submission_words import (
    app_words,
    rule_words,
    run_words,
    state_choice,
    type_choice,
)


class SubmissionFilterForm(Form):
    """The names of the fields are those of the address. Nothing is validated here."""

    received_from = StringField(_("Received from"), name="from")
    received_to = StringField(_("Received to"), name="to")
    completed_from = StringField(_("Completed from"))
    completed_to = StringField(_("Completed to"))
    user_type = SelectMultipleField(_("User types"), validate_choice=False)
    user = SelectField(_("User"), validate_choice=False)
    group = SelectField(_("Group of the user"), validate_choice=False)
    location = SelectField(_("Location of the user"), validate_choice=False)
    app = SelectField(_("Application"), validate_choice=False)
    xmlns = SelectField(_("Form"), validate_choice=False)
    rule = SelectField(_("Rule"), validate_choice=False)
    run = SelectField(_("Run"), validate_choice=False)
    case = StringField(_("Case id"))
    state = SelectField(_("State"), validate_choice=False)


def filter_form(
    offered: Choices, typed: Mapping[str, Sequence[str]], problems: Mapping[str, str]
) -> SubmissionFilterForm:
    """The form with values as they were typed, and what is wrong with them at each field. A value
    that is not offered is added, so that nothing gets lost."""
    form = SubmissionFilterForm()
    last = {name: values[-1] for name, values in typed.items() if values}
    form.user_type.choices = [SelectChoice(kind.value, type_choice(kind)) for kind in USER_TYPES]
    form.user.choices = _with(_users(offered), last.get("user"))
    form.group.choices = _with(_groups(offered), last.get("group"))
    form.location.choices = _with(_locations(offered), last.get("location"))
    form.app.choices = _with(_apps(offered), last.get("app"))
    form.xmlns.choices = _with(_forms(offered), last.get("xmlns"))
    form.rule.choices = _with(_rules(offered), last.get("rule"))
    form.run.choices = _with(_runs(offered), last.get("run"))
    form.state.choices = _with(_states(), last.get("state"))
    pairs = [(name, value) for name, values in typed.items() for value in values]
    form.process(MultiDict(pairs))
    show_problems(form, problems)
    return form


def as_typed(wanted: SubmissionFilter, received: Days) -> dict[str, list[str]]:
    """A filter as a person would have typed it, the default days written out."""
    typed: dict[str, list[str]] = {}
    for name, value in unparse(wanted):
        typed.setdefault(name, []).append(value)
    if received.first is not None:
        typed["from"] = [received.first.isoformat()]
    if received.last is not None:
        typed["to"] = [received.last.isoformat()]
    return typed


def _users(offered: Choices) -> list[SelectChoice]:
    return [
        SelectChoice("", gettext("Everyone")),
        SelectChoice(SYSTEM, gettext("system (automatic rules)")),
        *(
            SelectChoice(one.user_id, one.name, optgroup=gettext("Mobile workers"))
            for one in offered.workers
        ),
        *(
            SelectChoice(one.user_id, one.name, optgroup=gettext("Web users"))
            for one in offered.web_users
        ),
    ]


def _groups(offered: Choices) -> list[SelectChoice]:
    return [
        SelectChoice("", gettext("Any group, or none")),
        *(SelectChoice(one.owner_id, one.name) for one in offered.groups),
    ]


def _locations(offered: Choices) -> list[SelectChoice]:
    return [
        SelectChoice("", gettext("Anywhere")),
        *(SelectChoice(one.owner_id, named(one)) for one in offered.locations),
    ]


def _apps(offered: Choices) -> list[SelectChoice]:
    return [
        SelectChoice("", gettext("Show all forms of this Application Type…")),
        *(SelectChoice(app_value(one), one) for one in offered.apps),
        SelectChoice(app_value(""), app_words("")),
    ]


def _forms(offered: Choices) -> list[SelectChoice]:
    def group(one: FormChoice) -> tuple[int, str]:
        if one.app_id is None:
            return (1, gettext("In several applications"))
        if one.app_id:
            return (0, gettext("Application %(id)s", id=one.app_id))
        return (2, gettext("Unknown forms"))

    ordered = sorted(offered.forms, key=lambda one: (group(one), one.name, one.xmlns))
    return [
        SelectChoice("", gettext("All forms")),
        *(
            SelectChoice(
                one.xmlns,
                f"{one.name} – {one.xmlns}" if one.name else one.xmlns,
                optgroup=group(one)[1],
            )
            for one in ordered
        ),
    ]


def _rules(offered: Choices) -> list[SelectChoice]:
    kept = [one for one in offered.rules if not one.deleted]
    deleted = [one for one in offered.rules if one.deleted]
    return [
        SelectChoice("", gettext("Any rule, or none")),
        *(SelectChoice(one.rule_id, rule_words(one)) for one in kept),
        *(
            SelectChoice(one.rule_id, rule_words(one), optgroup=gettext("Deleted rules"))
            for one in deleted
        ),
    ]


def _runs(offered: Choices) -> list[SelectChoice]:
    return [
        SelectChoice("", gettext("Any run, or none")),
        *(SelectChoice(str(one.number), run_words(one)) for one in offered.runs),
    ]


def _states() -> list[SelectChoice]:
    normal = [SelectChoice(State.NORMAL.value, state_choice(State.NORMAL))]
    others = [SelectChoice(one.value, state_choice(one)) for one in State if one != State.NORMAL]
    return [*normal, *others, SelectChoice("any", state_choice(None))]


def _with(choices: list[SelectChoice], value: str | None) -> list[SelectChoice]:
    if not value or value in {one.value for one in choices}:
        return choices
    return [*choices, SelectChoice(value, value)]
