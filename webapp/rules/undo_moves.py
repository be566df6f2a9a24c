"""Who gets cases back when a run is undone (SPEC R27, P7, P8)."""

from __future__ import annotations

from sqlalchemy import and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case, CaseTransaction
from webapp.errors import TooSlow
from webapp.joins import row_of
from webapp.rules.losing import MOST_MOVES, Move
from webapp.rules.runs import get_run
from webapp.rules.undo import live_changes, other_forms
from webapp.time_limit import time_limit

#: A page may count this long, in seconds.
LIMIT_S = 5.0


def undo_moves(session: Session, project_id: int, run_id: int) -> dict[Move, int] | None:
    """How many open cases an undo would give from whom to whom; those that open again come from
    nobody (""). None where that takes too long, or there are very many kinds of moves. Raises
    `NotFound`. Two queries; not for a transaction that writes."""
    run = get_run(session, project_id, run_id)
    elsewhere, closed_elsewhere, _later = other_forms(run)
    given = CaseTransaction.change["given"]["owner_id"].as_string()
    was = CaseTransaction.before["owner_id"].as_string()
    # Whoever got it since keeps it.
    back = case((and_(given == Case.owner_id, was.is_not(None)), was), else_=Case.owner_id)
    reopens = and_(
        Case.closed,
        CaseTransaction.change["closes"].as_boolean(),
        elsewhere,
        ~closed_elsewhere,
    )
    before = case((reopens, literal("")), else_=Case.owner_id)
    each = (
        live_changes(run)
        .join(Case, row_of(Case, CaseTransaction.case, run.project_id))
        .with_only_columns(before.label("was"), back.label("now"))
        .where(~Case.deleted, or_(reopens, and_(~Case.closed, back != Case.owner_id)))
        .subquery()
    )
    rows = select(each.c.was, each.c.now, func.count()).group_by(each.c.was, each.c.now)
    try:
        with time_limit(session, LIMIT_S, ""):
            found = session.execute(rows.limit(MOST_MOVES + 1)).all()
    except TooSlow:
        return None
    if len(found) > MOST_MOVES:
        return None
    return {(was, now): cases for was, now, cases in found}
