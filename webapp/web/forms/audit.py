"""The form with the filters of the audit log: it shows them; `history.audit_list` reads them."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import Form, HiddenField, SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.audit.tags import Tag
from webapp.history.audit_list import COMMAND_LINE
from webapp.people.kinds import SYSTEM
from webapp.web.audit_words import WORDS
from webapp.web.filtered import show_problems

#: What belongs to no project, and so is in the log of none.
_ELSEWHERE = {Tag.WEB_USER_CREATE, Tag.WEB_USER_PASSWORD, Tag.WEB_USER_SET, Tag.WEB_USER_LOGIN}


class AuditFilterForm(Form):
    """The names of the fields are those of the address. Nothing is validated here."""

    tag = SelectField(_("What was done"), validate_choice=False)
    by = SelectField(_("By whom"), validate_choice=False)
    first = StringField(_("From"), name="from")
    last = StringField(_("To"), name="to")
    about = HiddenField()


def audit_filter_form(
    people: Mapping[str, str], typed: Mapping[str, str], problems: Mapping[str, str]
) -> AuditFilterForm:
    """The form with values as they were typed, and what is wrong with them at each field. `people`:
    names by user id."""
    form = AuditFilterForm()
    form.tag.choices = [
        SelectChoice("", gettext("Anything")),
        *sorted(
            (
                SelectChoice(tag.value, str(words))
                for tag, words in WORDS.items()
                if tag not in _ELSEWHERE
            ),
            key=lambda choice: choice.label,
        ),
    ]
    form.by.choices = [
        SelectChoice("", gettext("Anybody")),
        *(SelectChoice(user_id, name) for user_id, name in people.items()),
    ]
    form.process(MultiDict(typed))
    show_problems(form, problems)
    return form


def with_machines(people: Mapping[str, str]) -> dict[str, str]:
    """People, and what else does things: the server, and whoever has a shell on it."""
    return {
        **people,
        SYSTEM: gettext("The server itself"),
        COMMAND_LINE: gettext("The command line"),
    }
