"""API keys: they stand for a web user in the APIs (SPEC I1)."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import now
from webapp.people.models import ApiKey, WebUser
from webapp.projects.models import Project

#: Longer than any of ours: hashing more would only cost time.
_LONGEST = 200


def create_key(
    session: Session,
    user: WebUser,
    *,
    project: Project | None = None,
    read_only: bool = False,
    by: Actor,
) -> tuple[str, ApiKey]:
    """Make a key for a web user: the key itself, which nobody can ever see again, and its row.

    Limited to `project` if one is given, and to reading with `read_only`.
    """
    key = secrets.token_urlsafe(32)
    row = ApiKey(
        web_user_id=user.id,
        key_hash=hash_of(key),
        hint=key[:4],
        read_only=read_only,
        project_id=None if project is None else project.id,
        created_on=now(),
    )
    session.add(row)
    record(
        session,
        project_id=row.project_id,
        tag=Tag.API_KEY_CREATE,
        subject=f"web_user:{user.email}",
        by=by,
        after={
            "hint": row.hint,
            "read_only": read_only,
            "project": None if project is None else project.name,
        },
    )
    session.flush()  # callers show its id
    return key, row


def revoke_key(session: Session, key: ApiKey, *, by: Actor) -> None:
    """Make a key worthless, from the next request on. A second time changes nothing."""
    if key.revoked_on is not None:
        return
    key.revoked_on = now()
    record(
        session,
        project_id=key.project_id,
        tag=Tag.API_KEY_REVOKE,
        subject=f"web_user:{key.web_user.email}",
        by=by,
        before={"hint": key.hint},
    )


def hash_of(key: str) -> str:
    """What is stored of a key, and what it is found by."""
    return hashlib.sha256(key[:_LONGEST].encode("utf-8", "surrogatepass")).hexdigest()
