"""The receiver over HTTP (SPEC S1, S2, S4, S5)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form, new_id
from tests.web.signing_in import basic
from webapp.api import auth, openrosa
from webapp.cases.models import Case
from webapp.projects.models import Project
from webapp.submissions.attachments import path_of
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import attachments_of, content_of

RESPONSE = "{http://openrosa.org/http/response}"
PATHS = (
    "receiver/",
    "receiver",
    "receiver/0123abcd/",
    "receiver/0123abcd",
    "receiver/secure/",
    "receiver/secure/0123abcd/",
    "receiver/api/",
    "receiver/submission",
)


class Phone:
    """A mobile worker's app."""

    def __init__(self, client: FlaskClient, project: Project) -> None:
        self.client = client
        self.project = project
        self.worker = factories.mobile_worker(project)
        self.auth = basic(self.worker.username, factories.PASSWORD)

    def url(self, path: str = "receiver/") -> str:
        return f"/a/{self.project.name}/{path}"

    def post(self, body: Any, path: str = "receiver/", **headers: str) -> TestResponse:
        kind = headers.pop("content_type", "text/xml")
        return self.client.post(
            self.url(path), data=body, content_type=kind, headers={**self.auth, **headers}
        )

    def multipart(self, xml: bytes, **files: tuple[bytes, str]) -> TestResponse:
        parts: dict[str, Any] = {"xml_submission_file": (io.BytesIO(xml), "form.xml")}
        for name, (content, filename) in files.items():
            parts[name] = (io.BytesIO(content), filename)
        response = self.client.post(self.url(), data=parts, headers=self.auth)
        response.request.environ["wsgi.input"].close()  # the test client's own temporary file
        return response


@pytest.fixture
def phone(client: FlaskClient, project: Project) -> Phone:
    return Phone(client, project)


def nature(response: TestResponse) -> str:
    assert response.mimetype == "text/xml"
    root = etree.fromstring(response.data)
    assert root.tag == f"{RESPONSE}OpenRosaResponse"
    return str(root.find(f"{RESPONSE}message").get("nature"))


def sentence(response: TestResponse) -> str:
    return str(etree.fromstring(response.data).findtext(f"{RESPONSE}message"))


def submissions(session: Session, project: Project) -> list[Submission]:
    return list(
        session.scalars(
            select(Submission).where(Submission.project_id == project.id).order_by(Submission.id)
        )
    )


@pytest.mark.parametrize("path", PATHS)
def test_every_address_takes_a_form_directly(
    phone: Phone, session: Session, project: Project, path: str
):
    response = phone.post(form(case_block("a", update={"x": "1"})), path)
    assert response.status_code == 201
    assert nature(response) == "submit_success"
    (row,) = submissions(session, project)
    assert row.app_id == ("0123abcd" if "0123abcd" in path else "")


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_204_with_version_and_location(phone: Phone, path: str):
    response = phone.client.head(phone.url(path), headers=phone.auth)
    assert response.status_code == 204
    assert response.headers["X-OpenRosa-Version"]
    assert response.headers["Location"].endswith(phone.url(path))


def test_get_is_not_offered(phone: Phone):
    assert phone.client.get(phone.url(), headers=phone.auth).status_code == 405


@pytest.mark.parametrize(
    "content_type",
    ["text/xml", "application/x-www-form-urlencoded", "text/html", "", "multipart/form-data"],
)
def test_the_raw_body_is_the_form_whatever_its_content_type_says(phone: Phone, content_type: str):
    response = phone.post(form(case_block("a", create={})), content_type=content_type)
    assert (response.status_code, nature(response)) == (201, "submit_success")


def test_multipart_keeps_the_form_and_its_attachments(
    app: Flask, phone: Phone, session: Session, project: Project
):
    photo = b"\xff\xd8\xff" + bytes(700_000)
    xml = form(case_block("a", create={}))
    response = phone.multipart(xml, photo=(photo, "face.jpg"), sound=(b"", "note.amr"))
    assert response.status_code == 201
    (row,) = submissions(session, project)
    assert content_of(session, row) == xml
    kept = {one.name: one for one in attachments_of(session, row)}
    assert set(kept) == {"face.jpg", "note.amr"}
    assert kept["face.jpg"].size == len(photo)
    folder = app.extensions["settings"].attachments
    assert path_of(folder, kept["face.jpg"].sha256).read_bytes() == photo


