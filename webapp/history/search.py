"""From a filter to the submissions that it leaves: it only ever narrows from a project's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.cases.models import Case, CaseTransaction
from webapp.clock import Micros
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.few import not_by_index, of_some
from webapp.history.filters import SubmissionFilter, UserType
from webapp.joins import one_of
from webapp.people.kinds import UserKind
from webapp.people.location_owners import workers_within
from webapp.people.models import MobileWorker
from webapp.people.owners import workers_in
from webapp.rules.models import Rule
from webapp.submissions.models import State, Submission

Condition = ColumnElement[bool]
Key = InstrumentedAttribute[int]


def matching(project_id: int, wanted: SubmissionFilter, calendar: Calendar) -> Select[Submission]:
    """The submissions that a filter leaves, in no order: `keys_of` it are their keys in pages.

    Nearly every condition is one on an index in the order of `received_on`.
    """
    return select(Submission).where(
        Submission.project_id == project_id,
        *_within(Submission.received_on, wanted.received_days(calendar.today), calendar),
        *_within(Submission.time_end, wanted.completed, calendar),
        *_narrowings(project_id, wanted),
    )


def for_pages(
    session: Session, project_id: int, wanted: SubmissionFilter, calendar: Calendar
) -> Select[Submission]:
    """The same, for a page of the newest. One query for each of group and location."""
    found = matching(project_id, replace(wanted, group="", location=""), calendar)
    mine = select(Submission).where(Submission.project_id == project_id)
    for people in _people(project_id, wanted):
        condition = of_some(session, mine, Submission.id, Submission.user_id, people)
        found = found.where(condition)
    return found


def keys_of(wanted: SubmissionFilter) -> tuple[Key, ...]:
    """What pages of forms are sorted by, newest first: when they were received; or when they were
    completed, where they are filtered by that. The forms of a week some months ago would else be
    looked for among all that came since."""
    if wanted.completed == ANY_TIME:
        return (Submission.received_on,)
    return (cast(Key, Submission.time_end), Submission.id)  # never NULL: those are left out


def errors_of(project_id: int) -> Select[Submission]:
    """The forms that could not be applied and can be processed again."""
    return select(Submission).where(
        Submission.project_id == project_id, Submission.state == State.ERROR
    )


def _narrowings(project_id: int, wanted: SubmissionFilter) -> Iterator[Condition]:
    yield from _whose(project_id, wanted)
    # Few are in another state than normal, or of others than mobile workers: these are looked up,
    # and not all of a form's or an application's.
    few = wanted.state not in {None, State.NORMAL} or (
        wanted.user_types and UserType.MOBILE not in wanted.user_types
    )
    if wanted.app is not None:
        yield (not_by_index(Submission.app_id) if few else Submission.app_id) == wanted.app
    if wanted.xmlns:
        yield (not_by_index(Submission.xmlns) if few else Submission.xmlns) == wanted.xmlns
    if wanted.case:
        yield one_of(Submission.id, _touching(project_id, wanted.case))
    if wanted.rule:
        yield Submission.rule_key == _key_of_rule(project_id, wanted.rule)
    if wanted.run is not None:
        yield Submission.run_id == wanted.run
    if wanted.state is State.NORMAL and set(wanted.narrowing) - {"received", "completed", "state"}:
        yield not_by_index(Submission.state) == wanted.state  # as nearly all are
    elif wanted.state is not None:
        yield Submission.state == wanted.state


def _whose(project_id: int, wanted: SubmissionFilter) -> Iterator[Condition]:
    if wanted.user_types:
        yield or_(*(_of_type(project_id, kind) for kind in sorted(wanted.user_types)))
    if wanted.user:
        yield Submission.user_id == wanted.user
    for people in _people(project_id, wanted):
        yield one_of(Submission.user_id, people)


def _people(project_id: int, wanted: SubmissionFilter) -> Iterator[Select[Any]]:
    """The ids of those whose forms are wanted."""
    if wanted.group:
        yield workers_in(project_id, wanted.group)
    if wanted.location:
        yield workers_within(project_id, wanted.location, below=True)


def _touching(project_id: int, case_id: str) -> Select[int]:
    """The keys of the submissions that touched a case."""
    key = select(Case.id).where(Case.project_id == project_id, Case.case_id == case_id)
    return select(CaseTransaction.submission).where(
        CaseTransaction.project_id == project_id, CaseTransaction.case == key.scalar_subquery()
    )


def _key_of_rule(project_id: int, rule_id: str) -> ScalarSelect[int]:
    return (
        select(Rule.id)
        .where(Rule.project_id == project_id, Rule.rule_id == rule_id)
        .scalar_subquery()
    )


def _within(
    column: InstrumentedAttribute[Micros] | InstrumentedAttribute[Micros | None],
    days: Days,
    calendar: Calendar,
) -> Iterator[Condition]:
    if days.first is not None:
        yield column >= calendar.starts(days.first)
    if days.last is not None:
        yield column < calendar.ends(days.last)


def _of_type(project_id: int, kind: UserType) -> Condition:
    """The forms of a user type. Who is deactivated is asked now, not when the form came."""
    deactivated = select(MobileWorker.user_id).where(
        MobileWorker.project_id == project_id, MobileWorker.active.is_(False)
    )
    if kind in {UserType.MOBILE, UserType.DEACTIVATED}:
        if kind == UserType.MOBILE:
            return and_(
                Submission.user_kind == UserKind.MOBILE, Submission.user_id.not_in(deactivated)
            )
        return and_(
            not_by_index(Submission.user_kind) == UserKind.MOBILE,
            one_of(Submission.user_id, deactivated),
        )
    return Submission.user_kind.in_(_KINDS[kind])


_KINDS: dict[UserType, tuple[UserKind, ...]] = {
    UserType.WEB: (UserKind.WEB,),
    UserType.ADMIN: (UserKind.ADMIN, UserKind.SYSTEM),
    UserType.UNKNOWN: (UserKind.UNKNOWN, UserKind.SYSTEM),
    UserType.AUTOMATIC: (UserKind.SYSTEM,),
}
