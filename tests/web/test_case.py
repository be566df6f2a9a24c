"""A case's page, and closing it, as a person without JavaScript does (SPEC U5, A7, S9, X1)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.statements import counted
from tests.web.pages import Page, PageClient
from tests.web.signing_in import signed_in
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.own import CLOSE_XMLNS, close_case
from webapp.submissions.queries import content_of, get_submission
from webapp.submissions.receive import Received, Sender
from webapp.submissions.verify import verify

CASES = "Properties of the case"


@pytest.fixture
def officer(app: Flask, project: Project) -> PageClient:
    """Somebody who may edit data."""
    return signed_in(app, factories.web_user(project, "editor"))


@pytest.fixture
def viewer(app: Flask, project: Project) -> PageClient:
    """Somebody who may look only."""
    return signed_in(app, factories.web_user(project, "viewer"))


def case_page(client: PageClient, project: Project, case_id: str) -> Page:
    """The page of a case, found through the list as people do."""
    address = address_of(client, project, case_id)
    listed = client.get(f"/a/{project.name}/cases/?state=any")
    assert address in listed.document.xpath("//tbody//a/@href")
    return client.get(address)


def address_of(client: PageClient, project: Project, case_id: str) -> str:
    with client.app.test_request_context():
        from flask import url_for

        return url_for("cases.show", project_name=project.name, case_id=case_id)


def update(session: Session, project: Project, case_id: str, **values: str) -> Received:
    return send(session, project.id, form(case_block(case_id, update=values)))


def history(page: Page) -> list[str]:
    """The entries of the history, newest first."""
    entries = page.document.xpath("//section[@aria-labelledby='history']/ol/li")
    return [" ".join(one.text_content().split()) for one in entries]


def text_of(page: Page, section: str) -> str:
    return " ".join(page.one(f"//section[@aria-labelledby='{section}']").text_content().split())


def note(page: Page) -> str:
    return " ".join(page.one("//main//*[contains(@class, 'note')]").text_content().split())


def sound(session: Session, project: Project, folder: Path) -> None:
    """Every case equals the replay of its forms."""
    session.rollback()
    assert list(verify(session, project.id, attachments=folder)) == []


def test_the_page_says_what_the_case_is(session: Session, officer: PageClient, project: Project):
    amina = factories.mobile_worker(project, "amina")
    sender = Sender(amina.user_id, "amina")
    create = {"case_type": "pregnancy", "case_name": "P-1", "external_id": "X-9"}
    block = case_block("p/1", create=create, update={"edd": "2025-06-01"}, user_id=None)
    xml = form(block, user_id=amina.user_id, username="amina", name="Register")
    registered = send(session, project.id, xml, sender=sender)
    visit = update(session, project, "p/1", visits="1", note="")
    page = case_page(officer, project, "p/1")
    assert page.h1 == "P-1"
    for words in ("Open", "pregnancy", "owner amina", "opened 1 Mar 2025 by amina", "X-9", "p/1"):
        assert words in page.text
    rows = {row[0]: row[1] for row in page.rows(CASES)}
    assert rows == {"edd": "2025-06-01", "note": "empty", "visits": "1"}
    changed = page.document.xpath("//table[caption='Properties of the case']//td[last()]//a/@href")
    assert [officer.get(one).h1 for one in changed] == ["Register", "Visit", "Visit"]
    newest, oldest = history(page)
    assert newest.startswith("Visit No. 2, by worker one, Unknown user, ")
    assert "visits empty becomes 1" in newest
    assert "note not set becomes empty" in newest
    assert oldest.startswith("Register No. 1, by amina, Mobile worker, ")
    assert "Opened the case with 1 property." in oldest
    assert "edd empty becomes 2025-06-01" in oldest
    assert registered.submission_id != visit.submission_id
    assert page.click("amina").h1 == "Cases"
    all_forms = page.click("All forms of this case in Submit history")
    assert len(all_forms.rows("Forms, newest first")) == 2


def test_an_archived_form_does_not_count(session: Session, officer: PageClient, project: Project):
    open_case(session, project.id, "c-1", weight="50")
    wrong = update(session, project, "c-1", weight="5")
    update(session, project, "c-1", seen="yes")
    with write_transaction():
        archive(session, project.id, wrong.submission_id, by=factories.actor())
    page = case_page(officer, project, "c-1")
    assert {row[0]: row[1] for row in page.rows(CASES)} == {"weight": "50", "seen": "yes"}
    newest, middle, oldest = history(page)
    assert "No. 2, " in newest
    assert "No. 1, " in oldest
    assert "Visit (archived) by worker one" in middle
    assert "its changes do not count" in middle
    assert "3 forms, newest first; archived: 1" in page.text


def test_a_case_is_closed_and_opened_again(
    session: Session, officer: PageClient, project: Project, tmp_path: Path
):
    open_case(session, project.id, "c/1%#?")
    asked = case_page(officer, project, "c/1%#?").click("Close case…")
    assert asked.h1 == "Close “Case c/1%#?”?"
    done = asked.form("Close this case").submit(reason="moved <away> & gone").follow()
    assert done.h1 == "Case c/1%#?"
    assert done.status_line == "The case is closed. You can undo it at any time."
    assert "Close case…" not in done.links()
    assert note(done).startswith("Closed by the form Close case of editor-")
    assert "Archive the closing form to open it again." in note(done)
    assert "state open becomes closed" in history(done)[0]
    assert "Web user" in history(done)[0]
    closing = done.click("See the closing form")
    assert closing.h1 == "Close case"
    assert "moved <away> & gone" in closing.text
    sound(session, project, tmp_path)

    update(session, project, "c/1%#?", late="kept")
    later = case_page(officer, project, "c/1%#?")
    assert "A form came after it; the case was updated and stays closed." in note(later)
    assert "Arrived after the case was closed; it stays closed." in history(later)[0]

    undo = later.form("Undo closing")
    opened = undo.submit().follow()
    assert opened.status_line == "The case is open again. The form that closed it is archived."
    assert "Close case…" in opened.links()
    assert {row[0]: row[1] for row in opened.rows(CASES)} == {"late": "kept"}
    again = undo.submit().follow()
    assert again.status_line == "That was undone already."
    assert "Close case…" in again.links()
    sound(session, project, tmp_path)


def test_the_form_that_closes_is_the_servers_own(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1")
    page = case_page(officer, project, "c-1").click("Close case…").form("Close this case")
    page.submit().follow()
    case = get_case(session, project.id, "c-1")
    one = session.query(Submission).filter_by(project_id=project.id, xmlns=CLOSE_XMLNS).one()
    assert (one.own, one.user_id, one.state) == (True, case.closed_by, State.NORMAL)
    assert case.properties == {}
    xml = content_of(session, one)
    edited = xml.replace(b"<close", b"<update><a>1</a></update><close")
    changed = send(session, project.id, edited)
    assert changed.submission_id != one.submission_id, "it cannot be edited from outside"


def test_closing_twice_is_refused_with_a_sentence(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1")
    asked = case_page(officer, project, "c-1").click("Close case…")
    closed = send(session, project.id, form(case_block("c-1", close=True)))
    refused = asked.form("Close this case").submit(status=409)
    assert "This case is closed already." in refused.text
    assert "This case is closed already." in officer.get(asked.url, status=409).text
    page = case_page(officer, project, "c-1")
    assert "Undo closing" not in page.html, "a phone closed it: there is Submit history for that"
    token = asked.document.xpath("//input[@name='csrf_token']/@value")[0]
    fields = {"csrf_token": token, "submission_id": closed.submission_id}
    officer.post(f"{page.url}undo", fields, status=404)
    fields["submission_id"] = "\ufffd nobody"
    officer.post(f"{page.url}undo", fields, status=404)
    officer.post(f"{page.url}undo", {"submission_id": "x"}, status=400)  # no token
    session.rollback()
    assert get_case(session, project.id, "c-1").closed


def test_undo_archives_only_the_form_of_this_case(
    session: Session, officer: PageClient, project: Project
):
    for name in ("c-1", "c-2"):
        open_case(session, project.id, name)
        case_page(officer, project, name).click("Close case…").form(
            "Close this case"
        ).submit().follow()
    one, other = (case_page(officer, project, name) for name in ("c-1", "c-2"))
    form_of_other = other.one("//input[@name='submission_id']").get("value")
    token = one.document.xpath("//input[@name='csrf_token']/@value")[0]
    fields = {"csrf_token": token, "submission_id": form_of_other}
    officer.post(f"{one.url}undo", fields, status=404)
    session.rollback()
    assert get_submission(session, project.id, form_of_other).state == State.NORMAL


def test_a_case_that_two_forms_close_says_so(
    session: Session, officer: PageClient, project: Project, tmp_path: Path
):
    xml = form(case_block("c-1", create={"case_name": "Twice"}), instance_id="first")
    send(session, project.id, xml)
    case_page(officer, project, "c-1").click("Close case…").form("Close this case").submit()
    edited = form(case_block("c-1", create={"case_name": "Twice"}, close=True), instance_id="first")
    send(session, project.id, edited)  # the first form, corrected: it closes the case too
    page = case_page(officer, project, "c-1")
    assert "An earlier form closes it too" in note(page)
    after = page.form("Undo closing").submit().follow()
    assert "stays closed, because another form closes it too" in after.status_line
    assert "Visit" in note(after)
    sound(session, project, tmp_path)


def test_a_reason_is_checked(session: Session, officer: PageClient, project: Project):
    open_case(session, project.id, "c-1")
    ask = case_page(officer, project, "c-1").click("Close case…").form("Close this case")
    for reason, says in (("x" * 1001, "at most 1,000"), ("a\x0bb", "control characters")):
        back = ask.submit(reason=reason, status=422)
        assert says in back.errors[0]
    session.rollback()
    assert not get_case(session, project.id, "c-1").closed


def test_a_viewer_looks_and_is_told_why_no_more(
    session: Session, viewer: PageClient, project: Project
):
    open_case(session, project.id, "c-1")
    page = case_page(viewer, project, "c-1")
    assert "You can view but not change (needs Edit data)." in page.text
    assert "Close case…" not in page.links()
    assert "Edit data" in viewer.get(f"{page.url}close", status=403).text
    author = factories.actor()
    with write_transaction():
        close_case(session, project.id, "c-1", by=author)
    closed = case_page(viewer, project, "c-1")
    assert "You can view but not change (needs Edit data)." in closed.text
    assert "Undo closing" not in closed.html
    assert "See the closing form" in closed.links()


def test_a_deleted_case_lists_its_archived_forms(
    session: Session, officer: PageClient, project: Project
):
    only = open_case(session, project.id, "c-1", weight="50")
    with write_transaction():
        archive(session, project.id, only.submission_id, by=factories.actor())
    page = case_page(officer, project, "c-1")
    assert page.h1 == "Case c-1", "as it was called last"
    assert "Its only form is archived: restore it and the case comes back" in note(page)
    (entry,) = history(page)
    assert "archived" in entry
    assert "weight empty becomes 50" in entry
    assert "Close case…" not in page.links()
    form_page = officer.get(f"/a/{project.name}/submissions/{only.submission_id}/")
    assert form_page.click("Case c-1").url == page.url
    assert "deleted" in officer.get(f"{page.url}close", status=409).text
    with write_transaction():
        restore(session, project.id, only.submission_id, by=factories.actor())
    assert case_page(officer, project, "c-1").h1 == "Case c-1"


def test_a_case_that_an_edit_took_away_says_so(
    session: Session, officer: PageClient, project: Project
):
    block = case_block("c-1", create={"case_name": "P"})
    send(session, project.id, form(block, instance_id="one"))
    send(session, project.id, form(instance_id="one", questions="<note>other</note>"))
    page = case_page(officer, project, "c-1")
    assert "No form is about this case any more" in note(page)
    assert "No form of this case is left." in page.text


def test_related_cases_are_a_tree(session: Session, officer: PageClient, project: Project):
    def add(name: str, **index: tuple[str, ...]) -> None:
        block = case_block(name, create={"case_name": name, "case_type": "t"}, index=index)
        send(session, project.id, form(block))

    add("village")
    add("house", parent=("t", "village"))
    add("mother", parent=("t", "house"))
    add("baby", parent=("t", "mother"))
    add("referral", host=("t", "mother", "extension"))
    tree = case_page(officer, project, "mother").one("//*[@class='tree']/ul")

    def shape(ul: object) -> list[object]:
        found = []
        for li in ul.findall("li"):  # type: ignore[attr-defined]
            name = li.xpath("./a | ./b")[0].text_content()
            found.append((name, shape(li.find("ul")) if li.find("ul") is not None else []))
        return found

    assert shape(tree) == [
        ("village", [("house", [("mother", [("baby", []), ("referral", [])])])]),
    ]
    assert "t (host, extension)" in " ".join(tree.text_content().split())
    alone = open_case(session, project.id, "alone")
    assert alone
    assert "It points to no case" in case_page(officer, project, "alone").text


def test_many_related_cases_are_folded_and_counted(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "root")
    some = [case_block(f"leaf-{n}", index={"parent": ("t", "root")}) for n in range(1001)]
    send(session, project.id, form(*some))
    page = officer.get(address_of(officer, project, "root"))
    assert "Show 40 more" in text_of(page, "related")
    assert "and 951 more that point to this case" in text_of(page, "related")
    assert len(page.document.xpath("//*[@class='tree']//a")) == 50


def test_an_index_that_changes_is_told_with_names(
    session: Session, officer: PageClient, project: Project
):
    for name in ("a", "b"):
        open_case(session, project.id, name)
    open_case(session, project.id, "c")
    for target in ("a", "b", ""):
        send(session, project.id, form(case_block("c", index={"parent": ("t", target)})))
    removed, moved, added, _opened = history(case_page(officer, project, "c"))
    assert "parent empty becomes Case a" in added
    assert "parent Case a becomes Case b" in moved
    assert "parent Case b becomes empty" in removed


def test_a_long_history_has_pages_and_few_statements(
    session: Session, app: Flask, officer: PageClient, project: Project
):
    open_case(session, project.id, "c-1", first="1")
    officer.get(address_of(officer, project, "c-1"))
    with counted(app) as few:
        officer.get(address_of(officer, project, "c-1"))
    for n in range(45):
        update(session, project, "c-1", n=str(n))
    with counted(app) as many:
        page = officer.get(address_of(officer, project, "c-1"))
    assert len(many) == len(few) <= 15, many
    assert {row[0] for row in page.rows(CASES)} == {"first", "n"}
    assert not page.document.xpath("//table[caption='Properties of the case']//td[3][not(.//a)]")
    seen = history(page)
    while "Older" in page.links():
        page = page.click("Older")
        seen += history(page)
    numbers = [int(entry.split("No. ")[1].split(",")[0]) for entry in seen]
    assert numbers == list(range(46, 0, -1))
    assert history(page.click("Newest")) == seen[:20]


@pytest.mark.parametrize("case_id", ["a/close", "%2F", "..", "?x=1#y", "é/ü%", "search", "a/b/"])
def test_ids_of_any_kind_have_a_page(
    session: Session, officer: PageClient, project: Project, case_id: str
):
    send(session, project.id, form(case_block(case_id, create={"case_type": "t"})))
    page = case_page(officer, project, case_id)
    assert page.h1 == case_id
    done = page.click("Close case…").form("Close this case").submit().follow()
    assert done.form("Undo closing").submit().follow().h1 == case_id


@pytest.mark.parametrize("case_id", ["%00", "%2500", "x" * 300, "%ED%A0%80", "%FF", "a%20b", "-1"])
@pytest.mark.parametrize("verb", ["/", "/close"])
def test_ids_that_nobody_has_are_refused(
    officer: PageClient, project: Project, case_id: str, verb: str
):
    answer = officer.client.get(f"/a/{project.name}/cases/{case_id}{verb}")
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("query", ["before=x", "before=1&after=1", "after=" + "9" * 99, "x=%00"])
def test_hostile_places_are_refused(
    session: Session, officer: PageClient, project: Project, query: str
):
    open_case(session, project.id, "c-1")
    answer = officer.client.get(f"/a/{project.name}/cases/c-1/?{query}")
    assert answer.status_code in {400, 422}


def test_another_projects_case_is_not_there(
    session: Session, officer: PageClient, project: Project
):
    other = factories.project()
    open_case(session, other.id, "c-1")
    for verb in ("", "close"):
        officer.get(f"/a/{project.name}/cases/c-1/{verb}", status=404)


def test_long_names_and_markup_are_text(session: Session, officer: PageClient, project: Project):
    nasty = "<script>alert(1)</script>" * 8
    block = case_block("c-1", create={"case_name": nasty}, update={"p" * 200: nasty * 20})
    many = {f"property_{n}": "v" * 300 for n in range(300)}
    send(session, project.id, form(block, name=nasty))
    send(session, project.id, form(case_block("c-1", update=many), name=nasty))
    page = case_page(officer, project, "c-1")
    assert page.h1 == nasty
    assert not page.document.xpath("//script[not(@src)]")
    assert "and 200 more properties" in page.text


@pytest.mark.parametrize("page", ["", "edit"])
def test_a_case_with_very_many_properties_shows_the_first_and_finds_the_others(
    session: Session, officer: PageClient, project: Project, page: str
):
    many = {f"p{n:05}": "w" * 26 for n in range(20_000)}
    update(session, project, "c-1", zz_last="here", zz_text="x" * 30_000, **many)
    update(session, project, "c-1", **dict.fromkeys(many, "v"))
    here = f"{address_of(officer, project, 'c-1')}{page}"
    began = time.process_time()
    first = officer.get(here)
    assert time.process_time() - began < 10
    assert len(first.html) < 1_000_000
    assert "p00499" in first.html
    assert "p00500" not in first.html
    assert "The case has 19,502 more properties, which are not shown here." in first.text
    found = first.form("Find a property").submit(find="ZZ_")
    assert "are not shown" not in found.text
    assert "zz_last" in found.text
    assert "zz_last" not in first.text
    assert len(found.html) < 120_000
    assert "19,500 more properties with “p” are not shown" in officer.get(f"{here}?find=p").text


def test_long_values_are_on_the_page_in_part(
    session: Session, officer: PageClient, project: Project
):
    values = {f"p{n:03}": f"{n}" + "<" * 30_000 for n in range(250)}
    update(session, project, "c-1", **values)
    update(session, project, "c-1", **{name: f"x{text}" for name, text in values.items()})
    page = officer.get(address_of(officer, project, "c-1"))
    assert len(page.html) < 8_000_000
    assert "Show the first 5,000 of 30,002 characters" in page.text
    assert "Show the first 500 of 30,002 characters" in page.text
    past = officer.get(f"{page.url}history/p000")
    assert "Show all 30,002 characters" in past.text
    edit = officer.get(f"{page.url}edit")
    assert len(edit.html) < 3_000_000
    assert "more properties, which are not shown here" in edit.text


def test_a_form_with_very_many_indexes_names_the_first(
    session: Session, officer: PageClient, project: Project
):
    open_case(session, project.id, "p")
    index = {f"i{n:03}": ("t", "p") for n in range(150)}
    send(session, project.id, form(case_block("c-1", update={"a": "1"}, index=index)))
    page = officer.get(address_of(officer, project, "c-1"))
    assert "and 50 more indexes, which the form has" in page.text
    assert "i100" not in text_of(page, "history")
