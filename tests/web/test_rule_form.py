"""Writing a rule, as a person without JavaScript does it (SPEC U3, U4, R31)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.rules.running import CLOSES, sets
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import CLOSE_DONE, make_rule, patient, post
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.projects.operations import set_project
from webapp.rules.models import Rule, RuleState
from webapp.rules.operations import delete_rule, edit_rule, set_state
from webapp.rules.portable import rule_from_json, to_json
from webapp.rules.queries import definition_of, version_of

ADD = "Add a condition on: "


@pytest.fixture
def amina(app: Flask, project: Project) -> PageClient:
    """Amina may edit data."""
    return signed_in(app, factories.web_user(project, role="editor"))


@pytest.fixture
def new(project: Project) -> str:
    return f"/a/{project.name}/rules/new"


def rules_of(session: Session, project: Project) -> list[Rule]:
    session.rollback()
    return list(
        session.scalars(select(Rule).where(Rule.project_id == project.id).order_by(Rule.id))
    )


def saved(session: Session, project: Project) -> dict[str, Any]:
    """The only rule of the project, as JSON."""
    (rule,) = rules_of(session, project)
    return to_json(definition_of(session, rule))


def press(page: Page, button: str, **values: Any) -> Page:
    fill = {name.replace("__", "-"): value for name, value in values.items()}
    return page.form("rule-form").submit(button, fill=fill)


def legends(page: Page) -> list[str]:
    return [
        " ".join(e.text_content().split())
        for e in page.document.xpath("//*[@id='criteria' or @id='actions']//legend")
    ]


def focused(page: Page) -> str:
    """Id, or words, of what takes the focus."""
    element = page.one("//*[@autofocus]")
    return element.get("id") or " ".join(element.text_content().split())


class TestSaving:
    def test_a_rule_with_a_row_of_every_kind(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        page = amina.get(new)
        assert page.h1 == "New rule"
        for kind in ("Property", "Property", "Date", "Number", "Not modified", "Parent closed"):
            page = press(page, ADD + kind)
        page = press(page, "Add an update")
        page = press(page, "Add another update")
        page = press(
            page,
            "Save as draft",
            name=" Close stale ",
            description="Agreed in May",
            case_type="patient",
            match="any",
            criteria__0__property="status",
            criteria__0__operator="not_equals",
            criteria__0__value=" done ",
            criteria__1__property="parent/village",
            criteria__1__operator="is one of",
            criteria__1__values="A\nB, c\n\n",
            criteria__2__property="edd",
            criteria__2__operator="on_or_before",
            criteria__2__sign="minus",
            criteria__2__days=" 7 ",
            criteria__3__property="muac",
            criteria__3__operator="less_than",
            criteria__3__value="11.5",
            criteria__4__days="365",
            actions__0__property="close_reason",
            actions__0__value="automatic",
            actions__1__property="parent/last_seen",
            actions__1__how="copy",
            actions__1__source="visit_date",
            close=True,
        )
        rule_page = page.follow()
        assert rule_page.h1 == "Close stale"
        assert "The rule is saved as a draft." in rule_page.status_line
        assert saved(session, project) == {
            "name": "Close stale",
            "description": "Agreed in May",
            "case_type": "patient",
            "match": "any",
            "criteria": [
                {
                    "kind": "property",
                    "property": "status",
                    "operator": "not_equals",
                    "value": " done ",
                },
                {
                    "kind": "property",
                    "property": "parent/village",
                    "operator": "one_of",
                    "values": ["A", "B, c"],
                },
                {"kind": "date", "property": "edd", "operator": "on_or_before", "days": -7},
                {"kind": "number", "property": "muac", "operator": "less_than", "value": "11.5"},
                {"kind": "not_modified_since", "days": 365},
                {"kind": "parent_closed"},
            ],
            "actions": [
                {"kind": "set", "property": "close_reason", "value": "automatic"},
                {"kind": "copy", "property": "parent/last_seen", "from": "visit_date"},
                {"kind": "close"},
            ],
        }
        assert rules_of(session, project)[0].state == RuleState.DRAFT

    @pytest.mark.parametrize(
        ("button", "state"),
        [
            ("Save as draft", RuleState.DRAFT),
            ("Save switched off", RuleState.INACTIVE),
        ],
    )
    def test_in_each_state(
        self,
        session: Session,
        project: Project,
        amina: PageClient,
        button: str,
        state: RuleState,
    ):
        new = f"/a/{project.name}/rules/new"
        page = press(
            amina.get(new), button, name="All", case_type="patient", match="every_case", close=True
        )
        assert page.follow().h1 == "All"
        assert rules_of(session, project)[0].state == state

    def test_switching_on_shows_first_what_would_change(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1")
        said = {"name": "All", "case_type": "patient", "match": "every_case", "close": True}
        page = press(amina.get(new), "Save and switch on…", **said).follow()
        assert page.h1 == "Switch on “All”?"
        assert "It is not on yet" in page.status_line
        assert "If it ran now: 1 case would change." in page.text
        assert rules_of(session, project)[0].state == RuleState.INACTIVE
        page.form("Switch on").submit()
        assert rules_of(session, project)[0].state == RuleState.ACTIVE

    def test_warns_of_a_new_type_and_of_a_namesake(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        make_rule(project)
        page = press(
            amina.get(new),
            "Save as draft",
            name="Close the done",
            case_type="pateint",
            match="every_case",
            close=True,
        ).follow()
        assert "No form has used the case type “pateint” yet." in page.status_line
        assert "Another rule is called “Close the done” too." in page.status_line

    def test_what_is_wrong_is_said_at_the_fields_and_nothing_typed_is_lost(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        page = press(amina.get(new), ADD + "Not modified")
        page = press(page, ADD + "Property")
        page = press(page, "Add an update")
        page = press(
            page,
            "Save as draft",
            name="x" * 127,
            case_type="patient",
            criteria__0__days="two months",
            criteria__1__property="9lives",
            criteria__1__value="typed",
            actions__0__property="case_id",
            actions__0__value="v",
        )
        assert page.status == 422
        assert page.title.startswith("Error: New rule")
        assert len(page.errors) == 4
        assert [line.split(":")[0] for line in page.errors[1:]] == [
            "Condition 1",
            "Condition 2",
            "Update 1",
        ]
        links = [e.get("href") for e in page.document.xpath("//*[@id='errors']//a")]
        assert links == ["#name", "#criteria-0-days", "#criteria-1-property", "#actions-0-property"]
        days = page.one("//input[@name='criteria-0-days']")
        assert days.get("aria-invalid") == "true"
        assert days.get("aria-describedby") == "criteria-0-days-error"
        kept = page.form("rule-form")
        assert kept.value("criteria-0-days") == "two months"
        assert kept.value("criteria-1-value") == "typed"
        assert kept.value("actions-0-property") == "case_id"
        assert kept.value("name") == "x" * 127
        assert rules_of(session, project) == []

    def test_a_rule_without_anything_lacks_all_of_it(self, amina: PageClient, new: str):
        page = press(amina.get(new), "Save as draft")
        assert page.status == 422
        links = {e.get("href") for e in page.document.xpath("//*[@id='errors']//a")}
        assert {"#name", "#case_type", "#criteria", "#actions"} <= links

    def test_a_list_without_a_value_is_asked_for_in_words_of_the_form(
        self, amina: PageClient, new: str
    ):
        page = press(amina.get(new), ADD + "Property")
        chosen = {"criteria__0__property": "village", "criteria__0__operator": "one_of"}
        said = {"name": "n", "case_type": "patient", "close": True}
        page = press(page, "Save as draft", **said, **chosen, criteria__0__values="\n")
        assert page.errors == ["Condition 1: Enter at least one value, one on each line."]

    def test_conditions_are_not_dropped_silently_when_every_case_is_chosen(
        self, amina: PageClient, new: str
    ):
        page = press(amina.get(new), ADD + "Parent closed")
        page = press(page, "Save as draft", name="n", case_type="t", match="every_case", close=True)
        assert page.status == 422
        assert "remove them" in page.text


class TestRows:
    def test_are_added_and_removed_without_losing_what_was_typed(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Property", name="Kept", case_type="patient")
        assert focused(page) == "criteria-0-property"
        page = press(page, ADD + "Date", criteria__0__property="village", criteria__0__value="A")
        assert page.status_line == "Condition 2 added"
        page = press(page, ADD + "Number", criteria__1__property="edd", criteria__1__days="60")
        page = press(page, "Add an update", criteria__2__property="muac")
        assert focused(page) == "actions-0-property"
        page = press(page, "Remove condition 2", actions__0__property="p")
        form = page.form("rule-form")
        assert form.value("name") == "Kept"
        assert form.value("criteria-0-value") == "A"
        assert form.value("criteria-1-property") == "muac"
        assert form.value("actions-0-property") == "p"
        assert "criteria-2-property" not in form.controls
        assert focused(page).startswith("and Condition 2 of 2")
        page = press(page, "Remove condition 2")
        page = press(page, "Remove condition 1")
        assert focused(page) == "Add a condition on"
        page = press(page, "Remove update 1")
        assert focused(page) == "actions"

    def test_are_moved_without_losing_what_was_typed(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Property", name="Kept", case_type="patient")
        page = press(page, ADD + "Date", criteria__0__property="village", criteria__0__value="A")
        page = press(page, ADD + "Number", criteria__1__property="edd", criteria__1__days="60")
        page = press(page, "Move up condition 3:", criteria__2__property="muac")
        assert page.status_line == "Moved: this is condition 2 of 3 now"
        assert focused(page) == "criteria-1-up", "so that it can be pressed again"
        page = press(page, "Move up condition 2:")
        assert focused(page) == "criteria-0-down", "the first has no way up"
        page = press(page, "Move down condition 2:")
        form = page.form("rule-form")
        assert [form.value(f"criteria-{n}-property") for n in range(3)] == [
            "muac",
            "edd",
            "village",
        ]
        assert (form.value("criteria-1-days"), form.value("criteria-2-value")) == ("60", "A")
        assert (form.value("criteria-2-kind"), form.value("name")) == ("property", "Kept")
        page = press(press(page, "Add an update"), "Add another update", actions__0__property="a")
        page = form.submit("Move down condition 1:", htmx=True)
        assert page.document.xpath("//body/*/@id") == ["conditions"]
        assert page.events["announce"] == "Moved: this is condition 2 of 3 now"
        assert "rows" in page.headers["HX-Trigger-After-Settle"]

    def test_have_legends_of_their_own_that_say_what_they_mean(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Not modified")
        page = press(page, ADD + "Date", criteria__0__days="365")
        page = press(
            page,
            "Add an update",
            criteria__1__property="edd",
            criteria__1__operator="after",
            criteria__1__days="60",
        )
        first, second, third = legends(page)
        assert first.startswith("Condition 1 of 2: ") and "365" in first
        assert second.startswith("and Condition 2 of 2: ") and "edd" in second and "60" in second
        assert third == "Update 1 of 1: not complete yet"

    def test_are_joined_by_and_or_or_as_chosen(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Property")
        page = press(page, ADD + "Property", match="any")
        assert [e.text for e in page.document.xpath("//*[@class='and']")] == ["or"]
        page = press(page, "Show what the rule would do", match="all")
        assert [e.text for e in page.document.xpath("//*[@class='and']")] == ["and"]

    def test_come_alone_to_htmx_and_are_announced(self, amina: PageClient, new: str):
        form = amina.get(new).form("rule-form")
        page = form.submit(ADD + "Date", htmx=True)
        assert page.document.xpath("//body/*/@id") == ["conditions"]
        assert page.events["announce"] == "Condition 1 added"
        assert "rows" in page.headers["HX-Trigger-After-Settle"]
        page = form.submit("Add an update", htmx=True)
        assert page.document.xpath("//body/*/@id") == ["updates"]
        assert page.events["announce"] == "Update 1 added"

    def test_of_many_those_that_are_complete_stand_closed_and_lose_nothing(
        self, session: Session, project: Project, amina: PageClient
    ):
        criteria = [
            {"kind": "property", "property": "p", "operator": "one_of", "values": ["A\tB", " C"]},
            {"kind": "date", "property": "edd", "operator": "before", "days": -7},
            *({"kind": "not_modified_since", "days": n} for n in range(38)),
        ]
        rule = make_rule(project, criteria=criteria, name="n" * 126)
        url = f"/a/{project.name}/rules/{rule.rule_id}/edit"
        page = amina.get(url)
        assert len(legends(page)) == 41
        assert legends(page)[1].endswith("today is before the date in edd minus 7 days")
        assert not page.document.xpath("//*[@id='criteria']//input[not(@type='hidden')]")
        assert "Nothing was different" in press(page, "Save").follow().status_line

        page = press(page, "Edit condition 2:")
        assert focused(page) == "criteria-1-operator"
        page = press(page, "Edit condition 3:", criteria__1__days="8")
        assert focused(page) == "criteria-2-days"
        assert legends(page)[1].endswith("today is before the date in edd minus 8 days")
        page = press(page, "Remove condition 40:", criteria__2__days="")
        assert page.form("rule-form").value("criteria-2-days") == "", "what lacks something is open"
        page = press(page, "Save", criteria__2__days="soon")
        assert page.status == 422
        page = press(page, "Save", criteria__2__days="500").follow()
        assert page.h1 == "n" * 126
        assert saved(session, project)["criteria"] == [
            criteria[0],
            criteria[1] | {"days": -8},
            criteria[2] | {"days": 500},
            *criteria[3:39],
        ]

    def test_a_closed_one_is_opened_by_htmx_alone(
        self, session: Session, project: Project, amina: PageClient
    ):
        actions = [{"kind": "set", "property": f"p{n}", "value": f"v{n}"} for n in range(9)]
        rule = make_rule(project, actions=actions)
        form = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit").form("rule-form")
        page = form.submit("Edit update 9:", htmx=True)
        assert page.document.xpath("//body/*/@id") == ["updates"]
        assert focused(page) == "actions-8-property"
        assert page.one("//*[@id='actions-8-value']").get("value") == "v8"
        assert page.headers["HX-Trigger-After-Settle"] == '{"opened": null}', "nothing changed"


class TestWhenItRuns:
    def test_each_schedule_and_brake_is_saved_and_shown_again(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        said = {"name": "n", "case_type": "patient", "match": "every_case", "close": True}
        page = press(amina.get(new), "Save as draft", **said).follow()
        assert saved_parts(session, project) == ({"every": "day"}, "none of its own")
        assert "every day" in page.text and "as in the project's settings" in page.text
        page = press(
            page.click("Edit"),
            "Save",
            every="On chosen days of the week",
            on=["mon", "fri"],
            brake="Stricter for this rule",
            brake_cases="10",
            brake_percent="5",
        ).follow()
        assert saved_parts(session, project) == (
            {"every": "week", "on": ["mon", "fri"]},
            {"cases": 10, "percent": 5},
        )
        assert "every week on Monday, Friday" in page.text
        again = page.click("Edit")
        assert "Nothing was different" in press(again, "Save").follow().status_line
        page = press(again, "Save", every="month", day="28", brake="none").follow()
        assert saved_parts(session, project) == ({"every": "month", "day": 28}, None)
        page = press(page.click("Edit"), "Save", every="hand", brake="project").follow()
        assert saved_parts(session, project) == ({"every": "hand"}, "none of its own")
        assert "only by hand" in page.text

    def test_what_is_wrong_is_said_at_the_fields_and_not_in_the_preview(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1")
        said = {"name": "n", "case_type": "patient", "match": "every_case", "close": True}
        wrong = {"every": "month", "day": "31", "brake": "own", "brake_cases": "many"}
        page = press(amina.get(new), "Save as draft", **said, **wrong)
        links = [e.get("href") for e in page.document.xpath("//*[@id='errors']//a")]
        assert links == ["#day", "#brake_cases", "#brake_percent"]
        assert [line.split(":")[0] for line in page.errors] == [
            "Day of the month",
            "Brake, cases",
            "Brake, share",
        ]
        assert page.form("rule-form").value("brake_cases") == "many"
        page = press(page, "Count now")
        assert "1 case would change" in page.text
        page = press(page, "Save as draft", every="week")
        assert page.document.xpath("//*[@id='errors']//a/@href")[0] == "#on-0"
        assert page.errors[0] == "Days of the week: Choose at least one day of the week."

    def test_what_the_rows_do_leaves_it_alone(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Date", every="week", on=["sun"], brake="none")
        form = page.form("rule-form")
        assert (form.value("every"), form.value("on"), form.value("brake")) == (
            "week",
            ["sun"],
            "none",
        )


def saved_parts(session: Session, project: Project) -> tuple[object, object]:
    (rule,) = rules_of(session, project)
    stored = version_of(session, rule, rule.version).definition
    return stored["schedule"], stored.get("brake", "none of its own")


class TestThePreview:
    def test_says_when_limit_and_brake_would_bite(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        for number in range(3):
            patient(session, project, f"p-{number}")
        said = {"name": "n", "case_type": "patient", "match": "every_case", "close": True}
        own = {"brake": "own", "brake_cases": "2", "brake_percent": "10"}
        assert "This is over" not in press(amina.get(new), "Count now", **said).text
        page = press(amina.get(new), "Count now", **said, **own)
        assert "over the brake: more than 2 cases and more than 10 %" in page.text
        with write_transaction() as writing:
            there = writing.get_one(Project, project.id)
            set_project(writing, there, {"daily_limit": 2}, by=factories.actor())
        page = press(page, "Save and switch on…").follow()
        assert page.h1 == "Switch on “n”?"
        assert "it needs 3 automatic updates, and of 2 a day 2 are left today" in page.text
        assert "over the brake" in page.text

    def test_needs_no_name_to_count(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1")
        said = {"case_type": "patient", "match": "every_case", "close": True}
        page = press(amina.get(new), "Count now", **said)
        assert "1 case would change" in page.text
        assert "Enter a name" in press(page, "Save as draft").errors[0]

    def test_counts_and_shows_the_first_cases(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1", status="done")
        patient(session, project, "p-2", status="new")
        page = press(amina.get(new), ADD + "Property")
        page = press(
            page,
            "Count now",
            name="n",
            case_type="patient",
            criteria__0__property="status",
            criteria__0__value="done",
            close=True,
        )
        assert "1 case would change" in page.text
        assert page.rows("Open cases left after each condition")[0][1] == "2"
        assert page.rows("Open cases left after each condition")[1][1] == "1"
        assert page.rows("The first cases, before and after") == [
            ["p-1 (opens in a new tab)", "State: open becomes closed"]
        ]

    def test_says_what_is_missing_without_calling_it_an_error(self, amina: PageClient, new: str):
        page = press(amina.get(new), ADD + "Not modified")
        page = press(page, "Count now", name="n", case_type="patient", close=True)
        assert page.status == 200
        assert "Not complete yet:" in page.text and "Condition 1:" in page.text
        assert not page.document.xpath("//*[@aria-invalid]")

    def test_what_cannot_be_read_for_one_condition_may_match_by_another(
        self, session: Session, project: Project, amina: PageClient
    ):
        patient(session, project, "p-1", v="-3.5")
        criteria = [
            {"kind": "date", "property": "v", "operator": "after", "days": 0},
            {"kind": "number", "property": "v", "operator": "less_than", "value": "5"},
        ]
        for match in ("any", "all"):
            rule = make_rule(project, match=match, criteria=criteria)
            page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/preview")
            assert ("it does not match by this condition." in page.text) == (match == "any")
            assert ("it does not match." in page.text) == (match == "all")

    def test_says_of_how_many_cases_a_rule_without_a_condition_would_be(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        for number in range(3):
            patient(session, project, f"p-{number}")
        page = press(amina.get(new), "Count now", case_type="patient", close=True)
        assert "would be for all 3 open cases of type patient." in page.text
        assert "Add at least one condition" in page.text
        page = press(page, "Save and switch on…", name="n")
        assert page.status == 422 and "Add at least one condition" in page.errors[0]

    def test_days_that_are_not_typed_are_not_counted_as_none(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1", edd="2020-01-31")
        page = press(amina.get(new), ADD + "Date")
        typed: dict[str, Any] = {"name": "n", "case_type": "patient", "close": True}
        typed |= {"criteria__0__property": "edd", "criteria__0__operator": "after"}
        page = press(page, "Count now", **typed)
        assert "Condition 1: Enter a number of days, like 60." in page.text
        assert "case would change" not in page.text
        assert legends(page) == ["Condition 1 of 1: Date, not complete yet"]
        assert "1 case would change" in press(page, "Count now", criteria__0__days="0").text
        page = press(page, "Count now", criteria__0__sign="minus", criteria__0__days="-7")
        assert "Condition 1: Write the days without a sign: choose plus or minus." in page.text
        page = press(page, "Save as draft", criteria__0__days="+7")
        assert page.errors == ["Condition 1: Write the days without a sign: choose plus or minus."]
        page = press(page, "Save as draft", criteria__0__days="7").follow()
        assert saved(session, project)["criteria"][0]["days"] == -7

    def test_comes_alone_to_htmx_with_the_words_of_the_rows(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        page = press(amina.get(new), ADD + "Not modified")
        answer = page.form("rule-form").submit(
            "Count now",
            htmx=True,
            fill={"name": "n", "case_type": "patient", "criteria-0-days": "9", "close": True},
        )
        assert answer.one("//*[@id='preview']") is not None
        words = "There is no open case of this type."
        assert answer.events["counted"] == {"words": words, "asked": True}
        assert "9" in answer.one("//*[@id='criteria-0-words']").text
        assert answer.one("//*[@id='criteria-0-words']").get("hx-swap-oob") == "innerHTML"

    def test_warns(self, project: Project, amina: PageClient, new: str):
        page = press(
            amina.get(new),
            "Count now",
            name="n",
            case_type="nobody",
            match="every_case",
            close=True,
        )
        assert "No form has used the case type “nobody” yet." in page.text


class TestAsOfAndOneCase:
    """What a rule does is tried out before it is saved: on another day, and on one case."""

    def test_the_preview_looks_as_of_a_day_that_the_rows_keep(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1", edd="2031-01-31")
        page = press(amina.get(new), ADD + "Date", as_of="31.1.2031")
        typed: dict[str, Any] = {"name": "n", "case_type": "patient", "close": True}
        typed |= {"criteria__0__property": "edd", "criteria__0__operator": "after"}
        typed |= {"criteria__0__days": "0"}
        page = press(page, "Count now", **typed)
        assert page.errors == [
            "As of: Enter a date like 2026-01-31, or an instant like 2026-01-31T18:00:00Z."
        ]
        assert page.one("//*[@id='as_of']").get("aria-invalid") == "true"
        alone = page.form("rule-form").submit("Count now", htmx=True)
        assert "Enter a date like" in alone.one("//*[@id='as_of-said']").text_content()
        page = press(page, "Count now", as_of="2031-01-31")
        assert "No case matches" in page.text or "0 cases would change" in page.text
        page = press(press(page, ADD + "Property", as_of="2031-02-01"), "Remove condition 2")
        page = press(page, "Count now")
        assert "1 case would change" in page.text and "as of" in page.text
        page = press(page, "Save as draft").follow()
        assert "as_of" not in saved(session, project)

    def test_one_case_is_found_by_a_part_of_its_name_and_explained(
        self, session: Session, project: Project, amina: PageClient, new: str
    ):
        patient(session, project, "p-1", case_name="Ana Mora", status="done")
        patient(session, project, "p-2", case_name="Ana Diaz", status="new")
        page = press(amina.get(new), ADD + "Property", case_type="patient")
        page = press(page, "Check", case="nobody")
        assert "No case of type “patient” has this in its name" in page.errors[0]
        page = press(page, "Check", case="ana")
        assert "Which of these?" in page.text
        page = press(page, "Ana Mora p-1")
        assert "This cannot be checked yet: " in page.text
        assert "Condition 1:" in page.one("//*[@id='verdict']").text_content()
        said = {"criteria__0__property": "status", "criteria__0__value": "done"}
        page = press(page, "Check", case="p-1", **said)
        assert "The rule matches “Ana Mora”" in page.text
        assert "the rule has no action yet" in page.text
        assert page.rows("Each condition, what was found and what it was compared with") == [
            ["status is “done”", "done", "done", "true"]
        ]
        # It follows what is changed after.
        form = press(page, "Add an update").form("rule-form")
        answer = form.submit(
            "Count now",
            htmx=True,
            fill={"criteria-0-value": "gone", "actions-0-property": "p", "actions-0-value": "v"},
        )
        verdict = answer.one("//*[@id='verdict']")
        assert verdict.get("hx-swap-oob") == "true"
        assert "The rule does not match “Ana Mora”" in verdict.text_content()
        answer = form.submit("Check", htmx=True, fill={"case": "diaz"})
        assert answer.document.xpath("//body/*/@id") == ["check"]
        assert answer.events["announce"] == "The rule does not match “Ana Diaz”"


class TestEditing:
    def test_makes_a_version_only_if_something_changed(
        self, session: Session, project: Project, amina: PageClient
    ):
        rule = make_rule(project)
        url = f"/a/{project.name}/rules/{rule.rule_id}/edit"
        page = amina.get(url)
        assert page.h1 == "Edit “Close the done”"
        same = press(page, "Save").follow()
        assert "Nothing was different" in same.status_line
        page = press(amina.get(url), "Save and switch on…", name="Close them").follow()
        assert "The rule is saved as version 2. It is not on yet" in page.status_line
        page.form("Switch on").submit()
        session.refresh(rule)
        assert (rule.version, rule.name, rule.state) == (2, "Close them", RuleState.ACTIVE)
        page = press(amina.get(url), "Save and switch off").follow()
        assert "It is off." in page.status_line

    def test_the_second_of_two_people_is_told_and_loses_nothing(
        self, session: Session, project: Project, amina: PageClient
    ):
        rule = make_rule(project)
        page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
        with write_transaction():
            data = rule_from_json(CLOSE_DONE | {"name": "Theirs"})
            edit_rule(session, project.id, rule.rule_id, data, by=factories.actor(), based_on=1)
        form = page.form("rule-form")
        told = form.submit("Save", fill={"name": "Mine"}, status=409)
        assert "was changed by tester" in told.text
        assert told.form("rule-form").value("name") == "Mine"
        assert told.errors == [
            "Name: “Close the done” became “Theirs”.",
            "Name: “Theirs” became “Mine”.",
        ]
        kept = told.form("rule-form").submit("Keep mine as a new draft").follow()
        assert kept.h1 == "Mine"
        over = told.form("rule-form").submit("Save mine as the next version").follow()
        assert "version 3" in over.status_line
        states = {(one.name, one.version, one.state) for one in rules_of(session, project)}
        assert states == {("Mine", 1, RuleState.DRAFT), ("Mine", 3, RuleState.INACTIVE)}

    def test_of_a_rule_that_was_deleted_meanwhile_nothing_typed_is_lost(
        self, session: Session, project: Project, amina: PageClient
    ):
        rule = make_rule(project)
        page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
        with write_transaction():
            delete_rule(session, project.id, rule.rule_id, by=factories.actor())
        counted = press(page, "Count now", name="Mine")
        assert counted.form("rule-form").value("name") == "Mine"
        told = page.form("rule-form").submit("Save", fill={"name": "Mine"}, status=409)
        assert "“Close the done” was deleted by tester" in told.text
        assert told.click("Open the deleted rule").h1 == "Close the done"
        kept = told.form("rule-form").submit("Save as draft").follow()
        assert kept.h1 == "Mine"
        assert [one.version for one in rules_of(session, project)] == [1, 1]

    def test_of_a_rule_that_was_switched_on_meanwhile_is_said_so_first(
        self, session: Session, project: Project, amina: PageClient
    ):
        rule = make_rule(project)
        page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
        with write_transaction():
            by = factories.actor()
            set_state(session, project.id, rule.rule_id, RuleState.ACTIVE, by=by)
        told = page.form("rule-form").submit("Save", fill={"name": "Mine"}, status=409)
        assert "“Close the done” was switched on while you were at it" in told.text
        assert [one.version for one in rules_of(session, project)] == [1]
        saved_now = told.form("rule-form").submit("Save").follow()
        assert saved_now.h1 == "Mine"

    def test_a_value_that_no_field_can_hold_is_not_mangled(
        self, project: Project, amina: PageClient
    ):
        values = ["one\ntwo", "three"]
        criteria = [{"kind": "property", "property": "p", "operator": "one_of", "values": values}]
        rule = make_rule(project, criteria=criteria)
        page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit", status=409)
        assert "API" in page.text

    def test_a_file_may_close_before_it_writes(
        self, session: Session, project: Project, amina: PageClient
    ):
        writes = {"kind": "set", "property": "parent/seen", "value": "yes"}
        rule = make_rule(project, actions=[{"kind": "close"}, writes])
        page = amina.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")
        page.form("rule-form").submit("Save", fill={"name": "Mine"}).follow()
        (saved,) = rules_of(session, project)
        assert definition_of(session, saved).actions == (sets("parent/seen", "yes"), CLOSES)


def test_properties_of_the_type_are_offered(
    session: Session, project: Project, amina: PageClient, new: str
):
    patient(session, project, "p-1", muac="11", village="A")
    page = press(amina.get(new), ADD + "Property", case_type="patient")
    names = page.document.xpath("//datalist[@id='property-names']/option/@value")
    assert names[:3] == ["muac", "village", "name"]
    assert page.one("//*[@id='criteria-0-property']").get("list") == "property-names"
    follows = page.one("//datalist[@id='property-names']").get("hx-post")
    answer = post(amina, follows, 200, case_type="nobody")
    assert "muac" not in answer.html


def test_an_example_fills_the_form(project: Project, amina: PageClient, new: str):
    page = amina.get(new + "?example=untouched")
    form = page.form("rule-form")
    assert form.value("criteria-0-days") == "180"
    assert form.value("close") == ["y"]
    assert amina.get(new + "?example=nonsense").h1 == "New rule"


HOSTILE: list[dict[str, Any]] = [
    {},
    {"criteria-²-kind": "property", "criteria-" + "9" * 5000 + "-kind": "date"},
    {"criteria-0-kind": "weather", "criteria-0-operator": "DROP TABLE"},
    {"criteria-0-kind": "not_modified_since", "criteria-0-days": "9" * 400},
    {"criteria-0-kind": "date", "criteria-0-days": "٣", "criteria-0-sign": "times"},
    {"criteria-0-kind": "property", "criteria-0-property": "a/b/c", "match": "some"},
    {"name": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "close": "y"},
    {"name": "\x01", "case_type": "\x7f", "actions-0-how": "eval"},
    {"based_on": "-1", "rule_id": "", "state": "deleted", "over": "x" * 300},
    {"add": "everything"},
    {"remove": "criteria-99999999"},
    {"remove": "name"},
    {"up": "criteria-99999999"},
    {"criteria-0-kind": "date", "down": "criteria-0"},
    {"up": "actions-²"},
    {"checked": "a b", "as_of": "9" * 400, "chosen": "nobody", "case": "x" * 300},
    {"every": "never", "brake": "x", "on": "someday", "day": "²"},
    {f"criteria-{n}-kind": "parent_closed" for n in range(200)},
    {f"actions-{n}-property": "p" for n in range(200)},
]


@pytest.mark.parametrize("where", ["new", "rows", "preview", "check", "edit"])
def test_hostile_input_is_never_a_fault_of_ours(
    session: Session, project: Project, amina: PageClient, where: str
):
    path = where
    if where == "edit":
        path = f"{make_rule(project).rule_id}/edit"
    any_page = amina.client.get("/no-such-page").get_data(as_text=True)
    token = any_page.split('name="csrf_token" value="')[1].split('"')[0]
    for number, sent in enumerate(HOSTILE):
        answer = amina.client.post(
            f"/a/{project.name}/rules/{path}", data={"csrf_token": token, **sent}
        )
        assert answer.status_code in {200, 409, 422}, (number, answer.text[:500])


def test_the_form_of_another_projects_rule_is_not_there(project: Project, amina: PageClient):
    theirs = make_rule(factories.project())
    for path in ("edit", ""):
        amina.get(f"/a/{project.name}/rules/{theirs.rule_id}/{path}", status=404)
    post(amina, f"/a/{project.name}/rules/{theirs.rule_id}/edit", 404, name="x")
    post(amina, f"/a/{project.name}/rules/rows", 404, rule_id=theirs.rule_id)
