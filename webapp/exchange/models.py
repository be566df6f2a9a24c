"""Table: `export`."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.clock import Micros
from webapp.columns import JsonObject
from webapp.exchange.write import Format
from webapp.extensions import Base


class Export(Base):
    """A list that somebody wants as a file: what it is of, and the files that its job has written
    so far (`webapp.exchange.files`). A file that no row names is none: so half a one is never
    offered, whatever dies."""

    __tablename__ = "export"
    __table_args__ = (ForeignKeyConstraint(["project_id", "job_id"], ["job.project_id", "job.id"]),)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(primary_key=True)
    #: One of `webapp.exchange.lists.Of`.
    of: Mapped[str] = mapped_column(String(31))
    format: Mapped[str] = mapped_column(String(7))
    #: The canonical query of the list as it was shown; its days are those of when it was asked for.
    query: Mapped[str] = mapped_column(Text)
    #: With it, which nobody can guess, begin the names of its files.
    token: Mapped[str] = mapped_column(String(32))
    #: The files that are complete: the keys of the rows, then the rows, piece by piece.
    parts: Mapped[list[str]] = mapped_column(JsonObject, default=list)
    #: How often it was begun since somebody asked for it or resumed it.
    begun: Mapped[int] = mapped_column(default=0)
    #: The file for people, once there is one, and as long as it is kept.
    file: Mapped[str | None] = mapped_column(String(80))
    #: Its bytes.
    size: Mapped[int | None] = mapped_column(BigInteger)
    #: From when on its files are let go; NULL while its job is at work.
    expires_on: Mapped[Micros | None] = mapped_column(BigInteger)

    @property
    def kind(self) -> Format:
        """The kind of file."""
        return Format(self.format)
