"""Who owns the cases that a form opens, where the sharing of their type decides it (SPEC C4).

It is decided once, when the form comes or is processed again, and stands in the transactions:
replay looks at no setting and no group (A1). An edit of the form decides nothing anew about the
cases that it had opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cases.apply import Change, change_from_json
from webapp.cases.models import Case, CaseTransaction
from webapp.cases.store import batches
from webapp.clock import Micros
from webapp.dictionary.models import Sharing
from webapp.joins import row_of
from webapp.people.owner_sets import WRONG_SHARING, OwnerSet, owner_set_of
from webapp.submissions.blocks import CaseBlock, Problem
from webapp.submissions.models import State, Submission
from webapp.submissions.parse import ParsedForm


def new_owners(
    session: Session,
    project_id: int,
    form: ParsedForm,
    sharing: Mapping[str, Sharing],
    *,
    user: str,
    place: Micros | None = None,
    replaces: Submission | None = None,
) -> dict[str, str]:
    """Who is to own cases, by their ids, instead of whom the form says, if it opens them.

    `sharing`: those of its types whose new cases are shared or private; `user`: whose the
    form is; `place`: its place in history, if that is not the end; `replaces`: the version that it
    takes the place of. Nothing is asked of the database for a new form that opens no case of such a
    type. Else two queries for each user of its blocks, one where somebody has not exactly one
    sharing owner, and one for an edit.

    Only a mobile worker has sharing owners. So a web user's form that opens a shared case must name
    its owner: theirs alone it would be on nobody's phone.

    Raises `Problem` with the sentence of C2 where a shared case is opened by somebody who has not
    exactly one sharing owner, and the form names none.
    """
    owners: dict[str, str] = {}
    unclear: list[str] = []
    decided = {} if replaces is None else _opened_by(session, replaces)
    known: dict[str, OwnerSet] = {}
    for block in form.blocks:
        worker, given = block.user or user, block.given.get("owner_id")
        if block.case_id in decided and _says_the_same(block, decided[block.case_id], worker):
            owner = decided[block.case_id].opened_for
            if owner is not None:
                owners[block.case_id] = owner
            continue
        kind = sharing.get(block.given.get("case_type", ""))
        # What an app sets by itself is the worker, or none; and what a private case cannot have is
        # one of those that share with them.
        if kind is None or (given in {None, worker}) != (kind is Sharing.SHARED):
            continue
        if worker not in known:
            known[worker] = owner_set_of(session, project_id, worker)
        one = known[worker].one
        if kind is Sharing.PRIVATE:
            if given in known[worker].ids:
                owners[block.case_id] = worker
        elif one is not None:
            owners[block.case_id] = one.owner_id
        else:
            unclear.append(block.case_id)
    if unclear and set(unclear) - _open_before(session, project_id, unclear, place):
        raise Problem(WRONG_SHARING)
    return owners


def _says_the_same(block: CaseBlock, older: Change, worker: str) -> bool:
    """Whether a block says of its case's type and owner what the older version said."""
    said, given = older.given.get("owner_id"), block.given.get("owner_id")
    same_owner = said == given or {said, given} <= {None, worker}
    return same_owner and older.given.get("type") == block.given.get("case_type")


def _opened_by(session: Session, submission: Submission) -> dict[str, Change]:
    """What a submission asked of the cases that it opened, by their ids. One query."""
    rows = session.execute(
        select(Case.case_id, CaseTransaction.change, CaseTransaction.before)
        .join(
            Case,
            row_of(Case, CaseTransaction.case, CaseTransaction.project_id),
        )
        .where(
            CaseTransaction.project_id == submission.project_id,
            CaseTransaction.submission == submission.id,
        )
    )
    return {
        case_id: change_from_json(change)
        for case_id, change, before in rows
        if before and before.get("deleted")
    }


def _open_before(
    session: Session, project_id: int, case_ids: Collection[str], place: Micros | None
) -> set[str]:
    """Those of some cases that live forms have opened, before a place in history if one is given.
    One query a thousand."""
    found: set[str] = set()
    for some in batches(sorted(case_ids)):
        cases = select(Case.case_id).where(Case.project_id == project_id, Case.case_id.in_(some))
        if place is None:
            cases = cases.where(~Case.deleted)
        else:
            earlier = (
                select(CaseTransaction.id)
                .join(
                    Submission,
                    row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
                )
                .where(
                    CaseTransaction.project_id == project_id,
                    CaseTransaction.case == Case.id,
                    Submission.state == State.NORMAL,
                    Submission.received_on < place,
                )
            )
            cases = cases.where(earlier.exists())
        found.update(session.scalars(cases))
    return found
