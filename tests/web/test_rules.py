"""The rule list, as people use it (SPEC U2, R30)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.history.statements import counted
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post, queued_run, renamed
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.models import RuleState, Run, RunState

TABLE = "Rules, in the order in which they run"


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/rules/"


def names(page: Page) -> list[str]:
    return [re.split(" (?:patient|mother) ?(?:set|close) ", row[1])[0] for row in page.rows(TABLE)]


def do(page: Page, what: str, name: str) -> Page:
    """Press an action of a rule's menu."""
    return page.form("actions").submit(f"{what} {name}").follow()


class TestEmptyPlaces:
    def test_the_first_use_offers_examples(self, amina: PageClient, url: str):
        page = amina.get(url)
        assert "No rule yet" in page.text
        assert not page.document.xpath("//table")
        form = page.click("Close cases untouched for 180 days")
        assert form.h1 == "New rule"
        assert form.form("rule-form").value("criteria-0-days") == "180"

    def test_who_may_only_look_is_told_what_it_takes(self, viktor: PageClient, url: str):
        page = viktor.get(url)
        assert "You can view but not change (needs Edit data)." in page.text
        assert "New rule" not in page.links()

    def test_nothing_matches(self, project: Project, amina: PageClient, url: str):
        make_rule(project)
        page = amina.get(url).form("Filters").submit("Apply", name="zebra")
        assert "No rule fits these filters" in page.text
        assert names(page.click("Clear all filters")) == ["Close the done"]


