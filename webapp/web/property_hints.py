"""What stands under a field for a property (SPEC U3, UX "Typeahead")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from webapp.dictionary.models import Property
from webapp.history.property_hint import Asked, Known, known_of
from webapp.history.property_use import Use
from webapp.projects.models import Project
from webapp.rules.portable_actions import WRITABLE
from webapp.rules.references import STEPS, parse_reference
from webapp.web.formatting import number
from webapp.web.forms.rules import PropertyField, PropertyHint, RuleForm
from webapp.web.rule_preview import RowWords

#: A page may count this long, in seconds, and says without it what it knows otherwise; htmx asks
#: again, and waits longer.
PAGE_S = 0.3
#: So many fields get a hint: rows that stand open.
MOST = 24


@dataclass(frozen=True, slots=True)
class HintedField:
    """A field for a property: it names one that is written (`is_target`), or that is read as a
    text, a `date` or a `number` (`kind`). `is_used`: the row says that it counts."""

    field: PropertyField
    kind: str = ""
    is_target: bool = False
    is_used: bool = True


def property_fields(form: RuleForm) -> dict[str, HintedField]:
    """All fields for properties, by their ids."""
    found = []
    for row in form.criteria:
        kind = str(row.form.kind.data)
        if kind in {"property", "date", "number"}:
            found.append(HintedField(row.form.property, kind.replace("property", "")))
    for row in form.actions:
        found.append(HintedField(row.form.property, is_target=True))
        found.append(HintedField(row.form.source, is_used=row.form.how.data == "copy"))
    return {one.field.id: one for one in found}


def open_fields(form: RuleForm, words: Mapping[str, Sequence[RowWords]]) -> list[HintedField]:
    """Those of rows that stand open on a whole page (templates/rules/_row.html: `is_closed`)."""
    fields = property_fields(form)
    opened = []
    for rows, said in ((form.criteria, words["criteria"]), (form.actions, words["actions"])):
        for row, one in zip(rows, said, strict=True):
            if len(said) <= SEEN_AT_ONCE or not one.complete or row.errors:
                opened.append(row.id)
    return [one for key, one in fields.items() if key.rpartition("-")[0] in opened]


#: As in templates/rules/_row.html.
SEEN_AT_ONCE = 8


def put_hints(
    session: Session,
    project: Project,
    form: RuleForm,
    fields: Sequence[HintedField],
    *,
    limit_s: float,
) -> None:
    """Write its hint to each of these fields of a form. Some ten queries at most; the one that
    counts takes `limit_s` seconds at most."""
    case_type = (form.case_type.data or "").strip()
    browse = _browse(case_type)
    for one in fields:
        one.field.hint = PropertyHint((), browse if one.field.short_name == "property" else "")
    some = [one for one in fields if one.is_used and (one.field.data or "").strip()][:MOST]
    asked = [Asked(one.field.data or "", one.kind, one.is_target) for one in some]
    known = known_of(session, project.id, case_type, asked, limit_s=limit_s)
    for one, found in zip(some, known, strict=True):
        if found is None:
            one.field.hint = PropertyHint((_no_name(one),), one.field.hint.browse)
        elif case_type:
            sentences = tuple(_sentences(one, found, case_type))
            one.field.hint = PropertyHint(sentences, one.field.hint.browse)


def _no_name(one: HintedField) -> str:
    """Why a text names no property."""
    try:
        parse_reference((one.field.data or "").strip())
    except ValueError as error:
        return str(error)
    return ""


def _browse(case_type: str) -> str:
    """The page of the dictionary that has the properties."""
    if 0 < len(case_type) <= 255 and case_type.isprintable():
        return url_for("dictionary.show", case_type=case_type)
    return url_for("dictionary.index")


def _sentences(one: HintedField, known: Known, case_type: str) -> Iterator[str]:
    attribute, entry, use = known.reference.attribute, known.entry, known.use
    if attribute is not None:
        yield str(_SYSTEM[attribute])
        if one.is_target and known.reference.name not in WRITABLE:
            yield _("A rule cannot change it.")
        return
    if entry is None and not (use is not None and use.filled):
        yield from _about_a_new_one(one, known, case_type)
        return
    if entry is not None:
        yield from _about(entry)
    if use is not None:
        yield _filled(use, bool(known.reference.path), case_type)
        if use.unreadable:
            yield _unreadable(use.unreadable, one.kind)
    if known.values:
        yield _often(known.values)


def _about(entry: Property) -> Iterator[str]:
    if entry.label:
        yield _("“%(label)s”.", label=entry.label)
    if entry.data_type is not None:
        yield _("%(type)s.", type=entry.data_type.label)
    if entry.deprecated:
        yield _("Deprecated: it is no longer to be used.")


def _about_a_new_one(one: HintedField, known: Known, case_type: str) -> Iterator[str]:
    """No case is known to have it: as a target that may be meant, to be read hardly."""
    name = str(known.reference)
    if known.use is not None and not known.use.open_cases:
        yield _("There is no open case of type “%(type)s”.", type=case_type)
    elif known.is_new and one.is_target:
        yield _code(
            _("New property: no case of type “%(type)s” has %(name)s yet."), case_type, name
        )
    elif known.is_new:
        yield _code(_("No case of type “%(type)s” has %(name)s."), case_type, name)
    elif known.use is not None and known.reference.path:
        yield _code(
            _("No open case of type “%(type)s” leads to a case that has %(name)s."), case_type, name
        )
    elif known.use is not None:
        yield _code(_("No open case of type “%(type)s” has %(name)s."), case_type, name)
    else:
        return
    if name in STEPS:
        yield _code(_("Did you mean %(name)s?"), case_type, f"{name}/…")
    elif known.likely:
        yield _code(_("Did you mean %(name)s?"), case_type, known.likely)


def _code(sentence: str, case_type: str, name: str) -> Markup:
    marked = {"type": case_type, "name": Markup("<code>{}</code>").format(name)}
    return escape(sentence) % marked


def _filled(use: Use, elsewhere: bool, case_type: str) -> str:
    if not use.open_cases:
        return _("There is no open case of type “%(type)s”.", type=case_type)
    numbers = {
        "filled": number(use.filled),
        "cases": number(use.open_cases),
        "percent": _percent(use),
    }
    if elsewhere:
        return ngettext(
            "Of %(cases)s open case, %(filled)s (%(percent)s) leads to one where it is filled in.",
            "Of %(cases)s open cases, %(filled)s (%(percent)s) lead to one where it is filled in.",
            use.open_cases,
            **numbers,
        )
    return ngettext(
        "Filled in %(filled)s of %(cases)s open case (%(percent)s).",
        "Filled in %(filled)s of %(cases)s open cases (%(percent)s).",
        use.open_cases,
        **numbers,
    )


def _percent(use: Use) -> str:
    """Never 0 % or 100 % of what is not none or all."""
    percent = 100 * use.filled // use.open_cases
    if use.filled and not percent:
        return _("less than 1 %")
    return _("%(percent)s %%", percent=percent)


def _unreadable(count: int, kind: str) -> str:
    if kind == "number":
        return ngettext(
            "%(number)s value is no number and never matches.",
            "%(number)s values are not numbers and never match.",
            count,
            number=number(count),
        )
    return ngettext(
        "%(number)s value is no date and never matches.",
        "%(number)s values are not dates and never match.",
        count,
        number=number(count),
    )


def _often(values: Sequence[str]) -> Markup:
    listed = Markup(", ").join(Markup("<code>{}</code>").format(value) for value in values)
    return escape(_("Often: %(values)s.")) % {"values": listed}


#: What the attributes of a case are.
_SYSTEM = {
    "name": lazy_gettext("System name: what the case is called."),
    "type": lazy_gettext("System name: the case's type."),
    "owner_id": lazy_gettext(
        "System name: the id of the owner, a mobile worker, a group or a location."
    ),
    "opened_on": lazy_gettext(
        "System name: date and time when the case was opened. As a date it is the day in UTC."
    ),
    "opened_by": lazy_gettext("System name: the id of the user who opened the case."),
    "modified_on": lazy_gettext(
        "System name: date and time of the last change, by the clock of the phone. As a date it is"
        " the day in UTC."
    ),
    "server_modified_on": lazy_gettext(
        "System name: date and time when the last form about the case came. As a date it is the day"
        " in UTC."
    ),
    "external_id": lazy_gettext("System name: the id of the case in another system."),
    "case_id": lazy_gettext("System name: the id of the case."),
    "closed_on": lazy_gettext(
        "System name: date and time when the case was closed. A case that is open has none."
    ),
}
