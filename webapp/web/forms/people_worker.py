"""The forms about mobile workers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice

from webapp.people.models import MobileWorker
from webapp.people.queries import Belongs
from webapp.people.sharing_models import Group
from webapp.web.forms.based_on import BasedOnForm
from webapp.web.forms.people_choice import ChoiceForm

#: The longest text that is looked for.
LONGEST_SEARCH = 255
#: Rows for user data that is not there yet, and the most that are read.
NEW, MOST_ROWS = 3, 200


class WorkerSearchForm(Form):
    """The filters of the list. What is typed as `text` goes into a kept search and not into an
    address (SPEC U7)."""

    text = StringField(_("Username or name"))
    state = SelectField(
        _("State"),
        choices=[
            SelectChoice("active", _("Active")),
            SelectChoice("inactive", _("Deactivated")),
            SelectChoice("any", _("Any state")),
        ],
        default="active",
        validate_choice=False,
    )
    group = SelectField(_("Group"), choices=[], validate_choice=False)

    def offer(self, groups: Sequence[Group]) -> None:
        """The groups to choose from."""
        self.group.choices = [
            SelectChoice("", gettext("Any group")),
            *(SelectChoice(group.group_id, group.name) for group in groups),
        ]


class DataRow(Form):
    """A text that is kept about a worker, under its name."""

    name = StringField(_("Name"))
    value = StringField(_("Value"))


class WorkerForm(ChoiceForm, BasedOnForm):
    """What is said of a worker. `username` and `password` count only for one that is made."""

    username = StringField(
        _("Username"),
        description=_("What they type on the phone: small letters, digits, dots, “-”, “_”, “+”."),
    )
    password = PasswordField(
        _("Password"),
        description=_("At least 6 characters. Leave it empty to have one made and shown once."),
    )
    first_name = StringField(_("First name"))
    last_name = StringField(_("Last name"))
    data = FieldList(FormField(DataRow), max_entries=MOST_ROWS)

    @classmethod
    def of(cls, worker: MobileWorker | None, belongs: Belongs) -> WorkerForm:
        """The form as the worker is now; without one, empty."""
        groups = [group.group_id for group in belongs.groups]
        locations = [location.location_id for location in belongs.locations]
        said: dict[str, Any] = {"groups": groups, "locations": locations}
        rows = []
        if worker is not None:
            said |= {"first_name": worker.first_name, "last_name": worker.last_name}
            rows = [{"name": name, "value": text} for name, text in worker.user_data.items()]
        form = cls(formdata=None, data={**said, "data": rows})
        form.based_on.data = json.dumps(said | {"data": {} if worker is None else worker.user_data})
        form.prepare()
        return form

    def prepare(self) -> None:
        """Leave some rows for more user data, and gather what is wrong for the summary."""
        for part in (self.data, self.more_groups, self.more_locations):
            part.errors = [entry.errors for entry in part if entry.errors]
        empty = sum(not (row.form.name.data or row.form.value.data) for row in self.data)
        for _number in range(min(NEW - empty, MOST_ROWS - len(self.data))):
            self.data.append_entry()

    def names(self) -> dict[str, str]:
        """First and last name where they differ from what the form was filled with."""
        seen = self.seen()
        typed = {key: " ".join((self[key].data or "").split()) for key in _NAMES}
        return {key: text for key, text in typed.items() if text != seen.get(key, "")}

    def user_data(self, now: Mapping[str, str]) -> dict[str, str]:
        """User data as it is `now`, with what was changed here. Where a row is wrong, its field
        says so."""
        typed: dict[str, str] = {}
        for entry in self.data:
            row = entry.form
            name = (row.name.data or "").strip()
            value = (row.value.data or "").replace("\r\n", "\n").strip()
            if name in typed:
                row.name.errors = [gettext("“%(name)s” stands above already.", name=name[:80])]
            elif value and not name:
                row.name.errors = [gettext("Enter the name of this value.")]
            elif value:
                typed[name] = value
        seen = self.seen().get("data")
        seen = seen if isinstance(seen, dict) else {}
        gone = seen.keys() - typed.keys()
        changed = {name: text for name, text in typed.items() if text != seen.get(name)}
        return {name: text for name, text in now.items() if name not in gone} | changed

    def merged(self, name: str, chosen: Collection[str], now: Collection[str]) -> set[str]:
        """The ids of `groups` or `locations` as they are `now`, with what was changed here."""
        found = self.seen().get(name)
        seen = {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()
        return (set(now) - (seen - set(chosen))) | (set(chosen) - seen)

    def is_wrong(self) -> bool:
        """Whether a row of user data or a name of a group or location is wrong."""
        parts = [*self.data, *self.more_groups, *self.more_locations]
        return any(entry.errors for entry in parts)


_NAMES = ("first_name", "last_name")


class PasswordForm(FlaskForm):
    """Another password for a worker."""

    password = PasswordField(
        _("New password"),
        description=_("At least 6 characters. Leave it empty to have one made and shown once."),
    )
