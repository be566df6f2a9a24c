"""Which runs a person wants to see, and its canonical address (SPEC U2, U7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from urllib.parse import urlencode

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, select

from webapp.errors import Invalid
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.filters import Unreadable, Values, read_rule
from webapp.rules.models import Rule, Run, RunState, Trigger


class Outcome(StrEnum):
    """Where a run stands, as its pages say it."""

    WORKS = "works"
    HELD = "held"
    FINISHED = "finished"
    FAULTY = "faulty"
    WATCHED = "watched"
    STOPPED = "stopped"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class RunFilter:
    """What to show. An empty field does not narrow. `rule` is a public id."""

    state: Outcome | None = None
    rule: str = ""
    trigger: Trigger | None = None
    queued: Days = ANY_TIME

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The fields that leave something out."""
        everything = RunFilter()
        names = (one.name for one in fields(self))
        return tuple(name for name in names if getattr(self, name) != getattr(everything, name))

    def without(self, name: str) -> RunFilter:
        """The same, but with this field not narrowing."""
        return replace(self, **{name: getattr(RunFilter(), name)})


def parse(given: Mapping[str, Sequence[str]]) -> RunFilter:
    """Read the parameters of an address; of several of a name the last counts, unknown names are
    ignored. Raises `Unreadable` with what is wrong with each."""
    values = Values(given)
    found = RunFilter(
        state=values.one("state", _state, None),
        rule=values.one("rule", read_rule, ""),
        trigger=values.one("trigger", _trigger, None),
        queued=values.days("from", "to"),
    )
    if values.problems:
        raise Unreadable(values.problems)
    return found


def unparse(wanted: RunFilter) -> dict[str, str]:
    """The parameters of a filter, defaults dropped: `parse` reads them."""
    pairs = {
        "from": wanted.queued.first and wanted.queued.first.isoformat(),
        "rule": wanted.rule,
        "state": wanted.state and wanted.state.value,
        "to": wanted.queued.last and wanted.queued.last.isoformat(),
        "trigger": wanted.trigger and wanted.trigger.value,
    }
    return {name: value for name, value in pairs.items() if value}


def query_string(wanted: RunFilter, **cursor: str | None) -> str:
    """The canonical query of a filter and a place in its pages: names sorted."""
    places = {name: text for name, text in cursor.items() if text}
    return urlencode(sorted((unparse(wanted) | places).items()))


def matching(project_id: int, wanted: RunFilter, calendar: Calendar) -> Select[Run]:
    """The runs that a filter leaves, in no order; by `queued_on` and id in pages."""
    conditions: list[ColumnElement[bool]] = [Run.project_id == project_id]
    if wanted.state is not None:
        conditions.append(_is(wanted.state))
    if wanted.rule:
        of = select(Rule.id).where(Rule.project_id == project_id, Rule.rule_id == wanted.rule)
        conditions.append(Run.rule == of.scalar_subquery())
    if wanted.trigger is not None:
        conditions.append(Run.trigger == wanted.trigger)
    if wanted.queued.first is not None:
        conditions.append(Run.queued_on >= calendar.starts(wanted.queued.first))
    if wanted.queued.last is not None:
        conditions.append(Run.queued_on < calendar.ends(wanted.queued.last))
    return select(Run).where(*conditions)


def _is(state: Outcome) -> ColumnElement[bool]:
    if state is Outcome.WORKS:
        return Run.state.in_((RunState.QUEUED, RunState.PLANNING, RunState.RUNNING))
    finished = Run.state == RunState.FINISHED
    if state is Outcome.FINISHED:
        return and_(finished, Run.errors == 0, ~Run.watching)
    if state is Outcome.FAULTY:
        return and_(finished, Run.errors > 0)
    if state is Outcome.WATCHED:
        return and_(finished, Run.watching)
    return Run.state == RunState(state.value)


def _state(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError as error:
        raise Invalid(_("Choose one of the states that are offered.")) from error


def _trigger(text: str) -> Trigger:
    try:
        return Trigger(text)
    except ValueError as error:
        raise Invalid(_("Choose one of those that are offered.")) from error
