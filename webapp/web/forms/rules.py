"""The form of a rule: rows of conditions and updates, to and from the JSON of SPEC §4.9.

It checks nothing itself: `webapp.rules.portable` does, and `rule_problems` puts what it found to
the fields. So whatever a person typed is text, and comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice

from webapp.rules.definition import Match
from webapp.rules.operators import DATE, NUMBER, PROPERTY
from webapp.rules.references import OWNER
from webapp.web.forms.rule import CheckForm
from webapp.web.forms.rule_when import WhenForm, when_data, when_of
from webapp.web.forms.whole import whole
from webapp.web.location_field import location_id_of, location_text, owner_id_of

#: What a person may add, in the order of the buttons.
KINDS = ("property", "date", "number", "not_modified_since", "parent_closed", "location")
#: Rows of one list that are read; a rule has at most 50 (SPEC R4), and portable says so.
MOST_ROWS = 60

_OPERATORS = {"property": PROPERTY, "number": NUMBER, "date": DATE}
_ROW = re.compile(r"(criteria|actions)-([0-9]{1,4})-[a-z_]+")


@dataclass(frozen=True, slots=True)
class PropertyHint:
    """What stands under a field for a property: sentences, and where all properties are listed."""

    sentences: tuple[str, ...] = ()
    browse: str = ""


class PropertyField(StringField):
    """A field for the name of a property; `webapp.web.property_hints` writes its hint."""

    hint = PropertyHint()


class CriterionForm(Form):
    """One condition. Which of the fields count depends on `kind` and `operator`; the others are
    kept, so that changing one's mind loses nothing."""

    kind = HiddenField(default="property")
    property = PropertyField(_("Property"), default="")
    operator = SelectField(_("Comparison"), validate_choice=False)
    value = StringField(_("Value"), default="")
    values = TextAreaField(_("Values, one on each line"), default="")
    sign = SelectField(
        _("Plus or minus"),
        choices=[SelectChoice("plus", _("plus")), SelectChoice("minus", _("minus"))],
        default="plus",
        validate_choice=False,
    )
    days = StringField(_("Days"), default="")
    location = StringField(_("Location"), default="")
    include_descendants = SelectField(
        _("How far down"),
        choices=[
            SelectChoice("yes", _("or a location below it")),
            SelectChoice("no", _("and none below it")),
        ],
        default="yes",
        validate_choice=False,
    )

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Offer the comparisons of the row's kind."""
        super().process(*args, **kwargs)
        table: Mapping[str, Any] = _OPERATORS.get(str(self.kind.data), {})
        self.operator.choices = [SelectChoice(key, one.label) for key, one in table.items()]
        if self.operator.data is None and table:
            self.operator.data = next(iter(table))


class UpdateForm(Form):
    """One value to be written: a given one, or that of another property."""

    property = PropertyField(_("Property to set"), default="")
    how = SelectField(
        _("Kind of value"),
        choices=[SelectChoice("set", _("this value")), SelectChoice("copy", _("the value of"))],
        default="set",
        validate_choice=False,
    )
    value = StringField(_("Value"), default="")
    source = PropertyField(_("Property to copy from"), default="")


class RuleForm(WhenForm, CheckForm):
    """A rule as a person edits it. `rule_id` and `based_on` say which version of which rule the
    person began with, and `state_then` what it was then; all are empty for a new one. `as_of` and
    `case` are for trying it out, `checked` is the id of the case that it is tried on, and `owners`
    is filled in when a person has asked for all that a preview can count; they are no part of the
    rule."""

    rule_id = HiddenField(default="")
    based_on = HiddenField(default="")
    state_then = HiddenField(default="")
    checked = HiddenField(default="")
    owners = HiddenField(default="")
    name = StringField(_("Name"), default="")
    description = TextAreaField(_("Note for colleagues"), default="")
    case_type = StringField(_("Case type"), default="")
    match = RadioField(
        _("How the conditions combine"),
        choices=[
            SelectChoice(Match.ALL.value, _("All of these conditions are true")),
            SelectChoice(Match.ANY.value, _("Any of these conditions is true")),
            SelectChoice(Match.EVERY_CASE.value, _("Every open case of this type")),
        ],
        default=Match.ALL.value,
        validate_choice=False,
    )
    criteria = FieldList(FormField(CriterionForm))
    close = BooleanField(_("Close the case"))
    actions = FieldList(FormField(UpdateForm))


def typed_form(sent: MultiDict[str, str]) -> RuleForm:
    """The form as it was sent. Names that no form of ours has are left out before WTForms counts
    the rows: it would take any digits for a number."""
    known = MultiDict[str, str]()
    for name, value in sent.items(multi=True):
        row = _ROW.fullmatch(name)
        if row is None and "-" in name:
            continue
        known.add(name, value)
    form = RuleForm(known or MultiDict({"match": ""}))
    for rows in (form.criteria, form.actions):
        del rows.entries[MOST_ROWS:]
    return form


def form_of(rule: Mapping[str, Any], *, rule_id: str = "", based_on: int | None = None) -> RuleForm:
    """The form of a rule in the JSON of §4.9 (as portable writes it)."""
    closes = any(action["kind"] == "close" for action in rule["actions"])
    return RuleForm(
        data={
            "rule_id": rule_id,
            "based_on": "" if based_on is None else str(based_on),
            "name": rule.get("name", ""),
            "description": rule.get("description", ""),
            "case_type": rule.get("case_type", ""),
            "match": rule.get("match", Match.ALL.value),
            "criteria": [_criterion_row(one) for one in rule["criteria"]],
            "close": closes,
            "actions": [_update_row(one) for one in rule["actions"] if one["kind"] != "close"],
            **when_data(rule),
        }
    )


