"""A form's page as a person without JavaScript uses it (SPEC U9, A2–A5, X2)."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.submissions.sharing_types import share
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.projects.models import Project
from webapp.submissions.attachments import keep
from webapp.submissions.receive import Arrival, Sender, read, receive

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def viewer(app: Flask, project: Project) -> PageClient:
    """Somebody who may look only."""
    return signed_in(app, factories.web_user(project, "viewer"))


def on(page: Page, caption: str) -> dict[str, str]:
    """A table of two columns."""
    return {row[0]: row[1] for row in page.rows(caption)}


def page_of(client: PageClient, project: Project, submission_id: str) -> Page:
    """The page of a form, found through the list as people do."""
    page = client.get(f"/a/{project.name}/submissions/?state=any")
    with client.app.test_request_context():
        from flask import url_for

        address = url_for(
            "submissions.show", project_name=project.name, submission_id=submission_id
        )
    assert address in page.document.xpath("//a/@href")
    return client.get(address)


def test_the_page_says_what_changed(session: Session, officer: PageClient, project: Project):
    amina = factories.mobile_worker(project, "amina")
    open_case(session, project.id, "mother", seen="no", weight="50")
    block = case_block(
        "mother",
        create={"case_name": "P-1", "owner_id": amina.user_id},
        update={"seen": "yes", "note": ""},
        close=True,
        user_id=None,
    )
    child = case_block(
        "child/1",
        create={"case_name": "C-1", "case_type": "child"},
        index={"parent": ("patient", "mother")},
        user_id=None,
    )
    xml = form(block, child, user_id=amina.user_id, username="amina")
    sent = send(session, project.id, xml, sender=Sender("other", "phone-7"), app_id="app-1")
    page = page_of(officer, project, sent.submission_id)
    assert page.h1 == "Visit"
    changed = on(page, "What changed in P-1")
    assert changed["state"] == "open becomes closed"
    assert changed["seen"] == "no becomes yes"
    assert changed["note"] == "not set becomes empty"
    assert changed["name"] == "Case mother becomes P-1"
    assert changed["owner"] == f"owner-1 becomes amina {amina.user_id}"
    assert "weight" not in changed
    opened = on(page, "What changed in C-1")
    assert opened["type"] == "child"
    assert opened["parent index, child"] == "P-1"
    for fact in ("Sent by phone-7", "app-1", "phone-1", "Mobile worker", sent.submission_id):
        assert fact in page.text.replace("Sent byphone", "Sent by phone")


def test_it_says_that_not_the_form_decided_the_owner(
    session: Session, officer: PageClient, project: Project
):
    """C4."""
    share(project, "owner-1", visit=Sharing.SHARED)
    opens = case_block("v", create={"case_type": "visit", "case_name": "V"})
    page = page_of(officer, project, send(session, project.id, form(opens)).submission_id)
    assert on(page, "What changed in V")["owner"] == (
        "owner-1 owner-1 decided by the sharing of the case type, not by the form"
    )


def test_answers_are_a_tree(session: Session, officer: PageClient, project: Project):
    questions = "<visit><weight>50</weight><child><n>A</n></child><child><n>B</n></child></visit>"
    sent = send(session, project.id, form(questions=questions))
    page = page_of(officer, project, sent.submission_id)
    answers = page.one("//section[@aria-labelledby='answers']")
    summaries = [" ".join(e.text_content().split()) for e in answers.xpath(".//summary")]
    assert summaries[:3] == ["visit", "child no. 1", "child no. 2"]
    text = answers.text_content()
    assert "weight" in text
    assert "50" in text
    assert "instanceID" not in text, "the meta block stands among the facts"


def test_a_huge_and_deep_form_is_cut_and_says_so(
    session: Session, officer: PageClient, project: Project
):
    deep = "<g>" * 200 + "<q>at the bottom</q>" + "</g>" * 200
    many = "".join(f"<q{n}>{n}</q{n}>" for n in range(3000))
    sent = send(session, project.id, form(questions=deep + many))
    page = page_of(officer, project, sent.submission_id)
    assert "at the bottom" in page.text
    assert "elements; this is the beginning" in page.text
    assert "Download it to see all of it" in page.text
    download = officer.client.get(f"{page.url}xml")
    assert b"<q2999>" in download.data


def test_a_viewer_looks_and_is_told_why_no_more(
    session: Session, viewer: PageClient, project: Project
):
    sent = open_case(session, project.id, "c-1")
    page = page_of(viewer, project, sent.submission_id)
    assert "You can view but not change (needs Edit data)." in page.text
    assert "Archive…" not in page.links()
    address = f"{page.url}archive"
    assert "Edit data" in viewer.get(address, status=403).text


def test_archive_says_what_would_happen_and_restore_takes_it_back(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c/1")
    closing = send(session, project.id, form(case_block("c/1", close=True), instance_id="a/b?c"))
    send(session, project.id, form(case_block("c/1", update={"late": "1"})))
    page = page_of(officer, project, closing.submission_id).click("Archive…")
    assert page.h1 == "Archive “Visit”?"
    assert "1 case is worked out anew. Among these: 1 closed case reopens." in page.text
    assert "1 case keeps what later forms wrote." in page.text
    assert "disappear" not in page.text
    missing = page.form("Archive this form").submit(status=422)
    assert missing.errors == ["Enter a reason, so that others can understand it later"]
    done = page.form("Archive this form").submit(reason="entered twice").follow()
    assert "The form is archived: 1 case changed." in done.status_line
    assert "“entered twice”" in done.text
    assert "Its effect on the cases is taken away." in done.text
    assert "changes nothing now" in done.text
    again = page.form("Archive this form").submit(reason="again").follow()
    assert again.status_line == "This form is already archived."
    assert officer.get(f"{done.url}archive").follow().status_line == again.status_line
    back = done.form("Restore").submit().follow()
    assert "The form is restored: 1 case changed." in back.status_line
    assert back.text.index("Restored") < back.text.index("Archived")
    once_more = done.form("Restore").submit().follow()
    assert once_more.status_line == "This form is not archived."


def test_the_last_form_of_a_case_makes_it_disappear(
    session: Session, officer: PageClient, project: Project
):
    only = open_case(session, project.id, "c-1")
    page = page_of(officer, project, only.submission_id).click("Archive…")
    assert "1 case disappears" in page.text
    assert "worked out anew" not in page.text, "it is one case, in one sentence"


def test_forms_in_the_way_are_linked(session: Session, officer: PageClient, project: Project):
    first = open_case(session, project.id, "c-1")
    later = send(session, project.id, form(case_block("c-1", update={"a": "1"}), name="Later"))
    asked = page_of(officer, project, first.submission_id).click("Archive…")
    assert "Archive those first, in this order:" in asked.text
    (way,) = [text for text in asked.links() if text.startswith("Later, ")]
    assert asked.click(way).h1 == "Later"
    assert "reason" not in asked.html.split("<main")[1].split("csrf")[0]
    refused = archive_by_hand(officer, asked, status=409)
    assert "later forms changed" in refused.text
    assert refused.click(way).h1 == "Later"
    for one in (later, first):
        step = page_of(officer, project, one.submission_id).click("Archive…")
        step.form("Archive this form").submit(reason="both").follow()
    refused = page_of(officer, project, later.submission_id).form("Restore").submit(status=409)
    assert "Restore that form first" in refused.text


def archive_by_hand(officer: PageClient, page: Page, status: int) -> Page:
    """Post without the button, as from a page that was open for long."""
    token = page.document.xpath("//input[@name='csrf_token']/@value")[0]
    return officer.post(page.url, {"csrf_token": token, "reason": "why not"}, status=status)


def test_an_error_says_why_and_can_be_processed_again(
    session: Session, officer: PageClient, project: Project
):
    bad = form(case_block("c-1", index={"parent": ("x", "missing")}))
    sent = send(session, project.id, bad)
    page = page_of(officer, project, sent.submission_id)
    assert "which this project has never had" in page.text
    pressed = page.form("Process again").submit()
    assert "/jobs/" in pressed.location
    archive = officer.get(f"{page.url}archive", status=409)
    assert "changed no case" in archive.text


def test_what_cannot_be_parsed_can_be_downloaded(
    session: Session, officer: PageClient, project: Project
):
    content = b"<broken \0\x1b\xff" + b"x" * 30_000
    sent = send(session, project.id, content)
    page = page_of(officer, project, sent.submission_id)
    assert page.h1 == "Unparsed form"
    answer = officer.client.get(page.links()["Download what came (30 kB)"])
    assert answer.data == content
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "application/octet-stream"


def test_versions_lead_to_each_other(session: Session, officer: PageClient, project: Project):
    identity = new_id()
    first = form(instance_id=identity, questions="<q>1</q>")
    send(session, project.id, first)
    duplicate = send(session, project.id, first)
    assert duplicate.submission_id == identity
    send(session, project.id, form(instance_id=identity, questions="<q>2</q>", name="Second"))
    page = officer.get(f"/a/{project.name}/submissions/{identity}")
    assert page.h1 == "Second"
    assert "Edited by worker one" in page.text
    for state, lists, leads_to in (
        ("Deprecated", "Older versions", "Second"),
        ("Duplicate", "Repeats", "Visit"),
    ):
        rows = officer.get(f"/a/{project.name}/submissions/?state={state.lower()}")
        (other,) = [a for a in rows.document.xpath("//tbody//a/@href") if "/submissions/" in a]
        there = officer.get(other)
        assert f"Asked for id{identity}" in there.text
        section = there.one("//section[@aria-labelledby='versions']")
        assert lists in section.text_content() or "Replaced by" in section.text_content()
        linked = [officer.get(a).h1 for a in section.xpath(".//a/@href")]
        assert leads_to in linked
    section = page.one("//section[@aria-labelledby='versions']")
    assert "Older versions" in section.text_content()


def test_attachments_are_downloads_and_only_pictures_are_shown(
    app: Flask, session: Session, officer: PageClient, project: Project
):
    folder = app.extensions["settings"].attachments
    files = {
        "photo.jpg": (PNG, "text/html"),
        "a/../%2F evil<b>.html": (b"<script>alert(1)</script>", "image/png"),
    }
    kept = [
        keep(folder, io.BytesIO(content), name=name, content_type=kind)
        for name, (content, kind) in files.items()
    ]
    with write_transaction():
        sent = receive(session, project.id, Arrival(read(form()), attachments=kept))
    page = page_of(officer, project, sent.submission_id)
    (picture,) = page.document.xpath("//img/@src")
    shown = officer.client.get(picture, buffered=True)
    assert (shown.data, shown.mimetype) == (PNG, "image/png")
    for name, (content, _kind) in files.items():
        answer = officer.client.get(page.links()[name], buffered=True)
        assert answer.data == content
        assert answer.mimetype == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    evil = page.links()["a/../%2F evil<b>.html"].replace("/attachments/", "/pictures/")
    assert officer.client.get(evil).status_code == 404
    assert officer.client.get(f"{page.url}attachments/other").status_code == 404


@pytest.mark.parametrize(
    "identity", ["a/archive", "%2F", "..", "?x=1#y", "é/ü%", "xml/", "reprocess"]
)
def test_ids_of_any_kind_have_a_page(
    session: Session, officer: PageClient, project: Project, identity: str
):
    send(session, project.id, form(instance_id=identity))
    page = page_of(officer, project, identity)
    assert identity in page.text
    assert officer.client.get(page.links()["Download"]).status_code == 200
    done = page.click("Archive…").form("Archive this form").submit(reason="x").follow()
    assert "archived" in done.status_line


@pytest.mark.parametrize("identity", ["%00", "%2500", "x" * 300, "%ED%A0%80", "%FF", "a%20b", "-1"])
@pytest.mark.parametrize("verb", ["", "/xml", "/archive", "/attachments/%00", "/pictures/%2500"])
def test_ids_that_nobody_has_are_refused(
    officer: PageClient, project: Project, identity: str, verb: str
):
    answer = officer.client.get(f"/a/{project.name}/submissions/{identity}{verb}")
    assert answer.status_code in {400, 404}


def test_a_hostile_reason_is_refused(session: Session, officer: PageClient, project: Project):
    sent = open_case(session, project.id, "c-1")
    page = page_of(officer, project, sent.submission_id).click("Archive…")
    button = page.form("Archive this form")
    assert "at most 1,000" in button.submit(reason="x" * 1001, status=422).errors[0]
    token = page.document.xpath("//input[@name='csrf_token']/@value")[0]
    for reason in (b"%00", b"%ED%A0%80"):
        body = b"csrf_token=" + token.encode() + b"&reason=" + reason
        answer = officer.client.post(
            page.url, data=body, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code in {303, 400, 422}


def test_another_projects_form_is_not_there(
    app: Flask, session: Session, officer: PageClient, project: Project
):
    other = factories.project()
    sent = open_case(session, other.id, "c-1")
    for verb in ("", "xml", "archive", "attachments/x", "pictures/x"):
        address = f"/a/{project.name}/submissions/{sent.submission_id}/{verb}"
        assert officer.client.get(address).status_code == 404


def test_long_names_and_markup_are_text(session: Session, officer: PageClient, project: Project):
    nasty = "<script>alert(1)</script>" * 8
    block = case_block("c-1", create={"case_name": nasty}, update={"p" * 200: nasty * 20})
    sent = send(
        session, project.id, form(block, name=nasty, questions=f"<q a='&quot;'>{'x' * 5000}</q>")
    )
    page = page_of(officer, project, sent.submission_id)
    assert page.h1 == nasty
    assert not page.document.xpath("//script[not(@src)]")
