"""A real browser in front of a real server."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from tests import factories
from tests.web.signing_in import session_cookie
from webapp.people.models import MobileWorker, WebUser
from webapp.projects.models import Project

#: Of no use here, and they would look for hosts that are not there.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
_ANSWERED = "Failed to load resource: the server responded with a status of "
#: What the console says of requests that are let go, because their page is left or a newer one
#: takes their place, of hints about a row that is gone, of forms that come back with their errors,
#: and of sessions at their end: no faults of ours.
NO_FAULT = (
    *("htmx:afterRequest", "htmx:sendAbort", "htmx:oobErrorNoTarget, #criteria-"),
    *(f"{_ANSWERED}401", f"{_ANSWERED}422"),
)
#: For what the browser does by itself: of which database the page is makes no difference.
ON_SQLITE, ON_POSTGRESQL = (
    pytest.mark.parametrize("database_url", [name], indirect=True, scope="session")
    for name in ("sqlite", "postgresql")
)


@dataclass(frozen=True)
class Look:
    """Colours and width in which pages are looked at."""

    scheme: Any
    width: int


WIDE, NARROW = Look("light", 1280), Look("light", 390)
WIDE_DARK, NARROW_DARK = Look("dark", 1280), Look("dark", 390)


def is_sqlite(app: Flask) -> bool:
    """What pages look like, and what they do with JavaScript and without, does not depend on the
    database, and a browser takes long: so each way is gone on one of them, by this."""
    return not app.extensions["settings"].database_url


def look_on(app: Flask, *, sqlite: Look, postgresql: Look) -> Look:
    """How to look at the pages of a test."""
    return sqlite if is_sqlite(app) else postgresql


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.fail("No Chromium: run ./test, which finds or installs one, or set CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(app: Flask) -> Iterator[str]:
    """The application behind a real socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Office:
    """A project with a data officer and a field worker, and where it is."""

    address: str
    project: Project
    officer: WebUser
    worker: MobileWorker
    #: The name and the value of the cookie of the officer's session.
    cookie: tuple[str, str]

    def url(self, path: str = "") -> str:
        return f"{self.address}/a/{self.project.name}/{path}"


@pytest.fixture
def office(app: Flask, address: str, session: Session, project: Project) -> Office:
    officer = factories.web_user(project, "admin")
    made = Office(
        address, project, officer, factories.mobile_worker(project), session_cookie(app, officer)
    )
    for thing in (made.project, made.officer, made.worker):
        session.refresh(thing)
        session.expunge(thing)
    session.rollback()
    return made


class Opens(Protocol):
    """Opens a window with cookies of its own, closed after the test."""

    def __call__(self, look: Look = WIDE, *, script: bool = True) -> Page:
        """With JavaScript or without."""


@pytest.fixture
def window(browser: Browser) -> Iterator[Opens]:
    opened: list[BrowserContext] = []

    def open_window(look: Look = WIDE, *, script: bool = True) -> Page:
        context = browser.new_context(
            color_scheme=look.scheme,
            viewport={"width": look.width, "height": 900},
            java_script_enabled=script,
            reduced_motion="reduce",  # colours change at once with the scheme, and not bit by bit
            locale="en-GB",
        )
        opened.append(context)
        return context.new_page()

    yield open_window
    for context in opened:
        context.close()


@pytest.fixture
def page(app: Flask, window: Opens) -> Iterator[Page]:
    """With JavaScript on one database, and without on the other; its console names no fault."""
    page = window(script=is_sqlite(app))
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    yield page
    page.context.close()
    assert [one for one in said if not one.startswith(NO_FAULT)] == []


@pytest.fixture
def browsing(window: Opens, office: Office) -> Page:
    """With JavaScript, signed in."""
    page = window()
    sign_in(page, office)
    return page


def sign_in(page: Page, office: Office) -> None:
    """The window is that of the data officer, who has signed in."""
    name, value = office.cookie
    page.context.add_cookies([{"name": name, "value": value, "url": office.address}])


def sign_in_by_form(page: Page, office: Office) -> None:
    """The same as people do it, on the page that asks for it."""
    page.get_by_label("E-mail").fill(office.officer.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def settled(page: Page) -> None:
    """Once htmx knows what it has put into the page: a moment after that has the focus."""
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def faults(page: Page) -> list[str]:
    """What is wrong with how the page is, once what it asks for by itself is there: what axe finds,
    in words, and whether one has to scroll sideways."""
    # ("networkidle" would be half a second of nothing.)
    expect(page.locator(".htmx-request, [aria-busy=true]")).to_have_count(0)
    # The page's policy forbids scripts of others, so it is put in from outside of it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = [
        f"{finding['id']}: {finding['help']}: {node['target']} {node['html'][:200]}"
        for finding in result["violations"]
        for node in finding["nodes"]
    ]
    wide, there = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [*found, *([f"the page is {wide} px wide"] if wide > there else [])]
