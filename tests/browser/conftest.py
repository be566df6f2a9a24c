"""A real browser in front of a real server."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from tests import factories
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


@dataclass(frozen=True)
class Look:
    """Colours and width in which pages are looked at."""

    scheme: Any
    width: int


WIDE, NARROW = Look("light", 1280), Look("light", 390)
WIDE_DARK, NARROW_DARK = Look("dark", 1280), Look("dark", 390)


def look_on(app: Flask, *, sqlite: Look, postgresql: Look) -> Look:
    """How to look at the pages of a test. What they look like does not depend on the database, and
    looking takes long: so each look is taken on one of them."""
    of_sqlite = not app.extensions["settings"].database_url
    return sqlite if of_sqlite else postgresql


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

    def url(self, path: str = "") -> str:
        return f"{self.address}/a/{self.project.name}/{path}"


@pytest.fixture
def office(address: str, session: Session, project: Project) -> Office:
    made = Office(
        address,
        project,
        factories.web_user(project, "admin"),
        factories.mobile_worker(project),
    )
    for thing in (made.project, made.officer, made.worker):
        session.refresh(thing)
        session.expunge(thing)
    session.rollback()
    return made


def sign_in(page: Page, office: Office) -> None:
    """Sign in as the data officer, by the form."""
    page.goto(office.address + "/")
    page.get_by_label("E-mail").fill(office.officer.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(office.url() + "**")


def axe_findings(page: Page) -> list[str]:
    """What axe finds on the page, in words, once what it asks for by itself is there."""
    # ("networkidle" would be half a second of nothing.)
    expect(page.locator(".htmx-request, [aria-busy=true]")).to_have_count(0)
    # The page's policy forbids scripts of others, so it is put in from outside of it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{finding['id']}: {finding['help']}: {node['target']} {node['html'][:200]}"
        for finding in result["violations"]
        for node in finding["nodes"]
    ]
