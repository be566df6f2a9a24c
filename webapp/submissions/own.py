"""Forms that the server writes itself, for what people do on its screens (SPEC U5)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.store import hold_cases, keys_of
from webapp.clock import now
from webapp.errors import Invalid, NotFound, Refused
from webapp.people.kinds import UserKind
from webapp.submissions.blocks import CaseBlock
from webapp.submissions.place import new_id
from webapp.submissions.receive import Arrival, Outcome, Sender, read, receive
from webapp.submissions.render import render_case_form

#: The form of the button *Close case*.
CLOSE_XMLNS = "urn:casekeeper:case-close"


def close_case(session: Session, project_id: int, case_id: str, *, by: Actor) -> str:
    """Close a case by a form of its own, and return that form's id; archiving it opens the case.

    Raises `NotFound`, or `Refused` when it is closed or deleted already.
    """
    if case_id not in keys_of(session, project_id, [case_id]):
        raise NotFound("There is no case with this id in this project.")
    (held,) = hold_cases(session, project_id, [case_id])
    if held.state.deleted:
        raise Refused("This case is deleted: no form of it counts, so there is nothing to close.")
    if held.state.closed:
        raise Refused("This case is closed already.")
    block = CaseBlock(case_id, user=by.user_id, closes=True)
    return write_form(session, project_id, CLOSE_XMLNS, "Close case", [block], by=by)


def write_form(
    session: Session,
    project_id: int,
    xmlns: str,
    name: str,
    blocks: list[CaseBlock],
    *,
    by: Actor,
) -> str:
    """Write a form about cases and receive it as the server's own; return its id.

    Raises `Invalid` with the reason when it cannot be applied; nothing is kept then, because the
    transaction is the caller's to roll back.
    """
    instance_id = new_id()
    xml = render_case_form(
        xmlns=xmlns,
        name=name,
        instance_id=instance_id,
        user_id=by.user_id,
        username=by.name,
        device_id="casekeeper",
        time=now(),
        blocks=blocks,
    )
    sender = Sender(by.user_id, by.name, UserKind.WEB)
    received = receive(session, project_id, Arrival(read(xml), sender, own=True))
    if received.outcome is not Outcome.PROCESSED:
        raise Invalid(received.problem or "The change could not be applied.")
    return received.submission_id
