"""A run that waits for a decision, as people see and decide it (SPEC R22)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.history.statements import counted
from tests.rules.nights import NIGHT, NOON, careful_project, held_run, night_at, rule_at, work_at
from tests.rules.running import case, changes, queued
from tests.rules.test_brake import tables
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import post
from tests.web.signing_in import signed_in
from webapp.audit.record import events_about
from webapp.clock import DAY, HOUR, MINUTE, pretend
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.projects.operations import get_project, set_project
from webapp.rules import held
from webapp.rules.held import tidy_held
from webapp.rules.models import Rule, RuleState, Run, RunState
from webapp.web import run_cases

LIST = "Cases that would change, before and after, in the order of the run"
BEFORE = "This run and those before, newest first"
MORNING = NIGHT + 8 * HOUR


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


@pytest.fixture
def amina(app: Flask, careful: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(careful, role="editor"))


@pytest.fixture
def viktor(app: Flask, careful: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(careful, role="viewer"))


def open_page(client: PageClient, project: Project, run: Run, query: str = "", **more: Any) -> Page:
    """Look at it in the morning after."""
    with pretend(MORNING):
        return client.get(url(project, run) + query, **more)


def url(project: Project, run: Run) -> str:
    return f"/a/{project.name}/runs/{run.id}/"


class TestThePage:
    def test_says_how_much_what_is_different_and_which_cases(
        self, session: Session, careful: Project, viktor: PageClient
    ):
        run = held_run(session, careful)
        with pretend(NIGHT + HOUR):
            changes(session, careful, "c0", status="fresh")
        page = open_page(viktor, careful, run)
        assert "6 of 10 open cases of type patient would change, 60 %." in page.text
        assert "This rule is for open cases of type patient of which this is true" in page.text
        assert "6 of them would be closed. The brake asks above 3 cases and 50 %." in page.text
        assert "expires on 12 Mar 2026 00:00 UTC, when its rule runs next" in page.text
        assert "first run of the rule" in page.text
        rows = page.rows(LIST)
        assert len(rows) == 6
        assert rows[0][0] == "Case c0" and "Left out" in rows[0][1]
        assert "no longer matches" in rows[0][1]
        assert rows[1] == ["Case c1", "State: open becomes closed"]
        assert "hx-get" not in page.html

    def test_says_that_another_number_was_confirmed(
        self, session: Session, careful: Project, viktor: PageClient
    ):
        with pretend(NOON):
            run = queued(careful, rule_at(NOON, careful), confirmed=5)
        work_at(NIGHT, session, careful)
        session.refresh(run)
        page = open_page(viktor, careful, run)
        assert "for the number 5; when it was planned, 6 cases would have changed." in page.text

    def test_says_by_which_brake_also_when_that_was_changed(
        self, session: Session, careful: Project, viktor: PageClient
    ):
        run = held_run(session, careful)
        with pretend(NIGHT + HOUR), write_transaction() as writing:
            project = get_project(writing, careful.name)
            set_project(writing, project, {"brake_cases": 5000}, by=factories.actor())
        page = open_page(viktor, careful, run)
        assert "The brake asks above 3 cases and 50 %. It was changed since, and asks" in page.text
        assert "above 5,000 cases and 50 % now" in page.text

    def test_who_decides_hears_how_many_cases_were_changed_since(
        self, session: Session, careful: Project, amina: PageClient
    ):
        run = held_run(session, careful)
        assert "changed meanwhile;" not in open_page(amina, careful, run).text
        with pretend(NIGHT + HOUR):
            for number in range(3):
                changes(session, careful, f"c{number}", status="fresh" if number else "stale")
        said = open_page(amina, careful, run).text
        assert "Of these cases 3 were changed meanwhile; the list says what becomes of" in said
        assert "If it were approved now, 2 of them would be left out." in said

    def test_whoever_edits_the_rule_hears_that_it_ends(
        self, session: Session, careful: Project, amina: PageClient
    ):
        run = held_run(session, careful)
        rule = session.get_one(Rule, run.rule)
        edit = f"/a/{careful.name}/rules/{rule.rule_id}/edit"
        with pretend(MORNING):
            page = amina.get(edit)
            assert "waits for a decision, and ends without one when you save" in page.text
            assert f"Review run {run.id}" in page.text
            with write_transaction() as writing:
                held.reject(writing, careful.id, run.id, by=factories.actor())
            assert "waits for a decision" not in amina.get(edit).text

    def test_who_may_not_decide_sees_it_and_hears_which_right_it_takes(
        self, session: Session, careful: Project, viktor: PageClient
    ):
        page = open_page(viktor, careful, held_run(session, careful))
        assert "needs the right “Edit data”" in page.text
        assert not page.document.xpath("//main//form")

    def test_a_page_that_counted_is_told_to_load_it(
        self, session: Session, careful: Project, viktor: PageClient
    ):
        answer = open_page(viktor, careful, held_run(session, careful), htmx=True)
        assert (answer.headers["HX-Refresh"], answer.html) == ("true", "")

    def test_the_runs_before(self, session: Session, careful: Project, viktor: PageClient):
        with pretend(NOON):
            for number in range(3, 6):
                changes(session, careful, f"c{number}", status="fresh")
        rule_at(NOON, careful)
        (first,) = night_at(NIGHT, session, careful)
        with pretend(NIGHT + HOUR):
            for number in range(3, 10):
                changes(session, careful, f"c{number}", status="stale")
        (run,) = night_at(NIGHT + DAY, session, careful)
        page = open_page(viktor, careful, run)
        assert "The last run that finished changed 3 cases." in page.text
        assert "The rule says the same as then, so the cases are different." in page.text
        this, before = page.rows(BEFORE)
        assert this[1:] == ["Waits for you", "1", "7", "7", "7"]
        assert before[0].startswith(f"Run {first.id}")
        assert before[1:] == ["Finished", "1", "10", "3", "3"]

    def test_the_list_has_pages_and_costs_the_same_on_each(
        self,
        app: Flask,
        session: Session,
        careful: Project,
        viktor: PageClient,
        monkeypatch: pytest.MonkeyPatch,
    ):
        run = held_run(session, careful)
        monkeypatch.setattr(run_cases, "SHOWN", 4)
        with counted(app) as statements:
            page = open_page(viktor, careful, run)
        assert len(statements) < 32
        assert "1 to 4 of 6" in page.text
        assert [row[0] for row in page.rows(LIST)] == [f"Case c{n}" for n in range(4)]
        last = open_page(viktor, careful, run, "?page=2")
        assert "5 to 6 of 6" in last.text
        assert [row[0] for row in last.rows(LIST)] == ["Case c4", "Case c5"]
        for odd in ("0", "3", "-1", "x", "9" * 30):
            assert open_page(viktor, careful, run, f"?page={odd}").rows(LIST)


class TestApprove:
    def test_the_number_is_typed_and_then_it_runs(
        self, session: Session, careful: Project, amina: PageClient
    ):
        run = held_run(session, careful)
        page = open_page(amina, careful, run)
        for wrong in ("", "5", "six"):
            page = page.form("Approve and run").submit(
                changes=wrong, why_approved="I looked", status=422
            )
            assert page.errors == ["Type 6, the number of cases"]
            assert "I looked" in page.html and page.title.startswith("Error:")
        with pretend(MORNING):
            page = page.form("Approve and run").submit(changes=" 6").follow()
            assert page.status_line.startswith("The run is approved")
        work_at(MORNING + MINUTE, session, careful)
        page = open_page(amina, careful, run)
        assert "approved it on 11 Mar 2026 08:00 UTC. Why: “I looked”" in page.text
        assert all(case(session, careful, f"c{number}").closed for number in range(6))

    def test_only_with_the_right_and_only_once(
        self, session: Session, careful: Project, amina: PageClient, viktor: PageClient
    ):
        run = held_run(session, careful)
        for verb in ("approve", "reject"):
            assert "Edit data" in post(viktor, url(careful, run) + verb, 403, changes="6").text
        post(amina, url(careful, run) + "approve", 303, changes="6")
        for verb in ("approve", "reject"):
            page = post(amina, url(careful, run) + verb, 409, changes="6")
            assert "This run does not wait for a decision." in page.text

    def test_it_says_when_the_limit_cuts(
        self, session: Session, careful: Project, amina: PageClient
    ):
        run = held_run(session, careful)
        assert "may be written" not in open_page(amina, careful, run).text
        with write_transaction() as writing:
            set_project(
                writing,
                get_project(writing, careful.name),
                {"daily_limit": 4},
                by=factories.actor(),
            )
        assert (
            "Today 4 more automatic updates may be written." in open_page(amina, careful, run).text
        )


class TestReject:
    def test_nothing_changes(self, session: Session, careful: Project, amina: PageClient):
        run = held_run(session, careful)
        before = tables(session, careful)
        page = open_page(amina, careful, run).form("Reject this run only")
        with pretend(MORNING):
            shown = page.submit("Reject this run only", reason="The sign is wrong.").follow()
        assert shown.status_line == "The run is rejected. Nothing was changed."
        assert "rejected it on" in shown.text and "Why: “The sign is wrong.”" in shown.text
        assert "Would have changed" in shown.text and "Left" not in shown.text
        assert tables(session, careful) == before
        assert session.get_one(Rule, run.rule).state is RuleState.ACTIVE
        (event,) = [
            one
            for one in session.scalars(events_about(careful.id, f"run:{run.id}"))
            if one.tag == "run.reject"
        ]
        assert event.reason == "The sign is wrong."

    def test_and_switches_the_rule_off(self, session: Session, careful: Project, amina: PageClient):
        run = held_run(session, careful)
        shown = open_page(amina, careful, run).form("Reject and switch off").submit().follow()
        assert "The rule is off." in shown.text
        session.rollback()
        assert session.get_one(Rule, run.rule).state is RuleState.INACTIVE
        assert session.get_one(Run, run.id).state is RunState.REJECTED

    def test_a_reason_too_long_comes_back(
        self, session: Session, careful: Project, amina: PageClient
    ):
        page = open_page(amina, careful, held_run(session, careful)).form("Reject this run only")
        page = page.submit(reason="x" * 1001, status=422)
        assert page.errors == ["A reason has at most 1,000 characters"]


def test_an_expired_one_says_why(session: Session, careful: Project, viktor: PageClient):
    run = held_run(session, careful, schedule={"every": "month", "day": 11})
    assert "expires on 18 Mar 2026 00:00 UTC." in open_page(viktor, careful, run).text
    tidy_held(NIGHT + 7 * DAY + MINUTE)
    page = open_page(viktor, careful, run)
    assert "without a decision. Nothing was changed. Nobody decided within 7 days." in page.text
    page = viktor.get(url(careful, run) + "cases.csv", status=409)
    assert "This run has no list of cases" in page.text


class TestCsv:
    def test_all_cases_with_before_and_after_and_nothing_that_a_spreadsheet_runs(
        self,
        session: Session,
        careful: Project,
        viktor: PageClient,
        monkeypatch: pytest.MonkeyPatch,
    ):
        with pretend(NOON):
            changes(session, careful, "c1", note="=HYPERLINK(1)")
            changes(session, careful, "c2", note="-5.2")
            changes(session, careful, "c3", note="@cmd")
            changes(session, careful, "c4", note='a,"b"\nc')
        copy = {"kind": "copy", "property": "was", "from": "note"}
        run = held_run(session, careful, actions=[copy, {"kind": "close"}])
        with pretend(NIGHT + HOUR):
            changes(session, careful, "c5", status="fresh")
        monkeypatch.setattr(run_cases, "READ", 2)
        answer = viktor.get(url(careful, run) + "cases.csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        text = answer.response.get_data().decode("utf-8-sig")
        found = {row["case_id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
        assert sorted(found) == [f"c{number}" for number in range(6)]
        assert found["c0"] == {
            "case_id": "c0", "name": "Case c0", "closes": "yes", "changed_case_id": "",
            "property": "", "before": "", "after": "", "note": "",
        }  # fmt: skip
        after = [found[f"c{number}"]["after"] for number in range(1, 5)]
        assert after == ["'=HYPERLINK(1)", "-5.2", "'@cmd", 'a,"b"\nc']
        assert "no longer matches" in found["c5"]["note"]

    def test_it_breaks_off_when_somebody_decides_meanwhile(
        self,
        session: Session,
        careful: Project,
        amina: PageClient,
        monkeypatch: pytest.MonkeyPatch,
    ):
        run = held_run(session, careful)
        monkeypatch.setattr(run_cases, "READ", 2)
        cases = run_cases.all_cases(session, careful.id, run.id)
        next(cases)
        post(amina, url(careful, run) + "reject", 303)
        with pytest.raises(run_cases.Refused):
            list(cases)


class TestWatching:
    def test_what_it_would_have_changed(
        self,
        session: Session,
        careful: Project,
        viktor: PageClient,
        monkeypatch: pytest.MonkeyPatch,
    ):
        rule_at(NOON, careful, state=RuleState.WATCHING)
        (run,) = night_at(NIGHT, session, careful)
        monkeypatch.setattr(run_cases, "SHOWN", 5)
        page = open_page(viktor, careful, run)
        assert "Only looked" in page.text
        assert "It would have changed 6 cases." in page.text
        assert [row[0] for row in page.rows(LIST)] == [f"Case c{n}" for n in range(5)]
        assert len(page.click("Next").rows(LIST)) == 1
        text = viktor.get(url(careful, run) + "cases.csv").response.get_data().decode("utf-8-sig")
        assert len(text.splitlines()) == 7

    def test_none(self, session: Session, careful: Project, viktor: PageClient):
        rule_at(NOON, careful, state=RuleState.WATCHING, case_type="other")
        (run,) = night_at(NIGHT, session, careful)
        page = open_page(viktor, careful, run)
        assert "No case would change." in page.text
