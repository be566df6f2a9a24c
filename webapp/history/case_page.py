"""A case's past and its neighbours, for its own page (SPEC U5, A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.errors import NotFound
from webapp.history.changes import CaseChange, case_change
from webapp.history.filters import UserType
from webapp.history.rows import deactivated_among, user_type
from webapp.submissions.models import State, Submission

#: So many forms of a case are shown; Submit History lists all of them.
SHOWN_FORMS = 200
#: So many related cases are shown in each direction.
SHOWN_RELATED = 50


@dataclass(frozen=True, slots=True)
class PastForm:
    """A form that touched the case, and what it changed in it."""

    submission: Submission
    user_type: UserType
    change: CaseChange


@dataclass(frozen=True, slots=True)
class RelatedCase:
    """A case that this one points to, or that points to this one, and by which index."""

    case_id: str
    name: str
    type: str
    closed: bool
    deleted: bool
    identifier: str
    relationship: str


@dataclass(frozen=True, slots=True)
class Past:
    """The newest forms of a case, newest first, and how many there are in all."""

    forms: Sequence[PastForm]
    total: int

    @property
    def closing(self) -> PastForm | None:
        """The form that closed the case, if it is closed: the last live one that asks for it."""
        return next((one for one in self.forms if one.change.live and one.change.closed), None)

    @property
    def after_closing(self) -> int:
        """How many live forms came after the one that closed it."""
        live = [one for one in self.forms if one.change.live]
        closing = self.closing
        return 0 if closing is None else live.index(closing)

    def last_change_of(self, name: str) -> PastForm | None:
        """The live form that last changed a property, among those shown."""
        return next(
            (
                one
                for one in self.forms
                if one.change.live and any(value.name == name for value in one.change.properties)
            ),
            None,
        )


def get_case(session: Session, project_id: int, case_id: str) -> Case:
    """A case by its public id. Raises `NotFound`. One query."""
    case = session.scalar(
        select(Case).where(Case.project_id == project_id, Case.case_id == case_id)
    )
    if case is None:
        raise NotFound("There is no case with this id in this project.")
    return case


def past_of(session: Session, case: Case) -> Past:
    """The forms of a case, but for errors and duplicates, which touch none. Three queries."""
    mine = (CaseTransaction.project_id == case.project_id, CaseTransaction.case == case.id)
    found = session.execute(
        select(Submission, CaseTransaction.change, CaseTransaction.before)
        .join(
            CaseTransaction,
            and_(
                CaseTransaction.project_id == Submission.project_id,
                CaseTransaction.submission == Submission.id,
            ),
        )
        .where(*mine, Submission.state.in_((State.NORMAL, State.ARCHIVED)))
        .order_by(Submission.received_on.desc())
        .limit(SHOWN_FORMS)
    ).all()
    deactivated = deactivated_among(session, case.project_id, [one for one, _, _ in found])
    total = len(found)
    if total == SHOWN_FORMS:
        total = session.scalar(select(func.count()).select_from(CaseTransaction).where(*mine)) or 0
    return Past(
        [
            PastForm(one, user_type(one, deactivated), case_change(change, before, live=one.live))
            for one, change, before in found
        ],
        total,
    )


def related_cases(
    session: Session, case: Case
) -> tuple[Sequence[RelatedCase], Sequence[RelatedCase]]:
    """The cases that a case points to, and those that point to it: at most `SHOWN_RELATED` and one
    more of each, so that one sees that there are more. Two queries."""
    points_to = CaseIndex.case == case.id, CaseIndex.target == Case.id
    points_here = CaseIndex.target == case.id, CaseIndex.case == Case.id
    up, down = (
        session.execute(
            select(
                Case.case_id,
                Case.name,
                Case.type,
                Case.closed,
                Case.deleted,
                CaseIndex.identifier,
                CaseIndex.relationship,
            )
            .join(CaseIndex, and_(CaseIndex.project_id == Case.project_id, other))
            .where(Case.project_id == case.project_id, mine)
            .order_by(Case.id)
            .limit(SHOWN_RELATED + 1)
        ).all()
        for mine, other in (points_to, points_here)
    )
    return [RelatedCase(*row) for row in up], [RelatedCase(*row) for row in down]
