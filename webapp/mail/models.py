"""Table: `letter`."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.extensions import Base


class Letter(Base):
    """One mail to one address. It waits while `next_try_on` is set; then it was sent, or given up,
    which stays to be seen."""

    __tablename__ = "letter"
    __table_args__ = (
        Index(
            "ix_letter_waiting",
            "next_try_on",
            sqlite_where=text("next_try_on IS NOT NULL"),
            postgresql_where=text("next_try_on IS NOT NULL"),
        ),
        Index("ix_letter_recent", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    address: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    written_on: Mapped[Micros] = mapped_column(BigInteger)
    #: How often somebody took it to send it. Whoever writes how that went says which try it was.
    tries: Mapped[int] = mapped_column(default=0)
    next_try_on: Mapped[Micros | None] = mapped_column(BigInteger)
    sent_on: Mapped[Micros | None] = mapped_column(BigInteger)
    given_up_on: Mapped[Micros | None] = mapped_column(BigInteger)
    #: How the last try failed: a sentence.
    problem: Mapped[str | None] = mapped_column(Text)
