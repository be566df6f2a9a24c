"""A case's past: its forms and what each changed in it (SPEC U5, A7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.clock import Micros
from webapp.history.changes import CaseChange, case_change
from webapp.history.filters import UserType
from webapp.history.form_page import LinkedCase, linked_cases
from webapp.history.rows import deactivated_among, user_type
from webapp.joins import row_of
from webapp.submissions.models import State, Submission

#: So many forms are shown on a page.
SHOWN = 20
#: So far back, in forms, it is looked for what last changed a property; so many at a time.
SEARCHED, AT_ONCE = 5_000, 500


@dataclass(frozen=True, slots=True)
class PastForm:
    """A form that touched the case, and what it changed in it. `number` counts the live forms from
    the first on; one that is archived has none."""

    submission: Submission
    user_type: UserType
    change: CaseChange
    number: int | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some forms of a case, newest first; how many there are in all, and how many are live; and the
    cases that their links name."""

    forms: Sequence[PastForm]
    total: int
    live: int
    targets: Mapping[int, LinkedCase]

    @property
    def user_ids(self) -> set[str]:
        """The ids among the values that may be users'."""
        values = [
            value
            for form in self.forms
            for one in form.change.attributes
            if one.name == "owner_id"
            for value in (one.before, one.after)
        ]
        return {str(value) for value in values if value}


@dataclass(frozen=True, slots=True)
class LastChange:
    """The form that last changed a property, and when it came."""

    submission_id: str
    received_on: Micros


@dataclass(frozen=True, slots=True)
class Closing:
    """The form that closed a case, how many live forms came after it, and whether another live form
    closes it as well: then archiving this one alone does not open it."""

    submission: Submission
    later: int
    another: bool


def forms_of(case: Case) -> Select[Any]:
    """The forms that touch a case, live or archived, with `change` and `before`; `received_on` is
    their key in pages. (Errors and duplicates touch none; older versions count no more.)"""
    return _touching(case, Submission, CaseTransaction.change, CaseTransaction.before).where(
        Submission.state.in_((State.NORMAL, State.ARCHIVED))
    )


def timeline(session: Session, case: Case, rows: Sequence[Any]) -> Timeline:
    """Some rows of `forms_of`, newest first, as they are shown. At most three queries."""
    submissions: list[Submission] = [row[0] for row in rows]
    newest = submissions[0].received_on if submissions else 0
    total, live, number = session.execute(
        _touching(
            case,
            func.count(),
            func.count().filter(_LIVE),
            func.count().filter(_LIVE, Submission.received_on <= newest),
        ).where(Submission.state.in_((State.NORMAL, State.ARCHIVED)))
    ).one()
    deactivated = deactivated_among(session, case.project_id, submissions) if rows else frozenset()
    forms = []
    for one, (_one, change, before, *_key) in zip(submissions, rows, strict=True):
        forms.append(
            PastForm(
                one,
                user_type(one, deactivated),
                case_change(change, before, live=one.live),
                number if one.live else None,
            )
        )
        number -= one.live
    targets = linked_cases(session, case.project_id, [one.change for one in forms])
    return Timeline(forms, total, live, targets)


def last_changes(session: Session, case: Case) -> dict[str, LastChange]:
    """For each property, the live form that last changed it, if it is among the last `SEARCHED`.
    One query for each `AT_ONCE` forms, until all are found."""
    wanted = set(case.properties)
    found: dict[str, LastChange] = {}
    statement = (
        _touching(case, Submission.submission_id, Submission.received_on, CaseTransaction.before)
        .where(_LIVE)
        .order_by(Submission.received_on.desc())
        .limit(AT_ONCE)
    )
    place = None
    for _piece in range(SEARCHED // AT_ONCE):
        if not wanted:
            break
        piece = statement if place is None else statement.where(Submission.received_on < place)
        rows = session.execute(piece).all()
        for submission_id, received_on, before in rows:
            changed = wanted & (before or {}).get("properties", {}).keys()
            found.update(dict.fromkeys(changed, LastChange(submission_id, received_on)))
            wanted -= changed
        if len(rows) < AT_ONCE:
            break
        place = rows[-1].received_on
    return found


def closing_of(session: Session, case: Case) -> Closing | None:
    """How a case was closed; None unless it is. Two queries."""
    if not case.closed:
        return None
    closes: ColumnElement[bool] = CaseTransaction.change["closes"].as_boolean()
    forms = session.scalars(
        _touching(case, Submission)
        .where(_LIVE, closes.is_(True))
        .order_by(Submission.received_on.desc())
        .limit(2)
    ).all()
    if not forms:
        return None
    later = session.scalar(
        _touching(case, func.count()).where(_LIVE, Submission.received_on > forms[0].received_on)
    )
    return Closing(forms[0], later or 0, len(forms) > 1)


_LIVE = Submission.state == State.NORMAL


def _touching(case: Case, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(CaseTransaction)
        .join(
            Submission,
            row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
        )
        .where(CaseTransaction.project_id == case.project_id, CaseTransaction.case == case.id)
    )
