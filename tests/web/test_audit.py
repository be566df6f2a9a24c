"""The audit log as a project's admin reads it (SPEC X3)."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.web.pages import PageClient
from tests.web.rule_pages import make_rule
from tests.web.signing_in import signed_in
from webapp.audit.actor import Actor
from webapp.audit.models import AuditEvent
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import DAY, now, pretend
from webapp.database import write_transaction
from webapp.people.models import WebUser
from webapp.projects.models import Project
from webapp.rules.models import RuleState
from webapp.rules.operations import set_state
from webapp.web.audit_words import WORDS

TABLE = "Events, newest first"


@pytest.fixture
def zawadi(project: Project) -> WebUser:
    """Zawadi is an admin of the project."""
    return factories.web_user(project, role="admin")


@pytest.fixture
def browser(app: Flask, zawadi: WebUser) -> PageClient:
    return signed_in(app, zawadi)


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/audit/"


def acting(user: WebUser) -> Actor:
    return Actor(user.user_id, user.email, "192.0.2.7")


def test_every_tag_has_its_words():
    assert set(WORDS) == set(Tag)
    assert len({str(words) for words in WORDS.values()}) == len(Tag)


def test_says_who_did_what_with_before_and_after(
    project: Project, zawadi: WebUser, browser: PageClient, url: str
):
    rule = make_rule(project)
    with write_transaction() as session:
        set_state(session, project.id, rule.rule_id, RuleState.ACTIVE, by=acting(zawadi))
    first = browser.get(url).rows(TABLE)[0]
    assert first[1:] == [
        "Rule switched Rule “Close the done”",
        f"{zawadi.email} 192.0.2.7",
        "state: inactive becomes active",
    ]
    assert browser.get(url).click("Rule “Close the done”").h1 == "Close the done"


def test_is_filtered_by_what_whom_which_thing_and_days(
    project: Project, zawadi: WebUser, browser: PageClient, url: str
):
    rule, other = make_rule(project), make_rule(project, name="Other")
    with pretend(now() + 3 * DAY), write_transaction() as session:
        for one in (rule, other):
            set_state(session, project.id, one.rule_id, RuleState.ACTIVE, by=acting(zawadi))
    page = browser.get(url).form("Filters").submit(tag="Rule switched", by=zawadi.email).follow()
    assert page.url == f"{url}?by={zawadi.user_id}&tag=rule.state"
    assert len(page.rows(TABLE)) == 2 and "2 events" in page.text
    assert f"By: {zawadi.email}" in page.text and "What: Rule switched" in page.text
    page = page.click(f"Remove filter By: {zawadi.email}")
    assert page.url == f"{url}?tag=rule.state"

    about = browser.get(f"{url}?about=rule:{rule.rule_id}&tag=rule.state")
    assert [row[1] for row in about.rows(TABLE)] == ["Rule switched Rule “Close the done”"]
    assert "About: Rule “Close the done”" in about.text

    days = browser.get(url).form("Filters").submit(to="2020-01-01").follow()
    assert "No event fits these filters" in days.text
    assert TABLE in days.click("Clear all filters").html


def test_goes_by_pages_through_events_of_one_moment(
    project: Project, browser: PageClient, url: str
):
    by = Actor.system("job 7")
    with pretend(now()), write_transaction() as session:
        for number in range(60):
            record(
                session,
                project_id=project.id,
                tag=Tag.JOB_STOP,
                subject=f"job:{number + 1}",
                by=by,
            )
    page = browser.get(f"{url}?tag=job.stop")
    assert "60 events" in page.text
    seen = [row[1] for row in page.rows(TABLE)]
    for _more in range(2):
        page = page.click("Older")
        seen += [row[1] for row in page.rows(TABLE)]
    assert seen == [f"Job stopped by a person Job {n}" for n in range(60, 0, -1)]


def test_a_file_has_what_the_filters_leave_and_no_formulas(
    monkeypatch: pytest.MonkeyPatch, project: Project, browser: PageClient, url: str
):
    monkeypatch.setattr("webapp.history.audit_list.BATCH", 4)
    with write_transaction() as session:
        for number in range(9):
            record(
                session,
                project_id=project.id,
                tag=Tag.RULE_EDIT,
                subject="rule:0123",
                by=Actor("", "command line", "command line"),
                reason="=1+1",
                before={"name": "old", "version": number},
                after={"name": "new", "version": number},
            )
    page = browser.get(f"{url}?by=command-line&tag=rule.edit")
    assert page.links()["Download as CSV"] == f"{url}export?by=command-line&tag=rule.edit"
    answer = browser.client.get(page.links()["Download as CSV"], buffered=True)
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0][0] == "When (UTC)" and len(rows) == 10
    assert rows[1][1:] == [
        *("command line", "command line", "Rule changed", "Rule “0123”"),
        *("name: old", "name: new", "'=1+1"),
    ]
    assert [row[0] for row in rows[1:]] == sorted({row[0] for row in rows[1:]})


def test_what_cannot_be_read_is_said_and_kept(browser: PageClient, url: str):
    page = browser.get(f"{url}?from=2026-02-30&tag=x&by=y&about=worker:amina", status=422)
    assert len(page.errors) == 4 and "2026-02-30" in page.html
    page = browser.get(f"{url}?from=2026-02-03&to=2026-02-01", htmx=True, status=422)
    assert page.headers["HX-Retarget"] == "#screen"
    assert browser.client.get(f"{url}export?tag=x").status_code == 422


def test_htmx_gets_the_results_and_their_address(browser: PageClient, url: str):
    page = browser.get(f"{url}?tag=&by=system", htmx=True)
    assert page.headers["HX-Push-Url"] == f"{url}?by=system"
    assert page.events == {"announce": "0 events"}


def test_other_projects_have_a_log_of_their_own(
    app: Flask, session: Session, project: Project, browser: PageClient, url: str
):
    make_rule(project)
    other = factories.project()
    stranger = signed_in(app, factories.web_user(other, role="admin"))
    stranger.get(url, status=404)
    own = stranger.get(f"/a/{other.name}/audit/")
    assert "Rule made" not in [row[1] for row in own.rows(TABLE)]
    assert session.query(AuditEvent).filter_by(project_id=other.id).count() == len(own.rows(TABLE))


def test_members_who_are_no_admins_do_not_see_it(app: Flask, project: Project, url: str):
    amina = signed_in(app, factories.web_user(project, role="editor"))
    amina.get(url, status=403)
    assert "Audit log" not in amina.get(f"/a/{project.name}/").links()
