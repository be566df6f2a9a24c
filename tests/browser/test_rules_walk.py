"""Writing a rule by keyboard alone, running it, taking it back; with JavaScript and without (SPEC
U3, R24, R27)."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.browser.conftest import (
    NARROW_DARK,
    ON_POSTGRESQL,
    WIDE,
    Office,
    Opens,
    faults,
    look_on,
    sign_in,
)
from tests.web.rule_pages import CLOSE_DONE, finished_run, make_rule, patient, queued_run
from webapp.clock import DAY, now, pretend
from webapp.jobs.models import Job
from webapp.jobs.tasks import work
from webapp.projects.models import Project
from webapp.rules.models import RuleState

FOCUS = """wanted => {
  const here = document.activeElement;
  return (here.id || here.textContent.trim()).startsWith(wanted);
}"""


def do_the_work(session: Session, project_id: int) -> None:
    """What a worker would do."""
    session.rollback()
    waiting = select(Job.id).where(Job.project_id == project_id, Job.state == "queued")
    for job_id in session.scalars(waiting).all():
        work(job_id)


class Keys:
    """A person without a mouse: presses keys, and looks where the focus is."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.script = page.evaluate("typeof htmx") != "undefined"

    def go_to(self, there: Locator, key: str = "Tab") -> None:
        """Press a key until the focus is there."""
        for _ in range(150):
            if there.evaluate("here => here === document.activeElement"):
                return
            self._page.keyboard.press(key)
        pytest.fail(f"{key} does not lead to {there}")

    def press(self, button: str, key: str = "Tab") -> None:
        """Go to a button, or back to it, and press it."""
        self.go_to(self._page.get_by_role("button", name=button, exact=True), key)
        self._page.keyboard.press("Enter")

    def follow(self, link: Locator) -> None:
        """Go to a link, and follow it."""
        self.go_to(link)
        self._page.keyboard.press("Enter")

    def type(self, there: Locator, text: str) -> None:
        """Go to a field and type into it, in place of what is there."""
        self.go_to(there)
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(text)

    def link(self, name: str) -> Locator:
        """The first link of a name."""
        return self._page.get_by_role("link", name=name).first


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_the_rule_of_the_help_page_by_keyboard_alone(page: Page, office: Office, session: Session):
    """“Close patients not modified in a year”, from signing in to taking it back."""
    project = session.get_one(Project, office.project.id)
    with pretend(now() - 400 * DAY):
        for case_id in ("p-1", "p-2"):
            patient(session, project, case_id, status="seen")
    for case_id, status in (("p-3", "lost"), ("p-4", "seen")):
        patient(session, project, case_id, status=status)
    session.rollback()
    preview = page.locator("#preview")

    page.goto(office.address + "/")
    keys = Keys(page)
    keys.type(page.get_by_label("E-mail"), office.officer.email)
    keys.type(page.get_by_label("Password"), factories.PASSWORD)
    page.keyboard.press("Enter")
    keys.follow(keys.link("Automatic updates"))
    keys.follow(keys.link("New rule"))

    keys.type(page.get_by_label("Name", exact=True), "Close the stale")
    keys.type(page.get_by_role("combobox", name="Case type"), "patient")
    keys.press("Add a condition on: Not modified")
    keys.type(page.locator("#criteria-0-days"), "365")
    keys.go_to(page.get_by_label("Close the case"))
    page.keyboard.press("Space")
    if not keys.script:
        keys.press("Count now")
    expect(preview).to_contain_text("2 cases would change")

    keys.press("Add a condition on: Property", "Shift+Tab")
    keys.type(page.locator("#criteria-1-property"), "status")
    keys.type(page.locator("#criteria-1-value"), "lost")
    if not keys.script:
        keys.press("Count now")
    expect(preview).to_contain_text("0 cases would change")
    expect(page.locator("#criteria-1 .and")).to_have_text("and")
    keys.go_to(page.get_by_label("All of these conditions are true"), "Shift+Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Any of these conditions is true")).to_be_checked()
    if not keys.script:
        keys.press("Count now")
    expect(page.locator("#criteria-1 .and")).to_have_text("or")
    expect(preview).to_contain_text("3 cases would change")
    expect(page.locator("#first-cases")).to_contain_text("p-3")

    keys.press("Save and switch on…")
    heading(page, "Switch on “Close the stale”?")
    expect(page.locator("main")).to_contain_text("If it ran now: 3 cases would change.")
    keys.press("Switch on")
    heading(page, "Close the stale")
    keys.follow(keys.link("Run now…"))
    keys.press("Run now")
    state, outcome = page.locator("#run-state"), page.locator("#outcome")
    expect(state).to_contain_text("Waiting")
    do_the_work(session, office.project.id)
    if not keys.script:
        keys.follow(keys.link("Refresh now"))
    expect(state).to_contain_text("Finished")

    keys.follow(outcome.get_by_role("link", name="p-3", exact=True))
    heading(page, "p-3")
    expect(page.locator("main")).to_contain_text("Closed")
    keys.follow(keys.link("Automatic Case Update Rule"))
    expect(page.get_by_role("heading", name="Why it matched")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="status")).to_contain_text("“lost”")
    keys.follow(keys.link("run #"))

    keys.follow(keys.link("Undo this run…"))
    keys.press("Undo this run")
    expect(state).to_contain_text("Being undone")
    do_the_work(session, office.project.id)
    if not keys.script:
        keys.follow(keys.link("Refresh now"))
    expect(state).to_have_text("Undone")
    expect(outcome).to_contain_text("Undoing has archived 3 forms of this run.")
    keys.follow(keys.link("Cases"))
    for case_id in ("p-1", "p-2", "p-3", "p-4"):
        expect(page.get_by_role("row").filter(has_text=case_id)).to_contain_text("Open")


