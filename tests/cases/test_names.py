"""Cases are found by a part of their name, and the index of names follows whatever writes one
(SPEC U5)."""

from __future__ import annotations

import pytest
from sqlalchemy import Select, func, insert, select, text
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.rules.running import done, equals, rule_that
from webapp.cases.models import Case
from webapp.cases.names import among, named
from webapp.clock import take_ticks
from webapp.database import write_transaction
from webapp.history.calendar import Calendar
from webapp.history.case_list import CaseFilter, CaseState, matching
from webapp.jobs import tasks
from webapp.projects.models import Project
from webapp.rules.definition import Set
from webapp.rules.references import parse_reference
from webapp.rules.undo import start_undo
from webapp.submissions.archive import archive, restore

NAMES = (
    *("Amina Otieno", 'Ann "Bee" O\'Neil', "50%_done", "back\\slash", "ab", "", " "),
    *("Zoë ÅNGSTRÖM", "नमस्ते दुनिया", "a-b-c", "NEAR amina", "amina AND otieno", "x" * 255),
)
TEXTS = (
    *("amina", "MINA", "o'n", '"bee"', '"', "%_d", "50%", "_", "k\\s", "ab", "b", "   "),
    *("ngstr", "ÅNGSTRÖM", "zoë", "मस्ते", "-b-", "NEAR", "AND", "x" * 255, "x" * 256, "none such"),
)


def found(session: Session, project_id: int, wanted: str) -> set[str]:
    names = select(Case.name).where(Case.project_id == project_id, among(named(project_id, wanted)))
    return set(session.scalars(names))


def test_any_part_of_a_name_finds_it_as_it_stands(session: Session, project: Project):
    for number, name in enumerate(NAMES):
        send(session, project.id, form(case_block(f"c-{number}", create={"case_name": name})))
    other = factories.project()
    send(session, other.id, form(case_block("c", create={"case_name": "Amina Otieno"})))
    for wanted in TEXTS:
        reference = {name for name in NAMES if wanted.lower() in name.lower()}
        assert found(session, project.id, wanted) == reference, wanted
    assert found(session, other.id, "amina") == {"Amina Otieno"}


def test_the_index_follows_whatever_writes_a_name(session: Session, project: Project):
    def names(wanted: str) -> int:
        session.rollback()
        return len(session.scalars(named(project.id, wanted)).all())

    by = factories.actor()
    first = open_case(session, project.id, "c-0", case_name="first", status="stale")
    open_case(session, project.id, "c-1", case_name="first", status="stale")
    late = send(session, project.id, form(case_block("c-0", update={"case_name": "second"})))
    assert (names("first"), names("second")) == (1, 1)
    with write_transaction():
        archive(session, project.id, late.submission_id, by=by)
    assert (names("first"), names("second")) == (2, 0)
    with write_transaction():
        restore(session, project.id, late.submission_id, by=by)
    assert (names("first"), names("second")) == (1, 1)
    renames = rule_that(Set(parse_reference("name"), "third"), where=equals("status", "stale"))
    run = done(project, renames)
    assert (names("first"), names("second"), names("third")) == (0, 0, 2)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=by).id
    tasks.work(job)
    assert (names("first"), names("second"), names("third")) == (1, 1, 0)
    with write_transaction():
        archive(session, project.id, late.submission_id, by=by)
        archive(session, project.id, first.submission_id, by=by)
    assert (names("first"), names("second")) == (1, 0), "a deleted case has no name of its own"


@pytest.mark.parametrize("state", [CaseState.OPEN, CaseState.ANY])
def test_what_is_found_costs_what_is_found_also_in_a_project_that_nobody_counted(
    session: Session, state: CaseState
):
    """PostgreSQL counts its tables at most once a minute, and takes a project that it does not know
    for one of a few cases: what it looks up anew for each case is then looked up thousands of
    times. SQLite has no such plans; its index is asked for the names."""
    counted_by_then, project = factories.project(), factories.project()
    many_cases(session, counted_by_then, 300)
    sqlite = session.get_bind().dialect.name == "sqlite"
    if not sqlite:
        with write_transaction():
            session.execute(text("ANALYZE cases, case_name"))
    many_cases(session, project, CASES)
    # PostgreSQL may well read tables of this size whole, once each, with what other tests left.
    whole = session.scalar(select(func.count()).select_from(Case)) or 0
    for wanted in ("000123", "none such"):
        statement = matching(project.id, CaseFilter(state=state), wanted, Calendar.of(project))
        session.rollback()
        plan = plan_of(session, statement)
        assert not sqlite or ("VIRTUAL TABLE INDEX" in plan and "SCAN cases" not in plan), plan
        before = rows_read(session)
        found = session.scalars(statement.limit(26)).all()
        assert len(found) == (wanted == "000123")
        assert rows_read(session) - before <= 4 * whole, plan
        session.rollback()


CASES = 3000


def many_cases(session: Session, project: Project, count: int) -> None:
    with write_transaction():
        first = take_ticks(session, project.id, count)
        rows = [
            {
                "project_id": project.id,
                "case_id": f"c-{number}",
                "name": f"Name {number:06}",
                "deleted": False,
                "server_modified_on": first + number,
                "indexed_on": first + number,
            }
            for number in range(count)
        ]
        session.execute(insert(Case), rows)


def plan_of(session: Session, statement: Select[Case]) -> str:
    connection = session.connection()
    sqlite = connection.dialect.name == "sqlite"
    found = statement.compile(connection)
    values = tuple(found.construct_params(None)[name] for name in found.positiontup or ())
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    rows = connection.exec_driver_sql(f"{explain} {found}", values if sqlite else found.params)
    return "\n".join(map(str, rows))


def rows_read(session: Session) -> int:
    """Rows that this transaction has read so far; 0 on SQLite, which counts none."""
    if session.get_bind().dialect.name == "sqlite":
        return 0
    tables = "('cases', 'case_name', 'case_transaction', 'submission')"
    return int(
        session.scalar(
            text(
                "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
                f" FROM pg_stat_xact_user_tables WHERE relname IN {tables}"
            )
        )
    )
