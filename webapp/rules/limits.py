"""How much the runs of a project may do: forms a day, hours a run (SPEC R20).

Only one job of a project works at a time, so nobody else counts while a run does.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.clock import HOUR, Micros, now, to_datetime
from webapp.database import insert_new
from webapp.jobs.task import StopHere
from webapp.projects.models import Project
from webapp.rules.models import DailyUse, Run


@dataclass(frozen=True, slots=True)
class Use:
    """Forms that runs wrote today, of those that they may; `daily` is 0 where there is no limit."""

    daily: int
    used: int

    @property
    def left(self) -> int | None:
        """How many more may be written today; None without a limit."""
        return max(self.daily - self.used, 0) if self.daily else None

    def cuts(self, submissions: int) -> bool:
        """Whether so many forms are more than may be written today."""
        return self.left is not None and submissions > self.left


def day_of(timezone: str, at: Micros) -> str:
    """The calendar day of a project, as ISO date."""
    return to_datetime(at).astimezone(ZoneInfo(timezone)).date().isoformat()


def use_today(session: Session, project: Project) -> Use:
    """What runs wrote today. One query, also without a limit."""
    found = session.scalar(
        select(DailyUse.submissions).where(
            DailyUse.project_id == project.id,
            DailyUse.day == day_of(project.timezone, now()),
        )
    )
    return Use(project.daily_limit, found or 0)


def count_use(session: Session, project: Project, submissions: int) -> None:
    """Forms were written by a run, in this transaction. One statement, two on a new day."""
    if not submissions:
        return
    row = {"project_id": project.id, "day": day_of(project.timezone, now())}
    counted = session.connection().execute(
        update(DailyUse.__table__)  # type: ignore[arg-type]  # a Table, as its class says
        .where(DailyUse.project_id == row["project_id"], DailyUse.day == row["day"])
        .values(submissions=DailyUse.submissions + submissions)
    )
    if not counted.rowcount:
        insert_new(session, DailyUse, [{**row, "submissions": submissions}])


def forms_left(session: Session, project: Project, run: Run) -> int | None:
    """How many forms a run may write now; None without a limit. Raises `StopHere` when it may none,
    or has worked for too long. One query."""
    if run.working_since is not None and now() - run.working_since > project.run_hours * HOUR:
        raise StopHere(
            ngettext(
                "It worked for %(num)s hour, which is the limit of a run.",
                "It worked for %(num)s hours, which is the limit of a run.",
                project.run_hours,
            )
        )
    use = use_today(session, project)
    if use.left == 0:
        raise StopHere(
            _(
                "The limit of %(limit)s automatic updates a day is reached. Resume the run"
                " tomorrow, or let its rule plan anew in its next slot.",
                limit=f"{use.daily:,}",
            )
        )
    return use.left


def why_not_whole(left: int) -> str:
    """The sentence with which a run stops where the next case needs more forms than are left."""
    return str(
        ngettext(
            "Today's limit leaves %(num)s automatic update, and the next case, which is done whole"
            " or not at all, needs more. Resume the run tomorrow, or let its rule plan anew in its"
            " next slot.",
            "Today's limit leaves %(num)s automatic updates, and the next case, which is done whole"
            " or not at all, needs more. Resume the run tomorrow, or let its rule plan anew in its"
            " next slot.",
            left,
        )
    )
