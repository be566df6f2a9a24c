"""What a phone's own forms did on the phone, since it had received a document (SPEC P4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.dictionary.models import CaseType, Sharing
from webapp.sharing.held import Cases, HeldCase, Point
from webapp.sharing.models import SyncLog
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import content_of
from webapp.submissions.receive import read
from webapp.submissions.resolve import form_user

#: Forms that the phone did, whatever became of them here.
_DONE = (State.NORMAL, State.ARCHIVED, State.DEPRECATED)


def apply_own_forms(session: Session, log: SyncLog, cases: Cases) -> bool:
    """Do to the cases what the phone's own forms did to them there; False where that is not known,
    for one of the forms could not be applied here.

    Edits are not among them: they are made elsewhere. Two queries, and two for each form that
    opened a case whose owner the server may have chosen (C4).
    """
    own = _own(log)
    refused = select(Submission.id).where(*own, Submission.state == State.ERROR).limit(1)
    if session.scalar(refused) is not None:
        return False
    chosen = _types_with_chosen_owners(session, log.project_id)
    rows = session.execute(
        select(Submission, CaseTransaction.case, CaseTransaction.change)
        .join(CaseTransaction, CaseTransaction.submission == Submission.id)
        .where(
            *own,
            Submission.state.in_(_DONE),
            Submission.edited_on.is_(None),
            CaseTransaction.project_id == log.project_id,
        )
        .order_by(Submission.received_on + 0, CaseTransaction.case)
    )
    for submission, key, change in rows:
        opens = key not in cases
        apply_change(cases, key, change)
        if opens and change.get("given", {}).get("type") in chosen:
            owner = _owner_as_sent(session, submission, key)
            cases[key] = cases[key]._replace(owner=owner)
    return True


def apply_change(cases: Cases, key: int, change: Mapping[str, Any]) -> None:
    """What a form's change of a case (`cases.apply.change_to_json`) is on the phone. A case that is
    closed there stays so."""
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


def _own(log: SyncLog) -> Sequence[Any]:
    """Forms that carry the token; and those that carry the one before, and came when its answer
    was written already."""
    at = Submission.project_id == log.project_id
    mine = and_(at, Submission.sync_log == log.id)
    if log.before is None:
        return (mine,)
    late = and_(at, Submission.sync_log == log.before, Submission.received_on + 0 > log.tick)
    return (or_(mine, late),)


def _types_with_chosen_owners(session: Session, project_id: int) -> set[str]:
    return set(
        session.scalars(
            select(CaseType.name).where(
                CaseType.project_id == project_id, CaseType.sharing != Sharing.AS_FORM
            )
        )
    )


def _owner_as_sent(session: Session, submission: Submission, key: int) -> str:
    """The owner of a case that a form opened, as the phone has it: the one that the form gives, or
    its user."""
    form = read(content_of(session, submission)).form
    case_id = session.scalar(
        select(Case.case_id).where(Case.project_id == submission.project_id, Case.id == key)
    )
    block = next((one for one in form.blocks if one.case_id == case_id), None) if form else None
    if form is None or block is None:
        return submission.user_id
    return block.given.get("owner_id") or block.user or form_user(form, submission.user_id)
