"""What each filter of the case list leaves, held against a slow and obvious reading (SPEC U5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.past import PRESENT, make_past
from tests.thorough import examples
from webapp.cases.models import Case
from webapp.clock import to_datetime
from webapp.database import write_transaction
from webapp.errors import NotFound
from webapp.extensions import db
from webapp.history import few
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.case_list import (
    CaseFilter,
    CaseState,
    case_types,
    for_pages,
    matching,
    parse,
    query_string,
)
from webapp.history.filters import Unreadable
from webapp.history.stored_views import is_stored, store_view, stored_text, view_id_of
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.web.pagination import keyset_page

NAMES = ("Ana 50%", "ana_lúz", "ÁNA\\", "", "Beno")
TEXTS = ("", "ana", "ANA", "%", "_", "\\", "Á", "lúz", "case/1", "open/2", "x1", "zzz")
TODAY = PRESENT.date() + timedelta(days=1)  # in Nairobi

DAYS = st.none() | st.dates(TODAY - timedelta(days=45), TODAY + timedelta(days=2))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip)
FILTERS = st.builds(
    CaseFilter,
    type=TEXT,
    owner=TEXT,
    location=TEXT,
    state=st.sampled_from(CaseState),
    modified=st.builds(Days, DAYS, DAYS).filter(
        lambda days: not (days.first and days.last and days.first > days.last)
    ),
    view=TEXT,
)


@dataclass(frozen=True)
class Scene:
    """A project with cases of every kind."""

    project_id: int
    calendar: Calendar
    cases: tuple[Case, ...]
    #: The owners in each location and below it.
    places: Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def scene(app: Flask) -> Iterator[Scene]:
    with app.app_context():
        session = db.session()
        past = make_past(session, forms=80, seed=11)
        for n, (case_id, name) in enumerate(zip(past.cases, NAMES, strict=False)):
            create = {"case_name": name, "external_id": f"x{n}", "case_type": "ab"[n % 2]}
            send(session, past.project_id, form(case_block(case_id, create=create)))
        for n, name in enumerate(NAMES):
            create = {"case_name": name, "external_id": f"x{n}", "case_type": "ab"[n % 2]}
            send(session, past.project_id, form(case_block(f"open/{n}", create=create)))
        gone = open_case(session, past.project_id, "gone")
        with write_transaction():
            archive(session, past.project_id, gone.submission_id, by=factories.actor())
        send(session, past.project_id, form(case_block("shut", create={}, close=True)))
        places = {place: workers | {place} for place, workers in past.locations.items()}
        top, below = places
        places[top] |= {below}
        for place in places:
            own = case_block(f"of/{place}", create={"case_type": "a", "owner_id": place})
            send(session, past.project_id, form(own))
        project = session.get_one(Project, past.project_id)
        calendar = replace(Calendar.of(project), today=TODAY)
        cases = tuple(session.scalars(select(Case).where(Case.project_id == past.project_id)))
        assert {(case.closed, case.deleted) for case in cases} >= {
            (False, False),
            (True, False),
            (False, True),
        }
        session.expunge_all()
        yield Scene(past.project_id, calendar, cases, places)
        session.rollback()


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=examples(60))
@given(
    wanted=FILTERS,
    text=st.just("") | st.sampled_from(TEXTS),
    chosen=st.integers(0, 11),
    typed=st.booleans(),
    around=st.none() | st.integers(0, 99),
)
def test_a_filter_leaves_what_it_says(  # noqa: PLR0917
    scene: Scene, wanted: CaseFilter, text: str, chosen: int, typed: bool, around: int | None
):
    owners = [case.owner_id for case in scene.cases]
    if around is not None:  # the first or the last day is one on which a case was changed
        case = scene.cases[around % len(scene.cases)]
        day = changed_on(scene, case, wanted)
        wanted = replace(wanted, modified=Days(*((day, None), (None, day), (day, day))[chosen % 3]))
    wanted = replace(
        wanted,
        type="ab"[chosen % 2] if typed else "",
        owner=owners[chosen % len(owners)] if chosen < 3 else "",
        location=[*scene.places, "nowhere"][chosen % 3] if chosen in {3, 4, 5} else "",
    )
    session = db.session()
    found = list(session.scalars(matching(scene.project_id, wanted, text, scene.calendar)))
    assert {case.id for case in found} == {
        case.id for case in scene.cases if fits(scene, case, wanted, text)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few, "FEW", 0 if typed else few.FEW)
        newest = for_pages(session, scene.project_id, wanted, text, scene.calendar)
    page = keyset_page(session, newest, *wanted.keys)
    moments = [
        (case.indexed_on if wanted.with_deleted else case.server_modified_on) for case in page.rows
    ]
    assert None not in moments
    assert moments == sorted(moments, reverse=True)
    assert len(page.rows) == len(found)


def fits(scene: Scene, case: Case, wanted: CaseFilter, text: str) -> bool:
    """The same, slowly."""
    state = "deleted" if case.deleted else "closed" if case.closed else "open"
    day = changed_on(scene, case, wanted)
    return (
        wanted.state in {state, "any"}
        and wanted.type in {"", case.type}
        and wanted.owner in {"", case.owner_id}
        and (not wanted.location or case.owner_id in scene.places.get(wanted.location, ()))
        and is_within(day, wanted.modified)
        and (
            not text
            or text.lower() in case.name.lower()
            or text in {case.case_id, case.external_id}
        )
    )


def changed_on(scene: Scene, case: Case, wanted: CaseFilter) -> date | None:
    """The day that counts as that of a case's last change."""
    changed = case.indexed_on if wanted.state in {"deleted", "any"} else case.server_modified_on
    return None if changed is None else to_datetime(changed).astimezone(scene.calendar.zone).date()


