"""What home says of the nights: the last one, what waits for a person, the chart, the next run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.history.calendar import Calendar, Days
from webapp.history.run_list import RunFilter, query_string
from webapp.projects.models import Project
from webapp.rules.attention import attention
from webapp.rules.last_night import last_night, nights_since
from webapp.rules.limits import use_today
from webapp.rules.models import Trigger
from webapp.rules.nights import next_runs
from webapp.rules.undone import undone_of
from webapp.web.night_chart import DAYS, HEIGHT, bars_of

#: Rules of the last night, and things that need a person, that are shown.
SHOWN_RUNS, SHOWN_NEEDS = 15, 8


def nights_context(session: Session, project: Project) -> dict[str, Any]:
    """The variables of the templates `home/_needs.html`, `_night.html` and `_nights.html`. About
    ten queries."""
    at = now()
    found = last_night(session, project.id)
    following = next_runs(session, project, at)
    first = min(following.values(), default=None)
    context: dict[str, Any] = {
        "attention": attention(session, project, at),
        "shown_needs": SHOWN_NEEDS,
        "last": found,
        "next_run": first,
        "next_rules": sum(slot == first for slot in following.values()),
        "bars": [],
    }
    if found is None:
        return context
    shown = found.most_important(SHOWN_RUNS)
    since = Calendar.of(project).starts(found.day - timedelta(days=DAYS - 1))
    queued = Days(*[Calendar.of(project).day_of(found.night.begun_on)] * 2)
    return context | {
        "recent": found.recent(at),
        "shown": shown,
        "undone": undone_of(session, project.id, (one.run for one in shown)),
        "use": use_today(session, project),
        "all_runs": query_string(RunFilter(trigger=Trigger.SCHEDULE, queued=queued)),
        "bars": bars_of(nights_since(session, project.id, since)),
        "chart_height": HEIGHT,
    }
