"""What people type about persons, kept out of addresses (SPEC U7).

The id is a keyed hash of the text: the same search has the same address, and nobody who reads the
address learns what was typed.
"""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.database import insert_new
from webapp.errors import NotFound
from webapp.history.models import StoredView


def view_id_of(project_id: int, screen: str, text: str, *, secret: str) -> str:
    """The id under which a search of a screen is kept, whether it is already or not."""
    said = f"{project_id}\0{screen}\0{text}".encode()
    return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()[:32]


def store_view(
    session: Session, project_id: int, screen: str, text: str, *, by: str, secret: str
) -> str:
    """Keep a search of a screen and return its id. One statement; twice the same is one."""
    view_id = view_id_of(project_id, screen, text, secret=secret)
    row = {
        "project_id": project_id,
        "view_id": view_id,
        "screen": screen,
        "filters": {"text": text},
        "created_by": by,
        "created_on": now(),
    }
    insert_new(session, StoredView, [row])
    return view_id


def is_stored(session: Session, project_id: int, screen: str, view_id: str) -> bool:
    """Whether a search is kept already. One query."""
    return _find(session, project_id, screen, view_id) is not None


def stored_text(session: Session, project_id: int, screen: str, view_id: str) -> str:
    """The text of a kept search. Raises `NotFound` for an id that is none of this project's."""
    view = _find(session, project_id, screen, view_id)
    if view is None:
        raise NotFound("This search is not known here. Search again.")
    return str(view.filters["text"])


def _find(session: Session, project_id: int, screen: str, view_id: str) -> StoredView | None:
    return session.scalar(
        select(StoredView).where(
            StoredView.project_id == project_id,
            StoredView.view_id == view_id,
            StoredView.screen == screen,
        )
    )