class TestTheList:
    def test_says_what_became_of_each_rule(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        rule = make_rule(project, state=RuleState.ACTIVE)
        make_rule(project, name="Sleeps", state=RuleState.DRAFT)
        run = finished_run(project, rule)
        page = viktor.get(url)
        first, second = page.rows(TABLE)
        does = "If status is “done”: set close_reason to “automatic”; close the case."
        assert first[1].startswith("Close the done patient")
        assert first[1].endswith(does)
        assert first[2] == "On"
        assert first[4].startswith("Finished")
        assert first[4].endswith(first[3]), "one run has one time"
        assert first[5] == f"1 (forms of run {run.id})"
        assert second[2:] == ["Draft", "–never", "–never", "–never", "–none"]
        forms = page.click(f"1 (forms of run {run.id})")
        assert f"run={run.id}" in forms.url
        assert page.click("Close the done").h1 == "Close the done"

    def test_of_one_that_fails_on_a_case_each_time_it_says_what_it_did(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        for number, name in enumerate(("x" * 300, "Ana", "Ben")):
            patient(session, project, f"p-{number}", long=name)
        copies = [{"kind": "copy", "property": "name", "from": "long"}]
        rule = make_rule(project, match="every_case", criteria=[], actions=copies)
        run = finished_run(project, rule)
        page = viktor.get(url)
        (row,) = page.rows(TABLE)
        assert row[3] == "none without errors yet"
        assert row[4].startswith("Finished with errors")
        assert row[5] == f"2 (forms of run {run.id}) in the last attempt"
        assert "Failing" in page.click(rule.name).text

    def test_says_when_each_runs_next(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        for every in ("day", "hand"):
            for state in (RuleState.ACTIVE, RuleState.WATCHING, RuleState.INACTIVE):
                make_rule(project, state=state, schedule={"every": every})
        said = [row[6] for row in viktor.get(url).rows(TABLE)]
        assert said[0] == said[1] and said[0].endswith("00:00")
        assert said[2:] == ["–none", "only by hand", "only by hand", "–none"]

    def test_is_searched_and_filtered(self, project: Project, amina: PageClient, url: str):
        make_rule(project, name="Close old")
        make_rule(project, name="close mothers", case_type="mother", state=RuleState.ACTIVE)
        make_rule(project, name="Flag")
        page = amina.get(url)
        assert names(page.form("Filters").submit("Apply", name="CLOSE")) == [
            "Close old",
            "close mothers",
        ]
        narrowed = page.form("Filters").submit("Apply", type="mother", state="On")
        assert names(narrowed) == ["close mothers"]
        assert "Case type: mother" in narrowed.text
        assert len(names(narrowed.click("Remove filter State: On"))) == 1
        for nonsense in ("?state=nonsense", "?type=nobody", "?page=0", "?page=²", "?page=99999"):
            assert len(names(amina.get(url + nonsense))) == 3

    def test_what_waits_or_fails_is_found(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done", long="x" * 300)
        copies = [{"kind": "copy", "property": "name", "from": "long"}]
        finished_run(project, make_rule(project, name="Faulty", actions=copies))
        waits = finished_run(project, make_rule(project, name="Waits"))
        with write_transaction() as writing:
            writing.get_one(Run, waits.id).state = RunState.HELD
        make_rule(project, name="Fine")
        page = amina.get(url).form("Filters").submit("Apply", health="Failing")
        assert names(page) == ["Faulty"]
        assert "Health: Failing" in page.text
        kept = do(page, "Move up", "Faulty")
        assert kept.url == url + "?health=failing"
        assert names(page.form("Filters").submit("Apply", health="Waits for you")) == ["Waits"]
        assert len(names(page.click("Remove filter Health: Failing"))) == 3

    def test_has_pages(self, project: Project, amina: PageClient, url: str):
        for number in range(27):
            make_rule(project, name=f"Rule {number:02}")
        page = amina.get(url)
        assert len(names(page)) == 25
        assert names(page.click("Next")) == ["Rule 25", "Rule 26"]
        assert names(page.click("Next").click("Previous")) == names(page)

    def test_costs_the_same_for_many_rules(
        self, app: Flask, project: Project, amina: PageClient, url: str
    ):
        finished_run(project, make_rule(project))
        with counted(app) as few:
            amina.get(url)
        for number in range(10):
            finished_run(project, make_rule(project, name=f"Rule {number}"))
        with counted(app) as many:
            amina.get(url)
        assert len(many) == len(few)


class TestVerbs:
    def test_moving(self, project: Project, amina: PageClient, url: str):
        for name in ("A", "B", "C"):
            make_rule(project, name=name)
        page = do(amina.get(url), "Move up", "C")
        assert names(page) == ["A", "C", "B"]
        assert page.status_line == "“C” now runs earlier."
        page = do(page, "Move down", "A")
        assert names(page) == ["C", "A", "B"]
        page = do(page, "Move up", "C")
        assert page.status_line == "“C” is the first already."
        page = do(page, "Move down", "B")
        assert page.status_line == "“B” is the last already."

    def test_moving_keeps_the_filters(self, project: Project, amina: PageClient, url: str):
        for name in ("A", "B"):
            make_rule(project, name=name)
        page = do(amina.get(url + "?type=patient"), "Move up", "B")
        assert page.url == url + "?type=patient"

    def test_switching_on_shows_first_what_would_change(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        rule = make_rule(project)
        page = amina.get(url).click("Switch on… Close the done")
        assert page.h1 == "Switch on “Close the done”?"
        assert "If it ran now: 1 case would change." in page.text
        assert (
            "10,000 of 10,000 automatic updates are left today; this run would need 1." in page.text
        )
        assert "It stops to ask at more than 100 cases and more than 30 % of the open" in page.text
        assert "1 owner loses cases: " in page.text
        renamed(project, rule, "Close them")
        page = page.form("Switch on").submit(status=409)
        assert "version 2 is in force now. It was not switched on." in page.text, "nobody saw it"
        session.refresh(rule)
        assert rule.state != RuleState.ACTIVE
        renamed(project, rule, "Close the done")
        page = page.form("Switch on").submit(status=409).form("Switch on").submit().follow()
        assert page.status_line == "“Close the done” is on."
        session.refresh(rule)
        assert rule.state == RuleState.ACTIVE
        page = do(amina.get(url), "Switch off", "Close the done")
        assert page.status_line == "“Close the done” is off."
        session.refresh(rule)
        assert rule.state == RuleState.INACTIVE

    def test_switching_on_says_when_it_runs_first(
        self, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project, schedule={"every": "week", "on": ["mon"]})
        said = amina.get(f"{url}{rule.rule_id}/activate").text
        assert "Once it is on, it runs every week on Monday, for the first time on" in said
        rule = make_rule(project, schedule={"every": "hand"})
        assert "It runs only by hand" in amina.get(f"{url}{rule.rule_id}/activate").text

    def test_switching_on_says_what_the_first_run_would_change(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", edd=datetime.now(UTC).date().isoformat())
        after = {"kind": "date", "property": "edd", "operator": "after"}
        rule = make_rule(project, criteria=[after])
        said = amina.get(f"{url}{rule.rule_id}/activate").text
        assert "If it ran now: No case matches." in said
        assert "At its first run, if no case changes until then: 1 case would change." in said
        assert "1 owner loses cases: " in said
        with write_transaction() as writing:
            of = writing.get_one(Project, project.id)
            of.brake_cases = of.brake_percent = 0
        said = amina.get(f"{url}{rule.rule_id}/activate").text
        assert "This is over the brake: more than 0 cases" in said, "tonight, not now"
        assert "its first run would change 1 of 1." in said
        assert "are left for its first run, which would need 1." in said

    def test_watching(self, session: Session, project: Project, amina: PageClient, url: str):
        rule = make_rule(project)
        page = do(amina.get(url), "Watch only", "Close the done")
        assert "watches: it records what it would change" in page.status_line
        session.refresh(rule)
        assert rule.state == RuleState.WATCHING
        page = page.form(f"{url}{rule.rule_id}/deactivate").submit().follow()
        assert page.status_line == "“Close the done” is off."

    def test_switching_off_asks_about_a_run_at_work(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project, state=RuleState.ACTIVE)
        run = queued_run(project, rule)
        page = do(amina.get(url), "Switch off", "Close the done")
        assert page.h1 == "Switch off “Close the done”?"
        page = (
            page.form(f"{url}{rule.rule_id}/deactivate").submit("Switch off", runs="stop").follow()
        )
        assert "Its run stops" in page.status_line
        session.rollback()
        session.refresh(run)
        assert run.state.value == "stopped"

    def test_a_deleted_rule_can_be_brought_back(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project)
        page = amina.get(url).click("Delete… Close the done").form("Delete this rule").submit()
        page = page.follow()
        assert page.status_line == "“Close the done” is deleted. You can bring it back here."
        assert "No rule yet" in amina.get(url).text
        gone = amina.get(f"{url}{rule.rule_id}/")
        assert "This rule was deleted on" in gone.text
        page = do(page, "Bring back", "Close the done")
        assert page.status_line == "“Close the done” is back. It is off."
        assert names(amina.get(url)) == ["Close the done"]

    def test_deleting_may_leave_the_run_at_work(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        rule = make_rule(project)
        run = queued_run(project, rule)
        page = amina.get(f"{url}{rule.rule_id}/delete")
        page.form("Delete this rule").submit(runs="leave")
        session.rollback()
        session.refresh(run)
        assert run.state.value == "queued"

    def test_a_duplicate_is_a_draft(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        make_rule(project, state=RuleState.ACTIVE)
        page = do(amina.get(url), "Duplicate", "Close the done")
        assert page.h1.startswith("Edit “")
        assert "This is the copy." in page.status_line
        assert [row[2] for row in amina.get(url).rows(TABLE)].count("Draft") == 1

    def test_need_the_right_and_the_project(
        self, app: Flask, project: Project, viktor: PageClient, url: str
    ):
        rule = make_rule(project)
        other = factories.project()
        stranger = signed_in(app, factories.web_user(other))
        for verb in (
            "up",
            "down",
            "duplicate",
            "bring-back",
            "activate",
            "deactivate",
            "delete",
            "run",
        ):
            assert "Edit data" in post(viktor, f"{url}{rule.rule_id}/{verb}", 403).text
            post(stranger, f"{url}{rule.rule_id}/{verb}", 404)
            post(stranger, f"/a/{other.name}/rules/{rule.rule_id}/{verb}", 404)
