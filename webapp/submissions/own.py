"""Forms that the server writes itself, for what people do on its screens (SPEC U5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.queries import get_case
from webapp.cases.store import hold_known_cases
from webapp.clock import now
from webapp.errors import Invalid, NotFound, Refused
from webapp.people.kinds import UserKind
from webapp.submissions.archive import archive
from webapp.submissions.blocks import CaseBlock
from webapp.submissions.ids import new_id
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import hold_submission, touches
from webapp.submissions.receive import Arrival, Outcome, Sender, read, receive
from webapp.submissions.render import render_case_form

#: The forms of the buttons of a case's page: *Close case*, *Edit properties* and *Reassign*.
CLOSE_XMLNS = "urn:casekeeper:case-close"
EDIT_XMLNS = "urn:casekeeper:case-edit"
ASSIGN_XMLNS = "urn:casekeeper:case-assign"

#: The form of an automatic update rule (SPEC R14). Others may send one that says so too: that a
#: rule wrote it is told by its `run_id`.
RULE_XMLNS = "http://commcarehq.org/hq_case_update_rule"

_NO_ANSWERS: Mapping[str, str] = MappingProxyType({})


def close_case(
    session: Session, project_id: int, case_id: str, *, by: Actor, reason: str = ""
) -> str:
    """Close a case by a form of its own, and return that form's id; archiving it opens the case.

    The reason stands in the form and not in the case. Raises `NotFound`, or `Refused` when the case
    is closed or deleted already; `Invalid` for a reason that a form cannot carry.
    """
    case = get_case(session, project_id, case_id)
    (held,) = hold_known_cases(session, project_id, [case.id])
    if held.state.deleted:
        raise Refused("This case is deleted: no form of it counts, so there is nothing to close.")
    if held.state.closed:
        raise Refused("This case is closed already.")
    block = CaseBlock(case_id, user=by.user_id, closes=True)
    answers = {"reason": reason} if reason else _NO_ANSWERS
    return write_form(
        session, project_id, CLOSE_XMLNS, "Close case", [block], by=by, answers=answers
    )


def undo(
    session: Session, project_id: int, case_id: str, submission_id: str, *, by: Actor, reason: str
) -> Submission | None:
    """Archive a form that a button of this case's page wrote, and return it; None where that was
    done before.

    Raises `NotFound`, also for a form that is not such a one, and `Refused` as `archive` does.
    """
    # Submissions are locked before cases, everywhere.
    form = hold_submission(session, project_id, submission_id)
    case = get_case(session, project_id, case_id)
    if not is_own(form) or case.id not in {one.case for one in touches(session, form)}:
        raise NotFound("This is not a form that changed this case from its page.")
    if form.state == State.ARCHIVED:
        return None
    archive(session, project_id, submission_id, by=by, reason=reason)
    return form


def is_own(form: Submission) -> bool:
    """Whether a button of a case's page made it."""
    return form.own and form.xmlns in {CLOSE_XMLNS, EDIT_XMLNS, ASSIGN_XMLNS}


def write_form(
    session: Session,
    project_id: int,
    xmlns: str,
    name: str,
    blocks: Sequence[CaseBlock],
    *,
    by: Actor,
    answers: Mapping[str, str] = _NO_ANSWERS,
) -> str:
    """Write a form about cases and receive it as the server's own; return its id.

    Raises `Invalid` with the reason when it cannot be applied; nothing is kept then, because the
    transaction is the caller's to roll back.
    """
    xml = render_case_form(
        xmlns=xmlns,
        name=name,
        instance_id=new_id(),
        user_id=by.user_id,
        username=by.name,
        device_id="casekeeper",
        time=now(),
        blocks=blocks,
        answers=answers,
    )
    sender = Sender(by.user_id, by.name, UserKind.WEB)
    received = receive(session, project_id, Arrival(read(xml), sender, own=True))
    if received.outcome is not Outcome.PROCESSED:
        raise Invalid(received.problem or "The change could not be applied.")
    return received.submission_id
