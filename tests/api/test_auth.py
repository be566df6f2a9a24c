"""Who may send, and who may not (SPEC S2, I1, X1, X2)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.conftest import make_app
from tests.factories import PASSWORD, actor, mobile_worker, unique, web_user
from tests.factories import project as make_project
from tests.forms import form
from tests.web.signing_in import basic, signed_in
from webapp.database import write_transaction
from webapp.people.keys import create_key, revoke_key
from webapp.people.operations import add_member, set_web_user_active, set_worker
from webapp.projects.models import Project


def send(
    client: FlaskClient, project: Project | str, headers: dict[str, str], address: str = ""
) -> TestResponse:
    """Send a form."""
    name = project if isinstance(project, str) else project.name
    return client.post(
        f"/a/{name}/receiver/",
        data=form(),
        headers=headers,
        environ_overrides={"REMOTE_ADDR": address or "127.0.0.1"},
    )


def key_header(email: str, key: str, scheme: str = "ApiKey") -> dict[str, str]:
    return {"Authorization": f"{scheme} {email}:{key}"}


@pytest.mark.parametrize(
    "spelled",
    ["{name}", "{NAME}", "{name}@{project}.commcarehq.org", "{NAME}@{project}.CommCareHQ.org"],
)
def test_a_worker_may_write_their_name_as_apps_do(
    client: FlaskClient, project: Project, spelled: str
):
    name = mobile_worker(project).username
    typed = spelled.format(name=name, NAME=name.upper(), project=project.name)
    assert send(client, project, basic(typed)).status_code == 201


def test_a_worker_of_another_project_who_says_so_finds_no_project_here(
    client: FlaskClient, project: Project
):
    other = make_project()
    worker = mobile_worker(other)
    typed = f"{worker.username}@{other.name}.commcarehq.org"
    assert send(client, project, basic(typed)).status_code == 404
    assert send(client, project, basic(typed, "wrong")).status_code == 401


def test_workers_of_the_same_name_are_different_people(client: FlaskClient, project: Project):
    other = make_project()
    mobile_worker(project, "amina", password="here we are")
    mobile_worker(other, "amina", password="there we are")
    assert send(client, project, basic("amina", "here we are")).status_code == 201
    assert send(client, other, basic("amina", "here we are")).status_code == 401


def test_a_deactivated_worker_is_turned_away_though_their_password_is_remembered(
    client: FlaskClient, session: Session, project: Project
):
    worker = mobile_worker(project)
    assert send(client, project, basic(worker.username)).status_code == 201
    with write_transaction():
        set_worker(session, worker, active=False, by=actor())
    answer = send(client, project, basic(worker.username))
    assert answer.status_code == 401
    assert 'Basic realm="Casekeeper"' in answer.headers["WWW-Authenticate"]
    # The truth is for those who know the password; others do not learn that there is an account.
    assert "This account is deactivated." in answer.text
    guesses = [send(client, project, basic(worker.username, "wrong"))]
    guesses.append(send(client, project, basic("nobody", "wrong")))
    assert guesses[0].data == guesses[1].data
    assert "The name or the password is not right." in guesses[0].text


def test_a_new_password_counts_at_once(client: FlaskClient, session: Session, project: Project):
    worker = mobile_worker(project)
    assert send(client, project, basic(worker.username)).status_code == 201
    with write_transaction():
        set_worker(session, worker, password="another one", by=actor())
    assert send(client, project, basic(worker.username)).status_code == 401
    assert send(client, project, basic(worker.username, "another one")).status_code == 201


def test_a_password_may_have_any_characters(client: FlaskClient, project: Project):
    worker = mobile_worker(project, password="a:b:ñ пароль")
    assert send(client, project, basic(worker.username, "a:b:ñ пароль")).status_code == 201
    decomposed = "a:b:n\u0303 пароль"
    assert send(client, project, basic(worker.username, decomposed)).status_code == 201


def test_a_web_user_needs_the_right_to_edit(client: FlaskClient, project: Project):
    assert send(client, project, basic(web_user(project, "editor").email)).status_code == 201
    answer = send(client, project, basic(web_user(project, "viewer").email))
    assert answer.status_code == 403
    assert "“Edit data”" in answer.text
    assert "OpenRosaResponse" in answer.text


@pytest.mark.parametrize("scheme", ["ApiKey", "apikey", "APIKEY"])
def test_a_key_stands_for_its_user(
    client: FlaskClient, session: Session, project: Project, scheme: str
):
    amina = web_user(project, "editor")
    with write_transaction():
        key, row = create_key(session, amina, by=actor())
    good = key_header(amina.email, key, scheme)
    assert send(client, project, good).status_code == 201
    assert key not in row.key_hash
    for wrong in (
        key_header(amina.email, key + "x", scheme),
        key_header(web_user(project).email, key, scheme),
        key_header(amina.email, "", scheme),
        {"Authorization": f"{scheme} {key}"},
        {"Authorization": scheme},
        basic(amina.email, key),
    ):
        assert send(client, project, wrong).status_code == 401
    with write_transaction():
        revoke_key(session, row, by=actor())
    assert send(client, project, good).status_code == 401


def test_a_key_does_no_more_than_it_is_for(client: FlaskClient, session: Session, project: Project):
    other = make_project()
    amina = web_user(project, "admin")
    with write_transaction():
        add_member(session, other, amina, "admin", by=actor())
        reading, _ = create_key(session, amina, read_only=True, by=actor())
        here, _ = create_key(session, amina, project=project, by=actor())
    answer = send(client, project, key_header(amina.email, reading))
    assert answer.status_code == 403
    assert "this key can only read" in answer.text
    assert send(client, project, key_header(amina.email, here)).status_code == 201
    assert send(client, other, key_header(amina.email, here)).status_code == 404
    with write_transaction():
        set_web_user_active(session, amina, False, by=actor())
    assert send(client, project, key_header(amina.email, here)).status_code == 401


def test_a_key_needs_the_right_to_use_apis(client: FlaskClient, session: Session, project: Project):
    viewer = web_user(project, "viewer")
    with write_transaction():
        key, _ = create_key(session, viewer, by=actor())
    answer = send(client, project, key_header(viewer.email, key))
    assert answer.status_code == 403
    assert "“API access”" in answer.text


def test_a_project_that_is_not_there_is_told_only_to_those_who_proved_who_they_are(
    client: FlaskClient, project: Project
):
    member = web_user(project)
    assert send(client, "no-such", {}).status_code == 401
    assert send(client, "no-such", basic(member.email, "wrong")).status_code == 401
    assert send(client, "no-such", basic(member.email)).status_code == 404
    assert send(client, make_project(), basic(member.email)).status_code == 404


def test_wrong_credentials_are_refused_also_where_none_are_needed(
    client: FlaskClient, session: Session
):
    open_to_all = make_project(anonymous_submissions=True)
    assert send(client, open_to_all, {}).status_code == 201
    assert send(client, open_to_all, basic("nobody", "wrong")).status_code == 401


def test_the_session_of_the_web_site_opens_no_api(app: Flask, session: Session, project: Project):
    browser = signed_in(app, web_user(project)).client
    answer = send(browser, project, {})
    assert answer.status_code == 401
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"a\0b:c").decode(),
        "Basic " + base64.b64encode(b"a@b.org\0:c").decode(),
        "Basic " + base64.b64encode(b"amina:" + b"x" * 100_000).decode(),
        "Basic " + base64.b64encode(("x" * 2000 + ":x").encode()).decode(),
        "ApiKey \xed\xa0\x80:x",
        "ApiKey a\x80:x",
        "Digest username=a",
        "Bearer abc",
        "x",
    ],
)
def test_credentials_that_cannot_be_read_are_challenged(
    client: FlaskClient, project: Project, header: str
):
    answer = send(client, project, {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_too_many_failures_make_wait_whoever_was_right_before(tmp_path: Path):
    app = make_app(tmp_path, "")
    client = app.test_client()
    with app.app_context():
        project = make_project()
        name, known, other = project.name, mobile_worker(project), mobile_worker(project)
        known_name, other_name = known.username, other.username
    assert send(client, name, basic(known_name), "10.0.0.1").status_code == 201
    for _ in range(10):
        assert send(client, name, basic(known_name, "wrong"), "10.0.0.1").status_code == 401
    answer = send(client, name, basic(known_name, "guess"), "10.0.0.1")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert "OpenRosaResponse" in answer.text
    # The right password too: else it could be told from the wrong ones by being let in.
    assert send(client, name, basic(known_name), "10.0.0.1").status_code == 429
    assert send(client, name, basic(known_name), "10.0.0.2").status_code == 201
    # Others behind the same address too, until there were many.
    assert send(client, name, basic(other_name), "10.0.0.1").status_code == 201
    for number in range(90):
        nobody = basic(f"nobody-{number}", PASSWORD)
        assert send(client, name, nobody, "10.0.0.1").status_code == 401
    assert send(client, name, basic(unique("x")), "10.0.0.1").status_code == 429
    assert send(client, name, basic(unique("x")), "10.0.0.2").status_code == 401