def test_the_form_may_be_a_field_without_a_file_name(phone: Phone):
    response = phone.client.post(
        phone.url(),
        data={"xml_submission_file": form(case_block("a", create={})).decode()},
        headers=phone.auth,
        content_type="multipart/form-data",
    )
    assert (response.status_code, nature(response)) == (201, "submit_success")


#: "é" as a form in Latin-1 has it: no UTF-8.
LATIN = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?><data xmlns="http://openrosa.org/x">'
    b"<note>caf\xe9</note></data>"
)


def multipart_body(*parts: tuple[str, bytes], end: bytes = b"--b--\r\n") -> bytes:
    """A body with the boundary "b"; each part is the rest of its disposition, and its content."""
    return (
        b"".join(
            b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (says.encode(), content)
            for says, content in parts
        )
        + end
    )


def test_a_form_without_a_file_name_keeps_its_bytes(
    phone: Phone, session: Session, project: Project
):
    body = multipart_body(('name="xml_submission_file"', LATIN))
    response = phone.post(body, content_type="multipart/form-data; boundary=b")
    assert (response.status_code, nature(response)) == (201, "submit_success")
    (row,) = submissions(session, project)
    assert content_of(session, row) == LATIN


def test_a_part_without_a_file_name_is_an_attachment_under_its_field(
    app: Flask, phone: Phone, session: Session, project: Project
):
    body = multipart_body(
        ('name="xml_submission_file"; filename="form.xml"', form(case_block("a", create={}))),
        ('name="signature"', b"\xff\x00\xfe"),
        ("x=y", b"nameless"),
    )
    response = phone.post(body, content_type="multipart/form-data; boundary=b")
    assert response.status_code == 201
    (row,) = submissions(session, project)
    folder = app.extensions["settings"].attachments
    kept = {
        one.name: path_of(folder, one.sha256).read_bytes() for one in attachments_of(session, row)
    }
    assert kept == {"signature": b"\xff\x00\xfe", "unnamed": b"nameless"}


#: What has no boundary that could be read, and what has no parts.
NO_PARTS = (
    ("multipart/form-data; boundary=\xe9", multipart_body(("name=x", b"y"))),
    ("multipart/form-data; boundary=b", b""),
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        *NO_PARTS,
        ("multipart/form-data; boundary=other", multipart_body(("name=x", b"y"))),
        ("multipart/form-data; boundary=b", multipart_body(("name=x", b"y"), end=b"")),
        ("multipart/form-data; boundary=b", b"--b\r\n\xff: x\r\n\r\ny\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nX: no disposition\r\n\r\ny\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", form(case_block("a", create={})) + b"--c"),
    ],
)
def test_a_multipart_body_that_cannot_be_taken_apart_is_kept_as_it_came(
    phone: Phone, session: Session, project: Project, content_type: str, body: bytes
):
    response = phone.post(body, content_type=content_type)
    assert (response.status_code, nature(response)) == (422, "processing_failure")
    if (content_type, body) not in NO_PARTS:
        assert "The multipart body cannot be taken apart" in sentence(response)
    (row,) = submissions(session, project)
    assert (row.state, content_of(session, row)) == (State.UNPARSED, body)


def test_a_form_whose_type_is_not_right_is_still_a_form(phone: Phone):
    response = phone.post(
        form(case_block("a", create={})), content_type="multipart/form-data; boundary=b"
    )
    assert (response.status_code, nature(response)) == (201, "submit_success")


def test_a_part_that_says_too_much_is_named(phone: Phone, session: Session, project: Project):
    body = multipart_body((f"name={'x' * 16_000}", b"y"))
    response = phone.post(body, content_type="multipart/form-data; boundary=b")
    assert (response.status_code, nature(response)) == (422, "processing_failure")
    assert "headers of a part are longer than 16,000 bytes" in sentence(response)
    (row,) = submissions(session, project)
    assert (row.state, content_of(session, row)) == (State.UNPARSED, body)


def test_too_many_parts_are_refused(phone: Phone, session: Session, project: Project):
    body = multipart_body(*(("name=x", b"y") for _ in range(1_001)))
    response = phone.post(body, content_type="multipart/form-data; boundary=b")
    assert (response.status_code, nature(response)) == (413, "processing_failure")
    assert submissions(session, project) == []


