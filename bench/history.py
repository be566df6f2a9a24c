"""Looking for forms and cases in a long past: each filter of Submit History alone, the likeliest
pairs of them, the search for cases by name, and selecting and archiving many (DESIGN "Figures")."""

from __future__ import annotations

import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import cycle, islice
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from bench.panel import EMAIL, signed_in
from bench.past import APPS, FORMS, Past, fill_past
from bench.world import BY, World, world
from webapp.clock import now, to_datetime
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.history.bulk_outlook import bulk_outlook
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.case_list import CaseFilter
from webapp.history.case_list import query_string as case_query
from webapp.history.filters import (
    EVERYTHING,
    USER_TYPES,
    SubmissionFilter,
    UserType,
    last_days,
    query_string,
)
from webapp.history.models import Selection
from webapp.history.selections import MOST, Found, find_all, freeze
from webapp.history.stored_views import store_view
from webapp.people.operations import add_member, create_web_user
from webapp.projects.models import Project
from webapp.submissions.models import State

#: Milliseconds at p95: the statements of a page alone, and the page.
REACH_DATABASE, REACH_PAGE = 20.0, 100.0
#: Each page is asked for so often with so many values, one after the other.
TIMES, VALUES = 2, 10


@dataclass(frozen=True)
class Looked:
    """A filter: milliseconds to the page, of which this process computed (`page_cpu`), and in the
    database alone; and how many rows the page read at most (on SQLite: how many steps its machine
    made, in thousands)."""

    name: str
    page_p95: float
    page_slowest: float
    page_cpu: float
    database_p95: float
    read: int

    def line(self) -> str:
        """As a row of a table."""
        reached = self.page_p95 <= REACH_PAGE and self.database_p95 <= REACH_DATABASE
        return (
            f"| {self.name} | {self.page_p95:.0f} | {self.page_slowest:.0f} | {self.page_cpu:.0f} |"
            f" {self.database_p95:.1f} | {self.read:,} |"
            f" {'reached' if reached else 'not reached'} |"
        )


@dataclass(frozen=True)
class Chosen:
    """Seconds to select many forms, to write them down, and to say what archiving them changes."""

    forms: int
    find: float
    freeze: float
    outlook: float


@dataclass(frozen=True)
class Histories:
    """What was measured on a database."""

    database: str
    forms: int
    cases: int
    looked: tuple[Looked, ...]
    chosen: Chosen

    def lines(self) -> list[str]:
        """As Markdown."""
        chosen = self.chosen
        read = "thousands of steps" if self.database == "sqlite" else "rows read"
        return [
            f"## Finding some of {self.forms:,} forms and {self.cases:,} cases, on {self.database}",
            "",
            (
                "90 days of forms of 200 users, 8 forms, 5 rules and their 450 runs, in all states."
                " Warm; each filter with several values, one after the other, through the whole"
                " application in this process; beside it the time that this process computed for"
                " the page, and what its statements take alone. To reach:"
                f" {REACH_DATABASE:.0f} ms in the database and {REACH_PAGE:.0f} ms for the page,"
                " both at p95."
            ),
            "",
            f"| filter | page, p95 ms | slowest | computed | database, p95 ms | {read} | |",
            "|---|---:|---:|---:|---:|---:|---|",
            *(one.line() for one in self.looked),
            "",
            (
                f"Selecting {chosen.forms:,} forms: found in {chosen.find:.2f} s, frozen in"
                f" {chosen.freeze:.2f} s; what archiving them changes is said in"
                f" {chosen.outlook:.1f} s."
            ),
            "",
        ]


