"""The forms *Edit properties* and *Reassign* of a case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    RadioField,
    StringField,
)
from wtforms.fields import SelectChoice
from wtforms.widgets import TextArea

from webapp.history.case_properties import MOST, Described
from webapp.submissions.own_edit import EDITABLE, Wish, fingerprint, name_problem

#: Rows for properties that the case does not have yet.
NEW = 3
#: More than the page has: properties that are shown or offered, name and external id.
MOST_ROWS = 2 * MOST
#: Longer values, and those of several lines, get a larger field.
ONE_LINE = 60


class ValueRow(Form):
    """A value under its name. `seen` tells which value the person saw when they began; `choice`,
    which is asked where that is no longer the one, what becomes of the one that came meanwhile."""

    name = HiddenField()
    seen = HiddenField()
    value = StringField()
    choice = RadioField(validate_choice=False, choices=[])

    def wish(self) -> Wish:
        """What was typed, as the operation takes it."""
        answer, _colon, mark = (self.choice.data or "").partition(":")
        return Wish(
            self.value.data or "",
            self.seen.data or "",
            over=mark if answer == "mine" else "",
            keep=mark if answer == "theirs" else "",
        )

    def ask(self, now: str | None) -> None:
        """Ask what becomes of a value that came meanwhile."""
        mark = fingerprint(now)
        self.choice.choices = [
            SelectChoice(f"mine:{mark}", gettext("Save what I typed")),
            SelectChoice(f"theirs:{mark}", gettext("Keep what is there now")),
        ]
        self.choice.data = None
        name = _short((self.name.data or "").strip())
        self.choice.errors = [
            gettext(
                "“%(name)s” was changed meanwhile: it is “%(now)s” now. Choose which one counts.",
                name=name,
                now=_short(now),
            )
            if now
            else gettext("“%(name)s” was emptied meanwhile. Choose which one counts.", name=name)
        ]


class NewRow(ValueRow):
    """A property that the case does not have yet."""

    name = StringField()


class EditForm(FlaskForm):
    """Name, external id and properties of a case."""

    values = FieldList(FormField(ValueRow), max_entries=MOST_ROWS)
    added = FieldList(FormField(NewRow), min_entries=NEW, max_entries=NEW)

    @classmethod
    def of(cls, attributes: Mapping[str, str], properties: Sequence[Described]) -> EditForm:
        """The form as the case is now."""
        rows = [*attributes.items(), *((one.name, one.value or "") for one in properties)]
        values = [
            {"name": name, "seen": fingerprint(value), "value": value} for name, value in rows
        ]
        form = cls(formdata=None, data={"values": values})
        form.prepare()
        return form

    def prepare(self) -> None:
        """Give each value a field that it fits in, and gather what is wrong for the summary."""
        for part in (self.values, self.added):
            part.errors = [entry.errors for entry in part if entry.errors]
        for row in self.rows():
            text = row.value.data or ""
            if len(text) > ONE_LINE or "\n" in text or "\r" in text:
                row.value.widget = TextArea()

    def rows(self) -> Iterator[ValueRow]:
        """All rows, also the new ones."""
        for part in (self.values, self.added):
            yield from (entry.form for entry in part)

    def names(self) -> list[str]:
        """The names of the values that stand in the form, without the new ones."""
        return [entry.form.name.data or "" for entry in self.values]

    def wishes(self) -> dict[str, Wish]:
        """What was typed, by name. Where a new row is wrong its fields say so."""
        found = {
            entry.form.name.data: entry.form.wish()
            for entry in self.values
            if entry.form.name.data and entry.form.value.data is not None
        }
        for entry in self.added:
            row = entry.form
            name, value = (row.name.data or "").strip(), row.value.data or ""
            if not name and not value:
                continue
            if not name:
                row.name.errors = [gettext("Enter the name of the property.")]
            elif name in found:
                row.name.errors = [
                    gettext("“%(name)s” stands above already. Change it there.", name=_short(name))
                ]
            elif not value:
                row.value.errors = [gettext("Enter a value.")]
            else:
                row.seen.data = fingerprint(None)
                found[name] = row.wish()
        return found

    def row(self, name: str) -> ValueRow:
        """The row of a name that `wishes` gave."""
        return next(one for one in self.rows() if (one.name.data or "").strip() == name)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Say at the values what is wrong with them."""
        for name, sentence in problems.items():
            row = self.row(name)
            at_name = isinstance(row, NewRow) and name_problem(name)
            (row.name if at_name else row.value).errors = [sentence]

    def is_wrong(self) -> bool:
        """Whether some row has an error."""
        return any(field.errors for row in self.rows() for field in row)


class AssignForm(FlaskForm):
    """Whom a case is given to. `seen` is the owner that the person saw; `unsure` the one about
    whom they were warned."""

    owner = StringField(
        _("New owner"),
        description=_(
            "A mobile worker, a group that shares cases, a location or a web user by name, or an id"
            " as forms have it."
        ),
    )
    seen = HiddenField()
    unsure = HiddenField()
    anyway = BooleanField(_("Reassign it all the same"))


def attributes_of(name: str, external_id: str) -> dict[str, str]:
    """The values that each case has, by the names under which they are edited."""
    return dict(zip(EDITABLE, (name, external_id), strict=True))


def _short(text: str | None) -> str:
    shown = text or ""
    return shown if len(shown) <= 100 else shown[:100] + "…"
