"""The run history of a project (SPEC U2)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.history.statements import counted
from tests.rules.nights import NIGHT, NOON, careful_project, night_at, project_at, rule_at
from tests.web.pages import PageClient
from tests.web.rule_pages import finished_run, make_rule, patient, queued_run
from tests.web.signing_in import signed_in
from webapp.clock import DAY, HOUR, from_datetime, pretend
from webapp.projects.models import Project

TABLE = "Runs, newest first"


@pytest.fixture
def viktor(app: Flask, project: Project) -> PageClient:
    """Viktor may only look."""
    return signed_in(app, factories.web_user(project, role="viewer"))


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/runs/"


def test_is_empty_in_words(viktor: PageClient, url: str):
    page = viktor.get(url)
    assert "No run yet" in page.text
    assert page.click("Automatic updates").h1 == "Automatic updates"


def test_says_what_came_of_each_run(
    session: Session, project: Project, viktor: PageClient, url: str
):
    patient(session, project, "p-1", status="done")
    rule = make_rule(project)
    done = finished_run(project, rule)
    waiting = queued_run(project, rule)
    page = viktor.get(url)
    second, first = page.rows(TABLE)
    assert first[:2] == [f"Run {done.id}: Close the done version 1", "Finished"]
    assert first[3:] == ["by hand, tester", "1", f"1 (forms of run {done.id})", "0"]
    assert second[1] == "Waiting"
    assert page.click(f"Run {waiting.id}").h1 == f"Run {waiting.id}: Close the done"


def test_goes_by_pages_and_by_rule(
    app: Flask, session: Session, project: Project, viktor: PageClient, url: str
):
    rule, other = make_rule(project), make_rule(project, name="Other")
    finished_run(project, other)
    with counted(app) as few:
        viktor.get(url)
    for _ in range(27):
        queued_run(project, rule)
    with counted(app) as many:
        page = viktor.get(url)
    assert len(many) == len(few) + 1  # they are counted
    rows = page.rows(TABLE)
    assert len(rows) == 25
    older = page.click("Older")
    assert len(older.rows(TABLE)) == 3
    assert older.click("Newer").rows(TABLE) == rows
    mine = viktor.get(f"{url}?rule={other.rule_id}")
    assert "Rule: Other" in mine.text and "1 run" in mine.text
    assert len(mine.rows(TABLE)) == 1
    assert mine.click("Open the rule").h1 == "Other"


class TestFilters:
    def test_by_state_rule_and_how_it_was_started(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        patient(session, project, "p-1", status="done")
        rule, other = make_rule(project), make_rule(project, name="Other")
        done, waiting = finished_run(project, rule), queued_run(project, other)
        page = viktor.get(url).form("Filters").submit(state="Waiting or running").follow()
        assert page.url == f"{url}?state=works"
        assert [row[0].split(":")[0] for row in page.rows(TABLE)] == [f"Run {waiting.id}"]
        page = page.form("Filters").submit(
            state="Finished", rule="Close the done", trigger="By hand"
        )
        assert page.location == f"{url}?rule={rule.rule_id}&state=finished&trigger=person"
        page = page.follow()
        assert [row[0].split(":")[0] for row in page.rows(TABLE)] == [f"Run {done.id}"]
        page = page.click("Remove filter Rule: Close the done")
        assert page.url == f"{url}?state=finished&trigger=person"
        page = page.form("Filters").submit(state="Waits for you").follow()
        assert "No run fits these filters" in page.text
        assert "2 runs" in page.click("Clear all filters").text

    def test_by_days_of_the_project(
        self, session: Session, project: Project, viktor: PageClient, url: str
    ):
        rule = make_rule(project)
        day = from_datetime(datetime(2026, 3, 10, tzinfo=UTC))
        for moment in (day - 1, day, day + DAY - 1, day + DAY):
            with pretend(moment):
                queued_run(project, rule)
        page = viktor.get(f"{url}?to=2026-03-10&from=2026-03-10").follow()
        assert page.url == f"{url}?from=2026-03-10&to=2026-03-10"
        assert "2 runs" in page.text and "Queued: 10 Mar 2026" in page.text

    def test_htmx_gets_the_results_and_their_address(
        self, project: Project, viktor: PageClient, url: str
    ):
        finished_run(project, make_rule(project))
        page = viktor.get(f"{url}?trigger=&state=finished&rule=", htmx=True)
        assert page.headers["HX-Push-Url"] == f"{url}?state=finished"
        assert page.events == {"announce": "1 run"}

    def test_what_cannot_be_read_is_said_and_kept(
        self, project: Project, viktor: PageClient, url: str
    ):
        finished_run(project, make_rule(project))
        page = viktor.get(f"{url}?from=2026-02-30&state=x&trigger=y", status=422)
        assert len(page.errors) == 3 and "2026-02-30" in page.html
        page = viktor.get(f"{url}?from=2026-02-03&to=2026-02-01", htmx=True, status=422)
        assert page.headers["HX-Retarget"] == "#screen"
        assert "The last day is before the first" in page.text


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (0, "by its schedule, for 11 Mar 2026 00:00 UTC"),
        (HOUR, "made up for the slot of 11 Mar 2026 00:00 UTC, when the server was not running"),
    ],
)
def test_a_scheduled_run_says_its_slot(session: Session, app: Flask, late: int, words: str):
    project = careful_project(session)
    rule_at(NOON, project)
    (run,) = night_at(NIGHT + late, session, project)
    viktor = signed_in(app, factories.web_user(project, role="viewer"))
    assert words in viktor.get(f"/a/{project.name}/runs/{run.id}/").text
    (row,) = viktor.get(f"/a/{project.name}/runs/").rows(TABLE)
    assert row[3] == ("made up for 11 Mar 2026" if late else "by its schedule")


def test_one_that_the_limit_stopped_says_what_is_left_and_when_it_goes_on(
    session: Session, app: Flask
):
    project = project_at(NOON, daily_limit=4)
    with pretend(NOON):
        for number in range(6):
            open_case(session, project.id, f"c{number}", status="stale")
    rule_at(NOON, project)
    (run,) = night_at(NIGHT, session, project)
    amina = signed_in(app, factories.web_user(project, role="editor"))
    with pretend(NIGHT + HOUR):
        page = amina.get(f"/a/{project.name}/runs/{run.id}/")
    assert "The limit of 4 automatic updates a day is reached." in page.text
    assert "2 cases are left." in page.text
    assert "It can write again from 12 Mar 2026 00:00 UTC on." in page.text
    assert "Its rule runs next on 12 Mar 2026 00:00 UTC" in page.text


def test_hostile_addresses_are_refused(project: Project, viktor: PageClient, url: str):
    viktor.get(url + "?before=x", status=422)
    viktor.get(url + "?after=1.2&before=1.2", status=422)
    viktor.get(url + "?rule=x", status=422)
    for number in ("0", str(2**40), str(2**70)):
        viktor.get(f"{url}{number}/", status=404)


def test_other_projects_see_nothing(app: Flask, project: Project, url: str):
    run = finished_run(project, make_rule(project))
    other = factories.project()
    stranger = signed_in(app, factories.web_user(other, role="admin"))
    stranger.get(f"{url}{run.id}/", status=404)
    stranger.get(f"/a/{other.name}/runs/{run.id}/", status=404)
    assert "No run yet" in stranger.get(f"/a/{other.name}/runs/").text
