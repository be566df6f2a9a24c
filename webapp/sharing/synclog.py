"""The sync logs: what was given to which phone, as long as it may be asked for (SPEC P4)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, select, tuple_
from sqlalchemy.orm import Session

from webapp.clock import DAY, Micros
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.sharing.models import SyncLog
from webapp.sharing.tokens import key_of

#: A phone that has not asked for so long starts afresh.
KEPT: Micros = 90 * DAY
#: For so many phones of a worker logs are kept; one that begins afresh counts as another.
PHONES = 20


def log_of(
    session: Session, project_id: int, worker: int, token: str, *, web_user: str | None = None
) -> SyncLog | None:
    """The log that a phone of this worker, or of a web user in the worker's name, asks with, if it
    is there still. One query."""
    key = key_of(token)
    if key is None:
        return None
    return session.scalar(
        select(SyncLog).where(_with(project_id, worker, web_user), SyncLog.id == key)
    )


def same_again(session: Session, log: SyncLog, tick: Micros, owners: list[str]) -> int | None:
    """The key of the answer that was given to the same question, if nothing has happened in the
    project since then: the phone did not get it, and is given it again. One query."""
    rows = session.execute(
        select(SyncLog.id, SyncLog.owners).where(
            _beside(log), SyncLog.before == log.id, SyncLog.tick == tick
        )
    )
    return next((row.id for row in rows if row.owners == owners), None)


def keep(session: Session, log: SyncLog, past: int | None) -> None:
    """Write what a phone is given, and let go of what no phone of this worker can ask with any
    more. `past` is the token with which it had asked the time before. Three statements at most.

    A phone that asks with a token has its document: so what came before that one is gone there, and
    so are other answers to the same question, which it did not get. What it asks with now stays,
    for this answer may be lost too. So the logs of one phone are that one and the answers to it.
    What web users asked for in the worker's name is theirs, and none of it counts here.
    """
    session.add(log)
    session.flush()  # it is the newest
    mine = _beside(log)
    rows = session.execute(
        select(SyncLog.id, SyncLog.before, SyncLog.made_on)
        .where(mine)
        .order_by(SyncLog.made_on.desc())
    ).all()
    obsolete = {
        row.id
        for row in rows
        if past is not None and (row.id == past or (row.before == past and row.id != log.before))
    }
    left = [row for row in rows if row.id not in obsolete]
    there = {row.id for row in left}
    phone_of = {row.id: row.before if row.before in there else row.id for row in left}
    newest = list(dict.fromkeys(phone_of.values()))[:PHONES]
    obsolete |= {key for key, phone in phone_of.items() if phone not in newest}
    if obsolete:
        session.execute(delete(SyncLog).where(mine, SyncLog.id.in_(obsolete)))


def tidy_sync_logs(at: Micros) -> None:
    """Let go of logs with which no phone has asked for long (`KEPT`). One query when there is
    nothing to do."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    old = SyncLog.made_on < at - KEPT
    there = session.scalar(select(SyncLog.id).where(old).limit(1))
    session.rollback()
    if there is not None:
        with write_transaction() as writing:
            some = select(SyncLog.project_id, SyncLog.id).where(old).limit(_SOME).subquery()
            writing.execute(
                delete(SyncLog).where(tuple_(SyncLog.project_id, SyncLog.id).in_(select(some)))
            )


#: So many are dropped at a time: a tick comes every half minute.
_SOME = 1000


def _beside(log: SyncLog) -> ColumnElement[bool]:
    """The logs of the same worker that the same kind of phone has."""
    return _with(log.project_id, log.worker, log.web_user)


def _with(project_id: int, worker: int, web_user: str | None) -> ColumnElement[bool]:
    return and_(
        SyncLog.project_id == project_id,
        SyncLog.worker == worker,
        SyncLog.web_user == web_user,
    )
