"""What phones get and when, sentence by sentence (SPEC P1, P3–P7), as a phone sees it."""

from __future__ import annotations

import gzip

import pytest
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, send
from tests.sharing.phone import Phone, message_of
from tests.sharing.shared import group_of, phone_of, set_members
from tests.web.signing_in import basic
from webapp.cases.models import Case
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.dictionary.operations import add_case_type, set_case_type
from webapp.people.models import MobileWorker
from webapp.people.operations import set_worker
from webapp.people.sharing_models import Group
from webapp.projects.models import Project
from webapp.sharing.models import SyncLog
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import Submission
from webapp.submissions.receive import Sender


@pytest.fixture
def phone(client: FlaskClient, project: Project) -> Phone:
    return phone_of(client, project)


def office(
    session: Session, project: Project, case_id: str, *, create: str = "", **what: object
) -> str:
    """A form from elsewhere, and its id; `create` is the owner of a case that it opens."""
    instance_id = new_id()
    given = {"case_type": "patient", "case_name": f"Name of {case_id}", "owner_id": create}
    block = case_block(case_id, create=given if create else None, **what)
    send(session, project.id, form(block, instance_id=instance_id))
    return instance_id


def archived(session: Session, project: Project, instance_id: str) -> None:
    with write_transaction():
        archive(session, project.id, instance_id, by=factories.actor())


def restored(session: Session, project: Project, instance_id: str) -> None:
    with write_transaction():
        restore(session, project.id, instance_id, by=factories.actor())


# P3: the document.


def test_a_full_restore_has_the_worker_their_groups_and_their_cases(
    phone: Phone, session: Session, project: Project
):
    group = group_of(session, project, phone.worker)
    mine = phone.worker.user_id
    office(session, project, "house", create="nobody")
    office(
        session,
        project,
        "ann",
        create=mine,
        update={"age": "31", "note": "a < b & “c”\n d", "external_id": "E 7"},
        index={"parent": ("house", "house")},
        date_modified="2025-03-01T10:00:00.123456Z",
    )
    office(session, project, "claim", create=group.group_id)
    office(session, project, "strange", create="nobody")
    phone.sync()
    assert phone.registration["username"] == phone.worker.username
    assert phone.registration["uuid"] == mine
    assert len(phone.registration["date"]) == len("2026-01-31")
    assert phone.user_data["commcare_project"] == project.name
    assert phone.user_data["commcare_first_name"] == phone.worker.first_name
    assert phone.user_data["commcare_primary_case_sharing_id"] == group.group_id
    assert phone.owners == {mine, group.group_id}
    assert set(phone.cases) == {"house", "ann", "claim"}
    ann = phone.cases["ann"]
    assert (ann.type, ann.name, ann.owner) == ("patient", "Name of ann", mine)
    assert ann.properties == {
        "age": "31",
        "note": "a < b & “c”\n d",
        "date_opened": "2025-03-01",
        "external_id": "E 7",
    }
    assert ann.indices == {"parent": ("house", "house", "child")}


def test_the_fixture_of_the_owners_comes_also_when_it_is_empty(phone: Phone):
    phone.sync()
    assert (phone.owners, phone.cases) == ({phone.worker.user_id}, {})


def test_a_closed_parent_comes_closed(phone: Phone, session: Session, project: Project):
    office(session, project, "house", create="nobody", close=True)
    mine = phone.worker.user_id
    office(session, project, "ann", create=mine, index={"parent": ("house", "house")})
    phone.sync()
    assert {case_id: case.closed for case_id, case in phone.cases.items()} == {
        "house": True,
        "ann": False,
    }


def test_a_parent_that_nobody_owns_has_nobody_as_its_owner(
    phone: Phone, session: Session, project: Project
):
    nobody = Sender()
    house = case_block("house", create={"case_type": "house"}, user_id=None)
    send(session, project.id, form(house, user_id=None), sender=nobody)
    mine = phone.worker.user_id
    office(session, project, "ann", create=mine, index={"parent": ("house", "house")})
    phone.sync()
    assert phone.cases["house"].owner == "-"
    send(session, project.id, form(case_block("house", update={"x": "1"}), user_id=None))
    phone.sync()
    assert (phone.updated, phone.cases["house"].owner, phone.afresh) == (["house"], "-", 0)


def test_items_are_counted_when_that_is_asked_for(phone: Phone, session: Session, project: Project):
    office(session, project, "ann", create=phone.worker.user_id)
    plain, counted = (etree.fromstring(phone.ask(items=how).data) for how in ("", "true"))
    assert "items" not in plain.attrib
    assert counted.get("items") == str(len(counted)) == "5"


