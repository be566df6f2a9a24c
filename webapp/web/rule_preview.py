"""What the preview panel shows of a rule, saved or not (SPEC R25, UX "Rule builder")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.database_faults import is_busy
from webapp.errors import Invalid, TooSlow
from webapp.projects.models import Project
from webapp.rules.blanks import blanks_of
from webapp.rules.compile import of_type
from webapp.rules.definition import Definition
from webapp.rules.describe import action_words, criterion_words, short_words
from webapp.rules.describe_blanks import blank_words
from webapp.rules.family import Family
from webapp.rules.models import Rule
from webapp.rules.moment import Moment, moment_at
from webapp.rules.outlook import Outlook, outlook
from webapp.rules.portable import InvalidRule, RuleData, from_json, rule_from_json
from webapp.rules.preview import Owners, Preview, preview
from webapp.rules.warnings import warnings_about
from webapp.web.formatting import number
from webapp.web.forms.rule_problems import problems_of, show_problems
from webapp.web.forms.rules import (
    CriterionForm,
    RuleForm,
    UpdateForm,
    criterion_of,
    rule_of,
    update_of,
)
from webapp.web.hung_up import ends_when_hung_up
from webapp.web.losing_words import losing_words


@dataclass(frozen=True, slots=True)
class Shown:
    """The panel: `words` are the rule's, and `blanks` sentences on what blanks do in it, with the
    numbers if there are some. `found` are the numbers, with `losing`, a sentence on whose cases
    would go, and `ahead`, what limit and brake would make of them; or `failed` says why there
    are none, or `missing` what the rule still lacks (sentences with the ids of fields). `all_open`:
    how many open cases there are, where there is no condition yet."""

    definition: Definition | None = None
    words: str = ""
    blanks: tuple[str, ...] = ()
    found: Preview | None = None
    losing: str = ""
    ahead: Outlook | None = None
    failed: str = ""
    missing: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    all_open: int | None = None


def moment_of(project: Project, as_of: int | None = None) -> Moment:
    """`as_of`, or now, with its day in the project's time zone."""
    return moment_at(now() if as_of is None else as_of, project.timezone)


def preview_of(
    session: Session,
    project: Project,
    data: RuleData,
    as_of: int | None = None,
    *,
    rule_id: str = "",
    owners: Owners = Owners.NO,
    by_itself: bool = False,
) -> Shown:
    """Count what a rule would do, `rule_id` being its id if it is saved; in a run that begins now,
    or `by_itself` at the instant `as_of`. A database that is busy, or too slow, is said in the
    panel: the page around it may hold what somebody typed."""
    definition, found, failed = data.definition, None, ""
    try:
        found = preview(
            session,
            project.id,
            definition,
            moment_of(project, as_of),
            owners=owners,
            watched=ends_when_hung_up,
        )
    except TooSlow as error:
        failed = error.message
    except DBAPIError as error:
        session.rollback()
        if not is_busy(error):
            raise
        failed = _("It could not be counted: the server is busy. Your rule is safe in this page.")
        return Shown(definition, short_words(definition), _blanks(definition), failed=failed)
    warnings = warnings_about(session, project.id, definition, rule_id=rule_id)
    ahead = None
    if found is not None:
        ahead = outlook(session, project, data, found, at=as_of if by_itself else None)
        warnings = [*warnings, *_limits(ahead, found, by_itself=by_itself)]
    return Shown(
        definition,
        short_words(definition),
        _blanks(definition, found),
        found,
        ""
        if found is None
        else losing_words(session, project, definition, found, asked=owners is Owners.YES),
        ahead,
        failed,
        warnings=tuple(warnings),
    )


def _blanks(definition: Definition, found: Preview | None = None) -> tuple[str, ...]:
    if found is None:
        return tuple(blank_words(one) for one in blanks_of(definition))
    return tuple(blank_words(one.blank, one.cases) for one in found.blanks)


def _limits(ahead: Outlook, found: Preview, *, by_itself: bool) -> list[str]:
    """What limit and brake would make of a run, as sentences (SPEC R20, R22)."""
    said = []
    if ahead.holds and ahead.brake is not None:
        sentence = _(
            "This is over the brake: more than %(cases)s cases and more than %(percent)s %% of the"
            " open ones. A run by itself would change nothing and wait for a person; a run by hand"
            " asks for the number.",
            cases=number(ahead.brake.cases),
            percent=ahead.brake.percent,
        )
        said.append(sentence)
    if ahead.cuts and by_itself:
        sentence = _(
            "Its first run is over the limit of a day: it needs %(wanted)s automatic updates, and"
            " of %(daily)s a day %(left)s are left for it. It would stop there.",
            wanted=number(found.submissions),
            daily=number(ahead.use.daily),
            left=number(ahead.use.left or 0),
        )
        said.append(sentence)
    elif ahead.cuts:
        sentence = _(
            "This is over the limit of a day: it needs %(wanted)s automatic updates, and of"
            " %(daily)s a day %(left)s are left today. A run now would stop there.",
            wanted=number(found.submissions),
            daily=number(ahead.use.daily),
            left=number(ahead.use.left or 0),
        )
        said.append(sentence)
    return said


