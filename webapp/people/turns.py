"""Who changes the people and places of a project does so one after the other (SPEC C7).

Workers, groups, levels and locations refer to each other, and names are one thing's, so what one
change has read must stay so until its commit. There is one lock for all of it, which each change
takes before anything else: two of them never wait for each other.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from webapp.database import lock_name
from webapp.errors import NotFound
from webapp.extensions import Base


def hold_people(session: Session, project_id: int, *rows: Base | None) -> None:
    """Let nobody else change mobile workers, groups, levels and locations of a project until the
    commit, and read these of them as they are now. A query for each, and one. Raises `NotFound` for
    one that is deleted."""
    lock_name(session, "people", project_id)
    session.flush()  # what this transaction has changed of them would be forgotten
    for row in rows:
        if row is not None:
            try:
                session.refresh(row)
            except InvalidRequestError as error:
                raise NotFound(_("Somebody else has just deleted this.")) from error
