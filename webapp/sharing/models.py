"""Table: `sync_log`, what the server gave a phone and believes to be on it (SPEC P4)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.extensions import Base


class SyncLog(Base):
    """What was on a phone when it had received the document with this restore token. It is written
    once and never changed: what the phone's own forms did since is worked out from those forms."""

    __tablename__ = "sync_log"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "worker"], ["mobile_worker.project_id", "mobile_worker.id"]
        ),
        Index("ix_sync_log_worker", "project_id", "worker", "made_on"),
        Index("ix_sync_log_made", "made_on"),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    #: A random number, which is the token; forms carry it, and so can be told without asking.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    #: Key of `mobile_worker`.
    worker: Mapped[int]
    #: The id of the web user who asked in the worker's name; NULL for the worker's own phones.
    web_user: Mapped[str | None] = mapped_column(String(32))
    made_on: Mapped[Micros] = mapped_column(BigInteger)
    #: The project's last tick in what was read: all that happened up to it is on the phone.
    tick: Mapped[Micros] = mapped_column(BigInteger)
    #: The token with which the phone asked; NULL when it began afresh. Its row may be gone.
    before: Mapped[int | None] = mapped_column(BigInteger)
    #: The owner set, as the document's fixture has it.
    owners: Mapped[list[str]] = mapped_column(JSON)
    #: The cases: see `webapp.sharing.held`.
    cases: Mapped[bytes] = mapped_column(LargeBinary)
