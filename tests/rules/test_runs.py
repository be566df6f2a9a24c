"""What a run writes, and to which cases (SPEC R10–R14, R18)."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.factories import project as make_project
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
    forms_of,
    rule_that,
    saved,
    sets,
    the,
)
from tests.rules.test_apply_parity import assert_clean, counts
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import DAY, iso, now
from webapp.database import write_transaction
from webapp.dictionary.models import FormType
from webapp.people.kinds import UserKind
from webapp.projects.models import Project
from webapp.rules.definition import Definition, Match, NotModifiedSince
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, SubmissionXml
from webapp.submissions.parse import parse
from webapp.submissions.queries import content_of, get_submission


class TestTheFormOfARule:
    @WAYS
    def test_is_what_a_phone_would_have_sent(
        self, app: Flask, session: Session, project: Project, way: str
    ):
        open_case(session, project.id, "ana", status="done", village="A\r\n <&>")
        definition = rule_that(
            *(sets("reason", "auto"), copies("place", "village"), sets("name", "Ana "), CLOSES),
            where=equals("status", "done"),
            name="Tidy & close",
        )
        with the(way):
            run = done(project, definition, as_of=now() + 400 * DAY)
        (row,) = forms_of(session, run)
        rule = saved(project, definition)
        started = iso(run.started_on)
        xml = content_of(session, row).decode()
        assert xml == (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<system xmlns="http://commcarehq.org/hq_case_update_rule" version="1" uiVersion="1"'
            ' name="Tidy &amp; close"><meta xmlns="http://openrosa.org/jr/xforms">'
            f"<deviceID>{row.device_id}</deviceID>"
            f"<timeStart>{started}</timeStart><timeEnd>{started}</timeEnd>"
            "<username>system</username><userID>system</userID>"
            f"<instanceID>{row.submission_id}</instanceID></meta>"
            '<case xmlns="http://commcarehq.org/case/transaction/v2" case_id="ana"'
            f' user_id="system" date_modified="{started}">'
            "<update><case_name>Ana </case_name><place>A\n &lt;&amp;&gt;</place>"
            "<reason>auto</reason></update><close/></case></system>\n"
        ).replace("A\n", "A&#13;\n" if "&#13;" in xml else "A\n")
        assert content_of(session, row) == xml.encode()
        assert row.device_id != rule.rule_id and len(row.device_id) == 32
        assert (row.own, row.user_kind, row.sent_by) == (True, UserKind.SYSTEM, "")
        assert (row.app_id, row.name, row.run_place, row.run_part) == ("", "Tidy & close", 0, 0)
        assert not session.scalars(
            select(SubmissionXml).where(SubmissionXml.submission == row.id)
        ).all()
        (block,) = parse(xml.encode()).blocks
        assert block.given == {"case_name": "Ana "} and block.closes
        ana = case(session, project, "ana")
        assert (ana.closed, ana.closed_by, ana.closed_on) == (True, "system", run.started_on)
        assert ana.indexed_on == ana.server_modified_on == row.received_on == row.indexed_on
        assert_clean(app, session, project)

    def test_its_type_is_learned_without_a_name(self, session: Session, project: Project):
        done(project, rule_that(CLOSES))
        learned = select(FormType).where(FormType.project_id == project.id)
        (found,) = session.scalars(learned).all()
        assert (found.xmlns.rsplit("/", 1)[1], found.name) == ("hq_case_update_rule", "")

    def test_cannot_be_edited_from_outside_but_repeated(
        self, app: Flask, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        (row,) = forms_of(session, done(project, rule_that(sets("a", "1"))))
        xml = content_of(session, row)
        assert send(session, project.id, xml).outcome == "duplicate"
        edited = send(session, project.id, xml.replace(b"<a>1</a>", b"<a>2</a>"))
        assert edited.outcome == "processed" and edited.submission_id != row.submission_id
        session.rollback()
        assert get_submission(session, project.id, row.submission_id).state == State.NORMAL
        assert get_submission(session, project.id, edited.submission_id).run_id is None
        assert_clean(app, session, project)

    def test_can_be_archived_and_restored(self, app: Flask, session: Session, project: Project):
        open_case(session, project.id, "ana")
        (row,) = forms_of(session, done(project, rule_that(sets("a", "1"), CLOSES)))
        xml = content_of(session, row)
        with write_transaction() as write:
            archive(write, project.id, row.submission_id, by=actor())
        assert not case(session, project, "ana").closed
        with write_transaction() as write:
            restore(write, project.id, row.submission_id, by=actor())
        assert case(session, project, "ana").closed
        assert content_of(session, get_submission(session, project.id, row.submission_id)) == xml
        assert_clean(app, session, project)


class TestWhatIsChanged:
    @WAYS
    def test_only_open_cases_of_the_type_and_project(
        self, session: Session, project: Project, way: str
    ):
        for case_id in ("open", "closed", "gone"):
            made = open_case(session, project.id, case_id)
        open_case(session, project.id, "visit", case_type="visit")
        other = make_project()
        open_case(session, other.id, "open")
        send(session, project.id, form(case_block("closed", close=True)))
        with write_transaction() as write:
            archive(write, project.id, made.submission_id, by=actor())
        with the(way):
            run = done(project, rule_that(sets("a", "1")))
        assert (run.open_cases, run.matched, run.changed) == (1, 1, 1)
        assert "a" not in case(session, other, "open").properties
        assert case(session, project, "open").properties == {"a": "1"}

    @WAYS
    def test_what_is_there_is_no_change(self, session: Session, project: Project, way: str):
        open_case(session, project.id, "new")
        open_case(session, project.id, "same", a="1")
        open_case(session, project.id, "half", a="1", b="x", missing="y")
        with the(way):
            run = done(project, rule_that(sets("a", "1"), sets("b", ""), copies("c", "zzz")))
        assert (run.matched, run.changed, run.unchanged, run.submissions) == (3, 2, 1, 2)
        assert case(session, project, "new").properties == {"a": "1"}
        assert case(session, project, "half").properties == {"a": "1", "b": "", "missing": "y"}
        asked = [
            session.scalars(
                select(CaseTransaction.change).where(CaseTransaction.submission == row.id)
            ).one()
            for row in forms_of(session, run)
        ]
        assert [one["properties"] for one in asked] == [{"a": "1"}, {"b": ""}]

    @WAYS
    def test_values_are_swapped(self, session: Session, project: Project, way: str):
        open_case(session, project.id, "ana", a="1", b="2")
        with the(way):
            done(project, rule_that(copies("a", "b"), copies("b", "a")))
        assert case(session, project, "ana").properties == {"a": "2", "b": "1"}

    def test_two_children_set_their_parent_once(
        self, app: Flask, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        for number in range(4):
            child(session, project, f"visit-{number}", "ana", place="A" if number < 3 else "B")
        definition = rule_that(
            copies("parent/place", "place"), sets("seen", "yes"), case_type="visit"
        )
        with chunks_of(2):
            run = done(project, definition)
        assert (run.changed, run.related_updates, run.submissions, run.closed) == (4, 2, 6, 0)
        assert case(session, project, "ana").properties == {"place": "B"}
        parts = [(row.run_place, row.run_part) for row in forms_of(session, run)]
        assert parts == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 1)]
        assert_clean(app, session, project)

    def test_oldest_first(self, session: Session, project: Project):
        for case_id in ("b", "a", "c"):
            open_case(session, project.id, case_id)
        changes(session, project, "b", x="1")
        run = done(project, rule_that(sets("a", "1")))
        ids = dict(session.execute(select(Case.id, Case.case_id)).all())
        order = [
            ids[
                session.scalars(
                    select(CaseTransaction.case).where(CaseTransaction.submission == row.id)
                ).one()
            ]
            for row in forms_of(session, run)
        ]
        assert order == ["a", "c", "b"]

    def test_as_of_counts_in_matching_only(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        stale = Definition("Stale", "patient", Match.ALL, (NotModifiedSince(30),), (CLOSES,))
        assert done(project, stale).matched == 0
        run = done(project, stale, as_of=now() + 31 * DAY)
        assert (run.changed, run.as_of) == (1, run.matched_at)
        assert abs(case(session, project, "ana").closed_on - now()) < DAY

    def test_nothing_to_do_is_finished(self, session: Session, project: Project):
        run = done(project, rule_that(CLOSES))
        assert counts(run) | {"state": run.state} == counts(run)
        assert (run.state, run.matched, run.finished_on is not None) == ("finished", 0, True)
