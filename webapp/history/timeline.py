"""A case's past: its forms and what each changed in it (SPEC U5, A7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
#: And of each so many properties, and so many indexes, as it changed.
VALUES = 100
#: So far back, in forms, it is looked for what last changed a property; so many at a time.
SEARCHED, AT_ONCE = 5_000, 500
#: What a form changed may be several megabytes: of a page's forms one is in memory at a time, of
#: thousands that are looked through a few.
ONE_AT_A_TIME, FEW_AT_ONCE = {"yield_per": 1}, {"yield_per": 10}


@dataclass(frozen=True, slots=True)
class PastForm:
    """A form that touched the case, and what it changed in it, with the first `VALUES` properties
    and indexes of `properties` and `links`; `values` is how many names it changed in all. `number`
    counts the live forms from the first on; one that is archived has none."""

    submission: Submission
    user_type: UserType
    change: CaseChange
    number: int | None
    values: int
    properties: int
    links: int


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
    """The forms that touch a case, live or archived, with the key of the transaction; `received_on`
    is their key in pages. (Errors and duplicates touch none; older versions count no more.)"""
    return _touching(case, Submission, CaseTransaction.id).where(
        Submission.state.in_((State.NORMAL, State.ARCHIVED))
    )


def timeline(session: Session, case: Case, rows: Sequence[Any]) -> Timeline:
    """Some rows of `forms_of`, newest first, as they are shown. At most four queries."""
    of: dict[int, Submission] = {row[1]: row[0] for row in rows}
    newest = rows[0][0].received_on if rows else 0
    total, live, number = session.execute(
        _touching(
            case,
            func.count(),
            func.count().filter(_LIVE),
            func.count().filter(_LIVE, Submission.received_on <= newest),
        ).where(Submission.state.in_((State.NORMAL, State.ARCHIVED)))
    ).one()
    if not of:
        return Timeline([], total, live, {})
    deactivated = deactivated_among(session, case.project_id, list(of.values()))
    numbers: dict[int, int | None] = {}
    for key, one in of.items():
        numbers[key] = number if one.live else None
        number -= one.live
    forms = {
        key: _past(of[key], user_type(of[key], deactivated), change, numbers[key])
        for key, change in _changes(session, case, of)
    }
    targets = linked_cases(session, case.project_id, [one.change for one in forms.values()])
    return Timeline([forms[key] for key in of], total, live, targets)


def _changes(
    session: Session, case: Case, of: Mapping[int, Submission]
) -> Iterator[tuple[int, CaseChange]]:
    """What transactions changed, by their keys, one after the other."""
    found = session.execute(
        select(CaseTransaction.id, CaseTransaction.change, CaseTransaction.before).where(
            CaseTransaction.project_id == case.project_id, CaseTransaction.id.in_(of)
        ),
        execution_options=ONE_AT_A_TIME,
    )
    for key, change, before in found:
        yield key, case_change(change, before, live=of[key].live)


def _past(
    submission: Submission, kind: UserType, change: CaseChange, number: int | None
) -> PastForm:
    return PastForm(
        submission,
        kind,
        replace(change, properties=change.properties[:VALUES], links=change.links[:VALUES]),
        number,
        values=len(change.names),
        properties=len(change.properties),
        links=len(change.links),
    )


def last_changes(session: Session, case: Case, names: Collection[str]) -> dict[str, LastChange]:
    """For each of some properties, the live form that last changed it, if it is among the last
    `SEARCHED`. One query for each `AT_ONCE` forms, until all are found."""
    wanted = set(names) & case.properties.keys()
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
        seen = 0
        with session.execute(piece, execution_options=FEW_AT_ONCE) as rows:
            for seen, (submission_id, place, before) in enumerate(rows, 1):  # noqa: B007  counted
                changed = wanted & (before or {}).get("properties", {}).keys()
                found.update(dict.fromkeys(changed, LastChange(submission_id, place)))
                wanted -= changed
                if not wanted:
                    break
        if seen < AT_ONCE:
            break
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