def test_what_no_element_can_be_called_is_left_out(
    phone: Phone, session: Session, project: Project
):
    office(session, project, "ann", create=phone.worker.user_id, update={"ok": "1"})
    with write_transaction():
        case = session.scalars(select(Case).where(Case.project_id == project.id)).one()
        case.properties = {
            "ok": "1",
            "a b": "2",
            "1st": "3",
            "<x>": "4",
            "": "5",
            "é": "6\x07\ufffe",
        }
    phone.sync()
    assert phone.cases["ann"].properties.items() >= {("ok", "1"), ("é", "6\ufffd\ufffd")}
    assert len(phone.cases["ann"].properties) == 3


def test_the_document_is_compressed_where_that_is_understood(
    phone: Phone, session: Session, project: Project
):
    office(session, project, "ann", create=phone.worker.user_id)
    answer = phone.client.get(
        f"/a/{project.name}/phone/restore/", headers={**phone.auth, "Accept-Encoding": "gzip"}
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    phone.take_in(gzip.decompress(answer.data))
    assert "ann" in phone.cases


# P1, P5, P6: the door.


@pytest.mark.parametrize("path", ["phone/restore/", "phone/restore", "phone/restore/0ab/"])
def test_every_address_answers_directly(phone: Phone, path: str):
    assert phone.ask(path, unknown="ignored").status_code == 200


def test_whoever_says_nothing_is_asked_for_basic(client: FlaskClient, project: Project):
    for headers in ({}, {"Authorization": "ApiKey a@b.example:c"}):
        answer = client.get(f"/a/{project.name}/phone/restore/", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert message_of(answer)[0] == "ota_restore_error"


def test_a_wrong_password_is_401(phone: Phone):
    phone.auth = basic(phone.worker.username, "wrong")
    assert phone.ask().status_code == 401


def test_the_name_may_have_the_project(phone: Phone, project: Project):
    name = f"{phone.worker.username}@{project.name}.commcarehq.org"
    phone.auth = basic(name, factories.PASSWORD)
    assert phone.ask().status_code == 200


def test_a_deactivated_worker_hears_so_in_json(phone: Phone, session: Session, project: Project):
    with write_transaction():
        worker = session.get_one(MobileWorker, phone.worker.id)
        set_worker(session, worker, active=False, by=factories.actor())
    answer = phone.ask()
    assert answer.status_code == 406
    assert answer.json["error"]
    assert "deactivated" in answer.json["default_response"]
    phone.auth = basic(phone.worker.username, "wrong")
    assert phone.ask().status_code == 401


def test_a_web_user_restores_as_a_worker_with_the_right_to(
    phone: Phone, session: Session, project: Project
):
    office(session, project, "ann", create=phone.worker.user_id)
    for role, status in (("editor", 200), ("viewer", 403)):
        phone.auth = basic(factories.web_user(project, role).email)
        assert phone.ask(**{"as": phone.worker.username}).status_code == status
    phone.auth = basic(factories.web_user(project, "editor").email)
    answer = phone.ask(**{"as": f"{phone.worker.username}@{project.name}.commcarehq.org"})
    phone.take_in(answer.data)
    assert "ann" in phone.cases
    phone.token = ""
    assert phone.ask().status_code == 400
    assert phone.ask(**{"as": "nobody"}).status_code == 404
    phone.auth = basic(factories.web_user().email)
    assert phone.ask(**{"as": phone.worker.username}).status_code == 404


def test_a_worker_restores_as_nobody_else(phone: Phone, project: Project):
    other = factories.mobile_worker(project)
    assert phone.ask(**{"as": other.username}).status_code == 403
    assert phone.ask(**{"as": phone.worker.username}).status_code == 200


@pytest.mark.parametrize("odd", ["ÿ" * 300, "'; --", "@", "@x.commcarehq.org"])
def test_odd_questions_are_answered(phone: Phone, project: Project, odd: str):
    assert phone.ask(since=odd).status_code == 412
    phone.sync()
    assert phone.ask(state=odd).status_code == 412
    assert phone.ask(items=odd).status_code == 200
    phone.auth = basic(factories.web_user(project, "editor").email)
    assert phone.ask(**{"as": odd}).status_code in {400, 404}


def test_another_worker_or_project_knows_nothing_of_a_token(
    phone: Phone, client: FlaskClient, project: Project
):
    phone.sync()
    other = phone_of(client, project)
    for token in (phone.token, "0" * 16, "f" * 16, "x", "7" * 300):
        other.token = token
        answer = other.ask()
        assert answer.status_code == 412
        assert message_of(answer)[0] == "ota_restore_error"


@pytest.mark.parametrize("state", ["ccsh:" + "0" * 31 + "1", "ccsh:", "nonsense"])
def test_a_wrong_hash_is_412(phone: Phone, session: Session, project: Project, state: str):
    office(session, project, "ann", create=phone.worker.user_id)
    phone.sync()
    assert phone.ask(state=state).status_code == 412
    assert phone.ask().status_code == 200
    assert phone.ask(state="").status_code == 200


def test_a_phone_without_cases_says_so_in_either_way(phone: Phone):
    phone.sync()
    for state in ("ccsh:", "ccsh:" + "0" * 32):
        assert phone.ask(state=state).status_code == 200
    assert phone.ask(state="ccsh:" + "0" * 31 + "1").status_code == 412


def test_to_look_whether_it_is_there_leaves_nothing(
    phone: Phone, session: Session, project: Project
):
    url = f"/a/{project.name}/phone/restore/"
    answer = phone.client.head(url, headers=phone.auth)
    assert (answer.status_code, answer.headers["X-OpenRosa-Version"]) == (200, "1.0")
    assert phone.client.head(url).status_code == 401
    assert phone.client.post(url, headers=phone.auth).status_code == 405
    assert session.scalar(select(SyncLog.id).where(SyncLog.project_id == project.id)) is None


# P4, P7: what has changed since.


@pytest.fixture
def ann(phone: Phone, session: Session, project: Project) -> str:
    """A case on the phone."""
    office(session, project, "ann", create=phone.worker.user_id, update={"age": "31", "x": "1"})
    phone.sync()
    assert phone.created == ["ann"]
    return "ann"


def test_nothing_has_changed(phone: Phone, ann: str):
    phone.sync()
    assert (phone.created, phone.updated, phone.afresh) == ([], [], 0)


def test_what_became_live_comes_in_full(phone: Phone, session: Session, project: Project, ann: str):
    office(session, project, "ben", create=phone.worker.user_id)
    phone.sync()
    assert (phone.created, phone.updated) == (["ben"], [])


def test_a_change_of_others_comes_once_without_create(
    phone: Phone, session: Session, project: Project, ann: str
):
    office(session, project, ann, update={"age": "32", "case_name": "Ann B"})
    phone.sync()
    assert (phone.created, phone.updated) == ([], [ann])
    assert (phone.cases[ann].name, phone.cases[ann].properties["age"]) == ("Ann B", "32")
    phone.sync()
    assert phone.updated == []


def test_its_own_changes_do_not_come_back(phone: Phone, ann: str):
    phone.does(ann, update={"age": "32"})
    phone.does("ben", create={"case_type": "patient", "case_name": "Ben"})
    phone.sync()
    assert (phone.created, phone.updated, phone.afresh) == ([], [], 0)
    assert set(phone.cases) == {ann, "ben"}


def test_a_case_that_others_changed_too_comes_back(
    phone: Phone, session: Session, project: Project, ann: str
):
    phone.does(ann, update={"age": "32"})
    office(session, project, ann, update={"x": "2"})
    phone.sync()
    assert phone.updated == [ann]
    assert phone.cases[ann].properties.items() >= {("age", "32"), ("x", "2")}


def test_the_same_worker_on_another_phone_is_another_phone(
    phone: Phone, client: FlaskClient, project: Project, ann: str
):
    other = phone_of(client, project, phone.worker).sync()
    other.does(ann, update={"age": "40"})
    phone.sync()
    assert (phone.updated, phone.cases[ann].properties["age"]) == ([ann], "40")
    other.sync()
    assert (other.updated, other.afresh) == ([], 0)


def test_an_archive_of_its_own_form_is_not_its_own(
    phone: Phone, session: Session, project: Project, ann: str
):
    phone.does(ann, update={"fever": "yes", "age": "50"})
    last = session.scalars(
        select(Submission.submission_id)
        .where(Submission.project_id == project.id)
        .order_by(Submission.received_on.desc())
    ).first()
    archived(session, project, last)
    phone.sync()
    assert phone.updated == [ann]
    assert phone.cases[ann].properties.items() >= {("fever", ""), ("age", "31")}
    restored(session, project, last)
    phone.sync()
    assert (phone.updated, phone.cases[ann].properties["fever"]) == ([ann], "yes")


def test_an_edit_is_nobodys_own(phone: Phone, session: Session, project: Project, ann: str):
    """Whoever sends it: it is made elsewhere, and the phone has what it did itself."""
    office(session, project, "ben", create=phone.worker.user_id)
    phone.sync()
    instance_id = new_id()
    phone.send(
        form(
            *(case_block(one, update={"fever": "yes"}) for one in (ann, "ben")),
            instance_id=instance_id,
        )
    )
    create = {"case_type": "patient", "case_name": "Cat", "owner_id": phone.worker.user_id}
    phone.send(
        form(
            case_block("ben", update={"fever": "no"}),
            case_block("cat", create=create),
            instance_id=instance_id,
        )
    )
    for case_id in (ann, "ben"):
        phone.cases[case_id].properties["fever"] = "yes"
    phone.sync()
    assert (phone.created, set(phone.updated), phone.afresh) == (["cat"], {ann, "ben"}, 0)
    assert [phone.cases[one].properties["fever"] for one in (ann, "ben")] == ["", "no"]


def test_what_is_gone_comes_as_empty_elements(
    phone: Phone, session: Session, project: Project, ann: str
):
    office(session, project, "house", create="nobody")
    last = office(
        session,
        project,
        ann,
        update={"fever": "yes", "external_id": "7"},
        index={"parent": ("house", "house")},
    )
    phone.sync()
    assert phone.cases[ann].indices == {"parent": ("house", "house", "child")}
    assert phone.created == ["house"]
    archived(session, project, last)
    phone.sync()
    assert phone.cases[ann].properties.items() >= {("fever", ""), ("external_id", "")}
    assert phone.cases[ann].indices == {}
    phone.purge()
    assert set(phone.cases) == {ann}


@pytest.mark.parametrize("how", ["closed", "given away", "deleted"])
def test_what_goes_is_sent_once_more_and_not_again(
    phone: Phone, session: Session, project: Project, ann: str, how: str
):
    if how == "closed":
        office(session, project, ann, close=True)
    elif how == "given away":
        office(session, project, ann, update={"owner_id": "nobody"})
    else:
        first = session.scalars(
            select(Submission.submission_id).where(Submission.project_id == project.id)
        ).one()
        archived(session, project, first)
    phone.sync()
    assert (phone.updated, set(phone.cases)) == ([ann], {ann})
    assert phone.cases[ann].closed is (how != "given away")
    for _ in range(2):
        phone.sync()
        assert (phone.updated, phone.created, set(phone.cases)) == ([], [], set())
    assert phone.afresh == 0


def test_what_was_dropped_and_is_live_again_comes_in_full(
    phone: Phone, session: Session, project: Project, ann: str
):
    away = office(session, project, ann, update={"owner_id": "nobody"})
    phone.sync().sync()
    assert phone.cases == {}
    archived(session, project, away)
    phone.sync()
    assert (phone.created, phone.afresh) == ([ann], 0)


def test_a_case_that_the_phone_closed_itself_comes_back_when_that_is_archived(
    phone: Phone, session: Session, project: Project, ann: str
):
    xml = phone.fill_in(ann, close=True)
    phone.send(xml)
    archived(session, project, etree.fromstring(xml).findtext(".//{*}instanceID"))
    phone.sync()
    # It had purged the case before it asked.
    assert (phone.created, phone.afresh) == ([ann], 0)
    assert not phone.cases[ann].closed


def test_a_closed_parent_that_was_reopened_wants_a_fresh_start(
    phone: Phone, session: Session, project: Project, ann: str
):
    office(session, project, "house", create="nobody")
    closing = office(session, project, "house", close=True)
    office(session, project, ann, index={"parent": ("house", "house")})
    phone.sync()
    assert phone.cases["house"].closed
    archived(session, project, closing)
    phone.sync()
    assert phone.afresh == 1
    assert not phone.cases["house"].closed


def test_a_deleted_parent_leaves_its_children_and_comes_back(
    phone: Phone, session: Session, project: Project, ann: str
):
    house = office(session, project, "house", create="nobody")
    office(session, project, ann, index={"parent": ("house", "house")})
    phone.sync()
    archived(session, project, house)
    phone.sync()
    assert set(phone.updated) == {"house", ann}
    assert (phone.cases["house"].closed, phone.cases[ann].indices) == (True, {})
    phone.sync()
    assert set(phone.cases) == {ann}
    restored(session, project, house)
    phone.sync()
    assert (phone.created, phone.updated) == (["house"], [ann])
    assert phone.cases[ann].indices == {"parent": ("house", "house", "child")}
    assert phone.afresh == 0


def test_a_group_that_is_left_takes_its_cases_without_a_word(
    phone: Phone, session: Session, project: Project, ann: str
):
    group = group_of(session, project, phone.worker)
    office(session, project, "ben", create=group.group_id)
    phone.sync()
    assert set(phone.cases) == {ann, "ben"}
    set_members(session, session.get_one(Group, group.id), [])
    phone.sync()
    assert (phone.updated, phone.owners) == ([], {phone.worker.user_id})
    phone.purge()
    assert set(phone.cases) == {ann}
    set_members(session, session.get_one(Group, group.id), [phone.worker])
    phone.sync()
    assert (phone.created, phone.afresh) == (["ben"], 0)


def test_a_form_between_sync_and_purge_still_counts(
    phone: Phone, session: Session, project: Project
):
    group = group_of(session, project, phone.worker)
    office(session, project, "ben", create=group.group_id)
    phone.sync()
    set_members(session, session.get_one(Group, group.id), [])
    phone.sync()
    # It is still there until the phone purges; the worker takes it over.
    phone.does("ben", update={"owner_id": phone.worker.user_id})
    phone.sync()
    assert (set(phone.cases), phone.updated, phone.afresh) == ({"ben"}, [], 0)


def test_a_form_that_could_not_be_applied_wants_a_fresh_start(
    phone: Phone, session: Session, project: Project, ann: str
):
    phone.does(ann, index={"parent": ("house", "nowhere", "child")})
    assert phone.ask().status_code == 412
    phone.sync()
    assert (phone.cases[ann].indices, phone.afresh) == ({}, 1)
    phone.sync()
    assert phone.afresh == 1


def test_a_lost_answer_is_the_same_when_it_is_asked_for_again(
    phone: Phone, session: Session, project: Project, ann: str
):
    office(session, project, ann, update={"age": "32"})
    office(session, project, "ben", create=phone.worker.user_id)
    lost, again = phone.ask(), phone.ask()
    assert lost.data == again.data
    office(session, project, "cat", create=phone.worker.user_id)
    phone.sync()
    assert (phone.created, phone.updated, phone.afresh) == (["ben", "cat"], [ann], 0)
    assert phone.sync().updated == []


def test_forms_of_a_phone_whose_answer_was_lost_are_its_own(
    phone: Phone, session: Session, project: Project, ann: str
):
    phone.ask()
    phone.does(ann, update={"age": "33"})
    phone.does("ben", create={"case_type": "patient", "case_name": "Ben"})
    phone.sync()
    assert (phone.created, phone.updated, phone.afresh) == ([], [], 0)


def test_a_form_that_came_after_the_answer_was_written_is_known(
    phone: Phone, session: Session, project: Project, ann: str
):
    answer = phone.ask()
    phone.does(ann, update={"age": "33"})
    phone.does("ben", create={"case_type": "patient", "case_name": "Ben"})
    phone.take_in(answer.data)
    phone.sync()
    assert (phone.updated, phone.created, phone.afresh) == ([ann, "ben"], [], 0)
    assert phone.cases[ann].properties["age"] == "33"


# C4: who owns a case may be decided here.


def test_the_opener_is_sent_once_whose_the_case_is_now(
    phone: Phone, session: Session, project: Project
):
    group = group_of(session, project, phone.worker)
    phone.sync()
    with write_transaction():
        for name, kind in (("visit", Sharing.SHARED), ("diary", Sharing.PRIVATE)):
            add_case_type(session, project.id, name, by=factories.actor())
            set_case_type(session, project.id, name, {"sharing": kind}, by=factories.actor())
    phone.does("v", create={"case_type": "visit", "case_name": "V"})
    phone.does("d", create={"case_type": "diary", "case_name": "D", "owner_id": group.group_id})
    phone.does(
        "e", create={"case_type": "diary", "case_name": "E", "owner_id": phone.worker.user_id}
    )
    phone.sync()
    assert (phone.created, set(phone.updated), phone.afresh) == ([], {"v", "d"}, 0)
    assert phone.cases["v"].owner == group.group_id
    assert phone.cases["d"].owner == phone.cases["e"].owner == phone.worker.user_id
    phone.sync()
    assert phone.updated == []
