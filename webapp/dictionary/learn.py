"""Learning from what is submitted: which case types, applications and forms there are."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from webapp.database import insert_new
from webapp.dictionary.models import CaseType, FormType

#: What this process knows to be in a database: nearly every form brings nothing new.
_known: WeakKeyDictionary[Engine, set[tuple[object, ...]]] = WeakKeyDictionary()
_LEARNED = "learned in this transaction"


def learn_form(session: Session, project_id: int, *, app_id: str, xmlns: str, name: str) -> None:
    """Note that a form of an application exists. At most one statement."""
    if _is_new(session, "form", project_id, app_id, xmlns):
        row = {"project_id": project_id, "app_id": app_id, "xmlns": xmlns, "name": name}
        insert_new(session, FormType, [row])


def learn_case_types(session: Session, project_id: int, names: Iterable[str]) -> None:
    """Note that case types exist. At most one statement."""
    new = [
        name for name in sorted(set(names)) if name and _is_new(session, "type", project_id, name)
    ]
    insert_new(session, CaseType, [{"project_id": project_id, "name": name} for name in new])


def _is_new(session: Session, *what: object) -> bool:
    learned: set[tuple[object, ...]] = session.info.setdefault(_LEARNED, set())
    if what in learned or what in _known.get(_engine(session), ()):
        return False
    learned.add(what)
    return True


def _engine(session: Session) -> Engine:
    bind = session.get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


@event.listens_for(Session, "after_commit")
def _remember(session: Session) -> None:
    learned = session.info.pop(_LEARNED, None)
    if learned:
        _known.setdefault(_engine(session), set()).update(learned)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_LEARNED, None)
