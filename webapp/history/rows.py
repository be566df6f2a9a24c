"""The rows of Submit History: a few statements for a page, however many forms and cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.history.changes import CaseChange, case_change
from webapp.history.filters import UserType
from webapp.joins import row_of
from webapp.people.kinds import UserKind
from webapp.people.models import MobileWorker
from webapp.rules.models import Run
from webapp.submissions.models import Submission

#: How many cases of a form a row names.
NAMED = 3


@dataclass(frozen=True, slots=True)
class TouchedCase:
    """A case that a form touched, as it is called now, and what the form changed in it."""

    case_id: str
    name: str
    type: str
    deleted: bool
    change: CaseChange


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """One form of the list. `cases` are the first of them; `more_cases` is how many others;
    `rule_version` is the number of the version that wrote it, where a rule did."""

    submission: Submission
    user_type: UserType
    cases: tuple[TouchedCase, ...]
    more_cases: int
    rule_version: int | None = None


def rows(
    session: Session, project_id: int, submissions: Sequence[Submission], *, named: int = NAMED
) -> list[SubmissionRow]:
    """The rows of some submissions, in their order, with at most `named` cases each. Two
    statements, three where rules' forms are among them; none without submissions."""
    if not submissions:
        return []
    deactivated = deactivated_among(session, project_id, submissions)
    live = {one.id for one in submissions if one.live}
    versions = rule_versions(session, project_id, submissions)
    keys = [one.id for one in submissions]
    touched, totals = _touched(session, project_id, keys, live, named)
    return [
        SubmissionRow(
            one,
            user_type(one, deactivated),
            tuple(touched[one.id]),
            totals.get(one.id, 0) - len(touched[one.id]),
            None if one.run_id is None else versions.get(one.run_id),
        )
        for one in submissions
    ]


def deactivated_among(
    session: Session, project_id: int, submissions: Sequence[Submission]
) -> frozenset[str]:
    """The ids of those users of submissions who are deactivated workers now. One query."""
    return frozenset(
        session.scalars(
            select(MobileWorker.user_id).where(
                MobileWorker.project_id == project_id,
                MobileWorker.user_id.in_({one.user_id for one in submissions}),
                MobileWorker.active.is_(False),
            )
        )
    )


def rule_versions(
    session: Session, project_id: int, submissions: Sequence[Submission]
) -> dict[int, int]:
    """The number of the rule's version in each run that wrote one of the submissions. One query,
    none where no rule did."""
    runs = {one.run_id for one in submissions if one.run_id is not None}
    if not runs:
        return {}
    found = session.execute(
        select(Run.id, Run.rule_version).where(Run.project_id == project_id, Run.id.in_(runs))
    )
    return dict(found.all())


def user_type(submission: Submission, deactivated: frozenset[str]) -> UserType:
    """The type of a form's user as it is shown: one, also where filters know it under several."""
    kind = submission.user_kind
    if kind == UserKind.MOBILE and submission.user_id in deactivated:
        return UserType.DEACTIVATED
    if kind == UserKind.WEB and submission.own and not submission.user_id:
        return UserType.TERMINAL
    return _TYPES[kind]


_TYPES = {
    UserKind.MOBILE: UserType.MOBILE,
    UserKind.WEB: UserType.WEB,
    UserKind.ADMIN: UserType.ADMIN,
    UserKind.SYSTEM: UserType.AUTOMATIC,
    UserKind.UNKNOWN: UserType.UNKNOWN,
}


def _touched(
    session: Session, project_id: int, keys: Sequence[int], live: Container[int], named: int
) -> tuple[dict[int, list[TouchedCase]], dict[int, int]]:
    """The first cases of each submission, and how many each touched."""
    # The windows run over keys alone: a form with thousands of cases does not load their changes.
    ranked = (
        select(
            CaseTransaction.id,
            func.row_number()
            .over(partition_by=CaseTransaction.submission, order_by=CaseTransaction.case)
            .label("place"),
            func.count().over(partition_by=CaseTransaction.submission).label("total"),
        )
        .where(CaseTransaction.project_id == project_id, CaseTransaction.submission.in_(keys))
        .subquery()
    )
    found = session.execute(
        select(
            CaseTransaction.submission,
            CaseTransaction.change,
            CaseTransaction.before,
            Case.case_id,
            Case.name,
            Case.type,
            Case.deleted,
            ranked.c.total,
        )
        .join(ranked, ranked.c.id == CaseTransaction.id)
        .join(
            Case,
            row_of(Case, CaseTransaction.case, CaseTransaction.project_id),
        )
        .where(CaseTransaction.project_id + 0 == project_id, ranked.c.place <= named)
        .order_by(CaseTransaction.submission, CaseTransaction.case)
    )
    touched: dict[int, list[TouchedCase]] = defaultdict(list)
    totals: dict[int, int] = {}
    for key, change, before, case_id, name, kind, deleted, total in found:
        one = TouchedCase(
            case_id, name, kind, deleted, case_change(change, before, live=key in live)
        )
        touched[key].append(one)
        totals[key] = total
    return touched, totals
