"""What a run does with a case in its turn: after changes of others, and errors (SPEC R18, R21)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.rules.running import (
    CLOSES,
    WAYS,
    case,
    changes,
    child,
    chunks_of,
    copies,
    done,
    equals,
    in_the_middle,
    rule_that,
    sets,
    the,
)
from tests.rules.test_apply_parity import assert_clean
from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.jobs.queue import get_job
from webapp.projects.models import Project
from webapp.rules.definition import Definition, Match, ParentClosed
from webapp.rules.models import RunState
from webapp.rules.runs import run_cases
from webapp.submissions.archive import archive
from webapp.submissions.models import Submission


class TestChangedInTheMiddle:
    @WAYS
    def test_what_no_longer_matches_is_skipped_and_the_rest_read_anew(
        self, app: Flask, session: Session, project: Project, way: str
    ):
        for case_id in ("left", "moved", "same"):
            open_case(session, project.id, case_id, status="on", place="old")
        definition = rule_that(copies("was", "place"), where=equals("status", "on"))

        def foreign() -> None:
            changes(session, project, "left", status="off")
            changes(session, project, "moved", place="new")

        with the(way), in_the_middle(foreign):
            run = done(project, definition)
        assert (run.matched, run.changed, run.skipped) == (3, 2, 1)
        assert case(session, project, "moved").properties["was"] == "new"
        assert case(session, project, "same").properties["was"] == "old"
        assert "was" not in case(session, project, "left").properties
        (left,) = run_cases(session, run)
        assert (left.case_id, left.failed) == ("left", False)
        assert "no longer matches" in left.reason
        assert run_cases(session, run, failed=True) == []
        assert_clean(app, session, project)

    def test_so_is_what_its_parent_says(self, app: Flask, session: Session, project: Project):
        for parent in ("ana", "ben", "eve", "zoe"):
            open_case(session, project.id, parent, place="old")
            child(session, project, f"visit-{parent}", parent)
        last = session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == project.id)
            .order_by(Submission.received_on)
        ).all()[-2]  # opened zoe

        def foreign() -> None:
            changes(session, project, "ana", place="new")
            changes(session, project, "ben", other="x")
            with write_transaction() as write:
                archive(write, project.id, last, by=actor())

        with in_the_middle(foreign):
            run = done(
                project, rule_that(copies("place", "parent/place"), case_type="visit", name="P")
            )
        assert (run.matched, run.changed, run.unchanged, run.skipped) == (4, 3, 1, 0)
        assert case(session, project, "visit-ana").properties == {"place": "new"}
        assert case(session, project, "visit-ben").properties == {"place": "old"}
        assert case(session, project, "visit-zoe").properties == {}
        assert_clean(app, session, project)

    def test_a_parent_that_was_closed(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        child(session, project, "visit", "ana")
        send(session, project.id, form(case_block("ana", close=True)))
        closing = session.scalars(
            select(Submission.submission_id)
            .where(Submission.project_id == project.id)
            .order_by(Submission.received_on.desc())
        ).first()

        def reopened() -> None:
            with write_transaction() as write:
                archive(write, project.id, closing, by=actor())

        definition = Definition("C", "visit", Match.ALL, (ParentClosed(),), (CLOSES,))
        with in_the_middle(reopened):
            run = done(project, definition)
        assert (run.matched, run.skipped, run.changed) == (1, 1, 0)

    def test_a_change_that_touches_nothing_of_it_is_none(self, session: Session, project: Project):
        open_case(session, project.id, "ana", a="1")
        open_case(session, project.id, "other", case_type="visit")
        with in_the_middle(lambda: changes(session, project, "other", x="1")):
            run = done(project, rule_that(CLOSES))
        assert (run.changed, run.skipped) == (1, 0)

    def test_its_own_changes_are_not_looked_at_again(self, session: Session, project: Project):
        # The second case no longer fulfils the criterion after the first one's turn.
        open_case(session, project.id, "first", status="on")
        block = case_block("first", update={}, index={"parent": ("patient", "second")})
        open_case(session, project.id, "second", status="on")
        send(session, project.id, form(block))
        with write_transaction() as write:
            write.execute(
                update(Case)
                .where(Case.project_id == project.id, Case.case_id == "first")
                .values(server_modified_on=1)
            )
        definition = rule_that(
            sets("parent/status", "off"), sets("seen", "yes"), where=equals("status", "on")
        )
        for size in (1, 1000):
            with chunks_of(size):
                run = done(project, definition)
            assert (run.matched, run.skipped) == (2 if size == 1 else 1, 0)
        assert case(session, project, "second").properties == {"status": "off", "seen": "yes"}


class TestErrors:
    def test_a_value_that_does_not_fit_stops_nothing_else(
        self, app: Flask, session: Session, project: Project
    ):
        open_case(session, project.id, "long", title="x" * 256)
        open_case(session, project.id, "fine", title="y")
        run = done(project, rule_that(copies("name", "title"), CLOSES))
        assert (run.state, run.changed, run.errors) == (RunState.FINISHED, 1, 1)
        (fault,) = run_cases(session, run, failed=True)
        assert fault.case_id == "long" and "256" in fault.reason
        assert not case(session, project, "long").closed
        job = get_job(session, project.id, run.job_id)
        assert (job.processed, job.succeeded, job.skipped) == (2, 1, 1)
        assert_clean(app, session, project)

    def test_an_empty_owner_counts_as_not_given(self, session: Session, project: Project):
        open_case(session, project.id, "ana", boss="")
        run = done(project, rule_that(copies("owner_id", "boss")))
        assert (run.matched, run.unchanged, run.errors) == (1, 1, 0)

    @WAYS
    def test_what_the_database_refuses_leaves_out_one_case(
        self, app: Flask, session: Session, project: Project, way: str
    ):
        for number in range(20):
            open_case(session, project.id, f"c{number}")
        with refusing(session, project, "c13"), the(way):
            run = done(project, rule_that(sets("a", "1"), CLOSES))
        assert (run.state, run.changed, run.closed, run.errors) == ("finished", 19, 19, 1)
        (fault,) = run_cases(session, run)
        assert (fault.case_id, fault.failed) == ("c13", True)
        assert case(session, project, "c13").properties == {}
        assert_clean(app, session, project)


@contextmanager
def refusing(session: Session, project: Project, case_id: str) -> Iterator[None]:
    """A database that does not let one case be changed."""
    key = get_case(session, project.id, case_id).id
    if session.get_bind().dialect.name == "sqlite":
        made = [
            (
                f"CREATE TRIGGER refuse BEFORE UPDATE ON cases WHEN new.id = {key}"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        ]
        gone = ["DROP TRIGGER refuse"]
    else:
        made = [
            (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'no'; END $$"
            ),
            (
                "CREATE TRIGGER refuse BEFORE UPDATE ON cases FOR EACH ROW"
                f" WHEN (new.id = {key}) EXECUTE FUNCTION refuse()"
            ),
        ]
        gone = ["DROP TRIGGER refuse ON cases", "DROP FUNCTION refuse()"]
    for statements, inside in ((made, True), (gone, False)):
        with write_transaction() as write:
            for statement in statements:
                write.execute(text(statement))
        if inside:
            yield
