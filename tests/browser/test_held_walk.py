"""The morning after: home says what waits, its page is read, and somebody decides; with JavaScript
and without (SPEC R22, U1)."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import (
    NARROW_DARK,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
)
from tests.browser.test_rules_walk import do_the_work
from tests.factories import actor
from tests.rules.nights import night_at, rule_at
from tests.web.rule_pages import CLOSE_DONE, patient
from webapp.cases.queries import get_case
from webapp.clock import DAY, HOUR, MINUTE, now, pretend
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.projects.operations import get_project, set_project
from webapp.rules.models import RuleState, Run, RunState


def night(session: Session, office: Office, *, name: str = CLOSE_DONE["name"]) -> Run:
    """Six of ten patients are done, and the brake holds from four on. The run of the last night
    that was held; behind it came one that only looked."""
    project = session.get_one(Project, office.project.id)
    slot = now() // DAY * DAY  # midnight, UTC
    evening = slot - HOUR
    with pretend(evening):
        with write_transaction() as writing:
            brake = {"brake_cases": 3, "brake_percent": 50}
            set_project(writing, get_project(writing, project.name), brake, by=actor())
        for number in range(10):
            patient(session, project, f"p-{number}", status="done" if number < 6 else "new")
    for state, changes in (
        (RuleState.ACTIVE, {"name": name}),
        (RuleState.WATCHING, {"name": "Only looks"}),
    ):
        rule_at(evening, project, state=state, **(CLOSE_DONE | changes))
    held, watched = night_at(slot + MINUTE, session, project)
    assert (held.state, watched.state) == (RunState.HELD, RunState.FINISHED)
    session.rollback()
    return held


def state_of(session: Session, run: Run) -> RunState:
    session.rollback()
    return session.get_one(Run, run.id, populate_existing=True).state


def open_from_home(page: Page, office: Office, run: Run) -> None:
    sign_in(page, office)
    page.goto(office.url())
    first = page.get_by_role("region", name="Needs a person").get_by_role("listitem").first
    expect(first).to_contain_text("Waits for you")
    expect(first).to_contain_text("would change 6 of 10 open cases (60 %). Nothing was written.")
    first.get_by_role("link", name="Review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Run {run.id}: {run.rule_name}")
    expect(page.locator("main")).to_contain_text("The brake asks above 3 cases and 50 %.")


def test_a_held_run_is_found_on_home_read_and_approved(
    page: Page, office: Office, session: Session
):
    run = night(session, office)
    open_from_home(page, office, run)
    cases = page.get_by_role("table", name="Cases that would change")
    expect(cases.get_by_role("row")).to_have_count(7)
    expect(cases).to_contain_text("p-0")
    page.get_by_label("How many cases may change?").fill("60")
    page.get_by_label("Why is it right?").fill("I looked at three of them")
    page.get_by_role("button", name="Approve and run").click()
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors")).to_contain_text("Type 6, the number of cases")
    expect(page.get_by_label("Why is it right?")).to_have_value("I looked at three of them")
    assert state_of(session, run) is RunState.HELD
    page.get_by_label("How many cases may change?").fill("6")
    page.get_by_role("button", name="Approve and run").click()
    expect(page.locator("#run-state")).to_contain_text("Waiting")
    expect(page.locator("#decision")).to_contain_text("Why: “I looked at three of them”")
    do_the_work(session, office.project.id)
    if page.evaluate("typeof htmx") == "undefined":
        page.get_by_role("link", name="Refresh now").click()
    expect(page.locator("#run-state")).to_contain_text("Finished")
    expect(page.locator("#outcome")).to_contain_text("p-0")
    session.rollback()
    assert [get_case(session, office.project.id, f"p-{n}").closed for n in (0, 5, 6)] == [
        True, True, False,
    ]  # fmt: skip
    page.goto(office.url())
    expect(page.get_by_role("region", name="Needs a person")).to_have_count(0)


def test_one_is_rejected_and_its_rule_switched_off(page: Page, office: Office, session: Session):
    run = night(session, office)
    open_from_home(page, office, run)
    page.get_by_label("Why is it rejected?").fill("The sign is wrong")
    page.get_by_role("button", name="Reject and switch off").click()
    expect(page.locator("#run-state")).to_contain_text("Rejected")
    expect(page.locator("#decision")).to_contain_text("Nothing was changed. Why: “The sign is")
    page.get_by_role("link", name="Open the rule").click()
    expect(page.locator("main")).to_contain_text("Off")
    assert state_of(session, run) is RunState.REJECTED
    assert not get_case(session, office.project.id, "p-0").closed


def test_axe_finds_nothing_and_nothing_overflows(
    app: Flask, window: Opens, office: Office, session: Session
):
    held = night(session, office, name="N" * 126)
    watched = held.id + 1
    page = window(look_on(app, sqlite=WIDE, postgresql=NARROW_DARK))
    sign_in(page, office)
    found = {}
    for path in ("", f"runs/{held.id}/", f"runs/{watched}/"):
        page.goto(office.url(path))
        found[path] = faults(page)
    page.goto(office.url(f"runs/{held.id}/"))
    page.get_by_role("button", name="Approve and run").click()
    expect(page.locator("#errors")).to_be_visible()
    found["errors"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}
