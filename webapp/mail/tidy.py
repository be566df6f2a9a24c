"""Letters that were sent long ago are let go."""

from __future__ import annotations

from sqlalchemy import Select, delete, select

from webapp.clock import DAY, Micros
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.mail.models import Letter

#: A letter that was sent, or given up, is kept for so long after it was written.
KEPT: Micros = 90 * DAY
#: Letters that are looked at in one go, oldest first.
SOME = 1000


def tidy_letters(at: Micros) -> None:
    """Let go of letters that were sent, or given up, long before an instant. One query over the
    oldest letters when there is nothing to do."""
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    there = session.scalar(_old(at).limit(1)) is not None
    session.rollback()
    if there:
        with write_transaction() as writing:
            writing.execute(
                delete(Letter)
                .where(Letter.id.in_(_old(at)))
                .execution_options(synchronize_session=False)
            )


def _old(at: Micros) -> Select[int]:
    oldest = select(Letter).order_by(Letter.id).limit(SOME).subquery()
    return select(oldest.c.id).where(
        oldest.c.written_on < at - KEPT, oldest.c.next_try_on.is_(None)
    )