def with_row_added(form: RuleForm, kind: str) -> RuleForm:
    """The same form with one more condition of `kind` at the end, or with one more update."""
    data = form.data
    if kind == "update":
        data["actions"].append({})
    elif kind in KINDS:
        data["criteria"].append({"kind": kind})
    return RuleForm(data=data)


def with_row_removed(form: RuleForm, row: str) -> RuleForm:
    """The same form without a row, named `criteria-1` or `actions-0`; unknown ones are no fault."""
    data = form.data
    rows, _dash, place = row.partition("-")
    if rows in {"criteria", "actions"} and re.fullmatch("[0-9]{1,4}", place):
        del data[rows][int(place) : int(place) + 1]
    return RuleForm(data=data)


def with_row_moved(form: RuleForm, row: str, by: int) -> tuple[RuleForm, int]:
    """The same form with a row moved by -1 or 1 place, and the place (from 0) where it is then; -1,
    and nothing moved, where there is no such row or no such place."""
    data = form.data
    rows, _dash, place = row.partition("-")
    if rows not in {"criteria", "actions"} or not re.fullmatch("[0-9]{1,4}", place):
        return form, -1
    at, to = int(place), int(place) + by
    if at >= len(data[rows]) or not 0 <= to < len(data[rows]):
        return form, -1
    data[rows].insert(to, data[rows].pop(at))
    return RuleForm(data=data), to


def rule_of(form: RuleForm) -> dict[str, Any]:
    """What was typed as the JSON of §4.9, wrong values as they are: portable says what is wrong."""
    return {
        "name": _line(form.name.data),
        "description": "\n".join(_lines(form.description.data)).strip(),
        "case_type": _line(form.case_type.data),
        "match": form.match.data or "",
        "criteria": [criterion_of(row.form) for row in form.criteria],
        "actions": [
            *(update_of(row.form) for row in form.actions),
            *([{"kind": "close"}] if form.close.data else []),
        ],
        **when_of(form),
    }


def criterion_of(row: CriterionForm) -> dict[str, Any]:
    """One condition as JSON: only the keys that its kind and operator have."""
    kind = str(row.kind.data)
    if kind == "not_modified_since":
        return {"kind": kind, "days": whole(row.days.data)}
    if kind == "parent_closed":
        return {"kind": kind}
    if kind == "location":
        return {
            "kind": kind,
            "location": location_id_of(row.location.data or ""),
            "include_descendants": row.include_descendants.data == "yes",
        }
    found: dict[str, Any] = {
        "kind": kind,
        "property": (row.property.data or "").strip(),
        "operator": row.operator.data or "",
    }
    if kind == "date":
        found["days"] = _days(row)
    elif kind == "number":
        found["value"] = (row.value.data or "").strip()
    elif row.operator.data in PROPERTY:
        needs = PROPERTY[row.operator.data].needs
        if needs == "values":
            found["values"] = [line for line in _lines(row.values.data) if line]
        elif needs:
            found["value"] = "\n".join(_lines(row.value.data))
    return found


def update_of(row: UpdateForm) -> dict[str, Any]:
    """One update as JSON."""
    target = (row.property.data or "").strip()
    if row.how.data == "copy":
        return {"kind": "copy", "property": target, "from": (row.source.data or "").strip()}
    value = "\n".join(_lines(row.value.data))
    if target.rpartition("/")[2] == OWNER:
        value = owner_id_of(value)
    return {"kind": "set", "property": target, "value": value}


def _criterion_row(criterion: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": criterion["kind"]}
    for key in ("property", "operator"):
        if key in criterion:
            row[key] = criterion[key]
    if "value" in criterion:
        row["value"] = str(criterion["value"])
    if "location" in criterion:
        row["location"] = location_text(criterion["location"])
        row["include_descendants"] = "yes" if criterion["include_descendants"] else "no"
    if "values" in criterion:
        row["values"] = "\n".join(criterion["values"])
    if criterion["kind"] == "date":
        days = int(criterion.get("days", 0))
        row |= {"sign": "minus" if days < 0 else "plus", "days": str(abs(days))}
    elif "days" in criterion:
        row["days"] = str(criterion["days"])
    return row


def _update_row(action: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "property": action["property"],
        "how": action["kind"],
        "value": action.get("value", ""),
        "source": action.get("from", ""),
    }


def _days(row: CriterionForm) -> int | str:
    """The days of a date with the sign that was chosen. What has a sign of its own is no number of
    days: two minuses would make a plus that nobody meant."""
    days = whole(row.days.data)
    if has_own_sign(row) or isinstance(days, str):
        return (row.days.data or "").strip()
    return -days if row.sign.data == "minus" else days


def has_own_sign(row: CriterionForm) -> bool:
    """Whether the days of a date were typed with a sign, beside the one that is chosen."""
    return row.kind.data == "date" and (row.days.data or "").strip()[:1] in {"+", "-", "−", "–"}


def _line(text: str | None) -> str:
    return " ".join(_lines(text)).strip()


def _lines(text: str | None) -> list[str]:
    """Browsers end lines with CR LF, whatever they were given."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