def measure(database: str, *, forms: int, quick: bool = False) -> Histories:
    """Fill a project, with a case for each ten forms, and look for some; `quick` asks for each page
    with one value and only once, when nothing is warm."""
    cases = max(100, forms // 10)
    with world(database, cases) as there:
        past = fill_past(there, forms)
        # In another thread: a request inside of the present context would share what that knows.
        with ThreadPoolExecutor(1) as pool:
            looked = pool.submit(_look, there, past, quick=quick).result()
        return Histories(database, forms, cases, looked, _choose(there, forms))


def filters(past: Past) -> dict[str, list[SubmissionFilter]]:
    """By name, each filter with values that are all other ones."""
    base = SubmissionFilter()
    today = last_days(1, _today()).first
    assert today is not None
    day = timedelta(days=1)
    users, runs = past.users[:VALUES], past.runs[-40:-30]
    weeks = [Days(today - day * (7 * n + 7), today - day * 7 * n) for n in range(VALUES)]
    cases = [f"case-{number}" for number in range(17, 17 + VALUES)]
    workers = UserType.MOBILE, UserType.DEACTIVATED, UserType.WEB, UserType.AUTOMATIC
    kinds = [frozenset({kind}) for kind in USER_TYPES]
    alone = {
        "nothing (7 days, normal)": [base],
        "everything": [EVERYTHING],
        "received: a week": [replace(base, received=one) for one in weeks],
        "completed: a week": [replace(base, received=ANY_TIME, completed=one) for one in weeks],
        "user types": [replace(base, user_types=kind) for kind in kinds],
        "several user types": [replace(base, user_types=frozenset(workers))],
        "user": [replace(base, user=one) for one in users],
        "group": [replace(base, group=one) for one in past.groups],
        "location": [replace(base, location=one) for one in past.locations[:VALUES]],
        "application": [replace(base, app=one) for one in APPS],
        "form": [replace(base, xmlns=one) for one in FORMS],
        "rule": [replace(base, rule=one) for one in past.rules],
        "run": [replace(base, received=ANY_TIME, run=one) for one in runs],
        "case": [replace(base, received=ANY_TIME, case=one) for one in cases],
        "state": [replace(base, state=one) for one in State],
    }
    always = {
        f"{name}, at any time, any state": [
            replace(one, received=ANY_TIME, state=None) for one in alone[name]
        ]
        for name in (
            *("user types", "several user types", "user", "group", "location"),
            *("application", "form", "rule", "run", "case"),
        )
    }
    always |= {
        f"{name}, at any time": [replace(one, received=ANY_TIME) for one in alone[name]]
        for name in ("user types", "user", "group", "location", "application", "form", "state")
    }
    month = last_days(30, _today())
    pairs = {
        "user and form": [
            replace(base, received=ANY_TIME, user=user, xmlns=form)
            for user, form in zip(users, cycle(FORMS), strict=False)
        ],
        "group and form": [
            replace(base, received=month, group=group, xmlns=form)
            for group, form in zip(past.groups, cycle(FORMS), strict=False)
        ],
        "location and form": [
            replace(base, received=month, location=one, xmlns=form)
            for one, form in zip(past.locations, cycle(FORMS), strict=False)
        ][:VALUES],
        "user and state": [
            replace(base, received=ANY_TIME, user=user, state=State.ERROR) for user in users
        ],
        "form and state": [
            replace(base, received=ANY_TIME, xmlns=form, state=State.ERROR) for form in FORMS
        ],
        "rule and case": [
            replace(EVERYTHING, rule=rule, case=case)
            for rule, case in zip(cycle(past.rules), cases, strict=False)
        ],
        "rule and state": [
            replace(EVERYTHING, rule=rule, state=State.ARCHIVED) for rule in past.rules
        ],
        "application and a month": [replace(base, received=month, app=one) for one in APPS],
        "user and a week": [
            replace(base, received=week, user=user) for user, week in zip(users, weeks, strict=True)
        ],
        "user type and state": [
            replace(base, received=ANY_TIME, user_types=kind, state=State.ERROR) for kind in kinds
        ],
        "user type and form": [
            replace(base, received=ANY_TIME, user_types=frozenset({UserType.WEB}), xmlns=form)
            for form in FORMS
        ],
        "completed and user": [
            replace(base, received=ANY_TIME, completed=week, user=user)
            for user, week in zip(users, weeks, strict=True)
        ],
    }
    return alone | always | pairs


def _look(there: World, past: Past, *, quick: bool = False) -> tuple[Looked, ...]:
    password = secrets.token_urlsafe(12)
    with there.app.app_context():
        with write_transaction() as session:
            project = session.get_one(Project, there.project_id)
            base = f"/a/{project.name}"
            user = create_web_user(session, EMAIL, password, by=BY)
            add_member(session, project, user, "admin", by=BY)
        pages = {
            name: [f"{base}/submissions/?{query_string(one)}" for one in wanted]
            for name, wanted in filters(past).items()
        }
        pages |= {name: [f"{base}/cases/?{one}" for one in all_] for name, all_ in _cases(there)}
    browser = signed_in(there, password)
    times, most = (0, 1) if quick else (TIMES * VALUES, VALUES)
    return tuple(_looked(there, browser, name, urls[:most], times) for name, urls in pages.items())


def _cases(there: World) -> Iterator[tuple[str, list[str]]]:
    """Case lists: by what is typed, rare or frequent, and by owner."""
    last = there.cases - 1
    typed = {
        "cases by a name": [f"Amina {last - number}" for number in range(VALUES)],
        "cases by a part of many names": ["Amina", "mina 1", "na 12"],
        "cases by what none has": ["Zuberi", "Amina x"],
        "cases by two letters": ["mi", "99"],
    }
    secret = str(there.app.config["SECRET_KEY"])
    for name, texts in typed.items():
        with write_transaction() as session:
            views = [
                store_view(session, there.project_id, "cases", one, by="bench", secret=secret)
                for one in texts
            ]
        yield name, [case_query(CaseFilter(view=one)) for one in views]
    yield "cases", [case_query(CaseFilter())]
    owners = [CaseFilter(owner=f"owner-{number}") for number in range(VALUES)]
    yield "cases by owner", [case_query(one) for one in owners]
    yield "cases by type", [case_query(CaseFilter(type=one)) for one in ("patient", "household")]


def _looked(
    there: World, browser: FlaskClient, name: str, urls: Sequence[str], times: int
) -> Looked:
    seen: list[list[tuple[str, Any]]] = []
    first: list[tuple[float, float]] = []
    for url in urls:
        with _statements(there) as statements:
            first.append(_timed(browser, url))
        seen.append(statements)
    warm = [_timed(browser, url) for url in islice(cycle(urls), times)] or first
    took, cpu = zip(*warm, strict=True)
    with there.app.app_context():
        alone = [_again(there, page) for page in islice(cycle(seen), max(1, times))]
        read = max(_read(there, page) for page in seen)
    found = Looked(name, _p95(took), max(took), _p95(cpu), _p95(alone), read)
    print(
        f"  {name}: page {found.page_p95:.0f} ms ({found.page_cpu:.0f} computed),"
        f" database {found.database_p95:.0f} ms, {read:,} read",
        file=sys.stderr,
    )
    return found


def _timed(browser: FlaskClient, url: str) -> tuple[float, float]:
    """Milliseconds to the page, and those that this thread computed."""
    start, computed = time.perf_counter(), time.thread_time()
    answer = browser.get(url)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answers {answer.status}: {answer.headers.get('Location')}")
    return (time.perf_counter() - start) * 1000, (time.thread_time() - computed) * 1000


@contextmanager
def _statements(there: World) -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its values, as the driver gets them."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((statement, values))

    with there.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _raw(there: World) -> Any:
    """A connection of the driver's own, which nobody ends."""
    if there.database == "sqlite":
        return sqlite3.connect(there.app.extensions["settings"].sqlite)
    return db.engine.raw_connection()


def _again(there: World, statements: Sequence[tuple[str, Any]]) -> float:
    """Milliseconds that the statements of a page take by themselves."""
    with closing(_raw(there)) as connection:
        cursor = connection.cursor()
        start = time.perf_counter()
        for statement, values in statements:
            cursor.execute(statement, values)
            cursor.fetchall()
        took = (time.perf_counter() - start) * 1000
        connection.rollback()
    return took


def _read(there: World, statements: Sequence[tuple[str, Any]]) -> int:
    if there.database == "postgresql":
        with closing(_raw(there)) as connection:
            cursor = connection.cursor()
            total = 0
            for statement, values in statements:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
                (plan,) = cursor.fetchone()
                plan = json.loads(plan) if isinstance(plan, str) else plan
                total += sum(_rows_of(plan[0]["Plan"]))
            connection.rollback()
        return total
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(_raw(there)) as file:
        file.set_progress_handler(count, 1000)
        for statement, values in statements:
            file.execute(statement, values).fetchall()
    return steps


def _rows_of(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows each look into a table or an index has read."""
    for below in plan.get("Plans", ()):
        yield from _rows_of(below)
    if "Scan" in plan["Node Type"]:
        dropped = plan.get("Rows Removed by Filter", 0)
        dropped += plan.get("Rows Removed by Index Recheck", 0)
        yield int((plan["Actual Rows"] + dropped) * plan["Actual Loops"])


def _choose(there: World, forms: int) -> Chosen:
    """As many forms as one may select, or a tenth of all."""
    session = db.session()
    project = session.get_one(Project, there.project_id)
    number = min(MOST, forms // 10)
    wanted = replace(EVERYTHING, state=State.NORMAL, user_types=frozenset({UserType.AUTOMATIC}))
    days = max(1, int(90 * number / (forms / 7)) - 1)
    wanted = replace(wanted, received=last_days(days, _today()))
    start = time.perf_counter()
    found: Found = find_all(session, project.id, wanted, Calendar.of(project))
    find = time.perf_counter() - start
    start = time.perf_counter()
    with write_transaction() as writing:
        key = freeze(writing, there.project_id, found, by=BY, wanted=wanted).id
    frozen = time.perf_counter() - start
    session.rollback()
    selection = session.get_one(Selection, key)
    start = time.perf_counter()
    bulk_outlook(session, selection, State.ARCHIVED, limit_s=600)
    return Chosen(len(found.keys), find, frozen, time.perf_counter() - start)


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]


def _today() -> date:
    return to_datetime(now()).date()
