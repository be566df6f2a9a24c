"""The form with the filters of the run history: it shows them; `history.run_list` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.history.rule_choices import RuleChoice
from webapp.history.run_list import Outcome
from webapp.rules.models import Trigger
from webapp.web.filtered import show_problems
from webapp.web.submission_words import rule_words


class RunFilterForm(Form):
    """The names of the fields are those of the address. Nothing is validated here."""

    state = SelectField(_("State"), validate_choice=False)
    rule = SelectField(_("Rule"), validate_choice=False)
    trigger = SelectField(_("Started"), validate_choice=False)
    queued_from = StringField(_("Queued from"), name="from")
    queued_to = StringField(_("Queued to"), name="to")


def run_filter_form(
    rules: Sequence[RuleChoice], typed: Mapping[str, str], problems: Mapping[str, str]
) -> RunFilterForm:
    """The form with values as they were typed, and what is wrong with them at each field."""
    form = RunFilterForm()
    form.state.choices = [
        SelectChoice("", gettext("Any state")),
        *(SelectChoice(one.value, outcome_words(one)) for one in Outcome),
    ]
    form.rule.choices = [
        SelectChoice("", gettext("Any rule")),
        *(SelectChoice(one.rule_id, rule_words(one)) for one in rules),
    ]
    form.trigger.choices = [
        SelectChoice("", gettext("In any way")),
        *(SelectChoice(one.value, trigger_words(one)) for one in Trigger),
    ]
    form.process(MultiDict(typed))
    show_problems(form, problems)
    return form


def outcome_words(outcome: Outcome) -> str:
    """Where a run stands, as filters offer it."""
    return {
        Outcome.WORKS: gettext("Waiting or running"),
        Outcome.HELD: gettext("Waits for you"),
        Outcome.FINISHED: gettext("Finished"),
        Outcome.FAULTY: gettext("Finished with errors"),
        Outcome.WATCHED: gettext("Only looked"),
        Outcome.STOPPED: gettext("Stopped"),
        Outcome.FAILED: gettext("Failed"),
        Outcome.REJECTED: gettext("Rejected"),
        Outcome.EXPIRED: gettext("Expired"),
    }[outcome]


def trigger_words(trigger: Trigger) -> str:
    """What starts runs, as filters offer it."""
    return {
        Trigger.SCHEDULE: gettext("By its schedule"),
        Trigger.PERSON: gettext("By hand"),
        Trigger.API: gettext("By the API"),
        Trigger.COMMAND_LINE: gettext("On the command line"),
    }[trigger]
