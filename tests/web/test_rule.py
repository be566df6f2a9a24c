"""A rule's own page: versions, preview, the check of one case (SPEC U2, R25, R26, R29)."""

from __future__ import annotations

from functools import partial
from unittest.mock import Mock

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, send
from tests.history.statements import counted
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post, renamed
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.errors import TooSlow
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run
from webapp.rules.preview import preview
from webapp.web import rule_preview


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


@pytest.fixture
def rule(project: Project) -> Rule:
    return make_rule(project)


@pytest.fixture
def url(project: Project, rule: Rule) -> str:
    return f"/a/{project.name}/rules/{rule.rule_id}/"


class TestTheRulesPage:
    def test_says_in_words_what_the_rule_does(self, viktor: PageClient, url: str):
        page = viktor.get(url)
        assert page.h1 == "Close the done"
        assert "All of these are true:" in page.text
        assert "close_reason" in page.text
        assert "It has not run yet." in page.text
        assert "You can view but not change (needs Edit data)." in page.text
        assert "Edit" not in page.links()

    def test_lists_runs_and_versions(
        self, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        run = finished_run(project, rule)
        renamed(project, rule, "Renamed")
        page = amina.get(url)
        assert page.h1 == "Renamed"
        assert page.rows("Runs of this rule, newest first")[0][:2] == [
            f"Run {run.id} (version 1)",
            "Finished",
        ]
        assert [row[0] for row in page.rows("Versions of this rule, newest first")] == [
            "Version 2 (in force)",
            "Version 1",
        ]
        page = page.click(f"Run {run.id}")
        assert page.h1 == f"Run {run.id}: Close the done"
        said = "This rule is for open cases of type patient of which this is true: status is “done”"
        assert said in page.text

    def test_costs_the_same_for_many_runs(
        self, app: Flask, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        finished_run(project, rule)
        with counted(app) as few:
            amina.get(url)
        for number in range(12):
            finished_run(project, rule)
            renamed(project, rule, f"Name {number}")
        with counted(app) as many:
            page = amina.get(url)
        assert len(many) == len(few)
        assert len(page.rows("Runs of this rule, newest first")) == 10
        assert len(page.click("All runs of this rule").rows("Runs, newest first")) == 13

    def test_unknown_ones_are_not_there(self, project: Project, amina: PageClient, url: str):
        amina.get(f"/a/{project.name}/rules/{'0' * 32}/", status=404)
        amina.get(f"/a/{project.name}/rules/x%2Fy/", status=404)
        amina.get(url + "versions/2", status=404)
        amina.get(url + f"versions/{2**40}", status=404)
        amina.get(url + "versions/0", status=404)


class TestVersions:
    def test_say_what_was_different(
        self, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        renamed(project, rule, "Renamed")
        page = amina.get(url).click("Version 2")
        assert page.h1 == "Version 2 of “Renamed”"
        assert "Renamed" in page.one("//section[@aria-labelledby='s-changed']").text_content()
        first = page.click("Version 1")
        assert "This is the first version." in first.text

    def test_any_two_are_compared(self, project: Project, rule: Rule, amina: PageClient, url: str):
        renamed(project, rule, "Second")
        renamed(project, rule, "Third")
        listed = amina.get(url).rows("Versions of this rule")
        assert [row[3] for row in listed] == [
            "Name: “Second” became “Third”.",
            "Name: “Close the done” became “Second”.",
            "the first version",
        ]
        page = amina.get(url + "versions/3")
        assert "From version 2 to version 3:" in page.text
        page = page.form("Another version to compare with").submit("Compare", fill={"with": "1"})
        assert page.url.endswith("/versions/3?with=1")
        assert "From version 1 to version 3:" in page.text
        assert "Name: “Close the done” became “Third”." in page.text
        same = amina.get(url + "versions/1?with=3")
        assert "Name: “Close the done” became “Third”." in same.text, "the older first, always"
        for nonsense in ("3", "0", "x", "²"):
            shown = amina.get(url + f"versions/3?with={nonsense}").text
            assert "From version 2 to version 3:" in shown

    def test_can_be_restored(
        self, session: Session, project: Project, rule: Rule, amina: PageClient, url: str
    ):
        renamed(project, rule, "Renamed")
        page = amina.get(url + "versions/1").form("Restore this version").submit().follow()
        assert page.h1 == "Close the done"
        assert page.status_line == "Version 1 is in force again, as version 3."

    def test_of_a_rule_that_is_on_are_restored_when_it_was_seen_what_they_change(
        self, session: Session, project: Project, amina: PageClient
    ):
        patient(session, project, "p-1", status="done")
        rule = make_rule(project, state=RuleState.ACTIVE, brake={"cases": 0, "percent": 0})
        url = f"/a/{project.name}/rules/{rule.rule_id}/"
        renamed(project, rule, "Second")
        post(amina, url + "versions/1/restore", 303)
        asked = amina.get(url + "versions/1").click("Restore this version…")
        assert asked.h1 == "Restore version 1 of “Second”?"
        assert "If it ran now: 1 case would change." in asked.text
        assert "This is over the brake: more than 0 cases" in asked.text
        renamed(project, rule, "Third")
        again = asked.form("Restore this version").submit(status=409)
        assert "version 3 is in force now. Nothing was restored." in again.text
        assert amina.get(url).h1 == "Third", "asked only"
        page = again.form("Restore this version").submit().follow()
        assert page.status_line == "Version 1 is in force again, as version 4."

    def test_are_restored_only_with_the_right(
        self, project: Project, rule: Rule, viktor: PageClient, url: str
    ):
        renamed(project, rule, "Renamed")
        assert "Restore this version" not in viktor.get(url + "versions/1").text
        assert "Edit data" in post(viktor, url + "versions/1/restore", 403).text


class TestThePreview:
    def test_counts_and_leads_to_a_run(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        patient(session, project, "p-2")
        page = amina.get(url).click("Show the preview")
        assert page.h1 == "What “Close the done” would change"
        assert page.rows("The first cases, before and after")[0][0] == "p-1"
        assert "1 case would change." in page.text
        page = page.form(url + "run").submit("Run now").follow()
        session.rollback()
        run = session.scalars(select(Run).where(Run.project_id == project.id)).one()
        assert page.h1 == f"Run {run.id}: Close the done"
        assert "Waiting" in page.text
        assert run.job_id is not None
        work(run.job_id)
        assert "Finished" in amina.get(page.url).text

    def test_of_another_day_runs_as_of_that_day(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        page = amina.get(url + "preview").form("Another day").submit(as_of="2031-01-31")
        assert "as of 31 Jan 2031" in page.text
        page.form(url + "run").submit()
        session.rollback()
        run = session.scalars(select(Run).where(Run.project_id == project.id)).one()
        assert run.as_of == 1_927_584_000_000_000

    def test_warns_of_a_property_that_no_case_has(
        self, session: Session, project: Project, amina: PageClient
    ):
        patient(session, project, "p-1", status="done")
        criteria = [{"kind": "property", "property": "statuss", "operator": "has_no_value"}]
        wrong = make_rule(project, criteria=criteria)
        url = f"/a/{project.name}/rules/{wrong.rule_id}/"
        for path in ("preview", "activate"):
            assert "Did you mean “status”?" in amina.get(url + path).text
        with write_transaction() as writing:
            writing.get_one(Project, project.id).brake_cases = 0
        asked = post(amina, url + "run", 409)
        assert "Did you mean “status”?" in asked.text

    def test_that_is_too_slow_says_so_and_the_rule_can_be_run_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch, amina: PageClient, url: str
    ):
        monkeypatch.setattr(rule_preview, "preview", partial(preview, limit_s=0))
        page = amina.get(url + "preview")
        assert "This is too slow to count: after 0 seconds it was given up." in page.text
        assert "This is too slow to count" in amina.get(url + "activate").text
        assert page.form(url + "run").submit("Run now").follow().h1.startswith("Run ")

    def test_what_was_too_slow_is_not_counted_for_another_day(
        self, monkeypatch: pytest.MonkeyPatch, project: Project, amina: PageClient
    ):
        after = {"kind": "date", "property": "edd", "operator": "after"}
        rule = make_rule(project, criteria=[after])
        looks = Mock(side_effect=TooSlow("Too slow."))
        monkeypatch.setattr(rule_preview, "preview", looks)
        assert "Too slow." in amina.get(f"/a/{project.name}/rules/{rule.rule_id}/activate").text
        assert looks.call_count == 1

    @pytest.mark.parametrize("text", ["tomorrow", "2031-02-30", "9" * 500, "\ud7ff", "0001-01-01"])
    def test_a_day_that_cannot_be_read_is_said(self, amina: PageClient, url: str, text: str):
        page = amina.get(url + "preview").form("Another day").submit(as_of=text)
        assert page.status == 422
        assert page.errors and page.form("Another day").value("as_of") == text
        post(amina, url + "run", 422, as_of=text)

    def test_a_draft_cannot_be_run(self, session: Session, project: Project, amina: PageClient):
        draft = make_rule(project, state=RuleState.DRAFT)
        url = f"/a/{project.name}/rules/{draft.rule_id}/"
        assert "This rule is a draft." in amina.get(url + "preview").text
        post(amina, url + "run", 409)

    def test_viewers_may_count_but_not_run(self, viktor: PageClient, url: str):
        page = viktor.get(url + "preview")
        assert "0 cases would change" in page.text
        assert not page.document.xpath(f"//form[@action='{url}run']")


class TestCheckingOneCase:
    def test_explains_each_condition_and_what_would_happen(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        page = viktor.get(url).form("Check one case").submit(case="p-1").follow()
        assert "The rule matches “p-1”" in page.text
        (row,) = page.rows("Each condition, what was found and what it was compared with")
        assert row[1:] == ["done", "done", "true"]
        assert "close_reason: empty becomes automatic" in page.text
        assert "State: open becomes closed" in page.text

    def test_says_why_not(self, session: Session, project: Project, viktor: PageClient, url: str):
        patient(session, project, "p-1", status="new")
        page = viktor.get(url + "check?case=p-1")
        assert "The rule does not match “p-1”" in page.text
        (row,) = page.rows("Each condition, what was found and what it was compared with")
        assert row[1:] == ["new", "done", "false"]
        assert "Nothing, because it does not match." in page.text

    def test_instants_are_said_in_the_zone_of_the_project(
        self, session: Session, project: Project, viktor: PageClient
    ):
        with write_transaction() as writing:
            writing.get_one(Project, project.id).timezone = "Africa/Nairobi"
        rule = make_rule(
            project,
            criteria=[
                {"kind": "not_modified_since", "days": 30},
                {"kind": "date", "property": "opened_on", "operator": "before"},
                {"kind": "property", "property": "opened_on", "operator": "has_value"},
                {"kind": "property", "property": "opened_on", "operator": "equals", "value": "x"},
            ],
        )
        opened = case_block(
            "p-1",
            create={"case_name": "p-1", "case_type": "patient"},
            date_modified="2026-12-31T21:00:00.000000Z",
        )
        send(session, project.id, form(opened))
        checked = viktor.get(
            f"/a/{project.name}/rules/{rule.rule_id}/check?case=p-1&as_of=2031-01-31"
        )
        rows = checked.rows("Each condition, what was found and what it was compared with")
        assert rows[0][1].endswith(" EAT")
        assert rows[0][2] == "before 1 Jan 2031 00:00:00 EAT"
        here = "1 Jan 2027 00:00:00 EAT"
        assert rows[1][1] == f"{here} compared as 2026-12-31 (UTC)"
        assert rows[2][1] == here
        assert rows[3][1] == f"{here} compared as 2026-12-31T21:00:00.000000Z (UTC)"

    def test_says_what_would_be_an_error(
        self, session: Session, project: Project, viktor: PageClient
    ):
        copying = make_rule(
            project, actions=[{"kind": "copy", "property": "name", "from": "title"}]
        )
        patient(session, project, "p-1", status="done", title="x" * 300)
        page = viktor.get(f"/a/{project.name}/rules/{copying.rule_id}/check?case=p-1")
        assert "The rule matches “p-1”" in page.text
        assert "a run would count this case as an error" in page.text
        assert "at most 255" in page.text

    def test_says_that_there_is_no_parent(
        self, session: Session, project: Project, viktor: PageClient
    ):
        touching = make_rule(
            project,
            match="any",
            criteria=[
                {"kind": "property", "property": "parent/x", "operator": "has_no_value"},
                {"kind": "parent_closed"},
            ],
            actions=[
                {"kind": "set", "property": "parent/seen", "value": "yes"},
                {"kind": "set", "property": "host/parent/seen", "value": "yes"},
                {"kind": "copy", "property": "a", "from": "host/b"},
                {"kind": "copy", "property": "a2", "from": "never"},
                {"kind": "set", "property": "status", "value": "done"},
            ],
        )
        patient(session, project, "p-1", status="done")
        page = viktor.get(f"/a/{project.name}/rules/{touching.rule_id}/check?case=p-1")
        first, second = page.rows("Each condition, what was found and what it was compared with")
        assert first[1:] == ["The case has no parent, or a deleted one.", "–none", "true"]
        assert second[1:] == ["The case has no parent, or a deleted one.", "closed", "false"]
        assert "Nothing. A run would write no form about this case." in page.text
        idle = [" ".join(e.text_content().split()) for e in page.document.xpath("//h3/../ul/li")]
        assert idle == [
            "set parent/seen to “yes”: The case has no parent, or a deleted one.",
            "set host/parent/seen to “yes”: There is no case at “host/parent”, or a deleted one.",
            (
                "set a to the value of host/b, unless that was never filled in:"
                " The case has no host, or a deleted one."
            ),
            (
                "set a2 to the value of never, unless that was never filled in:"
                " never was never filled in."
            ),
            "set status to “done”: It is as wanted already.",
        ]

    def test_the_case_is_found_by_its_name(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        for case_id, name in (("1", "Ana Mwangi"), ("2", "Anabel"), ("3", "Beno")):
            create = {"case_name": name, "case_type": "patient"}
            send(session, project.id, form(case_block(case_id, create=create)))
        other = {"case_name": "Ana’s household", "case_type": "household"}
        send(session, project.id, form(case_block("h", create=other)))
        asked = viktor.get(url + "check").form("Which case")
        assert asked.submit(case="beno", as_of="2031-01-31").location == (
            url + "check?case=3&as_of=2031-01-31"
        )
        page = asked.submit(case=" ANA ")
        assert [row[0] for row in page.rows("Cases with this name")] == ["Anabel", "Ana Mwangi"]
        assert "does not match “Anabel”" in page.click("Anabel").text
        assert asked.submit(case="h").location == url + "check?case=h"

    @pytest.mark.parametrize("case", ["nobody", "x" * 5000, "a b", "\u0001", " "])
    def test_an_unknown_case_is_said_at_the_field(self, viktor: PageClient, url: str, case: str):
        page = viktor.get(url + "check").form("Which case").submit(case=case)
        assert page.status == 422
        assert len(page.errors) == 1
        page = viktor.get(url + "check?case=nobody")
        assert page.errors == ["This project has no case with this id"]

    def test_as_of_is_read_or_refused(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        assert viktor.get(url + "check?case=p-1&as_of=2031-01-31").status == 200
        assert viktor.get(url + "check?case=p-1&as_of=x").status == 422
