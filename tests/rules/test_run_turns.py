"""What a run does with a case in its turn: after changes of others, and errors (SPEC R18, R21)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import actor
from tests.forms import case_block, form, open_case, send
from tests.rules.leftovers import send_world
from tests.rules.running import (
    CLOSES,
    WAYS,
    before_each_piece,
    case,
    changes,
    child,
    chunks_of,
    copies,
    done,
    equals,
    in_the_middle,
    queued,
    rule_that,
    saved,
    sets,
    the,
    worked,
)
from tests.rules.test_apply_parity import assert_clean
from tests.rules.worlds import CaseRow
from tests.thorough import examples
from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.jobs.queue import get_job
from webapp.projects.models import Project
from webapp.rules.definition import (
    Copy,
    Definition,
    Match,
    NotModifiedSince,
    ParentClosed,
    PropertyIs,
    Set,
)
from webapp.rules.models import RunState
from webapp.rules.references import Reference, parse_reference
from webapp.rules.runs import get_run, run_cases
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

    def test_nor_when_something_else_changed_that_does_not_matter(
        self, app: Flask, session: Session, project: Project
    ):
        """The child comes first, and its turn changes its parent, which matched as well. Then
        somebody changes what the parent's match was based on, and it still matches."""
        open_case(session, project.id, "village", case_type="village", region="west")
        in_village = {"parent": ("village", "village")}
        send(session, project.id, form(case_block("mother", create=PATIENT, index=in_village)))
        child_of = {"parent": ("patient", "mother")}
        send(session, project.id, form(case_block("child", create=PATIENT, index=child_of)))
        changes(session, project, "mother", note="x")
        definition = Definition(
            "Own",
            "patient",
            Match.ALL,
            (
                NotModifiedSince(0),
                PropertyIs(parse_reference("parent/region"), "not_equals", "east"),
            ),
            (sets("parent/seen", "yes"), copies("was", "parent/seen"), CLOSES),
        )

        def after_the_child() -> None:
            if get_run(session, project.id, run.id).processed == 1:
                changes(session, project, "village", note="y")

        run = queued(project, saved(project, definition))
        with chunks_of(1), before_each_piece(after_the_child):
            worked(run)
        assert (run.matched, run.closed, run.skipped) == (2, 2, 0)
        assert case(session, project, "mother").properties == {"note": "x", "seen": "yes"}
        assert_clean(app, session, project)

    @settings(
        max_examples=examples(12),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**32))
    def test_nor_whatever_the_rule(self, session: Session, seed: int):
        """People change what no rule reads, between any two turns: the run does what it does when
        they do not."""
        random = Random(seed)
        rows, definition = family(random), rule_among_relatives(random)
        left = []
        for people in (False, True):
            project = factories.project()
            send_world(session, project, rows)
            run = queued(project, saved(project, definition))

            def somebody(project: Project = project) -> None:
                changes(session, project, str(random.randrange(len(rows))), unread="1")

            with chunks_of(1), before_each_piece(somebody if people else list):
                worked(run)
            left.append((run.matched, run.changed, run.closed, run.skipped, run.errors))
            left[-1] += (what_cases_say(session, project),)
        assert left[1] == left[0]


PATIENT = {"case_type": "patient", "case_name": "Name", "owner_id": "owner-1"}


def family(random: Random) -> list[CaseRow]:
    """Cases that point to one another and have few values."""
    return [
        CaseRow(
            {name: random.choice("xy") for name in "pq" if random.random() < 0.8},
            indices={"parent": (random.randrange(6), "child")},
        )
        for _ in range(6)
    ]


def rule_among_relatives(random: Random) -> Definition:
    """A rule that reads what it writes, of the case and its parents."""

    def reference() -> Reference:
        return Reference(("parent",) * random.choice((0, 1, 1, 2)), random.choice("pq"))

    operators = random.choices(("equals", "not_equals"), k=2)
    criteria = [PropertyIs(reference(), one, random.choice("xy")) for one in operators]
    actions = {
        target: Set(target, random.choice("xy"))
        if random.random() < 0.5
        else Copy(target, reference())
        for target in (reference(), reference())
    }
    closes = (CLOSES,) if random.random() < 0.3 else ()
    match = random.choice((Match.ALL, Match.ANY))
    return Definition("R", "patient", match, tuple(criteria), (*actions.values(), *closes))


def what_cases_say(session: Session, project: Project) -> dict[str, Any]:
    session.rollback()
    columns = (Case.case_id, Case.name, Case.owner_id, Case.external_id, Case.closed, Case.deleted)
    return {
        row.case_id: (*row[:-1], {k: v for k, v in row.properties.items() if k != "unread"})
        for row in session.execute(
            select(*columns, Case.properties).where(Case.project_id == project.id)
        )
    }


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
