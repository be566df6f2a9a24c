"""What came can be downloaded under any name, and each name is fit for a file (SPEC S5, X2)."""

from __future__ import annotations

import gc
import io

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.http import parse_options_header

from tests.factories import web_user
from tests.forms import form, send
from tests.web.pages import PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.submissions.attachments import keep
from webapp.submissions.receive import Arrival, read, receive

#: What came -> the name that the browser is told.
NAMES = {
    "..": "attachment",
    ".": "attachment",
    " ": "unnamed",
    ".profile": "profile",
    "a/../b": "a_.._b",
    "a\\b": "a_b",
    'a"; filename=b': "a_; filename=b",
    "名": "名",
    "é" * 200: "é" * 200,
    "🙂" * 70: "🙂" * 70,
    "x\r\nSet-Cookie: a=b": "x__Set-Cookie_ a=b",
    "a%2Fb": "a%2Fb",
    "?x=1#y": "_x=1#y",
    "%": "%",
    "~": "~",
}


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    return signed_in(app, web_user(project, "editor"))


def told_name(disposition: str) -> str:
    """The name in a Content-Disposition, as browsers read it."""
    disposition.encode("ascii")  # servers send headers as bytes, and refuse what is none
    kind, options = parse_options_header(disposition)
    assert kind == "attachment"
    return options["filename"]


def test_attachments_of_any_name(
    app: Flask, session: Session, officer: PageClient, project: Project
):
    folder = app.extensions["settings"].attachments
    kept = [
        keep(folder, io.BytesIO(name.encode()), name=name, content_type="text/html")
        for name in NAMES
    ]
    with write_transaction():
        sent = receive(session, project.id, Arrival(read(form()), attachments=kept))
    page = officer.get(f"/a/{project.name}/submissions/{sent.submission_id}")
    links = page.links()
    for name, told in NAMES.items():
        shown = name.replace("\r\n", "__").strip() or "unnamed"
        answer = officer.client.get(links[shown], buffered=True)
        assert answer.data == name.encode()
        assert told_name(answer.headers["Content-Disposition"]) == told
        assert answer.mimetype == "application/octet-stream"


@pytest.mark.parametrize("identity", ["名/é", "🙂", "..", 'a"b', "%2F"])
def test_the_xml_of_a_form_with_any_id(
    session: Session, officer: PageClient, project: Project, identity: str
):
    xml = form(instance_id=identity)
    assert send(session, project.id, xml).submission_id == identity
    page = officer.get(address_of(officer, project))
    (link,) = [url for url in page.links().values() if url.endswith("/xml")]
    answer = officer.client.get(link)
    assert answer.data == xml
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert told_name(answer.headers["Content-Disposition"]).endswith(".xml")


def address_of(officer: PageClient, project: Project) -> str:
    """The page of the only form."""
    rows = officer.get(f"/a/{project.name}/submissions/")
    (address,) = {url for url in rows.document.xpath("//tbody//a/@href") if "/submissions/" in url}
    return str(address)


def test_a_table_gives_its_connection_back_when_it_is_sent(
    app: Flask, session: Session, project: Project
):
    browser = signed_in(app, web_user(project)).client
    session.rollback()
    gc.collect()
    before = db.engine.pool.checkedout()
    for path in ("dictionary/export", "people/workers/export/csv", "people/groups/export/csv"):
        assert browser.get(f"/a/{project.name}/{path}").data
        session.rollback()
        assert db.engine.pool.checkedout() == before, path