def test_multipart_without_the_form_is_kept_and_refused(
    phone: Phone, session: Session, project: Project
):
    response = phone.client.post(
        phone.url(), data={"photo": (io.BytesIO(b"x"), "a.jpg")}, headers=phone.auth
    )
    assert (response.status_code, nature(response)) == (422, "processing_failure")
    assert "no part “xml_submission_file”" in sentence(response)
    (row,) = submissions(session, project)
    assert row.state == State.UNPARSED
    assert [one.name for one in attachments_of(session, row)] == ["a.jpg"]


class TestTheAnswers:
    """The table of S4, with and without `X-OpenRosa-Version: 3.0`."""

    bad = case_block("a", index={"parent": ("x", "nobody")})

    @pytest.mark.parametrize("version", ["", "2.0", "3.0"])
    def test_processed_and_duplicate(self, phone: Phone, version: str):
        xml = form(case_block("a", create={}))
        for _ in range(2):
            response = phone.post(xml, **{"X-OpenRosa-Version": version})
            assert (response.status_code, nature(response)) == (201, "submit_success")

    def test_could_not_be_applied(self, phone: Phone):
        response = phone.post(form(self.bad))
        assert (response.status_code, nature(response)) == (201, "submit_error")
        assert "nobody" in sentence(response)

    def test_could_not_be_applied_for_version_3(self, phone: Phone):
        response = phone.post(form(self.bad), **{"X-OpenRosa-Version": "3.0"})
        assert (response.status_code, nature(response)) == (422, "processing_failure")
        assert "nobody" in sentence(response)

    @pytest.mark.parametrize("version", ["", "3.0"])
    @pytest.mark.parametrize("body", [b"", b"no xml", b"<data/>", b"\0", b"<a xmlns='x'"])
    def test_no_form(
        self, phone: Phone, session: Session, project: Project, body: bytes, version: str
    ):
        response = phone.post(body, **{"X-OpenRosa-Version": version})
        assert (response.status_code, nature(response)) == (422, "processing_failure")
        (row,) = submissions(session, project)
        assert (row.state, content_of(session, row)) == (State.UNPARSED, body)

    @pytest.mark.parametrize("version", ["", "3.0"])
    def test_credentials(self, phone: Phone, version: str):
        for headers in ({}, basic(phone.worker.username, "wrong"), {"Authorization": "Basic ?"}):
            response = phone.client.post(
                phone.url(),
                data=form(),
                headers={**headers, "X-OpenRosa-Version": version},
            )
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith("Basic ")
            assert response.headers["X-OpenRosa-Version"]

    def test_a_lacking_right_is_named(self, phone: Phone, project: Project):
        viewer = factories.web_user(project, "viewer")
        response = phone.client.post(
            phone.url(), data=form(), headers=basic(viewer.email, factories.PASSWORD)
        )
        assert response.status_code == 403
        assert "Edit data" in sentence(response)

    @pytest.mark.parametrize("multipart", [False, True])
    def test_too_large(self, phone: Phone, session: Session, project: Project, multipart: bool):
        xml = form(questions=f"<note>{'x' * 10_000_000}</note>")
        response = phone.multipart(xml) if multipart else phone.post(xml)
        assert response.status_code == 413
        assert "10,000,000 bytes" in sentence(response)
        assert "CASEKEEPER_MAX_XML" in sentence(response)
        assert submissions(session, project) == []

    @pytest.mark.parametrize("kind", ["text/xml", "multipart/form-data; boundary=x"])
    @pytest.mark.parametrize("size", [20_000_000, 60_000_000])
    def test_what_is_too_large_may_be_sent_to_its_end(self, phone: Phone, kind: str, size: int):
        """Else a phone sees a broken connection in place of the answer, and tries again."""
        if "multipart" in kind and size < 50_000_000:
            return  # it may be
        body = io.BytesIO(b"a" * size)
        response = phone.client.post(
            phone.url(),
            input_stream=body,
            content_length=size,
            content_type=kind,
            headers=phone.auth,
        )
        assert response.status_code == 413
        assert body.tell() == size

    def test_a_database_that_fails_is_503_and_never_a_success(
        self, phone: Phone, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        def fails(*_: object, **__: object) -> None:
            raise OperationalError("INSERT", {}, Exception("database is locked"))

        monkeypatch.setattr(openrosa, "receive", fails)
        response = phone.post(form())
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        monkeypatch.undo()
        assert submissions(session, project) == []


def test_a_web_user_with_the_right_may_submit(phone: Phone, session: Session, project: Project):
    editor = factories.web_user(project, "editor")
    xml = form(case_block("a", user_id=None), user_id=None)
    response = phone.client.post(
        phone.url(), data=xml, headers=basic(editor.email, factories.PASSWORD)
    )
    assert response.status_code == 201
    (row,) = submissions(session, project)
    assert (row.user_id, row.username, row.sent_by) == (
        editor.user_id,
        editor.email,
        editor.email,
    )


def test_a_worker_of_another_project_is_nobody_here(client: FlaskClient, project: Project):
    stranger = factories.mobile_worker(factories.project())
    response = client.post(
        f"/a/{project.name}/receiver/",
        data=form(),
        headers=basic(stranger.username, factories.PASSWORD),
    )
    assert response.status_code == 401


def test_anonymous_forms_are_taken_up_to_the_quota(client: FlaskClient, session: Session):
    project = factories.project(anonymous_submissions=True, anonymous_quota=2)
    url = f"/a/{project.name}/receiver/"
    answers = [client.post(url, data=form(user_id=None)).status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    assert [row.sent_by for row in submissions(session, project)] == ["", ""]


def test_credentials_are_checked_before_the_body_is_read(
    app: Flask, project: Project, monkeypatch: pytest.MonkeyPatch
):
    """What is left of it comes then, for the answer to be heard, and nobody looks at it."""
    happened: list[str] = []
    allowed = auth.anonymous_allowed

    class Body(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            happened.append("read")
            return super().read(*size)

    def look(*who: Any, **how: Any) -> int | None:
        happened.append("looked")
        return allowed(*who, **how)

    monkeypatch.setattr(auth, "anonymous_allowed", look)
    response = app.test_client().post(
        f"/a/{project.name}/receiver/", input_stream=Body(b"x" * 1000), content_length=1000
    )
    assert response.status_code == 401
    assert happened == ["looked", "read"]


def test_the_same_form_from_many_phones_at_once_is_processed_once(
    app: Flask, session: Session, project: Project
):
    from concurrent.futures import ThreadPoolExecutor

    worker = factories.mobile_worker(project)
    url, xml = f"/a/{project.name}/receiver/", form(case_block("a", create={}), instance_id="one")
    headers = basic(worker.username, factories.PASSWORD)
    session.rollback()

    def post(_: int) -> int:
        return app.test_client().post(url, data=xml, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(post, range(24))) == {201}
    session.rollback()
    states = [row.state for row in submissions(session, project)]
    assert states.count(State.NORMAL) == 1 and states.count(State.DUPLICATE) == 23


def test_many_phones_at_once_change_the_same_cases_and_nothing_is_lost(
    app: Flask, session: Session, project: Project
):
    from concurrent.futures import ThreadPoolExecutor

    worker = factories.mobile_worker(project)
    url = f"/a/{project.name}/receiver/"
    headers = basic(worker.username, factories.PASSWORD)
    session.rollback()

    def post(number: int) -> int:
        names = ["a", "b", "c"] if number % 2 else ["c", "b", "new-" + new_id()]
        blocks = [case_block(name, update={f"p{number}": "1"}) for name in names]
        return app.test_client().post(url, data=form(*blocks), headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(post, range(40))) == {201}
    session.rollback()
    case = session.scalars(
        select(Case).where(Case.project_id == project.id, Case.case_id == "b")
    ).one()
    assert len(case.properties) == 40


def test_a_smaller_limit_is_a_setting(database_url: str, tmp_path_factory: pytest.TempPathFactory):
    if database_url:
        return  # once is enough: it has nothing to do with the database
    app = make_app(tmp_path_factory.mktemp("small"), "", max_xml=1000, max_request=2000)
    with app.app_context():
        project = factories.project()
        worker = factories.mobile_worker(project)
        headers = basic(worker.username, factories.PASSWORD)
        name = project.name
    url = f"/a/{name}/receiver/"
    many = {"photo": (io.BytesIO(b"x" * 2001), "a.jpg")}
    response = app.test_client().post(url, data=many, headers=headers)
    assert response.status_code == 413
    assert "2,000 bytes" in sentence(response)
    assert "CASEKEEPER_MAX_REQUEST" in sentence(response)
    for body in (b"x" * 1001, b"x" * 2001):
        response = app.test_client().post(url, data=body, headers=headers)
        assert response.status_code == 413
        assert nature(response) == "processing_failure"
