"""What a phone's own forms did on the phone, since it had received a document (SPEC P4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from webapp.cases.models import CaseTransaction
from webapp.sharing.held import Cases, HeldCase, Point
from webapp.sharing.models import SyncLog
from webapp.submissions.models import State, Submission

#: Forms that the phone did, whatever became of them here.
_DONE = (State.NORMAL, State.ARCHIVED, State.DEPRECATED)


def apply_own_forms(session: Session, log: SyncLog, cases: Cases) -> bool:
    """Do to the cases what the phone's own forms did to them there; False where that is not known,
    for one of the forms could not be applied here.

    Edits are not among them: they are made elsewhere. Two queries.
    """
    own = _own(log)
    refused = select(Submission.id).where(own, Submission.state == State.ERROR).limit(1)
    if session.scalar(refused) is not None:
        return False
    rows = session.connection().execute(
        select(CaseTransaction.case, CaseTransaction.change)
        .join(Submission, Submission.id == CaseTransaction.submission)
        .where(
            own,
            Submission.state.in_(_DONE),
            Submission.edited_on.is_(None),
            CaseTransaction.project_id == log.project_id,
        )
        .order_by(Submission.received_on + 0, CaseTransaction.case + 0)
    )
    for key, change in rows:
        apply_change(cases, key, change)
    return True


def apply_change(cases: Cases, key: int, change: Mapping[str, Any]) -> None:
    """What a form's change of a case (`cases.apply.change_to_json`) is on the phone: the owner of
    a case that it opens is the one that the form says, whatever was decided here (C4). A case that
    is closed there stays so."""
    given = change.get("given", {})
    case = cases.get(key) or HeldCase(change["owner_if_new"], closed=False)
    points = dict(case.points)
    for identifier, to in change.get("indices", {}).items():
        if to is None:
            points.pop(identifier, None)
        else:
            points[identifier] = Point(to["target"], to["relationship"] == "extension")
    cases[key] = HeldCase(
        given.get("owner_id", case.owner),
        case.closed or change.get("closes", False),
        tuple(sorted(points.items())),
    )


def _own(log: SyncLog) -> ColumnElement[bool]:
    """Forms that carry the token; and those that carry the one before, and came when its answer
    was written already."""
    at = Submission.project_id == log.project_id
    mine = and_(at, Submission.sync_log == log.id)
    if log.before is None:
        return mine
    late = and_(at, Submission.sync_log == log.before, Submission.received_on + 0 > log.tick)
    return or_(mine, late)