def preview_of_form(
    session: Session,
    project: Project,
    form: RuleForm,
    checked: RuleForm,
    rule: Rule | None,
    *,
    as_of: int | None,
) -> Shown:
    """The panel for a rule that is being written. `checked` is a second copy of the form, which
    takes what is wrong: while somebody types, no field shows an error, but for that of `as_of`."""
    data, problems = rule_in_form(form)
    if problems:
        show_problems(checked, problems)
    checked.as_of.errors = form.as_of.errors
    if data is None or form.as_of.errors:
        return Shown(
            missing=tuple(problems_of(checked)),
            all_open=_all_open(session, project, form, problems),
        )
    rule_id = "" if rule is None else rule.rule_id
    # As people type, the numbers come at once; what takes longer when they ask for it.
    asked = bool(form.owners.data) or "say" in request.form
    owners = Owners.YES if asked else Owners.IF_QUICK
    return preview_of(session, project, data, as_of, rule_id=rule_id, owners=owners)


def _all_open(
    session: Session, project: Project, form: RuleForm, problems: Mapping[str, str]
) -> int | None:
    """The open cases of the type, where no condition was added yet. One query."""
    case_type = (form.case_type.data or "").strip()
    if form.criteria.entries or "criteria" not in problems or "case_type" in problems:
        return None
    rows = of_type(Family(project.id).select(func.count()), case_type)
    return session.scalars(rows).one() or None


def rule_in_form(form: RuleForm) -> tuple[RuleData | None, dict[str, str]]:
    """The rule that is being written, as far as it says what would change: what it is called and
    when it runs have nothing to do with that. None, and what is wrong by path, where it lacks
    something."""
    typed = rule_of(form)
    try:
        return rule_from_json(typed), {}
    except InvalidRule as error:
        problems = {
            path: sentence
            for path, sentence in error.fields.items()
            if path.partition(".")[0] not in {"name", "description", "schedule", "brake"}
        }
    if problems:
        return None, problems
    counted = typed | {"schedule": {"every": "day"}, "brake": None, "description": ""}
    return RuleData(replace(from_json(counted | {"name": "-"}), name="")), {}


def conditions_in_form(form: RuleForm) -> tuple[Definition | None, dict[str, str]]:
    """The rule that is being written, to be tried on a case; without its actions, where only these
    lack something. None, and what is wrong by path, where it lacks more."""
    data, problems = rule_in_form(form)
    if data is not None:
        return data.definition, {}
    others = {path: one for path, one in problems.items() if not path.startswith("actions")}
    if others:
        return None, others
    typed = rule_of(form) | {"name": "-", "description": "", "actions": [{"kind": "close"}]}
    typed |= {"schedule": {"every": "day"}, "brake": None}
    return replace(from_json(typed), name="", actions=()), {}


def would_change_words(found: Preview) -> str:
    """What a preview comes to, as one sentence."""
    if not found.open_cases:
        return _("There is no open case of this type.")
    if not found.matched:
        return _("No case matches.")
    count = found.would_change
    if not count and not found.errors:
        return ngettext(
            "%(number)s case matches, and would stay as it is.",
            "%(number)s cases match, and would stay as they are.",
            found.matched,
            number=number(found.matched),
        )
    return ngettext(
        "%(number)s case would change.",
        "%(number)s cases would change.",
        count,
        number=number(count),
    )


@dataclass(frozen=True, slots=True)
class RowWords:
    """A row of the form as a sentence; what kind it is as long as it is not complete."""

    sentence: str
    complete: bool

    def __str__(self) -> str:
        return self.sentence


def row_words(form: RuleForm) -> dict[str, list[RowWords]]:
    """Each row of the form in words."""
    return {
        "criteria": [_criterion_words(row.form) for row in form.criteria],
        "actions": [_update_words(row.form) for row in form.actions],
    }


def kind_words() -> list[tuple[str, str]]:
    """The kinds of conditions, as the buttons that add them are called."""
    return [
        ("property", _("Property")),
        ("date", _("Date")),
        ("number", _("Number")),
        ("not_modified_since", _("Not modified")),
        ("parent_closed", _("Parent closed")),
        ("location", _("Owner/location")),
    ]


def _criterion_words(row: CriterionForm) -> RowWords:
    alone = {"criteria": [criterion_of(row)], "actions": [{"kind": "close"}]}
    found = _definition(alone)
    if found is not None:
        return RowWords(criterion_words(found.criteria[0]), True)
    label = dict(kind_words()).get(str(row.kind.data), _("Unknown"))
    return RowWords(_("%(kind)s, not complete yet", kind=label), False)


def _update_words(row: UpdateForm) -> RowWords:
    found = _definition({"match": "every_case", "criteria": [], "actions": [update_of(row)]})
    if found is None:
        return RowWords(_("not complete yet"), False)
    return RowWords(action_words(found.actions[0]), True)


def _definition(parts: Mapping[str, object]) -> Definition | None:
    """A rule with these parts and nothing that could be wrong beside them."""
    try:
        return from_json({"name": "x", "case_type": "x", "match": "all"} | dict(parts))
    except Invalid:
        return None
