"""What became of one value of a case, form by form (SPEC U5, A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.clock import Micros
from webapp.history.changes import ValueChange, case_change
from webapp.history.filters import UserType
from webapp.history.rows import deactivated_among, user_type
from webapp.history.timeline import ONE_AT_A_TIME, forms_of
from webapp.submissions.models import Submission

#: So many changes are shown on a page, and so many forms that name the value are read for it: more
#: are on the next one.
SHOWN, READ = 25, 1_000

#: Attributes that have a history of their own, by the names under which forms give them: those
#: can be no properties.
ATTRIBUTES = {
    "case_name": "name",
    "case_type": "type",
    "owner_id": "owner_id",
    "external_id": "external_id",
}


@dataclass(frozen=True, slots=True)
class PastValue:
    """A form that changed the value. While it is not `live` it counts for nothing; then `before` is
    what it replaced when it last did, if that is `known`."""

    submission: Submission
    user_type: UserType
    live: bool
    known: bool
    opened: bool
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PastValues:
    """A page of them, newest first; `older` asks for the next, and is None at the end."""

    values: Sequence[PastValue]
    older: Micros | None


def property_history(
    session: Session, case: Case, name: str, *, before: Micros | None = None
) -> PastValues:
    """The forms that changed a property, or one of `ATTRIBUTES`, in this case, live or archived;
    with `before` those that came before that tick. A form that gave the value that was there
    changed nothing. Two queries; they grow with the forms of the case."""
    statement = (
        forms_of(case)
        .add_columns(CaseTransaction.change, CaseTransaction.before)
        .where(_names(name))
        .order_by(Submission.received_on.desc())
        .limit(READ)
    )
    if before is not None:
        statement = statement.where(Submission.received_on < before)
    found: list[tuple[Submission, ValueChange, bool, bool]] = []
    older: Micros | None = None
    wanted = ATTRIBUTES.get(name, name)
    with session.execute(statement, execution_options=ONE_AT_A_TIME) as rows:
        for read, (submission, _key, change, was) in enumerate(rows, 1):
            told = case_change(change, was, live=submission.live)
            values = told.attributes if name in ATTRIBUTES else told.properties
            value = next((one for one in values if one.name == wanted), None)
            if value is not None and len(found) == SHOWN:
                older = found[-1][0].received_on
                break
            if value is not None:
                found.append((submission, value, told.known, told.opened))
            if read == READ:
                older = submission.received_on
    submissions = [one[0] for one in found]
    gone = deactivated_among(session, case.project_id, submissions) if found else frozenset()
    return PastValues(
        [
            PastValue(
                one,
                user_type(one, gone),
                one.live,
                known,
                opened,
                _text(value.before),
                _text(value.after),
            )
            for one, value, known, opened in found
        ],
        older,
    )


def _names(name: str) -> ColumnElement[bool]:
    """Whether a transaction may have changed the value."""
    attribute = ATTRIBUTES.get(name)
    if attribute is None:
        given: ColumnElement[str] = CaseTransaction.change["properties"][name].as_string()
        return given.is_not(None)
    given = CaseTransaction.change["given"][attribute].as_string()
    # Who opens a case owns it, if the form does not say who does.
    opened: ColumnElement[bool] = CaseTransaction.before["deleted"].as_boolean()
    return or_(given.is_not(None), opened.is_(True))


def _text(value: str | Micros | None) -> str | None:
    return None if value is None else str(value)
