"""The settings of a project (SPEC U10, R17, R20, R22)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from tests import factories
from tests.history.statements import counted
from tests.mail.conftest import mail_to, mailing, post_office
from tests.mail.post_office import PostOffice
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.clock import DAY, now, pretend, to_datetime
from webapp.database import write_transaction
from webapp.mail import outbox
from webapp.people.models import WebUser
from webapp.people.operations import set_web_user_active
from webapp.people.told import addresses_to_tell
from webapp.projects.models import Project
from webapp.projects.operations import set_project
from webapp.rules.models import RuleState
from webapp.rules.nights import open_night, overdue

__all__ = ["mail_to", "mailing", "post_office"]

CHANGES = "The last changes of these settings"
MAILS = "The last mails"


@pytest.fixture
def amina(project: Project) -> WebUser:
    """Amina is an admin."""
    return factories.web_user(project, "admin")


@pytest.fixture
def browser(app: Flask, amina: WebUser) -> PageClient:
    return signed_in(app, amina)


@pytest.fixture
def url(project: Project) -> str:
    return f"/a/{project.name}/settings/"


def save(page: Page, **typed: object) -> Page:
    return page.form("Save settings").submit(**typed)


def as_set(session: Session, project: Project) -> Project:
    """The project as it is now."""
    session.rollback()
    session.refresh(project)
    return project


def value_of(page: Page, name: str) -> str:
    return page.one(f"//input[@name='{name}']").get("value")


class TestSaving:
    def test_everything_can_be_set_and_is_told(
        self, session: Session, project: Project, amina: WebUser, browser: PageClient, url: str
    ):
        page = browser.get(f"/a/{project.name}/").click("Settings")
        assert page.h1 == "Settings"
        page = save(
            page,
            title="Malaria  North",
            hour="01:00",
            timezone="Africa/Nairobi",
            daily_limit="5000",
            run_hours="12",
            brake_cases="50",
            brake_percent="20",
            anonymous_submissions=True,
            anonymous_quota="10",
        ).follow()
        assert page.status_line == "The settings are saved."
        now_set = as_set(session, project)
        assert (now_set.title, now_set.hour, now_set.timezone) == (
            "Malaria North",
            1,
            "Africa/Nairobi",
        )
        assert (now_set.daily_limit, now_set.run_hours) == (5000, 12)
        assert (now_set.brake_cases, now_set.brake_percent) == (50, 20)
        assert (now_set.anonymous_submissions, now_set.anonymous_quota) == (True, 10)
        ((_, by, what),) = page.rows(CHANGES)
        assert by == amina.email
        assert "Most updates a day: 10,000 becomes 5,000" in what
        assert "Rules run at: 00:00 becomes 01:00" in what
        assert "Take forms from senders who do not sign in: no becomes yes" in what

    def test_only_what_is_different_is_a_change(
        self, session: Session, project: Project, browser: PageClient, url: str
    ):
        page = save(browser.get(url)).follow()
        assert page.status_line == "Nothing was changed."
        assert "Changes of these settings" not in page.text
        assert as_set(session, project).clock_set_on is None
        page = save(page, brake_percent="0").follow()
        ((_, _, what),) = page.rows(CHANGES)
        assert what == "Brake, percent of the open cases of their type: 30 becomes 0"
        assert as_set(session, project).clock_set_on is None

    def test_numbers_and_zones_are_read_as_people_write_them(
        self, session: Session, project: Project, browser: PageClient, url: str
    ):
        for typed in ("10,000,000", "9 999 999", " 10.000.000 ", "9999999"):
            page = save(browser.get(url), daily_limit=typed).follow()
            digits = int("".join(filter(str.isdigit, typed)))
            assert as_set(session, project).daily_limit == digits
            assert value_of(page, "daily_limit") == f"{digits:,}"
        for typed in ("africa/nairobi", " America/New York "):
            save(browser.get(url), timezone=typed).follow()
            zone = as_set(session, project).timezone
            assert zone.lower() == typed.strip().lower().replace(" ", "_") != zone

    @pytest.mark.parametrize(
        ("name", "sentence", "wrong"),
        [
            ("title", "Enter a title of at most 255 characters", ["", "  ", "x" * 256]),
            (
                "timezone",
                "Choose a time zone from the list, like Africa/Nairobi",
                ["", "Mars/Olympus", "../../etc/passwd"],
            ),
            (
                "daily_limit",
                "Enter the most updates a day as a whole number from 0 to 10,000,000",
                ["", "-1", "1.5", "1,5", "1,0000", "10000001", "9" * 400, "many", "٣"],
            ),
            (
                "run_hours",
                "Enter the most hours a run as a whole number from 1 to 168",
                ["0", "169"],
            ),
            (
                "brake_cases",
                "Enter the cases of the brake as a whole number from 0 to 10,000,000",
                ["x"],
            ),
            (
                "brake_percent",
                "Enter the percent of the brake as a whole number from 0 to 100",
                ["101"],
            ),
            (
                "anonymous_quota",
                "Enter the most anonymous forms a day as a whole number from 0 to 1,000,000",
                ["1000001"],
            ),
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_typed_is_lost(
        self, project: Project, browser: PageClient, *, name: str, sentence: str, wrong: list[str]
    ):
        url = f"/a/{project.name}/settings/"
        others = {"title": "Malaria North", "hour": "05:00", "brake_cases": "7"}
        for typed in wrong:
            page = save(browser.get(url), **{**others, name: typed})
            assert page.status == 422
            assert page.title.startswith("Error:")
            assert page.errors == [sentence]
            for field, value in {"title": "Malaria North", "brake_cases": "7", name: typed}.items():
                assert value_of(page, field).strip() == value.strip()
            assert page.one(f"//input[@name='{name}']").get("aria-invalid") == "true"
            assert page.form("Save settings").value("hour") == "5"
        page = browser.get(url)
        assert value_of(page, "title") == project.name, "nothing was saved"
        assert value_of(page, "brake_cases") == "100"

    def test_several_faults_are_said_at_once(self, browser: PageClient, url: str):
        page = save(browser.get(url), title="", timezone="x", run_hours="")
        assert len(page.errors) == 3

    def test_an_hour_that_there_is_not(self, project: Project, browser: PageClient, url: str):
        page = browser.get(url)
        token = page.form("Save settings").value("csrf_token")
        page = browser.post(url, {"csrf_token": token, "hour": "24"}, status=422)
        assert page.errors

    def test_two_who_save_at_once_lose_nothing(
        self,
        app: Flask,
        session: Session,
        project: Project,
        browser: PageClient,
        url: str,
    ):
        boris = factories.web_user(project, "admin")
        opened = browser.get(url)
        save(signed_in(app, boris).get(url), daily_limit="77").follow()
        page = save(opened, run_hours="5")
        assert page.status == 422
        (sentence,) = page.errors
        assert sentence.startswith(f"{boris.email} changed these settings at ")
        assert value_of(page, "run_hours") == "5"
        assert page.rows(CHANGES)[0][2] == "Most updates a day: 10,000 becomes 77"
        assert (as_set(session, project).daily_limit, project.run_hours) == (77, 24)
        save(page, daily_limit="77").follow()
        assert (as_set(session, project).daily_limit, project.run_hours) == (77, 5)

    def test_a_form_sent_too_late_is_shown_again_after_signing_in(
        self,
        session: Session,
        project: Project,
        amina: WebUser,
        browser: PageClient,
        url: str,
    ):
        page = browser.get(url)
        browser.client.delete_cookie("casekeeper")
        login = page.form("Save settings").submit(
            daily_limit="many", told=False, anonymous_submissions=True, status=401
        )
        back = login.form("Sign in").submit(email=amina.email, password=factories.PASSWORD)
        again = back.form("Go on with it").submit()
        form = again.form("Save settings")
        assert form.value("daily_limit") == "many"
        assert (form.value("told"), form.value("anonymous_submissions")) == ([], ["y"])
        assert not as_set(session, project).anonymous_submissions
        assert form.submit(daily_limit="5").follow().status_line == "The settings are saved."
        assert as_set(session, project).daily_limit == 5


class TestClock:
    def test_says_when_rules_run_next(
        self, session: Session, project: Project, browser: PageClient, url: str
    ):
        with write_transaction():
            settings = {"hour": 1, "timezone": "Africa/Nairobi"}
            set_project(session, project, settings, by=factories.actor())
        page = browser.get(url)
        hint = page.one("//*[@id='next-run']")
        assert " 01:00 EAT, which is " in hint.text_content()
        assert " 22:00 UTC." in hint.text_content()
        assert "counts from the next time on" in hint.text_content()

    def test_and_when_they_would_with_another_clock(self, browser: PageClient, url: str):
        answer = browser.get(f"{url}?hour=3&timezone=asia/kolkata", htmx=True)
        assert " 03:00 IST, which is " in answer.text
        assert " 21:30 UTC." in answer.text
        for query in ("", "?hour=24&timezone=UTC", "?hour=x&timezone=UTC", "?hour=1&timezone=Mars"):
            answer = browser.get(f"{url}{query}", htmx=True)
            assert "Choose an hour and a time zone" in answer.text

    def test_a_new_hour_that_is_past_today_waits_for_tomorrow(
        self, session: Session, project: Project, browser: PageClient, url: str
    ):
        local = to_datetime(now()).astimezone(ZoneInfo("UTC"))
        later = (local + timedelta(hours=2)).hour
        with write_transaction():
            set_project(session, project, {"hour": later}, by=factories.actor())
        with pretend(now() - 3 * DAY):
            factories.rule(project, state=RuleState.ACTIVE)
        with write_transaction():
            open_night(session, project.id, now())
        assert overdue(session, as_set(session, project), now()) == []
        page = save(browser.get(url), hour=f"{local.hour:02}:00").follow()
        assert page.status_line == "The settings are saved."
        assert overdue(session, as_set(session, project), now()) == [], "it ran last night"
        assert len(overdue(session, project, now() + DAY)) == 1


class TestWhoMayAndWhoIsTold:
    def test_others_hear_which_right_it_needs(
        self, app: Flask, project: Project, client: FlaskClient, url: str
    ):
        viktor = signed_in(app, factories.web_user(project, "viewer"))
        assert "Settings" not in viktor.get(f"/a/{project.name}/").links()
        assert "“Admin”" in viktor.get(url, status=403).text
        signed_in(app, factories.web_user(factories.project(), "admin")).get(url, status=404)
        assert client.get(url).headers["Location"].startswith("/login")

    def test_who_is_told_is_chosen_among_the_members(
        self,
        session: Session,
        project: Project,
        amina: WebUser,
        browser: PageClient,
        url: str,
    ):
        boris, gone = factories.web_user(project, "editor"), factories.web_user(project, "admin")
        stranger = factories.web_user(factories.project(), "admin")
        with write_transaction():
            set_web_user_active(session, gone, False, by=factories.actor())
        page = browser.get(url)
        assert f"{amina.email} (role admin)" in page.text
        assert f"{boris.email} (role editor)" in page.text
        assert gone.email not in page.text and stranger.email not in page.text
        assert page.form("Save settings").value("told") == [amina.user_id]
        page = save(page, told=[boris.user_id]).follow()
        assert addresses_to_tell(session, project.id) == [boris.email]
        ((_, _, what),) = page.rows(CHANGES)
        assert f"Told by e-mail from now on: {boris.email}" in what
        assert f"No longer told by e-mail: {amina.email}" in what
        page = save(page, told=False).follow()
        assert addresses_to_tell(session, project.id) == []
        assert page.rows(CHANGES)[0][2] == f"No longer told by e-mail: {boris.email}"

    def test_where_nobody_is_told_the_page_says_what_that_means(
        self, project: Project, amina: WebUser, browser: PageClient, url: str, mailing: PostOffice
    ):
        page = browser.get(url)
        assert "Nobody is told" not in page.text
        told = page.form("Save settings").submit(told=[]).follow()
        assert "Nobody is told. A run that waits" in told.text

    def test_without_a_mail_server_nobody_is_told_whoever_is_chosen(
        self, browser: PageClient, url: str
    ):
        page = browser.get(url)
        assert "Nobody is told, whoever is chosen: no mail server is set." in page.text
        assert page.document.xpath("//a[@href='#mail']") and page.document.xpath("//*[@id='mail']")

    def test_somebody_of_another_project_cannot_be_told(
        self, session: Session, project: Project, amina: WebUser, browser: PageClient, url: str
    ):
        stranger = factories.web_user(factories.project(), "admin")
        form = browser.get(url).form("Save settings")
        entries = [(k, v) for k, v in form.entries() if k != "told"]
        browser.post(url, MultiDict([*entries, ("told", stranger.user_id)]), status=303)
        assert addresses_to_tell(session, project.id) == []

    def test_many_members_cost_no_more_queries(
        self, app: Flask, project: Project, browser: PageClient, url: str
    ):
        with counted(app) as few:
            browser.get(url)
        for _ in range(5):
            factories.web_user(project, "editor")
        with counted(app) as many:
            browser.get(url)
        assert len(many) == len(few) <= 10


class TestMail:
    def test_without_a_mail_server_the_page_says_what_to_set(self, browser: PageClient, url: str):
        page = browser.get(url)
        assert "No mail is sent" in page.text and "SMTP_URL" in page.text
        assert "Send a test mail to me" not in page.text
        token = page.form("Save settings").value("csrf_token")
        refused = browser.post(f"{url}test-mail", {"csrf_token": token}, status=409)
        assert "SMTP_URL" in refused.text

    def test_a_test_mail_comes_to_whoever_asks(
        self, project: Project, mailing: PostOffice, amina: WebUser, browser: PageClient, url: str
    ):
        factories.web_user(project, "admin")
        page = browser.get(url).form("Send a test mail to me").submit().follow()
        assert page.status_line == f"The mail server took the test mail for {amina.email}."
        ((addresses, mail),) = mailing.mails
        assert addresses == [amina.email]
        assert mail["Subject"] == f"Test mail from {project.name}"
        assert f"https://cases.example.org{url}" in mail.get_content()
        ((_, subject, to, state),) = page.rows(MAILS)
        assert (subject, to, state) == (mail["Subject"], amina.email, "Sent")
        assert "Mails come from Casekeeper <casekeeper@example.org>." in page.text

    def test_one_that_is_refused_says_why(
        self, mailing: PostOffice, amina: WebUser, browser: PageClient, url: str
    ):
        mailing.refused[amina.email] = "550 5.1.1 <b>no such user</b>"
        page = browser.get(url).form("Send a test mail to me").submit().follow()
        said = "The mail server said: 550 5.1.1 <b>no such user</b>"
        assert page.status_line == f"The test mail was not sent. {said}"
        assert page.rows(MAILS)[0][3] == f"Not sent, given up {said}"

    def test_what_waits_says_for_what(
        self,
        project: Project,
        amina: WebUser,
        browser: PageClient,
        url: str,
        mail_to: Callable[[str], None],
    ):
        mail_to("smtp://127.0.0.1:1")
        with write_transaction() as session:
            outbox.post(session, project.id, subject="Run 7 waits", body="Please look.")
        assert browser.get(url).rows(MAILS)[0][1:] == ["Run 7 waits", amina.email, "Waiting"]
        outbox.send_due(now())
        state = browser.get(url).rows(MAILS)[0][3]
        assert state.startswith(
            "Not sent yet The mail server cannot be reached: Connection refused."
        )
        assert "Tried again at" in state