def is_within(day: date | None, days: Days) -> bool:
    if days == ANY_TIME:
        return True
    return day is not None and not (
        (days.first and day < days.first) or (days.last and day > days.last)
    )


@given(wanted=FILTERS)
def test_an_address_says_its_filter(wanted: CaseFilter):
    query = query_string(wanted)
    pairs = parse_qsl(query, keep_blank_values=True)
    assert parse(dict(pairs)) == wanted
    assert pairs == sorted(pairs)
    assert all(value for _name, value in pairs)
    assert query_string(parse(dict(pairs))) == query


@given(wanted=FILTERS)
def test_a_narrowing_can_be_taken_away(wanted: CaseFilter):
    for name in wanted.narrowing:
        assert wanted.without(name).narrowing == tuple(n for n in wanted.narrowing if n != name)
    assert CaseFilter(state=CaseState.ANY).narrowing == ()
    assert CaseFilter().narrowing == ("state",)


@given(
    given=st.dictionaries(
        st.sampled_from(["type", "owner", "state", "modified_from", "modified_to", "view", "x"]),
        st.text() | st.sampled_from(["2026-01-01", "2026-01-02", "open", "any"]),
    )
)
def test_whatever_is_given_is_read_or_said(given: dict[str, str]):
    try:
        parse(given)
        problems = {}
    except Unreadable as error:
        problems = error.problems
    assert problems.keys() <= given.keys()
    assert all(problems.values())


def test_types_are_those_that_the_project_used(session: Session, project: Project):
    for n, kind in enumerate(("b", "a", "b")):
        open_case(session, project.id, f"c-{n}", case_type=kind)
    open_case(session, factories.project().id, "c", case_type="other")
    assert case_types(session, project.id) == ["a", "b"]


def test_a_kept_search_is_its_projects_and_its_screens(session: Session, project: Project):
    def keep(text: str, *, secret: str = "s") -> str:
        with write_transaction() as writing:
            return store_view(writing, project.id, "cases", text, by="amina", secret=secret)

    view = keep("Ana Mwangi")
    assert keep("Ana Mwangi") == view == view_id_of(project.id, "cases", "Ana Mwangi", secret="s")
    assert len({view, keep("Ana"), keep("Ana Mwangi", secret="t")}) == 3
    assert "ana" not in view.lower()
    assert stored_text(session, project.id, "cases", view) == "Ana Mwangi"
    assert is_stored(session, project.id, "cases", view)
    for where in ((factories.project().id, "cases", view), (project.id, "submissions", view)):
        assert not is_stored(session, *where)
        with pytest.raises(NotFound):
            stored_text(session, *where)
