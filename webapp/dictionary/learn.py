"""Learning from what is submitted: which case types and properties, applications and forms there
are (SPEC U10)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from webapp.database import insert_new
from webapp.dictionary.models import CaseType, FormType, Property

#: So many properties of a case type are learned. An app that makes names (one for each visit, say)
#: must not fill the disk with them, nor the screens.
MOST = 2000

#: What this process knows to be in a database: nearly every form brings nothing new.
_known: WeakKeyDictionary[Engine, set[tuple[object, ...]]] = WeakKeyDictionary()
#: The same for names of properties, by project and case type: all of those, or none were read yet.
_names: WeakKeyDictionary[Engine, dict[tuple[int, str], set[str]]] = WeakKeyDictionary()
_LEARNED = "learned in this transaction"
_LEARNED_NAMES = "names learned in this transaction"


def learn_form(session: Session, project_id: int, *, app_id: str, xmlns: str, name: str) -> None:
    """Note that a form of an application exists. At most one statement."""
    if _is_new(session, "form", project_id, app_id, xmlns):
        row = {"project_id": project_id, "app_id": app_id, "xmlns": xmlns, "name": name}
        insert_new(session, FormType, [row])


def learn_properties(
    session: Session, project_id: int, given: Mapping[str, Collection[str]]
) -> None:
    """Note which properties cases have been given, by case type; a case without a type teaches
    nothing. Not more than `MOST` for a type.

    Nothing is asked of the database when all is known; else one statement for new types, and one
    for new properties. A type that this process has not met yet costs a query more, once.

    To be called while the cases are locked and before the tick: whoever has just learned the same
    must be waited for, and nobody may wait then who holds the tick.
    """
    typed = {name: names for name, names in given.items() if name}
    _learn_case_types(session, project_id, typed)
    rows = [
        {"project_id": project_id, "case_type": case_type, "name": name}
        for case_type in sorted(typed)
        for name in _new_names(session, project_id, case_type, typed[case_type])
    ]
    insert_new(session, Property, rows)


def _learn_case_types(session: Session, project_id: int, names: Iterable[str]) -> None:
    new = [name for name in sorted(names) if _is_new(session, "type", project_id, name)]
    insert_new(session, CaseType, [{"project_id": project_id, "name": name} for name in new])


def _is_new(session: Session, *what: object) -> bool:
    learned: set[tuple[object, ...]] = session.info.setdefault(_LEARNED, set())
    if what in learned or what in _known.get(_engine(session), ()):
        return False
    learned.add(what)
    return True


def _new_names(
    session: Session, project_id: int, case_type: str, names: Collection[str]
) -> list[str]:
    """Those names that the dictionary does not have yet, and has room for; noted as learned."""
    if not names:
        return []
    by_type = _names.setdefault(_engine(session), {})
    known = by_type.get((project_id, case_type))
    if known is not None and known.issuperset(names):
        return []
    if known is None:
        of_type = select(Property.name).where(
            Property.project_id == project_id, Property.case_type == case_type
        )
        known = by_type[project_id, case_type] = set(session.scalars(of_type))
    mine = session.info.setdefault(_LEARNED_NAMES, {}).setdefault((project_id, case_type), set())
    new = sorted(name for name in names if name not in known and name not in mine)
    del new[max(0, MOST - len(known) - len(mine)) :]
    mine.update(new)
    return new


def _engine(session: Session) -> Engine:
    bind = session.get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


@event.listens_for(Session, "after_commit")
def _remember(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint's end, of which nothing is sure yet
        return
    learned = session.info.pop(_LEARNED, None)
    if learned:
        _known.setdefault(_engine(session), set()).update(learned)
    for key, names in session.info.pop(_LEARNED_NAMES, {}).items():
        _names[_engine(session)][key].update(names)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _transaction: object) -> None:
    """Also where only a part of the transaction is rolled back: what it learned before that is
    asked for once more."""
    session.info.pop(_LEARNED, None)
    session.info.pop(_LEARNED_NAMES, None)
