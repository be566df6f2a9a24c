"""How much the runs of a project may do: forms a day, hours a run (SPEC R20).

Only one job of a project works at a time, so nobody else counts while a run does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.orm import Session

from webapp.clock import DAY, HOUR, Micros, now, start_of_day, to_datetime
from webapp.database import insert_new
from webapp.jobs.task import StopHere
from webapp.projects.models import Project
from webapp.rules.models import DailyUse, Run


@dataclass(frozen=True, slots=True)
class Use:
    """Forms that runs wrote today, of those that they may; `daily` is 0 where there is no limit.
    From `until` on, none of them count any more."""

    daily: int
    used: int
    until: Micros = 0

    @property
    def left(self) -> int | None:
        """How many more may be written today; None without a limit."""
        return max(self.daily - self.used, 0) if self.daily else None

    def at(self, instant: Micros) -> Use:
        """What counts at an instant that is still to come, as far as that is known now."""
        return self if instant < self.until else Use(self.daily, 0, instant)

    def cuts(self, submissions: int) -> bool:
        """Whether so many forms are more than may be written today."""
        return self.left is not None and submissions > self.left


@dataclass(frozen=True, slots=True)
class Allowance:
    """The forms that a run may write: those that are `left` today, of `daily` on any day."""

    left: int
    daily: int

    def without(self, submissions: int) -> Allowance:
        """What is left when so many are written."""
        return Allowance(self.left - submissions, self.daily)


def use_today(session: Session, project: Project) -> Use:
    """What runs wrote today. One query, also without a limit.

    Where the project's time zone was changed, what they wrote before counts for 24 hours more: else
    a day that begins anew would bring a second allowance.
    """
    at, zone = now(), ZoneInfo(project.timezone)
    today = to_datetime(at).astimezone(zone).date()
    first, last = today - timedelta(days=2), today + timedelta(days=2)  # in any zone
    of_today = and_(DailyUse.day == today.isoformat(), DailyUse.timezone == project.timezone)
    rows = session.execute(
        select(DailyUse.submissions, DailyUse.timezone, DailyUse.counted_on).where(
            DailyUse.project_id == project.id,
            DailyUse.day.between(first.isoformat(), last.isoformat()),
            or_(of_today, _before_the_change(project, at)),
        )
    ).all()
    midnight = start_of_day(today + timedelta(days=1), zone)
    ends = [midnight if row.timezone == zone.key else row.counted_on + DAY for row in rows]
    return Use(
        project.daily_limit, sum(row.submissions for row in rows), max(ends, default=midnight)
    )


def count_use(session: Session, project: Project, submissions: int) -> None:
    """Forms were written by a run, in this transaction. One statement, two on a new day."""
    if not submissions:
        return
    at = now()
    row = {
        "project_id": project.id,
        "day": to_datetime(at).astimezone(ZoneInfo(project.timezone)).date().isoformat(),
        "timezone": project.timezone,
        "counted_on": at,
    }
    counts = or_(DailyUse.timezone == project.timezone, _before_the_change(project, at))
    counted = session.connection().execute(
        update(DailyUse.__table__)  # type: ignore[arg-type]  # a Table, as its class says
        .where(DailyUse.project_id == row["project_id"], DailyUse.day == row["day"])
        .values(
            # The day may have been counted in another zone, too long ago to count.
            submissions=case((counts, DailyUse.submissions), else_=0) + submissions,
            timezone=row["timezone"],
            counted_on=at,
        )
    )
    if not counted.rowcount:
        insert_new(session, DailyUse, [{**row, "submissions": submissions}])


def _before_the_change(project: Project, at: Micros) -> ColumnElement[bool]:
    return and_(DailyUse.timezone != project.timezone, DailyUse.counted_on > at - DAY)


def allowance(session: Session, project: Project, run: Run) -> Allowance | None:
    """The forms that a run may write now; None without a limit. Raises `StopHere` when it may none,
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
    if use.left is None:
        return None
    if use.left == 0:
        raise StopHere(
            _(
                "The limit of %(limit)s automatic updates a day is reached. Resume the run"
                " tomorrow, or raise the limit in the project's settings.",
                limit=f"{use.daily:,}",
            )
        )
    return Allowance(use.left, use.daily)


def never_whole(forms: int, daily: int) -> str:
    """The sentence with which a case is left out that needs more forms than a whole day may bring:
    no other day would be better, and the cases behind it would wait for ever."""
    return str(
        _(
            "This case needs %(forms)s automatic updates, its own and those of related cases, which"
            " are done together or not at all, and the project's limit is %(daily)s a day. It is"
            " left out until the limit, in the project's settings, is %(forms)s or more.",
            forms=f"{forms:,}",
            daily=f"{daily:,}",
        )
    )


def why_not_whole(left: int) -> str:
    """The sentence with which a run stops where the next case needs more forms than are left."""
    return str(
        ngettext(
            "Today's limit leaves %(num)s automatic update, and the next case, which is done whole"
            " or not at all, needs more. Resume the run tomorrow, or raise the limit in the"
            " project's settings.",
            "Today's limit leaves %(num)s automatic updates, and the next case, which is done whole"
            " or not at all, needs more. Resume the run tomorrow, or raise the limit in the"
            " project's settings.",
            left,
        )
    )
