"""The migrations make exactly what the models say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests import factories
from tests.conftest import make_app
from tests.databases import postgres_database
from tests.forms import open_case
from tests.rules.running import CLOSES, done, equals, forms_of, rule_that
from webapp.cases.names import is_of_names
from webapp.database import write_transaction
from webapp.database_upgrade import copy_file, upgrade_database
from webapp.dictionary.models import Property
from webapp.errors import CasekeeperError
from webapp.extensions import Base, db
from webapp.jobs import tasks
from webapp.projects.models import Project
from webapp.rules.undo import start_redo, start_undo
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import Submission


def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not is_of_names(name)


def test_a_migrated_database_has_what_the_models_say(app: Flask):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_modelled}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_has_nothing_to_do(app: Flask):
    assert upgrade_database(app) is False


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path):
    app = make_app(tmp_path, "")
    with closing(sqlite3.connect(tmp_path / "casekeeper.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'newer'")
        connection.commit()
    with pytest.raises(CasekeeperError, match="newer Casekeeper"):
        upgrade_database(app)
    with app.app_context():
        db.engine.dispose()


def test_the_copy_of_an_sqlite_file_is_whole_while_it_is_in_use(tmp_path: Path):
    app = make_app(tmp_path, "")
    file = tmp_path / "casekeeper.sqlite"
    with app.app_context():
        factories.project()  # still in the write-ahead log, and the connection is open
        copy_file(file, "0000")
        db.engine.dispose()
    with closing(sqlite3.connect(f"{file}.before-0000")) as connection:
        assert connection.execute("SELECT count(*) FROM project").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET actor = 'x'", "DELETE FROM audit_event"]
)
def test_the_audit_log_can_only_be_appended_to(app: Flask, project: Project, statement: str):
    with (
        app.app_context(),
        db.engine.connect() as connection,
        pytest.raises(DBAPIError, match="can only be appended to"),
    ):
        connection.execute(text(statement))


@pytest.fixture(params=["sqlite", "postgresql"])
def own_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application whose database no other test has."""
    with ExitStack() as stack:
        url = "" if request.param == "sqlite" else stack.enter_context(postgres_database())
        app = make_app(tmp_path, url)
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


@pytest.mark.usefixtures("own_app")
def test_forms_that_were_undone_before_there_was_a_mark_get_it_and_those_by_hand_do_not():
    session, project, by = db.session(), factories.project(), factories.actor()
    for number in range(3):
        open_case(session, project.id, f"c-{number}", status="stale")
    run = done(project, rule_that(CLOSES, where=equals("status", "stale")))
    hand, once, other = (one.submission_id for one in forms_of(session, run))
    # All are undone and that is taken back; then one is archived by hand, and the rest undone.
    for start in (start_undo, start_redo):
        with write_transaction():
            job = start(session, project.id, run.id, by=by)
        tasks.work(job.id)
    with write_transaction():
        archive(session, project.id, hand, by=by)
    with write_transaction():
        last = start_undo(session, project.id, run.id, by=by).id
    tasks.work(last)
    with write_transaction():
        restore(session, project.id, once, by=by)
    run_id = run.id
    db.session.remove()
    db.engine.dispose()
    downgrade(revision="0007")
    upgrade()
    marks = db.session.execute(
        select(Submission.submission_id, Submission.archived_by).where(Submission.run_id == run_id)
    )
    assert dict(marks.all()) == {hand: None, once: None, other: last}


@pytest.mark.usefixtures("own_app")
def test_the_properties_of_the_cases_that_are_there_are_learned():
    session, project = db.session(), factories.project()
    open_case(session, project.id, "ada", edd="2026-05-01", village="North")
    open_case(session, project.id, "house", case_type="household", village="")
    open_case(session, project.id, "none", case_type="", village="")
    project_id = project.id
    learned = select(Property.case_type, Property.name, Property.deprecated).where(
        Property.project_id == project_id
    )
    before = session.execute(learned).all()
    db.session.remove()
    db.engine.dispose()
    downgrade(revision="0011")
    upgrade()
    assert (
        sorted(db.session.execute(learned).all())
        == sorted(before)
        == [
            ("household", "village", False),
            ("patient", "edd", False),
            ("patient", "village", False),
        ]
    )