@ON_POSTGRESQL
def test_rows_keep_the_focus_where_the_person_is(browsing: Page, office: Office):
    page = browsing
    page.goto(office.url("rules/new"))
    status = page.locator("#status")
    page.get_by_role("button", name="Add a condition on: Property").click()
    expect(status).to_have_text("Condition 1 added")
    page.wait_for_function(FOCUS, arg="criteria-0-property")
    page.keyboard.type("village")
    page.get_by_role("button", name="Add a condition on: Date").press("Enter")
    expect(status).to_have_text("Condition 2 added")
    page.wait_for_function(FOCUS, arg="criteria-1-operator")
    expect(page.locator("#criteria-0-property")).to_have_value("village")
    page.get_by_label("Any of these conditions is true").check()
    expect(page.locator("#criteria-1 .and")).to_have_text("or")
    page.get_by_role("button", name="Remove condition 1").click()
    expect(status).to_have_text("Condition 1 removed")
    page.wait_for_function(FOCUS, arg="Condition 1 of 1")
    page.get_by_role("button", name="Remove condition 1").click()
    expect(page.locator("#criteria-0")).to_have_count(0)
    page.wait_for_function(FOCUS, arg="Add a condition on")


@ON_POSTGRESQL
def test_the_panel_and_the_legends_follow_what_is_typed(
    browsing: Page, office: Office, session: Session
):
    project = session.get_one(Project, office.project.id)
    patient(session, project, "p-1", status="done")
    rule = make_rule(project)
    session.rollback()
    page = browsing
    page.goto(office.url(f"rules/{rule.rule_id}/edit"))
    expect(page.locator("#preview")).to_contain_text("1 case would change")
    page.locator("#criteria-0-value").fill("lost")
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_contain_text("0 cases would change")
    expect(page.get_by_role("status")).to_have_text("No case matches.")
    expect(page.locator("#criteria-0-property-browse")).to_be_focused()
    expect(page.locator("#criteria-0-words")).to_have_text("status is “lost”")
    expect(page.locator("#criteria-0-values")).to_be_hidden()
    page.locator("#criteria-0-operator").select_option("one_of")
    expect(page.locator("#criteria-0-values")).to_be_visible()
    expect(page.locator("#criteria-0-value")).to_be_hidden()
    expect(page.locator("#preview")).to_contain_text("Not complete yet:")
    page.locator("#criteria-0-operator").select_option("equals")
    expect(page.locator("#preview")).to_contain_text("Exact")
    page.context.set_offline(True)
    page.get_by_label("Name", exact=True).fill("Offline")
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_contain_text("Out of date")
    expect(page.locator("#preview span.when-stale")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Offline")
    expect(page.get_by_role("status")).to_contain_text("There is no connection")
    assert faults(page) == []
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#preview")).to_contain_text("Exact")
    expect(page.locator("#preview span.when-stale")).to_be_hidden()
    expect(page.get_by_role("status")).to_have_text("No case matches.")


def test_axe_finds_nothing_and_nothing_overflows(
    app: Flask, window: Opens, office: Office, session: Session
):
    look = look_on(app, sqlite=WIDE, postgresql=NARROW_DARK)
    page = window(look)
    sign_in(page, office)
    found = {}
    for path in ("rules/", "runs/"):
        page.goto(office.url(path))
        found[f"empty {path}"] = faults(page)
    for path in pages_of_much_data(session, office.project.id):
        page.goto(office.url(path))
        found[path] = faults(page)
    page.goto(office.url("rules/new?example=overdue"))
    page.get_by_role("button", name="Save as draft").click()
    expect(page.locator("#errors, [aria-invalid=true]").first).to_be_visible()
    found["errors"] = faults(page)
    assert {place: those for place, those in found.items() if those} == {}


def pages_of_much_data(session: Session, project_id: int) -> list[str]:
    """Long names, forty conditions, errors, runs in several states."""
    project = session.get_one(Project, project_id)
    for number in range(12):
        patient(session, project, f"p-{number}", status="done", long="x" * 300)
    rule = make_rule(project, name="N" * 126, case_type="t" * 255, state=RuleState.ACTIVE)
    criteria = [CLOSE_DONE["criteria"][0] | {"property": "w" * 255}] * 40
    forty = make_rule(project, name="Forty", match="any", criteria=criteria)
    copies = [{"kind": "copy", "property": "name", "from": "long"}]
    faulty = finished_run(
        project, make_rule(project, match="every_case", criteria=[], actions=copies)
    )
    closing = make_rule(project)
    done, waiting = finished_run(project, closing), queued_run(project, closing)
    wide, many, plain = (f"rules/{one.rule_id}/" for one in (rule, forty, closing))
    session.rollback()
    return [
        *("rules/", "runs/", wide, f"{wide}edit", many, f"{many}edit"),
        *(f"{plain}preview", f"{plain}check?case=p-1", f"{plain}versions/1"),
        *(f"{plain}activate", f"{plain}deactivate"),
        *(f"runs/{faulty.id}/", f"runs/{done.id}/", f"runs/{done.id}/undo"),
        f"runs/{waiting.id}/",
    ]
