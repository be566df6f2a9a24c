"""Several rules at once, from the list (SPEC R30)."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, post, queued_run
from tests.web.signing_in import signed_in
from webapp.projects.models import Project
from webapp.rules.models import Rule, RuleState
from webapp.rules.portable import rule_from_json
from webapp.web.views import rules_several

NAMES = ("A", "B", "C")


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
            ["A", "Draft", "1 case would change. Preview A"],
            ["B", "Off", "1 case would change. Preview B"],
        ]
        assert states(session, rules) == ["draft", "inactive", "active"], "nothing is done yet"
        page = page.form("Switch on").submit().follow()
        assert page.status_line == "2 rules are on."
        assert page.url == url + "?type=patient", "as the list was narrowed"
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
        for button in ("Switch on…", "Switch off", "Delete…", "Export"):
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
