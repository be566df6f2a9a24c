"""Several rules at once, from the list (SPEC R30)."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post, queued_run, renamed
from tests.web.signing_in import signed_in
from webapp.audit.models import AuditEvent
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState, Run
from webapp.rules.portable import rule_from_json
from webapp.rules.runs import get_run
from webapp.web.views import rules_several, rules_several_run

NAMES = ("A", "B", "C")
LOSES = "1 owner loses cases: worker-1, 1."


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/rules/"


@pytest.fixture
def rules(project: Project) -> dict[str, Rule]:
    """A is a draft, B off, C on."""
    states = (RuleState.DRAFT, RuleState.INACTIVE, RuleState.ACTIVE)
    return {
        name: make_rule(project, name=name, state=state)
        for name, state in zip(NAMES, states, strict=True)
    }


def choose(page: Page, button: str, *chosen: Rule) -> Page:
    return page.form("several").submit(button, rule=[rule.rule_id for rule in chosen])


def states(session: Session, rules: dict[str, Rule]) -> list[str]:
    session.rollback()
    for rule in rules.values():
        session.refresh(rule)
    return [rule.state.value for rule in rules.values()]


class TestSwitchingOn:
    def test_shows_first_what_each_would_change(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        patient(session, project, "p-1", status="done")
        page = choose(amina.get(url + "?type=patient"), "Switch on…", *rules.values())
        assert page.h1 == "Switch on 2 rules?"
        assert "1 of those that you chose is on already." in page.text
        assert page.rows("What each rule would change") == [
            ["A", "Draft", f"1 case would change. {LOSES} Preview A"],
            ["B", "Off", f"1 case would change. {LOSES} Preview B"],
        ]
        assert states(session, rules) == ["draft", "inactive", "active"], "nothing is done yet"
        page = page.form("Switch on").submit().follow()
        assert page.status_line == "2 rules are on."
        assert page.url == url + "?type=patient", "as the list was narrowed"
        assert states(session, rules) == ["active"] * 3

    def test_switches_on_only_what_was_looked_at(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        asked = choose(amina.get(url), "Switch on…", *rules.values())
        renamed(project, rules["B"], "B2")
        again = asked.form("Switch on").submit(status=409)
        assert "another version of B2 is in force by now" in again.text
        assert states(session, rules) == ["draft", "inactive", "active"], "none is on"
        again.form("Switch on").submit().follow()
        assert states(session, rules) == ["active"] * 3

    def test_does_not_count_for_ever(
        self,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setattr(rules_several, "PATIENCE_S", -1.0)
        page = choose(amina.get(url), "Switch on…", rules["A"])
        assert "There was no time to count it here." in page.text

    def test_says_what_brake_and_limit_would_make_of_it(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        braked = make_rule(project, name="E", brake={"cases": 0, "percent": 0})
        page = choose(amina.get(url), "Switch on…", braked)
        assert "This is over the brake: more than 0 cases" in page.text

    def test_says_that_all_are_on(
        self, project: Project, amina: PageClient, url: str, rules: dict[str, Rule]
    ):
        page = choose(amina.get(url), "Switch on…", rules["C"])
        assert "is on already" in page.text


class TestSwitchingOff:
    def test_leaves_drafts_alone(
        self, session: Session, amina: PageClient, url: str, rules: dict[str, Rule]
    ):
        page = choose(amina.get(url), "Switch off", *rules.values()).follow()
        assert page.status_line == "1 rule is off."
        assert states(session, rules) == ["draft", "inactive", "inactive"]
        page = choose(page, "Switch off", *rules.values()).follow()
        assert page.status_line == "None of them was on."

    @pytest.mark.parametrize("decision", ["stop", "leave"])
    def test_asks_about_runs_at_work(
        self, session: Session, project: Project, amina: PageClient, url: str, decision: str
    ):
        rule = make_rule(project, state=RuleState.ACTIVE)
        run = queued_run(project, rule)
        page = choose(amina.get(url), "Switch off", rule)
        assert page.h1 == "Switch off 1 rule?"
        assert states(session, {"": rule}) == ["active"]
        page.form("Switch off").submit(runs=decision)
        assert states(session, {"": rule}) == ["inactive"]
        session.refresh(run)
        assert run.state.value == {"stop": "stopped", "leave": "queued"}[decision]

    def test_a_run_that_is_over_by_then_is_no_fault(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        monkeypatch: pytest.MonkeyPatch,
    ):
        rule = make_rule(project, state=RuleState.ACTIVE)
        ids = project.id, finished_run(project, rule).id
        monkeypatch.setattr(rules_several, "at_work", lambda here, *_: [get_run(here, *ids)])
        post(amina, url + "several/deactivate", 303, rule=rule.rule_id, runs="stop")
        assert states(session, {"": rule}) == ["inactive"]


class TestDuplicating:
    def test_makes_drafts_in_their_order(
        self, session: Session, amina: PageClient, url: str, rules: dict[str, Rule]
    ):
        page = choose(amina.get(url), "Duplicate", rules["C"], rules["B"]).follow()
        assert page.status_line.startswith("2 copies are made, the last of these.")
        assert [row[1].split(" patient")[0] for row in page.rows("Rules, in the order")] == [
            "A",
            "Copy of B",
            "Copy of C",
        ]
        tags = [one.tag for one in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
        assert tags[-2:] == ["rule.duplicate"] * 2


class TestMoving:
    def test_they_keep_their_order_and_stay_chosen(
        self, project: Project, amina: PageClient, url: str, rules: dict[str, Rule]
    ):
        make_rule(project, name="D")

        def names(page: Page) -> list[str]:
            return [row[1].split()[0] for row in page.rows("Rules, in the order")]

        page = choose(amina.get(url + "?type=patient"), "Move up", rules["B"], rules["C"]).follow()
        assert names(page) == ["B", "C", "A", "D"]
        assert page.status_line == "2 rules now run earlier."
        assert page.url == url + "?type=patient"
        assert len(page.form("several").value("rule")) == 2
        page = page.form("several").submit("Move up").follow()
        assert page.status_line == "They are the first already."
        page = page.form("several").submit("Move down").follow()
        page = page.form("several").submit("Move down").follow()
        assert names(page) == ["A", "D", "B", "C"]
        page = page.form("several").submit("Move down").follow()
        assert page.status_line == "They are the last already."
        assert not amina.get(url).form("several").value("rule")


class TestRunning:
    def test_shows_first_what_each_would_change_and_which_are_not_run(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        patient(session, project, "p-1", status="done")
        braked = make_rule(project, name="E", brake={"cases": 0, "percent": 0})
        watching = make_rule(project, name="F", state=RuleState.WATCHING)
        page = choose(amina.get(url), "Run now…", *rules.values(), braked, watching)
        assert page.h1 == "Run 3 rules now?"
        assert page.rows("What each rule would change") == [
            ["A", "Draft", "Not run. It is a draft: switch it on, or off, first. Preview A"],
            ["B", "Off", "1 case would change. Preview B"],
            ["C", "On", "1 case would change. Preview C"],
            [
                "E",
                "Off",
                (
                    "1 case would change. Not run. It is over its brake: run it by itself to"
                    " confirm the number. Run it by itself E"
                ),
            ],
            ["F", "Watching", "1 case would change. It watches: the run only looks. Preview F"],
        ]
        runs = select(Run.rule_name).where(Run.project_id == project.id).order_by(Run.id)
        assert session.scalars(runs).all() == []
        page = page.form("Run 3 rules").submit().follow()
        assert page.status_line.startswith("3 runs are queued, one after the other")
        assert page.h1 == "Runs"
        session.rollback()
        assert session.scalars(runs).all() == ["B", "C", "F"]
        fields = {"rule": [rules["A"].rule_id, braked.rule_id], "sure": "yes"}
        page = post(amina, url + "several/run", 303, **fields).follow()
        assert "“E” is not run. This run would change 1 of 1 open cases" in page.text
        assert "“A” is not run. A draft cannot be run." in page.text
        page = choose(amina.get(url), "Run now…", rules["A"])
        assert page.h1 == "None of these rules can be run together"

    def test_does_not_count_for_ever(
        self, amina: PageClient, url: str, rules: dict[str, Rule], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(rules_several_run, "PATIENCE_S", -1.0)
        page = choose(amina.get(url), "Run now…", rules["B"])
        assert "There was no time to count it here." in page.text
        page = page.form("Run 1 rule").submit().follow()
        assert page.status_line == "1 run is queued."


class TestDeleting:
    def test_says_what_stays_and_asks(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        patient(session, project, "p-1", status="done")
        finished_run(project, rules["C"])
        page = choose(amina.get(url), "Delete…", rules["B"], rules["C"])
        assert page.h1 == "Delete 2 rules?"
        assert page.rows("The rules, and what they did") == [
            ["B", "Off", "0", "0"],
            ["C", "On", "1", "1"],
        ]
        page = page.form("Delete 2 rules").submit().follow()
        assert page.status_line.startswith("2 rules are deleted.")
        assert [row[1].split()[0] for row in page.rows("Rules, in the order")] == ["A"]
        single = amina.get(f"{url}{rules['A'].rule_id}/delete")
        assert "Runs that stay0" in single.text

    def test_asks_about_runs_at_work(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        run = queued_run(project, rules["C"])
        page = choose(amina.get(url), "Delete…", rules["C"])
        assert "A run of one of these rules is at work." in page.text
        page.form("Delete 1 rule").submit(runs="stop")
        session.rollback()
        session.refresh(run)
        assert run.state.value == "stopped"


class TestExporting:
    def test_gives_a_file_that_can_be_imported(
        self, app: Flask, project: Project, url: str, rules: dict[str, Rule]
    ):
        viktor = signed_in(app, factories.web_user(project, role="viewer"))
        page = viktor.get(url)
        assert "Switch on…" not in page.text
        file = choose(page, "Export", rules["A"], rules["C"])
        assert "attachment" in file.headers["Content-Disposition"]
        found = json.loads(file.response.get_data())
        assert [(one["name"], one["state"]) for one in found] == [("A", "draft"), ("C", "active")]
        assert all(rule_from_json(one) for one in found)


class TestChoosing:
    def test_a_page_or_all_that_fit(
        self, session: Session, project: Project, amina: PageClient, url: str
    ):
        made = [make_rule(project, name=f"Rule {number:02}") for number in range(27)]
        make_rule(project, name="Other", case_type="mother")
        page = amina.get(url + "?type=patient").click("Choose all 25 rules on this page")
        assert len(page.form("several").value("rule")) == 25
        page = page.click("Choose all 27 rules that fit")
        assert "2 of the chosen rules are on other pages." in page.text
        asked = page.form("several").submit("Switch on…")
        assert asked.h1 == "Switch on 27 rules?"
        assert len(asked.form("Switch on").value("rule")) == 27
        page = page.click("Choose none")
        assert not page.form("several").value("rule")
        assert made

    def test_none_is_said(self, amina: PageClient, url: str, rules: dict[str, Rule]):
        for button in (
            *("Switch on…", "Switch off", "Run now…", "Move up", "Move down"),
            *("Duplicate", "Delete…", "Export"),
        ):
            page = choose(amina.get(url), button).follow()
            assert page.status_line == "Choose at least one rule first."

    def test_what_is_gone_or_of_others_is_left_out(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        url: str,
        rules: dict[str, Rule],
    ):
        theirs = make_rule(factories.project(), state=RuleState.ACTIVE)
        sent = {"rule": [theirs.rule_id, "x" * 300, rules["C"].rule_id], "sure": "yes"}
        page = post(amina, url + "several/delete", 303, **sent).follow()
        assert page.status_line.startswith("1 rule is deleted.")
        session.rollback()
        session.refresh(theirs)
        assert theirs.deleted_on is None
        too_many = {"rule": [str(number) for number in range(1001)]}
        post(amina, url + "several/export", 422, **too_many)
