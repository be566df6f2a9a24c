"""Work in chunks reads what it works on and not the whole project, also when PostgreSQL knows
nothing of the project yet: it counts its tables at most once a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest
from sqlalchemy import Connection, event, insert, text
from sqlalchemy.orm import Session, SessionTransaction

from tests import factories
from tests.rules import dirt
from tests.rules.running import CLOSES, chunks_of, copies, done, rule_that, sets
from tests.rules.test_undo import redone, undone
from tests.rules.worlds import make_world
from webapp.cases.models import Case
from webapp.clock import take_ticks
from webapp.database import write_transaction
from webapp.projects.models import Project

#: Cases of each project, and how many are changed in one transaction.
CASES, CHUNK = 400, 20
#: Cases that are related to each other.
RELATED = 3000
#: Rows that one transaction may read for each case of the project: it freezes a list of all, or
#: works on a chunk. Small tables may be read whole, once. (The project for each case: 400.)
EACH = 100

_READ = text(
    "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
    " FROM pg_stat_xact_user_tables"
    " WHERE relname IN ('cases', 'submission', 'case_transaction', 'run_case', 'job_item',"
    " 'selected_form')"
)


def patients(session: Session, project: Project) -> None:
    """Open cases as if forms had opened them."""
    with write_transaction():
        first = take_ticks(session, project.id, CASES)
        session.execute(
            insert(Case),
            [
                {
                    "project_id": project.id,
                    "case_id": f"c-{number}",
                    "type": "patient",
                    "deleted": False,
                    "server_modified_on": first + number,
                    "indexed_on": first + number,
                    "properties": {"status": "stale"},
                }
                for number in range(CASES)
            ],
        )


@contextmanager
def rows_read(session: Session) -> Iterator[Callable[[], int]]:
    """How many rows the transaction read that read most."""
    most, before = [0], [0]

    def begun(_session: Session, _transaction: SessionTransaction, at: Connection) -> None:
        before[0] = at.scalar(_READ) or 0

    def ends(session: Session) -> None:
        most[0] = max(most[0], (session.scalar(_READ) or 0) - before[0])

    event.listen(session, "after_begin", begun)
    event.listen(session, "before_commit", ends)
    try:
        yield lambda: most[0]
    finally:
        event.remove(session, "after_begin", begun)
        event.remove(session, "before_commit", ends)


def test_nothing_reads_the_whole_project_for_each_case(session: Session):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite's plans do not depend on counts that nobody made")
    rule = rule_that(sets("outcome", "recovered"), CLOSES)
    known, unknown = factories.project(), factories.project()
    patients(session, known)
    done(known, rule)
    with write_transaction():
        session.execute(text("ANALYZE"))
    patients(session, unknown)
    with chunks_of(CHUNK), rows_read(session) as read:
        run = done(unknown, rule)
        assert run.changed == CASES
        assert undone(session, run).succeeded == CASES
        assert redone(session, run).succeeded == CASES
    assert read() <= CASES * EACH


def test_nor_compares_all_forms_of_the_run_where_cases_are_based_on_each_other(session: Session):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite's plans do not depend on counts that nobody made")
    rule = rule_that(
        copies("parent/after", "parent/host/external_id"),
        copies("before", "host/parent/host/parent/q"),
        CLOSES,
    )

    for _ in range(2):
        project = factories.project()
        began = time.perf_counter()
        make_world(session, project.id, dirt.world(Random(1), RELATED))
        made = time.perf_counter()
        with write_transaction():
            session.execute(text("ANALYZE cases, case_index"))
        with chunks_of(CHUNK):
            assert done(project, rule).changed
        # What is compared is read once, so no count of rows shows it: it took 30 times as long as
        # making the cases, and takes 3 times.
        ratio = (time.perf_counter() - made) / (made - began)
        assert ratio < 25
        # Forms are counted now, of a project that the next one is not.
        with write_transaction():
            session.execute(text("ANALYZE"))
