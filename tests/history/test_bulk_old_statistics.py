"""What a selection would change is looked up, and the work on it too, also when PostgreSQL knows
nothing yet of what is in its tables."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests import factories
from tests.history.bulk import asked, kept, outlook, taken_back, worked
from tests.rules.running import CLOSES, chunks_of, done, rule_that, sets
from tests.rules.test_old_statistics import CASES, CHUNK, EACH, patients, rows_read
from webapp.database import write_transaction
from webapp.history.calendar import Calendar
from webapp.history.filters import forms_of_run
from webapp.history.selections import find_all
from webapp.submissions.models import State


def test_nothing_reads_the_whole_selection_for_each_form(session: Session):
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("SQLite's plans do not depend on counts that nobody made")
    rule = rule_that(sets("outcome", "recovered"), CLOSES)
    known, unknown = factories.project(), factories.project()
    patients(session, known)
    done(known, rule)
    with write_transaction():
        session.execute(text("ANALYZE"))
    patients(session, unknown)
    run = done(unknown, rule)
    with chunks_of(CHUNK), rows_read(session) as read:
        found = find_all(session, unknown.id, forms_of_run(run.id), Calendar.of(unknown))
        session.commit()  # what a transaction has read is counted at its end
        selection = kept(session, unknown, found)
        assert outlook(session, unknown, selection, State.ARCHIVED).cases == CASES
        session.commit()
        job = worked(session, asked(session, unknown, selection, State.ARCHIVED))
        assert job.succeeded == CASES
        assert taken_back(session, unknown, job, State.NORMAL).succeeded == CASES
    assert read() <= CASES * EACH
