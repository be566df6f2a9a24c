"""What is wrong with a rule, by path (`criteria[1].operator`), at its form's fields (SPEC R31)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import gettext as _
from wtforms import Field, FieldList, HiddenField

from webapp.web.forms.rules import RuleForm, has_own_sign


def show_problems(form: RuleForm, problems: Mapping[str, str]) -> None:
    """Put what is wrong, by path (`criteria[1].operator`), to the fields of the form. What belongs
    to no field is said above them all."""
    for path, sentence in (dict(problems) | _of_lists(form, problems) | _of_signs(form)).items():
        field = _field_at(form, path)
        if field is None:
            form.form_errors.append(sentence)
        else:
            field.errors = [*field.errors, sentence]
    for rows in (form.criteria, form.actions):
        # Otherwise the form would not know that one of its rows has an error.
        rows.errors = [*rows.errors, *(row.errors for row in rows if row.errors)]


def _of_lists(form: RuleForm, problems: Mapping[str, str]) -> dict[str, str]:
    """What is said here of lists that are empty: the form has boxes to tick, and lines."""
    said = {} if form.on.data else {"schedule.on": _("Choose at least one day of the week.")}
    for number, row in enumerate(form.criteria):
        if not (row.form["values"].data or "").strip():
            said[f"criteria[{number}].values"] = _("Enter at least one value, one on each line.")
    return {path: sentence for path, sentence in said.items() if path in problems}


def _of_signs(form: RuleForm) -> dict[str, str]:
    """What only the form has: a sign to be chosen before the days."""
    return {
        f"criteria[{number}].days": _("Write the days without a sign: choose plus or minus.")
        for number, row in enumerate(form.criteria)
        if has_own_sign(row.form)
    }


def problems_of(form: RuleForm) -> Iterator[tuple[str, str]]:
    """Every problem as a whole sentence that names its field or row, with the id of the field to
    go to ("" if there is none), in the order of the page."""
    for sentence in form.form_errors:
        yield sentence, ""
    for field in (form.name, form.case_type, form.description, form.match):
        first = f"{field.id}-0" if field is form.match else field.id
        yield from _problems_of(field, first)
    yield from _problems_of_rows(form.criteria)
    yield from _problems_of(form.close, form.close.id)
    yield from _problems_of_rows(form.actions)
    names = {"brake_cases": _("Brake, cases"), "brake_percent": _("Brake, share")}
    for field in (form.every, form.on, form.day, form.brake, form.brake_cases, form.brake_percent):
        first = f"{field.id}-0" if field in {form.every, form.on, form.brake} else field.id
        yield from _problems_of(field, first, names.get(field.name))
    for field in (form.as_of, form.case):
        yield from _problems_of(field, field.id)


def _problems_of(field: Field, place: str, name: str | None = None) -> Iterator[tuple[str, str]]:
    for sentence in field.errors:
        words = _("%(field)s: %(problem)s", field=name or field.label.text, problem=sentence)
        yield words, place


def _problems_of_rows(rows: FieldList) -> Iterator[tuple[str, str]]:
    for sentence in rows.errors:
        if isinstance(sentence, str):
            yield sentence, rows.id
    for number, row in enumerate(rows, start=1):
        for field in row.form:
            for sentence in field.errors:
                words = (
                    _("Condition %(number)s: %(problem)s", number=number, problem=sentence)
                    if rows.name == "criteria"
                    else _("Update %(number)s: %(problem)s", number=number, problem=sentence)
                )
                yield words, row.id if isinstance(field, HiddenField) else field.id


_PATH = re.compile(r"(criteria|actions)(?:\[([0-9]{1,4})\](?:\.([a-z_]+))?)?(?:\[.*)?")
_PLAIN = {name: name for name in ("name", "description", "case_type", "match")} | {
    "schedule": "every",
    "schedule.every": "every",
    "schedule.on": "on",
    "schedule.day": "day",
    "brake": "brake",
    "brake.cases": "brake_cases",
    "brake.percent": "brake_percent",
}


def _field_at(form: RuleForm, path: str) -> Any:
    """The field that a path of portable means; None where it means none."""
    plain = _PLAIN.get(path.partition("[")[0])
    if plain is not None:
        return form[plain]
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    rows, place, key = form[found[1]], found[2], found[3]
    if place is None:
        return rows
    if int(place) >= len(rows.entries):
        return form.close if rows is form.actions and form.close.data else None
    row = rows.entries[int(place)].form
    if rows is form.actions:
        key = {"from": "source", "kind": "how", None: "property"}.get(key, key)
    if key in row:
        return row[key]
    return row.kind if rows is form.criteria else row.property
