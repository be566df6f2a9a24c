"""Forms as apps send them, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.submissions.receive import Arrival, Received, Sender, read, receive

CASE = "http://commcarehq.org/case/transaction/v2"
XMLNS = "http://openrosa.org/formdesigner/visit"
#: Who sends, unless a test says otherwise.
WORKER = Sender("worker-1", "worker one")


def new_id() -> str:
    return uuid.uuid4().hex


def case_block(
    case_id: str,
    *,
    create: Mapping[str, str] | None = None,
    update: Mapping[str, str] | None = None,
    index: Mapping[str, tuple[str, str] | tuple[str, str, str]] | None = None,
    close: bool = False,
    date_modified: str | None = "2025-03-01T10:00:00.000000Z",
    user_id: str | None = "worker-1",
    xmlns: str = CASE,
) -> str:
    """A case block; `index` maps identifier -> (case type, target[, relationship])."""
    attributes = f"case_id={quoteattr(case_id)}"
    if date_modified is not None:
        attributes += f" date_modified={quoteattr(date_modified)}"
    if user_id is not None:
        attributes += f" user_id={quoteattr(user_id)}"
    inside = ""
    if create is not None:
        inside += f"<create>{_elements(create)}</create>"
    if update is not None:
        inside += f"<update>{_elements(update)}</update>"
    if index is not None:
        inside += "<index>"
        for identifier, (case_type, target, *relationship) in index.items():
            kind = f" relationship={quoteattr(relationship[0])}" if relationship else ""
            inside += (
                f"<{identifier} case_type={quoteattr(case_type)}{kind}>"
                f"{escape(target)}</{identifier}>"
            )
        inside += "</index>"
    if close:
        inside += "<close/>"
    return f'<case xmlns="{xmlns}" {attributes}>{inside}</case>'


def form(
    *blocks: str,
    instance_id: str | None = None,
    xmlns: str = XMLNS,
    name: str = "Visit",
    user_id: str | None = "worker-1",
    username: str = "worker one",
    questions: str = "<note>seen</note>",
    meta: bool = True,
) -> bytes:
    """A form instance; `instance_id` is a fresh one unless given."""
    identity = instance_id or new_id()
    user = f"<userID>{escape(user_id)}</userID>" if user_id is not None else ""
    block = (
        '<meta xmlns="http://openrosa.org/jr/xforms"><deviceID>phone-1</deviceID>'
        "<timeStart>2025-03-01T09:55:00.000Z</timeStart>"
        "<timeEnd>2025-03-01T10:00:00.000Z</timeEnd>"
        f"<username>{escape(username)}</username>{user}"
        f"<instanceID>{escape(identity)}</instanceID></meta>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><data xmlns={quoteattr(xmlns)}'
        f" name={quoteattr(name)}>{questions}{''.join(blocks)}{block if meta else ''}</data>"
    ).encode()


def send(
    session: Session,
    project_id: int,
    xml: bytes,
    *,
    sender: Sender = WORKER,
    app_id: str = "",
    own: bool = False,
) -> Received:
    """Receive a form as the receiver does, in a transaction of its own."""
    arrival = Arrival(read(xml), sender, app_id=app_id, own=own)
    with write_transaction():
        return receive(session, project_id, arrival, last=True)


def open_case(
    session: Session, project_id: int, case_id: str, *, case_type: str = "patient", **update: str
) -> Received:
    """Receive a form that opens a case."""
    create = {"case_type": case_type, "case_name": f"Case {case_id}", "owner_id": "owner-1"}
    return send(session, project_id, form(case_block(case_id, create=create, update=update)))


def _elements(values: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
