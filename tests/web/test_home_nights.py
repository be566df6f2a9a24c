"""What home says of the nights: ten seconds for a person in the morning (SPEC U1)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.history.statements import counted
from tests.rules.nights import (
    NIGHT,
    NOON,
    careful_project,
    held_run,
    night_at,
    project_at,
    rule_at,
    tick_at,
    work_at,
)
from tests.rules.running import changes
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.clock import DAY, HOUR, MINUTE, Micros, pretend
from webapp.projects.models import Project
from webapp.rules.last_night import DayOfNights
from webapp.rules.models import RuleState
from webapp.web import home_nights
from webapp.web.night_chart import HEIGHT, bars_of

RULES = "Rules that were due, in the order in which they ran"
NIGHTS = "Cases changed each night, newest first"


@pytest.fixture
def careful(session: Session) -> Project:
    return careful_project(session)


def viewer(app: Flask, project: Project) -> PageClient:
    """Looking is all that it takes."""
    return signed_in(app, factories.web_user(project, "viewer"))


def home_at(moment: Micros, client: PageClient, project: Project) -> Page:
    with pretend(moment):
        return client.get(f"/a/{project.name}/")


def night_stats(page: Page) -> dict[str, str]:
    section = page.one("//section[@aria-labelledby='s-night']")
    texts = [" ".join(e.text_content().split()) for e in section.xpath(".//dt | .//dd")]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def test_the_morning_after(app: Flask, session: Session, careful: Project):
    with pretend(NOON):
        open_case(session, careful.id, "h", case_type="household", long="x" * 300)
        open_case(session, careful.id, "i", case_type="household", long="fits")
    held = held_run(session, careful)  # alone in a first night
    with pretend(NIGHT + HOUR):
        copy = [{"kind": "copy", "property": "external_id", "from": "long"}]
        rule_at(NIGHT + HOUR, careful, name="looks", state=RuleState.WATCHING)
        rule_at(
            NIGHT + HOUR, careful, name="copies", case_type="household", match="every_case",
            criteria=[], actions=copy,
        )  # fmt: skip
    again, looked, copied = night_at(NIGHT + DAY, session, careful)
    client = viewer(app, careful)
    page = home_at(NIGHT + DAY + 8 * HOUR, client, careful)
    assert "Next run: 13 Mar 2026 00:00 UTC, 3 rules" in page.text
    assert "Needs a person 2" in page.text
    needs = [
        " ".join(e.text_content().split())
        for e in page.document.xpath("//section[@aria-labelledby='s-needs']//li")
    ]
    assert needs[0].startswith(
        "Waits for you Tidy would change 6 of 10 open cases (60 %). Nothing was written."
    )
    assert needs[1].startswith("Finished with errors copies could not change 1 case")
    assert night_stats(page) == {
        "Rules due": "3",
        "Finished": "2",
        "Cases changed": "1",
        "Errors": "1",
        "Automatic updates today": "1 of 10,000",
    }
    rows = page.rows(RULES)
    assert rows[0][:2] == ["Tidy patient", "Waits for youwould change 6"]
    assert rows[1][1] == "Only lookedwould change 6" and rows[1][4].startswith("–")
    assert rows[2][3:] == ["2", f"1 (forms of run {copied.id})", f"1 (errors of run {copied.id})"]
    assert page.rows(NIGHTS) == [["12 Mar", "1", "2 of 3"], ["11 Mar", "0", "0 of 1"]]
    assert page.click("Review").h1 == f"Run {again.id}: Tidy"
    assert page.click(f"1 (errors of run {copied.id})").h1.startswith("Cases that run")
    assert len(page.click("All runs of this night").rows("Runs, newest first")) == 3
    assert held.id < looked.id


def test_a_night_that_was_made_up_says_so(app: Flask, session: Session):
    project = project_at(NOON)
    with pretend(NOON):
        open_case(session, project.id, "c", status="stale")
    rule_at(NOON, project)
    night_at(NIGHT, session, project)
    night_at(NIGHT + DAY + 7 * HOUR, session, project)
    page = home_at(NIGHT + DAY + 8 * HOUR, viewer(app, project), project)
    assert "Due on 12 Mar 2026 00:00 UTC, when the server was not running" in page.text
    assert page.rows(NIGHTS)[0][0] == "12 Mar* made up later"
    assert "* The server was not running when that night was due" in page.text


def test_a_rule_that_did_not_run_and_work_that_nobody_does(app: Flask, session: Session):
    project = project_at(NOON)
    with pretend(NOON):
        open_case(session, project.id, "c", status="stale")
    rule_at(NOON, project)
    client = viewer(app, project)
    page = home_at(NIGHT + 10 * MINUTE, client, project)
    assert "“Tidy” was due on 11 Mar 2026 00:00 UTC and has not begun." in page.text
    tick_at(NIGHT + 10 * MINUTE, project)
    page = home_at(NIGHT + 11 * MINUTE, client, project)
    assert "Needs a person" not in page.text and "1 rule is still to come." in page.text
    page = home_at(NIGHT + HOUR, client, project)
    assert "Runs have waited since 11 Mar 2026 00:10 UTC" in page.text
    work_at(NIGHT + HOUR, session, project)
    assert "Needs a person" not in home_at(NIGHT + HOUR, client, project).text


def test_before_the_first_night_and_without_rules(app: Flask, session: Session):
    project = project_at(NOON)
    with pretend(NOON):
        open_case(session, project.id, "c", status="stale")
    client = viewer(app, project)
    assert "No rule runs by itself yet." in home_at(NOON + HOUR, client, project).text
    rule_at(NOON, project)
    page = home_at(NOON + HOUR, client, project)
    assert "What your rules did stands here from 11 Mar 2026 00:00 UTC on." in page.text
    assert page.click("Automatic updates").h1 == "Automatic updates"


def test_forms_that_came_while_the_clock_was_wrong(app: Flask, session: Session):
    project = project_at(NOON)
    with pretend(NOON + 3650 * DAY):
        open_case(session, project.id, "c0")
    page = home_at(NOON, viewer(app, project), project)
    assert "Clock was wrong" in page.text
    assert "the last of them is marked 7 Mar 2036 12:00 UTC, which is still to come" in page.text


def test_many_rules_and_long_ago(
    app: Flask, session: Session, careful: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(home_nights, "SHOWN_RUNS", 2)
    for number in range(3):
        rule_at(NOON, careful, name=f"nothing {number}", case_type="other")
    held_run(session, careful)
    client = viewer(app, careful)
    with counted(app) as statements:
        page = home_at(NIGHT + 3 * DAY, client, careful)
    assert len(statements) <= 23, statements
    assert [row[0] for row in page.rows(RULES)] == ["nothing 0 other", "Tidy patient"]
    assert "2 of 4 rules are shown" in page.text
    assert "The last night, 11 Mar 2026" in page.text
    assert not page.document.xpath("//table[caption[contains(., 'each night')]]")


def test_the_list_of_rules_says_what_the_night_came_to(
    app: Flask, session: Session, careful: Project
):
    client = viewer(app, careful)
    url = f"/a/{careful.name}/rules/"
    assert "Last night" not in client.get(url).text
    rule_at(NOON, careful, name="other", case_type="other")
    run = held_run(session, careful)
    with pretend(NIGHT + 8 * HOUR):
        page = client.get(url)
        assert "Last night: 1 of 2 rules finished · 1 waits for you" in page.text
        assert page.click("Review Tidy").h1 == f"Run {run.id}: Tidy"
    assert "The last night, 11 Mar 2026: 1 of 2" in client.get(url).text


def night(day: int, changed: int) -> DayOfNights:
    return DayOfNights(f"2026-03-{day:02}", 1, 1, changed, made_up=False)


@pytest.mark.parametrize("nights", [[], [night(3, 5)]])
def test_one_night_makes_no_chart(nights: list[DayOfNights]):
    assert bars_of(nights) == []


def test_a_bar_for_each_day(app: Flask):
    bars = bars_of([night(1, 10), night(2, 0), night(4, 10_000)])
    assert [bar.day.day for bar in bars] == [1, 2, 3, 4]
    assert [bar.height for bar in bars] == [2, 0, 0, HEIGHT]
    assert [bar.last for bar in bars] == [False, False, False, True]
    assert bars[2].night is None
    assert all(bar.x + bar.width <= 100 for bar in bars)
    assert max(bar.height for bar in bars_of([night(1, 0), night(2, 0)])) == 0


def test_the_bars_say_what_the_table_says(app: Flask, session: Session):
    project = project_at(NOON)
    with pretend(NOON):
        for number in range(3):
            open_case(session, project.id, f"c{number}", status="stale" if number else "")
    rule_at(NOON, project)
    night_at(NIGHT, session, project)
    with pretend(NIGHT + HOUR):
        changes(session, project, "c0", status="stale")
    night_at(NIGHT + 2 * DAY, session, project)
    page = home_at(NIGHT + 2 * DAY + HOUR, viewer(app, project), project)
    figures = re.findall(r'<text class="d-none[^>]*>([^<]*)<', page.html)
    assert figures == ["2", "–", "1"]
    assert [row[1][:1] for row in page.rows(NIGHTS)] == figures[::-1]
