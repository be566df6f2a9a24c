"""Reading cases for change and writing them back: the only place that writes `cases` and
`case_index`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from webapp.cases.apply import ATTRIBUTES, NOTHING, CaseState, IndexValue
from webapp.cases.models import Case, CaseIndex
from webapp.clock import Micros
from webapp.database import insert_new, one_or_many

T = TypeVar("T")

#: SQLite takes 32,766 bound values in a statement; this stays far below.
BATCH = 1000


@dataclass(slots=True)
class HeldCase:
    """A case that this transaction has locked: its key, its id and what it is now; `made` if it
    made the row and has not written it yet."""

    key: int
    case_id: str
    state: CaseState
    made: bool = False


def hold_cases(
    session: Session, project_id: int, case_ids: Collection[str], *, one_is_known: bool = False
) -> list[HeldCase]:
    """Lock cases until the commit, in one order for everybody, making rows for the unknown.

    Returned in the order of their keys. New rows go in first and sorted by id, then the others are
    locked by key: whoever waits while making rows holds no others' rows, so no two can wait for
    each other. A made row is a deleted case until `write_cases`. One statement a thousand cases
    where all are new, else three, or four from a thousand known ones on. Whoever asks for a single
    case and takes it for known (`one_is_known`) pays two if it is, and three if not.
    """
    if one_is_known and len(case_ids) == 1:
        found = _locked(session, project_id, _LOCK_BY_ID, list(case_ids))
        if found:
            return found
    held: list[HeldCase] = []
    for some in batches(sorted(case_ids)):
        rows = [{"project_id": project_id, "case_id": case_id} for case_id in some]
        made = insert_new(session, Case, rows, returning=("id", "case_id"))
        held += [HeldCase(row.id, row.case_id, NOTHING, made=True) for row in made]
    known = list(set(case_ids) - {one.case_id for one in held})
    if len(known) > BATCH:
        # The order must be one over all batches, and keys are in no order of the ids.
        keys = keys_of(session, project_id, known)
        held += hold_known_cases(session, project_id, keys.values())
    elif known:
        held += _locked(session, project_id, _LOCK_BY_ID, known)
    return sorted(held, key=lambda one: one.key)


def hold_known_cases(session: Session, project_id: int, keys: Collection[int]) -> list[HeldCase]:
    """The same for cases that have a row, by their keys."""
    held: list[HeldCase] = []
    for some in batches(sorted(keys)):
        held += _locked(session, project_id, _LOCK_BY_KEY, some)
    return held


def keys_of(session: Session, project_id: int, case_ids: Collection[str]) -> dict[str, int]:
    """The keys of those cases that the project has or had. One query a thousand."""
    keys: dict[str, int] = {}
    for some in batches(sorted(case_ids)):
        rows = session.execute(
            select(Case.case_id, Case.id).where(
                Case.project_id == project_id, Case.case_id.in_(some)
            )
        )
        keys.update({row.case_id: row.id for row in rows})
    return keys


def ids_of(session: Session, project_id: int, keys: Collection[int]) -> set[str]:
    """The public ids of cases, by their keys. One query a thousand."""
    ids: set[str] = set()
    for some in batches(sorted(keys)):
        ids.update(
            session.scalars(
                select(Case.case_id).where(Case.project_id == project_id, Case.id.in_(some))
            )
        )
    return ids


def states_of(
    session: Session, project_id: int, cases: Sequence[Case | Row[Any]]
) -> list[CaseState]:
    """What the given rows of `cases` say, with their indexes. One query a thousand cases."""
    indices: dict[int, dict[str, IndexValue]] = defaultdict(dict)
    for some in batches([case.id for case in cases]):
        rows = session.execute(_INDICES, {"project_id": project_id, "some": some})
        for case, identifier, target, target_type, relationship in rows:
            indices[case][identifier] = IndexValue(target, target_type, relationship)
    return [
        CaseState(
            **{name: getattr(case, name) for name in ATTRIBUTES},
            properties=case.properties,
            indices=indices.get(case.id, {}),
        )
        for case in cases
    ]


def write_cases(
    session: Session,
    project_id: int,
    changes: Iterable[tuple[HeldCase, CaseState]],
    first_tick: Micros,
) -> int:
    """Write new states over the held ones; each changed case takes the next tick as `indexed_on`.

    Cases whose state is the same are left alone, unless they have just been made: they need their
    first tick. Returns how many were written.
    """
    changed = [(held, state) for held, state in changes if held.made or state != held.state]
    write_cases_at(
        session,
        project_id,
        [(held, state, first_tick + place) for place, (held, state) in enumerate(changed)],
    )
    return len(changed)


def write_cases_at(
    session: Session, project_id: int, changes: Iterable[tuple[HeldCase, CaseState, Micros]]
) -> None:
    """The same for cases that have changed, each with the tick that it takes as `indexed_on`."""
    rows: list[dict[str, Any]] = []
    for held, state, tick in changes:
        row = {name: getattr(state, name) for name in ATTRIBUTES}
        rows.append(
            row
            | {
                "in_project": project_id,
                "key": held.key,
                "indexed_on": tick,
                "properties": dict(state.properties),
            }
        )
        write_indices(session, project_id, held.key, held.state.indices, state.indices)
        held.state, held.made = state, False
    if rows:
        session.connection().execute(_WRITE, one_or_many(rows))


# Statements of the path that every form takes are put together once.
# Columns and not objects: what the identity map holds may be older than the lock.
_LOCK = (
    select(*(getattr(Case, name) for name in ("id", "case_id", *ATTRIBUTES, "properties")))
    .where(Case.project_id == bindparam("project_id"))
    .order_by(Case.id)
    .with_for_update(key_share=True)
)
_LOCK_BY_ID = _LOCK.where(Case.case_id.in_(bindparam("some", expanding=True)))
_LOCK_BY_KEY = _LOCK.where(Case.id.in_(bindparam("some", expanding=True)))
_INDICES = select(
    CaseIndex.case,
    CaseIndex.identifier,
    CaseIndex.target,
    CaseIndex.target_type,
    CaseIndex.relationship,
).where(
    CaseIndex.project_id == bindparam("project_id"),
    CaseIndex.case.in_(bindparam("some", expanding=True)),
)
_WRITE = (
    update(Case.__table__)  # type: ignore[arg-type]  # a Table, as its class says
    .where(Case.project_id == bindparam("in_project"), Case.id == bindparam("key"))
    .values({name: bindparam(name) for name in (*ATTRIBUTES, "indexed_on", "properties")})
)


def _locked(
    session: Session, project_id: int, lock: Select[Any], some: Sequence[Any]
) -> list[HeldCase]:
    cases = session.execute(lock, {"project_id": project_id, "some": some}).all()
    return [
        HeldCase(case.id, case.case_id, state)
        for case, state in zip(cases, states_of(session, project_id, cases), strict=True)
    ]


def write_indices(
    session: Session,
    project_id: int,
    key: int,
    before: Mapping[str, IndexValue],
    after: Mapping[str, IndexValue],
) -> None:
    """Make the indexes of a held case what they are in its new state. At most two statements."""
    gone = [name for name in before if before[name] != after.get(name)]
    new = [name for name in after if before.get(name) != after[name]]
    if gone:
        session.execute(
            delete(CaseIndex)
            .where(
                CaseIndex.project_id == project_id,
                CaseIndex.case == key,
                CaseIndex.identifier.in_(gone),
            )
            .execution_options(synchronize_session=False)
        )
    if new:
        session.execute(
            insert(CaseIndex),
            [
                {
                    "project_id": project_id,
                    "case": key,
                    "identifier": name,
                    "target": after[name].target,
                    "target_type": after[name].type,
                    "relationship": after[name].relationship,
                }
                for name in new
            ],
        )


def batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """The sequence in pieces of at most `BATCH`."""
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]
